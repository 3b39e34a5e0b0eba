"""The log of a bank under test: published, verified offline, held against the database."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from audit.keys import load_public
from audit.note import VerifierKey
from audit.report import Report
from audit.tiles import TileReader
from audit.verify import verify
from service.audit_trail.compare import Finding, compare
from service.compliance.books import BOOKS
from tests.bank import World
from tests.deals import counted


async def publish(world: World) -> int:
    """Give every committed entry its place, write the files, sign; return the signed size."""
    return await world.bank.keeper.step()


def verdict(world: World, receipts: Sequence[Mapping[str, Any]] = ()) -> Report:
    """Verify the published files with the public key alone."""
    settings = world.bank.settings
    return verify(settings.log_directory, load_public(str(settings.public_key_file)), receipts=receipts)


def public_key(world: World) -> VerifierKey:
    """Return the key that anybody holds."""
    key = load_public(str(world.bank.settings.public_key_file))
    assert isinstance(key, VerifierKey)
    return key


def reader(world: World) -> TileReader:
    """Return a reader of the published files."""
    return TileReader(world.bank.settings.log_directory)


async def findings(world: World) -> list[Finding]:
    """Hold the database against the log, as the doctor does."""
    engine = create_async_engine(world.bank.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await compare(connection, world.bank.settings.log_directory, BOOKS)
    await engine.dispose()
    return found


async def entries_in_database(world: World) -> int:
    """Return how many entries are committed."""
    return await counted(world, "audit_entry")
