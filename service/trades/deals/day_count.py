"""Day counts: which share of a year lies between two days.

Source: 2006 ISDA Definitions, section 4.16: ACT/ACT is Actual/Actual (ISDA) of paragraph (b),
ACT/365 is Actual/365 (Fixed) of (d), ACT/360 of (e), 30/360 is Bond Basis of (f), 30E/360 is
Eurobond Basis of (g). The first day counts, the last does not.

The same letters mean other things elsewhere: field 14D of a SWIFT message says AFI/365 for our
ACT/365, ACT/365 for our ACT/ACT, 360/360 for our 30/360; FpML says ACT/365.FIXED and ACT/ACT.ISDA.
"""

from calendar import isleap
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import Final

_THIRTY: Final = 30


def share_of_year(day_count: str, start: date, end: date) -> Fraction:
    """Work out exactly which share of a year a rate is paid for.

    Raises KeyError for a day count that is not in ``DAY_COUNTS``.
    """
    return _SHARES[day_count](start, end)


def is_usual(day_count: str, currency: str) -> bool:
    """Tell whether the money market of the currency counts so; False where nobody here knows its habit."""
    return day_count in _USUAL.get(currency, ())


def _actual_360(start: date, end: date) -> Fraction:
    return Fraction((end - start).days, 360)


def _actual_365(start: date, end: date) -> Fraction:
    return Fraction((end - start).days, 365)


def _actual_actual(start: date, end: date) -> Fraction:
    """Divide days of leap years by 366 and the others by 365."""
    share = Fraction(0)
    while start.year < end.year:
        new_year = date(start.year + 1, 1, 1)
        share += Fraction((new_year - start).days, _days_of(start.year))
        start = new_year
    return share + Fraction((end - start).days, _days_of(start.year))


def _days_of(year: int) -> int:
    return 366 if isleap(year) else 365


def _bond_basis(start: date, end: date) -> Fraction:
    """Let months have 30 days; the 31st at the end stays one unless the start is a 30th as well."""
    first = min(start.day, _THIRTY)
    last = min(end.day, _THIRTY) if first == _THIRTY else end.day
    return _thirties(start, end, last - first)


def _eurobond_basis(start: date, end: date) -> Fraction:
    return _thirties(start, end, min(end.day, _THIRTY) - min(start.day, _THIRTY))


def _thirties(start: date, end: date, days: int) -> Fraction:
    return Fraction(360 * (end.year - start.year) + 30 * (end.month - start.month) + days, 360)


_SHARES: Final[Mapping[str, Callable[[date, date], Fraction]]] = {
    "ACT/360": _actual_360,
    "ACT/365": _actual_365,
    "ACT/ACT": _actual_actual,
    "30/360": _bond_basis,
    "30E/360": _eurobond_basis,
}

DAY_COUNTS: Final = tuple(_SHARES)
"""The day counts dealt here, by the names a ticket says."""

_YEARS_OF_365: Final = ("GBP", "HKD", "ILS", "INR", "KRW", "MYR", "PLN", "RUB", "SGD", "THB", "ZAR")
_YEARS_OF_360: Final = (
    *("BGN", "CHF", "CNY", "CZK", "DKK", "EEK", "EUR", "HRK", "HUF", "IDR", "ISK", "JPY", "LTL"),
    *("LVL", "MXN", "NOK", "PHP", "RON", "SEK", "SKK", "TRY", "USD"),
)
_TWO_HABITS: Final = ("AUD", "CAD", "NZD")
"""At home a year has 365 days, in the euro market 360."""

_USUAL: Final[Mapping[str, tuple[str, ...]]] = (
    dict.fromkeys(_YEARS_OF_365, ("ACT/365",))
    | dict.fromkeys(_YEARS_OF_360, ("ACT/360",))
    | dict.fromkeys(_TWO_HABITS, ("ACT/365", "ACT/360"))
)
"""How interbank deposits are counted; the habits of the currencies' interbank reference rates."""
