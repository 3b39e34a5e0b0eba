"""The trader's ticket and blotter, and one deal with what every office did about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms, page_frame
from service.attempt import Desk
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.calendar import CALENDARS, NoCalendar, spot_date
from service.kernel.cursors import place_of
from service.kernel.errors import Refusal
from service.market.queries import last_rates
from service.page_frame import History, Page, Said
from service.parties.queries import counterparties, counterparty_names, portfolios
from service.trades import queries
from service.trades.deals.day_count import DAY_COUNTS
from service.trades.deals.deal import TYPES, Terms, wording
from service.trades.deals.fx import FxTerms
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.desk_times import desk_now
from service.trades.entering import UnknownCounterparty, broker_of, checked_terms, look_up, name_or_id
from service.trades.impact import foreseen
from service.trades.internal_pages import InternalPages
from service.trades.lifecycle import TradeState
from service.trades.model import Trade
from service.trades.reference import Reference, beside_reference
from service.trades.tickets import AmendedTerms, CaptureTrade, CorrectedTerms
from service.trades.versions import terms_of as terms_in_force
from service.ui.dealing_words import LOCATIONS
from service.ui.formats import BERLIN, field_moment

ROWS = 50
RETURNED_MAX = 20
CHOICES_MAX = 200
NEW, AGAIN, AMEND = "trade.capture", "trade.resubmit", "amendment.request"


@dataclass(frozen=True, slots=True)
class Echo:
    """The deal in words before it is entered, and its distance from the reference."""

    sentence: str
    reference: Reference | None
    foreseen: Mapping[str, Any] | None = None  # of an amendment: what will follow


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
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the blotter; what was returned to the reader stands on top."""
        state = page_forms.one_of(TradeState, state_, "state")
        wanted = queries.Wanted(
            state,
            portfolio or None,
            counterparty or None,
            page_forms.day_in(trade_date, "trade_date"),
            page_forms.day_in(value_date, "value_date"),
        )
        found = await queries.trade_list(reads, actor, wanted, place_of(cursor), ROWS)
        returned = []
        if page.may(Action.TRADE_RESUBMIT):
            all_returned = queries.Wanted(state=TradeState.RETURNED)
            back = await queries.trade_list(reads, actor, all_returned, None, RETURNED_MAX)
            returned = [deal for deal in back["items"] if deal["captured_by"] == actor.name]
        return page.show(
            "trades/templates/blotter.html",
            deals=found["items"],
            next=found["next"],
            returned=returned,
            wanted=wanted,
            states=list(TradeState),
            **await choices(page, reads),
        )

    @get("/new", guards=[Allows(Action.TRADE_CAPTURE)])
    async def ticket(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        type_: Annotated[str, QueryParameter(name="type")] = "fx_spot",
    ) -> Response[str]:
        """Show the ticket of a type of deal."""
        wanted = type_ if type_ in TYPES else "fx_spot"
        return await ticket(page, reads, NEW, fresh_terms(page) | {"type": wanted})

    @post("/new", guards=[Allows(Action.TRADE_CAPTURE)], status_code=200)
    async def capture(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession]
    ) -> Response[str] | Redirect:
        """Say the deal in words, or enter it."""
        form = with_spot_date(page.form, page)
        if form.get("_do") == "check":
            return await checked(page, reads, NEW, form, CaptureTrade)
        outcome = await page_frame.perform_form(page, Action.TRADE_CAPTURE, form)
        if isinstance(outcome, Said):
            return page.back(f"/trades/new?type={form['type']}", outcome)
        return page.back(f"/trades/{outcome.answer['id']}", page_frame.done(Action.TRADE_CAPTURE, outcome))

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
            reference=await reference_of(page, reads, deal),
        )

    @get("/{trade:uuid}/correction", guards=[Allows(Action.TRADE_RESUBMIT)])
    async def correction(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
    ) -> Response[str]:
        """Show the ticket with the returned deal in it."""
        deal = await queries.trade_view(reads, actor, trade)
        return await ticket(page, reads, AGAIN, terms_of(deal), deal)

    @post("/{trade:uuid}/correction", guards=[Allows(Action.TRADE_RESUBMIT)], status_code=200)
    async def resubmit(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
    ) -> Response[str] | Redirect:
        """Say the corrected deal in words, or submit it again."""
        form = with_spot_date(page.form, page)
        if form.get("_do") == "check":
            deal = await queries.trade_view(reads, actor, trade)
            return await checked(page, reads, AGAIN, form, CorrectedTerms, deal)
        outcome = await page_frame.perform_form(page, Action.TRADE_RESUBMIT, {**form, "trade_id": str(trade)})
        if isinstance(outcome, Said):
            return page.back(f"/trades/{trade}/correction", outcome)
        return page.back(f"/trades/{trade}", page_frame.done(Action.TRADE_RESUBMIT, outcome))

    @get("/{trade:uuid}/amendment", guards=[Allows(Action.AMENDMENT_REQUEST)])
    async def amendment(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
    ) -> Response[str]:
        """Show the ticket with the deal as it stands, to be changed."""
        deal = await queries.trade_view(reads, actor, trade)
        return await ticket(page, reads, AMEND, terms_of(deal), deal)

    @post("/{trade:uuid}/amendment", guards=[Allows(Action.AMENDMENT_REQUEST)], status_code=200)
    async def request_amendment(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
    ) -> Response[str] | Redirect:
        """Say what would follow, or ask the back office for the amendment."""
        form = with_spot_date(page.form, page)
        if form.get("_do") == "check":
            deal = await queries.trade_view(reads, actor, trade)
            return await checked(page, reads, AMEND, form, AmendedTerms, deal)
        facts = {**form, "trade_id": str(trade)}
        outcome = await page_frame.perform_form(page, Action.AMENDMENT_REQUEST, facts)
        if isinstance(outcome, Said):
            return page.back(f"/trades/{trade}/amendment", outcome)
        return page.back(f"/trades/{trade}", page_frame.done(Action.AMENDMENT_REQUEST, outcome))


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
    ) -> Response[str]:
        """Show the position per book and currency."""
        return page.show("trades/templates/positions.html", rows=await queries.positions(reads, actor))


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


async def choices(page: Page, reads: AsyncSession, *, own_desk: bool = False) -> dict[str, Any]:
    """Return the counterparties and books to choose from, where the reader may know them."""
    if not page.may(Action.PARTY_READ):
        return {"parties": [], "books": []}
    desk = page.actor.unit if own_desk and page.actor is not None else None
    parties = [(one["lei"], one["name"]) for one in await counterparties(reads, limit=CHOICES_MAX)]
    books = [(one["name"], one["name"]) for one in await portfolios(reads, desk=desk, limit=CHOICES_MAX)]
    return {"parties": sorted(parties, key=lambda one: one[1].casefold()), "books": sorted(books)}


async def ticket(
    page: Page,
    reads: AsyncSession,
    action: str,
    terms: Mapping[str, str],
    deal: Mapping[str, Any] | None = None,
    echo: Echo | None = None,
    status: int = 200,
) -> Response[str]:
    """Return the ticket: empty, with a returned deal, or with what was typed and its echo in words."""
    return page.show(
        "trades/templates/ticket.html",
        status=status,
        form=action,
        terms=terms,
        deal=deal,
        echo=echo,
        currencies=sorted(CALENDARS),
        day_counts=[(name, name) for name in DAY_COUNTS],
        locations=page.options(LOCATIONS, LOCATIONS),
        names=await names_in(reads, deal) if deal is not None else {},
        **await choices(page, reads, own_desk=True),
    )


async def checked(
    page: Page,
    reads: AsyncSession,
    action: str,
    form: Mapping[str, str],
    command: Any,
    deal: Mapping[str, Any] | None = None,
) -> Response[str]:
    """Return the ticket with the deal in words, or with what is wrong with it. Nothing is entered."""
    echo, status = None, 200
    try:
        said = page_forms.decoded(command, page_forms.command_fields(form, page.language))
        desk = Desk(page.business_date or said.trade_date, page.desk_clock or time(9))
        found = await look_up(reads, [said], desk)
        known = found.counterparties.get(name_or_id(said.counterparty))
        if known is None:
            raise UnknownCounterparty("No counterparty in force has this id or LEI.", field="counterparty")
        broker = broker_of(said, known, found)
        terms = checked_terms(said, known.id, known.id)
        told = None
        if deal is not None and action == AMEND:
            row = await reads.get_one(Trade, UUID(deal["id"]))
            told = await foreseen(reads, row, checked_terms(said, known.id, row.portfolio_id), desk, broker)
        echo = Echo(wording(terms, known.name, page.language), await distance(page, reads, terms), told)
    except Refusal as refusal:
        page.said, status = page_frame.refused(action, refusal, action, form), refusal.status
    return await ticket(page, reads, action, form, deal, echo, status)


async def distance(page: Page, reads: AsyncSession, terms: Terms) -> Reference | None:
    """Return how far the deal is from the last reference, where the reader may know that."""
    if not page.may(Action.FIXING_READ):
        return None
    if not isinstance(terms, FxTerms):
        return None
    dealt = terms.spot_rate if isinstance(terms, FxForwardTerms) else terms.rate
    return beside_reference(dealt, terms.base, terms.quote, await last_rates(reads, terms.trade_date))


async def reference_of(page: Page, reads: AsyncSession, deal: Mapping[str, Any]) -> Reference | None:
    """Return how far a deal is from the last reference of its trade date."""
    if not page.may(Action.FIXING_READ):
        return None
    return await distance(page, reads, await terms_in_force(reads, UUID(deal["id"])))


async def names_in(reads: AsyncSession, deal: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the counterparties that the deal's corrections speak of."""
    changed = [
        version["changes"].get(name, {})
        for version in deal["versions"]
        for name in ("broker_id", "counterparty_id")
    ]
    ids = {UUID(party) for change in changed for party in change.values()}
    found = await counterparty_names(reads, ids) if ids else {}
    return {str(party): name for party, name in found.items()}


def with_spot_date(form: Mapping[str, str], page: Page) -> dict[str, str]:
    """Return the form with the spot date where the value date was left blank and the pair is known."""
    filled = {"type": "fx_spot", **form}
    for name in {"base", "quote", "currency"} & filled.keys():
        filled[name] = filled[name].strip().upper()
    if filled["type"] != "fx_spot" or filled.get("value_date", "").strip():
        return filled
    try:
        dealt = page_forms.day_in(filled.get("trade_date", ""), "trade_date") or page.business_date
        assert dealt is not None
        filled["value_date"] = spot_date(filled["base"], filled["quote"], dealt).isoformat()
    except (NoCalendar, Refusal):
        return filled  # the act itself says what is wrong
    return filled


def fresh_terms(page: Page) -> dict[str, str]:
    """Return what stands on an empty ticket: today, and now by the desk's clock."""
    assert page.business_date is not None
    now = page.gate.clock.now().astimezone(BERLIN)
    clock = page.desk_clock or time(now.hour, now.minute, now.second)
    return {
        "trade_date": page.business_date.isoformat(),
        "executed_at": field_moment(desk_now(page.business_date, clock)),
        "side_agreements": "none",
    }


def terms_of(deal: Mapping[str, Any]) -> dict[str, str]:
    """Return a deal's terms as the ticket's fields hold them."""
    terms = {name: str(value) for name, value in deal["terms"].items()}
    if deal["broker"] is not None:
        terms |= {"execution": "broker", "broker": deal["broker"]["lei"]}
    moment = datetime.fromisoformat(terms["executed_at"]).astimezone(UTC)
    return terms | {
        "counterparty": deal["counterparty"]["lei"],
        "portfolio": deal["portfolio"]["name"],
        "executed_at": field_moment(moment),
    }


ROUTES = [TradePages, PositionPages, InternalPages]
