"""Bring a database up to this release: database, roles, tables, rights. Repeatable."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from policies.policy import Policy
from policies.vocabulary import Office
from service.in_force import policy_in_force
from service.migrations import schema
from service.migrations.logins import make_roles, office_urls, passwords, quoted, sync_rights


async def ensure_database(admin_url: str, name: str) -> str:
    """Create database ``name`` on the server of ``admin_url`` unless it exists; return its URL."""
    engine = create_async_engine(admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        found = await connection.scalar(
            text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
        )
        if not found:
            await connection.exec_driver_sql(f"CREATE DATABASE {quoted(name)}")
            # A server of our own: the offices' logins have no business in its other databases.
            await connection.exec_driver_sql("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
    await engine.dispose()
    return make_url(admin_url).set(database=name).render_as_string(hide_password=False)


async def upgrade(admin_url: str, data: Path, policy: Policy, prefix: str | None = None) -> dict[Office, str]:
    """Make roles, run the migrations as the owner, set the rights; return each office's URL.

    Raises SchemaDiffers before anything is changed, if another release made the database.
    """
    prefix = prefix or str(make_url(admin_url).database)
    words = passwords(data / "keys" / f"logins-{prefix}.json")
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(7213)"))
        await make_roles(connection, prefix, words)
        await connection.exec_driver_sql(f"SET LOCAL ROLE {quoted(f'{prefix}_owner')}")
        await schema.must_be_ours(connection)
        await connection.run_sync(run_migrations)
        await schema.store(connection)
        await connection.execute(
            text("INSERT INTO public.audit_state (id, next_index) VALUES (1, 0) ON CONFLICT DO NOTHING")
        )
        await sync_rights(connection, prefix, await policy_in_force(connection, policy))
    await engine.dispose()
    return office_urls(admin_url, prefix, words)


def run_migrations(connection: Connection) -> None:
    """Run Alembic to the head on this connection, inside its transaction."""
    command.upgrade(config(connection), "head")


def config(connection: Connection) -> Config:
    """Return Alembic's settings for this connection."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.attributes["connection"] = connection
    return settings
