"""Lists in pages: each says where the next one begins."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute


class Order(StrEnum):
    """From which end a list that grows is read."""

    NEWEST = "newest"
    OLDEST = "oldest"


def from_end(
    query: Select[Any], key: InstrumentedAttribute[UUID], order: Order, cursor: UUID | None
) -> Select[Any]:
    """Return the query in the order of a key that grows with time, from behind the cursor: its index serves both."""
    newest = order is Order.NEWEST
    if cursor is not None:
        query = query.where(key < cursor if newest else key > cursor)
    return query.order_by(key.desc() if newest else key)


def paged(rows: Sequence[dict[str, Any]], limit: int, key: str = "id") -> dict[str, Any]:
    """Return a list's answer from one row more than asked for: ``next`` is the cursor of the page after it.

    ``key``: what the cursor is, in every row.
    """
    return {"items": rows[:limit], "next": str(rows[limit - 1][key]) if len(rows) > limit else None}
