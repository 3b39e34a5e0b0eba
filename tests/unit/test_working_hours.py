"""Deadlines run while the bank works, ages count its days, and both agree with each other."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.kernel.working_hours import Age, age_of, earlier, later, opened_between

HOUR = timedelta(hours=1)


def berlin(text: str) -> datetime:
    """Return a time of winter in Berlin."""
    return datetime.fromisoformat(f"{text}+01:00")


@pytest.mark.parametrize(
    ("start", "span", "due"),
    [
        ("2026-11-03T09:00", 4 * HOUR, "2026-11-03T13:00"),
        ("2026-11-03T16:30", 4 * HOUR, "2026-11-04T10:30"),
        ("2026-11-06T17:45", HOUR / 2, "2026-11-09T08:15"),  # over the weekend
        ("2026-11-07T12:00", HOUR, "2026-11-09T09:00"),  # struck on a Saturday
        ("2026-11-03T22:00", 4 * HOUR, "2026-11-04T12:00"),
        ("2026-11-03T05:00", HOUR, "2026-11-03T09:00"),
        ("2026-12-24T12:00", timedelta(days=1), "2026-12-28T12:00"),  # Christmas on Friday
        ("2026-11-06T11:00", timedelta(days=5), "2026-11-13T11:00"),
        ("2026-11-03T10:00", 25 * HOUR, "2026-11-04T11:00"),  # a day, and an hour of the next
    ],
)
def test_a_deadline_runs_while_the_bank_works(start: str, span: timedelta, due: str) -> None:
    assert later(berlin(start), span) == berlin(due)


def test_a_working_day_keeps_its_hours_over_the_change_of_clocks() -> None:
    friday = datetime.fromisoformat("2026-10-23T17:00:00+02:00")
    assert later(friday, 2 * HOUR) == berlin("2026-10-26T09:00")


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(minutes=1), timedelta(hours=23)),
)
def test_back_from_a_deadline_lies_its_beginning(start: datetime, span: timedelta) -> None:
    due = later(start, span)
    began = earlier(due, span)
    assert later(began, span) == due
    assert began >= start or later(start, timedelta(0)) >= began


@pytest.mark.parametrize(
    ("opened", "age"),
    [
        ("2026-11-13T07:00", Age.NEW),
        ("2026-11-12T23:59", Age.NEW),
        ("2026-11-11T23:59", Age.RECENT),
        ("2026-11-10T00:00", Age.RECENT),
        ("2026-11-09T12:00", Age.OLD),
        ("2026-11-07T12:00", Age.OLD),  # a Saturday ages with the Monday
        ("2026-11-04T12:00", Age.OLD),
        ("2026-11-03T12:00", Age.OVERAGED),
        ("2026-01-03T12:00", Age.OVERAGED),
    ],
)
def test_ages_are_counted_in_business_days(opened: str, age: Age) -> None:
    assert age_of(berlin(opened), berlin("2026-11-13T12:00")) is age


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(0), timedelta(days=30)),
)
def test_what_a_bucket_holds_is_what_was_opened_between_its_ends(opened: datetime, wait: timedelta) -> None:
    now = opened + wait
    inside = []
    for age in Age:
        since, before = opened_between(age, now)
        if (since is None or opened >= since) and (before is None or opened < before):
            inside.append(age)
    assert inside == [age_of(opened, now)]
