"""Compliance's own service lets work climb that nobody answers: nobody in the line starts it, nobody can stop it."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from policies.vocabulary import Office
from service.gate import Gate
from service.kernel.background import Background
from service.kernel.errors import Refusal
from service.kernel.items import Item
from service.kernel.working_hours import earlier
from service.work.heads import Heads, heads_today
from service.work.ladder import RUNGS, Step, ladder
from service.work.model import WorkItem
from service.work.use_cases import EscalateWork, escalate_work
from service.work.worker import ServiceActor

LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 60
AT_ONCE = 200


@dataclass(slots=True)
class Climb(Background):
    """The ladder of a running service."""

    called = "escalation"

    gate: Gate
    find_actor: ServiceActor

    async def _run(self) -> None:
        while True:
            try:
                await self.step()
            except Exception:
                LOGGER.exception("overdue work cannot climb")
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> int:
        """Let everything climb that is due to by the injected clock; return how many steps were taken."""
        taken = 0
        for rung in sorted(RUNGS):
            while items := await self.waiting_for(rung, self.gate.clock.now()):
                actor = await self.find_actor(self.gate.offices, Office.COMPLIANCE)
                before = taken
                for item in items:
                    with contextlib.suppress(Refusal):  # somebody has just done it; the refusal is an entry
                        await self.gate.perform(actor, escalate_work, EscalateWork(item_id=item, rung=rung))
                        taken += 1
                if taken == before or len(items) < AT_ONCE:
                    break
        return taken

    async def waiting_for(self, rung: Item, now: datetime) -> list[UUID]:
        """Return the items that have waited long enough for this rung and have not climbed to it."""
        by_wait: dict[Step, list[str]] = {}
        for kind, steps in ladder().items():
            for step in steps:
                if step.rung is rung:
                    by_wait.setdefault(Step(rung, step.after, ""), []).append(kind.value)
        if rung is Item.ESCALATED_HEAD:
            heads = await self.heads()
            by_wait = {
                step: [kind for kind in kinds if heads.told_in(Item(kind)) is not None]
                for step, kinds in by_wait.items()
            }
        waited = [
            and_(WorkItem.kind.in_(kinds), WorkItem.due_at <= earlier(now, step.after))
            for step, kinds in by_wait.items()
        ]
        climbed = aliased(WorkItem)
        query = (
            select(WorkItem.id)
            .where(WorkItem.closed_entry_id.is_(None), or_(*waited))
            .where(
                ~exists().where(
                    climbed.subject_id == WorkItem.id,
                    climbed.subject_kind == "work_item",
                    climbed.kind == rung.value,
                )
            )
            .order_by(WorkItem.due_at, WorkItem.id)
            .limit(AT_ONCE)
        )
        async with AsyncSession(self.gate.offices[Office.COMPLIANCE]) as session:
            return list(await session.scalars(query))

    async def heads(self) -> Heads:
        """Return who leads each office today; work of an office that nobody leads climbs past its head."""
        async with AsyncSession(self.gate.offices[Office.COMPLIANCE]) as session:
            return await heads_today(session)
