"""Confirmations: what we say and what the counterparty says, side by side."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, get_args
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.confirmations import queries
from service.confirmations.deadlines import AgeOpen
from service.confirmations.lifecycle import (
    CONFIRMATION,
    SUBSTITUTE,
    ConfirmationState,
    LongFormState,
    SubstituteState,
    TransmissionState,
)
from service.confirmations.matching import BROKER, REFERENCE, TYPE, fields_of
from service.confirmations.message_pages import ROUTES as MESSAGE_ROUTES
from service.confirmations.model import Confirmation
from service.confirmations.signing import CODES
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.items import Item
from service.kernel.paging import Order
from service.page_frame import History, Page
from service.trades.queries import timeline, trade_view
from service.ui.confirming_words import CODES_SAID, PAPERS, PURPOSES, WAYS
from service.ui.languages import N_
from service.work.cards import CARDS, HANDFULS, Beside, Card, Handful

ROWS = 50
WITH_A_FORM = (
    Action.CONFIRMATION_DISPATCH,
    Action.CONFIRMATION_COUNTER,
    Action.CONFIRMATION_MATCH,
    Action.CONFIRMATION_REDRAFT,
)
"""What is done on the page of a confirmation; the rest is done where its message or its item stands."""


class ConfirmationPages(Controller):
    """The confirmations of the deals."""

    path = "/confirmations"
    include_in_schema = False

    @get("/", guards=[Allows(Action.CONFIRMATION_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        sort: FromQuery[str] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the confirmations, oldest first or newest first."""
        order = page_forms.one_of(Order, sort, "sort") or Order.OLDEST
        state = page_forms.one_of(ConfirmationState, state_, "state")
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.confirmations(reads, state, None, ROWS, after, order)
        return page.show(
            "confirmations/templates/list.html",
            hide=hide,
            rows=found["items"],
            next=found["next"],
            states=list(ConfirmationState),
            state=state_,
            order=order.value,
        )

    @get("/unconfirmed", guards=[Allows(Action.CONFIRMATION_READ)])
    async def unconfirmed(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], age: FromQuery[str] = ""
    ) -> Response[str]:
        """Show the deals that are not agreed yet, the oldest first."""
        wanted = page_forms.among(get_args(AgeOpen), age, "age")
        today = await queries.business_date(reads, page.gate.clock.now().date())
        return page.show(
            "confirmations/templates/unconfirmed.html",
            rows=await queries.unconfirmed(reads, today, over_days=False, age=wanted, limit=ROWS * 4),
            today=today,
            age=age,
            ages=get_args(AgeOpen),
        )

    @get("/{confirmation_id:uuid}", guards=[Allows(Action.CONFIRMATION_READ)])
    async def show(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        confirmation_id: FromPath[UUID],
        fields: FromQuery[str] = "",
    ) -> Response[str]:
        """Show both sides of one confirmation, and what can be done about it."""
        found = await both_sides(page, actor, reads, history, confirmation_id, all_fields=fields == "all")
        return page.show("confirmations/templates/confirmation.html", **found)


async def both_sides(
    page: Page,
    actor: Actor,
    reads: AsyncSession,
    history: History,
    confirmation_id: UUID,
    *,
    all_fields: bool = False,
) -> dict[str, Any]:
    """Return both sides of a confirmation, and what can be done about it."""
    found = await queries.confirmation_view(reads, confirmation_id)
    trade = UUID(found["trade"])
    possible = CONFIRMATION.actions_from(ConfirmationState(found["state"]))
    possible = tuple(act for act in possible if act in WITH_A_FORM)
    if found["counter"] is None:
        possible = tuple(act for act in possible if act is not Action.CONFIRMATION_MATCH)
    elsewhere = [("confirmation", confirmation_id)]
    if found["state"] == ConfirmationState.SENT and found["counter"] is None:
        possible = (*possible, Action.SUBSTITUTE_PROPOSE)
    broker = (BROKER,) if BROKER in found["ours"] else ()
    transmissions = await queries.transmissions(reads, confirmation_id)
    papers = await queries.papers(reads, confirmation_id)
    return {
        "confirmation": found,
        "lines": side_by_side(found),
        "transmissions": transmissions,
        "retry": await history.buttons(page, retries(transmissions), trade),
        "substitutes": await with_buttons(
            page, history, trade, await queries.substitutes(reads, confirmation_id)
        ),
        "papers": papers,
        "filing": await history.buttons(page, filings(found, papers), trade, elsewhere),
        "sign": await history.buttons(page, [Action.CHECKLIST_SIGN], trade, elsewhere),
        "purposes": PURPOSES,
        "ways": WAYS,
        "paper_words": PAPERS,
        "codes": page.options(CODES, CODES_SAID),
        "names": (*(name for name in fields_of(found["ours"]) if name != TYPE), *broker, REFERENCE),
        "deal": await trade_view(reads, actor, trade),
        "timeline": await timeline(reads, actor, trade),
        "buttons": await history.buttons(page, possible, trade, elsewhere),
        "all_fields": all_fields,
    }


async def confirmation_card(beside: Beside) -> dict[str, Any]:
    """Return the card of a confirmation in the queue: what differs, and what can be done."""
    return await both_sides(beside.page, beside.actor, beside.reads, beside.history, beside.subject)


async def confirmation_versions(reads: AsyncSession, ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the version of each confirmation."""
    rows = await reads.execute(select(Confirmation.id, Confirmation.rev).where(Confirmation.id.in_(ids)))
    return {row.id: row.rev for row in rows}


BOTH_SIDES = Card("confirmations/templates/both.html", Action.CONFIRMATION_READ, confirmation_card)
CARDS.update(dict.fromkeys((Item.CONFIRM, Item.MATCH), BOTH_SIDES))
HANDFULS[Item.CONFIRM] = Handful(
    Action.CONFIRMATION_DISPATCH,
    "confirmation_id",
    N_("Every marked confirmation goes out to its counterparty as it was drafted."),
    confirmation_versions,
)
HANDFULS[Item.MATCH] = Handful(
    Action.CONFIRMATION_MATCH,
    "confirmation_id",
    N_("Every marked confirmation is compared with what the counterparty says; only what agrees is matched."),
    confirmation_versions,
)


def retries(transmissions: Iterable[Mapping[str, Any]]) -> tuple[Action, ...]:
    """Return the act that sends a message again, where one could not be delivered."""
    failed = any(one["state"] == TransmissionState.FAILED for one in transmissions)
    return (Action.TRANSMISSION_RETRY,) if failed else ()


def filings(confirmation: Mapping[str, Any], papers: Mapping[str, Any]) -> Iterator[Action]:
    """Return the acts that lay a paper beside a confirmation: the contract that is due, the broker's statement."""
    if papers["long_form"] and papers["long_form"]["state"] == LongFormState.DUE:
        yield Action.LONG_FORM_FILE
    if BROKER in confirmation["ours"]:
        yield Action.BROKER_STATEMENT_RECORD


async def with_buttons(
    page: Page, history: History, trade: UUID, substitutes: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return each verification in another way with what its reader may decide about it."""
    told = []
    for one in substitutes:
        acts = SUBSTITUTE.actions_from(SubstituteState(one["state"]))
        related = [("substitute_verification", one["id"])]
        told.append(one | {"buttons": await history.buttons(page, acts, trade, related)})
    return told


def side_by_side(confirmation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each field with what both sides say and whether it is a break, breaks first."""
    ours, theirs = confirmation["ours"], confirmation["counter"] or {}
    broken = {one["field"]: one for one in confirmation["breaks"] or []}
    known = (*fields_of(ours), *((BROKER,) if BROKER in ours else ()), REFERENCE)
    names = [*known, *sorted((set(ours) | set(theirs)) - set(known))]
    lines = [
        {"field": name, "ours": ours.get(name), "theirs": theirs.get(name), "broken": broken.get(name)}
        for name in names
    ]
    return sorted(lines, key=lambda line: line["broken"] is None)


ROUTES = [ConfirmationPages, *MESSAGE_ROUTES]
