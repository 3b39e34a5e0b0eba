"""The caller's queue over JSON: seen, taken into hands, handed over."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service.faces import Allows, IdempotencyKey, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.kernel.working_hours import Age
from service.work import queries
from service.work.queries import Wanted, Where
from service.work.use_cases import (
    AcceptHandover,
    AnswerEscalation,
    LeadEscalation,
    LeaveWork,
    OfferHandover,
    ReturnHandover,
    TakeWork,
    accept_handover,
    answer_escalation,
    lead_escalation,
    leave_work,
    offer_handover,
    return_handover,
    take_work,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
Owner = Annotated[str | None, QueryParameter(max_length=64)]
Currency = Annotated[str | None, QueryParameter(pattern=r"\A[A-Z]{3}\Z")]


class Offered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom an item is offered to, and why."""

    to: Office
    reason: Reason


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found or done."""

    reason: Reason


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty body."""


class WorkApi(Controller):
    """What waits for the caller's office."""

    path = "/api/work"
    tags = ("work",)

    @get(guards=[Allows(Action.WORK_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        kind: FromQuery[Item | None] = None,
        place: FromQuery[Where] = Where.HERE,
        age: FromQuery[Age | None] = None,
        owner: Owner = None,
        overdue: FromQuery[bool | None] = None,
        due_soon: FromQuery[bool] = False,  # noqa: FBT002 - a query parameter
        currency: Currency = None,
        counterparty: FromQuery[UUID | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List open items by deadline, each with its age, who can act on it, and why not the caller.

        ``due_soon``: only what is due within an hour; with ``overdue=true``, what is overdue besides.
        """
        wanted = Wanted(kind, place, age, owner, overdue, due_soon, currency, counterparty)
        return await queries.open_items(
            reads, actor, gate.policy, gate.clock.now(), wanted=wanted, after=place_of(cursor), limit=limit
        )

    @get("/{item:uuid}", guards=[Allows(Action.WORK_READ)])
    async def one(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        item: FromPath[UUID],
    ) -> dict[str, Any]:
        """Show one open item that is with the caller's office, offered to it, or away from it."""
        return await queries.open_item(reads, actor, gate.policy, gate.clock.now(), item)

    @post("/{item:uuid}/hold", guards=[Allows(Action.WORK_TAKE)], status_code=200)
    async def take(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        item: FromPath[UUID],
        data: JSONBody[Nothing],
    ) -> Response[Any]:
        """Take an item: for a quarter of an hour nobody else does it."""
        assert data is not None
        return answer(await gate.perform(actor, take_work, TakeWork(item_id=item), key=checked_key(key)))

    @post("/{item:uuid}/putting-back", guards=[Allows(Action.WORK_LEAVE)], status_code=200)
    async def leave(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        item: FromPath[UUID],
        data: JSONBody[Nothing],
    ) -> Response[Any]:
        """Put an item back."""
        assert data is not None
        return answer(await gate.perform(actor, leave_work, LeaveWork(item_id=item), key=checked_key(key)))

    @post("/{item:uuid}/offer", guards=[Allows(Action.HANDOVER_OFFER)], status_code=200)
    async def offer(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        item: FromPath[UUID],
        data: JSONBody[Offered],
    ) -> Response[Any]:
        """Offer an item to another office outside trading."""
        command = OfferHandover(item_id=item, to=data.to, reason=data.reason)
        return answer(await gate.perform(actor, offer_handover, command, key=checked_key(key)))

    @post("/{item:uuid}/acceptance", guards=[Allows(Action.HANDOVER_ACCEPT)], status_code=200)
    async def accept(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        item: FromPath[UUID],
        data: JSONBody[Nothing],
    ) -> Response[Any]:
        """Take over an item that another office offered."""
        assert data is not None
        command = AcceptHandover(item_id=item)
        return answer(await gate.perform(actor, accept_handover, command, key=checked_key(key)))

    @post("/{item:uuid}/return", guards=[Allows(Action.HANDOVER_RETURN)], status_code=200)
    async def give_back(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        item: FromPath[UUID],
        data: JSONBody[Said],
    ) -> Response[Any]:
        """Give an item back with what was found, turn an offer down, or take the own offer back."""
        command = ReturnHandover(item_id=item, reason=data.reason)
        return answer(await gate.perform(actor, return_handover, command, key=checked_key(key)))

    @post("/{item:uuid}/answer", guards=[Allows(Action.ESCALATION_ANSWER)], status_code=200)
    async def reply(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        item: FromPath[UUID],
        data: JSONBody[Said],
    ) -> Response[Any]:
        """Say what was done about an item that climbed to the caller's office."""
        command = AnswerEscalation(item_id=item, reason=data.reason)
        return answer(await gate.perform(actor, answer_escalation, command, key=checked_key(key)))

    @post("/{item:uuid}/head-answer", guards=[Allows(Action.ESCALATION_LEAD)], status_code=200)
    async def lead(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        item: FromPath[UUID],
        data: JSONBody[Said],
    ) -> Response[Any]:
        """Say, as whoever leads the office today, what was done about an item it left undone."""
        command = LeadEscalation(item_id=item, reason=data.reason)
        return answer(await gate.perform(actor, lead_escalation, command, key=checked_key(key)))


ROUTES = [WorkApi]
