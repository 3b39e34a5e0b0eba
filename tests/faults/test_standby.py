"""Losing the primary database under load: its standby goes on, and nothing that was acknowledged is lost."""

from pathlib import Path

import pytest

from tests.faults.standby import perform


@pytest.mark.long
def test_a_primary_lost_ten_times_under_load_loses_no_acknowledged_act(tmp_path: Path) -> None:
    rounds = perform(10, 150, tmp_path / "data")

    assert [one["broken"] for one in rounds] == [[]] * 10
    assert all(one["verdict"].startswith("VERIFIED") for one in rounds)
    assert all(one["acknowledged before"] >= 50 for one in rounds)
