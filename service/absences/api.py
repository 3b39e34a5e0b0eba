"""Blocks of absence over JSON: planned, accepted, interrupted, and who still owes one."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.absences import queries
from service.absences.use_cases import (
    AcceptAbsence,
    InterruptAbsence,
    PlanAbsence,
    ReviewAbsence,
    WithdrawAbsence,
    accept_absence,
    interrupt_absence,
    plan_absence,
    review_absence,
    withdraw_absence,
)
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Reason

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
Year = Annotated[int | None, QueryParameter(ge=2000, le=2099)]


class Acceptance(Seen, frozen=True, forbid_unknown_fields=True):
    """The version seen, and why nobody need be left for work that waits."""

    accept_dead_end: Reason | None = None


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found."""

    finding: Reason


class AbsenceApi(Controller):
    """The yearly block on which another trader answers for a trader's positions."""

    path = "/api/absences"
    tags = ("absences",)

    @get(guards=[Allows(Action.ABSENCE_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        person: FromQuery[UUID | None] = None,
        year: Year = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the blocks, newest first."""
        return await queries.absences(
            reads, gate.policy.periods, person=person, year=year, cursor=cursor, limit=limit
        )

    @get("/overdue", guards=[Allows(Action.ABSENCE_READ)])
    async def overdue(
        self, gate: NamedDependency[Gate], reads: NamedDependency[AsyncSession], year: Year = None
    ) -> dict[str, Any]:
        """List the traders whose block of the year is missing, or overdue after its deadline."""
        return await queries.overdue(reads, gate.policy, year)

    @post(guards=[Allows(Action.ABSENCE_PLAN)])
    async def plan(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[PlanAbsence],
    ) -> Response[Any]:
        """Plan a block with its substitute."""
        return answer(await gate.perform(actor, plan_absence, data, key=checked_key(key)))

    @post("/{absence:uuid}/acceptance", guards=[Allows(Action.ABSENCE_ACCEPT)], status_code=200)
    async def accept(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        absence: FromPath[UUID],
        data: JSONBody[Acceptance],
    ) -> Response[Any]:
        """Take the positions over, as the substitute that was named."""
        command = AcceptAbsence(absence=absence, version=data.version, accept_dead_end=data.accept_dead_end)
        return answer(await gate.perform(actor, accept_absence, command, key=checked_key(key)))

    @post("/{absence:uuid}/withdrawal", guards=[Allows(Action.ABSENCE_WITHDRAW)], status_code=200)
    async def withdraw(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        absence: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Take a plan back before its first day."""
        command = WithdrawAbsence(absence=absence, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, withdraw_absence, command, key=checked_key(key)))

    @post("/{absence:uuid}/interruption", guards=[Allows(Action.ABSENCE_INTERRUPT)], status_code=200)
    async def interrupt(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        absence: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Let the trader back in early; the count begins anew."""
        command = InterruptAbsence(absence=absence, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, interrupt_absence, command, key=checked_key(key)))

    @post("/{absence:uuid}/reviews", guards=[Allows(Action.ABSENCE_REVIEW)])
    async def review(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        absence: FromPath[UUID],
        data: JSONBody[Finding],
    ) -> Response[Any]:
        """Record what was found about an attempt to get in while absent."""
        command = ReviewAbsence(absence=absence, finding=data.finding)
        return answer(await gate.perform(actor, review_absence, command, key=checked_key(key)))


ROUTES = [AbsenceApi]
