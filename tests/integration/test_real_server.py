"""A server of one's own instead of the embedded one: named by DATABASE_URL, by a login that is no superuser."""

import secrets
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from audit.keys import load_public
from audit.note import VerifierKey
from audit.verify import verify
from policies.policy import load
from service import bank as banks
from service.demo import cast
from service.kernel import embedded
from service.settings import Settings, asyncpg_url
from tests.bank import PASSWORD, world
from tests.deals import a_desk, captured, verified

SYSTEM_BINARIES = (
    sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
)
SERVERS = [None, *SYSTEM_BINARIES]


@pytest.mark.parametrize("binaries", SERVERS, ids=lambda path: "wheel" if path is None else path.parent.name)
async def test_a_bank_runs_on_a_server_whose_login_may_only_create_roles(
    binaries: Path | None, tmp_path: Path
) -> None:
    with embedded.start(tmp_path / "server", binaries=binaries) as server:
        url = await a_database(server.url())
        settings = Settings(data=tmp_path / "data", database_url=asyncpg_url(url))
        policy = load()
        with banks.database_server(settings) as server_url:
            admin_url, urls = await banks.prepare(settings, server_url, policy)
            passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
            await banks.found(settings, admin_url, policy, cast.founding(date(2026, 10, 27)), passwords)
            async with banks.running(settings, admin_url, urls, policy=policy) as bank:
                here = world(bank)
                await a_desk(here)
                assert (await verified(here, await captured(here)))["state"] == "verified"
                await here.close()
    embedded.erase(tmp_path / "server")
    key = load_public(str(settings.public_key_file))
    assert isinstance(key, VerifierKey)
    assert verify(settings.log_directory, key).line() == "VERIFIED (L1 self-signed)"


async def a_database(superuser_url: str) -> str:
    """Make a login that may create roles and nothing else, and a database of its own; return its plain URL."""
    password = secrets.token_urlsafe(16)
    engine = create_async_engine(superuser_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql(f"CREATE ROLE operator LOGIN CREATEROLE PASSWORD '{password}'")
        await connection.exec_driver_sql("CREATE DATABASE own_bank OWNER operator")
    await engine.dispose()
    url = make_url(superuser_url).set(username="operator", password=password, database="own_bank")
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
