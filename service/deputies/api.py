"""Deputies over JSON: asked for, approved or refused, ended."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.deputies import queries
from service.deputies.lifecycle import DelegationState
from service.deputies.use_cases import (
    ApproveDelegation,
    CloseDeadEnd,
    EndDelegation,
    RefuseDelegation,
    RequestDelegation,
    approve_delegation,
    close_dead_end,
    end_delegation,
    refuse_delegation,
    request_delegation,
)
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Reason

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[DelegationState | None, QueryParameter(name="state")]


class Ending(SeenWithReason, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version seen, why, and why nobody need be left for work that waits."""

    accept_dead_end: Reason | None = None


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done about it."""

    measure: Reason


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
        data: JSONBody[Ending],
    ) -> Response[Any]:
        """Take or give duties back at once."""
        command = EndDelegation(
            delegation=delegation,
            version=data.version,
            reason=data.reason,
            accept_dead_end=data.accept_dead_end,
        )
        return answer(await gate.perform(actor, end_delegation, command, key=checked_key(key)))


class DeadEndApi(Controller):
    """Work that nobody is left for."""

    path = "/api/dead-ends"
    tags = ("deputies",)

    @post("/{subject:uuid}/closure", guards=[Allows(Action.DEAD_END_CLOSE)], status_code=200)
    async def close(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        subject: FromPath[UUID],
        data: JSONBody[Measure],
    ) -> Response[Any]:
        """Say what was done where nobody was left."""
        command = CloseDeadEnd(subject=subject, measure=data.measure)
        return answer(await gate.perform(actor, close_dead_end, command, key=checked_key(key)))


ROUTES = [DelegationApi, DeadEndApi]
