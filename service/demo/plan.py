"""Which deals the demo bank strikes on its days, and what is to become of each: pure, the same every time."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from service.demo.market import Market
from service.kernel.calendar import NoCalendar, spot_date
from service.kernel.money import minor_units, plain, quantize
from service.market.ecb import cross

DEALS = 210
DEALS_MIN = 24
DEVIATION_BP_MAX = 4
ROUND_SUM = 10_000
RATE_DECIMALS, RATE_DECIMALS_YEN = 5, 3
LATE_SHARE = 20  # one deal in so many
BERLIN = ZoneInfo("Europe/Berlin")
DEALING_CLOCK, LATE_CLOCK = time(10, 30), time(18, 20)  # what the desk's clock shows in Berlin
BETWEEN_DEAL_AND_CAPTURE_MINUTES_MAX = 10
TEN_TIMES = 10


class Story(StrEnum):
    """What happens to a deal between its capture and its end."""

    PLAIN = "plain"
    RETURNED = "returned"  # a wrong amount, found by the verifier, corrected by its trader
    DUPLICATE = "duplicate"  # the same deal entered twice; the second is cancelled
    CANCELLED = "cancelled"  # cancelled after it was verified and booked
    CANCELLED_MATCHED = "cancelled_matched"  # cancelled when its settlement was prepared already
    KEPT = "kept"  # a cancellation asked for and refused
    MISMATCHED = "mismatched"  # the counterparty first says another amount
    FAILING = "failing"  # one leg fails on its day and is prepared and released again

    @property
    def told(self) -> str:
        """Say it in a table."""
        return TOLD[self]

    @property
    def ends_cancelled(self) -> bool:
        """Whether nothing of the deal is left in the end."""
        return self in {Story.CANCELLED, Story.CANCELLED_MATCHED}


TOLD = {
    Story.PLAIN: "settled without anything special",
    Story.RETURNED: "returned for a wrong amount, corrected, settled",
    Story.DUPLICATE: "entered twice, the second one cancelled",
    Story.CANCELLED: "cancelled after verification and booking",
    Story.CANCELLED_MATCHED: "cancelled after its settlement was prepared",
    Story.KEPT: "cancellation refused, settled",
    Story.MISMATCHED: "confirmation mismatched, cleared, settled",
    Story.FAILING: "payment failed, prepared and released again, settled",
}


class Dealer(msgspec.Struct, frozen=True):
    """Who deals, in which book, which pairs."""

    account: str
    portfolio: str
    pairs: tuple[str, ...]


FX_EUR, FX_USD = "FX-EUR", "FX-USD"
EUR_PAIRS = ("EURUSD", "EURGBP", "EURCHF", "EURJPY", "EURSEK", "EURPLN", "EURNOK")
USD_PAIRS = ("GBPUSD", "USDJPY", "USDCHF", "USDCAD", "AUDUSD")

TRADER = Dealer("trader", FX_EUR, EUR_PAIRS)
DEALERS = (TRADER, Dealer("other-trader", FX_EUR, EUR_PAIRS), Dealer("second-desk-trader", FX_USD, USD_PAIRS))
MOVER = Dealer("mover-trading", FX_EUR, EUR_PAIRS)
MOVER_DEALS = 3

CURRENCIES = tuple(sorted({pair[at : at + 3] for pair in (*EUR_PAIRS, *USD_PAIRS) for at in (0, 3)}))

FIRST_DAY_STORIES = (
    Story.PLAIN,
    Story.RETURNED,
    Story.DUPLICATE,
    Story.CANCELLED,
    Story.MISMATCHED,
    Story.FAILING,
)
SECOND_DAY_STORIES = (
    Story.PLAIN,
    Story.CANCELLED_MATCHED,
    Story.KEPT,
    Story.MISMATCHED,
    Story.RETURNED,
)


@dataclass(frozen=True, slots=True)
class Deal:
    """One deal: who enters it when, its right terms, and what is to become of it.

    ``entered`` are the terms as first typed, which differ from ``terms`` where the story is a wrong amount.
    """

    key: str
    day: int
    dealer: Dealer
    counterparty: str
    story: Story
    late: bool
    terms: Mapping[str, str]
    entered: Mapping[str, str]

    @property
    def value_date(self) -> date:
        """The day on which both amounts are due."""
        return date.fromisoformat(self.terms["value_date"])

    def flows(self) -> dict[str, Decimal]:
        """Return both payments by currency; positive: we receive."""
        base, quote = self.terms["base"], self.terms["quote"]
        amount = Decimal(self.terms["base_amount"])
        other = quantize(amount * Decimal(self.terms["rate"]), quote)
        sign = 1 if self.terms["side"] == "buy" else -1
        return {base: sign * amount, quote: -sign * other}


@dataclass(frozen=True, slots=True)
class Plan:
    """The deals of all days and the days on which the bank works."""

    trading_days: Sequence[date]
    deals: Sequence[Deal]

    def of_day(self, day: int, *, late: bool) -> list[Deal]:
        """Return one day's deals, those before or those after the cut-off."""
        return [deal for deal in self.deals if deal.day == day and deal.late is late]

    def one(self, story: Story, *, account: str | None = None, day: int | None = None) -> Deal:
        """Return the first deal with this story."""
        return next(
            deal
            for deal in self.deals
            if deal.story is story
            and account in {None, deal.dealer.account}
            and day in {None, deal.day}
            and not deal.late
        )

    @property
    def value_dates(self) -> list[date]:
        """The days on which something is due, in order."""
        return sorted({deal.value_date for deal in self.deals})


def make_plan(market: Market, counterparties: Sequence[str], deals: int = DEALS) -> Plan:
    """Return the plan of so many deals, priced from the fixings of their day; duplicates come on top."""
    assert deals >= DEALS_MIN
    days = market.trading_days
    found: list[Deal] = []
    for day, trade_date in enumerate(days):
        count = deals // len(days) + (1 if day < deals % len(days) else 0)
        found += day_of(day, trade_date, market.rates[trade_date], counterparties, count)
    return Plan(days, found)


def day_of(
    day: int, trade_date: date, rates: Mapping[str, Decimal], counterparties: Sequence[str], count: int
) -> Iterator[Deal]:
    """Yield one day's deals: the day's stories first, the mover's on the first day, late ones at the end."""
    stories = FIRST_DAY_STORIES if day == 0 else SECOND_DAY_STORIES
    late = max(1, count // LATE_SHARE)
    for number in range(count):
        key = f"day{day}-{number:03d}"
        if number < len(stories):
            dealer, story = TRADER, stories[number]
        elif day == 0 and number >= count - late - MOVER_DEALS and number < count - late:
            dealer, story = MOVER, Story.PLAIN
        else:
            dealer, story = DEALERS[number % len(DEALERS)], Story.PLAIN
        is_late = number >= count - late
        terms = terms_of(key, dealer, trade_date, LATE_CLOCK if is_late else DEALING_CLOCK, rates)
        entered = wrong_amount(terms) if story is Story.RETURNED else terms
        counterparty = counterparties[pick(key, "counterparty", len(counterparties))]
        yield Deal(key, day, dealer, counterparty, story, is_late, terms, entered)


def terms_of(
    key: str, dealer: Dealer, trade_date: date, clock: time, rates: Mapping[str, Decimal]
) -> dict[str, str]:
    """Return the terms of a deal struck shortly before the clock's time, without counterparty."""
    pairs = dealt(dealer.pairs, trade_date, rates)
    pair = pairs[pick(key, "pair", len(pairs))]
    base, quote = pair[:3], pair[3:]
    amount = Decimal(ROUND_SUM * (10 + pick(key, "amount", 491)))
    if pick(key, "odd", 5) == 0:
        amount += Decimal(pick(key, "cents", 999_999)) / 100
    minutes = pick(key, "minutes", BETWEEN_DEAL_AND_CAPTURE_MINUTES_MAX)
    executed_at = datetime.combine(trade_date, clock, BERLIN) - timedelta(minutes=minutes)
    return {
        "type": "fx_spot",
        "side": "buy" if pick(key, "side", 2) else "sell",
        "base": base,
        "quote": quote,
        "base_amount": plain(amount.quantize(Decimal(1).scaleb(-minor_units(base)))),
        "rate": plain(dealt_rate(key, rates, base, quote)),
        "trade_date": trade_date.isoformat(),
        "value_date": spot_date(base, quote, trade_date).isoformat(),
        "portfolio": dealer.portfolio,
        "executed_at": executed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "side_agreements": "none",
    }


def dealt(pairs: Sequence[str], trade_date: date, rates: Mapping[str, Decimal]) -> list[str]:
    """Return the pairs that have a fixing and a calendar on the day."""
    fixed = [pair for pair in pairs if all(code == "EUR" or code in rates for code in (pair[:3], pair[3:]))]
    return [pair for pair in fixed if has_spot_date(pair, trade_date)]


def has_spot_date(pair: str, trade_date: date) -> bool:
    """Tell whether calendars are kept for both currencies on the day."""
    try:
        spot_date(pair[:3], pair[3:], trade_date)
    except NoCalendar:
        return False
    return True


def dealt_rate(key: str, rates: Mapping[str, Decimal], base: str, quote: str) -> Decimal:
    """Return a price near the day's fixing: at most four basis points off it."""
    off_bp = pick(key, "deviation", 2 * DEVIATION_BP_MAX + 1) - DEVIATION_BP_MAX
    rate = cross(rates, base, quote) * (1 + Decimal(off_bp) / 10_000)
    decimals = RATE_DECIMALS_YEN if quote == "JPY" else RATE_DECIMALS
    return rate.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def wrong_amount(terms: Mapping[str, str]) -> dict[str, str]:
    """Return the terms with one zero too many."""
    return {**terms, "base_amount": plain(Decimal(terms["base_amount"]) * TEN_TIMES)}


def pick(key: str, what: str, count: int) -> int:
    """Choose one of ``count``: by hash, so that every run chooses the same."""
    return int.from_bytes(hashlib.sha256(f"{key}/{what}".encode()).digest()[:8], "big") % count
