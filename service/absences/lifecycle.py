"""A block is planned, accepted by the substitute, and then begins and ends by the calendar, unless it is interrupted."""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.calendar import is_business_day
from service.kernel.lifecycle import Lifecycle

TARGET = "EUR"
"""Trading days are the days on which the euro is paid."""


class AbsenceState(StrEnum):
    """Where a block stands. Stored: planned, accepted, interrupted, withdrawn; the others follow from the day."""

    PLANNED = "planned"
    ACCEPTED = "accepted"
    RUNNING = "running"
    FULFILLED = "fulfilled"
    INTERRUPTED = "interrupted"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"  # nobody accepted before it would have begun


ABSENCE = Lifecycle(
    "block of absence",
    {
        (AbsenceState.PLANNED, Action.ABSENCE_ACCEPT): AbsenceState.ACCEPTED,
        (AbsenceState.PLANNED, Action.ABSENCE_WITHDRAW): AbsenceState.WITHDRAWN,
        (AbsenceState.ACCEPTED, Action.ABSENCE_WITHDRAW): AbsenceState.WITHDRAWN,
        (AbsenceState.RUNNING, Action.ABSENCE_INTERRUPT): AbsenceState.INTERRUPTED,
    },
)


def trading_days(first: date, last: date) -> int:
    """Count the trading days from ``first`` to ``last``, both included."""
    return sum(
        is_business_day(first + timedelta(days=after), TARGET) for after in range((last - first).days + 1)
    )


def stands(
    stored: AbsenceState, first: date, last: date, interrupted: date | None, today: date, days: int
) -> AbsenceState:
    """Return where a block stands on ``today``; ``days`` without an access make it one.

    An interruption restarts the count: what lay before it counts only if it was a whole block by itself.
    """
    if stored is AbsenceState.INTERRUPTED:
        assert interrupted is not None
        whole = trading_days(first, interrupted - timedelta(days=1)) >= days
        return AbsenceState.FULFILLED if whole else AbsenceState.INTERRUPTED
    if stored is AbsenceState.PLANNED:
        return AbsenceState.LAPSED if today >= first else stored
    if stored is not AbsenceState.ACCEPTED or today < first:
        return stored
    if today <= last:
        return AbsenceState.RUNNING
    return AbsenceState.FULFILLED if trading_days(first, last) >= days else AbsenceState.INTERRUPTED


def missing_since(
    states: Sequence[AbsenceState], deadline: date, notice_days: int, today: date
) -> str | None:
    """Say how it stands with a trader whose blocks of the year stand like this: None is well, or not yet told.

    ``overdue``: the deadline passed without a block; ``missing``: it is near and none is agreed on.
    """
    if AbsenceState.FULFILLED in states:
        return None
    if today > deadline:
        return None if AbsenceState.RUNNING in states else "overdue"
    if {AbsenceState.RUNNING, AbsenceState.ACCEPTED} & set(states):
        return None
    return "missing" if today >= deadline - timedelta(days=notice_days) else None
