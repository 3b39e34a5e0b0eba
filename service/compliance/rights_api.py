"""Conflicts of rights and the deals that are watched, over JSON, for compliance and internal audit."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.compliance import persons, rights
from service.compliance.use_cases import CloseConflict, close_conflict
from service.faces import Allows, IdempotencyKey, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Reason
from service.organisation.queries import today


class Closing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the conflict came about and what was done."""

    reason: Reason


class ConflictApi(Controller):
    """Rights that no one person holds together."""

    path = "/api/conflicts"
    tags = ("people",)

    @get(guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(self, reads: NamedDependency[AsyncSession]) -> dict[str, Any]:
        """List everybody who now holds, or answers for, what no one person does."""
        return {"items": await rights.conflicts(reads), "next": None}

    @post("/{person:uuid}/closing", guards=[Allows(Action.CONFLICT_CLOSE)], status_code=200)
    async def close(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        person: FromPath[UUID],
        data: JSONBody[Closing],
    ) -> Response[Any]:
        """Close a conflict that is gone, with its reason."""
        command = CloseConflict(person=person, reason=data.reason)
        return answer(await gate.perform(actor, close_conflict, command, key=checked_key(key)))


class PersonHistoryApi(Controller):
    """A natural person over all accounts and all time."""

    path = "/api/persons/{person:uuid}/history"
    tags = ("people",)

    @get(guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def show(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        person: FromPath[UUID],
    ) -> dict[str, Any]:
        """Tell a person's units, roles over time, deputies, absences, and how much they did and were refused."""
        powers = gate.policy.powers(actor.roles)
        return await persons.dossier(reads, gate.policy, powers, person, gate.clock.now())


class MonitoredApi(Controller):
    """Deals of whoever came from control to a desk."""

    path = "/api/monitored"
    tags = ("people",)

    @get(guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(
        self, gate: NamedDependency[Gate], reads: NamedDependency[AsyncSession]
    ) -> dict[str, Any]:
        """List whose deals are watched, why, until when, and the deals."""
        day = today(gate.clock.now())
        return {"items": await rights.monitored(reads, gate.policy, day), "next": None}


ROUTES = [ConflictApi, PersonHistoryApi, MonitoredApi]
