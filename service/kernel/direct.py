"""Statements handed to the driver beneath a session, in its transaction: for what runs with every deal.

SQLAlchemy's own way costs several times as much a statement; what is handed over here are whole sets of rows.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.types import JSON

from service.kernel.database import Moved, NewRow, Recorded

LOGGER = logging.getLogger(__name__)
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
NOTHING = text("SELECT")
Shape = tuple[type[Recorded | Moved], tuple[str, ...]]
"""A table and the columns of it that are given."""


def in_json(value: object) -> str:
    """Return the value as a statement takes it that reads JSON."""
    return msgspec.json.encode(value).decode()


async def fetch(session: AsyncSession, statement: str, *values: object) -> list[Any]:
    """Run one statement, prepared once a connection; return its records, read by the names of their columns.

    Raises DBAPIError as the session itself does.
    """
    connection = await session.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    if not driver.is_in_transaction():
        await connection.execute(NOTHING)  # the session begins one with its first statement
    return await _sent(driver, statement, values)


async def fetch_alone(engine: AsyncEngine, statement: str, *values: object) -> list[Any]:
    """Run one statement in a transaction of its own; otherwise like ``fetch``."""
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, asyncpg.Connection)
        try:
            return await _sent(driver, statement, values)
        except BaseException as failure:
            if driver.is_closed():
                with suppress(DBAPIError):
                    await connection.execute(
                        NOTHING
                    )  # so the pool learns that its lines of that time are dead
            if driver.is_closed() or not isinstance(failure, DBAPIError):
                await connection.invalidate()
            raise


async def _sent(driver: "asyncpg.Connection[Any]", statement: str, values: Sequence[object]) -> list[Any]:
    LOGGER.debug("%s", statement)
    try:
        return list(await driver.fetch(statement, *values))
    except asyncpg.IntegrityConstraintViolationError as failure:
        raise IntegrityError(statement, None, failure) from failure
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise DBAPIError(statement, None, failure, connection_invalidated=driver.is_closed()) from failure


async def store(session: AsyncSession, rows: Sequence[NewRow]) -> None:
    """Write new rows of however many tables in one statement."""
    statement, values = in_lists(rows)
    await fetch(session, statement, *values)


def in_lists(rows: Sequence[NewRow]) -> tuple[str, list[Sequence[object]]]:
    """Return the statement that inserts the rows, and what it takes: one list for each column of each table."""
    sets: dict[Shape, list[NewRow]] = {}
    for row in rows:
        sets.setdefault((row.model, tuple(row.values)), []).append(row)
    statement, as_json = insertion(tuple(sets))
    columns = (
        column
        for alike in sets.values()
        for column in zip(*(row.values.values() for row in alike), strict=True)
    )
    return statement, [
        [None if one is None else in_json(one) for one in column] if is_json else column
        for column, is_json in zip(columns, as_json, strict=True)
    ]


@cache
def insertion(shapes: tuple[Shape, ...]) -> tuple[str, tuple[bool, ...]]:
    """Return the statement that inserts rows of these shapes, and which of its lists hold JSON."""
    inserts: list[str] = []
    as_json: list[bool] = []
    for model, names in shapes:
        columns = [model.__mapper__.columns[name] for name in names]
        lists, picked, named = [], [], []
        for column in columns:
            is_json, place = isinstance(column.type, JSON), len(as_json) + 1
            as_json.append(is_json)
            named.append(f"c{place}")
            lists.append(f"${place}::{'text' if is_json else column.type.compile(DIALECT)}[]")
            picked.append(f"u.c{place}::jsonb" if is_json else f"u.c{place}")
        into = ", ".join(column.name for column in columns)
        given = f"unnest({', '.join(lists)}) AS u({', '.join(named)})"
        table = f"public.{model.__tablename__} ({into})"
        inserts.append(f"INSERT INTO {table} SELECT {', '.join(picked)} FROM {given}")  # noqa: S608 - names of ours
    *before, last = inserts
    named_before = ", ".join(f"w{place} AS ({one})" for place, one in enumerate(before))
    return f"WITH {named_before} {last}" if before else last, tuple(as_json)
