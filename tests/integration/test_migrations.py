"""A migrated database is the one the tables describe."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.migrations.guards import guard_statements
from service.tables import METADATA
from tests.conftest import Template


def differences(connection: Connection) -> list[object]:
    return list(
        compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA)
    )


async def test_a_database_migrated_from_empty_equals_the_tables(template: Template) -> None:
    engine = create_async_engine(template.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_guard_that_follows_from_the_tables_stands_in_the_database(template: Template) -> None:
    wanted = {
        statement.split()[2 if "CONSTRAINT" not in statement.split()[1] else 3]
        for statement in guard_statements()
        if " TRIGGER " in statement
    }
    engine = create_async_engine(template.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"))
        assert set(found.scalars()) == wanted


async def test_every_row_policy_that_follows_from_the_tables_stands_in_the_database(
    template: Template,
) -> None:
    wanted = {
        (statement.split()[4].removeprefix("public."), statement.split()[2])
        for statement in guard_statements()
        if statement.startswith("CREATE POLICY ")
    }
    engine = create_async_engine(template.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT c.relname, p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid")
        )
        guarded = await connection.scalars(text("SELECT relname FROM pg_class WHERE relrowsecurity"))
        assert {(table, policy) for table, policy in found} == wanted
        assert set(guarded) == {table for table, _ in wanted}


async def test_every_foreign_key_is_checked_at_commit(template: Template) -> None:
    engine = create_async_engine(template.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        early = await connection.execute(
            text("SELECT conname FROM pg_constraint WHERE contype = 'f' AND NOT condeferred")
        )
        assert early.scalars().all() == []
