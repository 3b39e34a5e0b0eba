"""What the desk's clock says about a deal: impossible, late, entered for an earlier day."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

BERLIN: Final = ZoneInfo("Europe/Berlin")
CAPTURE_DELAY_MAX: Final = timedelta(minutes=15)
CLOCK_STEP: Final = timedelta(minutes=1)
"""The desk's clock shows whole minutes."""
CLOCK_SKEW_MAX: Final = timedelta(minutes=5)
YEAR_FIRST: Final = 1999
YEAR_LAST: Final = 2099


class Mark(StrEnum):
    """What is set on a deal at capture and can be removed by nobody."""

    BACKDATED = "backdated"
    EXECUTED_AHEAD = "executed_ahead"
    EXECUTED_LATE = "executed_late"
    INTERNAL = "internal"
    LATE = "late"
    OFF_PREMISES = "off_premises"


def desk_now(business_date: date, clock: time) -> datetime:
    """Return the moment the desk's clock shows, as an aware time of Berlin."""
    return datetime.combine(business_date, clock, tzinfo=BERLIN)


def is_possible_execution(executed_at: datetime, business_date: date, now: datetime) -> bool:
    """Tell whether a deal can have been struck then: not after the business day and not after system time.

    The desk's clock may stand still or be set back in tests, so it alone makes nothing impossible;
    a time it has not reached yet is marked instead.
    """
    if not YEAR_FIRST <= executed_at.year <= YEAR_LAST:
        return False
    day_ends = datetime.combine(business_date + timedelta(days=1), time(0), tzinfo=BERLIN)
    return executed_at < max(day_ends, now + CLOCK_SKEW_MAX)


def marks(
    trade_date: date, executed_at: datetime, business_date: date, clock: time, cut_off: time | None
) -> list[str]:
    """Return the marks of a deal captured now, in alphabetical order.

    Late: after the back office's cut-off, which is a time of day in Berlin. Executed late or ahead: the
    stated time of execution lies too far behind the desk's clock, or before it; late as well where it is
    said to have been in time and was entered after the cut-off.
    """
    now = desk_now(business_date, clock)
    is_late = cut_off is not None and clock > cut_off
    said_in_time = cut_off is not None and executed_at < desk_now(business_date, cut_off)
    found = {
        Mark.BACKDATED: trade_date < business_date,
        Mark.EXECUTED_AHEAD: executed_at >= now + CLOCK_STEP,
        Mark.EXECUTED_LATE: now - executed_at > CAPTURE_DELAY_MAX or (is_late and said_in_time),
        Mark.LATE: is_late,
    }
    return [mark.value for mark, holds in found.items() if holds]
