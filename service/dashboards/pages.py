"""The first page of a desk: its figures, each opening the list behind it."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms
from service.dashboards.escalations import escalations
from service.dashboards.health import health, waiting_in
from service.dashboards.queries import figures
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.working_hours import Age
from service.page_frame import Page
from service.settlement.pages import deal_names
from service.ui.dashboard_words import FIGURES

ROWS = 50


class DashboardPages(Controller):
    """The first page of a desk."""

    path = "/dashboard"
    include_in_schema = False

    @get("/", guards=[Allows(Action.POWER_READ)])
    async def index(
        self, page: NamedDependency[Page], actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession]
    ) -> Response[str]:
        """Show the figures."""
        bank = page.request.app.state.bank
        found = await figures(page.gate, actor, reads, bank.silence(), bank.settings)
        return page.show("dashboards/templates/dashboard.html", figures=found, named=FIGURES)


class HealthPages(Controller):
    """How the house stands, for those who watch over it."""

    path = "/health"
    include_in_schema = False

    @get("/", guards=[Allows(Action.LOG_READ)])
    async def index(
        self, page: NamedDependency[Page], actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession]
    ) -> Response[str]:
        """Show how log, books, proof and backlog stand."""
        bank = page.request.app.state.bank
        told = await health(page.gate, actor, reads, bank.settings, bank.silence())
        return page.show("dashboards/templates/health.html", told=told, named=FIGURES)


class BacklogPages(Controller):
    """What waits in any office."""

    path = "/backlog"
    include_in_schema = False

    @get("/", guards=[Allows(Action.ENTRY_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        office: FromQuery[str] = Office.BACK_OFFICE.value,
        overdue: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show what waits in an office, the longest due first."""
        chosen = page_forms.one_of(Office, office, "office") or Office.BACK_OFFICE
        now = page.gate.clock.now()
        after = place_of(cursor)
        found = await waiting_in(reads, chosen, now, overdue=bool(overdue), after=after, limit=ROWS)
        return page.show(
            "dashboards/templates/backlog.html",
            rows=found["items"],
            next=found["next"],
            deals=await deal_names(reads, [row for row in found["items"] if row["trade"]]),
            offices=list(Office),
            office=chosen.value,
            overdue=bool(overdue),
            now=now,
        )


class EscalationPages(Controller):
    """What climbed."""

    path = "/escalations"
    include_in_schema = False

    @get("/", guards=[Allows(Action.ENTRY_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        age: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what nobody answered in time, of every office."""
        wanted, after = page_forms.one_of(Age, age, "age"), place_of(cursor or None)
        found = await escalations(reads, page.gate.clock.now(), age=wanted, after=after, limit=ROWS)
        return page.show(
            "dashboards/templates/escalations.html",
            rows=found["items"],
            next=found["next"],
            ages=[one.value for one in Age],
            age=age,
            deals=await deal_names(reads, found["items"]),
        )


ROUTES = [DashboardPages, HealthPages, BacklogPages, EscalationPages]
