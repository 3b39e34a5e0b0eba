"""How far from trading a control stands, and for how long somebody keeps from what they left."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.cooling_off import CoolingRule, Former, barred, until
from policies.independence import CONTROLS, Level, Standing, shortfall, without_level
from policies.policy import PolicyError, load
from policies.vocabulary import Office
from tests.policies.conftest import Spoil

POLICY = load()
DESK, BACK, LEGAL = "desk", "back", "legal"
TRADING, OTHER = "board member for trading", "the other board member"
ENTERED = ((DESK, TRADING),)


def standing(
    unit: str = BACK, function: str = "back_office", board: str = OTHER, *, line: bool = False
) -> Standing:
    return Standing(unit, function, board, line, ENTERED)


def test_every_control_has_its_level() -> None:
    assert without_level(POLICY.independence) == []
    assert CONTROLS <= POLICY.independence.keys()


@pytest.mark.parametrize(
    ("who", "unit_level", "area_level"),
    [
        (standing(), True, True),
        (standing(LEGAL, "legal", TRADING, line=True), True, False),
        (standing(LEGAL, "legal", TRADING), True, False),
        (standing(DESK, "front_office", TRADING, line=True), False, False),
        (standing("other desk", "front_office", TRADING, line=True), False, False),
        (standing(DESK, "back_office"), False, False),
        (Standing(None, None, None, in_trading_line=False), False, False),
    ],
)
def test_SEG_04_each_level_asks_for_its_distance(
    who: Standing, *, unit_level: bool, area_level: bool
) -> None:
    assert shortfall(Level.PERSON, who) is None
    assert (shortfall(Level.UNIT, who) is None) == unit_level
    assert (shortfall(Level.AREA, who) is None) == area_level


def test_D_12_six_months_after_trading_and_twelve_for_internal_audit() -> None:
    left = [Former("front_office", date(2026, 1, 31))]
    for after, last, free in (
        ("back_office", date(2026, 7, 30), date(2026, 7, 31)),
        ("internal_audit", date(2027, 1, 30), date(2027, 1, 31)),
    ):
        assert barred(POLICY.cooling_off, after, left, date(2026, 2, 1)) is not None
        assert barred(POLICY.cooling_off, after, left, last) is not None
        assert barred(POLICY.cooling_off, after, left, free) is None


def test_nobody_is_barred_by_a_unit_that_is_not_the_objects_or_by_being_watched() -> None:
    assert barred(POLICY.cooling_off, "back_office", [], date(2026, 2, 1)) is None
    assert (
        barred(
            POLICY.cooling_off, "front_office", [Former("back_office", date(2026, 1, 31))], date(2026, 2, 1)
        )
        is None
    )


@given(left=st.dates(date(2000, 1, 1), date(2090, 1, 1)), months=st.integers(1, 99))
def test_a_period_ends_on_its_day_of_the_month_or_on_the_last_one(left: date, months: int) -> None:
    over = until(left, months)
    assert (over.year * 12 + over.month) - (left.year * 12 + left.month) == months
    assert over.day <= left.day
    assert over.day == left.day or (over.replace(day=28) <= over and over.day >= 28)


@pytest.mark.parametrize(
    ("file", "find", "replace", "said"),
    [
        ("independence.csv", "SEG-04, trade.verify, AREA", "SEG-04, trade.verify, Area", "unknown level"),
        (
            "independence.csv",
            "SEG-04, trade.verify, AREA",
            "SEG-4, trade.verify, AREA",
            "no control of the form",
        ),
        ("independence.csv", "SEG-04, trade.verify, AREA", "SEG-04, trade.read, AREA", "changes nothing"),
        ("independence.csv", "SEG-04, trade.verify, AREA", "SEG-04, trade.return, AREA", "second row"),
        ("lines.csv", "front_office, credit", "front_office, front_office", "apart from itself"),
        ("lines.csv", "front_office, credit", "back_office, front_office", "second row"),
        ("cooling_off.csv", "front_office, legal, 6", "front_office, legal, 0", "no number of months"),
        ("cooling_off.csv", "front_office, legal, 6", "front_office, front_office, 6", "no other class"),
        ("cooling_off.csv", "front_office, legal, 6", "front_office, credit, 6", "second row"),
    ],
)
def test_a_row_that_says_nothing_or_two_things_is_refused_with_its_line(
    spoil: Spoil, file: str, find: str, replace: str, said: str
) -> None:
    with pytest.raises(PolicyError, match=said) as refused:
        load(spoil(file, find, replace))
    assert (refused.value.file, refused.value.line > 1) == (file, True)


def test_the_file_names_every_way_from_trading_to_a_control() -> None:
    control = {Office.BACK_OFFICE, Office.RISK_CONTROL, Office.ACCOUNTING, Office.CREDIT, Office.MASTER_DATA}
    named = {rule.after for rule in POLICY.cooling_off if rule.before == Office.FRONT_OFFICE}
    assert control | {Office.INTERNAL_AUDIT, Office.COMPLIANCE, Office.LEGAL} == named
    assert all(isinstance(rule, CoolingRule) for rule in POLICY.cooling_off)
