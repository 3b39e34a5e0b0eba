"""Explaining and enforcing are one judgement, whatever the roles, the history and whoever one stands in for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.__main__ import main
from policies.apart import Act, refusal
from policies.policy import load
from policies.standing import Standing, judge
from policies.vocabulary import READS, Action

POLICY = load()
POWERS = {role: POLICY.powers([role]) for role in POLICY.roles}  # test_policy.py holds them against Casbin
ACTS = sorted(set(Action) - READS)
PERSONS = ("one", "another", "third")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

histories = st.lists(
    st.builds(
        Act,
        st.sampled_from([act.value for act in ACTS]),
        st.sampled_from(PERSONS),
        st.one_of(st.none(), st.integers(0, 800).map(lambda days: NOW - timedelta(days=days))),
        st.sampled_from(("object", "trade")),
    ),
    max_size=8,
)
roles = st.frozensets(st.sampled_from(POLICY.roles), max_size=4)


@settings(deadline=None, max_examples=30)
@given(own=roles, given_by_another=roles, owner=st.sampled_from((None, *PERSONS)), history=histories)
def test_for_every_act_explaining_agrees_with_enforcing(
    own: frozenset[str], given_by_another: frozenset[str], owner: str | None, history: list[Act]
) -> None:
    delegated = dict.fromkeys(given_by_another - own, "another")
    standing = Standing("one", own | given_by_another, delegated, owner)
    for action in ACTS:
        judged = judge(POLICY, standing, action, history, NOW)
        by_role = any(action in POWERS[role] for role in standing.roles)
        by_own = any(action in POWERS[role] for role in own)
        deputy = by_role and not by_own
        persons = {"one", *(("another",) if deputy else ()), *((owner,) if owner else ())}
        broken = refusal(POLICY.apart, action, persons, history, NOW)
        assert judged.allowed is (by_role and broken is None)
        assert judged.acts_for == ("another" if deputy else None)
        if not judged.allowed and by_role:
            assert broken is not None
            assert judged.rule == broken.control
            assert judged.used
            assert all(act.person in persons and broken.bars(act, NOW) for act in judged.used)


PAIRS = [
    ("D-01", "trade.capture", "trade.verify", "verifier"),
    ("D-02", "settlement.prepare", "settlement.release", "releaser"),
    ("D-03", "cancellation.request", "request.approve", "verifier"),
    ("D-04", "settlement.release", "settlement.complete", "settler"),
    ("D-05", "internal.offer", "internal.accept", "trader"),
    ("D-11", "absence.accept", "trade.verify", "verifier"),
    ("D-13", "grant.request", "grant.approve", "rights_owner"),
]


@pytest.mark.parametrize(("control", "before", "action", "role"), PAIRS)
def test_what_a_deputy_did_counts_for_both_and_what_a_service_did_for_its_owner(
    control: str, before: str, action: str, role: str
) -> None:
    act = Action(action)
    deputy = Standing("one", frozenset({role}), {role: "another"})
    own = Standing("one", frozenset({role}))
    service = Standing("service", frozenset({role}), {}, "another")
    done = [Act(before, "another", NOW, "object")]

    assert judge(POLICY, deputy, act, done, NOW).rule == control  # in the place of whoever did the other side
    assert judge(POLICY, service, act, done, NOW).rule == control
    assert judge(POLICY, own, act, done, NOW).allowed
    assert judge(POLICY, own, act, [Act(before, "one", NOW, "object")], NOW).rule == control


def test_the_command_line_explains_from_the_files_alone(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        ["explain", "--roles", "verifier", "--action", "trade.verify", "--history", "trade.capture:me:trade"]
    )
    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith(
        "me may not trade.verify: Whoever entered a deal does not agree its terms (D-01). [D-01]"
    )
    assert "BTO 2.2.2 Tz. 4" in said
    assert "because me did trade.capture" in said
    assert POLICY.version in said
    assert main(["explain", "--roles", "verifier,trader", "--action", "trade.verify"]) == 0
    assert "S-01 (H)" in capsys.readouterr().out
    for wrong in (
        ["explain", "--roles", "nobody", "--action", "trade.verify"],
        ["explain", "--roles", "verifier"],
        ["explain"],
        ["explain", "--roles", "verifier", "--action", "trade.verify", "--history", "trade.capture"],
    ):
        assert main(wrong) == 2
        assert capsys.readouterr().err.startswith("error: ")
