"""Deputies over JSON: asked for, approved or refused, ended."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.deputies import queries
from service.deputies.lifecycle import DelegationState
from service.deputies.use_cases import (
    ApproveDelegation,
    EndDelegation,
    RefuseDelegation,
    RequestDelegation,
    approve_delegation,
    end_delegation,
    refuse_delegation,
    request_delegation,
)
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[DelegationState | None, QueryParameter(name="state")]


class DelegationApi(Controller):
    """Duties that change hands for a time."""

    path = "/api/delegations"
    tags = ("deputies",)

    @get(guards=[Allows(Action.DELEGATION_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the delegations in sight, newest first."""
        return await queries.delegations(
            reads, actor, gate.clock.now(), state=state_, cursor=cursor, limit=limit
        )

    @post(guards=[Allows(Action.DELEGATION_REQUEST)])
    async def request(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[RequestDelegation],
    ) -> Response[Any]:
        """Ask that own duties go to a deputy for a time."""
        return answer(await gate.perform(actor, request_delegation, data, key=checked_key(key)))

    @post("/{delegation:uuid}/approval", guards=[Allows(Action.DELEGATION_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        delegation: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Answer for the deputy, as a third person."""
        command = ApproveDelegation(delegation=delegation, version=data.version)
        return answer(await gate.perform(actor, approve_delegation, command, key=checked_key(key)))

    @post("/{delegation:uuid}/refusal", guards=[Allows(Action.DELEGATION_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        delegation: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Leave the duties where they are."""
        command = RefuseDelegation(delegation=delegation, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_delegation, command, key=checked_key(key)))

    @post("/{delegation:uuid}/end", guards=[Allows(Action.DELEGATION_END)], status_code=200)
    async def end(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        delegation: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Take or give duties back at once."""
        command = EndDelegation(delegation=delegation, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, end_delegation, command, key=checked_key(key)))


ROUTES = [DelegationApi]
