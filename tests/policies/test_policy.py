"""What each role may do and may not, and that the compiled table says what Casbin says."""

import timeit
from itertools import product

import pytest

from policies.policy import Policy, enforcer, load
from policies.vocabulary import READS, Action, Office
from tests.policies.cast import COMMON, OFFICES, READING, WRITING


def test_the_roles_and_their_offices_are_the_agreed_ones(policy: Policy) -> None:
    assert {role: office.value for role, office in policy.offices.items()} == OFFICES
    assert set(policy.roles) == set(OFFICES)
    assert all(policy.office_of(role) == office for role, office in OFFICES.items())


@pytest.mark.parametrize("role", OFFICES)
def test_a_role_changes_exactly_what_was_agreed(policy: Policy, role: str) -> None:
    common = COMMON if OFFICES[role] != "log" else frozenset()
    assert {act.value for act in policy.powers([role]) - READS - common} == set(WRITING.get(role, "").split())


@pytest.mark.parametrize("role", OFFICES)
def test_a_role_reads_exactly_what_was_agreed(policy: Policy, role: str) -> None:
    common = COMMON if OFFICES[role] != "log" else frozenset()
    assert {act.value for act in (policy.powers([role]) & READS) - common} == set(
        READING.get(role, "").split()
    )


def test_staff_is_everybody_but_the_logs_own_service(policy: Policy) -> None:
    for role, office in policy.offices.items():
        assert (policy.powers([role]) >= COMMON) is (office != Office.LOG)
    assert not policy.powers(["svc_log"]) & COMMON


def test_the_compiled_table_holds_what_casbin_grants_each_role_and_nothing_else(policy: Policy) -> None:
    judge = enforcer()
    for role in policy.roles:
        granted = {action for _, action in judge.get_implicit_permissions_for_user(f"role:{role}")}
        assert {action.value for action in Action if policy.decide([role], action).allowed} == granted, role


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, 8))])
def test_the_compiled_table_agrees_with_casbins_verdict_on_every_cell(policy: Policy, part: int) -> None:
    judge = enforcer()
    for role, action in list(product(policy.roles, Action))[part::8]:
        allowed = policy.decide([role], action).allowed
        assert allowed is judge.enforce(f"role:{role}", action.value), (role, action)


@pytest.mark.parametrize(
    "nobody",
    [
        "trader ",
        "Trader",
        "role:trader",
        "office:front_office",
        "front_office",
        "staff",
        "common:staff",
        "",
        "*",
    ],
)
def test_a_name_like_a_role_or_an_office_opens_nothing(policy: Policy, nobody: str) -> None:
    assert policy.powers([nobody]) == frozenset()
    assert not any(policy.decide([nobody], action).allowed for action in Action)


@pytest.mark.parametrize("user", ["trader", "front_office", "staff", "p", "g", "role:nobody"])
def test_casbin_knows_nobody_without_the_prefix(user: str) -> None:
    judge = enforcer()
    assert not any(judge.enforce(user, action.value) for action in Action)


def test_a_grant_names_its_row_its_office_and_its_reason(policy: Policy) -> None:
    decision = policy.decide(["trader"], Action.TRADE_CAPTURE)

    assert decision.allowed
    assert decision.office is Office.FRONT_OFFICE
    assert decision.rule == "P:trader:trade.capture"
    assert decision.reason == "strikes deals for the book under an own trader id"
    assert decision.policy == policy.version


def test_a_denial_says_that_the_row_is_absent(policy: Policy) -> None:
    decision = policy.decide(["trader", "head_of_trading"], Action.TRADE_VERIFY)

    assert not decision.allowed
    assert decision.office is None
    assert decision.rule == "P:absent"
    assert decision.reason == "no row of policy.csv gives trade.verify to head_of_trading, trader"
    assert policy.decide([], Action.TRADE_VERIFY).reason.endswith("to nobody")


def test_of_two_roles_that_may_the_first_in_the_file_answers(policy: Policy) -> None:
    for roles in (["auditor", "trader"], ["trader", "auditor"]):
        assert policy.decide(roles, Action.TRADE_READ).office is Office.FRONT_OFFICE


def test_powers_of_several_roles_add_up(policy: Policy) -> None:
    assert policy.powers(["settler", "releaser"]) == policy.powers(["settler"]) | policy.powers(["releaser"])
    assert policy.powers(role for role in policy.roles) == frozenset(Action)


def test_an_office_may_what_its_roles_may(policy: Policy) -> None:
    for office in Office:
        of_roles = (policy.powers([role]) for role in policy.roles if policy.offices[role] == office)
        assert policy.actions_of_office(office) == frozenset[Action]().union(*of_roles)


def test_one_role_is_not_a_set_of_roles(policy: Policy) -> None:
    with pytest.raises(AssertionError):
        policy.decide("trader", Action.TRADE_CAPTURE)
    with pytest.raises(AssertionError):
        policy.powers("trader")


def test_an_unknown_role_has_no_office(policy: Policy) -> None:
    with pytest.raises(KeyError):
        policy.office_of("nobody")


def test_the_version_is_the_same_for_the_same_bytes_and_another_for_others(policy: Policy, spoil) -> None:
    assert load().version == policy.version
    assert policy.version.startswith("sha256:")
    changed = load(spoil("policy.csv", "deals for the book", "deals for the bank"))
    assert changed.version != policy.version
    assert changed.cells.keys() == policy.cells.keys()


@pytest.mark.parametrize("action", [Action.TRADE_CAPTURE, Action.TRADE_VERIFY])
def test_a_decision_with_its_reason_takes_less_than_20_microseconds(policy: Policy, action: Action) -> None:
    rounds = timeit.repeat(lambda: policy.decide(("trader",), action), number=2_000, repeat=7)
    assert min(rounds) / 2_000 < 20e-6
