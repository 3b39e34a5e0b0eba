"""Each row of the log keeper's crash table, stopped before and after it; and several nodes on one log."""

import asyncio
import itertools
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from audit import files, note, tiles
from audit.report import Verdict
from policies.vocabulary import Office
from service import bank as banks
from service.audit_trail import sequencer
from service.audit_trail.sequencer import AnotherNodeLeads, LogKeeper, Publisher, backlog, sequence
from tests.bank import World
from tests.intruders import append, intruder_of
from tests.keeping import entries_in_database, findings, publish, verdict

CLONE = Path(__file__).parents[2]


class Stops(Exception):
    """The process is gone here: nothing of the step runs after it."""


def gone(*_: object, **__: object) -> Any:
    raise Stops


def after(step: Callable[..., Any]) -> Callable[..., Any]:
    """Give the step as it runs in a process that is gone right after it."""

    def does_it_and_is_gone(*given: Any, **more: Any) -> Any:
        step(*given, **more)
        raise Stops

    return does_it_and_is_gone


def publisher_of(world: World) -> Publisher:
    """Return a publisher as a process has it that starts now."""
    settings = world.bank.settings
    return banks.open_publisher(settings, banks.open_signer(settings))


async def witnessed(signed: bytes) -> bytes:
    return signed


async def witnesses_gone(signed: bytes) -> bytes:
    assert signed
    raise Stops


def only_for(name: str, replace: Callable[..., None], instead: Callable[..., Any]) -> Callable[..., Any]:
    """Replace files as ever, but this one."""
    return lambda path, *rest: (instead if path.name == name else replace)(path, *rest)


Patch = Callable[[pytest.MonkeyPatch, Publisher], None]
REPLACE, WRITE = files.replace, tiles.write_once

STOPS: dict[str, Patch] = {
    "before the places are given": lambda p, _: p.setattr(sequencer, "GIVE", text("SELECT 1 / 0")),
    "before the places are committed": lambda p, _: p.setattr(sequencer, "MOVE_ON", text("SELECT 1 / 0")),
    "after the places are committed": lambda p, one: p.setattr(one, "integrate", gone),
    "before the first file": lambda p, _: p.setattr(tiles, "write_once", gone),
    "after the first file": lambda p, _: p.setattr(tiles, "write_once", after(WRITE)),
    "after the last file": lambda p, one: p.setattr(one, "publish", gone),
    "before the signer remembers": lambda p, _: p.setattr(files, "replace", only_for("signer-state.json", REPLACE, gone)),
    "after the signer remembered": lambda p, _: p.setattr(files, "replace", only_for("signer-state.json", REPLACE, after(REPLACE))),
    "before the signer answers": lambda p, _: p.setattr(note, "sign", gone),
    "after the signer answered": lambda p, one: p.setattr(one.signer, "sign", after(one.signer.sign)),
    "before the key ring is published": lambda p, _: p.setattr(sequencer, "replace", only_for("keyring", REPLACE, gone)),
    "after the key ring is published": lambda p, _: p.setattr(sequencer, "replace", only_for("keyring", REPLACE, after(REPLACE))),
    "before the witnesses answer": lambda p, one: p.setattr(one, "cosign", witnesses_gone),
    "after the witnesses answered": lambda p, _: p.setattr(sequencer, "replace", only_for("checkpoint", REPLACE, gone)),
    "after the checkpoint is replaced": lambda p, _: p.setattr(sequencer, "replace", only_for("checkpoint", REPLACE, after(REPLACE))),
}  # fmt: skip


@pytest.mark.parametrize("where", STOPS)
async def test_stopped_here_nothing_is_lost_and_the_next_start_goes_on(
    bank_world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    size = await publish(bank_world)
    engine = bank_world.bank.offices[Office.LOG]
    if "key ring" in where:
        banks.open_signer(bank_world.bank.settings).rotate(3)  # kept by the signer, not published yet
    office = await intruder_of(bank_world, Office.FRONT_OFFICE)
    await office.append(*(office.line() for _ in range(5)))
    stopped = publisher_of(bank_world)
    stopped.cosign = witnessed
    with monkeypatch.context() as patched:
        STOPS[where](patched, stopped)
        with pytest.raises(Exception) as end:
            await LogKeeper(engine, stopped).step()
    assert isinstance(end.value, Stops) or "division by zero" in str(end.value)

    between = verdict(bank_world)
    assert between.verdict is Verdict.VERIFIED, between.lines()
    replaced = where == "after the checkpoint is replaced"
    assert between.size == (await entries_in_database(bank_world) if replaced else size)
    if "places are given" in where or where == "before the places are committed":
        assert await backlog(engine) == await entries_in_database(bank_world) - size

    await LogKeeper(engine, publisher_of(bank_world)).step()

    report = verdict(bank_world)
    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert report.size == await entries_in_database(bank_world)
    assert await findings(bank_world) == []


async def test_an_act_rolled_back_leaves_nothing_and_one_committed_is_kept(bank_world: World) -> None:
    office = await intruder_of(bank_world, Office.FRONT_OFFICE)
    before = await publish(bank_world)
    async with office.open() as connection:
        await append(connection, office.line())
        await connection.rollback()
    assert await publish(bank_world) == before

    await office.append(office.line())  # and the process is gone: nobody else has to do anything
    await LogKeeper(bank_world.bank.offices[Office.LOG], publisher_of(bank_world)).step()
    assert verdict(bank_world).size == before + 1


ROWS = {
    "an act's commit": (),  # the test above
    "giving indices": ("before the places are given",),
    "their commit": ("before the places are committed",),
    "writing the files": ("after the places are committed", "before the first file"),
    "the last file of a size": ("after the first file",),
    "the signer's memory": ("after the last file", "before the signer remembers"),
    "the signer's answer": ("after the signer remembered", "before the signer answers"),
    "publishing the key ring": ("after the signer answered", "before the key ring is published"),
    "the witnesses' answers": ("after the key ring is published", "before the witnesses answer"),
    "replacing /checkpoint": ("after the witnesses answered",),
    "the next entry": ("after the checkpoint is replaced",),
}
"""Each row of the table in the sequencer, and where a process is stopped for it."""


def test_every_row_of_the_crash_table_is_tried() -> None:
    assert sequencer.__doc__ is not None
    _, _, table, _ = re.split(r"^=+  =+$", sequencer.__doc__, flags=re.MULTILINE)
    assert [row[:26].strip() for row in table.strip().split("\n")] == list(ROWS)
    assert sorted(stop for stops in ROWS.values() for stop in stops) == sorted(STOPS)


# Several nodes -----------------------------------------------------------------------------------

NODE = """
import asyncio, contextlib, json, sys, time
from pathlib import Path
from sqlalchemy.ext.asyncio import create_async_engine
from service import bank as banks
from service.audit_trail import sequencer
from service.audit_trail.sequencer import LogKeeper, Publisher
from service.settings import Settings

leading = Publisher.leading

@contextlib.asynccontextmanager
async def told(self):
    async with leading(self) as leads:
        began = time.monotonic_ns()
        yield leads
        if leads:
            print(began, time.monotonic_ns(), flush=True)

async def keep(url, data):
    settings = Settings(data=Path(data))
    publisher = banks.open_publisher(settings, banks.open_signer(settings))
    keeper = LogKeeper(create_async_engine(url), publisher)
    sequencer.PAUSE_SECONDS = 0.01
    Publisher.leading = told
    keeper.start()
    while True:
        await asyncio.sleep(0.1)
        if keeper.failure is not None:
            print("failed", repr(keeper.failure), flush=True)

asyncio.run(keep(**json.loads(sys.stdin.readline())))
"""


@contextmanager
def a_node(world: World, told: Path) -> Iterator["subprocess.Popen[str]"]:
    """Give a process that keeps the log and writes down when it led."""
    with told.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", NODE], cwd=CLONE, text=True, stdin=subprocess.PIPE, stdout=out
        )
        assert process.stdin is not None
        url = world.bank.offices[Office.LOG].url.render_as_string(hide_password=False)
        process.stdin.write(json.dumps({"url": url, "data": str(world.bank.settings.data)}) + "\n")
        process.stdin.flush()
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def times_led(told: Path) -> list[tuple[int, int]]:
    """Return from when to when a node led; a last line that was cut off is none."""
    lines = told.read_text().split("\n")[:-1]
    assert not [line for line in lines if line.startswith("failed")], lines[-1]
    return [(int(began), int(ended)) for began, ended in (line.split() for line in lines)]


async def test_of_two_nodes_on_one_log_one_leads_at_a_time_and_the_other_takes_over(
    bank_world: World, tmp_path: Path
) -> None:
    office = await intruder_of(bank_world, Office.FRONT_OFFICE)
    one, other = tmp_path / "one", tmp_path / "other"
    with a_node(bank_world, one) as killed, a_node(bank_world, other):
        for number in range(60):
            await office.append(*(office.line() for _ in range(3)))
            await asyncio.sleep(0.03)
            if number == 40:
                while not (times_led(one) and times_led(other)):  # noqa: ASYNC110 - other processes' files
                    await asyncio.sleep(0.05)
                killed.kill()
                killed.wait()
                at_the_kill = len(times_led(other))
        size = await entries_in_database(bank_world)
        for _ in range(200):
            if verdict(bank_world).size == size:
                break
            await asyncio.sleep(0.05)
        assert len(times_led(other)) > at_the_kill

    led = sorted(
        [(*when, "one") for when in times_led(one)] + [(*when, "other") for when in times_led(other)]
    )
    assert {who for *_, who in led} == {"one", "other"}
    assert [pair for pair in itertools.pairwise(led) if pair[0][1] > pair[1][0]] == []
    report = verdict(bank_world)
    assert (report.verdict, report.size) == (Verdict.VERIFIED, size), report.lines()
    assert await findings(bank_world) == []


async def test_a_node_waits_while_another_leads_and_reads_first_what_that_one_wrote(
    bank_world: World,
) -> None:
    await publish(bank_world)
    stale, busy = publisher_of(bank_world), publisher_of(bank_world)
    engine = bank_world.bank.offices[Office.LOG]
    office = await intruder_of(bank_world, Office.FRONT_OFFICE)
    await office.append(*(office.line() for _ in range(3)))
    sequencer_waits = sequencer.LEAD_WAIT_SECONDS
    keeper = LogKeeper(engine, stale)
    try:
        sequencer.LEAD_WAIT_SECONDS = 0.1
        async with busy.leading() as leads:
            assert leads
            before = stale.published_size
            assert await keeper.step() == before
            assert keeper.oldest_pending_seconds > 0
            with pytest.raises(AnotherNodeLeads):
                await keeper.rotate(5)
            await sequence(engine)
            await busy.integrate(engine)
            await busy.publish()
    finally:
        sequencer.LEAD_WAIT_SECONDS = sequencer_waits
    assert await keeper.step() == busy.published_size == await entries_in_database(bank_world)
    assert keeper.oldest_pending_seconds == 0


async def test_a_step_that_is_cancelled_lets_go_of_the_files_only_when_its_thread_is_done(
    bank_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(bank_world)
    mine, other = publisher_of(bank_world), publisher_of(bank_world)
    office = await intruder_of(bank_world, Office.FRONT_OFFICE)
    await office.append(*(office.line() for _ in range(300)))
    keeper = LogKeeper(bank_world.bank.offices[Office.LOG], mine)
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(sequencer, "LEAD_WAIT_SECONDS", 0.0)

    def slowly(*given: Any) -> None:
        begun.set()
        assert go_on.wait(60)
        WRITE(*given)

    with monkeypatch.context() as patched:
        patched.setattr(tiles, "write_once", slowly)
        keeper.start()
        assert await asyncio.to_thread(begun.wait, 60)
    stopping = asyncio.create_task(keeper.stop())
    for _ in range(3):  # asked three times, the thread still writes
        await asyncio.sleep(0.05)
        assert keeper._task is not None
        keeper._task.cancel()
    async with other.leading() as leads:
        assert not leads
    assert not stopping.done()
    go_on.set()
    await stopping

    async with other.leading() as leads:
        assert leads
    report = verdict(bank_world)
    assert (report.verdict, report.size) == (Verdict.VERIFIED, await entries_in_database(bank_world)), (
        report.lines()
    )


async def test_publishing_once_more_signs_the_same_and_asks_the_witnesses_again(bank_world: World) -> None:
    size = await publish(bank_world)
    asked: list[bytes] = []

    async def cosigned(signed: bytes) -> bytes:
        asked.append(signed)
        return signed

    publisher = publisher_of(bank_world)
    publisher.cosign = cosigned
    async with publisher.leading() as leads:
        assert leads
        await publisher.publish()
        assert asked == []
        await publisher.publish(again=True)
    assert asked == [(bank_world.bank.settings.log_directory / "checkpoint").read_bytes()]
    assert verdict(bank_world).size == size


async def test_whoever_keeps_the_process_is_told_once_that_an_entry_waits_too_long(
    bank_world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await publish(bank_world)
    keeper = LogKeeper(bank_world.bank.offices[Office.LOG], publisher_of(bank_world))
    office = await intruder_of(bank_world, Office.FRONT_OFFICE)
    await office.append(office.line())
    with monkeypatch.context() as patched:
        patched.setattr(keeper.publisher.signer, "sign", gone)
        patched.setattr(sequencer, "WARNING_SECONDS", 0)
        patched.setattr(sequencer, "CRITICAL_SECONDS", 0.5)
        keeper.start()
        await asyncio.sleep(1.5)
    await keeper.stop()

    told = [one.levelname for one in caplog.records if "waits for its signature" in one.getMessage()]
    assert told in (["WARNING", "CRITICAL"], ["CRITICAL"])
    assert verdict(bank_world).size == await entries_in_database(bank_world)
