"""One page that says why: for an act on an object, and for a decision that was made."""

from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies import prose
from policies.vocabulary import READS, Action
from service import page_forms
from service.explaining import queries
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import Page


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
            reasons=lambda text: said(text, page.language),
            told=told,
            acts=[each.value for each in Action if each not in READS],
            action=action,
            kind=kind,
            object_id=id_,
            person=person,
            decision=decision,
        )


def said(text: str, language: prose.Language) -> tuple[str, prose.Language]:
    """Return a reason of the policy in the reader's language, with the language it is in then."""
    wording = prose.reason(text[:1].lower() + text[1:], language)
    if language != "de" or wording[:1].lower() + wording[1:] != text[:1].lower() + text[1:]:
        return wording, language
    return text, "en"


ROUTES = [ExplanationPages]
