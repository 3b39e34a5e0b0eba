"""What the log tells without anybody acting: a heartbeat each minute, and how much unsigned-in noise there was."""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command
from service.gate import Gate, use_case
from service.kernel.background import Background
from service.kernel.texts import Name
from service.people.directory import service_actor

LOGGER = logging.getLogger(__name__)
BEAT_SECONDS = 60
SOURCES_MAX = 1000


class Beat(Command, frozen=True, kw_only=True):
    """The log is alive."""


class CountNoise(Command, frozen=True, kw_only=True):
    """So many requests of one source in the last minute showed a token or an account that nobody has."""

    source: Name
    requests: int


class RecordBackup(Command, frozen=True, kw_only=True):
    """A copy of the bank was made: its digest, its size, and how many entries are in it."""

    sha256: str
    bytes: int
    entries: int


@use_case(Action.LOG_HEARTBEAT)
async def beat(attempt: Attempt, command: Beat) -> Changed:
    """Record that the log is alive, so that silence means something."""
    assert attempt is not None
    assert command is not None
    return Changed({})


@use_case(Action.SESSION_NOISE)
async def count_noise(attempt: Attempt, command: CountNoise) -> Changed:
    """Record one minute's noise of one source as a number; each request of it would be a way to fill the log."""
    attempt.note(source=command.source, requests=command.requests)
    return Changed({})


@use_case(Action.LOG_BACKUP)
async def record_backup(attempt: Attempt, command: RecordBackup) -> Changed:
    """Record that a copy of everything was made: whoever holds it holds the books."""
    attempt.note(backup=f"sha256:{command.sha256}", bytes=command.bytes, entries=command.entries)
    return Changed({})


@dataclass(slots=True)
class Pulse(Background):
    """The minute's work of the log's own service account."""

    called = "pulse of the log"

    gate: Gate
    noise: Counter[str] = field(default_factory=Counter)

    def hear(self, source: str, times: int = 1) -> None:
        """Count requests that nobody signed in for; sources beyond the limit share one count."""
        known = source if source in self.noise or len(self.noise) < SOURCES_MAX else "others"
        self.noise[known] += times

    async def once(self) -> None:
        """Record the minute: its noise, and a heartbeat."""
        keeper = await service_actor(self.gate.offices, Office.LOG)
        heard, self.noise = self.noise, Counter()
        for source, requests in sorted(heard.items()):
            await self.gate.perform(keeper, count_noise, CountNoise(source=source, requests=requests))
        await self.gate.perform(keeper, beat, Beat())

    async def stop(self) -> None:
        """End, without losing the noise of the last minute."""
        begun = self.task is not None
        await super(
            Pulse, self
        ).stop()  # a class with slots is made twice, and only its name leads to the second
        if begun:
            await self.once()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self.once()
            except Exception:
                # The verifier names a silence that lasts; the next minute tries again.
                LOGGER.exception("the heartbeat failed")
