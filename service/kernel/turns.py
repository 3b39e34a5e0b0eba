"""Work that one node at a time does: whichever has the turn, and another as soon as it is gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

TRY = text("SELECT pg_try_advisory_xact_lock(7215, hashtext(:work))")


@asynccontextmanager
async def turn(engine: AsyncEngine, work: str) -> AsyncIterator[bool]:
    """Hold the turn at some work of an office while it is done; False if another node has it.

    It belongs to a transaction that does nothing else, so it ends with its holder's connection.
    """
    async with engine.connect() as connection, connection.begin():
        yield bool(await connection.scalar(TRY, {"work": work}))
