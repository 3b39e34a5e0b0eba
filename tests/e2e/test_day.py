"""The demo bank's days, played over the public interface to the offline verifier."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.demo.days import House
from service.demo.plan import DEALS_MIN
from service.demo.run import play_and_check
from service.kernel import embedded
from tests.playing import LostAnswer, Playground, playground

FORBIDDEN_MIN = 25
ON_LEAVE = "TRD-19"

UNDER_CONTROL, INTERNAL_LEGS, NETTED, BY_A_DEPUTY = 12, 2, 2, 1
STATES = {
    "verified": DEALS_MIN - 2 + UNDER_CONTROL - 1 + INTERNAL_LEGS + NETTED + BY_A_DEPUTY,
    "cancelled": 3 + 1,
}


@pytest.fixture
async def here(server: embedded.Server, tmp_path: Path) -> AsyncIterator[Playground]:
    """Give an empty demo bank."""
    async with playground(server.url(), tmp_path / "bank") as opened:
        yield opened


async def played(here: Playground, lost: int | None = None) -> dict[str, Any]:
    """Play the days from the beginning and return what they came to."""
    reports: list[dict[str, Any]] = []

    async def work(house: House) -> None:
        report, _ = await play_and_check(here.bank, house)
        reports.append(report)

    await here.start(DEALS_MIN, work, lost)
    return reports[0]


async def test_an_interrupted_day_goes_on_keeps_every_promise_refuses_every_forbidden_act_and_repeats_nothing(
    here: Playground,
) -> None:
    for lost in (7, 402, 830, 880):
        with pytest.raises(LostAnswer):
            await played(here, lost)
    report = await played(here)

    assert [promise for promise in report["promises"] if not promise[1]] == []
    assert len(report["forbidden"]) >= FORBIDDEN_MIN
    assert {way for _, _, way, _, _ in report["forbidden"]} == {"API", "batch", "command line", "SQL"}
    assert report["states"] == STATES
    assert report["marks"]["late"] == 7
    assert report["refusals"]["D-01"] >= 3

    again = await played(here)  # by the same keys: nothing happens twice
    assert [promise for promise in again["promises"] if not promise[1]] == []
    for part in ("states", "marks", "balance", "accounts"):
        assert again[part] == report[part]
    for part in ("controls", "forbidden"):  # who was on leave is back: nothing to be kept from any more
        assert [row for row in again[part] if ON_LEAVE not in str(row)] == [
            row for row in report[part] if ON_LEAVE not in str(row)
        ]
