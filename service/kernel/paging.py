"""Lists in pages: each says where the next one begins."""

from collections.abc import Sequence
from typing import Any


def paged(rows: Sequence[dict[str, Any]], limit: int, key: str = "id") -> dict[str, Any]:
    """Return a list's answer from one row more than asked for: ``next`` is the cursor of the page after it.

    ``key``: what the cursor is, in every row.
    """
    return {"items": rows[:limit], "next": str(rows[limit - 1][key]) if len(rows) > limit else None}
