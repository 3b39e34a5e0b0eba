"""What a change of the policy gives and takes, in both languages, and what no change may do."""

from pathlib import Path

import pytest

from policies.changes import compared, objections, of_people, raises_powers_of
from policies.people import Holder
from policies.policy import Policy, load
from policies.prose import changed, reason, rendered
from policies.vocabulary import Action

CAPTURE = "p, trader, trade.capture, strikes deals for the book under an own trader id\n"
VERIFIER = "p, verifier, trade.read, checks deals\n"
MORE = "p, verifier, balance.read, compares deals with the books\n"


def told(shipped: Policy, new: Policy, *people: Holder) -> list[str]:
    return list(objections(shipped, shipped, new, people))


def holder(person: str, *roles: str) -> Holder:
    return Holder(person, "a unit", set(roles))


def test_a_change_that_gives_a_read_is_told_by_role_and_person_in_both_languages(
    policy: Policy, spoil
) -> None:
    new = load(spoil("policy.csv", VERIFIER, VERIFIER + MORE))
    change = compared(policy, new)
    people = of_people(policy, new, [holder("P1", "verifier"), holder("P2", "trader")])
    assert list(changed(change, people, "en")) == [
        "Verifier (verifier) may now: Read balances (balance.read)",
        "person P1 may now: Read balances (balance.read)",
    ]
    assert list(changed(change, people, "de")) == [
        "Geschäftskontrolle (verifier) darf neu: Salden lesen (balance.read)",
        "Person P1 darf neu: Salden lesen (balance.read)",
    ]
    assert told(policy, new, holder("P1", "verifier")) == []


def test_rules_that_come_and_go_and_roles_that_move_are_told(policy: Policy, copy: Path) -> None:
    for file, find, replace in (
        (
            "apart.csv",
            "settlement.release, instruction.propose proposal.approve, object, 365, ",
            "settlement.release, instruction.propose proposal.approve, object, 730, ",
        ),
        (
            "separation.csv",
            "S-18, office:accounting, settlement.release, C, ",
            "S-18, office:accounting, settlement.release, H, ",
        ),
        ("tasks.csv", "T-06, 2, ", "T-06, 3, "),
        ("policy.csv", "g, counsel, legal\n", "g, counsel, credit\n"),
    ):
        text = (copy / file).read_text(encoding="utf-8")
        assert find in text
        (copy / file).write_text(text.replace(find, replace, 1), encoding="utf-8", newline="")
    lines = list(changed(compared(policy, load(copy)), {}, "de"))
    assert (
        sum(line.startswith("neu: ") for line in lines)
        == sum(line.startswith("entfällt: ") for line in lines)
        == 3
    )
    assert "Rechtsabteilung (counsel): Bereich Recht → Kredit" in lines
    assert any("in den letzten 730 Tagen" in line for line in lines)


def test_a_change_of_words_alone_is_told_and_changes_nothing(policy: Policy, spoil) -> None:
    new = load(spoil("policy.csv", "checks deals\n", "checks every deal\n"))
    assert list(changed(compared(policy, new), {}, "en")) == ["1 reasons are worded otherwise."]
    assert told(policy, new) == []


@pytest.mark.parametrize(
    ("file", "find", "replace", "objection"),
    [
        ("policy.csv", CAPTURE, CAPTURE + "p, trader, trade.verify, planted\n", "static proof is refuted"),
        ("policy.csv", CAPTURE, CAPTURE + "p, trader, limit.vote, planted\n", "ORG-14"),
        ("separation.csv", "S-04, office:front_office, office:credit, H, ", "S-04, office:front_office, office:credit, C, ", "hard rule S-04"),
        ("apart.csv", "settlement.release, instruction.propose proposal.approve, object, 365, ", "settlement.release, instruction.propose proposal.approve, object, 30, ", "rule D-04 on settlement.release is gone or weaker"),
        ("tasks.csv", "T-05, 4, ", "T-05, 3, ", "T-05 is gone"),
        ("policy.csv", "p, svc_log, log.heartbeat, shows every minute that the log is alive\n", "", "which the service needs"),
        ("policy.csv", "p, svc_legal, party.read, ", "p, svc_legal, party.read, x\np, svc_legal, trade.read, ", "a service does what the release gives it"),
        ("tables.csv", "trade.verify, trade_control, insert, *\n", "trade.verify, trade_control, insert, *\ntrade.verify, trade, insert, *\n", "tables are the release's"),
    ],
)  # fmt: skip
def test_ORG_14_a_change_that_opens_what_is_shut_is_objected_to(
    policy: Policy, spoil, file: str, find: str, replace: str, objection: str
) -> None:
    found = told(policy, load(spoil(file, find, replace)))
    assert any(objection in one for one in found), found


def test_NIST_01_a_role_that_moves_under_an_office_makes_its_holders_conflict(policy: Policy, spoil) -> None:
    new = load(spoil("policy.csv", "g, counsel, legal\n", "g, counsel, front_office\n"))
    found = told(policy, new, holder("P1", "counsel", "verifier"))
    assert "P1 would hold office:front_office and office:back_office together (S-01)" in found


def test_D_15_what_somebody_gains_by_a_change_is_known(policy: Policy, spoil) -> None:
    new = load(spoil("policy.csv", VERIFIER, VERIFIER + MORE))
    assert raises_powers_of(policy, new, ["verifier", "settler"]) == {Action.BALANCE_READ}
    assert raises_powers_of(policy, new, ["settler"]) == frozenset()


@pytest.mark.parametrize("language", ["en", "de"])
def test_ORG_13_the_text_of_a_version_names_every_right_and_every_rule(policy: Policy, language) -> None:
    lines = list(rendered(policy, language))
    assert policy.version in lines[0]
    assert sum(line.startswith("- ") for line in lines) == len(policy.rights) + len(policy.separation) + len(
        policy.apart
    ) + len(policy.tasks)
    for rule in (*policy.separation, *policy.apart):
        assert any(line.startswith(f"- {rule.control}: ") and rule.source in line for line in lines)


def test_ORG_13_no_rule_lacks_its_german(policy: Policy) -> None:
    english = set(rendered(policy, "en"))
    german = [line for line in rendered(policy, "de") if line.startswith(("- S-", "- D-", "- T-"))]
    assert [line for line in german if line in english] == []
    rows = (
        *policy.separation,
        *policy.apart,
        *policy.tasks,
        *policy.cooling_off,
        *policy.independence.values(),
    )
    assert {row.why for row in rows if reason(row.why, "de") == row.why} == set()
