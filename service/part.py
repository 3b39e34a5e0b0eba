"""What one process holds of a bank: all of it, or the part of some offices whose logins it was given and no others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from audit import keys
from audit.note import SigningKey, VerifierKey
from policies.policy import Policy, load
from policies.vocabulary import Office
from service.afar import LogAfar
from service.brake import Brake, Silence
from service.compliance.sealing import keep_policy
from service.gate import Gate
from service.kernel.clock import SystemClock
from service.kernel.database import Offices
from service.settings import Settings

Publish = Callable[[], Awaitable[int]]


class House(Protocol):
    """What faces and workers need of the bank, be it whole or the part of some offices."""

    @property
    def settings(self) -> Settings:
        """What this process was told."""

    @property
    def policy(self) -> Policy:
        """The policy this process decides by."""

    @property
    def offices(self) -> Offices:
        """The logins this process holds."""

    @property
    def gate(self) -> Gate:
        """The one way to act."""

    @property
    def publish(self) -> Publish | None:
        """Has the log signed up to now, where this process keeps it."""

    @property
    def failure(self) -> Exception | None:
        """Why the log is not kept just now, where this process keeps it."""

    @property
    def level(self) -> str | None:
        """The assurance that leaf 0 promises, where this process keeps the log."""

    def silence(self) -> Silence:
        """Return how the log stands."""

    def hear(self, source: str, times: int = 1) -> None:
        """Count requests that nobody signed in for."""


@dataclass(slots=True)
class Part:
    """The part of some offices: their logins, a key of their own for receipts, and nothing of the log."""

    settings: Settings
    policy: Policy
    offices: Offices
    gate: Gate
    afar: LogAfar
    publish: Publish | None = None
    failure: Exception | None = None
    level: str | None = None

    def silence(self) -> Silence:
        """Return how the log stands, as its own process tells."""
        return self.afar.silence()

    def hear(self, source: str, times: int = 1) -> None:
        """Count requests that nobody signed in for; the log's process is told."""
        self.afar.hear(source, times)


@contextlib.asynccontextmanager
async def running(
    settings: Settings, urls: Mapping[Office, str], sockets: Path | None, policy: Policy | None = None
) -> AsyncIterator[Part]:
    """Open the part of the offices whose logins are given; without any, what needs none. Raises audit.keys.UnusableKey."""
    policy, public = policy or load(), keys.load_public(str(settings.public_key_file))
    assert isinstance(public, VerifierKey), "the log's public key has its name"
    key, certificate = receipt_key(settings) if urls else (passing_key(settings), None)
    offices, afar = Offices(urls, silent_seconds=settings.database_seconds), LogAfar(sockets)
    gate = Gate(
        offices,
        policy,
        SystemClock(),
        key,
        settings.origin,
        settings.entity_lei,
        certificate=certificate,
        pinned=public,
        kept=settings.data / "policies",
    )
    part = Part(settings, policy, offices, gate, afar)
    gate.brake = Brake(part.silence, settings.silence_seconds)
    if urls:
        await gate.reload()
        await asyncio.to_thread(keep_policy, settings.data, gate.policy)
    afar.start()
    try:
        yield part
    finally:
        await afar.stop()
        await offices.close()


def receipt_key(settings: Settings) -> tuple[SigningKey, str]:
    """Return the part's own key for receipts and the log's word for it. Raises audit.keys.UnusableKey."""
    name = f"{settings.origin}/node"
    key = SigningKey(name, keys.load_private(settings.node_key_file, settings.key_passphrase))
    return key, settings.node_certificate_file.read_text(encoding="utf-8")


def passing_key(settings: Settings) -> SigningKey:
    """Return a key that signs nothing anybody believes: without a login nothing is done that gets a receipt."""
    return SigningKey(f"{settings.origin}/node", keys.generate())
