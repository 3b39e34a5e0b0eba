"""FX spot: one currency against another, due within the market's spot period."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from babel.dates import format_date
from babel.numbers import format_decimal

from service.kernel.calendar import (
    CALENDARS,
    NoCalendar,
    holiday_name,
    is_business_day,
    spot_date,
)
from service.kernel.money import (
    AMOUNT_MAX,
    ARITHMETIC,
    CURRENCIES,
    RATE_DECIMALS_MAX,
    Money,
    TooManyDecimals,
    check_decimals,
    minor_units,
    quantize,
)

Side = Literal["buy", "sell"]
Language = Literal["en", "de"]
FindingCode = Literal[
    "side_agreements_missing",
    "unknown_currency",
    "same_currency",
    "amount_not_positive",
    "rate_not_positive",
    "amount_too_large",
    "too_many_decimals",
    "no_calendar",
    "trade_date_on_weekend",
    "value_date_before_trade_date",
    "value_date_on_holiday",
    "value_date_beyond_spot",
]

_SATURDAY: Final = 5
_RATE_STEP: Final = Decimal(1).scaleb(-RATE_DECIMALS_MAX)
_RATE_PATTERN: Final = "#,##0.########"


class FxSpotTerms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="fx_spot",
):
    """What was agreed: ``base_amount`` of ``base`` at ``rate`` units of ``quote`` for each."""

    side: Side
    """What we do with the base currency."""
    base: str
    quote: str
    base_amount: Decimal
    """Always positive; ``side`` says who receives it."""
    rate: Decimal
    """Units of ``quote`` for one unit of ``base``; always positive."""
    trade_date: date
    value_date: date
    counterparty_id: UUID
    portfolio_id: UUID
    side_agreements: str
    """What was agreed beyond these terms, in words; "none" where nothing was."""


class CashFlow(msgspec.Struct, frozen=True):
    """One payment of a deal; positive: we receive."""

    currency: str
    amount: Decimal
    value_date: date


class Difference(NamedTuple):
    """One term that two versions of a deal do not share."""

    field: str
    old: Any
    new: Any


class TermsFinding(Exception):
    """The terms cannot be a spot deal; ``field`` is the term to correct."""

    def __init__(self, code: FindingCode, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code: FindingCode = code
        self.field = field
        self.sentence = sentence


def quote_amount(terms: FxSpotTerms) -> Decimal:
    """Work out the other side's amount: base amount times rate, rounded half up; positive.

    Raises UnknownCurrency.
    """
    return quantize(ARITHMETIC.multiply(terms.base_amount, terms.rate), terms.quote)


def bought(terms: FxSpotTerms) -> Money:
    """Tell what we receive; positive."""
    base, quote = _both(terms)
    return base if terms.side == "buy" else quote


def sold(terms: FxSpotTerms) -> Money:
    """Tell what we pay; positive."""
    base, quote = _both(terms)
    return quote if terms.side == "buy" else base


def cash_flows(terms: FxSpotTerms) -> tuple[CashFlow, CashFlow]:
    """Split the deal into its two payments, base currency first; positive: we receive.

    Raises UnknownCurrency, TooManyDecimals.
    """
    base, quote = _both(terms)
    if terms.side == "buy":
        base_flow, quote_flow = base.amount, quote.amount.copy_negate()
    else:
        base_flow, quote_flow = base.amount.copy_negate(), quote.amount
    return (
        CashFlow(base.currency, base_flow, terms.value_date),
        CashFlow(quote.currency, quote_flow, terms.value_date),
    )


def _both(terms: FxSpotTerms) -> tuple[Money, Money]:
    check_decimals(terms.base_amount, terms.base)
    base_amount = quantize(terms.base_amount, terms.base)
    return Money(base_amount, terms.base), Money(quote_amount(terms), terms.quote)


def check_terms(terms: FxSpotTerms) -> None:
    """Refuse terms that are no spot deal, naming the first thing wrong with them.

    Raises TermsFinding.
    """
    for finding in findings(terms):
        raise finding


def findings(terms: FxSpotTerms) -> Iterator[TermsFinding]:
    """Name everything wrong with the terms, most basic first.

    What cannot be judged without an earlier answer is left out: no amounts in an unknown
    currency, no dates without calendars.
    """
    if not terms.side_agreements.strip():
        sentence = 'say what was agreed on the side, or "none"'
        yield TermsFinding("side_agreements_missing", "side_agreements", sentence)
    currencies_wrong = list(_currency_findings(terms))
    yield from currencies_wrong
    if not currencies_wrong:
        yield from _amount_findings(terms)
        yield from _date_findings(terms)


def _currency_findings(terms: FxSpotTerms) -> Iterator[TermsFinding]:
    for field, currency in (("base", terms.base), ("quote", terms.quote)):
        if currency not in CURRENCIES:
            sentence = f"{currency[:12]!a} is no currency of ISO 4217"
            yield TermsFinding("unknown_currency", field, sentence)
        elif currency not in CALENDARS:
            sentence = f"{currency} is not dealt here: no settlement calendar is kept for it"
            yield TermsFinding("unknown_currency", field, sentence)
    if terms.base == terms.quote:
        sentence = f"a deal exchanges two currencies, and both are {terms.base[:12]}"
        yield TermsFinding("same_currency", "quote", sentence)


def _amount_findings(terms: FxSpotTerms) -> Iterator[TermsFinding]:
    wrong = list(_number_findings(terms))
    yield from wrong
    if wrong:
        return
    try:
        check_decimals(terms.base_amount, terms.base)
    except TooManyDecimals as finding:
        yield TermsFinding("too_many_decimals", "base_amount", str(finding))
    if terms.rate.quantize(_RATE_STEP, context=ARITHMETIC) != terms.rate:
        sentence = f"a rate has at most {RATE_DECIMALS_MAX} decimals"
        yield TermsFinding("too_many_decimals", "rate", sentence)
    other_side = quote_amount(terms)
    if other_side >= AMOUNT_MAX:
        sentence = f"the amount in {terms.quote} would have more than 15 digits"
        yield TermsFinding("amount_too_large", "base_amount", sentence)
    if not other_side:
        sentence = f"the amount is so small that its worth in {terms.quote} rounds to nothing"
        yield TermsFinding("amount_not_positive", "base_amount", sentence)


def _number_findings(terms: FxSpotTerms) -> Iterator[TermsFinding]:
    """Judge amount and rate as numbers, so that the arithmetic after it cannot overflow."""
    if not (terms.base_amount.is_finite() and terms.base_amount > 0):
        sentence = "the amount is always positive; the side says who receives it"
        yield TermsFinding("amount_not_positive", "base_amount", sentence)
    elif terms.base_amount >= AMOUNT_MAX:
        sentence = "an amount has at most 15 digits before the point"
        yield TermsFinding("amount_too_large", "base_amount", sentence)
    if not (terms.rate.is_finite() and terms.rate > 0):
        sentence = f"the rate is how much {terms.quote} one {terms.base} costs: more than zero"
        yield TermsFinding("rate_not_positive", "rate", sentence)
    elif terms.rate >= AMOUNT_MAX:
        sentence = "a rate has at most 15 digits before the point"
        yield TermsFinding("amount_too_large", "rate", sentence)


def _date_findings(terms: FxSpotTerms) -> Iterator[TermsFinding]:
    if terms.trade_date.weekday() >= _SATURDAY:
        sentence = f"nobody deals on a weekend: {_day(terms.trade_date)}"
        yield TermsFinding("trade_date_on_weekend", "trade_date", sentence)
    if terms.value_date < terms.trade_date:
        sentence = f"the value date {terms.value_date} lies before the trade date {terms.trade_date}"
        yield TermsFinding("value_date_before_trade_date", "value_date", sentence)
        return
    try:
        for currency in (terms.base, terms.quote):
            if (closed := _why_closed(terms.value_date, currency)) is not None:
                yield TermsFinding("value_date_on_holiday", "value_date", closed)
        spot = spot_date(terms.base, terms.quote, terms.trade_date)
    except NoCalendar as unknown:
        yield TermsFinding("no_calendar", "value_date", str(unknown))
        return
    if terms.value_date > spot:
        sentence = (
            f"{terms.base}/{terms.quote} dealt on {terms.trade_date} is due spot on {_day(spot)}; "
            f"a later value date is a forward"
        )
        yield TermsFinding("value_date_beyond_spot", "value_date", sentence)


def _why_closed(day: date, currency: str) -> str | None:
    if is_business_day(day, currency):
        return None
    name = holiday_name(day, currency) or "a weekend"
    return f"{currency} cannot be paid on {_day(day)}: {name}"


def _day(day: date) -> str:
    """Write a day so that nobody has to look up its weekday: ``Saturday 2016-12-24``."""
    return f"{format_date(day, 'EEEE', locale='en')} {day.isoformat()}"


def wording(terms: FxSpotTerms, counterparty_name: str, language: Language = "en") -> str:
    """Say the deal in one sentence to the person who confirms it.

    The counterparty's name is data and stands as it is; whoever prints it escapes it.

    Raises UnknownCurrency.
    """
    own, other = _both(terms)
    base, quote = (
        f"{format_decimal(money.amount, _pattern(money.currency), language)} {money.currency}"
        for money in (own, other)
    )
    rate = format_decimal(terms.rate, _RATE_PATTERN, language)
    due = format_date(terms.value_date, "EEE d MMM yyyy", locale=language)
    if language == "de":
        due = format_date(terms.value_date, "EEE d. MMM yyyy", locale=language)
        if terms.side == "buy":
            return f"Sie kaufen {base} von {counterparty_name} gegen {quote} zu {rate}, Valuta {due}"
        return f"Sie verkaufen {base} an {counterparty_name} gegen {quote} zu {rate}, Valuta {due}"
    if terms.side == "buy":
        return f"You buy {base} from {counterparty_name} against {quote} at {rate}, value {due}"
    return f"You sell {base} to {counterparty_name} against {quote} at {rate}, value {due}"


def _pattern(currency: str) -> str:
    decimals = minor_units(currency)
    return f"#,##0.{'0' * decimals}" if decimals else "#,##0"


def differences(old: FxSpotTerms, new: FxSpotTerms) -> list[Difference]:
    """List the terms that changed, in the order the deal is read; 1.0 and 1.00 are no change."""
    return [
        Difference(field, before, after)
        for field in FxSpotTerms.__struct_fields__
        if (before := getattr(old, field)) != (after := getattr(new, field))
    ]
