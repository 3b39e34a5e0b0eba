"""Reports for examiners in the browser: all of them with a day and a purpose, each to be taken along with its proof."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_frame
from service.faces import Allows, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.errors import Malformed, Refusal
from service.organisation.queries import today
from service.page_frame import Page
from service.reports import asking
from service.reports.tables import report_named
from service.ui.formats import typed_day

FORM = "report"
EXPORT = "evidence.export"
ROWS_SHOWN = 500


class ReportPages(Controller):
    """Who could do what on a date."""

    path = "/reports"
    include_in_schema = False

    @get("/", guards=[Allows(Action.REPORT_READ)])
    async def index(self, page: NamedDependency[Page], gate: NamedDependency[Gate]) -> Response[str]:
        """Offer every report."""
        return page.show(
            "reports/templates/reports.html",
            reports=asking.listed(),
            today=str(today(gate.clock.now())),
            actions=list(Action),
            act=asking.ACT.value,
        )

    @get("/{name:str}", guards=[Allows(Action.REPORT_READ, sensitive=True)])
    async def show(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        gate: NamedDependency[Gate],
        name: FromPath[str],
        on: FromQuery[str] = "",
        purpose: FromQuery[str] = "",
        act: FromQuery[str] = "",
    ) -> Response[str]:
        """Show a report; what is missing is said beside its field."""
        report, found, status = report_named(name), None, 200
        typed = {"on": on or str(today(gate.clock.now())), "purpose": purpose, "act": act or asking.ACT.value}
        try:
            asking.must_say_why(purpose)
            found = await asking.view(
                reads, gate, asking.asked(gate, name, typed_day(typed["on"]), typed["act"])
            )
        except Malformed as malformed:
            page.said = page_frame.refused(Action.REPORT_READ, malformed, FORM, typed)
            status = malformed.status
        return page.show(
            "reports/templates/report.html",
            status=status,
            report=report,
            found=found,
            shown=ROWS_SHOWN,
            typed=typed,
            actions=list(Action),
            form=FORM,
            export=EXPORT,
        )

    @post("/{name:str}/evidence", guards=[Allows(Action.EVIDENCE_EXPORT)])
    async def take(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        name: FromPath[str],
    ) -> Redirect:
        """Make a pack of the report and go to where it can be fetched."""
        bank, back = page.request.app.state.bank, page.form.get("_back", "/reports")
        try:
            key, reason = (
                checked_key(page.form.get("_key", "")),
                asking.must_say_why(page.form.get("purpose")),
            )
            wish = asking.asked(gate, name, typed_day(page.form.get("on", "")), page.form.get("act"))
            done = await asking.export(
                reads, gate, bank.settings, actor, wish, reason, publish=bank.publish, key=key
            )
        except Refusal as refusal:
            if refusal.decision is None:
                await gate.refuse(actor, Action.EVIDENCE_EXPORT, refusal)
            return page.back(back, page_frame.refused(EXPORT, refusal, EXPORT, page.form))
        return page.back("/evidence", page_frame.done(Action.EVIDENCE_EXPORT, done))


ROUTES = [ReportPages]
