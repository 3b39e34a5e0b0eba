"""Statements handed to the driver beneath a session, in its transaction: for what runs with every deal.

SQLAlchemy's own way costs several times as much a statement; what is handed over here are whole sets of rows.
"""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import JSON

from service.kernel.database import Moved, NewRow, Recorded

LOGGER = logging.getLogger(__name__)
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
NOTHING = text("SELECT")


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
    LOGGER.debug("%s", statement)
    try:
        return list(await driver.fetch(statement, *values))
    except asyncpg.IntegrityConstraintViolationError as failure:
        raise IntegrityError(statement, None, failure) from failure
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise DBAPIError(statement, None, failure) from failure


async def store(session: AsyncSession, rows: Sequence[NewRow]) -> None:
    """Write new rows, a statement for each table and set of columns, however many rows there are."""
    sets: dict[tuple[type[Recorded | Moved], tuple[str, ...]], list[NewRow]] = {}
    for row in rows:
        sets.setdefault((row.model, tuple(row.values)), []).append(row)
    for (model, names), alike in sets.items():
        statement, as_json = insertion(model, names)
        columns = zip(*(row.values.values() for row in alike), strict=True)
        values = [
            [None if one is None else in_json(one) for one in column] if is_json else column
            for column, is_json in zip(columns, as_json, strict=True)
        ]
        await fetch(session, statement, *values)


@cache
def insertion(model: type[Recorded | Moved], names: tuple[str, ...]) -> tuple[str, tuple[bool, ...]]:
    """Return the statement that inserts rows given as one list for each column, and which lists hold JSON."""
    columns = [model.__mapper__.columns[name] for name in names]
    as_json = tuple(isinstance(column.type, JSON) for column in columns)
    lists, picked = [], []
    for place, (column, is_json) in enumerate(zip(columns, as_json, strict=True), 1):
        lists.append(f"${place}::{'text' if is_json else column.type.compile(DIALECT)}[]")
        picked.append(f"u.c{place}::jsonb" if is_json else f"u.c{place}")
    into = ", ".join(column.name for column in columns)
    named = ", ".join(f"c{place}" for place in range(1, len(columns) + 1))
    given = f"unnest({', '.join(lists)}) AS u({named})"
    statement = f"INSERT INTO public.{model.__tablename__} ({into}) SELECT {', '.join(picked)} FROM {given}"  # noqa: S608 - names of ours
    return statement, as_json
