"""Which days of a desk are told, and what is told of them."""

from datetime import date

from service.supervision.days import DAYS_BACK_MAX, DealOfTheDay, days_due, facts_of


def test_before_the_first_report_only_the_last_business_day_is_due() -> None:
    assert days_due(None, date(2026, 11, 2)) == [date(2026, 10, 30)]


def test_every_business_day_since_the_last_report_is_due_and_no_weekend() -> None:
    days = [date(2026, 10, 29), date(2026, 10, 30), date(2026, 11, 2)]
    assert days_due(date(2026, 10, 28), date(2026, 11, 3)) == days
    assert days_due(date(2026, 11, 2), date(2026, 11, 3)) == []


def test_a_long_silence_is_not_told_day_by_day_for_ever() -> None:
    assert len(days_due(date(2025, 1, 2), date(2026, 11, 3))) <= DAYS_BACK_MAX


def test_the_deals_with_a_mark_or_a_request_are_named() -> None:
    deals = [
        DealOfTheDay("FX-1", (), ()),
        DealOfTheDay("FX-2", ("late", "off_premises"), ()),
        DealOfTheDay("FX-3", (), ("cancellation",)),
    ]
    assert facts_of(deals) == {
        "deals": 3,
        "marks": {"late": 1, "off_premises": 1},
        "requests": {"cancellation": 1},
        "notable": ["FX-2", "FX-3"],
        "notable_more": 0,
    }
