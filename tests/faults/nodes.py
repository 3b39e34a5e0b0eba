"""Processes of the fault run that only it needs: a second node that competes for the lead, and somebody whose
commits fail. Both join the bank in a data directory; what they do is a line in a file, flushed at once.
"""

import argparse
import asyncio
import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from policies.policy import load
from policies.vocabulary import Action
from service import bank as banks
from service import cli, running, settings
from service.app import slices
from service.attempt import Attempt, written
from service.gate import USE_CASES, Gate, Request, UseCase
from service.kernel import embedded
from service.kernel.actor import Actor
from service.kernel.clock import SystemClock
from service.kernel.database import kind_of
from service.kernel.identifiers import uuid7
from service.migrations.logins import office_urls, passwords
from service.parties.use_cases import ProposePortfolio
from service.people.directory import actor_of_account
from service.people.signing_in import office_of
from service.trades.use_cases import CaptureTrade
from tests.deals import TERMS
from tests.faults.crowd import note

ACCOUNT = text("SELECT id FROM public.account WHERE name = :name")
FOREIGN_KEY_VIOLATION = "23503"
PAUSE_SECONDS = 0.05
CLOCK = "clock"
"""The file by which a node's clock is turned."""
BATCH = 3


# --- the second node


class TurnedClock:
    """The machine's clock, turned by as many seconds as a file says."""

    def __init__(self, file: Path) -> None:
        self.file, self.clock = file, SystemClock()

    def now(self) -> datetime:
        """Return the time as this node takes it to be."""
        turned = self.file.read_text() if self.file.exists() else ""
        return self.clock.now() + timedelta(seconds=float(turned or 0))


async def serve_beside(data: Path, port: int) -> None:
    """Serve, work and keep the log beside the first node; only one of them leads at a time."""
    told, policy = settings.load(data, os.environ), load()
    assert told.database_url is not None
    urls = office_urls(told.database_url, cli.database_of(told), passwords(cli.logins_file(told)))
    clock = TurnedClock(data / CLOCK)
    with contextlib.closing(running.listening("127.0.0.1", port)) as listener:
        async with (
            banks.running(told, told.database_url, urls, policy=policy, clock=clock) as bank,
            running.automatic_work(bank),
            running.serving(bank, listener),
        ):
            print("serving", flush=True)
            await asyncio.Event().wait()


# --- commits that fail


def sabotaged(case: UseCase) -> UseCase:
    """Return the act with one change too many: a revision that no entry tells of fails it at its commit."""

    async def run(attempts: Any, commands: Any) -> Any:
        outcome = await case.run(attempts, commands)
        attempt: Attempt = attempts[-1] if case.many else attempts
        await attempt.session.flush()
        await written(attempts if case.many else [attempts])
        row = attempt.rows[0]
        await attempt.session.execute(
            text(f"UPDATE public.{kind_of(row)} SET rev = rev + 1 WHERE id = :id"), {"id": row.id}
        )
        row_entries.extend(str(one.entry_id) for one in (attempts if case.many else [attempts]))
        return outcome

    row_entries: list[str] = []
    made = UseCase(case.action, case.command, run, case.many)
    ENTRIES[made.action] = row_entries
    return made


ENTRIES: dict[Action, list[str]] = {}


async def actor(gate: Gate, account: str) -> Actor:
    office = await office_of(gate, account)
    assert office is not None
    async with gate.offices[office].connect() as connection:
        found = await actor_of_account(connection, await connection.scalar(ACCOUNT, {"name": account}))
    assert found is not None
    return found


async def fail_commits(data: Path, server_url: str) -> None:
    """Let one commit after the other fail, as many as the file ``due`` says by now."""
    slices()
    lines = data / "rolled-back.jsonl"
    async with cli.open_gate(settings.load(data), server_url) as gate:
        while True:
            done = len(lines.read_text().splitlines()) if lines.exists() else 0
            due = (data / "due").read_text() if (data / "due").exists() else ""
            if done >= int(due or 0):
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            with contextlib.suppress(OSError):  # the database is down
                await _fail(gate, lines, done)


async def _fail(gate: Gate, lines: Path, number: int) -> None:
    case, account, command = (
        (Action.PORTFOLIO_PROPOSE, "steward", ProposePortfolio(name=f"lost {number}", desk="FX desk")),
        (Action.TRADE_CAPTURE, "trader", cli.decoded(CaptureTrade, TERMS)),
    )[number % 2]
    made = sabotaged(USE_CASES[case])
    try:
        who = await actor(gate, account)
        requests = [
            Request(who, command, f"lost-{uuid7()}", opening=True) for _ in range(BATCH if made.many else 1)
        ]
        await gate.perform_many(made, requests)
    except DBAPIError as failure:
        if getattr(failure.orig, "sqlstate", None) == FOREIGN_KEY_VIOLATION:
            note(lines, act=case.value, entries=ENTRIES[case])
        return
    raise AssertionError(f"{case} was committed with a revision that no entry tells of")


def main() -> None:
    """Run one of them until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("serve", "fail"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    if asked.what == "serve":
        asyncio.run(serve_beside(asked.data, asked.port))
        return
    with embedded.start(asked.data) as server:
        asyncio.run(fail_commits(asked.data, server.url()))


if __name__ == "__main__":
    main()
