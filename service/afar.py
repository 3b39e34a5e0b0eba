"""How the log stands, as the process that keeps it tells the processes of the other offices.

Each office's process holds no credential of the log, so it asks: whether acts that cannot be taken back must wait,
and to have its noise counted. While nobody answers, the silence grows: the log may stand still.
"""

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx
import msgspec

from policies.vocabulary import Office
from service.brake import Silence
from service.kernel.background import Background
from service.pulse import SOURCES_MAX

INSIDE_HEADER: Final = "trennwand-inside"
"""Stands on questions between the processes of one bank; the router lets it through from nobody else."""
INSIDE: Final = {INSIDE_HEADER: "1"}
SOCKET_BYTES_MAX: Final = 103  # macOS; Linux allows 107
ASK_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 2.0
UNHEARD_SECONDS: Final = 5.0  # a slow answer is no silence
TELL_SECONDS: Final = 30.0


def socket_of(sockets: Path, name: Office | str) -> Path:
    """Return where an office's process listens for the others of its bank."""
    return sockets / f"{name}.sock"


def client_of(
    sockets: Path, name: Office | str, timeout: float | httpx.Timeout = ANSWER_SECONDS
) -> httpx.AsyncClient:
    """Return a client of an office's process."""
    transport = httpx.AsyncHTTPTransport(
        uds=str(socket_of(sockets, name)),
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=2.0),
    )
    return httpx.AsyncClient(transport=transport, base_url=f"http://{name}", timeout=timeout, trust_env=False)


@dataclass(slots=True)
class LogAfar(Background):
    """Asks the log's process every second how the log stands; ``sockets``: where the bank's processes listen."""

    called = "how the log stands"

    sockets: Path | None
    noise: Counter[str] = field(default_factory=Counter)
    told: Silence = field(default_factory=Silence)
    heard_at: float = field(default_factory=time.monotonic)

    def silence(self) -> Silence:
        """Return how the log stands as far as this process knows; what nobody tells counts as unsigned."""
        unheard = time.monotonic() - self.heard_at
        if unheard < UNHEARD_SECONDS:
            return self.told
        return replace(self.told, unsigned_seconds=self.told.unsigned_seconds + unheard)

    def hear(self, source: str, times: int = 1) -> None:
        """Count requests that nobody signed in for, for the log to tell."""
        known = source if source in self.noise or len(self.noise) < SOURCES_MAX else "others"
        self.noise[known] += times

    async def _run(self) -> None:
        if self.sockets is None:
            return
        told_at = time.monotonic()
        async with client_of(self.sockets, Office.LOG) as client:
            while True:
                # Whoever does not answer is silent, which is told by time alone.
                with contextlib.suppress(httpx.HTTPError, msgspec.DecodeError):
                    await self._ask(client)
                    if self.noise and time.monotonic() - told_at > TELL_SECONDS:
                        await self._tell(client)
                        told_at = time.monotonic()
                await asyncio.sleep(ASK_SECONDS)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/inside/silence", headers=INSIDE)
        answer.raise_for_status()
        self.told = msgspec.json.decode(answer.content, type=Silence)
        self.heard_at = time.monotonic()

    async def _tell(self, client: httpx.AsyncClient) -> None:
        heard, self.noise = self.noise, Counter()
        try:
            answer = await client.post("/api/inside/noise", json={"heard": heard}, headers=INSIDE)
            answer.raise_for_status()
        except httpx.HTTPError:
            self.noise.update(heard)
            raise
