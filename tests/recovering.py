"""A bank that lost its database, for tests: backed up, gone on, restored, brought forward by two custodians."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from policies.policy import load
from service import backup, safekeeping
from service import bank as banks
from service.backup import Backup
from service.cli import Outcome
from service.migrations.upgrade import upgrade
from service.settings import Settings
from tests.bank import PASSWORD, World, world
from tests.conftest import on
from tests.keeping import publish

FIRST, SECOND = "log-custodian", "other-log-custodian"
REASON = "the database was lost with its disk"


async def backed_up(here: World, file: Path) -> Backup:
    """Publish what is committed, and back the bank up."""
    await publish(here)
    gate = here.bank.gate
    return await backup.make(here.bank.settings, here.bank.admin_url, gate.policy, file, gate.clock.now())


@asynccontextmanager
async def an_empty_database(server_url: str) -> AsyncIterator[str]:
    """Make a database for a restored bank; it is dropped afterwards with its roles."""
    name = f"restored_{uuid4().hex[:12]}"
    admin = create_async_engine(server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield on(server_url, name)
    async with admin.connect() as connection:
        await connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.dispose()


def elsewhere(settings: Settings, data: Path, url: str) -> Settings:
    """Return the settings of a bank whose files were copied and whose database is another one."""
    shutil.copytree(settings.data, data)
    return replace(settings, data=data, database_url=url)


async def restored(settings: Settings, found: Backup, *, database_only: bool = True) -> None:
    """Restore the backup into the empty database of these settings."""
    assert settings.database_url is not None
    await safekeeping.restore(settings, settings.database_url, found, database_only=database_only)


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[World]:
    """Start the bank of these settings as a service does."""
    assert settings.database_url is not None
    policy = load()
    urls = await upgrade(settings.database_url, settings.data, policy)
    async with banks.running(settings, settings.database_url, urls, policy=policy, keep_log=False) as bank:
        here = world(bank)
        yield here
        await here.close()


async def recovered_by(
    settings: Settings, account: str, reason: str | None = None, copy: Path | None = None
) -> Outcome:
    """Have somebody take part in the recovery at the command line."""
    assert settings.database_url is not None
    return await safekeeping.recover(settings, settings.database_url, account, PASSWORD, reason, copy)


async def named_by(settings: Settings, account: str, kind: str, object_id: str, name: str) -> Outcome:
    """Have somebody give a row that lags its name."""
    assert settings.database_url is not None
    row = kind, UUID(object_id), name
    return await safekeeping.recover(settings, settings.database_url, account, PASSWORD, None, name=row)


async def overwritten(url: str, statement: str) -> None:
    """Change the database as its administrator can, behind every guard."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        await connection.exec_driver_sql(statement)
    await engine.dispose()
