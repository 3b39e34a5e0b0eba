"""The demo bank's days, played over the public interface to the offline verifier."""

from collections.abc import AsyncIterator
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


@pytest.fixture(scope="module")
async def here(
    server: embedded.Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Playground]:
    """Give a demo bank whose day is played once for all tests here, the hard way: with interruptions."""
    async with playground(server.url(), tmp_path_factory.mktemp("day") / "bank") as opened:
        for lost in (7, 402, 830, 880):
            with pytest.raises(LostAnswer):
                await played(opened, lost)
        yield opened


@pytest.fixture(scope="module")
async def report(here: Playground) -> dict[str, Any]:
    """Give what the day came to once it went through."""
    return await played(here)


async def played(here: Playground, lost: int | None = None) -> dict[str, Any]:
    """Play the days from the beginning and return what they came to."""
    reports: list[dict[str, Any]] = []

    async def work(house: House) -> None:
        report, _ = await play_and_check(here.bank, house)
        reports.append(report)

    await here.start(DEALS_MIN, work, lost)
    return reports[0]


async def test_an_interrupted_day_goes_on_where_it_was_and_keeps_every_promise(
    report: dict[str, Any],
) -> None:
    assert [promise for promise in report["promises"] if not promise[1]] == []
    assert report["states"] == STATES
    assert report["marks"]["late"] == 7
    assert report["refusals"]["D-01"] >= 3


async def test_a_day_refuses_every_forbidden_act_by_every_way(report: dict[str, Any]) -> None:
    assert len(report["forbidden"]) >= FORBIDDEN_MIN
    assert {way for _, _, way, _, _ in report["forbidden"]} == {"API", "batch", "command line", "SQL"}


async def test_a_day_played_again_by_the_same_keys_does_nothing_twice(
    here: Playground, report: dict[str, Any]
) -> None:
    again = await played(here)
    assert [promise for promise in again["promises"] if not promise[1]] == []
    for part in ("states", "marks", "balance", "accounts"):
        assert again[part] == report[part]
    for part in ("controls", "forbidden"):  # who was on leave is back: nothing to be kept from any more
        assert [row for row in again[part] if ON_LEAVE not in str(row)] == [
            row for row in report[part] if ON_LEAVE not in str(row)
        ]
