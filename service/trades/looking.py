"""A deal looked at before it is entered: in words, its days, the room it would take, its distance from the market."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Desk
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.calendar import NoCalendar, next_business_day, spot_date
from service.kernel.database import plain_value
from service.kernel.identifiers import uuid7
from service.kernel.money import (
    ARITHMETIC,
    Money,
    UnknownCurrency,
    UnreadableAmount,
    parse_amount,
    quantize,
)
from service.market.ecb import NoFixing, to_eur
from service.market.queries import desk, last_rates
from service.trades.deals.cash import Language, holiday_findings
from service.trades.deals.deal import Terms, wording
from service.trades.deals.fx import FxTerms
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.entering import Judged, judged, look_up
from service.trades.reference import Reference, beside_reference
from service.trades.tickets import CaptureTrade

BERLIN: Final = ZoneInfo("Europe/Berlin")
ROOM: Final = text("SELECT * FROM public.limit_room(:scope, :owner)")


async def desk_of(reads: AsyncSession, gate: Gate) -> Desk:
    """Return desk time: as recorded, else the system's in Berlin."""
    recorded = await desk(reads)
    local = gate.clock.now().astimezone(BERLIN)
    if recorded is None:
        return Desk(local.date(), time(local.hour, local.minute))
    return Desk(recorded.business_date, recorded.desk_clock or time(local.hour, local.minute))


async def look_at(
    gate: Gate, actor: Actor, reads: AsyncSession, ticket: CaptureTrade, language: Language = "en"
) -> dict[str, Any]:
    """Return what would become of a deal. Nothing is written; raises the first reason why it is none of the caller's.

    The figures are those of now: somebody else may take the room before the deal is entered.
    """
    at = await desk_of(reads, gate)
    known = await look_up(reads, [ticket], at)
    decision = gate.policy.decide(actor.roles, Action.TRADE_CAPTURE)
    attempt = Attempt(reads, actor, decision, gate.policy, gate.clock.now(), at, uuid7(), gate.entity_lei)
    deal = judged(attempt, ticket, known, uuid7())
    reference = await reference_of(reads, deal.terms)
    return {
        "wording": wording(deal.terms, deal.counterparty.name, language),
        "marks": deal.marks,
        "limits": await rooms(reads, deal),
        "reference": None if reference is None else reference_view(reference),
    }


async def reference_of(reads: AsyncSession, terms: Terms) -> Reference | None:
    """Return how far a deal is from the last reference up to its trade date that the reader may know."""
    if not isinstance(terms, FxTerms):
        return None
    dealt = terms.spot_rate if isinstance(terms, FxForwardTerms) else terms.rate
    return beside_reference(dealt, terms.base, terms.quote, await last_rates(reads, terms.trade_date))


def reference_view(reference: Reference) -> dict[str, Any]:
    """Return a reference as answers show it."""
    names = ("day", "rate", "deviation_bp")
    return {name: plain_value(getattr(reference, name)) for name in names}


async def rooms(reads: AsyncSession, deal: Judged) -> list[dict[str, Any]]:
    """Return each limit the deal would use: how much it asks and how much is left behind it.

    ``asked_eur`` is null where no rate is known, ``limit_eur`` where no limit is in force: neither deal is entered.
    """
    wants = deal.needs(1)
    rates = await last_rates(reads, deal.attempt.desk.business_date)
    found = []
    for scope, owner, name, money in (
        ("counterparty", wants.counterparty_id, deal.counterparty.name, wants.exposure),
        ("portfolio", wants.portfolio_id, None, wants.nominal),
    ):
        row = (await reads.execute(ROOM, {"scope": scope, "owner": owner})).one()
        found.append(room(scope, name, row.amount_eur, row.used_eur, worth(money, rates)))
    if wants.max_eur is not None:
        found.append(room("mandate", None, wants.max_eur, Decimal(0), worth(wants.nominal, rates)))
    return found


def worth(money: Money, rates: tuple[date, Mapping[str, Decimal]] | None) -> Decimal | None:
    """Return the worth in EUR at the last fixing, None where it does not know the currency."""
    try:
        return to_eur(money.amount, money.currency, {} if rates is None else rates[1])
    except NoFixing:
        return None


def room(
    scope: str, name: str | None, limit: Decimal | None, used: Decimal, asked: Decimal | None
) -> dict[str, Any]:
    """Return one limit with what the deal would leave of it."""
    left = None if limit is None or asked is None else limit - used - asked
    figures = {"limit_eur": limit, "used_eur": used, "asked_eur": asked, "left_eur": left}
    return {
        "scope": scope,
        "name": name,
        **{key: None if value is None else plain_value(value) for key, value in figures.items()},
        "fits": left is not None and (left >= 0 or asked == 0),
    }


# Of a ticket that is not whole yet ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Glance:
    """What follows from the fields filled in so far."""

    spot: date | None = None
    value_date: date | None = None
    closed: str | None = None
    """Why nothing can be paid on the value date."""
    good: date | None = None
    """The next day on which it can."""
    against: Money | None = None


def glance(fields: Mapping[str, Any]) -> Glance:
    """Return what the fields of an exchange give by themselves; what cannot be read yet is left out."""
    base, quote = fields.get("base"), fields.get("quote")
    if not base or not quote:
        return Glance()
    return Glance(*_days(base, quote, fields), _against(quote, fields))


def _days(
    base: str, quote: str, fields: Mapping[str, Any]
) -> tuple[date | None, date | None, str | None, date | None]:
    try:
        spot = spot_date(base, quote, date.fromisoformat(str(fields.get("trade_date"))))
        said = fields.get("value_date")
        due = spot if said is None else date.fromisoformat(said)
        closed = [
            found.sentence
            for found in holiday_findings("value_date_on_holiday", "value_date", due, base, quote)
        ]
        good = next_business_day(due, base, quote) if closed else None
    except (NoCalendar, ValueError, OverflowError):
        return None, None, None, None
    return spot, due, closed[0] if closed else None, good


def _against(quote: str, fields: Mapping[str, Any]) -> Money | None:
    try:
        amount, rate = parse_amount(fields["base_amount"]), parse_amount(fields["rate"])
        return Money(quantize(ARITHMETIC.multiply(amount, rate), quote), quote)
    except (KeyError, UnreadableAmount, UnknownCurrency):
        return None


async def distance_so_far(reads: AsyncSession, fields: Mapping[str, Any]) -> Reference | None:
    """Return the distance from the reference as soon as pair and rate stand."""
    try:
        dealt = parse_amount(fields.get("spot_rate") or fields["rate"])
        known = await last_rates(reads, date.fromisoformat(str(fields.get("trade_date"))))
        return beside_reference(dealt, fields["base"], fields["quote"], known) if dealt > 0 else None
    except (KeyError, UnreadableAmount, ValueError):
        return None
