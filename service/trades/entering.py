"""What it takes for entered terms to become a version of a deal: looked up, judged, covered by limits, written."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Attempt, Desk, written
from service.desks.queries import DeskRules, rules_in_force
from service.kernel.database import NewRow, digest, plain_value, row_view
from service.kernel.direct import fetch
from service.kernel.errors import Malformed, Refusal, StaleVersion, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import parse_amount, quantize
from service.limits.reserving import Reserved, Wanted, reserve
from service.market.checking import Checked, check_market
from service.parties.model import Agreement
from service.parties.queries import as_uuid
from service.trades.deals.cash import TermsFinding
from service.trades.deals.deal import Terms, cash_flows, check_terms, exposure, nominal, type_of
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.deals.fx_spot import FxSpotTerms
from service.trades.deals.money_market import DepositTerms, LoanTerms
from service.trades.desk_times import Mark, is_possible_execution, marks
from service.trades.model import PositionMovement, Trade, TradeVersion
from service.trades.queries import held_positions
from service.trades.tickets import CaptureTrade, DepositTicket, FxForwardTicket, FxSpotTicket, Ticket
from service.trades.versions import terms_columns, terms_view, version_of

PARTIES = (
    "SELECT id, lei, name, own FROM public.counterparty WHERE lei = ANY($1::text[]) OR id = ANY($2::uuid[])"
)
BOOKS = "SELECT id, name, desk_id FROM public.portfolio WHERE name = ANY($1::text[]) OR id = ANY($2::uuid[])"

ON_STANDARD_TERMS = frozenset({"fx_spot"})
"""Types dealt on the market's standard terms; every other one needs an agreement that legal cleared."""


class TermsRefused(Unprocessable):
    """422. The terms are no deal of this type; the code says what is wrong with which field."""

    def __init__(self, finding: TermsFinding) -> None:
        super().__init__(f"{finding.sentence[0].upper()}{finding.sentence[1:]}.", field=finding.field)
        self.finding = finding

    @property
    def code(self) -> str:
        """What is wrong, in the words of the deal type."""
        return self.finding.code


class TradeDateInFuture(Unprocessable):
    """422. A deal cannot be dealt on a day the desk has not reached."""


class ExecutedInFuture(Unprocessable):
    """422. A deal cannot have been struck at a time that has not come."""


class UnknownCounterparty(Unprocessable):
    """422. No counterparty in force has this id or LEI."""


class OwnBank(Unprocessable):
    """422. A deal between two books of the bank is offered as an internal deal, with both owners."""

    rule = "TRD-03"


class UnknownPortfolio(Unprocessable):
    """422. No portfolio in force has this id or name."""


class NoBroker(Unprocessable):
    """422. A deal that a broker brought about names the broker, and one dealt directly names none."""

    rule = "SET-04"


class UnknownBroker(Unprocessable):
    """422. No party in force that is neither side of the deal has this id or LEI."""

    rule = "SET-04"


class NoAgreement(Unprocessable):
    """422. No master agreement with the counterparty is cleared for the trade date, and legal waived none."""

    rule = "TRD-02"


class NoMandate(Refusal):
    """403. The trader has no mandate to deal there."""

    status = 403
    rule = "TRD-06"


class InternalLeg(Refusal):
    """409. A leg of an internal deal is not changed alone: the other one mirrors it."""

    rule = "TRD-03"


class OtherLocation(Unprocessable):
    """422. Where a deal was struck is said once, at capture; a mark that follows from it stays."""

    rule = "TRD-10"


class ForeignPortfolio(Refusal):
    """403. The portfolio belongs to another desk."""

    status = 403


class Party(NamedTuple):
    """A counterparty in force, or the bank itself."""

    id: UUID
    lei: str
    name: str
    own: bool


class Book(NamedTuple):
    """A portfolio in force, and the desk it belongs to."""

    id: UUID
    name: str
    desk_id: UUID


@dataclass(frozen=True, slots=True)
class Known:
    """What the commands of one transaction refer to, found at once: parties by every name they go by."""

    counterparties: Mapping[str, Party]
    portfolios: Mapping[str, Book]
    agreements: Collection[Agreement]
    desks: DeskRules


@dataclass(frozen=True, slots=True)
class Judged:
    """Terms that passed every check that needs no other office's books."""

    attempt: Attempt
    trade_id: UUID
    terms: Terms
    executed_at: datetime
    location: str
    counterparty: Party
    marks: list[str]
    max_eur: Decimal | None = None
    broker_id: UUID | None = None

    def needs(self, version: int) -> Wanted:
        """Return what a version of the deal takes of the limits."""
        return Wanted(
            self.trade_id,
            version,
            self.attempt.entry_id,
            self.terms.counterparty_id,
            self.terms.portfolio_id,
            exposure(self.terms),
            nominal(self.terms),
            self.max_eur,
        )


async def look_up(session: AsyncSession, tickets: Iterable[Ticket], desk: Desk) -> Known:
    """Find every counterparty and portfolio the tickets name, their agreements, and the back office's desk rules."""
    tickets = list(tickets)
    parties = {name for ticket in tickets for name in (ticket.counterparty, ticket.broker) if name}
    books = {ticket.portfolio for ticket in tickets}
    counterparties: dict[str, Party] = {}
    for row in await fetch(session, PARTIES, list(parties), ids_among(parties)):
        party = Party(*row)
        counterparties |= {party.lei: party, str(party.id): party}
    portfolios: dict[str, Book] = {}
    for row in await fetch(session, BOOKS, list(books), ids_among(books)):
        book = Book(*row)
        portfolios |= {book.name: book, str(book.id): book}
    agreements: Sequence[Agreement] = ()
    if any(ticket.wanted not in ON_STANDARD_TERMS for ticket in tickets):
        ids = {party.id for party in counterparties.values()}
        cleared = select(Agreement).where(Agreement.counterparty_id.in_(ids), Agreement.state == "cleared")
        agreements = (await session.scalars(cleared)).all()
    return Known(counterparties, portfolios, agreements, await rules_in_force(session, desk.business_date))


def ids_among(names: Iterable[str]) -> list[UUID]:
    """Return the ids among what may be ids or other names."""
    return [found for name in names if (found := as_uuid(name)) is not None]


def judged(
    attempt: Attempt, ticket: CaptureTrade, known: Known, trade_id: UUID, *, internal: bool = False
) -> Judged:
    """Return what to write, or raise the first reason why this is no deal of this trader's."""
    must_be_writable(ticket.side_agreements, "side_agreements")
    counterparty = known.counterparties.get(name_or_id(ticket.counterparty))
    if counterparty is None:
        raise UnknownCounterparty("No counterparty in force has this id or LEI.", field="counterparty")
    if counterparty.own and not internal:
        raise OwnBank("This is the bank itself; offer an internal deal instead.", field="counterparty")
    portfolio = known.portfolios.get(name_or_id(ticket.portfolio))
    if portfolio is None:
        raise UnknownPortfolio("No portfolio in force has this id or name.", field="portfolio")
    if portfolio.desk_id != attempt.actor.unit:
        sentence = "This portfolio belongs to another desk; enter the deal in a book of your own."
        raise ForeignPortfolio(sentence, field="portfolio", rule="ORG-01")
    broker_id = broker_of(ticket, counterparty, known)
    terms = checked_terms(ticket, counterparty.id, portfolio.id)
    must_stand_on_an_agreement(terms, counterparty, known.agreements)
    desk = attempt.desk
    check_times(terms, ticket.executed_at, desk, attempt.now)
    cut_off = known.desks.cut_off(type_of(terms), portfolio.desk_id)
    found = marks(terms.trade_date, ticket.executed_at, desk.business_date, desk.clock, cut_off)
    max_eur = None
    if ticket.location != "premises":
        max_eur = known.desks.mandate_eur(attempt.actor.person, ticket.location, type_of(terms))
        if max_eur is None:
            raise NoMandate("You have no mandate to deal off the premises there.", field="location")
        found.append(Mark.OFF_PREMISES)
    if internal:
        found.append(Mark.INTERNAL)
    return Judged(
        attempt,
        trade_id,
        terms,
        ticket.executed_at,
        ticket.location,
        counterparty,
        sorted(found),
        max_eur,
        broker_id,
    )


def broker_of(ticket: Ticket, counterparty: Party, known: Known) -> UUID | None:
    """Return who brought the deal about, None where nobody did. Raises NoBroker, UnknownBroker (SET-04)."""
    if ticket.execution == "direct":
        if ticket.broker is not None:
            raise NoBroker("This deal names a broker; say that a broker brought it about.", field="execution")
        return None
    if ticket.broker is None:
        raise NoBroker("A broker brought this deal about; name the broker.", field="broker")
    broker = known.counterparties.get(name_or_id(ticket.broker))
    if broker is None or broker.own or broker.id == counterparty.id:
        raise UnknownBroker("No broker in force has this id or LEI.", field="broker")
    return broker.id


def must_be_writable(told: str, field: str) -> None:
    """Raise Malformed for text that looks like other text than it is: hidden or composed characters."""
    if not told.isprintable() or not unicodedata.is_normalized("NFC", told):
        raise Malformed("This text holds hidden characters or is not in NFC.", field=field)


def name_or_id(name: str) -> str:
    """Return the name, or an id in the one spelling that ids are found by."""
    return str(as_uuid(name) or name)


def checked_terms(ticket: CaptureTrade, counterparty_id: UUID, portfolio_id: UUID) -> Terms:
    """Return the terms of a deal. Raises TermsRefused."""
    terms = terms_on(ticket, counterparty_id, portfolio_id)
    try:
        check_terms(terms)
    except TermsFinding as finding:
        raise TermsRefused(finding) from finding
    if isinstance(terms, FxSpotTerms | FxForwardTerms):
        return msgspec.structs.replace(terms, base_amount=quantize(terms.base_amount, terms.base))
    return msgspec.structs.replace(terms, principal=quantize(terms.principal, terms.currency))


def terms_on(ticket: CaptureTrade, counterparty_id: UUID, portfolio_id: UUID) -> Terms:
    """Return the terms that a ticket states, as yet unchecked."""
    common: dict[str, Any] = {
        "trade_date": ticket.trade_date,
        "counterparty_id": counterparty_id,
        "portfolio_id": portfolio_id,
        "side_agreements": ticket.side_agreements,
    }
    if isinstance(ticket, FxSpotTicket | FxForwardTicket):
        exchange = common | {
            "side": ticket.side,
            "base": ticket.base,
            "quote": ticket.quote,
            "base_amount": parse_amount(ticket.base_amount),
            "rate": parse_amount(ticket.rate),
            "value_date": ticket.value_date,
        }
        if isinstance(ticket, FxSpotTicket):
            return FxSpotTerms(**exchange)
        points = parse_amount(ticket.forward_points)
        return FxForwardTerms(**exchange, spot_rate=parse_amount(ticket.spot_rate), forward_points=points)
    lent = common | {
        "currency": ticket.currency,
        "principal": parse_amount(ticket.principal),
        "rate_percent": parse_amount(ticket.rate_percent),
        "day_count": ticket.day_count,
        "start_date": ticket.start_date,
        "end_date": ticket.end_date,
    }
    return DepositTerms(**lent) if isinstance(ticket, DepositTicket) else LoanTerms(**lent)


def must_stand_on_an_agreement(terms: Terms, counterparty: Party, agreements: Collection[Agreement]) -> None:
    """Raise NoAgreement for a deal beyond standard terms that no cleared agreement or waiver covers on its day."""
    if type_of(terms) in ON_STANDARD_TERMS or counterparty.own:
        return
    for one in agreements:
        ends_before = one.valid_to is not None and one.valid_to < terms.trade_date
        if one.counterparty_id == counterparty.id and one.valid_from <= terms.trade_date and not ends_before:
            return
    raise NoAgreement(
        "No master agreement with this counterparty is cleared by legal for the trade date, and none is waived.",
        field="counterparty",
    )


def check_times(terms: Terms, executed_at: datetime, desk: Desk, now: datetime) -> None:
    """Raise TradeDateInFuture or ExecutedInFuture."""
    if terms.trade_date > desk.business_date:
        sentence = f"The desk deals on {desk.business_date}; {terms.trade_date} has not come."
        raise TradeDateInFuture(sentence, field="trade_date")
    if not is_possible_execution(executed_at, desk.business_date, now):
        raise ExecutedInFuture(
            f"The desk deals on {desk.business_date}; the stated time of execution has not come.",
            field="executed_at",
        )


def must_be_seen(trade: Trade, version: int) -> None:
    """Raise StaleVersion unless the trader looked at the version in force."""
    if trade.version != version:
        sentence = f"You saw version {version}; it is at version {trade.version} now. Look again."
        raise StaleVersion(sentence, field="version")


async def must_be_changed_alone(session: AsyncSession, trade: Trade, location: str) -> None:
    """Raise InternalLeg for a leg of an internal deal, OtherLocation if the deal would move off the premises or back."""
    if Mark.INTERNAL in trade.marks:
        raise InternalLeg("Both legs of an internal deal agree; have both cancelled and deal anew.")
    if (await version_of(session, trade.id)).location != location:
        raise OtherLocation(
            "Where a deal was struck is said once; cancel it and deal anew.", field="location"
        )


# Writing --------------------------------------------------------------------------------------------


async def room_for(
    session: AsyncSession, deals: Sequence[tuple[Judged, int]]
) -> Mapping[UUID, Reserved | Refusal]:
    """Take room of the limits for each deal and version; see ``reserve``. The entries tell what was taken."""
    found = await reserve(session, [deal.needs(version) for deal, version in deals])
    for deal, _ in deals:
        if isinstance(taken := found[deal.trade_id], Reserved):
            deal.attempt.tell(limits=taken.rows)
    return found


async def beside_the_market(
    session: AsyncSession, deals: Sequence[tuple[Judged, Trade | NewRow]]
) -> Mapping[UUID, Checked]:
    """Hold the versions just written against the market, and tell risk control and the board what stands out."""
    await session.flush()
    await written([deal.attempt for deal, _ in deals])
    found = await check_market(
        session, [(deal.trade_id, trade.version, deal.attempt.entry_id) for deal, trade in deals]
    )
    for deal, trade in deals:
        checked, attempt = found[deal.trade_id], deal.attempt
        attempt.tell(check=checked.verdict(), beside=checked.figures() or None)
        if checked.state != "ok":
            items = [Item.JUSTIFY, Item.TAKE_NOTICE] if checked.state == "alert" else [Item.JUSTIFY]
            for item in items:
                attempt.open_item(item, trade, trade_id=trade.id, version=trade.version, reason=checked.why)
    return found


def add_version(deal: Judged, version: int) -> NewRow:
    """Write one version's terms and its movements; the entry tells the terms."""
    attempt, terms = deal.attempt, deal.terms
    row = attempt.put(
        TradeVersion,
        trade_id=deal.trade_id,
        version=version,
        **terms_columns(terms),
        executed_at=deal.executed_at,
        location=deal.location,
        broker_id=deal.broker_id,
        entered_by=attempt.actor.account,
        entered_at=attempt.now,
    )
    moved = [(flow.currency, flow.amount, flow.value_date) for flow in cash_flows(terms)]
    move_position(attempt, deal.trade_id, terms.portfolio_id, version, moved)
    attempt.concerns(deal.trade_id)
    attempt.tell(terms=terms_view(row) | {"counterparty_id": str(terms.counterparty_id)})
    return row


def move_position(
    attempt: Attempt,
    trade_id: UUID,
    portfolio_id: UUID,
    version: int,
    moved: Iterable[tuple[str, Decimal, date]],
) -> None:
    """Write what a version of a deal adds to the position of its portfolio: currency, amount, value date."""
    for currency, amount, value_date in moved:
        attempt.put(
            PositionMovement,
            id=uuid7(),
            portfolio_id=portfolio_id,
            trade_id=trade_id,
            version=version,
            currency=currency,
            value_date=value_date,
            amount=amount,
        )


def terms_digest(version: TradeVersion | NewRow) -> str:
    """Return the digest of everything a version says, so that the deal's own row vouches for it."""
    return digest({name: value for name, value in row_view(version).items() if name != "entry_id"})


async def take_out_of_position(attempt: Attempt, trade: Trade, version: int) -> list[dict[str, Any]]:
    """Mirror what the deal contributes to the position; return the movements."""
    held = await held_positions(attempt.session, trade.id)
    mirrored = [(row.currency, row.amount.copy_negate(), row.value_date) for row in held]
    move_position(attempt, trade.id, trade.portfolio_id, version, mirrored)
    return [{"currency": currency, "amount": plain_value(amount)} for currency, amount, _ in mirrored]
