"""When a trader's block of absence counts, from the days alone."""

from datetime import date

import pytest

from service.absences.lifecycle import AbsenceState, missing_since, stands, trading_days

FIRST, LAST = date(2026, 11, 2), date(2026, 11, 13)
DEADLINE = date(2026, 9, 30)


def test_trading_days_are_those_on_which_the_euro_is_paid() -> None:
    assert trading_days(FIRST, LAST) == 10
    assert trading_days(date(2026, 4, 2), date(2026, 4, 7)) == 2  # Good Friday and Easter Monday lie between
    assert trading_days(FIRST, FIRST) == 1


@pytest.mark.parametrize(
    ("stored", "today", "shown"),
    [
        ("planned", date(2026, 11, 1), AbsenceState.PLANNED),
        ("planned", FIRST, AbsenceState.LAPSED),
        ("accepted", date(2026, 11, 1), AbsenceState.ACCEPTED),
        ("accepted", FIRST, AbsenceState.RUNNING),
        ("accepted", LAST, AbsenceState.RUNNING),
        ("accepted", date(2026, 11, 14), AbsenceState.FULFILLED),
        ("withdrawn", LAST, AbsenceState.WITHDRAWN),
    ],
)
def test_a_block_begins_and_ends_by_the_calendar(stored: str, today: date, shown: AbsenceState) -> None:
    assert stands(AbsenceState(stored), FIRST, LAST, None, today, 10) is shown


def test_TRD_19_an_interruption_restarts_the_count() -> None:
    after = date(2026, 12, 1)
    state = AbsenceState.INTERRUPTED
    assert stands(state, FIRST, LAST, date(2026, 11, 13), after, 10) is AbsenceState.INTERRUPTED
    longer = date(2026, 11, 20)
    assert stands(state, FIRST, longer, date(2026, 11, 16), after, 10) is AbsenceState.FULFILLED


@pytest.mark.parametrize(
    ("states", "today", "said"),
    [
        ([], date(2026, 7, 31), None),
        ([], date(2026, 8, 1), "missing"),
        ([], DEADLINE, "missing"),
        ([], date(2026, 10, 1), "overdue"),
        ([AbsenceState.ACCEPTED], date(2026, 9, 1), None),
        ([AbsenceState.PLANNED], date(2026, 9, 1), "missing"),
        ([AbsenceState.ACCEPTED], date(2026, 10, 1), "overdue"),
        ([AbsenceState.RUNNING], date(2026, 10, 1), None),
        ([AbsenceState.INTERRUPTED], date(2026, 10, 1), "overdue"),
        ([AbsenceState.INTERRUPTED, AbsenceState.FULFILLED], date(2026, 12, 31), None),
    ],
)
def test_TRD_19_who_is_overdue(states: list[AbsenceState], today: date, said: str | None) -> None:
    assert missing_since(states, DEADLINE, 60, today) == said
