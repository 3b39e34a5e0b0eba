"""Risk control's own service reports each desk's day once it is over; no desk and no supervisor asks for it."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.gate import Gate
from service.kernel.background import Background
from service.kernel.errors import Refusal
from service.supervision.days import days_due
from service.supervision.queries import desk_day, desks, newest_days
from service.supervision.use_cases import IssueDeskReport, issue_desk_report
from service.work.worker import ServiceActor

LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 600


@dataclass(slots=True)
class DeskReports(Background):
    """The daily round of a running service."""

    called = "desk reports"

    gate: Gate
    find_actor: ServiceActor

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.step()
            except Exception:
                LOGGER.exception("desks cannot be reported")

    async def step(self) -> int:
        """Report every day of every desk that is over and not told; return how many."""
        async with AsyncSession(self.gate.offices[Office.RISK_CONTROL]) as session:
            today, newest = await desk_day(session), await newest_days(session)
            due = [
                IssueDeskReport(unit=desk.unit_id, day=day)
                for desk in await desks(session)
                for day in days_due(newest.get(desk.unit_id), today)
            ]
        issued = 0
        for command in due:
            actor = await self.find_actor(self.gate.offices, Office.RISK_CONTROL)
            with contextlib.suppress(Refusal):  # another process has just told it; the refusal is an entry
                await self.gate.perform(actor, issue_desk_report, command)
                issued += 1
        return issued
