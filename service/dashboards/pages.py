"""The first page of a desk: its figures, each opening the list behind it."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.dashboards.queries import figures
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import Page
from service.ui.dashboard_words import FIGURES


class DashboardPages(Controller):
    """The first page of a desk."""

    path = "/dashboard"
    include_in_schema = False

    @get("/", guards=[Allows(Action.POWER_READ)])
    async def index(
        self, page: NamedDependency[Page], actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession]
    ) -> Response[str]:
        """Show the figures."""
        silence = page.request.app.state.bank.silence()
        found = await figures(page.gate, actor, reads, silence)
        return page.show("dashboards/templates/dashboard.html", figures=found, named=FIGURES)


ROUTES = [DashboardPages]
