"""An office's automatic worker: does the items no person is needed for, through the same gate as everybody."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.attempt import Command
from service.gate import Gate, UseCase
from service.kernel.actor import Actor
from service.kernel.database import Offices
from service.kernel.errors import Refusal
from service.kernel.items import ROUTES, Item
from service.kernel.turns import turn
from service.work.model import WorkItem

LOGGER = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
ITEMS_AT_ONCE = 200
BACK_OFF_SECONDS = 1.0
BACK_OFF_SECONDS_MAX = 300.0

Handler = Callable[[WorkItem], tuple[UseCase, Command]]
Handlers = Mapping[Item, Handler]
"""Which act finishes an item of a kind, and its command for a given item."""

ServiceActor = Callable[[Offices, Office], Awaitable[Actor]]
"""How an office's automatic account is found."""


@dataclass(slots=True)
class Trouble:
    """An item that was refused or failed: how often, why, and when it is tried again (monotonic seconds)."""

    tries: int
    code: str
    retry_at: float


class Worker:
    """Does one office's automatic items in the order they were opened, one at a time.

    No idempotency key: an item is closed in the very transaction of its act, and what must happen once is
    unique in the database. A refusal stored under a key would repeat itself for ever.
    A refused item is tried again later and later. Meanwhile the later items of its trade wait, since they
    build on it; those of other trades go on.
    """

    def __init__(self, gate: Gate, office: Office, handlers: Handlers, actor: ServiceActor) -> None:
        self.gate = gate
        self.office = office
        self.handlers = {
            item: handler
            for item, handler in handlers.items()
            if ROUTES[item].automatic and ROUTES[item].office is office
        }
        self.find_actor = actor
        self.troubles: dict[UUID, Trouble] = {}
        self.failure: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def drain(self) -> int:
        """Do what is open and not waiting for another try; return how many items were done.

        Of several nodes one does an office's items at a time: the others would only be told that they are done.
        """
        done = 0
        async with self._turn, turn(self.gate.offices[self.office], f"items of {self.office}") as ours:
            while ours and (items := await self._due()):
                actor = await self.find_actor(self.gate.offices, self.office)
                held_up: set[UUID | None] = set()
                for item in items:
                    if item.trade_id is not None and item.trade_id in held_up:
                        continue
                    if await self._do(actor, item):
                        done += 1
                    else:
                        held_up.add(item.trade_id)
        return done

    def start(self) -> None:
        """Begin the background task."""
        self._task = asyncio.create_task(self._run(), name=f"worker of {self.office}")

    async def stop(self) -> None:
        """End the task; an act under way is rolled back and done at the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self.drain()
                self.failure = None
            except Exception as failure:
                self.failure = failure
                LOGGER.exception("the automatic worker of %s cannot work", self.office)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _due(self) -> list[WorkItem]:
        """Return open items in the order they were opened, without those that wait and what waits for them."""
        await self._forget_finished()
        now = time.monotonic()
        waiting = [item for item, trouble in self.troubles.items() if trouble.retry_at > now]
        open_items = select(WorkItem).where(
            WorkItem.office == self.office.value,
            WorkItem.kind.in_([item.value for item in self.handlers]),
            WorkItem.closed_entry_id.is_(None),
        )
        held_up = open_items.with_only_columns(WorkItem.trade_id).where(
            WorkItem.id.in_(waiting), WorkItem.trade_id.is_not(None)
        )
        wanted = open_items.where(WorkItem.id.not_in(waiting))
        if waiting:
            wanted = wanted.where(WorkItem.trade_id.is_(None) | WorkItem.trade_id.not_in(held_up))
        ordered = wanted.order_by(WorkItem.opened_at, WorkItem.id).limit(ITEMS_AT_ONCE)
        async with AsyncSession(self.gate.offices[self.office]) as session:
            return list(await session.scalars(ordered))

    async def _forget_finished(self) -> None:
        """Forget the trouble with items that somebody else has done meanwhile."""
        if self.troubles:
            still_open = select(WorkItem.id).where(
                WorkItem.id.in_(self.troubles), WorkItem.closed_entry_id.is_(None)
            )
            async with AsyncSession(self.gate.offices[self.office]) as session:
                found = set(await session.scalars(still_open))
            self.troubles = {item: trouble for item, trouble in self.troubles.items() if item in found}

    async def _do(self, actor: Actor, item: WorkItem) -> bool:
        """Do one item; tell whether it is done."""
        case, command = self.handlers[Item(item.kind)](item)
        try:
            await self.gate.perform(actor, case, command)
        except Refusal as refusal:
            self._note_trouble(item, refusal.code, refusal)
            return False
        except Exception as failure:  # noqa: BLE001 - a fault of one act must not stop the office
            self._note_trouble(item, type(failure).__name__, failure)
            return False
        self.troubles.pop(item.id, None)
        return True

    def _note_trouble(self, item: WorkItem, code: str, failure: Exception) -> None:
        known = self.troubles.get(item.id)
        tries = 1 if known is None else known.tries + 1
        delay = min(BACK_OFF_SECONDS * 2 ** min(tries - 1, 16), BACK_OFF_SECONDS_MAX)
        self.troubles[item.id] = Trouble(tries, code, time.monotonic() + delay)
        if known is None or known.code != code:
            LOGGER.warning(
                "%s of %s waits: %s",
                item.kind,
                item.subject_id,
                code,
                exc_info=None if isinstance(failure, Refusal) else failure,
            )
