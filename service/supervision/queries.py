"""Desks, who supervises them today, and the reports that are theirs."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.kernel.actor import Actor
from service.kernel.database import plain_value
from service.organisation.model import Unit
from service.parties.model import Portfolio
from service.people.model import Person
from service.people.queries import account_names
from service.supervision.days import DealOfTheDay
from service.supervision.model import DeskReceipt, DeskReport
from service.trades.model import ChangeRequest, Trade, TradeVersion

TODAY = text("SELECT public.desk_day()")
DESKS = text("SELECT unit_id, supervisor_id FROM public.desks_today()")


async def desks(session: AsyncSession) -> Sequence[Row[Any]]:
    """Return the units of trading as of today with the person who supervises each: its functional head."""
    return (await session.execute(DESKS)).all()


async def desk_day(session: AsyncSession) -> date:
    """Return the day that the desks work on."""
    today: date = (await session.execute(TODAY)).scalar_one()
    return today


async def supervisor_of(session: AsyncSession, unit: UUID) -> UUID | None:
    """Return who supervises a desk today."""
    return next((desk.supervisor_id for desk in await desks(session) if desk.unit_id == unit), None)


async def supervised_by(session: AsyncSession, actor: Actor) -> list[UUID]:
    """Return the desks that the actor supervises today, or stands in for whoever does."""
    persons = {str(actor.person), *(str(person) for person in actor.deputy_for.values())}
    return [desk.unit_id for desk in await desks(session) if str(desk.supervisor_id) in persons]


async def deals_of_the_day(session: AsyncSession, unit: UUID, day: date) -> list[DealOfTheDay]:
    """Return the deals that a desk struck on a day, with what was asked for since."""
    struck = (
        select(Trade, Portfolio.name)
        .join(Portfolio, Portfolio.id == Trade.portfolio_id)
        .join(TradeVersion, (TradeVersion.trade_id == Trade.id) & (TradeVersion.version == 1))
        .where(Portfolio.desk_id == unit, TradeVersion.trade_date == day)
        .order_by(Trade.captured_at, Trade.id)
    )
    found = (await session.execute(struck)).all()
    asked: dict[UUID, list[str]] = {trade.id: [] for trade, _ in found}
    wanted = select(ChangeRequest.trade_id, ChangeRequest.request).where(ChangeRequest.trade_id.in_(asked))
    for trade_id, request in await session.execute(wanted.order_by(ChangeRequest.id)):
        asked[trade_id].append(request)
    return [
        DealOfTheDay(f"{name}-{trade.number}", tuple(trade.marks), tuple(asked[trade.id]))
        for trade, name in found
    ]


async def newest_days(session: AsyncSession) -> dict[UUID, date]:
    """Return for each desk the newest day that was reported."""
    newest = select(DeskReport.unit_id, DeskReport.day).order_by(DeskReport.unit_id, DeskReport.day)
    return {row.unit_id: row.day for row in await session.execute(newest)}


async def desk_reports(
    session: AsyncSession,
    actor: Actor,
    *,
    unit: UUID | None = None,
    open_only: bool = False,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of reports, newest first, with whom each is for today; trading sees its supervisors' own alone."""
    wanted = (
        select(DeskReport, DeskReceipt, Unit.code)
        .join(Unit, Unit.id == DeskReport.unit_id)
        .outerjoin(DeskReceipt, DeskReceipt.report_id == DeskReport.id)
        .order_by(DeskReport.id.desc())
        .limit(limit + 1)
    )
    if actor.office is Office.FRONT_OFFICE:
        wanted = wanted.where(DeskReport.unit_id.in_(await supervised_by(session, actor)))
    if unit is not None:
        wanted = wanted.where(DeskReport.unit_id == unit)
    if open_only:
        wanted = wanted.where(DeskReceipt.id.is_(None))
    if cursor is not None:
        wanted = wanted.where(DeskReport.id < cursor)
    found: Sequence[Any] = (await session.execute(wanted)).all()
    heads = {desk.unit_id: desk.supervisor_id for desk in await desks(session)}
    receivers = {receipt.received_by for _, receipt, _ in found if receipt is not None}
    people, accounts = await people_named(session, heads.values()), await account_names(session, receivers)
    return {
        "items": [
            report_view(report, report.rev)
            | {
                "desk": code,
                "supervisor": None if (head := heads.get(report.unit_id)) is None else str(head),
                "supervisor_name": people.get(head),
                "received_at": None if receipt is None else plain_value(receipt.received_at),
                "received_by": None if receipt is None else str(receipt.received_by),
                "received_by_name": None if receipt is None else accounts.get(receipt.received_by),
                "remark": None if receipt is None else receipt.remark,
            }
            for report, receipt, code in found[:limit]
        ],
        "next": str(found[limit - 1][0].id) if len(found) > limit else None,
    }


async def people_named(session: AsyncSession, ids: Collection[UUID | None]) -> dict[UUID | None, str]:
    """Return the names of persons."""
    found = await session.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {row.id: row.name for row in found}


async def desk_names(session: AsyncSession, actor: Actor) -> list[tuple[str, str]]:
    """Return the desks whose reports the actor may see, by code."""
    ids = [desk.unit_id for desk in await desks(session)]
    if actor.office is Office.FRONT_OFFICE:
        ids = await supervised_by(session, actor)
    found = await session.execute(select(Unit.id, Unit.code).where(Unit.id.in_(ids)).order_by(Unit.code))
    return [(str(row.id), row.code) for row in found]


def report_view(report: DeskReport, version: int) -> dict[str, Any]:
    """Return a report as answers show it."""
    return {
        "id": str(report.id),
        "version": version,
        "unit": str(report.unit_id),
        "day": report.day.isoformat(),
        "facts": report.facts,
        "issued_at": plain_value(report.issued_at),
    }
