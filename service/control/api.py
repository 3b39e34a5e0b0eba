"""The back office's decisions over JSON."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.control import queries
from service.control.lifecycle import RequestState
from service.control.use_cases import (
    ApproveRequest,
    RefuseRequest,
    ReturnTrade,
    VerifyTrade,
    approve_request,
    refuse_request,
    return_trade,
    verify_trade,
)
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.texts import Reason

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[RequestState | None, QueryParameter(name="state")]


class Approval(Seen, frozen=True, forbid_unknown_fields=True):
    """The version of the request that the clerk saw, and, if they like, why it is granted."""

    reason: Reason | None = None


class ControlApi(Controller):
    """Verification of deals."""

    path = "/api/trades"
    tags = ("control",)

    @post("/{trade:uuid}/verification", guards=[Allows(Action.TRADE_VERIFY)], status_code=200)
    async def verify(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Agree the terms of the version seen."""
        command = VerifyTrade(trade_id=trade, version=data.version)
        return answer(await gate.perform(actor, verify_trade, command, key=checked_key(key)))

    @post("/{trade:uuid}/return", guards=[Allows(Action.TRADE_RETURN)], status_code=200)
    async def return_(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Send the deal back to its trader."""
        command = ReturnTrade(trade_id=trade, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, return_trade, command, key=checked_key(key)))


class RequestApi(Controller):
    """What trading asked for."""

    path = "/api/requests"
    tags = ("control",)

    @get(guards=[Allows(Action.TRANSACTION_READ)])
    async def index(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List requests in sight, newest first."""
        return await queries.requests(reads, actor, state_, place_of(cursor), limit)

    @post("/{request_id:uuid}/approval", guards=[Allows(Action.REQUEST_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        request_id: FromPath[UUID],
        data: JSONBody[Approval],
    ) -> Response[Any]:
        """Grant what trading asked for."""
        command = ApproveRequest(request_id=request_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, approve_request, command, key=checked_key(key)))

    @post("/{request_id:uuid}/refusal", guards=[Allows(Action.REQUEST_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        request_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn it down."""
        command = RefuseRequest(request_id=request_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_request, command, key=checked_key(key)))


ROUTES = [ControlApi, RequestApi]
