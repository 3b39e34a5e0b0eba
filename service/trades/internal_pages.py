"""Internal deals on a page: what is offered to the reader's books, what they offered, and the form for an offer."""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Final

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.calendar import CALENDARS
from service.kernel.cursors import place_of
from service.kernel.errors import Malformed
from service.page_frame import History, Page, Subject
from service.parties.queries import portfolios
from service.trades.deals.day_count import DAY_COUNTS
from service.trades.deals.deal import TYPES
from service.trades.desk_times import desk_now
from service.trades.internal import LENT, TURNED, internal_deals
from service.trades.lifecycle import TradeState
from service.ui.dealing_words import LOCATIONS, PURPOSES
from service.ui.formats import BERLIN, field_moment

ROWS: Final = 50
CHOICES_MAX: Final = 200
ENDED: Final = (TradeState.CANCELLED, TradeState.RETURNED)


class InternalPages(Controller):
    """Deals between two books of the bank."""

    path = "/internal-deals"
    include_in_schema = False

    @get("/", guards=[Allows(Action.TRADE_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the internal deals in sight, each as the reader's desk sees it."""
        found = await internal_deals(reads, actor, place_of(cursor), ROWS)
        rows = [as_we_see_it(row) for row in found["items"]]
        subjects = {
            row["id"]: Subject([Action.INTERNAL_ACCEPT], row["id"])
            for row in rows
            if row["ours_to_accept"] and row["other_leg"] is None and row["state"] not in ENDED
        }
        buttons = await history.buttons_of(page, subjects)
        return page.show("trades/templates/internal.html", rows=rows, next=found["next"], buttons=buttons)

    @get("/new", guards=[Allows(Action.INTERNAL_OFFER)])
    async def offer(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        type_: Annotated[str, QueryParameter(name="type")] = "fx_spot",
    ) -> Response[str]:
        """Show the form for an offer of this type of deal."""
        if type_ not in TYPES:
            raise Malformed("There is no such choice.", field="type")
        assert page.business_date is not None
        now = page.gate.clock.now().astimezone(BERLIN)
        clock = page.desk_clock or time(now.hour, now.minute)
        own = await portfolios(reads, desk=actor.unit, limit=CHOICES_MAX)
        every = await portfolios(reads, limit=CHOICES_MAX)
        return page.show(
            "trades/templates/offer.html",
            type=type_,
            books=[(book["name"], book["name"]) for book in own],
            other_books=[(book["name"], book["name"]) for book in every],
            currencies=sorted(CALENDARS),
            day_counts=[(count, count) for count in DAY_COUNTS],
            locations=page.options(LOCATIONS, LOCATIONS),
            purposes=page.options(PURPOSES, PURPOSES),
            today=page.business_date.isoformat(),
            now=field_moment(desk_now(page.business_date, clock)),
        )


def as_we_see_it(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the deal from the side of the reader's desk; where both books are its own, of the one that offers."""
    terms = dict(row["terms"])
    if not row["ours_to_accept"]:
        return {**row, "terms": terms, "counterparty": {"name": row["other_portfolio"]}}
    terms["type"] = LENT.get(terms["type"], terms["type"])
    if "side" in terms:
        terms["side"] = TURNED[terms["side"]]
    return {**row, "terms": terms, "counterparty": {"name": row["portfolio"]}}
