"""Pages of the organisation: the chart as of a day, and changes of it by two people."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms, page_frame
from service.faces import Allows
from service.gate import Gate
from service.organisation import queries
from service.organisation.lifecycle import ORGANISATION, ProposalState
from service.page_frame import History, Page, Said, Subject

ROWS = 50
PARTS = ("unit", "name", "function_class", "parent", "functional_head", "disciplinary_head", "board_member")


class OrganisationPages(Controller):
    """Units, lines and proposals."""

    path = "/organisation"
    include_in_schema = False

    @get("/", guards=[Allows(Action.ORGANISATION_READ)])
    async def chart(
        self,
        gate: NamedDependency[Gate],
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        as_of: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show who answers for which unit on a day, and what is proposed."""
        day = page.day_in(as_of, "as_of") or queries.today(gate.clock.now())
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.proposals(reads, cursor=after, limit=ROWS)
        subjects = {
            row["id"]: Subject(
                ORGANISATION.actions_from(ProposalState(row["state"])),
                related=[("organisation_proposal", row["id"])],
            )
            for row in found["items"]
        }
        buttons = await history.buttons_of(page, subjects)
        units = await queries.units(reads, day)
        return page.show(
            "organisation/templates/organisation.html",
            day=day.isoformat(),
            units=units,
            members=await queries.members_on(reads, day),
            names={unit["id"]: unit["name"] for unit in units},
            proposals=found["items"],
            next=found["next"],
            buttons=buttons,
            classes=[office.value for office in Office],
        )

    @post("/", guards=[Allows(Action.ORGANISATION_PROPOSE)])
    async def propose(self, page: NamedDependency[Page]) -> Redirect:
        """Propose one unit with its lines."""
        line: dict[str, Any] = {
            name: page.form[name].strip() for name in PARTS if page.form.get(name, "").strip()
        }
        form = {name: value for name, value in page.form.items() if name not in PARTS}
        act = Action.ORGANISATION_PROPOSE
        outcome = await page_frame.perform_form(page, act, form, lines=[line])
        said = outcome if isinstance(outcome, Said) else page_frame.done(act, outcome)
        return page.back("/organisation", said)


ROUTES = [OrganisationPages]
