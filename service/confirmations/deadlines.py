"""By when both sides must have agreed, and on which days a silent counterparty is reminded.

Business days are those of the euro (TARGET), which are the bank's own; the clock is that of Frankfurt. How long a deal
is unconfirmed is counted by the calendar of each of its currencies too, and the longest count stands: a holiday of
one side keeps no deal off the list.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from service.kernel.calendar import CALENDARS, is_business_day, next_business_day

AgeOpen = Literal["0-1", "2-3", "4-7", ">7"]
LOCAL: Final = ZoneInfo("Europe/Berlin")
CURRENCY: Final = "EUR"
LATE_FROM: Final = time(16)
"""A deal struck after this has one business day more (Reg. (EU) 149/2013 Art. 12(3))."""


class Within(NamedTuple):
    """Business days after the trade date, and where that stands."""

    days: int
    source: str


DERIVATIVES: Final[Mapping[str, Within]] = {
    "financial": Within(1, "Reg. (EU) 149/2013 Art. 12(1)"),
    "non_financial_plus": Within(1, "Reg. (EU) 149/2013 Art. 12(1)"),
    "non_financial": Within(2, "Reg. (EU) 149/2013 Art. 12(2)"),
}
"""What EMIR asks of OTC derivatives that no CCP clears, by the class of the counterparty."""
OTHERS: Final = Within(1, "BTO 2.2.2 Tz. 2 (MR26): at once; the house's own day")
"""Spot exchanges and money market are no derivatives: the house holds them to the shorter period."""
OTC_DERIVATIVES: Final = frozenset({"fx_forward"})

CHASED_AFTER: Final = (1, 3, 5)
"""Business days after the trade date: reminder; reminder and head of settlement; reminder and compliance."""
HEARD_BEFORE: Final = 3
"""A counterparty that confirmed fewer deals than this in its own words is new; its silence says nothing (SET-09)."""
UNCONFIRMED_DAYS: Final = 5
"""A deal unconfirmed longer than this stands in the monthly list (Reg. (EU) 149/2013 Art. 12(4), EMR-02)."""


def within(deal_type: str, party_class: str) -> Within:
    """Tell how long both sides have."""
    return DERIVATIVES[party_class] if deal_type in OTC_DERIVATIVES else OTHERS


def confirm_by(deal_type: str, party_class: str, trade_date: date, executed_at: datetime) -> date:
    """Return the last day for both sides to agree (EMR-01).

    It counts from the trade date, however far away the value date is (A-13).
    """
    struck = executed_at.astimezone(LOCAL).time()
    late = deal_type in OTC_DERIVATIVES and struck > LATE_FROM
    return business_days_after(trade_date, within(deal_type, party_class).days + late)


def business_days_after(day: date, days: int) -> date:
    """Return the business day so many business days after ``day``."""
    for _ in range(days):
        day = next_business_day(day, CURRENCY)
    return day


def business_days_between(first: date, last: date, currency: str = CURRENCY) -> int:
    """Count the business days after ``first`` up to ``last``; none if it lies before."""
    count, day = 0, first
    while (day := next_business_day(day, currency)) <= last:
        count += 1
    return count


def age_days(trade_date: date, today: date, currencies: Collection[str] = ()) -> int:
    """Count the business days after the trade date by the calendar that counts the most."""
    calendars = {CURRENCY, *(one for one in currencies if one in CALENDARS)}
    return max(business_days_between(trade_date, today, currency) for currency in calendars)


def chase_steps(trade_date: date, today: date) -> list[int]:
    """List the reminders that are due by ``today``, the first one first."""
    return [step for step in CHASED_AFTER if business_days_after(trade_date, step) <= today]


def bucket(age: int) -> AgeOpen:
    """Return how the ageing list groups an open deal that is so many business days old."""
    groups: tuple[tuple[int, AgeOpen], ...] = ((1, "0-1"), (3, "2-3"), (7, "4-7"))
    return next((name for last, name in groups if age <= last), ">7")


def is_open_too_long(trade_date: date, today: date, currencies: Collection[str] = ()) -> bool:
    """Tell whether an unconfirmed deal belongs into the list: open for more than five business days (EMR-02)."""
    return age_days(trade_date, today, currencies) > UNCONFIRMED_DAYS


def is_working_day(day: date) -> bool:
    """Tell whether reminders go out on this day."""
    return is_business_day(day, CURRENCY)
