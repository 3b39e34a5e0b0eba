"""Who stands far enough from trading for a control, judged before anybody acts as the gate judges it then."""

from datetime import date
from uuid import uuid4

import pytest

from policies.cooling_off import Former
from policies.policy import load
from policies.standing import Standing
from policies.vocabulary import Action
from service.dead_ends import Holder
from service.distance import NOWHERE, Distance, Origin, far_enough
from service.leaving import without_person, without_right

POLICY = load()
TODAY = date(2026, 11, 2)
DESK, OTHER_DESK, BACK = "desk", "other desk", "back"
ENTERED = Origin(frozenset({(DESK, "board of trading")}), frozenset({DESK}))


def there(**changes: object) -> Distance:
    facts = {"unit": BACK, "function_class": "back_office", "board": "board of back", "trading_line": False}
    return Distance(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "origin", "enough"),
    [
        (there(), ENTERED, True),
        (there(trading_line=True), ENTERED, False),
        (there(board="board of trading"), ENTERED, False),
        (there(function_class="front_office"), ENTERED, False),
        (there(former={DESK: Former("front_office", date(2026, 9, 1))}), ENTERED, False),
        (there(former={DESK: Former("front_office", date(2026, 5, 1))}), ENTERED, True),
        (there(former={OTHER_DESK: Former("front_office", date(2026, 9, 1))}), ENTERED, True),
        (there(applied=frozenset({DESK})), ENTERED, False),
        (there(applied=frozenset({DESK})), NOWHERE, True),
        (None, NOWHERE, False),
    ],
)
def test_a_control_takes_distance_from_trading_and_from_what_one_left(
    who: Distance | None, origin: Origin, *, enough: bool
) -> None:
    assert far_enough(POLICY, Action.TRADE_VERIFY, who, origin, TODAY) is enough


def test_what_is_no_control_takes_no_distance() -> None:
    assert far_enough(POLICY, Action.TRADE_CAPTURE, None, ENTERED, TODAY)


def holder(person: str, *roles: str, **deputy_for: str) -> Holder:
    standing = Standing(person, frozenset({*roles, *deputy_for}), deputy_for)
    return Holder(uuid4(), person, "back_office", standing, away=False)


def test_whoever_stands_in_for_a_right_loses_it_with_its_holder() -> None:
    own, deputy = holder("a", "verifier", "settler"), holder("b", "confirmer", verifier="a")
    person = "a"
    gone = without_right(own.account, person, {"verifier"})  # type: ignore[arg-type]
    left, other = gone(own), gone(deputy)
    assert left is not None
    assert other is not None
    assert left.standing.roles == {"settler"}
    assert (other.standing.roles, other.standing.deputy_for) == ({"confirmer"}, {})
    back = without_right(deputy.account, person, {"verifier"}, own=False)  # type: ignore[arg-type]
    assert back(own) == own
    assert back(deputy) == other


def test_whoever_goes_takes_along_what_others_held_for_them() -> None:
    own, deputy, third = holder("a", "verifier"), holder("b", verifier="a"), holder("c", verifier="b")
    gone = without_person("a")
    assert gone(own) is None
    left = gone(deputy)
    assert left is not None
    assert left.standing.roles == frozenset()
    assert gone(third) == third
