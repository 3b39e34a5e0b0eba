"""On which days a currency can be paid, and when a spot deal is due.

The days come from the ``holidays`` package, per currency from the calendar nearest to its large
value payment system. Announced one-off closures and lunar holidays ahead are estimates there.

Spot convention (London FX, "Value dates", londonfx.co.uk/valdates.html; the same rule is in
ObjectLab Kit's currency calculator): each currency counts its own good days from the trade date,
and spot is the first day on or after the latest of these counts that is good for both currencies
and, in a cross, for the dollar. While the dollar counts, its holidays do not: a US holiday on
T+1 leaves T+2 where it is. For the peso of Mexico it does count.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import msgspec
from holidays import country_holidays, financial_holidays

_SATURDAY: Final = 5
_SUNDAY: Final = 6
_YEAR_FIRST: Final = 1999
_YEAR_LAST: Final = 2099
_SEARCH_DAYS_MAX: Final = 60


class NoCalendar(ValueError):
    """Nobody keeps a settlement calendar for this currency, or none for this day."""

    def __init__(self, currency: str, sentence: str) -> None:
        super().__init__(sentence)
        self.currency = currency


class _Source(msgspec.Struct, frozen=True):
    """Where in ``holidays`` a currency's closing days stand."""

    code: str
    market: bool = False
    region: str | None = None
    categories: tuple[str, ...] = ("public",)
    year_first: int = _YEAR_FIRST
    open_on: frozenset[str] = frozenset()
    """Holidays by name on which payments run although the calendar lists them."""
    replaced: tuple[date, str] | None = None
    """First day on which the currency no longer existed, and what took its place."""


def _until(code: str, replaced: date, by: str = "EUR", *categories: str) -> _Source:
    return _Source(code, categories=("public", *categories), replaced=(replaced, by))


_BANKS: Final = ("public", "bank")

_SOURCES: Final[Mapping[str, _Source]] = {
    "AUD": _Source("AU", region="NSW", categories=_BANKS),
    "BGN": _until("BG", date(2026, 1, 1)),
    "BRL": _Source(
        "BVMF", market=True, open_on=frozenset({"Christmas Eve", "Last Business Day of the Year"})
    ),
    "CAD": _Source(
        "CA",
        region="ON",
        categories=("public", "government", "optional"),
        open_on=frozenset({"Easter Monday"}),
    ),
    "CHF": _Source(
        "XSWX",
        market=True,
        year_first=2000,
        open_on=frozenset({"Christmas Eve", "New Year's Eve"}),
    ),
    "CNY": _Source("CN"),
    "CYP": _until("CY", date(2008, 1, 1), "EUR", "bank"),
    "CZK": _Source("CZ"),
    "DKK": _Source("DK", categories=("public", "optional"), open_on=frozenset({"Workers' Day"})),
    "EEK": _until("EE", date(2011, 1, 1)),
    "EUR": _Source("XECB", market=True),
    "GBP": _Source("GB", region="ENG"),
    "HKD": _Source("HK"),
    "HRK": _until("HR", date(2023, 1, 1)),
    "HUF": _Source("HU"),
    "IDR": _Source("ID", categories=("public", "government")),
    "ILS": _Source("IL"),
    "INR": _Source("IN", region="MH"),
    "ISK": _Source("IS"),
    "JPY": _Source("JP", categories=_BANKS),
    "KRW": _Source("KR", categories=_BANKS),
    "LTL": _until("LT", date(2015, 1, 1)),
    "LVL": _until("LV", date(2014, 1, 1)),
    "MTL": _until("MT", date(2008, 1, 1)),
    "MXN": _Source("XMEX", market=True, year_first=2001),
    "MYR": _Source("MY", region="14"),
    "NOK": _Source("NO"),
    "NZD": _Source("NZ"),
    "PHP": _Source("PH"),
    "PLN": _Source("PL"),
    "ROL": _until("RO", date(2005, 7, 1), "RON"),
    "RON": _Source("RO"),
    "RUB": _Source("RU"),
    "SEK": _Source("SE", categories=("public", "de_facto")),
    "SGD": _Source("SG"),
    "SIT": _until("SI", date(2007, 1, 1)),
    "SKK": _until("SK", date(2009, 1, 1)),
    "THB": _Source("TH", categories=_BANKS),
    "TRL": _until("TR", date(2005, 1, 1), "TRY"),
    "TRY": _Source("TR"),
    "USD": _Source("XFED", market=True),
    "ZAR": _Source("ZA"),
}

CALENDARS: Final = frozenset(_SOURCES)
"""Currencies with a settlement calendar: all the ECB fixes or ever fixed."""

_NEXT_DAY: Final = frozenset({"CAD", "PHP", "RUB", "TRY"})
"""Currencies whose spot against the dollar is one day, not two."""

_DOLLAR_HOLIDAYS_COUNT: Final = frozenset({"MXN"})


class _Year(msgspec.Struct, frozen=True):
    weekend: frozenset[int]
    holidays: Mapping[date, str]


@lru_cache(maxsize=2048)
def _year(currency: str, year: int) -> _Year:
    """Load one year of one currency; names in English whatever the machine's language is."""
    source = _SOURCES[currency]
    if source.market:
        loaded = financial_holidays(
            source.code, years=year, expand=False, language="en_US", categories=source.categories
        )
    else:
        loaded = country_holidays(
            source.code,
            subdiv=source.region,
            years=year,
            expand=False,
            language="en_US",
            categories=source.categories,
        )
    closed = {day: name for day, name in loaded.items() if name not in source.open_on}
    return _Year(frozenset(loaded.weekend) | {_SATURDAY}, closed)


def _calendar(day: date, currency: str) -> _Year:
    """Find the year a day belongs to, once the currency existed on it.

    Saturday is closed everywhere: no currency pays on it, though Hong Kong's calendar lists
    Sunday alone. Days worked in exchange for a bridge day stay closed where they are weekends.
    """
    source = _SOURCES.get(currency)
    if source is None:
        raise NoCalendar(currency, f"no settlement calendar is kept for {currency[:12]!a}")
    if not source.year_first <= day.year <= _YEAR_LAST:
        raise NoCalendar(
            currency, f"the {currency} calendar runs from {source.year_first} to {_YEAR_LAST}, not {day}"
        )
    if source.replaced is not None and day >= source.replaced[0]:
        since, by = source.replaced
        raise NoCalendar(currency, f"{currency} was replaced by {by} on {since}")
    return _year(currency, day.year)


def is_weekend(day: date, currency: str) -> bool:
    """Tell whether the day is a weekly day of rest: Friday and Saturday for ILS.

    Raises NoCalendar.
    """
    return day.weekday() in _calendar(day, currency).weekend


def holiday_name(day: date, currency: str) -> str | None:
    """Name the holiday in English, or None; a plain weekend has no name.

    Raises NoCalendar.
    """
    return _calendar(day, currency).holidays.get(day)


def is_business_day(day: date, currency: str) -> bool:
    """Tell whether the currency can be paid on this day.

    Raises NoCalendar.
    """
    year = _calendar(day, currency)
    return day.weekday() not in year.weekend and day not in year.holidays


def next_business_day(day: date, *currencies: str) -> date:
    """Find the first day after ``day`` on which all the currencies can be paid.

    Raises NoCalendar.
    """
    for currency in currencies:
        _calendar(day, currency)
    return _first_good(day + timedelta(days=1), *currencies)


def spot_lag(base: str, quote: str) -> int:
    """Count the good days from trade to spot: 1 for USD/CAD, 2 for EUR/CAD and most others.

    A cross takes the later of its two dollar pairs. Source: London FX, "Value dates".
    """
    against_dollar = [1 if currency in _NEXT_DAY else 2 for currency in (base, quote) if currency != "USD"]
    return max(against_dollar, default=2)


@lru_cache(maxsize=4096)
def spot_date(base: str, quote: str, trade_date: date) -> date:
    """Find the day on which a spot deal of ``trade_date`` is due; the order does not matter.

    The trade date itself may be a holiday; it is never counted. Convention: see this module.

    Raises NoCalendar.
    """
    for currency in (base, quote):
        _calendar(trade_date, currency)
    lag = spot_lag(base, quote)
    dollar_holidays_count = not _DOLLAR_HOLIDAYS_COUNT.isdisjoint((base, quote))
    earliest = max(
        _count_good(trade_date, lag, currency, weekends_only=currency == "USD" and not dollar_holidays_count)
        for currency in (base, quote)
    )
    return _first_good(earliest, base, quote, "USD")


def _first_good(day: date, *currencies: str) -> date:
    assert currencies
    for _ in range(_SEARCH_DAYS_MAX):
        if all(is_business_day(day, currency) for currency in currencies):
            return day
        day += timedelta(days=1)
    raise NoCalendar(
        currencies[0], f"no day good for {', '.join(currencies)} in the {_SEARCH_DAYS_MAX} days before {day}"
    )


def _count_good(day: date, good_days: int, currency: str, *, weekends_only: bool) -> date:
    is_good = _is_no_weekend if weekends_only else is_business_day
    for _ in range(good_days):
        day += timedelta(days=1)
        for _ in range(_SEARCH_DAYS_MAX):
            if is_good(day, currency):
                break
            day += timedelta(days=1)
    return day


def _is_no_weekend(day: date, currency: str) -> bool:
    return not is_weekend(day, currency)
