"""Many transactions at once, failing commits, kill -9 of every process: nothing is lost, doubled or out of order."""

from pathlib import Path

import pytest

from tests.faults import aftermath
from tests.faults.many_transactions import VICTIMS, Plan, perform


def test_after_kills_of_every_process_no_gap_and_no_acknowledged_act_missing(tmp_path: Path) -> None:
    told = perform(Plan(transactions=150, rollbacks=6, kills=len(VICTIMS), clients=1), tmp_path / "data")

    assert aftermath.is_whole(told), told
    assert told["rollbacks_forced"] >= 6
    assert told["transactions"] >= 150
    assert told["receipts"] == "every receipt was kept by its deadline"


@pytest.mark.long
def test_20_000_transactions_with_300_rollbacks_and_50_kills(tmp_path: Path) -> None:
    told = perform(Plan(transactions=20_000, rollbacks=300, kills=50), tmp_path / "data")

    print(told)
    assert aftermath.is_whole(told), told
    assert told["rollbacks_forced"] >= 300
    assert told["transactions"] >= 20_000
    assert told["kills"].keys() == set(VICTIMS)
