"""Which deals the demo bank strikes on its days, and what is to become of each: pure, the same every time."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from service.demo.market import Market
from service.kernel.calendar import NoCalendar, next_business_day, spot_date
from service.kernel.identifiers import uuid7
from service.kernel.money import minor_units, plain
from service.market.ecb import cross
from service.trades.deals.cash import CashFlow
from service.trades.deals.deal import cash_flows
from service.trades.entering import terms_on
from service.trades.tickets import CaptureTrade

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
NOBODY = uuid7()
WEEK = timedelta(days=7)
FORWARD_POINTS = Decimal("0.00125")
DEPOSIT_PERCENT, LOAN_PERCENT = "1.95", "2.10"
REFERENCE_PERCENT = {"EUR": "2.00", "USD": "4.05"}
OFF_BY = Decimal("1.05")  # 500 basis points


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
    FORWARD = "forward"  # its points have no reference: risk control assesses them
    DEPOSIT = "deposit"
    LOAN = "loan"
    OFF_MARKET = "off_market"  # risk control justifies it, the board is told, the confirmation says so
    UNJUSTIFIED = "unjustified"  # off the market without a ground: never verified, cancelled
    INVERTED = "inverted"  # quoted upside down: recognised, returned, corrected
    AMENDED = "amended"  # the amount changes after verification, through every office
    OFF_PREMISES = "off_premises"  # struck at home under a mandate, acknowledged by the back office
    MESSAGED = "messaged"  # their message first says another amount, their next one the right one
    FORWARDED = "forwarded"  # their confirmation first comes through trading and closes nothing
    ALLEGED = "alleged"  # beside it they confirm a deal that the bank does not have
    BANKED = "banked"  # our bank refuses the payment, then books it, both by message
    NETTED = "netted"  # its dollars leave in one sum with those of another deal
    DEPUTISED = "deputised"  # controlled by somebody who stands in for a verifier
    INTERNAL = "internal"  # between two books of the bank, each leg accepted by its own owner

    @property
    def told(self) -> str:
        """Say it in a table."""
        return TOLD[self]

    @property
    def ends_cancelled(self) -> bool:
        """Whether nothing of the deal is left in the end."""
        return self in {Story.CANCELLED, Story.CANCELLED_MATCHED, Story.UNJUSTIFIED}


TOLD = {
    Story.PLAIN: "settled without anything special",
    Story.RETURNED: "returned for a wrong amount, corrected, settled",
    Story.DUPLICATE: "entered twice, the second one cancelled",
    Story.CANCELLED: "cancelled after verification and booking",
    Story.CANCELLED_MATCHED: "cancelled after its settlement was prepared",
    Story.KEPT: "cancellation refused, settled",
    Story.MISMATCHED: "confirmation mismatched, cleared, settled",
    Story.FAILING: "payment failed, prepared and released again, settled",
    Story.FORWARD: "forward, points assessed by risk control, settled",
    Story.DEPOSIT: "deposit placed and repaid with interest",
    Story.LOAN: "loan taken and repaid with interest",
    Story.OFF_MARKET: "off the market, justified, disclosed, settled",
    Story.UNJUSTIFIED: "off the market without a ground, cancelled unverified",
    Story.INVERTED: "quoted upside down, returned, corrected, settled",
    Story.AMENDED: "amended after verification, confirmed and booked anew, settled",
    Story.OFF_PREMISES: "struck off the premises, acknowledged, settled",
    Story.MESSAGED: "mismatched by message, corrected by message, settled",
    Story.FORWARDED: "confirmed through trading first, then properly, settled",
    Story.ALLEGED: "confirmed beside a deal that nobody knows, settled",
    Story.BANKED: "payment refused by message, paid again, booked by message, settled",
    Story.NETTED: "paid in one sum with another deal, settled",
    Story.DEPUTISED: "verified by a deputy, settled",
    Story.INTERNAL: "internal, both legs accepted by their owners, settled",
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

    def payments(self) -> tuple[CashFlow, ...]:
        """Return the deal's payments as agreed; positive: we receive."""
        ticket = msgspec.convert({**self.terms, "counterparty": self.counterparty}, CaptureTrade)
        return cash_flows(terms_on(ticket, NOBODY, NOBODY))

    @property
    def value_dates(self) -> set[date]:
        """The days on which something is due."""
        return {flow.value_date for flow in self.payments()}

    def flows(self) -> dict[str, Decimal]:
        """Return what the deal pays by currency; positive: we receive more."""
        sums: dict[str, Decimal] = {}
        for flow in self.payments():
            sums[flow.currency] = sums.get(flow.currency, Decimal(0)) + flow.amount
        return sums


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
        return sorted({day for deal in self.deals for day in deal.value_dates})


def make_plan(market: Market, counterparties: Sequence[str], deals: int = DEALS) -> Plan:
    """Return the plan of so many deals, priced from the fixings of their day; duplicates come on top."""
    assert deals >= DEALS_MIN
    days = market.trading_days
    found: list[Deal] = []
    for day, trade_date in enumerate(days):
        count = deals // len(days) + (1 if day < deals % len(days) else 0)
        found += day_of(day, trade_date, market.rates[trade_date], counterparties, count)
    if days:
        last = len(days) - 1
        found += under_control(last, days[last], market.rates[days[last]], counterparties)
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


def under_control(
    day: int, trade_date: date, rates: Mapping[str, Decimal], counterparties: Sequence[str]
) -> Iterator[Deal]:
    """Yield the deals that show the controls around dealing, one of a kind."""
    spot = spot_date("EUR", "USD", trade_date)
    later = next_business_day(spot + WEEK - timedelta(days=1), "EUR", "USD")
    close = cross(rates, "EUR", "USD").quantize(Decimal("0.00001"))
    clock = datetime.combine(trade_date, DEALING_CLOCK, BERLIN).astimezone(UTC)
    dealt = {
        "trade_date": trade_date.isoformat(),
        "portfolio": FX_EUR,
        "executed_at": clock.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "side_agreements": "none",
    }
    exchange = dealt | {"type": "fx_spot", "side": "buy", "base": "EUR", "quote": "USD"}
    exchange |= {"base_amount": "1000000.00", "rate": plain(close), "value_date": spot.isoformat()}
    ahead = {"spot_rate": plain(close), "forward_points": plain(FORWARD_POINTS)}
    ahead |= {"type": "fx_forward", "rate": plain(close + FORWARD_POINTS), "value_date": later.isoformat()}
    term = {"start_date": spot.isoformat(), "end_date": later.isoformat(), "day_count": "ACT/360"}
    placed = dealt | term | {"type": "mm_deposit", "currency": "EUR", "principal": "5000000.00"}
    placed |= {"rate_percent": DEPOSIT_PERCENT}
    taken = dealt | term | {"type": "mm_loan", "currency": "EUR", "principal": "3000000.00"}
    taken |= {"rate_percent": LOAN_PERCENT}
    off = plain((close * OFF_BY).quantize(Decimal("0.00001")))
    upside_down = plain((1 / close).quantize(Decimal("0.00001")))
    told: list[tuple[Story, dict[str, str], dict[str, str]]] = [
        (Story.FORWARD, exchange | ahead, {}),
        (Story.DEPOSIT, placed, {}),
        (Story.LOAN, taken, {}),
        (Story.OFF_MARKET, exchange | {"rate": off}, {}),
        (Story.UNJUSTIFIED, exchange | {"rate": off, "side": "sell"}, {}),
        (Story.INVERTED, exchange, {"rate": upside_down}),
        (Story.AMENDED, exchange | {"base_amount": "1500000.00"}, {"base_amount": "1250000.00"}),
        (Story.OFF_PREMISES, exchange | {"location": "home_office"}, {}),
        (Story.MESSAGED, exchange | {"base_amount": "1750000.00"}, {}),
        (Story.FORWARDED, exchange | {"base_amount": "2250000.00"}, {}),
        (Story.ALLEGED, exchange | {"base_amount": "2750000.00"}, {}),
        (Story.BANKED, exchange | {"base_amount": "3250000.00"}, {}),
    ]
    for number, (story, terms, typed) in enumerate(told):
        counterparty = counterparties[number % len(counterparties)]
        key = f"control-{story.value}"
        yield Deal(key, day, TRADER, counterparty, story, late=False, terms=terms, entered=terms | typed)


def again(deal: Deal, story: Story) -> Deal:
    """Return another deal on the terms of one, with a story of its own, struck after the day's last hour."""
    return replace(deal, key=f"control-{story.value}", story=story, late=True, entered=deal.terms)


def internal_pair(own_lei: str, deal: Deal) -> tuple[Deal, Deal]:
    """Return both legs of an internal deal on the terms of another one: offered in its book, mirrored in the second."""
    other = DEALERS[-1]
    mirrored = {**deal.terms, "side": "sell", "portfolio": other.portfolio}
    first = Deal(
        "control-internal",
        deal.day,
        deal.dealer,
        own_lei,
        Story.INTERNAL,
        late=True,
        terms=deal.terms,
        entered=deal.terms,
    )
    second = Deal(
        "control-mirror",
        deal.day,
        other,
        own_lei,
        Story.INTERNAL,
        late=True,
        terms=mirrored,
        entered=mirrored,
    )
    return first, second


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
