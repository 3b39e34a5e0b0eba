"""The trader's ticket: filled in by a line or by hand, looked at, entered; and a deal corrected or amended on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms, page_frame
from service.attempt import Desk
from service.faces import Allows
from service.gate import Done
from service.kernel.actor import Actor
from service.kernel.calendar import CALENDARS, NoCalendar, spot_date
from service.kernel.errors import Refusal
from service.page_frame import Page, Said
from service.parties.queries import counterparties, counterparty_names, portfolios
from service.trades import queries
from service.trades.deals.cash import TermsFinding, currency_findings, raise_first
from service.trades.deals.day_count import DAY_COUNTS
from service.trades.deals.deal import TYPES, wording
from service.trades.desk_times import desk_now
from service.trades.entering import (
    TermsRefused,
    UnknownCounterparty,
    broker_of,
    checked_terms,
    look_up,
    must_be_changed_alone,
    must_be_seen,
    name_or_id,
)
from service.trades.impact import foreseen
from service.trades.looking import Glance, distance_so_far, glance, look_at
from service.trades.model import Trade
from service.trades.reference import Reference
from service.trades.shorthand import Around, Party, filled_in, read_line
from service.trades.tickets import CaptureTrade, CorrectedTerms
from service.ui.dealing_words import LOCATIONS
from service.ui.formats import BERLIN, as_typed, field_moment
from service.ui.languages import Language

CHOICES_MAX = 200
NEW, AGAIN, AMEND = "trade.capture", "trade.resubmit", "amendment.request"
EXCHANGES = ("fx_spot", "fx_forward")


@dataclass(slots=True)
class Preview:
    """What the ticket says of a deal before it is entered; ``refusal`` is what stands against it as it is."""

    seen: Glance
    reference: Reference | None = None
    wording: str | None = None
    limits: list[dict[str, Any]] | None = None
    marks: list[str] | None = None
    foreseen: Mapping[str, Any] | None = None
    """Of an amendment: what will follow."""
    refusal: Refusal | None = None


class TicketPages(Controller):
    """The ticket."""

    path = "/trades"
    include_in_schema = False

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

    @post("/preview", guards=[Allows(Action.TRADE_CAPTURE)], status_code=200)
    async def preview(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
    ) -> Response[str]:
        """Say what follows from the ticket as far as it is filled in: a part of its page, refreshed while typing."""
        seen, _ = await looked(page, reads, actor, NEW, {"type": "fx_spot", **page.form})
        return page.show("trades/templates/preview.html", preview=seen, form=NEW)

    @post("/new", guards=[Allows(Action.TRADE_CAPTURE)], status_code=200)
    async def capture(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        type_: Annotated[str, QueryParameter(name="type")] = "fx_spot",
    ) -> Response[str] | Redirect:
        """Say the deal in words, or enter it; a refused ticket comes back as it was filled in, however long it is."""
        return await answered(page, reads, actor, NEW, {"type": type_, **page.form})

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
        return await ticket(page, reads, AGAIN, terms_of(deal, page.language), deal)

    @post("/{trade:uuid}/correction", guards=[Allows(Action.TRADE_RESUBMIT)], status_code=200)
    async def resubmit(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
    ) -> Response[str] | Redirect:
        """Say the corrected deal in words, or submit it again; refused, it comes back as it was filled in."""
        return await answered(
            page, reads, actor, AGAIN, page.form, await queries.trade_view(reads, actor, trade)
        )

    @post("/{trade:uuid}/correction/preview", guards=[Allows(Action.TRADE_RESUBMIT)], status_code=200)
    async def correction_preview(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
    ) -> Response[str]:
        """Say what follows from the corrected ticket: a part of its page, refreshed while typing."""
        return await change_looked_at(page, reads, actor, AGAIN, trade)

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
        return await ticket(page, reads, AMEND, terms_of(deal, page.language), deal)

    @post("/{trade:uuid}/amendment", guards=[Allows(Action.AMENDMENT_REQUEST)], status_code=200)
    async def request_amendment(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
    ) -> Response[str] | Redirect:
        """Say what would follow, or ask the back office for the amendment; refused, it comes back as it was filled in."""
        return await answered(
            page, reads, actor, AMEND, page.form, await queries.trade_view(reads, actor, trade)
        )

    @post("/{trade:uuid}/amendment/preview", guards=[Allows(Action.AMENDMENT_REQUEST)], status_code=200)
    async def amendment_preview(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
    ) -> Response[str]:
        """Say what would follow from the amended ticket: parts of its page, refreshed while typing."""
        return await change_looked_at(page, reads, actor, AMEND, trade)


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
    preview: Preview | None = None,
    status: int = 200,
) -> Response[str]:
    """Return the ticket: empty, with a returned deal, or with what was typed and its echo in words."""
    offered = await choices(page, reads, own_desk=True)
    if deal is None and not terms.get("portfolio") and len(offered["books"]) == 1:
        terms = {**terms, "portfolio": offered["books"][0][0]}
    return page.show(
        "trades/templates/ticket.html",
        status=status,
        form=action,
        terms=terms,
        deal=deal,
        preview=preview,
        currencies=sorted(CALENDARS),
        day_counts=[(name, name) for name in DAY_COUNTS],
        locations=page.options(LOCATIONS, LOCATIONS),
        names=await names_in(reads, deal) if deal is not None else {},
        **offered,
    )


async def answered(
    page: Page,
    reads: AsyncSession,
    actor: Actor,
    action: str,
    form: Mapping[str, str],
    deal: Mapping[str, Any] | None = None,
) -> Response[str] | Redirect:
    """Say what follows from the ticket, or do its act; a refused ticket comes back whole, however long it is."""
    if form.get("_do") != "enter":
        return await checked(page, reads, actor, action, form, deal)
    facts = dict(form) if deal is None else {**form, "trade_id": deal["id"]}
    outcome = await entered(page, reads, action, facts)
    if isinstance(outcome, Said):
        page.said = outcome
        return await ticket(page, reads, action, facts | outcome.values, deal, status=outcome.status)
    place = outcome.answer["id"] if deal is None else deal["id"]
    return page.back(f"/trades/{place}", page_frame.done(Action(action), outcome))


async def entered(page: Page, reads: AsyncSession, action: str, form: Mapping[str, str]) -> Done | Said:
    """Do the act of a ticket and its line; a refusal comes back as what is to be shown."""
    try:
        form = with_spot_date(await by_line(page, reads, form), page)
        must_have_spot(form, page)
    except Refusal as refusal:
        assert page.actor is not None
        await page.gate.refuse(page.actor, Action(action), refusal)
        return page_frame.refused(action, refusal, action, form)
    return await page_frame.perform_form(page, action, form)


async def checked(
    page: Page,
    reads: AsyncSession,
    actor: Actor,
    action: str,
    form: Mapping[str, str],
    deal: Mapping[str, Any] | None = None,
) -> Response[str]:
    """Return the ticket with the deal in words, or with what is wrong with it. Nothing is entered."""
    if (moved := form.get("_value_date")) is not None:
        form = {**form, "value_date": moved}
    preview, filled = await looked(page, reads, actor, action, form, deal)
    status = 200
    if preview.refusal is not None:
        page.said = page_frame.refused(action, preview.refusal, action, filled)
        status = preview.refusal.status
    return await ticket(page, reads, action, filled, deal, preview, status)


async def change_looked_at(
    page: Page, reads: AsyncSession, actor: Actor, action: str, trade: UUID
) -> Response[str]:
    """Return what the ticket of a deal says of its change, as far as it is filled in."""
    deal = await queries.trade_view(reads, actor, trade)
    seen, _ = await looked(page, reads, actor, action, page.form, deal)
    names = await names_in(reads, deal)
    return page.show("trades/templates/preview.html", preview=seen, form=action, names=names, alone=True)


async def looked(
    page: Page,
    reads: AsyncSession,
    actor: Actor,
    action: str,
    form: Mapping[str, str],
    deal: Mapping[str, Any] | None = None,
) -> tuple[Preview, Mapping[str, str]]:
    """Return what the ticket says of the deal, and the ticket as its line filled it in."""
    preview, filled = Preview(Glance()), dict(form)
    try:
        filled = with_spot_date(await by_line(page, reads, form), page)
        must_have_spot(filled, page)
        fields = page_forms.command_fields(filled, page.language)
        if filled["type"] in EXCHANGES:
            preview.seen = glance(fields)
            if page.may(Action.FIXING_READ):
                preview.reference = await distance_so_far(reads, fields)
        if action == NEW:
            await look_at_new(preview, page, reads, actor, fields)
        else:
            await look_at_change(preview, page, reads, action, fields, deal or {})
    except Refusal as refusal:
        preview.refusal = refusal
    return preview, filled


async def look_at_new(
    preview: Preview, page: Page, reads: AsyncSession, actor: Actor, fields: dict[str, Any]
) -> None:
    """Add what a new deal would come to. Raises what stands against it."""
    ticket: Any = CaptureTrade  # a union of the types of deals
    command = page_forms.decoded(ticket, fields)
    told = await look_at(page.gate, actor, reads, command, page.language)
    preview.wording, preview.limits, preview.marks = told["wording"], told["limits"], told["marks"]


async def look_at_change(
    preview: Preview,
    page: Page,
    reads: AsyncSession,
    action: str,
    fields: dict[str, Any],
    deal: Mapping[str, Any],
) -> None:
    """Add what a correction or an amendment would come to, whatever its reason. Raises what stands against it."""
    said = page_forms.decoded(
        CorrectedTerms, {name: value for name, value in fields.items() if name != "reason"}
    )
    desk = Desk(page.business_date or said.trade_date, page.desk_clock or time(9))
    found = await look_up(reads, [said], desk)
    known = found.counterparties.get(name_or_id(said.counterparty))
    if known is None:
        raise UnknownCounterparty("No counterparty in force has this id or LEI.", field="counterparty")
    broker = broker_of(said, known, found)
    row = await reads.get_one(Trade, UUID(deal["id"]))
    must_be_seen(row, said.version)
    await must_be_changed_alone(reads, row, said.location)
    terms = checked_terms(said, known.id, row.portfolio_id)
    if action == AMEND:
        preview.foreseen = await foreseen(reads, row, terms, desk, broker, said.executed_at)
    preview.wording = wording(terms, known.name, page.language)


async def by_line(page: Page, reads: AsyncSession, form: Mapping[str, str]) -> dict[str, str]:
    """Return the form with what its line says filled in. Raises LineUnread."""
    line = form.get("line", "").strip()
    if not line:
        return dict(form)
    offered = await choices(page, reads, own_desk=True)
    parties = [Party(lei, name) for lei, name in offered["parties"]]
    around = Around(page.language, dealt_on(form, page), parties, [name for name, _ in offered["books"]])
    found = read_line(line, around)
    return {**filled_in(dict(form), found, page.language), **in_numbers(found, page.language)}


def in_numbers(fields: Mapping[str, str], language: Language) -> dict[str, str]:
    """Return the amounts and rates among a deal's fields as their reader types them."""
    return {
        name: as_typed(value, language, grouped=name in page_forms.AMOUNTS)
        for name, value in fields.items()
        if name in page_forms.AMOUNTS or name in page_forms.RATES
    }


def dealt_on(form: Mapping[str, str], page: Page) -> date:
    """Return the trade date of a ticket: the business date where none is filled in. Raises Malformed."""
    found = page_forms.day_in(form.get("trade_date", "").strip(), "trade_date") or page.business_date
    assert found is not None
    return found


def with_spot_date(form: Mapping[str, str], page: Page) -> dict[str, str]:
    """Return the form with the spot date where the value date was left blank and the pair is known."""
    filled = {"type": "fx_spot", **form}
    for name in {"base", "quote", "currency"} & filled.keys():
        filled[name] = filled[name].strip().upper()
    if filled["type"] != "fx_spot" or filled.get("value_date", "").strip():
        return filled
    try:
        spot = spot_date(filled.get("base", ""), filled.get("quote", ""), dealt_on(filled, page))
        filled["value_date"] = spot.isoformat()
    except (NoCalendar, Refusal):
        return filled  # the act itself says what is wrong
    return filled


def must_have_spot(form: Mapping[str, str], page: Page) -> None:
    """Raise TermsRefused with what keeps the spot date of a ticket from being told that leaves its value date blank."""
    if form["type"] != "fx_spot" or form.get("value_date", "").strip():
        return
    pair = {form[name]: name for name in ("base", "quote") if form.get(name)}
    day = dealt_on(form, page)
    try:
        for currency, field in pair.items():
            raise_first(currency_findings(field, currency))
        if len(pair) == len(("base", "quote")):
            spot_date(*pair, day)
    except NoCalendar as unknown:
        field = pair.get(unknown.currency, "trade_date") if day == page.business_date else "trade_date"
        raise TermsRefused(TermsFinding("no_calendar", field, str(unknown))) from unknown
    except TermsFinding as finding:
        raise TermsRefused(finding) from finding


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


def terms_of(deal: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Return a deal's terms as the ticket's fields hold them."""
    terms = {name: str(value) for name, value in deal["terms"].items()}
    if deal["broker"] is not None:
        terms |= {"execution": "broker", "broker": deal["broker"]["lei"]}
    moment = datetime.fromisoformat(terms["executed_at"]).astimezone(UTC)
    return terms | {
        **in_numbers(terms, language),
        "counterparty": deal["counterparty"]["lei"],
        "portfolio": deal["portfolio"]["name"],
        "executed_at": field_moment(moment),
    }


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


ROUTES = [TicketPages]
