import re

import pytest

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
