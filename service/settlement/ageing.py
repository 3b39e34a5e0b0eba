"""How long payments are late, and what that costs: business days, age buckets, penalties. Pure."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final, Literal, get_args

import msgspec

from service.kernel.calendar import next_business_day
from service.kernel.money import ARITHMETIC, quantize

Bucket = Literal["0-1", "2-3", "4-7", ">7"]
BUCKETS: Final[tuple[Bucket, ...]] = get_args(Bucket)
DAYS_MAX: Final = 400
"""More business days than that are counted as that many."""

BASIS_POINTS: Final = Decimal(10_000)


def business_days(since: date, until: date, currency: str) -> int:
    """Count the business days of a currency after ``since`` up to and on ``until``; none if it is not later.

    Raises NoCalendar.
    """
    day, count = since, 0
    while count < DAYS_MAX and (day := next_business_day(day, currency)) <= until:
        count += 1
    return count


def bucket(days: int) -> Bucket:
    """Return the age bucket of so many business days."""
    if days <= 1:
        return "0-1"
    if days <= 3:  # noqa: PLR2004
        return "2-3"
    return "4-7" if days <= 7 else ">7"  # noqa: PLR2004


class Penalty(msgspec.Struct, frozen=True):
    """What one late settlement costs."""

    subject: str
    currency: str
    days: int
    rate_bp: Decimal
    amount: Decimal


def penalty(amount: Decimal, rate_bp: Decimal, days: int, currency: str) -> Decimal:
    """Return the cash penalty of so many business days, rounded once, at the end, to the currency's minor unit.

    ``amount``: what is late, its sign does not matter. Source of the rates: the line of the settlement tables.
    """
    a_day = ARITHMETIC.divide(ARITHMETIC.multiply(abs(amount), rate_bp), BASIS_POINTS)
    return quantize(ARITHMETIC.multiply(a_day, Decimal(days)), currency)


def totals(penalties: Iterable[Penalty]) -> dict[str, Decimal]:
    """Return the sum of the penalties per currency."""
    sums: dict[str, Decimal] = {}
    for one in penalties:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.amount
    return dict(sorted(sums.items()))


class LateDay(msgspec.Struct, frozen=True):
    """One business day on which a payment was late: what a day costs by the line in force then, not rounded."""

    day: date
    rate_bp: Decimal
    amount: Decimal


def late_days(amount: Decimal, days: Iterable[tuple[date, Decimal]]) -> list[LateDay]:
    """Return what each of the days costs, by its own rate; ``amount``: what is late, its sign does not matter."""
    return [
        LateDay(day, rate, ARITHMETIC.divide(ARITHMETIC.multiply(abs(amount), rate), BASIS_POINTS))
        for day, rate in days
    ]


def total_of(days: Iterable[LateDay], currency: str) -> Decimal:
    """Return the penalty of all days, rounded once, at the end, to the currency's minor unit."""
    sum_ = Decimal(0)
    for one in days:
        sum_ = ARITHMETIC.add(sum_, one.amount)
    return quantize(sum_, currency)


def business_days_after(since: date, until: date, currency: str) -> list[date]:
    """Return the business days of a currency after ``since`` up to and on ``until``. Raises NoCalendar."""
    found: list[date] = []
    day = since
    while len(found) < DAYS_MAX and (day := next_business_day(day, currency)) <= until:
        found.append(day)
    return found
