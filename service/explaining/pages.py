"""One page that says why: for an act on an object, and for a decision that was made."""

from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import READS, Action
from service import page_forms
from service.explaining import queries
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import Page
from service.ui.reasons import reason_in


class ExplanationPages(Controller):
    """Why something may be done or not."""

    path = "/explain"
    include_in_schema = False

    @get("/", guards=[Allows(Action.EXPLANATION_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        action: FromQuery[str] = "",
        kind: FromQuery[str] = "",
        id_: Annotated[str, QueryParameter(name="id")] = "",
        person: FromQuery[str] = "",
        decision: FromQuery[str] = "",
    ) -> Response[str]:
        """Show who can act now and why not the reader, or why a decision was made as it was."""
        act = page_forms.one_of(Action, action, "action")
        object_id = page_forms.id_in(id_.strip(), "id")
        decided = page_forms.id_in(decision.strip(), "decision")
        why = told = None
        if decided is not None:
            told = await queries.decision(reads, page.gate, actor, decided)
        if act is not None and object_id is not None and kind:
            why = await queries.explanation(
                reads, page.gate, actor, act, kind, object_id, person.strip() or None
            )
        return page.show(
            "explaining/templates/explain.html",
            why=why,
            reasons=lambda text: reason_in(text, page.language),
            told=told,
            acts=[each.value for each in Action if each not in READS],
            action=action,
            kind=kind,
            object_id=id_,
            person=person,
            decision=decision,
        )


ROUTES = [ExplanationPages]
