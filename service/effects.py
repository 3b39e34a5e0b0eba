"""What an entry tells of the rows that its act wrote, each tied to the entry of the revision before."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.kernel.database import NewRow, Recorded, digest, kind_of, row_view

LEAVES = text(
    "SELECT n, leaf FROM public.effect_leaves("
    "CAST(:kinds AS text[]), CAST(:ids AS uuid[]), CAST(:revs AS integer[]))"
)


def effect(row: Recorded | NewRow, prev: Mapping[tuple[str, UUID, int], str]) -> dict[str, Any]:
    """Return what the entry says about one row: its revision and the digest of the row after the act."""
    kind = kind_of(row)
    line = {"after": digest({"kind": kind, **row_view(row)}), "id": str(row.id), "kind": kind, "rev": row.rev}
    if row.rev > 1:
        line["prev"] = prev[kind, row.id, row.rev - 1]
    return line


async def previous_leaves(
    connection: AsyncConnection, rows: Sequence[Recorded | NewRow]
) -> dict[tuple[str, UUID, int], str]:
    """Return the leaf hash of the entry that made each changed row's revision before."""
    wanted = [(kind_of(row), row.id, row.rev - 1) for row in rows if row.rev > 1]
    if not wanted:
        return {}
    found = await connection.execute(
        LEAVES,
        {"kinds": [w[0] for w in wanted], "ids": [w[1] for w in wanted], "revs": [w[2] for w in wanted]},
    )
    return {wanted[row.n - 1]: row.leaf.hex() for row in found}
