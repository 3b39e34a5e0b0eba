"""Deals struck off the premises beside the receipts for them: what is marked, what is reported, what is missing.

Deals belong to a slice above this one, so their tables are named here without their models.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Row, Uuid, and_, column, exists, func, select, table, text, union
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.desks.deadlines import report_due_on
from service.desks.model import PremisesReport
from service.desks.queries import ACCOUNT
from service.kernel.actor import Actor
from service.kernel.database import plain_value

TRADE = table(
    "trade",
    *(column("id", Uuid()), column("portfolio_id", Uuid()), column("captured_by", Uuid())),
    *(
        column("number"),
        column("version"),
        column("marks", JSONB()),
        column("captured_at", DateTime(timezone=True)),
    ),
    schema="public",
)
VERSION = table(
    "trade_version",
    *(column("trade_id", Uuid()), column("version"), column("location"), column("trade_date", Date())),
    schema="public",
)
PORTFOLIO = table(
    "portfolio", column("id", Uuid()), column("name"), column("desk_id", Uuid()), schema="public"
)
MARKED = TRADE.c.marks.contains(["off_premises"])
STRUCK_ELSEWHERE = exists().where(VERSION.c.trade_id == TRADE.c.id, VERSION.c.location != "premises")
MARKED_INDEXED = text("public.trade.marks @> '[\"off_premises\"]'")
ELSEWHERE_INDEXED = text("public.trade_version.location <> 'premises'")
"""The same, spelt as the indexes of the deals that were struck elsewhere spell it."""
ROWS_MAX = 200


async def marked_deal(session: AsyncSession, trade_id: UUID) -> Row[Any] | None:
    """Return a deal with whether it bears the mark, or None if there is no such deal."""
    wanted = select(TRADE.c.id, TRADE.c.version, MARKED.label("marked")).where(TRADE.c.id == trade_id)
    return (await session.execute(wanted)).one_or_none()


async def premises_reports(
    session: AsyncSession, actor: Actor, business_date: date, day: date | None
) -> dict[str, Any]:
    """Return the deals struck off the premises on a day, or on any day and not yet reported, oldest first.

    The counts must agree: what traders said was struck elsewhere, what bears the mark, what was reported.
    """
    first = VERSION.alias("first")
    known = union(
        select(TRADE.c.id).where(MARKED_INDEXED), select(VERSION.c.trade_id).where(ELSEWHERE_INDEXED)
    )
    by, receipt_by = ACCOUNT.alias("trader"), ACCOUNT.alias("clerk")
    wanted = (
        select(
            *(TRADE.c.id, TRADE.c.number, TRADE.c.version, TRADE.c.captured_at, MARKED.label("marked")),
            *(STRUCK_ELSEWHERE.label("said"), first.c.location, first.c.trade_date),
            PORTFOLIO.c.name.label("portfolio"),
            by.c.name.label("trader"),
            PremisesReport.acknowledged_at,
            PremisesReport.note,
            receipt_by.c.name.label("clerk"),
        )
        .join(first, and_(first.c.trade_id == TRADE.c.id, first.c.version == 1))
        .join(PORTFOLIO, PORTFOLIO.c.id == TRADE.c.portfolio_id)
        .join(by, by.c.id == TRADE.c.captured_by)
        .outerjoin(PremisesReport, PremisesReport.trade_id == TRADE.c.id)
        .outerjoin(receipt_by, receipt_by.c.id == PremisesReport.acknowledged_by)
        .where(TRADE.c.id.in_(known))
        .order_by(TRADE.c.captured_at, TRADE.c.id)
    )
    if actor.office is Office.FRONT_OFFICE:
        wanted = wanted.where(PORTFOLIO.c.desk_id == actor.unit)
    wanted = wanted.where(PremisesReport.id.is_(None) if day is None else first.c.trade_date == day)
    found = wanted.subquery("found")
    counts = (
        await session.execute(
            select(
                func.count().label("all"),
                func.count().filter(found.c.said).label("said"),
                func.count().filter(found.c.marked).label("marked"),
                func.count(found.c.acknowledged_at).label("reported"),
            ).select_from(found)
        )
    ).one()
    rows = await session.execute(wanted.limit(ROWS_MAX))
    items = [report_view(row, business_date) for row in rows]
    return {
        "day": None if day is None else day.isoformat(),
        "struck_elsewhere": counts.said,
        "marked": counts.marked,
        "reported": counts.reported,
        "complete": counts.said == counts.marked == counts.reported == counts.all,
        "overdue": sum(item["state"] == "overdue" for item in items),
        "items": items,
    }


def report_view(row: Row[Any], business_date: date) -> dict[str, Any]:
    """Return a deal struck off the premises with its receipt, or how urgently one is missing."""
    due = report_due_on(row.trade_date)
    state = "overdue" if due < business_date else "open"
    receipt = None
    if row.acknowledged_at is not None:
        state = "acknowledged"
        receipt = {"by": row.clerk, "at": plain_value(row.acknowledged_at), "note": row.note}
    return {
        "trade": str(row.id),
        "version": row.version,
        "deal_number": row.number,
        "portfolio": row.portfolio,
        "trader": row.trader,
        "location": row.location,
        "marked": row.marked,
        "trade_date": row.trade_date.isoformat(),
        "captured_at": plain_value(row.captured_at),
        "due": due.isoformat(),
        "state": state,
        "receipt": receipt,
    }
