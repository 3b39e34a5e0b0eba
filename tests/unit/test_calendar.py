"""A currency is paid on its own good days; spot follows the market's convention."""

from datetime import date, timedelta

import pytest

from service.kernel.calendar import (
    CALENDARS,
    NoCalendar,
    holiday_name,
    is_business_day,
    is_weekend,
    next_business_day,
    spot_date,
    spot_lag,
)

ECB_FIXES = {
    *("USD", "JPY", "BGN", "CYP", "CZK", "DKK", "EEK", "GBP", "HUF", "LTL", "LVL", "MTL", "PLN", "ROL"),
    *("RON", "SEK", "SIT", "SKK", "CHF", "ISK", "NOK", "HRK", "RUB", "TRL", "TRY", "AUD", "BRL", "CAD"),
    *("CNY", "HKD", "IDR", "ILS", "INR", "KRW", "MXN", "MYR", "NZD", "PHP", "SGD", "THB", "ZAR"),
}


def test_every_currency_the_ecb_ever_fixed_has_a_calendar() -> None:
    assert ECB_FIXES | {"EUR"} == CALENDARS


def test_target_pays_around_christmas_2026_on_these_days_only() -> None:
    days = [date(2026, 12, 24) + timedelta(days=n) for n in range(12)]

    assert [day.isoformat() for day in days if is_business_day(day, "EUR")] == [
        *("2026-12-24", "2026-12-28", "2026-12-29", "2026-12-30", "2026-12-31", "2027-01-04")
    ]


@pytest.mark.parametrize(
    ("currency", "day", "name"),
    [
        ("EUR", date(2026, 5, 1), "Labour Day"),
        ("EUR", date(2026, 5, 14), None),  # Ascension: closed in most euro states, TARGET pays
        ("USD", date(2026, 11, 26), "Thanksgiving Day"),
        ("USD", date(2020, 7, 3), None),  # the Friday before a Saturday holiday: Fedwire pays
        ("USD", date(2021, 7, 5), "Independence Day (observed)"),
        ("GBP", date(2026, 8, 31), "Late Summer Bank Holiday"),
        ("GBP", date(2022, 9, 19), "State Funeral of Queen Elizabeth II"),
        ("JPY", date(2026, 12, 31), "Bank Holiday"),
        ("CHF", date(2026, 1, 2), "Saint Berchtold's Day"),
        ("CHF", date(2026, 12, 24), None),
        ("DKK", date(2026, 5, 1), None),
        ("DKK", date(2026, 6, 5), "Constitution Day"),
        ("SEK", date(2026, 6, 19), "Midsummer Eve"),
        ("CAD", date(2026, 4, 6), None),
        ("CZK", date(2016, 12, 26), "Second Day of Christmas"),
        ("BRL", date(2026, 2, 16), "Carnival"),
        ("MXN", date(2026, 4, 2), "Maundy Thursday"),
    ],
)
def test_the_days_of_the_payment_system_count_and_have_a_name(
    currency: str, day: date, name: str | None
) -> None:
    assert holiday_name(day, currency) == name
    assert is_business_day(day, currency) == (name is None)


def test_israel_rests_on_friday_and_saturday_and_nobody_pays_on_saturday() -> None:
    friday, saturday, sunday = date(2026, 10, 16), date(2026, 10, 17), date(2026, 10, 18)

    assert [is_weekend(day, "ILS") for day in (friday, saturday, sunday)] == [True, True, False]
    assert [is_weekend(day, "EUR") for day in (friday, saturday, sunday)] == [False, True, True]
    assert all(is_weekend(saturday, currency) for currency in CALENDARS if _lives(currency))


def _lives(currency: str) -> bool:
    try:
        is_weekend(date(2026, 10, 17), currency)
    except NoCalendar:
        return False
    return True


@pytest.mark.parametrize("lookup", [is_business_day, is_weekend, holiday_name])
def test_a_currency_nobody_keeps_a_calendar_for_is_named(lookup) -> None:  # type: ignore[no-untyped-def]
    for code in ("AED", "XXX", "eur", ""):
        with pytest.raises(NoCalendar, match="no settlement calendar"):
            lookup(date(2026, 10, 28), code)


def test_a_retired_currency_says_what_replaced_it() -> None:
    assert is_business_day(date(2025, 12, 30), "BGN")
    with pytest.raises(NoCalendar, match="BGN was replaced by EUR on 2026-01-01"):
        is_business_day(date(2026, 1, 2), "BGN")
    with pytest.raises(NoCalendar, match="replaced by EUR"):
        spot_date("EUR", "HRK", date(2022, 12, 30))


@pytest.mark.parametrize("day", [date.min, date(1998, 12, 31), date(2100, 1, 4), date.max])
def test_a_calendar_ends_somewhere(day: date) -> None:
    with pytest.raises(NoCalendar, match="runs from"):
        is_business_day(day, "EUR")
    with pytest.raises(NoCalendar, match="runs from"):
        spot_date("EUR", "USD", day)
    with pytest.raises(NoCalendar, match="runs from"):
        next_business_day(day, "EUR")


def test_the_next_good_day_is_good_for_all_of_them() -> None:
    assert next_business_day(date(2026, 12, 24), "EUR") == date(2026, 12, 28)
    assert next_business_day(date(2026, 12, 24), "EUR", "GBP") == date(2026, 12, 29)  # Boxing Day observed
    assert next_business_day(date(2026, 10, 28), "EUR") == date(2026, 10, 29)


@pytest.mark.parametrize(
    ("base", "quote", "days"),
    [
        *(("EUR", "USD", 2), ("USD", "CAD", 1), ("CAD", "USD", 1), ("USD", "TRY", 1), ("USD", "PHP", 1)),
        *(("USD", "RUB", 1), ("EUR", "CAD", 2), ("CAD", "TRY", 1), ("GBP", "JPY", 2)),
    ],
)
def test_spot_is_two_days_but_one_for_the_dollars_neighbours(base: str, quote: str, days: int) -> None:
    assert spot_lag(base, quote) == days


@pytest.mark.parametrize(
    ("base", "quote", "trade_date", "due"),
    [
        # an ordinary week, and over a weekend
        ("EUR", "USD", date(2026, 10, 28), date(2026, 10, 30)),
        ("EUR", "USD", date(2026, 10, 29), date(2026, 11, 2)),
        ("USD", "CAD", date(2026, 10, 28), date(2026, 10, 29)),
        ("GBP", "USD", date(2001, 10, 23), date(2001, 10, 25)),
        # US holiday on T+1: not counted for the dollar
        ("USD", "HUF", date(2014, 8, 29), date(2014, 9, 2)),
        ("EUR", "USD", date(2023, 6, 16), date(2023, 6, 20)),
        # ... but for the peso of Mexico it counts
        ("USD", "MXN", date(2014, 8, 29), date(2014, 9, 3)),
        # the other currency's holiday on T+1 does count (Golden Week: 3 to 6 May)
        ("USD", "JPY", date(2026, 5, 1), date(2026, 5, 8)),
        # US holiday on T+2: no spot date, not even for a cross without dollars
        ("EUR", "USD", date(2026, 11, 24), date(2026, 11, 27)),
        ("EUR", "GBP", date(2026, 11, 24), date(2026, 11, 27)),
        # US holiday on the one day of a next-day pair
        ("USD", "CAD", date(2026, 11, 25), date(2026, 11, 27)),
        # both currencies closed over Christmas, dollar too
        ("EUR", "CZK", date(2016, 12, 22), date(2016, 12, 27)),
        # closed on different days (EUR 1 May, GBP 4 May): each counts its own two, both have them by the 5th
        ("EUR", "GBP", date(2026, 4, 30), date(2026, 5, 5)),
        # Thursday: Sunday is good for the shekel, Friday for the dollar; both have two by Monday
        ("USD", "ILS", date(2026, 10, 15), date(2026, 10, 19)),
    ],
)
def test_spot_follows_the_market_convention(base: str, quote: str, trade_date: date, due: date) -> None:
    assert spot_date(base, quote, trade_date) == due
    assert spot_date(quote, base, trade_date) == due
