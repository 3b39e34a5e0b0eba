"""Work that nobody answered and that climbed, of all offices that the reader sees: the oldest first."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.items import Item
from service.kernel.working_hours import Age, bucket_of, business_days, opened_between
from service.work.model import WorkItem

ESCALATED: Final = tuple(one.value for one in Item if one.value.startswith("escalated_"))


async def escalations(
    session: AsyncSession, now: datetime, *, age: Age | None = None, after: Place | None = None, limit: int
) -> dict[str, Any]:
    """Return a page of what climbed and is not answered, each with the work that nobody did."""
    asleep = aliased(WorkItem)
    wanted = (
        select(WorkItem, asleep.kind.label("waits"), asleep.office.label("where"), asleep.due_at.label("was"))
        .outerjoin(asleep, asleep.id == WorkItem.subject_id)
        .where(WorkItem.kind.in_(ESCALATED), WorkItem.closed_entry_id.is_(None))
        .order_by(WorkItem.opened_at, WorkItem.id)
        .limit(limit)
    )
    if age is not None:
        since, before = opened_between(age, now)
        wanted = wanted.where(WorkItem.opened_at >= since) if since is not None else wanted
        wanted = wanted.where(WorkItem.opened_at < before) if before is not None else wanted
    if after is not None:
        wanted = wanted.where(tuple_(WorkItem.opened_at, WorkItem.id) > tuple_(after.at, after.id))
    found = (await session.execute(wanted)).all()
    last = found[-1].WorkItem if len(found) == limit else None
    return {
        "items": [escalation_view(row, now) for row in found],
        "next": None if last is None else cursor_of(last.opened_at, last.id),
    }


def escalation_view(row: Any, now: datetime) -> dict[str, Any]:
    """Return one rung that was climbed, with the work below it."""
    item: WorkItem = row.WorkItem
    days = business_days(item.opened_at, now)
    return {
        "id": str(item.id),
        "kind": item.kind,
        "trade": None if item.trade_id is None else str(item.trade_id),
        "work": row.waits,
        "work_office": row.where,
        "work_due_at": None if row.was is None else plain_value(row.was),
        "opened_at": plain_value(item.opened_at),
        "due_at": plain_value(item.due_at),
        "overdue": item.due_at < now,
        "age": {"days": days, "bucket": bucket_of(days).value},
    }
