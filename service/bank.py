"""A running bank: its database, logins, policy, gate and log keeper, opened and closed as one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import date

from audit import keys
from audit.note import SigningKey
from audit.signer import FileSigner
from policies.policy import Policy, load
from policies.vocabulary import Office
from service import genesis
from service.audit_trail.sequencer import LogKeeper, Publisher
from service.compliance.sealing import keep_policy
from service.gate import Gate
from service.kernel import embedded
from service.kernel.clock import Clock, SystemClock
from service.kernel.database import Offices
from service.migrations.upgrade import ensure_database, upgrade
from service.pulse import Pulse
from service.settings import Settings

DATABASE = "trennwand"


@dataclass(slots=True)
class Bank:
    """Everything a face, a worker or a command line needs."""

    settings: Settings
    policy: Policy
    offices: Offices
    gate: Gate
    keeper: LogKeeper
    pulse: Pulse
    admin_url: str


def open_key(settings: Settings) -> SigningKey:
    """Load the log's key; a log that has not begun gets a new one with its signer's memory."""
    if not settings.private_key_file.exists():
        settings.private_key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = SigningKey(settings.origin, keys.generate())
        FileSigner(key, settings.signer_state_file, settings.origin).begin()
        keys.save_public(settings.public_key_file, key.verifier)
        keys.save_private(settings.private_key_file, key.private)
    return SigningKey(settings.origin, keys.load_private(settings.private_key_file))


@contextlib.contextmanager
def database_server(settings: Settings) -> Iterator[str]:
    """Give the administrator's URL of the server: DATABASE_URL, else the embedded one, stopped at the end."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded.start(settings.data) as server:
        yield server.url()


async def prepare(
    settings: Settings, server_url: str, policy: Policy, database: str = DATABASE
) -> tuple[str, dict[Office, str]]:
    """Create and migrate the database; return the administrator's URL of it and each office's own."""
    admin_url = await ensure_database(server_url, database) if settings.database_url is None else server_url
    urls = await upgrade(admin_url, settings.data, policy)
    return admin_url, urls | dict(settings.office_urls)


async def found(
    settings: Settings,
    admin_url: str,
    policy: Policy,
    founding: genesis.Founding,
    passwords: dict[str, tuple[str, bool]],
) -> bool:
    """Write the genesis unless the log has begun; tell whether it was written now."""
    open_key(settings)
    if await genesis.has_begun(admin_url):
        return False
    prefix = admin_url.partition("?")[0].rpartition("/")[2]
    await genesis.begin(admin_url, prefix, policy, settings.origin, founding, passwords, SystemClock().now())
    return True


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    admin_url: str,
    urls: dict[Office, str],
    *,
    policy: Policy | None = None,
    clock: Clock | None = None,
    keep_log: bool = True,
) -> AsyncIterator[Bank]:
    """Open the bank for work; at the end the log is published to its last entry.

    Raises LogContradiction if database, files and signer do not remember the same log.
    """
    policy = policy or load()
    key = open_key(settings)
    offices = Offices(urls)
    publisher = await asyncio.to_thread(
        Publisher,
        settings.log_directory,
        FileSigner(key, settings.signer_state_file, settings.origin),
        settings.origin,
    )
    gate = Gate(offices, policy, clock or SystemClock(), key, settings.origin, settings.entity_lei)
    bank = Bank(
        settings, policy, offices, gate, LogKeeper(offices[Office.LOG], publisher), Pulse(gate), admin_url
    )
    try:
        await publisher.agree(offices[Office.LOG])
        await asyncio.to_thread(keep_policy, settings.data)
        await genesis.explain_start(gate)
        if keep_log:
            bank.keeper.start()
            bank.pulse.start()
        try:
            yield bank
        finally:
            await bank.pulse.stop()
            await bank.keeper.stop()
    finally:
        await offices.close()


def opened_on(settings: Settings, day: date) -> Settings:
    """Return the settings with the business date the bank opens on, unless it was told another."""
    return settings if settings.business_date is not None else replace(settings, business_date=day)
