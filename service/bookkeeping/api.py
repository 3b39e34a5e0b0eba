"""The books over JSON: posted, reversed, read, proved."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.bookkeeping import queries
from service.bookkeeping.clearing import clearing
from service.bookkeeping.use_cases import Event, PostJournal, ReverseJournals, post_journal, reverse_journals
from service.faces import Allows, IdempotencyKey, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.paging import Order
from service.settlement.ageing import Bucket

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class Posting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be booked: a deal on its trade date, or one settled leg of it."""

    event: Event
    trade: UUID
    settlement: UUID | None = None


class Reversal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cancelled deal whose journals are to be mirrored."""

    trade: UUID


class JournalApi(Controller):
    """Journals: booked once, reversed, never changed."""

    path = "/api/journals"
    tags = ("books",)

    @get(guards=[Allows(Action.JOURNAL_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        trade: FromQuery[UUID | None] = None,
        sort: FromQuery[Order] = Order.OLDEST,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List journals with their lines, oldest first or newest first, from behind the cursor. Debits are positive."""
        return await queries.journals(reads, trade, limit, cursor, sort)

    @post(guards=[Allows(Action.JOURNAL_POST)])
    async def book(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[Posting],
    ) -> Response[Any]:
        """Book a verified deal or a settled leg by the rule in force."""
        command = PostJournal(event=data.event, trade_id=data.trade, settlement_id=data.settlement)
        return answer(await gate.perform(actor, post_journal, command, key=checked_key(key)))

    @post("/reversal", guards=[Allows(Action.JOURNAL_REVERSE)])
    async def reverse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[Reversal],
    ) -> Response[Any]:
        """Mirror every journal of a cancelled deal."""
        command = ReverseJournals(trade_id=data.trade)
        return answer(await gate.perform(actor, reverse_journals, command, key=checked_key(key)))


class BalanceApi(Controller):
    """The trial balance."""

    path = "/api/balances"
    tags = ("books",)

    @get(guards=[Allows(Action.BALANCE_READ)])
    async def index(
        self, reads: NamedDependency[AsyncSession], as_of: FromQuery[date | None] = None
    ) -> dict[str, Any]:
        """Show every account and currency as of a business date, and the sums that must be zero."""
        return await queries.trial_balance(reads, as_of)

    @get("/clearing", guards=[Allows(Action.BALANCE_READ)])
    async def clearing(
        self, reads: NamedDependency[AsyncSession], age: FromQuery[Bucket | None] = None, limit: Limit = 50
    ) -> dict[str, Any]:
        """List what is open on the clearing accounts by deal, the oldest first, with its age in business days."""
        return await clearing(reads, age=age, limit=limit)


ROUTES = [JournalApi, BalanceApi]
