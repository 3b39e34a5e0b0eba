"""Confirmations: what we say and what the counterparty says, side by side."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.confirmations import queries
from service.confirmations.lifecycle import CONFIRMATION, ConfirmationState, InboundState
from service.confirmations.matching import REFERENCE, TYPE, fields_of
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import History, Page
from service.trades.queries import timeline, trade_view
from service.ui.confirming_words import BUCKETS, FINDINGS_IN

ROWS = 50
WITH_A_FORM = (Action.CONFIRMATION_DISPATCH, Action.CONFIRMATION_COUNTER, Action.CONFIRMATION_MATCH)
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
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the confirmations, oldest first."""
        state = page_forms.one_of(ConfirmationState, state_, "state")
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.confirmations(reads, state, None, ROWS, after)
        return page.show(
            "confirmations/templates/list.html",
            rows=found["items"],
            next=found["next"],
            states=list(ConfirmationState),
            state=state_,
        )

    @get("/unconfirmed", guards=[Allows(Action.CONFIRMATION_READ)])
    async def unconfirmed(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession]
    ) -> Response[str]:
        """Show the deals that are not agreed yet, the oldest first."""
        today = await queries.business_date(reads, page.gate.clock.now().date())
        return page.show(
            "confirmations/templates/unconfirmed.html",
            rows=await queries.unconfirmed(reads, today, over_days=False, limit=ROWS * 4),
            today=today,
            buckets=BUCKETS,
        )

    @get("/inbound", guards=[Allows(Action.CONFIRMATION_READ)])
    async def inbound(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what reached the back office, and what was made of it."""
        state = page_forms.one_of(InboundState, state_, "state")
        found = await queries.inbound(reads, state, ROWS, page_forms.id_in(cursor, "cursor"))
        return page.show(
            "confirmations/templates/inbound.html",
            rows=found["items"],
            next=found["next"],
            states=list(InboundState),
            state=state_,
            findings=FINDINGS_IN,
        )

    @get("/{confirmation_id:uuid}", guards=[Allows(Action.CONFIRMATION_READ)])
    async def show(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        confirmation_id: FromPath[UUID],
    ) -> Response[str]:
        """Show both sides of one confirmation, and what can be done about it."""
        found = await queries.confirmation_view(reads, confirmation_id)
        trade = UUID(found["trade"])
        possible = CONFIRMATION.actions_from(ConfirmationState(found["state"]))
        possible = tuple(act for act in possible if act in WITH_A_FORM)
        if found["counter"] is None:
            possible = tuple(act for act in possible if act is not Action.CONFIRMATION_MATCH)
        return page.show(
            "confirmations/templates/confirmation.html",
            confirmation=found,
            lines=side_by_side(found),
            transmissions=await queries.transmissions(reads, confirmation_id),
            names=(*(name for name in fields_of(found["ours"]) if name != TYPE), REFERENCE),
            deal=await trade_view(reads, actor, trade),
            timeline=await timeline(reads, actor, trade),
            buttons=await history.buttons(page, possible, trade, [("confirmation", confirmation_id)]),
        )


def side_by_side(confirmation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each field with what both sides say and whether it is a break, breaks first."""
    ours, theirs = confirmation["ours"], confirmation["counter"] or {}
    broken = {one["field"]: one for one in confirmation["breaks"] or []}
    known = (*fields_of(ours), REFERENCE)
    names = [*known, *sorted((set(ours) | set(theirs)) - set(known))]
    lines = [
        {"field": name, "ours": ours.get(name), "theirs": theirs.get(name), "broken": broken.get(name)}
        for name in names
    ]
    return sorted(lines, key=lambda line: line["broken"] is None)


ROUTES = [ConfirmationPages]
