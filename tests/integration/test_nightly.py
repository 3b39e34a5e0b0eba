"""Each night the books are held against the log; that they were, and what differs, stands in the log."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service import running
from service.compliance import nightly
from service.compliance.nightly import Nights, is_due
from tests import settling
from tests.bank import World
from tests.deals import by_force, rows
from tests.keeping import publish, verdict
from tests.settling import refused

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 3, 2, 30, tzinfo=UTC)  # half past three in Berlin


@pytest.mark.parametrize(
    ("now", "hours", "due"),
    [
        (NIGHT, 24, True),
        (NIGHT, 12, True),
        (NIGHT, 11, False),
        (NOON, 24, False),
        (NOON, 36, True),
        (NIGHT + timedelta(hours=3), 24, False),
    ],
)
def test_it_is_done_once_a_night_or_by_day_if_a_night_was_missed(
    now: datetime, hours: int, due: object
) -> None:
    assert is_due(now, now - timedelta(hours=hours)) is due


def nights(world: World) -> Nights:
    return Nights(world.bank.gate, world.bank.settings.log_directory)


async def told(world: World) -> list[dict[str, Any]]:
    found = await rows(world, "SELECT bytes FROM audit_entry WHERE act = 'log.check' ORDER BY recorded_at")
    return [json.loads(row.bytes)["data"] for row in found]


async def test_books_that_are_what_the_log_tells_are_recorded_as_such(ready_bank: World) -> None:
    await settling.settled(ready_bank)
    size = await publish(ready_bank)
    checks = nights(ready_bank)
    began = await checks.last()
    done = await checks.check()

    assert done.answer["verdict"] == "ok"
    (entry,) = await told(ready_bank)
    assert (entry["verdict"], entry["differences"], entry["deals"], entry["size"]) == ("ok", 0, 1, size)
    assert entry["rows"] > 100
    assert await checks.last() > began, "the next is due a night later"
    await publish(ready_bank)
    assert verdict(ready_bank).verdict == "VERIFIED"


async def test_what_differs_is_named_in_the_log_without_saying_what_stands_there(
    ready_bank: World, caplog: pytest.LogCaptureFixture
) -> None:
    await publish(ready_bank)
    await by_force(ready_bank, "UPDATE instruction SET account_number = 'DE00SECRET'")
    with caplog.at_level(logging.ERROR):
        await nights(ready_bank).check()

    (entry,) = await told(ready_bank)
    assert entry["verdict"] == "differs"
    assert entry["differences"] == len(entry["found"]) == 2
    assert all(
        one.startswith("instruction ") and one.endswith(" differs in account_number.")
        for one in entry["found"]
    )
    assert "SECRET" not in json.dumps(entry)
    assert "the books differ from the log in 2 places" in caplog.text


async def test_the_running_service_checks_by_itself(
    bank_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(bank_world)
    monkeypatch.setattr(nightly, "LOOK_SECONDS", 0.01)
    async with running.automatic_work(bank_world.bank, self_check=True):
        async with asyncio.timeout(20):
            while not await told(bank_world):  # noqa: ASYNC110 - what is waited for is a row
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)

    assert len(await told(bank_world)) == 1, "one is enough for a night"


async def test_a_check_that_fails_is_tried_again(
    bank_world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await publish(bank_world)
    monkeypatch.setattr(nightly, "LOOK_SECONDS", 0.01)
    right, tries = nightly.check_apart, [0]

    def failing(*facts: Any) -> Any:
        tries[0] += 1
        if tries[0] == 1:
            raise OSError("the disk is busy")
        return right(*facts)

    monkeypatch.setattr(nightly, "check_apart", failing)
    checks = nights(bank_world)
    checks.start(at_once=True)
    async with asyncio.timeout(20):
        while not await told(bank_world):  # noqa: ASYNC110 - what is waited for is a row
            await asyncio.sleep(0.05)
    await checks.stop()

    assert tries[0] == 2
    assert "the nightly check of the log failed" in caplog.text


async def test_nobody_records_a_check_by_hand(bank_world: World) -> None:
    act = {
        "action": "log.check",
        "command": {"size": 1, "deals": 0, "rows": 0, "differences": 0, "found": []},
    }
    answer = await (await bank_world.as_("compliance")).post("/api/acts", [act])

    assert answer.json()[0]["problem"]["code"] == "no_such_act"
    assert refused(await (await bank_world.as_("compliance")).post("/api/acts", [{"action": "x"}]))[0] == 400
