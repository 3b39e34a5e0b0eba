"""Which days of a desk are still to be reported, and what a day comes to. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from service.kernel.calendar import is_business_day

HOME: Final = "EUR"
DAYS_BACK_MAX: Final = 10
NUMBERS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class DealOfTheDay:
    """A deal as its desk's supervisor hears of it: its number, its marks, what was asked for since."""

    number: str
    marks: tuple[str, ...]
    requests: tuple[str, ...]


def days_due(last: date | None, today: date) -> list[date]:
    """Return the business days before ``today`` that no report covers, oldest first.

    ``last``: the newest day reported; before the first report there is only the last business day. Raises NoCalendar.
    """
    found: list[date] = []
    day = today - timedelta(days=1)
    while day > today - timedelta(days=2 * DAYS_BACK_MAX) and (last is None or day > last):
        if is_business_day(day, HOME):
            found.insert(0, day)
            if last is None or len(found) == DAYS_BACK_MAX:
                break
        day -= timedelta(days=1)
    return found


def facts_of(deals: Iterable[DealOfTheDay]) -> Mapping[str, Any]:
    """Return the day in numbers, and the deals that bear a mark or were to be changed by their numbers."""
    held = list(deals)
    notable = [deal.number for deal in held if deal.marks or deal.requests]
    return {
        "deals": len(held),
        "marks": dict(sorted(Counter(mark for deal in held for mark in deal.marks).items())),
        "requests": dict(sorted(Counter(one for deal in held for one in deal.requests).items())),
        "notable": notable[:NUMBERS_MAX],
        "notable_more": max(0, len(notable) - NUMBERS_MAX),
    }
