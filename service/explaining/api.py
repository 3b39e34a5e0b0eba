"""Explanations over JSON."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.explaining import queries
from service.faces import Allows
from service.gate import Gate
from service.kernel.actor import Actor

Kind = Annotated[str, QueryParameter(min_length=1, max_length=64)]
Object = Annotated[UUID, QueryParameter(name="id")]
Person = Annotated[str | None, QueryParameter(min_length=1, max_length=64)]


class ExplanationApi(Controller):
    """Why something may be done or not."""

    path = "/api"
    tags = ("explanations",)

    @get("/explain", guards=[Allows(Action.EXPLANATION_READ)])
    async def explain(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        action: FromQuery[Action],
        kind: Kind,
        id_: Object,
        person: Person = None,
    ) -> dict[str, Any]:
        """Return who can do an act to an object now, and why the caller or ``person`` (an account) can or cannot."""
        return await queries.explanation(reads, gate, actor, action, kind, id_, person)

    @get("/decisions/{decision:uuid}", guards=[Allows(Action.EXPLANATION_READ)])
    async def decision(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        decision: FromPath[UUID],
    ) -> dict[str, Any]:
        """Return a decision, allowed or refused, with the rules, paragraphs and history it rests on."""
        return await queries.decision(reads, gate, actor, decision)


ROUTES = [ExplanationApi]
