"""The blotter, and one deal with what every office did about it."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.page_frame import Button, History, Page
from service.trades import queries
from service.trades.import_pages import ROUTES as IMPORT
from service.trades.internal_pages import InternalPages
from service.trades.lifecycle import TradeState
from service.trades.looking import reference_of
from service.trades.reference import Reference
from service.trades.ticket_pages import ROUTES as TICKET
from service.trades.ticket_pages import choices, names_in
from service.trades.versions import terms_of as terms_in_force
from service.ui import words
from service.ui.languages import N_

ROWS = 50
OPTIONAL = {
    "rate": N_("Rate"),
    "against": N_("Against"),
    "value_date": N_("Value date"),
    "counterparty": N_("Counterparty"),
    "confirmation": N_("Confirmation"),
    "legs": N_("Legs"),
    "trader": N_("Trader"),
    "captured": N_("Captured"),
}
"""Columns of the blotter that a reader may leave out."""
POSITION_ORDERS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "portfolio": lambda row: (row["portfolio"]["name"], row["currency"]),
    "currency": lambda row: (row["currency"], row["portfolio"]["name"]),
    "amount": lambda row: Decimal(row["amount"]),
}
RETURNED_MAX = 20


class TradePages(Controller):
    """Deals."""

    path = "/trades"
    include_in_schema = False

    @get("/", guards=[Allows(Action.TRADE_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        portfolio: FromQuery[str] = "",
        counterparty: FromQuery[str] = "",
        trade_date: FromQuery[str] = "",
        value_date: FromQuery[str] = "",
        mark: FromQuery[str] = "",
        captured_by: FromQuery[str] = "",
        sort: FromQuery[str] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the blotter; what was returned to the reader stands on top."""
        state = page_forms.one_of(TradeState, state_, "state")
        wanted = queries.Wanted(
            state,
            portfolio or None,
            counterparty or None,
            page.day_in(trade_date, "trade_date"),
            page.day_in(value_date, "value_date"),
            page_forms.among(words.MARKS, mark, "mark"),
            captured_by or None,
            page_forms.one_of(queries.DealOrder, sort, "sort") or queries.DealOrder.CAPTURED,
        )
        found = await queries.trade_list(reads, actor, wanted, place_of(cursor), ROWS)
        returned = []
        if page.may(Action.TRADE_RESUBMIT):
            all_returned = queries.Wanted(state=TradeState.RETURNED)
            back = await queries.trade_list(reads, actor, all_returned, None, RETURNED_MAX)
            returned = [deal for deal in back["items"] if deal["captured_by"] == actor.name]
            due = await queries.correct_by(reads, [UUID(deal["id"]) for deal in returned])
            returned = [{**deal, "correct_by": due.get(UUID(deal["id"]))} for deal in returned]
        return page.show(
            "trades/templates/blotter.html",
            deals=found["items"],
            next=found["next"],
            returned=sorted(returned, key=lambda deal: str(deal["correct_by"])),
            totals=totals_of(found["items"]),
            now=page.gate.clock.now(),
            wanted=wanted,
            states=list(TradeState),
            optional=OPTIONAL,
            hidden=[name for name in hide.split(",") if name in OPTIONAL],
            **await choices(page, reads),
        )

    @get("/{trade:uuid}", guards=[Allows(Action.TRADE_READ)])
    async def show(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        trade: FromPath[UUID],
    ) -> Response[str]:
        """Show a deal: terms, what every office says about it, and every act on it."""
        deal = await queries.trade_view(reads, actor, trade)
        return page.show(
            "trades/templates/trade.html",
            deal=deal,
            names=await names_in(reads, deal),
            timeline=await queries.timeline(reads, actor, trade),
            buttons=await history.buttons(page, acts_on(deal), trade),
            reference=await distance(page, reads, deal),
            forward=Button(Action.CONFIRMATION_FORWARD),
        )


class PositionPages(Controller):
    """What the deals add up to."""

    path = "/positions"
    include_in_schema = False

    @get("/", guards=[Allows(Action.POSITION_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        sort: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the position per book and currency."""
        rows = page_forms.in_order(await queries.positions(reads, actor), sort, POSITION_ORDERS)
        return page.show("trades/templates/positions.html", rows=rows)


def totals_of(deals: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Decimal]]:
    """Return what deals make us receive and pay in each currency; cancelled ones make us do neither."""
    sums: dict[str, dict[str, Decimal]] = {}
    for deal in deals:
        if deal["state"] == TradeState.CANCELLED:
            continue
        for currency, amount in flows_of(deal["terms"]):
            one = sums.setdefault(currency, dict.fromkeys(("receive", "pay", "net"), Decimal(0)))
            one["receive" if amount > 0 else "pay"] += abs(amount)
            one["net"] += amount
    return dict(sorted(sums.items()))


def flows_of(terms: Mapping[str, Any]) -> list[tuple[str, Decimal]]:
    """Return the payments of a deal as answers show its terms; positive: we receive."""
    if "principal" in terms:
        sign = -1 if terms["type"] == "mm_deposit" else 1
        lent, interest = Decimal(terms["principal"]) * sign, Decimal(terms["interest"]) * sign
        return [(terms["currency"], lent), (terms["currency"], -lent - interest)]
    sign = 1 if terms["side"] == "buy" else -1
    return [
        (terms["base"], Decimal(terms["base_amount"]) * sign),
        (terms["quote"], Decimal(terms["quote_amount"]) * -sign),
    ]


def acts_on(deal: Mapping[str, Any]) -> list[Action]:
    """Return what trading may ask for about a deal as it stands."""
    control = deal["control"]
    settled = control is not None and control["state"] == "settling"
    waits = any(request["state"] == "open" for request in deal["requests"])
    if deal["state"] == TradeState.CANCELLED or settled or waits:
        return []
    if deal["state"] == TradeState.RETURNED or (control is not None and control["state"] == "superseded"):
        return [Action.CANCELLATION_REQUEST]
    return [Action.AMENDMENT_REQUEST, Action.CANCELLATION_REQUEST]


async def distance(page: Page, reads: AsyncSession, deal: Mapping[str, Any]) -> Reference | None:
    """Return how far a deal is from the last reference of its trade date, where the reader may know that."""
    if not page.may(Action.FIXING_READ):
        return None
    return await reference_of(reads, await terms_in_force(reads, UUID(deal["id"])))


ROUTES = [TradePages, *TICKET, *IMPORT, PositionPages, InternalPages]
