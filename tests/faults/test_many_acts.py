"""Mixed acts by every office while everything breaks: nothing is lost, doubled, out of order, or in the wrong hands."""

import json
from pathlib import Path

import pytest

from tests.faults.many_acts import Plan, perform
from tests.faults.mischief import FAULTS

SHORT = (
    "line cut", "second node killed", "line cut midway", "requests in crowds", "client killed", "backend killed",
    "line slow", "files half written", "signer stopped", "clock an hour ahead", "failing commits killed",
    "disk full", "work that cannot be done", "line silent", "postmaster killed", "signer killed", "first node killed",
)  # fmt: skip


def test_whatever_breaks_in_the_middle_of_the_day_no_promise_is_broken(tmp_path: Path) -> None:
    plan = Plan(acts=160, failing_commits=4, fault_every_seconds=1.2, clients=1, faults=SHORT)
    told = perform(plan, tmp_path / "data")

    print(json.dumps(told, indent=1))
    assert told["broken"] == []
    assert told["verdict"].startswith("VERIFIED (L2")
    assert told["commits that failed"] >= 4
    assert told["outcomes"]["refused"] > 0


@pytest.mark.long
def test_50_000_mixed_acts_with_a_fault_every_ten_seconds(tmp_path: Path) -> None:
    told = perform(Plan(acts=50_000, failing_commits=750, fault_every_seconds=10), tmp_path / "data")

    print(json.dumps(told, indent=1))
    assert told["broken"] == []
    assert {one.partition(": ")[2] for one in told["suffered"]} >= FAULTS.keys() - {"disk full"}
