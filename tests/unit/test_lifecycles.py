"""Only the transition tables move a state; what a deal is called follows from them."""

from datetime import UTC, date, datetime, time

import pytest

from policies.vocabulary import Action
from service.control.lifecycle import CONTROL, REQUEST, ControlState, RequestState, state_in_force
from service.kernel.errors import IllegalTransition
from service.trades.desk_times import desk_now, is_possible_execution, marks
from service.trades.lifecycle import TradeState, derived

DAY = date(2026, 10, 27)
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", ControlState)
def test_only_the_table_moves_a_control(state: ControlState, action: Action) -> None:
    if (state, action) in CONTROL.table:
        assert CONTROL.after(state, action) in ControlState
    else:
        with pytest.raises(IllegalTransition):
            CONTROL.after(state, action)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", RequestState)
def test_only_the_table_moves_a_request(state: RequestState, action: Action) -> None:
    if (state, action) in REQUEST.table:
        assert REQUEST.after(state, action) in RequestState
    else:
        with pytest.raises(IllegalTransition):
            REQUEST.after(state, action)


def test_nothing_leads_out_of_a_cancellation_or_a_decision() -> None:
    assert CONTROL.actions_from(ControlState.CANCELLED) == ()
    assert REQUEST.actions_from(RequestState.APPROVED) == REQUEST.actions_from(RequestState.REFUSED) == ()


def test_what_is_settling_cannot_be_cancelled_any_more() -> None:
    assert Action.REQUEST_APPROVE in CONTROL.actions_from(ControlState.VERIFIED)
    assert CONTROL.actions_from(ControlState.SETTLING) == (Action.SETTLEMENT_RELEASE,)


@pytest.mark.parametrize(
    ("control", "version", "expected"),
    [
        (None, None, TradeState.CAPTURED),
        ("due", 2, TradeState.CAPTURED),
        ("returned", 2, TradeState.RETURNED),
        ("verified", 2, TradeState.VERIFIED),
        ("settling", 2, TradeState.VERIFIED),
        ("cancelled", 2, TradeState.CANCELLED),
        ("returned", 1, TradeState.CAPTURED),
        ("verified", 1, TradeState.CAPTURED),
        ("cancelled", 1, TradeState.CANCELLED),
    ],
)
def test_a_deal_is_called_by_what_control_says_of_its_version_in_force(
    control: str | None, version: int | None, expected: TradeState
) -> None:
    assert derived(2, control, version) is expected


def test_a_corrected_deal_is_due_again() -> None:
    assert state_in_force("returned", 1, 2) is ControlState.DUE
    assert state_in_force("returned", 2, 2) is ControlState.RETURNED
    assert state_in_force("cancelled", 1, 2) is ControlState.CANCELLED


def at(clock: str) -> datetime:
    """Return a moment of the day in Berlin, in UTC as callers state it."""
    return desk_now(DAY, time.fromisoformat(clock)).astimezone(UTC)


@pytest.mark.parametrize(
    ("executed", "clock", "expected"),
    [
        ("08:59", "09:00", []),
        ("09:00", "09:00", []),
        ("09:01", "09:00", ["executed_ahead"]),
        ("08:45", "09:00", []),
        ("08:44", "09:00", ["executed_late"]),
        ("18:00", "18:00", []),
        ("18:00", "18:01", ["late"]),
        ("17:59", "18:01", ["executed_late", "late"]),
        ("17:00", "18:01", ["executed_late", "late"]),
    ],
)
def test_TRD_16_the_clock_of_the_desk_marks_a_deal(executed: str, clock: str, expected: list[str]) -> None:
    assert marks(DAY, at(executed), DAY, time.fromisoformat(clock), time(18)) == expected


def test_a_deal_of_an_earlier_day_is_marked() -> None:
    found = marks(date(2026, 10, 26), at("08:59"), DAY, time(9), None)
    assert found == ["backdated"]


@pytest.mark.parametrize(
    ("executed_at", "possible"),
    [
        (at("08:00"), True),
        (at("23:59"), True),  # the desk's clock may stand still; such a deal is marked
        (datetime(2026, 11, 21, 10, 4, tzinfo=UTC), True),  # system time, where the desk's date was set back
        (datetime(2026, 11, 21, 10, 6, tzinfo=UTC), False),
        (datetime(1998, 12, 31, tzinfo=UTC), False),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), False),
    ],
)
def test_a_deal_cannot_have_been_struck_after_everything(executed_at: datetime, possible: bool) -> None:  # noqa: FBT001
    assert is_possible_execution(executed_at, DAY, NOW) is possible
