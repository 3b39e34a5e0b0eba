"""Each night the past is told again from the log and held against the books; that it was, and what differs, is an entry."""

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from policies.vocabulary import Action, Office
from service.audit_trail.model import AuditEntry
from service.compliance import rebuild
from service.compliance.selfcheck import SelfCheck
from service.compliance.use_cases import CheckLog, CheckRights, check_log, check_rights
from service.gate import Done, Gate
from service.people.directory import service_actor

LOGGER = logging.getLogger(__name__)
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT_HOURS = range(2, 5)  # nobody captures, nothing settles
APART = timedelta(hours=12)
LATE = timedelta(hours=36)  # a machine that is off at night is checked when it is on
LOOK_SECONDS = 60
TOLD_MAX = 20


@dataclass(slots=True)
class Nights:
    """The nightly check of a running service, done by compliance's own service account."""

    gate: Gate
    log_directory: Path
    task: asyncio.Task[None] | None = None

    def start(self, *, at_once: bool = False) -> None:
        """Begin; ``at_once``: check now, whatever the hour."""
        self.task = asyncio.create_task(self._run(at_once=at_once), name="nightly check of the log")

    async def stop(self) -> None:
        """End; a check under way is done anew the next time."""
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.task = None

    async def _run(self, *, at_once: bool) -> None:
        while True:
            try:
                if at_once or is_due(self.gate.clock.now(), await self.last()):
                    await self.check()
                    await check_everybody(self.gate)
                    at_once = False
            except Exception:
                # The next look tries again; that a check is overdue shows in the log by its absence.
                LOGGER.exception("the nightly check of the log failed")
            await asyncio.sleep(LOOK_SECONDS)

    async def last(self) -> datetime:
        """Return when the books were last held against the log, or when the log began."""
        acts = (Action.LOG_CHECK.value, Action.LOG_GENESIS.value)
        query = select(func.max(AuditEntry.recorded_at)).where(
            AuditEntry.act.in_(acts), AuditEntry.outcome == "allow"
        )
        async with self.gate.offices[Office.COMPLIANCE].connect() as connection:
            found = await connection.scalar(query)
        assert found is not None, "a log that serves has its genesis"
        return found

    async def check(self) -> Done:
        """Check now, beside the service's own work, and record what came of it."""
        url = self.gate.offices[Office.COMPLIANCE].url.render_as_string(hide_password=False)
        found = await asyncio.to_thread(check_apart, url, self.log_directory)
        if found.count:
            LOGGER.error(
                "the books differ from the log in %s places: %s", found.count, json.dumps(said(found))
            )
        keeper = await service_actor(self.gate.offices, Office.COMPLIANCE)
        command = CheckLog(
            size=found.size, deals=found.trades, rows=found.rows, differences=found.count, found=said(found)
        )
        return await self.gate.perform(keeper, check_log, command)


async def check_everybody(gate: Gate) -> Done:
    """Hold everybody's rights against separation now: each night, and whenever policy or organisation changed."""
    keeper = await service_actor(gate.offices, Office.COMPLIANCE)
    done = await gate.perform(keeper, check_rights, CheckRights())
    if done.answer["conflicts"]:
        LOGGER.error("%s persons hold rights that conflict", done.answer["persons"])
    return done


def is_due(now: datetime, last: datetime) -> bool:
    """Tell whether to check now: at night, or whenever a night was missed."""
    past = now - last
    return past >= LATE or (past >= APART and now.astimezone(BERLIN).hour in NIGHT_HOURS)


def said(found: SelfCheck) -> list[str]:
    """Return the first differences as sentences; they name columns and never what stands in them."""
    return [one.sentence for one in found.differences[:TOLD_MAX]]


def check_apart(url: str, log_directory: Path) -> SelfCheck:
    """Check on a connection and in an event loop of this thread's own: the service goes on meanwhile."""

    async def check() -> SelfCheck:
        engine = create_async_engine(url, poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                return await rebuild.self_check(connection, log_directory)
        finally:
            await engine.dispose()

    return asyncio.run(check())
