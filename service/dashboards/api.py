"""The figures of a desk over JSON."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service.dashboards.escalations import escalations
from service.dashboards.health import health, waiting_in
from service.dashboards.queries import figures
from service.faces import Allows
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.working_hours import Age

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class DashboardApi(Controller):
    """What a desk looks at first."""

    path = "/api/dashboard"
    tags = ("dashboards",)

    @get(guards=[Allows(Action.POWER_READ)])
    async def index(
        self,
        request: Request[Any, Any, Any],
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
    ) -> dict[str, Any]:
        """Return the figures of the caller's desk, each with the page behind it."""
        bank = request.app.state.bank
        found = await figures(gate, actor, reads, bank.silence(), bank.settings)
        return {"items": msgspec.to_builtins(found)}


class HealthApi(Controller):
    """How the house stands, for those who watch over it."""

    path = "/api/health"
    tags = ("dashboards",)

    @get(guards=[Allows(Action.LOG_READ)])
    async def index(
        self,
        request: Request[Any, Any, Any],
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
    ) -> dict[str, Any]:
        """Return how log, books, proof and backlog stand."""
        bank = request.app.state.bank
        return await health(gate, actor, reads, bank.settings, bank.silence())


class BacklogApi(Controller):
    """What waits in any office, for those who watch over all of them."""

    path = "/api/backlog"
    tags = ("dashboards",)

    @get(guards=[Allows(Action.ENTRY_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        office: FromQuery[Office],
        overdue: FromQuery[bool] = False,  # noqa: FBT002 - a query parameter
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List what waits in an office, the longest due first."""
        now = gate.clock.now()
        return await waiting_in(reads, office, now, overdue=overdue, after=place_of(cursor), limit=limit)


class EscalationApi(Controller):
    """What climbed."""

    path = "/api/escalations"
    tags = ("dashboards",)

    @get(guards=[Allows(Action.ENTRY_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        age: FromQuery[Age | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List work that nobody did in time and that climbed, the oldest first, until somebody answers."""
        return await escalations(reads, gate.clock.now(), age=age, after=place_of(cursor), limit=limit)


ROUTES = [DashboardApi, HealthApi, BacklogApi, EscalationApi]
