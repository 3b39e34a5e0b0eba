"""Cases in the browser: the list, one case with all that was noted in it, and the form that opens one."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms
from service.cases import queries
from service.cases.lifecycle import CASE, CaseOutcome, CaseState, NoteKind
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import Button, History, Page
from service.settlement.pages import deal_names

ROWS = 50
SIGNING = frozenset({Action.CASE_CLOSE, Action.CASE_RETURN})


class CasePages(Controller):
    """Irregularities looked into apart from trading."""

    path = "/cases"
    include_in_schema = False

    @get("/", guards=[Allows(Action.CASE_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        trade: FromQuery[str] = "",
        person: FromQuery[str] = "",
        entry: FromQuery[str] = "",
        item: FromQuery[str] = "",
        open_: Annotated[str, QueryParameter(name="open")] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the cases in sight; ``entry`` and ``item``: what the form begins with."""
        found = await queries.cases(
            reads,
            actor,
            state=page_forms.one_of(CaseState, state_, "state"),
            trade=page_forms.id_in(trade, "trade"),
            person=page_forms.id_in(person, "person"),
            open_only=bool(open_),
            cursor=page_forms.id_in(cursor, "cursor"),
            limit=ROWS,
        )
        return page.show(
            "cases/templates/cases.html",
            hide=hide,
            rows=found["items"],
            next=found["next"],
            deals=await deal_names(reads, [row for row in found["items"] if row["trade"]]),
            states=list(CaseState),
            state=state_,
            open_only=bool(open_),
            begin={"trade": trade, "person": person, "entry": entry, "item": item},
            button=Button(Action.CASE_OPEN) if page.may(Action.CASE_OPEN) else None,
        )

    @get("/{case:uuid}", guards=[Allows(Action.CASE_READ)])
    async def show(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        case: FromPath[UUID],
    ) -> Response[str]:
        """Show a case with what the reader may do about it."""
        seen = await queries.case(reads, actor, case)
        possible = [
            action
            for action in CASE.actions_from(CaseState(seen["state"]))
            if (seen["signs"] if action in SIGNING else seen["office"]) == actor.office.value
        ]
        if seen["state"] != CaseState.CLOSED:
            possible.append(Action.CASE_NOTE)
            if seen["office"] == actor.office.value:
                possible.append(Action.CASE_ASSIGN)
        if seen["suspicion"] and seen["told_audit_at"] is None and actor.office is Office.INTERNAL_AUDIT:
            possible.append(Action.CASE_ACKNOWLEDGE)
        buttons = await history.buttons(page, possible, seen["trade"], [("case_file", case)])
        return page.show(
            "cases/templates/case.html",
            case=seen,
            deals=await deal_names(reads, [seen] if seen["trade"] else []),
            buttons=buttons,
            outcomes=list(CaseOutcome),
            kinds=list(NoteKind),
        )


ROUTES = [CasePages]
