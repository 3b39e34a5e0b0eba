"""The sums that pages tell, kept in the database: every few seconds what the log has new is folded into them.

Nothing rests on it that counts: an answer adds what is not folded yet, so totals that stand still are slow, not wrong.
"""

import asyncio
import logging
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from service.kernel.background import Background

LOGGER = logging.getLogger(__name__)
PAUSE_SECONDS = 5.0
ENTRIES_MAX = 2_000
FOLD = text("SELECT public.totals_fold(:most)")


async def fold(engine: AsyncEngine, most: int = ENTRIES_MAX) -> int:
    """Take what the log has new into the totals; return how many entries that were."""
    folded = 0
    while True:
        async with engine.begin() as connection:
            taken = await connection.scalar(FOLD, {"most": most}) or 0
        folded += taken
        if taken < most:
            return folded


@dataclass(slots=True)
class Totals(Background):
    """What folds, on the log's own login, as long as the bank runs."""

    called = "totals"

    engine: AsyncEngine

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await fold(self.engine)
            except (SQLAlchemyError, OSError):
                LOGGER.warning("the totals were not folded on; the next try is in %s s", PAUSE_SECONDS)
