"""Votes and short terms of limits, and what an excess sets in motion."""

from datetime import date
from decimal import Decimal

import pytest

from service.kernel.items import Item
from service.limits.lifecycle import LimitState, Vote, after_votes, last_short_term_day
from service.limits.reserving import EXCESS_REPORTED_FROM_EUR, Reserved, told_of_excess

FOR, AGAINST = Vote.APPROVE, Vote.REFUSE
CENT = Decimal("0.01")


@pytest.mark.parametrize(
    ("votes", "state"),
    [
        ([], LimitState.PROPOSED),
        ([FOR], LimitState.PROPOSED),
        ([FOR, FOR], LimitState.IN_FORCE),
        ([AGAINST], LimitState.REFUSED),
        ([FOR, AGAINST], LimitState.REFUSED),
        ([FOR, FOR, AGAINST], LimitState.REFUSED),
    ],
)
def test_two_votes_set_a_limit_and_one_against_ends_it(votes: list[Vote], state: LimitState) -> None:
    assert after_votes(votes) is state


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 10, 27), date(2027, 1, 26)),
        (date(2026, 2, 1), date(2026, 4, 30)),
        (date(2026, 11, 30), date(2027, 2, 27)),
        (date(2027, 11, 30), date(2028, 2, 28)),
        (date(2026, 12, 1), date(2027, 2, 28)),
        (date(9999, 12, 1), date.max),
    ],
)
def test_RC_04_a_short_term_limit_ends_within_three_months_of_its_first_day(first: date, last: date) -> None:
    assert last_short_term_day(first) == last


def test_RC_05_the_board_hears_of_an_excess_from_the_threshold_on() -> None:
    assert told_of_excess(CENT) == (Item.EXCESS,)
    assert told_of_excess(EXCESS_REPORTED_FROM_EUR - CENT) == (Item.EXCESS,)
    assert told_of_excess(EXCESS_REPORTED_FROM_EUR) == (Item.EXCESS, Item.TAKE_NOTICE)


def test_the_trader_is_told_limit_use_and_headroom_after_the_deal() -> None:
    assert Reserved(Decimal("100.00"), Decimal("30.00"), Decimal("20.00"), ()).told() == {
        "result": "ok",
        "limit_eur": "100.00",
        "reserved_eur": "20.00",
        "used_eur": "50.00",
        "headroom_eur": "50.00",
    }
    assert Reserved(None, Decimal(0), Decimal(0), ()).told()["result"] == "exempt"
