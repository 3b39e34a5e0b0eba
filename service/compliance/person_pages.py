"""A person over all accounts and all time, and a deal over all offices: for compliance and audit."""

from collections import Counter
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms
from service.compliance import persons, queries
from service.compliance.queries import Outcome, Wanted
from service.faces import Allows
from service.gate import Gate
from service.kernel.actor import Actor
from service.page_frame import Page
from service.settlement.pages import deal_names
from service.trades.queries import trade_view
from service.ui.reasons import reason_in

ROWS = 50
NOTHING: Final[dict[str, Any]] = {"items": [], "next": None}
OutcomeWanted = Annotated[str, QueryParameter(name="outcome")]


class PersonPages(Controller):
    """What one natural person did and was refused, with every right they ever held."""

    path = "/persons"
    include_in_schema = False

    @get("/{person:uuid}", guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def show(
        self,
        page: NamedDependency[Page],
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        person: FromPath[UUID],
        outcome_: OutcomeWanted = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the person; the acts and refusals are those of all their accounts, newest first."""
        outcome = page_forms.one_of(Outcome, outcome_, "outcome")
        told = await persons.dossier(reads, gate.policy, page.powers, person, gate.clock.now())
        wanted = Wanted(actor=str(person), outcome=outcome)
        found = await queries.entries(reads, wanted, ROWS, cursor or None) if told["accounts"] else NOTHING
        return page.show(
            "compliance/templates/person.html",
            reason=lambda text: reason_in(text, page.language),
            person=told,
            rows=found["items"],
            next=found["next"],
            deals=await deal_names(reads, [row for row in found["items"] if row["trade"]]),
            outcome=outcome_,
        )


class StoryPages(Controller):
    """What one deal went through in every office."""

    path = "/entries/trades"
    include_in_schema = False

    @get("/{trade:uuid}", guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def show(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
        office_: Annotated[str, QueryParameter(name="office")] = "",
        outcome_: OutcomeWanted = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show every act and every refusal on the deal, oldest first."""
        office = page_forms.one_of(Office, office_, "office")
        outcome = page_forms.one_of(Outcome, outcome_, "outcome")
        deal = await trade_view(reads, actor, trade)
        wanted = Wanted(trade_id=trade, office=office, outcome=outcome)
        found = await queries.story(reads, wanted, ROWS, cursor or None)
        offices, outcomes = Counter[str](), Counter[str]()
        for one in found["counts"]:
            offices[one["office"]] += one["entries"] if outcome_ in ("", one["outcome"]) else 0
            outcomes[one["outcome"]] += one["entries"] if office_ in ("", one["office"]) else 0
        return page.show(
            "compliance/templates/story.html",
            deal=deal,
            rows=found["items"],
            next=found["next"],
            offices=offices,
            outcomes=outcomes,
            office=office_,
            outcome=outcome_,
        )


ROUTES = [PersonPages, StoryPages]
