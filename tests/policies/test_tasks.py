"""How many people a sensitive task takes: computed, demanded by a row, and held against a bank's own people."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from policies.duties import LEAVE
from policies.fewest import prove_tasks
from policies.people import HEADER, read
from policies.policy import Policy, PolicyError, load
from policies.rights import SERVICE
from policies.staffing import clashes, staffed
from policies.vocabulary import Action
from service.demo.cast import ACCOUNTS
from tests.bench.proof import write

STRIKE = "p, trader, trade.capture, strikes deals for the book under an own trader id\n"


def needed(policy: Policy) -> dict[str, int | None]:
    return {one.task.task: one.by_both for one in prove_tasks(policy)}


def test_every_task_takes_as_many_people_as_its_row_demands(policy: Policy) -> None:
    assert [one.task.task for one in prove_tasks(policy) if not one.holds] == []


def test_no_payment_leaves_by_fewer_than_three_people(policy: Policy) -> None:
    paying = [one for one in prove_tasks(policy) if LEAVE & set(one.task.acts)]
    assert len(paying) > 3
    assert min(one.by_both or 0 for one in paying) == 3


def test_NIST_03_roles_alone_let_one_person_do_what_takes_two(policy: Policy) -> None:
    """Role exclusion is no promise of how many people a task takes; the promise is computed with the history."""
    alone = {one.task.task: one for one in prove_tasks(policy)}["T-15"]
    assert (alone.by_roles, alone.by_both) == (1, 2)


def test_NIST_03_a_policy_by_which_one_person_covers_all_steps_via_different_roles_is_refuted(
    policy: Policy,
) -> None:
    weaker = replace(policy, apart=tuple(rule for rule in policy.apart if rule.control != "D-02"))
    found = needed(weaker)
    assert (found["T-15"], found["T-05"], found["T-02"]) == (1, 3, 2)


def test_a_task_whose_act_nobody_may_do_is_no_proof(spoil) -> None:
    row = "p, releaser, settlement.release, releases what another person prepared\n"
    assert needed(load(spoil("policy.csv", row, "")))["T-02"] is None


def test_a_rule_that_lapses_with_time_counts_for_nothing(policy: Policy) -> None:
    lapsing = tuple(replace(rule, within_days=365) for rule in policy.apart)
    assert needed(replace(policy, apart=lapsing))["T-19"] == 1


@pytest.mark.parametrize(
    ("row", "worse", "what"),
    [
        ("T-02, 3, ", "T-02, 2, ", "it takes 3 at least"),
        ("T-06, 2, ", "T-06, 1, ", "it takes 2 at least"),
        ("T-06, 2, ", "T-6, 2, ", "no task of the form"),
        ("T-06, 2, ", "T-07, 2, ", "second row of T-07"),
        ("T-06, 2, trade.capture", "T-06, 2, trade.captrue", "unknown action"),
        ("T-06, 2, trade.capture", "T-06, 2, trade.read", "takes nobody's hand"),
        ("T-06, 2, trade.capture ", "T-06, 2, trade.capture  ", "two blanks"),
        ("T-06, 2, trade.capture trade.verify", "T-06, 2, trade.verify", "2 to 12 acts"),
    ],
)
def test_a_row_that_demands_too_little_is_refused(spoil, row: str, worse: str, what: str) -> None:
    with pytest.raises(PolicyError, match=what) as refused:
        load(spoil("tasks.csv", row, worse))
    assert refused.value.file == "tasks.csv"
    assert refused.value.line > 1


# A bank's own people ------------------------------------------------------------------------------


def rows_of_demo() -> list[list[str]]:
    """The demo bank's founding as a people file; a service's owner is a custodian of its own."""
    return [
        [
            one.person.replace(" ", "."),
            one.name,
            " ".join(one.roles),
            one.unit,
            "",
            "yes" if one.service else "",
        ]
        for one in ACCOUNTS
    ]


def people_file(folder: Path, rows: list[list[str]]) -> Path:
    file = folder / "people.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    return file


def test_the_demo_bank_can_do_every_task_and_nobody_in_it_conflicts(policy: Policy, tmp_path: Path) -> None:
    people = read(people_file(tmp_path, rows_of_demo()), policy)
    assert clashes(policy, people.values()) == []
    assert [one.task.task for one in staffed(policy, people.values()) if one.wrong] == []


@pytest.mark.parametrize(
    ("row", "control"),
    [
        (["trader", "second", "verifier", "FX desk", "", ""], "S-01"),  # a second account
        (["trader", "second", "svc_back_office", "FX desk", "", "yes"], "S-01"),  # a service they answer for
        (["trader", "second", "", "FX desk", "releaser:releaser", ""], "S-01"),  # in another's place
        (["rights-admin", "second", "trader", "Rights administration", "", ""], "S-11"),
        (["verifier", "second", "svc_back_office", "Settlement and control", "", "yes"], "S-27"),
    ],
)
def test_a_person_is_the_sum_of_accounts_services_and_deputising(
    policy: Policy, tmp_path: Path, row: list[str], control: str
) -> None:
    people = read(people_file(tmp_path, [*rows_of_demo(), row]), policy)
    found = clashes(policy, people.values())
    assert [one.person for one in found] == [row[0]]
    assert found[0].hard
    assert control in {conflict.control for conflict in found[0].conflicts}


def test_a_task_that_nobody_or_too_few_can_do_is_named(policy: Policy, tmp_path: Path) -> None:
    gone = {"releaser", "other-releaser", "other-credit-officer"}
    people = read(people_file(tmp_path, [row for row in rows_of_demo() if row[0] not in gone]), policy)
    wrong = {one.task.task: one.wrong or "" for one in staffed(policy, people.values())}
    assert wrong["T-02"] == "nobody can settlement.release"
    assert wrong["T-21"].startswith("too few people")
    assert wrong["T-06"] == ""


def test_a_task_that_stands_still_without_one_person_is_told(policy: Policy, tmp_path: Path) -> None:
    people = read(people_file(tmp_path, rows_of_demo()), policy)
    thin = {one.task.task: one.thin for one in staffed(policy, people.values())}
    assert thin["T-15"] == ["counterparty.propose", "proposal.approve"]
    assert thin["T-06"] == []


def test_what_only_a_deputy_can_do_is_told(policy: Policy, tmp_path: Path) -> None:
    rows = [row for row in rows_of_demo() if row[0] != "other-credit-officer"]
    rows.append(["spare", "spare", "", "Credit back office", "credit-officer:credit_officer", ""])
    found = {
        one.task.task: one for one in staffed(policy, read(people_file(tmp_path, rows), policy).values())
    }
    assert found["T-21"].only_with_deputies


def test_ten_thousand_people_and_forty_roles_are_proved(tmp_path: Path) -> None:
    from policies.__main__ import main

    people, roles = write(tmp_path)
    shown = load()
    human = [role for role in shown.roles if not role.startswith(SERVICE)]
    assert len(human) < 40
    assert main(["prove", "--people", str(people), "--roles", str(roles)]) == 0


def test_json_says_the_same_as_csv(policy: Policy, tmp_path: Path) -> None:
    told = [
        {
            "person": row[0],
            "unit": row[3],
            "accounts": [{"account": row[1], "roles": row[2].split(), "service": row[5] == "yes"}],
        }
        for row in rows_of_demo()
        if row[0] != "mover"  # has two accounts, and a person is told once
    ]
    told.append(
        {
            "person": "spare",
            "unit": "Legal",
            "accounts": [],
            "deputy_for": [{"person": "legal", "role": "counsel"}],
        }
    )
    file = tmp_path / "people.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    people = read(file, policy)
    assert people["spare"].roles == {"counsel"}
    assert people["releaser"].own == {"releaser"}


GOOD = "P1,a1,trader,FX desk,,\n"
HEAD = ",".join(HEADER) + "\n"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "the first row must be"),
        (HEAD, 1, "empty"),
        (HEAD + GOOD + '"trader, back_office",a2,trader,FX desk,,\n', 3, "no name of person"),
        (HEAD + GOOD + "tr\u0430der,a2,trader,FX desk,,\n", 3, "no name of person"),
        (HEAD + GOOD + "P2 ,a2,trader,FX desk,,\n", 3, "no name of person"),
        (HEAD + GOOD + "P2\u00a0,a2,trader,FX desk,,\n", 3, "no name of person"),
        (HEAD + GOOD + "p1,a2,trader,FX desk,,\n", 3, "in capitals only"),
        (HEAD + GOOD + "P2,A1,trader,FX desk,,\n", 3, "second account"),
        (HEAD + GOOD + 'P2,a2,"trader, verifier",FX desk,,\n', 3, "unknown role"),
        (HEAD + GOOD + "P2,a2,trad\u0435r,FX desk,,\n", 3, "unknown role"),
        (HEAD + GOOD + "P2,a2,trader  verifier,FX desk,,\n", 3, "unknown role"),
        (HEAD + GOOD + "P2,a2,trader trader,FX desk,,\n", 3, "names a role twice"),
        (HEAD + GOOD + "P2,a2,front_office,FX desk,,\n", 3, "unknown role"),
        (HEAD + GOOD + "P1,a2,trader,Legal,,\n", 3, "is in FX desk and in Legal"),
        (HEAD + GOOD + "P2,a2,trader,FX desk,P2:trader,\n", 3, "a deputy for P2"),
        (HEAD + GOOD + "P2,a2,trader,FX desk,P9:trader,\n", 1, "who is nobody"),
        (HEAD + GOOD + "P2,a2,trader,FX desk,P1:verifier,\n", 1, "who does not hold it"),
        (HEAD + GOOD + "P2,a2,trader,FX desk,,no\n", 3, "service is yes or empty"),
        (HEAD + GOOD + "P2,a2,trader\n", 3, "3 cells where 6 belong"),
        (HEAD + GOOD + 'P2,"a2,trader,FX desk,,\n', 3, "unexpected end of data"),
        (HEAD + GOOD + "=cmd|' /C calc'!A0,a2,trader,FX desk,,\n", 3, "no name of person"),
    ],
)
def test_a_people_file_that_reads_two_ways_is_refused_with_its_line(
    policy: Policy, tmp_path: Path, text: str, line: int, what: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(PolicyError, match=what) as refused:
        read(file, policy)
    assert (refused.value.file, refused.value.line) == ("people.csv", line)


def test_a_people_file_in_another_encoding_or_of_another_kind_is_refused(
    policy: Policy, tmp_path: Path
) -> None:
    for encoding in ("utf-16", "latin-1"):
        (tmp_path / "people.csv").write_bytes((HEAD + GOOD + "Pé,a2,,B,,\n").encode(encoding))
        with pytest.raises(PolicyError, match="not UTF-8"):
            read(tmp_path / "people.csv", policy)
    for name, content in (("people.txt", HEAD), ("people.json", "{"), ("people.json", '[{"person": 1}]')):
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(PolicyError, match=r"people\.(txt|json), line 1"):
            read(tmp_path / name, policy)


@pytest.mark.parametrize("name", ["verifier", "back_office", "staff", "svc_back_office"])
def test_people_called_like_a_role_or_an_office_gain_nothing_by_it(
    policy: Policy, tmp_path: Path, name: str
) -> None:
    people = read(people_file(tmp_path, [[name, name, "trader", "FX desk", "", ""]]), policy)
    assert policy.powers(people[name].roles) == policy.powers(["trader"])
    assert Action.TRADE_VERIFY not in policy.powers(people[name].roles)
