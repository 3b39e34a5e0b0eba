"""Confirmations over JSON: sent, answered, matched, read."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.confirmations import queries
from service.confirmations.lifecycle import ConfirmationState
from service.confirmations.use_cases import (
    DispatchConfirmation,
    Fields,
    MatchConfirmation,
    RecordCounter,
    dispatch_confirmation,
    match_confirmation,
    record_counter,
)
from service.faces import Allows, IdempotencyKey, Seen, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class CounterSide(Seen, frozen=True, forbid_unknown_fields=True):
    """What the counterparty says, in our fields and from our point of view."""

    fields: Fields


class ConfirmationApi(Controller):
    """What we say about a deal, and what the counterparty says."""

    path = "/api/confirmations"
    tags = ("confirmations",)

    @get(guards=[Allows(Action.CONFIRMATION_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: Annotated[ConfirmationState | None, QueryParameter(name="state")] = None,
        trade: FromQuery[UUID | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List confirmations, oldest first, from behind the cursor."""
        return await queries.confirmations(reads, state_, trade, limit, cursor)

    @get("/{confirmation_id:uuid}", guards=[Allows(Action.CONFIRMATION_READ)])
    async def show(
        self, reads: NamedDependency[AsyncSession], confirmation_id: FromPath[UUID]
    ) -> dict[str, Any]:
        """Show both sides and the breaks between them."""
        return await queries.confirmation_view(reads, confirmation_id)

    @post("/{confirmation_id:uuid}/dispatch", guards=[Allows(Action.CONFIRMATION_DISPATCH)], status_code=200)
    async def dispatch(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Send our side."""
        command = DispatchConfirmation(confirmation_id=confirmation_id, version=data.version)
        return answer(await gate.perform(actor, dispatch_confirmation, command, key=checked_key(key)))

    @post("/{confirmation_id:uuid}/counter", guards=[Allows(Action.CONFIRMATION_COUNTER)], status_code=200)
    async def counter(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[CounterSide],
    ) -> Response[Any]:
        """Record their side, field by field and from our point of view.

        The fields are those of `ours`: `our_lei`, `their_lei`, `trade_date`, `value_date`, `buy_currency`,
        `buy_amount`, `sell_currency`, `sell_amount`, `rate`, `reference`. `buy` is what *we* receive: where the
        counterparty's message says that they sell EUR to us, `buy_currency` is EUR. A later record replaces
        an earlier one; the log keeps both.
        """
        command = RecordCounter(confirmation_id=confirmation_id, version=data.version, fields=data.fields)
        return answer(await gate.perform(actor, record_counter, command, key=checked_key(key)))

    @post("/{confirmation_id:uuid}/match", guards=[Allows(Action.CONFIRMATION_MATCH)], status_code=200)
    async def match(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Compare both sides; the answer is `matched`, or `mismatched` with every break."""
        command = MatchConfirmation(confirmation_id=confirmation_id, version=data.version)
        return answer(await gate.perform(actor, match_confirmation, command, key=checked_key(key)))


ROUTES = [ConfirmationApi]
