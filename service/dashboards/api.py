"""The figures of a desk over JSON."""

from typing import Any

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.dashboards.queries import figures
from service.faces import Allows
from service.gate import Gate
from service.kernel.actor import Actor


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
        found = await figures(gate, actor, reads, request.app.state.bank.silence())
        return {"items": msgspec.to_builtins(found)}


ROUTES = [DashboardApi]
