"""Blocks of absence on one page: planned, accepted, interrupted, and who still owes one."""

from typing import Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.periods import Period
from policies.vocabulary import Action
from service import page_forms
from service.absences import queries
from service.absences.lifecycle import ABSENCE, AbsenceState
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import Button, History, Page, Subject

ROWS = 50
REVIEWABLE = frozenset({AbsenceState.RUNNING, AbsenceState.FULFILLED, AbsenceState.INTERRUPTED})


class AbsencePages(Controller):
    """The yearly block on which another trader answers for a trader's positions."""

    path = "/absences"
    include_in_schema = False

    @get("/", guards=[Allows(Action.ABSENCE_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show who is overdue and the blocks, with the steps that are left to the reader."""
        periods = page.gate.policy.periods
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.absences(reads, periods, cursor=after, limit=ROWS)
        steps = {row["id"]: self.steps(actor, row) for row in found["items"]}
        buttons = await history.buttons_of(page, steps)
        return page.show(
            "absences/templates/absences.html",
            rows=found["items"],
            next=found["next"],
            buttons=buttons,
            late=await queries.overdue(reads, page.gate.policy),
            days=periods.number(Period.ABSENCE_DAYS),
            plan=Button(Action.ABSENCE_PLAN),
        )

    def steps(self, actor: Actor, row: dict[str, Any]) -> Subject:
        """Return what might be done about a block in its state, by whoever the reader is to it."""
        state = AbsenceState(row["state"])
        possible = list(ABSENCE.actions_from(state))
        if state in REVIEWABLE:
            possible.append(Action.ABSENCE_REVIEW)
        if row["substitute"] != str(actor.person):
            possible = [action for action in possible if action is not Action.ABSENCE_ACCEPT]
        return Subject(possible, related=[("absence", row["id"])])


ROUTES = [AbsencePages]
