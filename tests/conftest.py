"""Fixtures: one PostgreSQL per test process, one prepared template, a fresh copy of the bank for each test."""

import asyncio
import contextlib
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from policies.policy import Policy, load
from policies.vocabulary import Office
from service import bank as banks
from service.demo import cast
from service.kernel import embedded
from service.settings import Settings
from tests.bank import PASSWORD, World, world
from tests.deals import a_desk
from tests.settling import set_up

Done = TypeVar("Done")
OPENING_DATE = date(2026, 10, 27)
LONGEST = (
    "test_browser_walls.py", "test_day.py", "test_kill_day.py", "test_many_acts.py", "test_nodes.py",
    "test_rotation.py", "test_production.py", "test_compliance_day_in_the_browser.py", "test_contract.py",
    "test_days_in_the_browser.py", "test_later_days_in_the_browser.py", "test_offices_apart.py", "test_separation.py",
    "test_bounded_reads.py", "test_deals_and_limits.py", "test_policy_command.py",
)  # fmt: skip
"""Files with a test, or one preparation for all of them, of more than a quarter of a minute."""

MEMORY = Path("/dev/shm")
MEMORYS_NAME = "trennwand-tests-"
ROOM_BYTES_MIN = 4 << 30


def pytest_collection_finish() -> None:
    """Leave what stays for the whole run out of every later search for garbage."""
    gc.collect()
    gc.freeze()


LONG_SECONDS_MAX = 4 * 60 * 60
"""What a run marked long may take; the others have the limit of pyproject.toml."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: what is long and comes last leaves one worker waiting for the other."""
    for item in items:
        if item.get_closest_marker("long") is not None:
            item.add_marker(pytest.mark.timeout(LONG_SECONDS_MAX))
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@dataclass(frozen=True)
class Template:
    """A founded bank that is copied for each test, never used itself."""

    settings: Settings
    policy: Policy
    server_url: str
    admin_url: str
    urls: dict[Office, str]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """Give a PostgreSQL of this test process's own, which may lose everything if the machine dies: no test misses it.

    Tests of crashes and of durability start servers of their own.
    """
    data = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as careless:
        for setting in ("fsync", "full_page_writes"):
            careless.setitem(embedded.SETTINGS, setting, "off")
        running = embedded.start(data)
    with running, in_memory(running):
        asyncio.run(be_quick(running.url()))
        yield running
    embedded.erase(data)


@contextlib.contextmanager
def in_memory(server: embedded.Server) -> Iterator[None]:
    """Have the databases made on a server lie in memory: a copy of a bank is eight hundred small files.

    They lie where all others do on a machine that offers no such place, or has little room in it.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM_BYTES_MIN:
        yield
        return
    for left in MEMORY.glob(f"{MEMORYS_NAME}*"):  # by a test process that was killed, and so was its server
        if not Path("/proc", left.name.split("-")[-2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{MEMORYS_NAME}{os.getpid()}-", dir=MEMORY) as place:
        owner = (server.home / "cluster").stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        asyncio.run(as_administrator(server.url(), f"CREATE TABLESPACE memory LOCATION '{place}'"))
        asyncio.run(as_administrator(server.url(), "ALTER DATABASE template1 SET TABLESPACE memory"))
        yield
        server.stop()


async def be_quick(server_url: str) -> None:
    """Let this server commit without waiting, and check passwords, none of which is a secret, in one round."""
    await as_administrator(server_url, "ALTER SYSTEM SET synchronous_commit = off")
    with contextlib.suppress(DBAPIError):  # from PostgreSQL 16 on
        await as_administrator(server_url, "ALTER SYSTEM SET scram_iterations = 1")
    await as_administrator(server_url, "SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def template(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Give the founded bank to copy."""
    settings = Settings(data=tmp_path_factory.mktemp("template"))
    return asyncio.run(make_template(settings, server.url(), OPENING_DATE))


async def make_template(
    settings: Settings, server_url: str, opening: date, database: str = banks.DATABASE
) -> Template:
    """Prepare and found a bank that opens on a date, and publish its log."""
    policy = load()
    admin_url, urls = await banks.prepare(settings, server_url, policy, database)
    passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
    await banks.found(settings, admin_url, policy, cast.founding(opening), passwords)
    async with banks.running(settings, admin_url, urls, policy=policy, keep_log=False):
        pass
    return Template(settings, policy, server_url, admin_url, urls)


@pytest.fixture
def source(template: Template) -> Template:
    """Give the bank that tests are given copies of; a file may put another one here, which did something before."""
    return template


@pytest.fixture
async def bank_world(source: Template, tmp_path: Path) -> AsyncIterator[World]:
    """Give a fresh copy of the founded bank with its application; the copy is dropped afterwards."""
    async with a_copy(source, tmp_path / "bank") as here:
        yield here


@pytest.fixture(scope="session")
def furnished(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Give the bank with a counterparty, its payment routes, a book and a fixing in force, to copy."""
    return asyncio.run(make_furnished(template, tmp_path_factory.mktemp("furnished") / "bank"))


async def make_furnished(template: Template, data: Path) -> Template:
    """Prepare a copy of the founded bank that can deal; what that takes is done once and not for each test."""
    return (await prepared(template, data, set_up))[0]


async def prepared(
    template: Template, data: Path, do: Callable[[World], Awaitable[Done]]
) -> tuple[Template, Done]:
    """Copy a bank, do something in it once for all copies of it, and return it with what was done."""
    found = await copied(template, data)
    async with opened(found) as here:
        return found, await do(here)


@pytest.fixture
async def ready_bank(furnished: Template, tmp_path: Path) -> AsyncIterator[World]:
    """Give a fresh copy of the bank that can deal; the copy is dropped afterwards."""
    async with a_copy(furnished, tmp_path / "bank") as here:
        yield here


@pytest.fixture(scope="session")
def at_a_desk(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Give the bank with what a trader needs and nobody else does yet, to copy."""
    data = tmp_path_factory.mktemp("desk") / "bank"
    return asyncio.run(prepared(template, data, a_desk))[0]


@pytest.fixture
async def desk_bank(at_a_desk: Template, tmp_path: Path) -> AsyncIterator[World]:
    """Give a fresh copy of the bank in which deals can be entered; the copy is dropped afterwards."""
    async with a_copy(at_a_desk, tmp_path / "bank") as here:
        yield here


@asynccontextmanager
async def a_copy(template: Template, data: Path) -> AsyncIterator[World]:
    """Open a copy of a founded bank, keeping its data in ``data``; it is dropped afterwards."""
    copy = await copied(template, data)
    async with opened(copy) as here:
        yield here
    name = make_url(copy.admin_url).database
    await as_administrator(template.server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def copied(template: Template, data: Path) -> Template:
    """Copy a bank: its database, and its data into ``data``."""
    shutil.copytree(template.settings.data, data)
    name, source = f"bank_{uuid4().hex}", make_url(template.admin_url).database
    await as_administrator(
        template.server_url, f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY"
    )
    return replace(
        template,
        settings=replace(template.settings, data=data),
        admin_url=on(template.admin_url, name),
        urls={office: on(url, name) for office, url in template.urls.items()},
    )


@asynccontextmanager
async def opened(copy: Template) -> AsyncIterator[World]:
    """Open a bank with its application."""
    async with banks.running(
        copy.settings, copy.admin_url, copy.urls, policy=copy.policy, keep_log=False
    ) as bank:
        here = world(bank)
        yield here
        await here.close()


async def as_administrator(server_url: str, statement: str) -> None:
    """Do something to a database as a whole."""
    admin = create_async_engine(server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.exec_driver_sql(statement)
    await admin.dispose()


def on(url: str, database: str) -> str:
    """Return the same login on another database."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)
