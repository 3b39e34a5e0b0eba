"""Somebody with an office's database login and no scruples."""

import contextlib
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool


@contextlib.asynccontextmanager
async def engine_of(url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine that keeps no connection."""
    engine = create_async_engine(url, poolclass=NullPool)
    yield engine
    await engine.dispose()
