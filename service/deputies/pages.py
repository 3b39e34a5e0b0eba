"""Who stands in for whom: named, approved and ended on one page."""

from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.periods import Period
from policies.vocabulary import Action, Office
from service import page_forms, page_frame
from service.deputies import queries
from service.deputies.lifecycle import DELEGATION, DelegationState
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import History, Page, Said, Subject

ROWS = 50
DUTY = "_duty_"


class DeputyPages(Controller):
    """Duties that change hands for a time."""

    path = "/delegations"
    include_in_schema = False

    @get("/", guards=[Allows(Action.DELEGATION_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the delegations in sight with the steps that are left to the reader."""
        state = page_forms.one_of(DelegationState, state_, "state")
        after = page_forms.id_in(cursor, "cursor")
        now = page.gate.clock.now()
        found = await queries.delegations(reads, actor, now, state=state, cursor=after, limit=ROWS)
        subjects = {}
        for row in found["items"]:
            theirs = str(actor.account) in (row["account"], row["deputy"]) or (
                actor.office is Office.ADMINISTRATION
            )
            possible = [
                act
                for act in DELEGATION.actions_from(DelegationState(row["state"]))
                if theirs or act is not Action.DELEGATION_END
            ]
            subjects[row["id"]] = Subject(possible, related=[("delegation", row["id"])])
        buttons = await history.buttons_of(page, subjects)
        return page.show(
            "deputies/templates/delegations.html",
            rows=found["items"],
            next=found["next"],
            buttons=buttons,
            states=list(DelegationState),
            state=state_,
            own=sorted(actor.roles - actor.deputy_for.keys()),
            days_max=page.gate.policy.periods.number(Period.DELEGATION_DAYS_MAX),
        )

    @post("/", guards=[Allows(Action.DELEGATION_REQUEST)])
    async def request(self, page: NamedDependency[Page]) -> Redirect:
        """Ask that the duties ticked go to a deputy."""
        duties: list[Any] = [name.removeprefix(DUTY) for name in page.form if name.startswith(DUTY)]
        outcome = await page_frame.perform_form(page, Action.DELEGATION_REQUEST, page.form, roles=duties)
        if isinstance(outcome, Said):
            return page.back("/delegations", outcome)
        return page.back("/delegations", page_frame.done(Action.DELEGATION_REQUEST, outcome))


ROUTES = [DeputyPages]
