"""When a deal struck off the premises must have been reported outside trading (TRD-10)."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from service.kernel.calendar import next_business_day

BERLIN: Final = ZoneInfo("Europe/Berlin")
HOME: Final = "EUR"
"""The bank's own business days are those of the euro."""


def report_due_on(trade_date: date) -> date:
    """Return the last day on which the report may be taken receipt of: the next business day.

    Raises NoCalendar.
    """
    return next_business_day(trade_date, HOME)


def report_due_at(trade_date: date, business_date: date, now: datetime) -> datetime:
    """Return the end of that day, as many days from now as the bank's business date is away from it."""
    days = max((report_due_on(trade_date) - business_date).days, 0)
    last_day = now.astimezone(BERLIN).date() + timedelta(days=days)
    return datetime.combine(last_day + timedelta(days=1), time(0), tzinfo=BERLIN)
