"""By when both sides must agree, and when a silent counterparty is reminded."""

from datetime import UTC, date, datetime, timedelta

import pytest

from service.confirmations.deadlines import (
    age_days,
    bucket,
    business_days_between,
    chase_steps,
    confirm_by,
    is_open_too_long,
)

MORNING = datetime(2026, 10, 27, 8, 0, tzinfo=UTC)
LATE = datetime(2026, 10, 27, 15, 30, tzinfo=UTC)  # 16:30 in Frankfurt
TUESDAY, FRIDAY = date(2026, 10, 27), date(2026, 10, 30)


@pytest.mark.parametrize(
    ("deal", "party_class", "struck", "by"),
    [
        ("fx_forward", "financial", MORNING, date(2026, 10, 28)),
        ("fx_forward", "non_financial_plus", MORNING, date(2026, 10, 28)),
        ("fx_forward", "non_financial", MORNING, date(2026, 10, 29)),
        ("fx_forward", "financial", LATE, date(2026, 10, 29)),
        ("fx_forward", "non_financial", LATE, date(2026, 10, 30)),
        ("fx_spot", "non_financial", LATE, date(2026, 10, 28)),
        ("mm_deposit", "financial", MORNING, date(2026, 10, 28)),
    ],
)
def test_EMR_01_the_deadline_follows_the_class_and_the_clock(
    deal: str, party_class: str, struck: datetime, by: date
) -> None:
    assert confirm_by(deal, party_class, TUESDAY, struck) == by


def test_EMR_01_a_deal_struck_late_is_not_late_on_the_next_day() -> None:
    assert confirm_by("fx_forward", "financial", TUESDAY, LATE) > date(2026, 10, 28)


def test_a_weekend_is_no_business_day() -> None:
    assert confirm_by("fx_forward", "financial", FRIDAY, MORNING) == date(2026, 11, 2)
    assert business_days_between(FRIDAY, date(2026, 11, 2)) == 1


def test_SET_06_reminders_are_due_on_the_first_third_and_fifth_business_day() -> None:
    due = {day: chase_steps(FRIDAY, date(2026, 11, day)) for day in (1, 2, 3, 4, 6)}
    assert due == {1: [], 2: [1], 3: [1], 4: [1, 3], 6: [1, 3, 5]}


def test_EMR_02_the_list_holds_what_is_open_for_more_than_five_business_days() -> None:
    assert not is_open_too_long(TUESDAY, date(2026, 11, 3))
    assert is_open_too_long(TUESDAY, date(2026, 11, 4))
    ages = [age_days(TUESDAY, date(2026, 11, day)) for day in (2, 3, 5, 9)]
    assert [bucket(age) for age in ages] == ["4-7", "4-7", "4-7", ">7"]
    assert bucket(age_days(TUESDAY, TUESDAY)) == "0-1"


MAUNDY_THURSDAY = date(2026, 4, 2)


@pytest.mark.parametrize(
    ("currencies", "listed_on"),
    [
        (("EUR",), date(2026, 4, 14)),  # TARGET is closed on Good Friday and Easter Monday
        (("EUR", "USD"), date(2026, 4, 10)),  # dollars are paid on both days
        (("GBP", "CHF"), date(2026, 4, 14)),  # London and Zurich rest too
        (("XXX",), date(2026, 4, 14)),  # no calendar of its own: the bank's
    ],
)
def test_EMR_02_no_holiday_of_one_side_keeps_a_deal_off_the_list(
    currencies: tuple[str, ...], listed_on: date
) -> None:
    assert is_open_too_long(MAUNDY_THURSDAY, listed_on, currencies)
    assert not is_open_too_long(MAUNDY_THURSDAY, listed_on - timedelta(days=1), currencies)
