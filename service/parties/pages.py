"""Master data and agreements: what is in force, what is proposed, and the other person's decision."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms
from service.faces import Allows
from service.kernel.paging import paged
from service.page_frame import Button, History, Page, Subject
from service.parties import queries
from service.parties.confirming import Format, Medium, PartyClass, Speech
from service.parties.lifecycle import AGREEMENT, PROPOSAL, AgreementState, ProposalState
from service.parties.use_cases import Form
from service.ui.paper_words import MEDIA, MESSAGE_FORMATS, PARTY_CLASSES, SPEECHES

ROWS = 100
DESKS = text("SELECT id, name FROM public.unit WHERE function_class = :office ORDER BY name")
TERMS = ("name", "lei", "counterparty_id", "currency", "bic", "account_number", "desk_id")
"""What a proposal says, in the order people read it."""
PROPOSING = (
    *(Action.COUNTERPARTY_PROPOSE, Action.INSTRUCTION_PROPOSE, Action.PORTFOLIO_PROPOSE),
    *(Action.CHANNEL_PROPOSE, Action.TOLERANCE_PROPOSE),
)


class PartyPages(Controller):
    """Counterparties, portfolios, payment routes."""

    path = "/"
    include_in_schema = False

    @get("/parties", guards=[Allows(Action.PARTY_READ)])
    async def parties(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], cursor: FromQuery[str] = ""
    ) -> Response[str]:
        """Show whom the bank deals with, and the books of its desks."""
        after = page_forms.id_in(cursor, "cursor")
        found = paged(await queries.counterparties(reads, cursor=after, limit=ROWS), ROWS)
        return page.show(
            "parties/templates/parties.html",
            counterparties=found["items"],
            next=found["next"],
            portfolios=await queries.portfolios(reads, limit=2 * ROWS),
            choices=[(row["lei"], row["name"]) for row in found["items"]],
            desks=await desks(reads),
            formats=page.options(get_args(Format), MESSAGE_FORMATS),
            media=page.options(get_args(Medium), MEDIA),
            speeches=page.options(get_args(Speech), SPEECHES),
            classes=page.options(get_args(PartyClass), PARTY_CLASSES),
            buttons=[Button(action) for action in PROPOSING if page.may(action)],
        )

    @get("/routes", guards=[Allows(Action.INSTRUCTION_READ, sensitive=True)])
    async def routes(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], cursor: FromQuery[str] = ""
    ) -> Response[str]:
        """Show the payment routes; looking is an entry."""
        after = page_forms.id_in(cursor, "cursor")
        found = paged(await queries.instructions(reads, cursor=after, limit=ROWS), ROWS)
        ids = {UUID(row["counterparty"]) for row in found["items"]}
        names = await queries.counterparty_names(reads, ids) if page.may(Action.PARTY_READ) else {}
        return page.show(
            "parties/templates/routes.html",
            routes=found["items"],
            next=found["next"],
            names={str(party): name for party, name in names.items()},
        )

    @get("/proposals", guards=[Allows(Action.INSTRUCTION_READ, sensitive=True)])
    async def proposals(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        state_: Annotated[str, QueryParameter(name="state")] = ProposalState.PROPOSED.value,
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what waits for a second person, each with its decision."""
        state = page_forms.one_of(ProposalState, state_, "state")
        after = page_forms.id_in(cursor, "cursor")
        found = paged(await queries.proposals(reads, state=state, cursor=after, limit=ROWS), ROWS, "proposal")
        subjects = {}
        for row in found["items"]:
            row["terms"] = {name: row["terms"][name] for name in TERMS if name in row["terms"]}
            possible = PROPOSAL.actions_from(ProposalState(row["state"]))
            related = [("proposal", row["proposal"])]
            subjects[row["proposal"]] = Subject(possible, related=related)
        buttons = await history.buttons_of(page, subjects)
        return page.show(
            "parties/templates/proposals.html",
            rows=found["items"],
            next=found["next"],
            states=list(ProposalState),
            state=state_,
            buttons=buttons,
            names=await desks(reads) | await parties_in(page, reads, found["items"]),
        )

    @get("/agreements", guards=[Allows(Action.PARTY_READ)])
    async def agreements(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show master agreements and waivers, each with legal's decision where it waits for one."""
        state = page_forms.one_of(AgreementState, state_, "state")
        after = page_forms.id_in(cursor, "cursor")
        found = paged(await queries.agreements(reads, state=state, cursor=after, limit=ROWS), ROWS)
        subjects = {}
        for row in found["items"]:
            possible = AGREEMENT.actions_from(AgreementState(row["state"]))
            related = [("agreement", row["id"])]
            subjects[row["id"]] = Subject(possible, related=related)
        buttons = await history.buttons_of(page, subjects)
        parties = paged(await queries.counterparties(reads, limit=2 * ROWS), 2 * ROWS)["items"]
        names = await queries.counterparty_names(reads, {UUID(row["counterparty"]) for row in found["items"]})
        return page.show(
            "parties/templates/agreements.html",
            rows=found["items"],
            next=found["next"],
            states=list(AgreementState),
            state=state_,
            forms=get_args(Form),
            choices=[(row["lei"], row["name"]) for row in parties],
            names={str(party): name for party, name in names.items()},
            buttons=buttons,
            propose=Button(Action.AGREEMENT_PROPOSE) if page.may(Action.AGREEMENT_PROPOSE) else None,
        )


async def parties_in(page: Page, reads: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the names of the counterparties that proposals speak of, where the reader may know them."""
    ids = {UUID(row["terms"]["counterparty_id"]) for row in rows if "counterparty_id" in row["terms"]}
    found = await queries.counterparty_names(reads, ids) if page.may(Action.PARTY_READ) else {}
    return {str(party): name for party, name in found.items()}


async def desks(reads: AsyncSession) -> dict[str, str]:
    """Return the names of the trading desks by their ids."""
    rows = await reads.execute(DESKS, {"office": Office.FRONT_OFFICE.value})
    return {str(row.id): row.name for row in rows}


ROUTES = [PartyPages]
