"""The catalogue of controls, the access matrix and what was tried in vain, over JSON."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.compliance import access, catalogue, usage
from service.faces import Allows
from service.gate import Gate

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class ControlApi(Controller):
    """Every control that the product knows."""

    path = "/api/controls"
    tags = ("log",)

    @get(guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(
        self, gate: NamedDependency[Gate], reads: NamedDependency[AsyncSession]
    ) -> dict[str, Any]:
        """List the controls with paragraph, rules, tests and the newest evidence."""
        return {"items": await catalogue.catalogue(reads, gate.policy), "next": None}


class AccessApi(Controller):
    """Who may do what, and who never may."""

    path = "/api/access"
    tags = ("people",)

    @get(guards=[Allows(Action.REPORT_READ)])
    async def show(self, gate: NamedDependency[Gate], reads: NamedDependency[AsyncSession]) -> dict[str, Any]:
        """Tell what each role may do, which roles never meet, and that the proof holds."""
        return {
            "acts": access.may(gate.policy, reads=True),
            "apart": access.apart(gate.policy),
            "proof": access.proved(gate.policy),
            "published": await access.published(reads),
        }


class UsageApi(Controller):
    """Rights that nobody uses."""

    path = "/api/unused-rights"
    tags = ("people",)

    @get(guards=[Allows(Action.REPORT_READ, sensitive=True)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        role: FromQuery[str | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List roles held for 90 days and not used in them, with when they were used last."""
        now = gate.clock.now()
        return await usage.unused_rights(reads, gate.policy, now, role=role, after=cursor, limit=limit)


class DenialApi(Controller):
    """What was tried in vain."""

    path = "/api/denials"
    tags = ("log",)

    @get(guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        account: FromQuery[UUID | None] = None,
        day: FromQuery[date | None] = None,
        since: FromQuery[date | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 200,
    ) -> dict[str, Any]:
        """List refusals, or those of or since a day in Berlin, grouped by who tried what and which rule refused it.

        What a right or a control refused comes first, what could not be read last. ``older``: there are more
        refusals than were counted here; they follow behind the last group, counted for themselves.
        """
        return await access.denied(reads, account=account, day=day, since=since, cursor=cursor, limit=limit)


ROUTES = [ControlApi, AccessApi, DenialApi, UsageApi]
