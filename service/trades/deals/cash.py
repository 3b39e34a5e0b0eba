"""What all deal types share: payments, findings, differences, and how money and days are said."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import msgspec
from babel.dates import format_date
from babel.numbers import format_decimal

from service.kernel.calendar import CALENDARS, NoCalendar, holiday_name, is_business_day, next_business_day
from service.kernel.money import (
    AMOUNT_MAX,
    ARITHMETIC,
    CURRENCIES,
    RATE_DECIMALS_MAX,
    Money,
    TooManyDecimals,
    check_decimals,
    minor_units,
)

Language = Literal["en", "de"]
Leg = Literal["base", "quote", "start", "maturity"]
FindingCode = Literal[
    "side_agreements_missing",
    "unknown_currency",
    "same_currency",
    "amount_not_positive",
    "rate_not_positive",
    "rate_out_of_range",
    "rate_is_not_the_sum",
    "day_count_missing",
    "unknown_day_count",
    "amount_too_large",
    "too_many_decimals",
    "no_calendar",
    "trade_date_on_weekend",
    "value_date_before_trade_date",
    "value_date_on_holiday",
    "value_date_beyond_spot",
    "value_date_within_spot",
    "start_date_before_trade_date",
    "start_date_on_holiday",
    "end_date_not_after_start_date",
    "end_date_on_holiday",
    "term_too_long",
]

YEARS_MAX: Final = 2
"""How long a deal may run from its spot date."""

_SATURDAY: Final = 5
_LAST_OF_FEBRUARY: Final = 28
_RATE_STEP: Final = Decimal(1).scaleb(-RATE_DECIMALS_MAX)
_GERMAN: Final = str.maketrans(",.", ".,")
_DAY_PATTERNS: Final[Mapping[Language, str]] = {"en": "EEE d MMM yyyy", "de": "EEE d. MMM yyyy"}


class CashFlow(msgspec.Struct, frozen=True):
    """One payment of a deal; positive: we receive."""

    leg: Leg
    """Which of the deal's two payments it is: by currency in an exchange, by time in a loan."""
    currency: str
    amount: Decimal
    value_date: date


class Difference(NamedTuple):
    """One term that two versions of a deal do not share; None where a version does not have it."""

    field: str
    old: Any
    new: Any


class TermsFinding(Exception):
    """The terms cannot be a deal of their type; ``field`` is the term to correct."""

    def __init__(self, code: FindingCode, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code: FindingCode = code
        self.field = field
        self.sentence = sentence


def raise_first(findings: Iterable[TermsFinding]) -> None:
    """Refuse with the first thing wrong, if anything is."""
    for finding in findings:
        raise finding


def side_agreement_findings(side_agreements: str) -> Iterator[TermsFinding]:
    """Ask for an answer even where nothing was agreed on the side (TRD-01)."""
    if not side_agreements.strip():
        sentence = 'say what was agreed on the side, or "none"'
        yield TermsFinding("side_agreements_missing", "side_agreements", sentence)


def currency_findings(field: str, currency: str) -> Iterator[TermsFinding]:
    """Judge a currency: one of ISO 4217, and one whose payment days are known."""
    if currency not in CURRENCIES:
        sentence = f"{currency[:12]!a} is no currency of ISO 4217"
        yield TermsFinding("unknown_currency", field, sentence)
    elif currency not in CALENDARS:
        sentence = f"{currency} is not dealt here: no settlement calendar is kept for it"
        yield TermsFinding("unknown_currency", field, sentence)


def size_findings(field: str, amount: Decimal, sentence: str) -> Iterator[TermsFinding]:
    """Judge an amount as a number; ``sentence`` says why it is never zero or less."""
    if not (amount.is_finite() and amount > 0):
        yield TermsFinding("amount_not_positive", field, sentence)
    elif amount >= AMOUNT_MAX:
        sentence = "an amount has at most 15 digits before the point"
        yield TermsFinding("amount_too_large", field, sentence)


def amount_decimal_findings(field: str, amount: Decimal, currency: str) -> Iterator[TermsFinding]:
    """Refuse a fraction of the currency's smallest unit."""
    try:
        check_decimals(amount, currency)
    except TooManyDecimals as finding:
        yield TermsFinding("too_many_decimals", field, str(finding))


def rate_decimal_findings(field: str, rate: Decimal) -> Iterator[TermsFinding]:
    """Refuse a rate written finer than this house keeps it."""
    if rate.quantize(_RATE_STEP, context=ARITHMETIC) != rate:
        sentence = f"a rate has at most {RATE_DECIMALS_MAX} decimals"
        yield TermsFinding("too_many_decimals", field, sentence)


def trade_date_findings(trade_date: date) -> Iterator[TermsFinding]:
    """Refuse a weekend; a holiday may be dealt on."""
    if trade_date.weekday() >= _SATURDAY:
        sentence = f"nobody deals on a weekend: {said_day(trade_date)}"
        yield TermsFinding("trade_date_on_weekend", "trade_date", sentence)


def holiday_findings(code: FindingCode, field: str, day: date, *currencies: str) -> Iterator[TermsFinding]:
    """Refuse a day on which one of the currencies cannot be paid. Raises NoCalendar."""
    for currency in currencies:
        if not is_business_day(day, currency):
            name = holiday_name(day, currency) or "a weekend"
            sentence = f"{currency} cannot be paid on {said_day(day)}: {name}"
            with contextlib.suppress(NoCalendar):  # a currency may end with the year
                good = next_business_day(day, *currencies)
                sentence = (
                    f"{currency} cannot be paid on {said_day(day)}: {name}; {good} is the next good day"
                )
            yield TermsFinding(code, field, sentence)


def term_findings(field: str, last: date, spot: date, *currencies: str) -> Iterator[TermsFinding]:
    """Refuse a deal that ends later than two years after spot, or the first good day from there.

    Raises NoCalendar.
    """
    anniversary = _years_after(spot, YEARS_MAX)
    if last > anniversary and last > next_business_day(anniversary - timedelta(days=1), *currencies):
        sentence = f"deals here run for at most {YEARS_MAX} years from spot {spot}; {last} is later"
        yield TermsFinding("term_too_long", field, sentence)


def _years_after(day: date, years: int) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year + years, 2, _LAST_OF_FEBRUARY)
    return day.replace(year=day.year + years)


def said_day(day: date) -> str:
    """Write a day so that nobody has to look up its weekday: ``Saturday 2016-12-24``."""
    return f"{format_date(day, 'EEEE', locale='en')} {day.isoformat()}"


def money_text(money: Money, language: Language) -> str:
    """Write an amount as the language does, with all its minor units: ``1.250,00 EUR``."""
    text = f"{money.amount:,.{minor_units(money.currency)}f}"
    return f"{text if language == 'en' else text.translate(_GERMAN)} {money.currency}"


@lru_cache(maxsize=4096)
def rate_text(rate: Decimal, language: Language, *, signed: bool = False) -> str:
    """Write a rate without idle zeros; ``signed``: with its plus as well."""
    pattern = "+#,##0.########;-#,##0.########" if signed else "#,##0.########"
    return format_decimal(rate, pattern, language)


@lru_cache(maxsize=4096)
def day_text(day: date, language: Language) -> str:
    """Write a day with its weekday: ``Thu 25 Oct 2001``, ``Do. 25. Okt. 2001``."""
    return format_date(day, _DAY_PATTERNS[language], locale=language)


def differences(
    old: msgspec.Struct, new: msgspec.Struct, in_order: Iterable[str] | None = None
) -> list[Difference]:
    """List the terms that changed, in the order the deal is read; 1.0 and 1.00 are no change."""
    return [
        Difference(field, before, after)
        for field in in_order or old.__struct_fields__
        if (before := getattr(old, field, None)) != (after := getattr(new, field, None))
    ]
