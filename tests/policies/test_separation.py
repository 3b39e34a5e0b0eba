"""No natural person holds both sides of a rule, one test per control of the catalogue."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from policies.policy import Policy, load
from policies.proof import ALL, HARD, reachable
from policies.separation import SeparationRule, conflicts, holders
from policies.vocabulary import Office
from tests.policies.cast import OFFICES

NOT_YET = {
    "S-14": "no role holds a share of a signing key: keys are files of the log's service",
    "S-16": "no role of the house develops or operates it",
    "S-24": "neither a money-laundering nor a data protection officer exists as a role",
    "S-25": "there are no customer advisers and no customer orders",
}
IN_PART = {
    "S-12": "holds for every grant, not per scope of the grant",
    "S-21": "credit has no head and the board no seat for risk: risk control against credit stands in for them",
    "S-22": "the board has no seat for risk",
    "S-27": "who owns a service account is a fact about people, not about roles",
}
RULES = load().separation
IMPLIED = {
    tuple(cells[:3]): tuple(cells[3:])
    for line in Path(__file__).with_name("implied.csv").read_text(encoding="utf-8").splitlines()[1:]
    if (cells := line.split(", "))
}


def key(rule: SeparationRule) -> tuple[str, str, str]:
    return rule.control, rule.left, rule.right


def names(policy: Policy, *roles: str) -> set[str]:
    return {conflict.control for conflict in conflicts(policy, roles)}


def of(*offices: str) -> list[str]:
    return [role for role, office in OFFICES.items() if office in offices]


def test_every_static_control_is_expressed_or_listed_with_its_reason() -> None:
    expressed = {rule.control for rule in RULES}
    assert expressed | set(NOT_YET) == {f"S-{number:02}" for number in range(1, 28)}
    assert not expressed & set(NOT_YET)
    assert set(IN_PART) <= expressed


# One test per control ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", of("back_office"))
def test_s_01_nobody_deals_and_settles_or_controls(policy: Policy, role: str) -> None:
    for dealing in of("front_office"):
        assert "S-01" in names(policy, dealing, role)


@pytest.mark.parametrize("role", of("risk_control"))
def test_s_02_nobody_takes_a_position_and_measures_it(policy: Policy, role: str) -> None:
    assert "S-02" in names(policy, "trader", role)
    assert "S-02" in names(policy, "head_of_trading", role)


@pytest.mark.parametrize("role", of("accounting"))
def test_s_03_nobody_deals_and_keeps_the_books(policy: Policy, role: str) -> None:
    assert "S-03" in names(policy, "trader", role)


@pytest.mark.parametrize("role", of("credit"))
def test_s_04_nobody_deals_and_votes_on_limits(policy: Policy, role: str) -> None:
    assert "S-04" in names(policy, "trader", role)


@pytest.mark.parametrize("role", of("compliance"))
def test_s_05_nobody_deals_and_is_compliance(policy: Policy, role: str) -> None:
    assert "S-05" in names(policy, "head_of_trading", role)


@pytest.mark.parametrize("role", [role for role, office in OFFICES.items() if office != "internal_audit"])
def test_s_06_an_auditor_has_no_other_role(policy: Policy, role: str) -> None:
    assert "S-06" in names(policy, "auditor", role)


@pytest.mark.parametrize("role", of("master_data"))
def test_s_07_nobody_deals_and_keeps_master_data(policy: Policy, role: str) -> None:
    assert "S-07" in names(policy, "trader", role)


def test_s_08_nobody_deals_and_releases_a_payment(policy: Policy) -> None:
    assert {"S-01", "S-08"} <= names(policy, "trader", "releaser")
    assert "S-08" not in names(policy, "trader", "settler")


def test_s_09_nobody_deals_and_supplies_the_reference(policy: Policy) -> None:
    assert "S-09" in names(policy, "trader", "risk_controller")
    assert "S-09" not in names(policy, "trader", "head_of_risk")


@pytest.mark.parametrize("role", of("legal"))
def test_s_10_nobody_deals_and_clears_contracts(policy: Policy, role: str) -> None:
    assert "S-10" in names(policy, "trader", role)


@pytest.mark.parametrize("business", of("front_office", "back_office", "master_data", "accounting", "credit"))
def test_s_11_whoever_hands_out_rights_does_no_business(policy: Policy, business: str) -> None:
    for role in of("administration"):
        assert "S-11" in names(policy, role, business)


@pytest.mark.parametrize("pair", list(combinations(["rights_requester", "rights_owner", "rights_admin"], 2)))
def test_s_12_a_right_takes_three_people(policy: Policy, pair: tuple[str, str]) -> None:
    assert "S-12" in names(policy, *pair)


@pytest.mark.parametrize("role", of("log", "compliance"))
def test_s_13_whoever_administers_access_stays_away_from_the_log(policy: Policy, role: str) -> None:
    assert "S-13" in names(policy, "rights_admin", role)


def test_s_15_trading_puts_no_policy_in_force(policy: Policy) -> None:
    assert "S-15" in names(policy, "trader", "svc_log")


@pytest.mark.parametrize("role", ["steward", "steward_approver"])
def test_s_17_whoever_makes_a_payment_route_sends_nothing_along_it(policy: Policy, role: str) -> None:
    assert "S-17" in names(policy, role, "releaser")
    assert "S-17" not in names(policy, role, "settler")


@pytest.mark.parametrize(
    ("control", "left", "right"),
    [
        ("S-18", "accountant", "releaser"),
        ("S-19", "accountant", "settler"),
        ("S-20", "risk_controller", "accountant"),
        ("S-21", "head_of_risk", "credit_officer"),
        ("S-23", "compliance_officer", "verifier"),
        ("S-23", "compliance_officer", "accountant"),
    ],
)
def test_s_18_to_s_23_need_a_recorded_exception(policy: Policy, control: str, left: str, right: str) -> None:
    (found,) = (conflict for conflict in conflicts(policy, [left, right]) if conflict.control == control)
    assert found.severity == "C"


def test_s_22_the_separation_reaches_into_the_board(policy: Policy) -> None:
    assert names(policy, "board_trading", "board_back") == {"S-22"}
    assert names(policy, "board_trading", "verifier") == {"S-22"}
    assert names(policy, "board_back", "trader") == {"S-22"}
    assert names(policy, "board_back", "verifier") == set()
    assert names(policy, "board_trading", "trader") == set()


@pytest.mark.parametrize("role", ["verifier", "confirmer", "settler", "releaser"])
def test_s_27_an_automatic_act_is_no_second_pair_of_eyes(policy: Policy, role: str) -> None:
    assert "S-27" in names(policy, "svc_back_office", role)


# The checker ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", OFFICES)
def test_one_role_alone_is_never_a_conflict(policy: Policy, role: str) -> None:
    assert conflicts(policy, [role]) == []
    assert conflicts(policy, [role, role]) == []


def test_entering_stays_apart_from_every_office_that_controls_it(policy: Policy) -> None:
    free = {
        role
        for role in policy.roles
        if not any(conflict.severity == "H" for conflict in conflicts(policy, ["trader", role]))
    }
    assert free == {"trader", "head_of_trading", "svc_front_office", "board_trading", "svc_management"}


def test_a_person_is_checked_over_all_roles_at_once(policy: Policy) -> None:
    assert names(policy, "settler", "steward", "accountant", "releaser") >= {"S-17", "S-18", "S-19"}


def test_a_conflict_says_which_sides_met_and_why(policy: Policy) -> None:
    (found,) = conflicts(policy, ["verifier", "head_of_trading"])
    assert (found.control, found.left, found.right) == ("S-01", "office:front_office", "office:back_office")
    assert found.why == "whoever deals neither controls nor settles"


def test_a_role_the_policy_does_not_know_conflicts_with_nothing(policy: Policy) -> None:
    assert conflicts(policy, ["trader", "office:back_office", "Verifier"]) == []


def test_holders_are_those_of_the_act_the_office_or_the_role(policy: Policy) -> None:
    assert holders(policy, "journal.post") == {"accountant", "svc_accounting"}
    assert holders(policy, f"office:{Office.LEGAL}") == {"counsel", "svc_legal"}
    assert holders(policy, "role:auditor") == {"auditor"}


# Every row is needed -----------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(key(rule)))
def test_without_its_row_the_sides_meet_unless_another_row_implies_it(
    policy: Policy, rule: SeparationRule
) -> None:
    severities = HARD if rule.severity == "H" else ALL
    sides = holders(policy, rule.left), holders(policy, rule.right)
    assert reachable(policy, severities).meeting(*sides) is None

    others = tuple(other for other in RULES if other != rule)
    met = reachable(replace(policy, separation=others), severities).meeting(*sides)

    if key(rule) in IMPLIED:
        assert met is None
        fewer = tuple(other for other in others if key(other) != IMPLIED[key(rule)])
        assert len(fewer) == len(others) - 1
        assert reachable(replace(policy, separation=fewer), severities).meeting(*sides) is not None
    else:
        assert met is not None
        assert met & sides[0]
        assert met & sides[1]
