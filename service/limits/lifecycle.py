"""A limit is proposed and then set or refused by votes; a short-term one ends within three months."""

from calendar import monthrange
from datetime import MAXYEAR, date, timedelta
from enum import StrEnum
from typing import Final

VOTES_NEEDED: Final = 2
SHORT_TERM_MONTHS_MAX: Final = 3
"""BTR 1 Tz. 4: until the full process is done."""


class LimitState(StrEnum):
    """Where a limit stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REFUSED = "refused"


class Vote(StrEnum):
    """What one person says about a proposed limit."""

    APPROVE = "approve"
    REFUSE = "refuse"


def after_votes(votes: list[Vote]) -> LimitState:
    """Return what the votes so far make of a proposed limit: one against ends it, two for it set it."""
    if Vote.REFUSE in votes:
        return LimitState.REFUSED
    return LimitState.IN_FORCE if len(votes) >= VOTES_NEEDED else LimitState.PROPOSED


def last_short_term_day(first: date) -> date:
    """Return the last day a short-term limit can cover that begins on ``first``, three months with that day in them."""
    months = first.year * 12 + first.month - 1 + SHORT_TERM_MONTHS_MAX
    year, month = divmod(months, 12)
    if year > MAXYEAR:
        return date.max
    day = min(first.day, monthrange(year, month + 1)[1])
    return date(year, month + 1, day) - timedelta(days=1)
