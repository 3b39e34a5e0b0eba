"""Deadlines and ages as the bank's working day counts them: its opening hours on the days its currency can be paid."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from service.kernel.calendar import is_business_day
from service.kernel.errors import Malformed

BERLIN: Final = ZoneInfo("Europe/Berlin")
OPENS, CLOSES = time(8), time(18)
HOURS_A_DAY: Final = timedelta(hours=CLOSES.hour - OPENS.hour)
HOME: Final = "EUR"  # the bank works when T2 does
DAY: Final = timedelta(days=1)
DAYS_MAX: Final = 4000


class Age(StrEnum):
    """How long something waits, in business days; the same buckets everywhere (lifecycle 3.6)."""

    NEW = "0-1"
    RECENT = "2-3"
    OLD = "4-7"
    OVERAGED = "8+"


OLDEST: Final = {Age.NEW: 1, Age.RECENT: 3, Age.OLD: 7}
"""The last business day of each bucket that ends."""


def day_in_berlin(day: date) -> tuple[datetime, datetime]:
    """Return when a day begins and ends, as clocks in Berlin have it. Raises Malformed for one that none shows."""
    try:
        begins, ends = (
            datetime.combine(day + timedelta(days=more), time(), BERLIN).astimezone(UTC) for more in (0, 1)
        )
    except OverflowError:
        raise Malformed("This is no day on which anything happened.", field="day") from None
    return begins, ends


@lru_cache(maxsize=256)
def later(start: datetime, span: timedelta) -> datetime:
    """Return when ``span`` of working time has passed since ``start``: whole days are business days, the rest hours.

    What begins outside the working day begins with the next one. Both times are aware; the answer is in UTC.
    """
    days, rest = span // DAY, span % DAY
    local = _open_from(start.astimezone(BERLIN))
    for _ in range(days):
        local = _opening(_next(local.date()), local.timetz().replace(tzinfo=None))
    while (left := _closing(local.date()) - local.astimezone(UTC)) < rest:
        rest -= left
        local = _opening(_next(local.date()))
    return local.astimezone(UTC) + rest


def earlier(end: datetime, span: timedelta) -> datetime:
    """Return the last moment after which ``span`` of working hours has passed by ``end``."""
    local = end.astimezone(BERLIN)
    day, until = local.date(), end.astimezone(UTC)
    for _ in range(DAYS_MAX):
        if is_business_day(day, HOME):
            opens = _opening(day).astimezone(UTC)
            until = min(until, _closing(day))
            if until - opens >= span:
                return until - span
            span -= max(until - opens, timedelta(0))
        day -= DAY
        until = _closing(day)
    message = "no working day lies that far back"
    raise OverflowError(message)


def business_days(since: datetime, now: datetime) -> int:
    """Return how many business days have begun since the day on which something was opened."""
    return _days_between(since.astimezone(BERLIN).date(), now.astimezone(BERLIN).date())


def age_of(since: datetime, now: datetime) -> Age:
    """Return the bucket of what waits since then."""
    return bucket_of(business_days(since, now))


def bucket_of(days: int) -> Age:
    """Return the bucket of what has waited for so many business days."""
    return next((age for age, oldest in OLDEST.items() if days <= oldest), Age.OVERAGED)


def opened_between(age: Age, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when what is of this age now was opened: not before the first, and before the second."""
    order = [*Age]
    younger = OLDEST.get(order[order.index(age) - 1]) if age is not Age.NEW else None
    oldest = OLDEST.get(age)
    today = now.astimezone(BERLIN).date()
    since = None if oldest is None else _begin(_last_before(today, oldest + 1) + DAY)
    before = None if younger is None else _begin(_last_before(today, younger + 1) + DAY)
    return since, before


def _last_before(today: date, days: int) -> date:
    """Return the last day on which something opened has waited for as many business days by today."""
    day = today
    for _ in range(DAYS_MAX):
        if _days_between(day, today) >= days:
            return day
        day -= DAY
    message = "no working day lies that far back"
    raise OverflowError(message)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), BERLIN).astimezone(UTC)


@lru_cache(maxsize=4096)
def _days_between(since: date, until: date) -> int:
    days = min((until - since).days, DAYS_MAX)
    return sum(is_business_day(since + timedelta(days=one), HOME) for one in range(1, days + 1))


def _open_from(local: datetime) -> datetime:
    """Return the moment itself, if the bank works then, or when it opens next."""
    if is_business_day(local.date(), HOME):
        if local.time() < OPENS:
            return _opening(local.date())
        if local.time() < CLOSES:
            return local
    return _opening(_next(local.date()))


@lru_cache(maxsize=4096)
def _next(day: date) -> date:
    day += DAY
    while not is_business_day(day, HOME):
        day += DAY
    return day


def _opening(day: date, at: time = OPENS) -> datetime:
    return datetime.combine(day, at, BERLIN)


def _closing(day: date) -> datetime:
    return datetime.combine(day, CLOSES, BERLIN).astimezone(UTC)
