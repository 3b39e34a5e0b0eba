"""What stops payments, over JSON: holds, routes of one deal alone, calls to counterparties."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Reason
from service.settlement import queries
from service.settlement.calling import CheckCallBack, MakeCallBack, check_call_back, make_call_back
from service.settlement.holds import (
    DeviateLeg,
    FreeLeg,
    HoldLeg,
    Identifier,
    deviate_leg,
    free_leg,
    hold_leg,
)
from service.settlement.lifecycle import NetState
from service.settlement.netting import NetLeg, net_leg


class Joining(Seen, frozen=True, forbid_unknown_fields=True):
    """The version seen, and the net that is joined; without one a new net begins."""

    net: UUID | None = None


Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class Route(SeenWithReason, frozen=True, forbid_unknown_fields=True):
    """The version seen, the route agreed for this deal alone, and why."""

    bic: Identifier
    account_number: Identifier


class Verdict(Seen, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version seen, and whether the call is as it was noted."""

    verdict: Literal["confirmed", "rejected"]
    reason: Reason | None = msgspec.field(default=None)


class HoldApi(Controller):
    """Payments that stand still."""

    path = "/api/settlements/{settlement_id:uuid}"
    tags = ("settlement",)

    @post("/hold", guards=[Allows(Action.SETTLEMENT_HOLD)], status_code=200)
    async def hold(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Stop a payment that has not gone."""
        command = HoldLeg(settlement_id=settlement_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, hold_leg, command, key=checked_key(key)))

    @post("/freeing", guards=[Allows(Action.SETTLEMENT_FREE)], status_code=200)
    async def free(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Let a payment go on that another person held."""
        command = FreeLeg(settlement_id=settlement_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, free_leg, command, key=checked_key(key)))

    @post("/deviation", guards=[Allows(Action.SETTLEMENT_DEVIATE)], status_code=200)
    async def deviate(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Route],
    ) -> Response[Any]:
        """Name a route agreed for this deal alone; the payment is held until a call confirmed it."""
        command = DeviateLeg(
            settlement_id=settlement_id,
            version=data.version,
            bic=data.bic,
            account_number=data.account_number,
            reason=data.reason,
        )
        return answer(await gate.perform(actor, deviate_leg, command, key=checked_key(key)))


class NetApi(Controller):
    """Legs that are netted, and their nets."""

    path = "/api"
    tags = ("settlement",)

    @get("/nets", guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: Annotated[NetState | None, QueryParameter(name="state")] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List nets, newest first, each with its components; their sum is the net's amount."""
        return await queries.nets(reads, state_, limit, cursor)

    @post(
        "/settlements/{settlement_id:uuid}/netting", guards=[Allows(Action.SETTLEMENT_NET)], status_code=200
    )
    async def join(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        settlement_id: FromPath[UUID],
        data: JSONBody[Joining],
    ) -> Response[Any]:
        """Net a prepared leg: in a new net, or in one that waits."""
        command = NetLeg(settlement_id=settlement_id, version=data.version, net_id=data.net)
        return answer(await gate.perform(actor, net_leg, command, key=checked_key(key)))


class CallBackApi(Controller):
    """Calls to counterparties about their payment routes."""

    path = "/api/call-backs"
    tags = ("settlement",)

    @get(guards=[Allows(Action.INSTRUCTION_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        subject: FromQuery[UUID | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List calls, newest first; ``subject`` is an instruction or a leg."""
        return await queries.call_backs(reads, subject, limit, cursor)

    @post(guards=[Allows(Action.CALL_BACK_MAKE)])
    async def make(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[MakeCallBack],
    ) -> Response[Any]:
        """Note a call to a counterparty at the number of master data."""
        return answer(await gate.perform(actor, make_call_back, data, key=checked_key(key)))

    @post("/{call_back:uuid}/check", guards=[Allows(Action.CALL_BACK_CHECK)], status_code=200)
    async def check(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        call_back: FromPath[UUID],
        data: JSONBody[Verdict],
    ) -> Response[Any]:
        """Check a call that another person made."""
        command = CheckCallBack(
            call_back_id=call_back, version=data.version, verdict=data.verdict, reason=data.reason
        )
        return answer(await gate.perform(actor, check_call_back, command, key=checked_key(key)))
