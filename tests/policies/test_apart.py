"""Two acts, two people, by the history of the object: one test per control of the catalogue."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policies.apart import Act, ApartRule, governed, refusal
from policies.duties import ASK, ATTEST, CONTROL, DECIDE, ENTER, PAY, PROPOSE, STRIKE, TRANSFER_DECIDE
from policies.lives import LIVES, Goal, Life
from policies.policy import Policy, load
from policies.proof import prove_history
from policies.vocabulary import Action

NOT_YET = {
    "D-07": "no case has a lead yet; who entered a deal looks into no alert about it by D-01",
    "D-14": "no emergency access",
    "D-16": "no surveillance alerts yet; nobody looks into the second device of their own identity",
    "D-17": "no reconciliation breaks yet",
    "D-18": "no audit findings yet",
    "D-19": "no product catalogue yet",
    "D-20": "nothing is ever deleted",
}
BY_HISTORY = {
    "D-09": "D-01 keeps whoever entered a deal from judging its price",
    "D-10": "D-01 keeps whoever entered a deal from taking receipt of its report",
    "D-21": "whoever supervises a desk today follows from the organisation, which the use case and the database ask",
    "D-12": "cooling_off.csv says for how long; D-01 compares persons with the whole history besides",
}
IN_PART = {
    "D-01": "no reconciliation or case exists yet",
    "D-02": "journals are posted in one step; the hands of a policy are apart by D-15",
    "D-03": "that the decider's unit is an area outside trading follows from S-01",
    "D-04": "that a signer is outside trading follows from S-08",
    "D-05": "that each owner's desk holds the book is for the use case to see",
    "D-06": "that trading does not vote on what it uses follows from S-04; no deal's owner closes an excess by S-01",
    "D-08": "that a call-back goes to the number in master data is for the use cases to see",
    "D-11": "that the absent trader has no act or read at all is for the database to see",
    "D-15": "that nobody approves what raises the own rights is for the use case to compare",
    "D-13": "the beneficiary acts in no step of the grant, so only the use case can compare",
}
RULES = load().apart
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def act(action: str, person: str = "anybody", *, days: int = 1, scope: str = "trade") -> Act:
    return Act(action, person, NOW - timedelta(days=days), scope)


def control_of(action: Action, *history: Act, person: str = "anybody") -> str | None:
    rule = refusal(RULES, action, person, history, NOW)
    return rule.control if rule else None


def test_every_dynamic_control_is_expressed_or_listed_with_its_reason() -> None:
    expressed = {rule.control for rule in RULES}
    assert expressed | set(NOT_YET) | set(BY_HISTORY) == {f"D-{number:02}" for number in range(1, 22)}
    assert not expressed & (set(NOT_YET) | set(BY_HISTORY))
    assert set(IN_PART) == expressed


# One test per control ----------------------------------------------------------------------------


@pytest.mark.parametrize("controlling", sorted(CONTROL))
@pytest.mark.parametrize("entering", sorted(ENTER))
def test_d_01_whoever_entered_a_deal_controls_nothing_of_it(entering: Action, controlling: Action) -> None:
    refused = "D-03" if entering in ASK and controlling in DECIDE else "D-01"

    assert control_of(controlling, act(entering)) == refused
    assert control_of(controlling, act(entering, "somebody else")) is None
    assert control_of(controlling, act(entering, days=9_999)) == refused


@pytest.mark.parametrize("controlling", sorted(CONTROL))
@pytest.mark.parametrize("entering", sorted(ENTER - STRIKE))
def test_d_01_whoever_controlled_a_deal_changes_nothing_of_it(entering: Action, controlling: Action) -> None:
    assert control_of(entering, act(controlling)) == "D-01"
    assert control_of(entering, act(controlling, "somebody else")) is None


def test_d_02_whoever_prepared_a_payment_does_not_release_it() -> None:
    prepared = act("settlement.prepare", scope="object")
    assert control_of(Action.SETTLEMENT_RELEASE, prepared) == "D-02"
    assert (
        control_of(Action.SETTLEMENT_RELEASE, replace(prepared, scope="trade")) is None
    )  # the deal's other leg
    assert control_of(Action.SETTLEMENT_RELEASE, prepared, person="releaser") is None


def test_d_02_whoever_released_a_failed_payment_does_not_prepare_it_anew() -> None:
    assert control_of(Action.SETTLEMENT_PREPARE, act("settlement.release", scope="object")) == "D-02"


@pytest.mark.parametrize("decision", [Action.PROPOSAL_APPROVE, Action.PROPOSAL_REFUSE])
@pytest.mark.parametrize("proposing", sorted(PROPOSE))
def test_d_02_whoever_proposed_master_data_does_not_decide_it(proposing: Action, decision: Action) -> None:
    assert control_of(decision, act(proposing, scope="object")) == "D-02"
    assert control_of(decision, act(proposing, "steward", scope="object")) is None


@pytest.mark.parametrize(
    ("later", "earlier"),
    [(Action.LOG_RECOVER, "recovery.request"), (Action.ROTATION_APPROVE, "rotation.request")],
)
def test_d_02_whoever_asked_for_a_new_key_or_a_recovery_of_the_log_does_not_answer_for_it(
    later: Action, earlier: str
) -> None:
    assert control_of(later, act(earlier, scope="object")) == "D-02"
    assert control_of(later, act(earlier, "somebody else", scope="object")) is None


TWO_HANDS = [
    ("agreement.propose", Action.AGREEMENT_CLEAR),
    ("agreement.propose", Action.AGREEMENT_REFUSE),
    ("benchmark.propose", Action.BENCHMARK_APPROVE),
    ("benchmark.propose", Action.BENCHMARK_REFUSE),
    ("desk_rule.propose", Action.DESK_RULE_APPROVE),
    ("desk_rule.propose", Action.DESK_RULE_REFUSE),
    ("organisation.propose", Action.ORGANISATION_APPROVE),
    ("organisation.propose", Action.ORGANISATION_REFUSE),
    ("settlement_rule.propose", Action.SETTLEMENT_RULE_APPROVE),
    ("settlement_rule.propose", Action.SETTLEMENT_RULE_REFUSE),
]


@pytest.mark.parametrize(("proposing", "decision"), TWO_HANDS)
def test_d_02_whoever_proposed_a_measure_of_dealing_does_not_decide_it(
    proposing: str, decision: Action
) -> None:
    assert control_of(decision, act(proposing, scope="object")) == "D-02"
    assert control_of(decision, act(proposing, "somebody else", scope="object")) is None


@pytest.mark.parametrize("scope", ["limit", "market_limit"])
def test_d_06_whoever_proposed_a_limit_does_not_vote_on_it(scope: str) -> None:
    vote, proposing = Action(f"{scope}.vote"), f"{scope}.propose"
    assert control_of(vote, act(proposing, scope="object")) == "D-06"
    assert control_of(vote, act(proposing, "somebody else", scope="object")) is None


@pytest.mark.parametrize("deciding", sorted(TRANSFER_DECIDE))
def test_d_02_whoever_asked_for_cash_does_nothing_further_for_it(deciding: Action) -> None:
    assert control_of(deciding, act("transfer.request", scope="object")) == "D-02"
    assert control_of(deciding, act("transfer.request", "somebody else", scope="object")) is None


def test_d_02_a_transfer_is_prepared_judged_and_signed_by_three() -> None:
    three = (Action.TRANSFER_PREPARE, Action.TRANSFER_REVIEW, Action.TRANSFER_RELEASE)
    for later in three:
        for earlier in three:
            expected = None if earlier == later else "D-02"
            assert control_of(later, act(earlier, scope="object")) == expected


@pytest.mark.parametrize("asking", sorted(ASK))
@pytest.mark.parametrize("decision", sorted(DECIDE))
def test_d_03_whoever_asked_for_a_change_does_not_decide_it(decision: Action, asking: Action) -> None:
    assert control_of(decision, act(asking)) == "D-03"
    assert control_of(decision, act(asking, "trader")) is None


def test_d_05_whoever_offers_an_internal_deal_does_not_accept_it() -> None:
    assert control_of(Action.INTERNAL_ACCEPT, act("internal.offer")) == "D-05"
    assert control_of(Action.INTERNAL_ACCEPT, act("internal.offer", "trader")) is None


@pytest.mark.parametrize("paying", sorted(PAY))
@pytest.mark.parametrize("decision", sorted(DECIDE))
def test_d_04_whoever_decides_a_change_of_a_deal_moves_no_money_for_it(
    paying: Action, decision: Action
) -> None:
    assert control_of(paying, act(decision)) == "D-04"
    assert control_of(decision, act(paying)) == "D-04"


def test_d_04_a_payment_is_prepared_and_signed_twice_by_three() -> None:
    three = (Action.SETTLEMENT_PREPARE, Action.SETTLEMENT_RELEASE, Action.SETTLEMENT_COUNTERSIGN)
    for later in three:
        for earlier in three:
            assert (control_of(later, act(earlier, scope="object")) is None) is (earlier == later)


@pytest.mark.parametrize("earlier", ["call_back.make"])
def test_d_08_whoever_called_a_counterparty_does_not_check_the_call(earlier: str) -> None:
    assert control_of(Action.CALL_BACK_CHECK, act(earlier, scope="object")) == "D-08"
    assert control_of(Action.CALL_BACK_CHECK, act(earlier, "somebody else", scope="object")) is None


def test_d_02_whoever_held_a_payment_or_named_its_route_does_not_let_it_go_on() -> None:
    for stopping in (Action.SETTLEMENT_HOLD, Action.SETTLEMENT_DEVIATE, Action.SETTLEMENT_PREPARE):
        assert control_of(Action.SETTLEMENT_FREE, act(stopping, scope="object")) == "D-02"
        assert control_of(Action.SETTLEMENT_FREE, act(stopping, "settler", scope="object")) is None


@pytest.mark.parametrize("attesting", sorted(ATTEST))
def test_d_04_whoever_let_the_money_go_does_not_attest_what_became_of_it(attesting: Action) -> None:
    assert control_of(attesting, act("settlement.release", scope="object")) == "D-04"
    assert control_of(Action.SETTLEMENT_RELEASE, act(attesting, scope="object")) == "D-04"
    assert (
        control_of(attesting, act("settlement.prepare", scope="object")) is None
    )  # the settler's own two acts


@pytest.mark.parametrize("making", ["instruction.propose", "proposal.approve"])
def test_d_04_whoever_made_the_payment_route_within_a_year_signs_nothing_along_it(making: str) -> None:
    assert control_of(Action.SETTLEMENT_RELEASE, act(making, scope="object", days=365)) == "D-04"
    assert control_of(Action.SETTLEMENT_RELEASE, act(making, scope="object", days=366)) is None
    assert control_of(Action.SETTLEMENT_RELEASE, act(making, scope="trade")) is None


def test_d_12_a_new_role_and_a_new_account_of_an_old_trader_open_nothing() -> None:
    assert (
        control_of(Action.TRADE_VERIFY, act("trade.capture", "person-7", days=700), person="person-7")
        == "D-01"
    )


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        (Action.GRANT_APPROVE, "grant.request"),
        (Action.GRANT_REFUSE, "grant.request"),
        (Action.GRANT_EXECUTE, "grant.request"),
        (Action.GRANT_EXECUTE, "grant.approve"),
        (Action.GRANT_APPROVE, "grant.execute"),
    ],
)
def test_d_13_a_right_takes_three_people(later: Action, earlier: str) -> None:
    assert control_of(later, act(earlier, scope="object")) == "D-13"
    assert control_of(later, act(earlier, "somebody else", scope="object")) is None


# The comparison ----------------------------------------------------------------------------------


def test_a_rule_of_the_whole_trade_sees_acts_on_the_object_too() -> None:
    assert control_of(Action.CONFIRMATION_MATCH, act("trade.capture", scope="object")) == "D-01"


def test_a_rule_that_lapses_counts_where_the_time_is_not_known() -> None:
    made = Act("proposal.approve", "anybody", None, "object")
    assert refusal(RULES, Action.SETTLEMENT_RELEASE, "anybody", [made], NOW) is not None
    old = act("proposal.approve", scope="object", days=9_999)
    assert refusal(RULES, Action.SETTLEMENT_RELEASE, "anybody", [old], None) is not None


def test_the_first_row_of_the_file_is_the_one_named() -> None:
    both = [act("settlement.prepare", scope="object"), act("trade.capture")]
    assert control_of(Action.SETTLEMENT_RELEASE, *both) == "D-01"


def test_nothing_done_bars_from_nothing() -> None:
    assert all(refusal(RULES, action, "anybody", [], NOW) is None for action in Action)


def test_an_act_that_no_row_governs_is_admitted_whatever_was_done() -> None:
    history = [act(action, scope="object") for action in Action]
    for action in Action:
        assert (refusal(RULES, action, "anybody", history, NOW) is not None) is (action in governed(RULES))


def test_the_governed_acts_are_these() -> None:
    assert governed(RULES) == (CONTROL | ENTER) - STRIKE | TRANSFER_DECIDE | {
        *(decision for _, decision in TWO_HANDS),
        Action.CALL_BACK_CHECK,
        Action.CALL_BACK_MAKE,
        Action.PROPOSAL_APPROVE,
        Action.PROPOSAL_REFUSE,
        Action.LIMIT_VOTE,
        Action.MARKET_LIMIT_VOTE,
        Action.GRANT_APPROVE,
        Action.GRANT_REFUSE,
        Action.GRANT_EXECUTE,
        Action.ABSENCE_ACCEPT,
        Action.ABSENCE_INTERRUPT,
        Action.DELEGATION_APPROVE,
        Action.DELEGATION_REFUSE,
        Action.LOG_RECOVER,
        Action.POLICY_APPROVE,
        Action.ROTATION_APPROVE,
    }


# Every row, and every act in it, is needed -------------------------------------------------------

LASTING = [rule for rule in RULES if rule.within_days is None]
CASES = [(rule, other) for rule in LASTING for other in sorted(rule.differs)]


def test_no_governed_act_is_outside_the_proof() -> None:
    """A rule that no life explores is a rule that the proof by history does not hold to account."""
    for rule in LASTING:
        assert any({rule.action, *rule.differs} <= life.opening | life.acts for life in LIVES), rule


def life_of(rule: ApartRule) -> Life:
    return next(life for life in LIVES if {rule.action, *rule.differs} <= life.opening | life.acts)


def ways(policy: Policy, rule: ApartRule, other: Action, rules: tuple[ApartRule, ...]) -> int:
    goal = Goal("ways to do both", frozenset({rule.action}), frozenset({other}))
    life = replace(life_of(rule), goals=(goal,))
    return len(prove_history(replace(policy, apart=rules), life, 1).counter_examples)


@pytest.mark.parametrize(("rule", "other"), CASES, ids=[f"{r.control}-{r.action}-{o}" for r, o in CASES])
def test_without_its_row_one_person_does_both(policy: Policy, rule: ApartRule, other: Action) -> None:
    others = tuple(row for row in RULES if row != rule)
    less = replace(rule, differs=rule.differs - {other})

    assert ways(policy, rule, other, RULES) == 0
    assert ways(policy, rule, other, others) == 1
    assert ways(policy, rule, other, (*others, less)) == 1


@pytest.mark.parametrize(
    "rule",
    [row for row in RULES if row.within_days is not None],
    ids=lambda row: f"{row.control}-{row.action}",
)
def test_without_its_row_the_maker_of_a_payment_route_signs_along_it_or_confirms_it(rule: ApartRule) -> None:
    others = [row for row in RULES if row != rule]
    for made in sorted(rule.differs):
        history = [act(made, scope="object")]
        assert refusal(RULES, rule.action, "anybody", history, NOW) == rule
        assert refusal(others, rule.action, "anybody", history, NOW) is None
