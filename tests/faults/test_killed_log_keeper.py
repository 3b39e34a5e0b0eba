"""kill -9 of the process that keeps the log, while the bank goes on acting."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audit.signer import FileSigner
from policies.vocabulary import Office
from service.audit_trail.sequencer import LogKeeper, Publisher
from tests.bank import World
from tests.deals import rows
from tests.intruders import login_of
from tests.keeping import entries_in_database, findings, verdict

CLONE = Path(__file__).parents[2]
KEEPER = """
import asyncio, json, sys
from pathlib import Path
from sqlalchemy.ext.asyncio import create_async_engine
from audit.signer import FileSigner
from service.audit_trail.sequencer import LogKeeper, Publisher
from service.bank import open_key
from service.settings import Settings

async def keep(url, data):
    settings = Settings(data=Path(data))
    signer = FileSigner(open_key(settings), settings.signer_state_file, settings.origin)
    publisher = Publisher(settings.log_directory, signer, settings.origin)
    LogKeeper(create_async_engine(url), publisher).start()
    print("keeping", flush=True)
    await asyncio.Event().wait()

asyncio.run(keep(**json.loads(sys.stdin.readline())))
"""
KILLED_AFTER_ACTS = (2, 9, 23)


@contextmanager
def a_keeper(world: World) -> Iterator[subprocess.Popen[str]]:
    """Give a process that keeps the log; it is killed at the latest at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER], cwd=CLONE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    url = world.bank.offices[Office.LOG].url.render_as_string(hide_password=False)
    process.stdin.write(json.dumps({"url": url, "data": str(world.bank.settings.data)}) + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "keeping\n"
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


async def test_whenever_the_keeper_is_killed_the_next_one_loses_nothing(bank_world: World) -> None:
    receipts: list[dict[str, Any]] = []
    steward = await bank_world.as_("steward")
    for round_number, acts in enumerate(KILLED_AFTER_ACTS):
        with a_keeper(bank_world) as keeper:
            for number in range(acts + 10):
                if number == acts:
                    keeper.send_signal(signal.SIGKILL)
                body = {"name": f"FX-{round_number}-{number}", "desk": "FX desk"}
                answer = await steward.post("/api/portfolios", body)
                assert answer.status_code == 201, "acting does not depend on the keeper"
                receipts.append(answer.json()["receipt"])
        assert verdict(bank_world).line() == "VERIFIED (L1 self-signed)"

    settings = bank_world.bank.settings
    signer = FileSigner(bank_world.bank.gate.key, settings.signer_state_file, settings.origin)
    publisher = Publisher(settings.log_directory, signer, settings.origin)
    await LogKeeper(bank_world.bank.offices[Office.LOG], publisher).step()

    report = verdict(bank_world, receipts)
    assert report.line() == "VERIFIED (L1 self-signed)", report.lines()
    assert report.size == await entries_in_database(bank_world)
    assert await findings(bank_world) == []


async def test_a_keeper_whose_connection_is_cut_goes_on_with_a_new_one(bank_world: World) -> None:
    keeper = bank_world.bank.keeper
    keeper.start()
    for account in ("trader", "verifier", "auditor"):
        await bank_world.as_(account)
        await cut_connections(bank_world)
    size = await entries_in_database(bank_world)

    for _ in range(100):
        if verdict(bank_world).size == size and keeper.failure is None:
            break
        await asyncio.sleep(0.05)
    await keeper.stop()

    assert verdict(bank_world).line() == "VERIFIED (L1 self-signed)"
    assert verdict(bank_world).size == await entries_in_database(bank_world)


async def cut_connections(world: World) -> None:
    """End every connection of the sequencer's login, as a network or an administrator does."""

    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE usename = :login AND datname = current_database()"
    )
    await rows(world, query, login=login_of(world, Office.LOG))
