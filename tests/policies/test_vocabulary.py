import re

import pytest

from policies.duties import DUTIES, OUTSIDE
from policies.vocabulary import READS, Action, Office


def test_acts_are_alphabetised() -> None:
    assert [action.value for action in Action] == sorted(action.value for action in Action)


@pytest.mark.parametrize("action", Action)
def test_an_act_is_a_noun_and_a_verb_and_named_so(action: Action) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+", action.value)
    assert action.name == action.value.replace(".", "_").upper()


@pytest.mark.parametrize("office", Office)
def test_an_office_is_named_as_it_is_written(office: Office) -> None:
    assert office.name == office.value.upper()


def test_reads_are_the_acts_that_say_so() -> None:
    assert {action for action in Action if action.value.partition(".")[2] == "read"} == READS
    assert Action.TRADE_CAPTURE not in READS


IN_A_DUTY = frozenset[Action]().union(*DUTIES.values())


@pytest.mark.parametrize("action", sorted(set(Action) - READS))
def test_an_act_that_changes_something_has_a_duty_or_a_reason_to_stand_outside(action: Action) -> None:
    assert (action in IN_A_DUTY) is not (action in OUTSIDE), "add it to a set in policies/duties.py"


def test_a_read_has_no_duty_and_each_reason_says_something() -> None:
    assert not READS & (IN_A_DUTY | set(OUTSIDE))
    assert all(len(reason) > len("no duty here") for reason in OUTSIDE.values())
    assert [*OUTSIDE] == sorted(OUTSIDE)
