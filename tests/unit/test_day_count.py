"""Which share of a year lies between two days."""

from datetime import date
from fractions import Fraction

import pytest

from service.kernel.calendar import CALENDARS
from service.trades.deals import day_count
from service.trades.deals.day_count import DAY_COUNTS, is_usual, share_of_year


@pytest.mark.parametrize(
    ("start", "end", "days", "eurobond_days"),
    [
        (date(2007, 1, 15), date(2007, 1, 30), 15, 15),
        (date(2006, 8, 31), date(2007, 2, 28), 178, 178),
        (date(2007, 2, 28), date(2007, 3, 31), 33, 32),
        (date(2007, 9, 30), date(2008, 3, 31), 180, 180),
        (date(2007, 9, 29), date(2008, 3, 31), 182, 181),
        (date(2008, 2, 29), date(2008, 8, 31), 182, 181),
        (date(2006, 12, 31), date(2007, 12, 31), 360, 360),
        (date(2008, 1, 30), date(2008, 2, 29), 29, 29),
    ],
)
def test_months_of_thirty_days_differ_only_where_the_end_is_a_31st(
    start: date, end: date, days: int, eurobond_days: int
) -> None:
    assert share_of_year("30/360", start, end) == Fraction(days, 360)
    assert share_of_year("30E/360", start, end) == Fraction(eurobond_days, 360)


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [
        (date(1999, 11, 1), date(2000, 5, 1), Fraction(61, 365) + Fraction(121, 366)),
        (date(1999, 7, 1), date(2000, 7, 1), Fraction(184, 365) + Fraction(182, 366)),
        (date(2000, 1, 1), date(2001, 1, 1), Fraction(1)),
        (date(2023, 12, 31), date(2025, 1, 1), Fraction(1, 365) + 1),
        (date(2023, 6, 1), date(2023, 6, 1), Fraction(0)),
    ],
)
def test_actual_actual_divides_each_day_by_the_length_of_its_own_year(
    start: date, end: date, share: Fraction
) -> None:
    assert share_of_year("ACT/ACT", start, end) == share


def test_actual_days_over_a_fixed_year() -> None:
    leap_february = date(2024, 2, 28), date(2024, 3, 1)

    assert share_of_year("ACT/360", *leap_february) == Fraction(2, 360)
    assert share_of_year("ACT/365", *leap_february) == Fraction(2, 365)
    assert share_of_year("ACT/365", date(2024, 1, 1), date(2025, 1, 1)) == Fraction(366, 365)


def test_no_other_day_count_is_guessed() -> None:
    assert DAY_COUNTS == ("ACT/360", "ACT/365", "ACT/ACT", "30/360", "30E/360")
    with pytest.raises(KeyError):
        share_of_year("BUS/252", date(2024, 1, 1), date(2025, 1, 1))


def test_each_currency_counts_as_its_money_market_does() -> None:
    assert [is_usual("ACT/365", currency) for currency in ("GBP", "EUR", "USD", "CHF", "AUD")] == [
        *(True, False, False, False, True)
    ]
    assert all(is_usual("ACT/360", currency) for currency in ("EUR", "USD", "CHF", "JPY", "AUD"))
    assert not any(is_usual(one, "BRL") for one in DAY_COUNTS)  # Brazil counts business days
    assert set(day_count._USUAL) < CALENDARS
