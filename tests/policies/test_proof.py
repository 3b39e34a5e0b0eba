"""The two proofs hold, count what they say, and find what is planted."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.apart import refusal
from policies.duties import CONTROL, ENTER, STRIKE
from policies.fewest import fewest_people
from policies.lives import LIVES, SENTENCE
from policies.policy import Policy, load
from policies.proof import (
    ALL,
    HARD,
    _seen_from,
    _serves,
    prove_history,
    prove_static,
    reachable,
)
from policies.separation import conflicts
from policies.vocabulary import Action

TRADE = LIVES[-1]
SHIPPED = load()
DEAL = SHIPPED.tasks[0].acts
LARGEST = reachable(SHIPPED, HARD).largest


def without(policy: Policy, *controls: str) -> Policy:
    return replace(
        policy,
        separation=tuple(rule for rule in policy.separation if rule.control not in controls),
        apart=tuple(rule for rule in policy.apart if rule.control not in controls),
    )


def hard(policy: Policy, roles: object) -> bool:
    return any(conflict.severity == "H" for conflict in conflicts(policy, roles))


# Static ------------------------------------------------------------------------------------------


def test_static_nobody_enters_and_controls_even_with_every_exception_granted(policy: Policy) -> None:
    assert prove_static(policy).counter_example is None


def test_static_needs_no_apart_rule(policy: Policy) -> None:
    assert prove_static(replace(policy, apart=())).counter_example is None


@pytest.mark.parametrize(("control", "office"), [("S-01", "back_office"), ("S-03", "accounting")])
def test_static_finds_the_two_roles_that_meet_without_a_row(
    policy: Policy, control: str, office: str
) -> None:
    pair = prove_static(without(policy, control)).counter_example
    assert pair is not None
    assert [policy.offices[role] for role, _ in pair] == ["front_office", office]


def test_static_finds_a_role_that_was_given_the_other_side(spoil) -> None:
    row = "p, trader, trade.capture, strikes deals for the book under an own trader id\n"
    planted = load(spoil("policy.csv", row, row + "p, trader, trade.verify, planted\n"))
    assert prove_static(planted).counter_example == (
        ("trader", Action.AMENDMENT_REQUEST),
        ("trader", Action.TRADE_VERIFY),
    )


def test_refused_pairs_are_those_the_checker_refuses(policy: Policy) -> None:
    reach = reachable(policy, HARD)
    assert reach.refused == sum(hard(policy, pair) for pair in combinations(policy.roles, 2))


@settings(max_examples=500, deadline=None)
@given(held=st.frozensets(st.sampled_from(SHIPPED.roles), min_size=1, max_size=6))
def test_a_set_may_be_held_exactly_if_it_is_part_of_a_largest_one(held: frozenset[str]) -> None:
    assert any(held <= one for one in LARGEST) is not hard(SHIPPED, held)


def test_the_largest_sets_hold_no_conflict_and_take_no_further_role(policy: Policy) -> None:
    for held in reachable(policy, HARD).largest:
        assert not hard(policy, held)
        assert all(hard(policy, held | {role}) for role in set(policy.roles) - held)


@pytest.mark.parametrize("severities", [HARD, ALL])
def test_the_sets_are_as_many_as_a_plain_count_finds(policy: Policy, severities: frozenset[str]) -> None:
    few = tuple(policy.roles[place] for place in range(0, len(policy.roles), 3))
    small = replace(
        policy,
        roles=few,
        offices={role: policy.offices[role] for role in few},
        separation=tuple(
            rule
            for rule in policy.separation
            if all(side[5:] in few for side in (rule.left, rule.right) if side.startswith("role:"))
        ),
    )
    plain = sum(
        not any(conflict.severity in severities for conflict in conflicts(small, held))
        for size in range(len(few) + 1)
        for held in combinations(few, size)
    )
    assert reachable(small, severities).sets == plain


def test_without_rules_every_set_may_be_held(policy: Policy) -> None:
    reach = reachable(replace(policy, separation=()), ALL)
    assert reach.sets == 2 ** len(policy.roles)
    assert reach.largest == (frozenset(policy.roles),)


# History -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
@pytest.mark.parametrize("persons", [1, 2])
def test_history_nobody_does_both_sides_even_with_every_role(policy: Policy, life, persons: int) -> None:
    found = prove_history(replace(policy, separation=()), life, persons)
    assert found.counter_examples == {}
    assert found.states > 1
    assert found.admitted > 0
    assert found.refused > 0


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_others_open_no_way(policy: Policy, life) -> None:
    alone, among = (prove_history(policy, life, persons) for persons in (1, 2))
    assert alone.alone == among.alone


def test_history_counts_every_act_of_the_trades_life(policy: Policy) -> None:
    found = prove_history(policy, TRADE, 1)
    assert {act for kind in found.kinds for act in kind} == ENTER | CONTROL


KINDS = prove_history(SHIPPED, TRADE, 1).kinds
PAIRS_OF_A_KIND = [pair for kind in KINDS for pair in combinations(kind, 2)]


@settings(deadline=None, max_examples=300)
@given(
    done=st.frozensets(st.sampled_from(sorted(ENTER | CONTROL))),
    pair=st.sampled_from(PAIRS_OF_A_KIND),
    asked=st.sampled_from(sorted((ENTER | CONTROL) - STRIKE)),
)
def test_acts_of_one_kind_are_refused_alike_and_refuse_alike(
    done: frozenset[Action], pair: tuple[Action, Action], asked: Action
) -> None:
    """The exploration through one act of a kind misses nothing."""
    rules = [rule for rule in SHIPPED.apart if rule.within_days is None and _serves(rule, TRADE)]

    def refused(act: Action, history: frozenset[Action]) -> bool:
        seen = _seen_from(act, [("1", one) for one in history])
        return refusal(rules, act, "1", seen) is not None

    one, other = pair
    rest = done - {one, other}
    assert refused(one, rest) == refused(other, rest)
    if asked not in pair:
        assert refused(asked, rest | {one}) == refused(asked, rest | {other})


@pytest.mark.parametrize(
    ("control", "sentence"),
    [
        ("D-01", SENTENCE),
        ("D-02", "ways for one person to prepare and release the same payment"),
        ("D-03", "ways for one person to ask for a change of a trade and decide it"),
        ("D-04", "ways for one person to decide a change of a trade and move money for it"),
        ("D-04", "ways for one person to release a payment and attest its outcome"),
    ],
)
def test_history_finds_the_way_that_opens_without_a_control(
    policy: Policy, control: str, sentence: str
) -> None:
    path = prove_history(without(policy, control), TRADE, 1).counter_examples[sentence]
    goal = next(goal for goal in TRADE.goals if goal.sentence == sentence)
    mine = {act for who, act in path if who == 1}
    assert mine & goal.left
    assert mine & goal.right
    assert path[0][1] in STRIKE


def test_a_rule_that_lapses_with_time_proves_nothing(policy: Policy) -> None:
    lapsing = tuple(replace(rule, within_days=365) for rule in policy.apart)
    assert SENTENCE in prove_history(replace(policy, apart=lapsing), TRADE, 1).counter_examples


# Fewest people -----------------------------------------------------------------------------------


def test_a_trade_takes_three_people_and_four_where_no_exception_is_granted(policy: Policy) -> None:
    assert fewest_people(policy, DEAL, frozenset()) == 3
    assert fewest_people(policy, DEAL, HARD) == 3
    assert fewest_people(policy, DEAL, ALL) == 4


def test_without_any_rule_one_person_would_do(policy: Policy) -> None:
    assert fewest_people(replace(policy, apart=(), separation=()), DEAL, ALL) == 1


def test_a_way_with_an_act_that_only_a_service_does_takes_no_number_of_people(policy: Policy) -> None:
    assert fewest_people(policy, (*DEAL, Action.POSITION_UNWIND), ALL) is None
