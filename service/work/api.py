"""The caller's queue over JSON."""

from typing import Annotated, Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.items import Item
from service.work import queries

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class WorkApi(Controller):
    """What waits for the caller's office."""

    path = "/api/work"
    tags = ("work",)

    @get(guards=[Allows(Action.WORK_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        kind: FromQuery[Item | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List open items by deadline, each with who can act on it, and why not the caller."""
        return await queries.open_items(
            reads, actor, gate.policy, gate.clock.now(), kind=kind, after=place_of(cursor), limit=limit
        )


ROUTES = [WorkApi]
