"""Settlement over JSON: prepared, released by another, completed or failed, read."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.paging import Order
from service.kernel.texts import Reason
from service.settlement import queries
from service.settlement.hold_api import CallBackApi, HoldApi, NetApi
from service.settlement.lifecycle import SettlementState
from service.settlement.outcomes import NARRATIVE
from service.settlement.payment_api import BoardApi, PaymentApi, PaymentStatusApi
from service.settlement.use_cases import (
    Amount,
    Code,
    CompleteLeg,
    CountersignLeg,
    FailLeg,
    PartLeg,
    PostponeLeg,
    PrepareLeg,
    ReleaseLeg,
    ReturnLeg,
    complete_leg,
    countersign_leg,
    fail_leg,
    part_leg,
    postpone_leg,
    prepare_leg,
    release_leg,
    return_leg,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class Failure(Seen, frozen=True, forbid_unknown_fields=True):
    """The version seen, and why the money stayed or came back; the code is one of the settlement tables."""

    reason: Reason
    code: Code = NARRATIVE


class Part(Seen, frozen=True, forbid_unknown_fields=True):
    """The version seen, and how much moved now."""

    amount: Amount


class SettlementApi(Controller):
    """The cash legs of the deals."""

    path = "/api/settlements"
    tags = ("settlement",)

    @get(guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: Annotated[SettlementState | None, QueryParameter(name="state")] = None,
        value_date: FromQuery[date | None] = None,
        trade: FromQuery[UUID | None] = None,
        code: FromQuery[str | None] = None,
        sort: FromQuery[Order] = Order.OLDEST,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List legs, oldest first or newest first, from behind the cursor. Positive amounts come in."""
        return await queries.settlements(reads, state_, value_date, trade, limit, cursor, sort, code)

    @get("/{settlement_id:uuid}", guards=[Allows(Action.SETTLEMENT_READ)])
    async def show(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        settlement_id: FromPath[UUID],
    ) -> dict[str, Any]:
        """Show a leg, with the account number only to those who may read settlement instructions."""
        knows_routes = gate.policy.decide(actor.roles, Action.INSTRUCTION_READ).allowed
        return await queries.settlement_view(reads, settlement_id, with_route=knows_routes)

    @post("/{settlement_id:uuid}/preparation", guards=[Allows(Action.SETTLEMENT_PREPARE)], status_code=200)
    async def prepare(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Pick the payment route from approved master data; the answer says which and why."""
        command = PrepareLeg(settlement_id=settlement_id, version=data.version)
        return answer(await gate.perform(actor, prepare_leg, command, key=checked_key(key)))

    @post("/{settlement_id:uuid}/release", guards=[Allows(Action.SETTLEMENT_RELEASE)], status_code=200)
    async def release(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Let a leg go that another person prepared."""
        command = ReleaseLeg(settlement_id=settlement_id, version=data.version)
        return answer(await gate.perform(actor, release_leg, command, key=checked_key(key)))

    @post("/{settlement_id:uuid}/completion", guards=[Allows(Action.SETTLEMENT_COMPLETE)], status_code=200)
    async def complete(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Attest that a leg settled, on its value date or later."""
        command = CompleteLeg(settlement_id=settlement_id, version=data.version)
        return answer(await gate.perform(actor, complete_leg, command, key=checked_key(key)))

    @post("/{settlement_id:uuid}/failure", guards=[Allows(Action.SETTLEMENT_FAIL)], status_code=200)
    async def fail(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Failure],
    ) -> Response[Any]:
        """Attest that a leg failed; it is prepared anew."""
        command = FailLeg(
            settlement_id=settlement_id, version=data.version, reason=data.reason, code=data.code
        )
        return answer(await gate.perform(actor, fail_leg, command, key=checked_key(key)))

    @post(
        "/{settlement_id:uuid}/countersignature",
        guards=[Allows(Action.SETTLEMENT_COUNTERSIGN)],
        status_code=200,
    )
    async def countersign(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Sign second, above the amount of one signature; this lets the leg go."""
        command = CountersignLeg(settlement_id=settlement_id, version=data.version)
        return answer(await gate.perform(actor, countersign_leg, command, key=checked_key(key)))

    @post("/{settlement_id:uuid}/postponement", guards=[Allows(Action.SETTLEMENT_POSTPONE)], status_code=200)
    async def postpone(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Decide that a payment that missed its cut-off goes on the next day."""
        command = PostponeLeg(settlement_id=settlement_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, postpone_leg, command, key=checked_key(key)))

    @post("/{settlement_id:uuid}/part", guards=[Allows(Action.SETTLEMENT_PART)], status_code=200)
    async def part(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Part],
    ) -> Response[Any]:
        """Attest that a part of a leg settled; the rest stays due."""
        command = PartLeg(settlement_id=settlement_id, version=data.version, amount=data.amount)
        return answer(await gate.perform(actor, part_leg, command, key=checked_key(key)))

    @post("/{settlement_id:uuid}/return", guards=[Allows(Action.SETTLEMENT_RETURN)], status_code=200)
    async def give_back(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Failure],
    ) -> Response[Any]:
        """Attest that the money of a leg came back; it is prepared anew."""
        command = ReturnLeg(
            settlement_id=settlement_id, version=data.version, reason=data.reason, code=data.code
        )
        return answer(await gate.perform(actor, return_leg, command, key=checked_key(key)))


ROUTES = [BoardApi, SettlementApi, HoldApi, NetApi, CallBackApi, PaymentApi, PaymentStatusApi]
