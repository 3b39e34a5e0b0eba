"""How much of what is agreed with counterparties goes by hand (SET-02): per counterparty, clerk and type of deal."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.confirmations.documenting import TYPED
from service.confirmations.lifecycle import AGREED
from service.confirmations.model import Confirmation

ROWS_MAX: Final = 20_000
BY: Final = ("counterparty", "clerk", "product")


async def manual_share(session: AsyncSession, first: date | None, last: date | None) -> dict[str, Any]:
    """Return how many deals were agreed on in a period, by which way, and how many of them by hand."""
    on = Confirmation.agreed_by["on"].astext
    query = select(
        Confirmation.ours["their_lei"].astext.label("counterparty"),
        Confirmation.ours["type"].astext.label("product"),
        Confirmation.agreed_by["by"].astext.label("clerk"),
        Confirmation.agreed_by["way"].astext.label("way"),
        Confirmation.counter_source.label("source"),
    ).where(Confirmation.agreed_by.is_not(None), Confirmation.state.in_([state.value for state in AGREED]))
    if first is not None:
        query = query.where(on >= first.isoformat())
    if last is not None:
        query = query.where(on <= last.isoformat())
    rows = (await session.execute(query.order_by(Confirmation.id.desc()).limit(ROWS_MAX))).all()
    ways: dict[str, int] = {}
    for row in rows:
        ways[row.way] = ways.get(row.way, 0) + 1
    return {
        "from": None if first is None else first.isoformat(),
        "to": None if last is None else last.isoformat(),
        "agreed": len(rows),
        **by_hand(rows),
        "ways": ways,
        "by": {name: grouped(rows, name) for name in BY},
    }


def grouped(rows: Iterable[Row[Any]], name: str) -> list[dict[str, Any]]:
    """Return the figures of each counterparty, clerk or type of deal, the most by hand first."""
    groups: dict[str, list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault(getattr(row, name) or "", []).append(row)
    told = [{name: key, "count": len(found), **by_hand(found)} for key, found in groups.items()]
    return sorted(told, key=lambda one: (-int(one["by_hand"]), str(one[name])))


def by_hand(rows: Iterable[Row[Any]]) -> dict[str, Any]:
    """Return how many of these a clerk typed, and which share that is."""
    found = list(rows)
    typed = sum(row.way == "person" and row.source == TYPED for row in found)
    share = 100 * typed / len(found) if found else 0
    return {"by_hand": typed, "share_percent": f"{share:.1f}"}
