"""The organisation as of a day, its proposals, and the units by name."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Text, Uuid, cast, column, or_, select, table, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.kernel.paging import paged
from service.organisation.chart import CLASS_CODES, Chart, Homes, Line
from service.organisation.model import OrganisationProposal, ReportingLine, Unit

BERLIN = ZoneInfo("Europe/Berlin")
PERSON = table(
    "person",
    column("id", Uuid()),
    column("name"),
    column("unit_id", Uuid()),
    column("disabled"),
    schema="public",
)
ACCOUNT = table(
    "account",
    column("id", Uuid()),
    column("name"),
    column("person_id", Uuid()),
    column("service"),
    schema="public",
)
PORTFOLIO = table("portfolio", column("id", Uuid()), column("desk_id", Uuid()), schema="public")
MEMBERS_ON = text(
    "SELECT m.unit_id, count(*) AS members FROM (SELECT DISTINCT ON (person_id) person_id, unit_id "
    "FROM public.membership WHERE valid_from <= :day ORDER BY person_id, valid_from DESC, id DESC) m GROUP BY 1"
)


def today(now: datetime) -> date:
    """Return the day on which lines and memberships count now: the calendar's in Berlin, which no act moves."""
    return now.astimezone(BERLIN).date()


async def unit_by(session: AsyncSession, id_or_name: str) -> Unit | None:
    """Return the unit with this id, code or name."""
    named = or_(Unit.name == id_or_name, Unit.code == id_or_name, cast(Unit.id, Text) == id_or_name)
    return await session.scalar(select(Unit).where(named))


async def chart_on(session: AsyncSession, day: date) -> dict[UUID, Line]:
    """Return every unit that has a line on the day."""
    newest = (
        select(ReportingLine, Unit.function_class)
        .join(Unit, Unit.id == ReportingLine.unit_id)
        .where(ReportingLine.valid_from <= day)
        .ext(distinct_on(ReportingLine.unit_id))
        .order_by(ReportingLine.unit_id, ReportingLine.valid_from.desc(), ReportingLine.id.desc())
    )
    return {
        line.unit_id: Line(
            line.unit_id,
            function_class,
            line.parent_id,
            line.functional_head_id,
            line.disciplinary_head_id,
            line.board_member_id,
        )
        for line, function_class in await session.execute(newest)
    }


async def changes_from(session: AsyncSession, day: date) -> list[date]:
    """Return the days after ``day`` on which a line begins."""
    later = select(ReportingLine.valid_from).where(ReportingLine.valid_from > day).distinct()
    return sorted(await session.scalars(later))


async def homes_of(session: AsyncSession, chart: Chart) -> Homes:
    """Return where those who lead something belong now."""
    leading = {person for line in chart.values() for person in line.answering}
    found = await session.execute(select(PERSON.c.id, PERSON.c.unit_id).where(PERSON.c.id.in_(leading)))
    return {row.id: row.unit_id for row in found}


async def owns_portfolio(session: AsyncSession, unit_id: UUID) -> bool:
    """Tell whether a unit owns a book of deals, which makes it a unit of trading (SEG-07)."""
    found = await session.scalar(select(PORTFOLIO.c.id).where(PORTFOLIO.c.desk_id == unit_id).limit(1))
    return found is not None


async def person_by(session: AsyncSession, id_or_account: str) -> UUID | None:
    """Return the natural person with this id, or behind this account, who has not left."""
    behind = select(ACCOUNT.c.person_id).where(ACCOUNT.c.name == id_or_account, ACCOUNT.c.service.is_(False))
    found: UUID | None = await session.scalar(
        select(PERSON.c.id).where(
            PERSON.c.disabled.is_(False),
            or_(cast(PERSON.c.id, Text) == id_or_account, PERSON.c.id.in_(behind)),
            PERSON.c.id.not_in(select(ACCOUNT.c.person_id).where(ACCOUNT.c.service)),
        )
    )
    return found


async def units(session: AsyncSession, day: date) -> list[dict[str, Any]]:
    """Return the organisation as of a day: units with class, place, heads, board member and number of members."""
    people = {row.id: row.name for row in await session.execute(select(PERSON.c.id, PERSON.c.name))}
    line = (
        select(ReportingLine)
        .where(ReportingLine.valid_from <= day)
        .ext(distinct_on(ReportingLine.unit_id))
        .order_by(ReportingLine.unit_id, ReportingLine.valid_from.desc(), ReportingLine.id.desc())
    )
    lines = {row.unit_id: row for row in await session.scalars(line)}
    return [
        unit_view(row, lines[row.id], people)
        for row in await session.scalars(select(Unit).order_by(Unit.id))
        if row.id in lines
    ]


async def members_on(session: AsyncSession, day: date) -> dict[str, int]:
    """Return how many people belonged to each unit on a day."""
    return {str(row.unit_id): row.members for row in await session.execute(MEMBERS_ON, {"day": day})}


async def proposals(
    session: AsyncSession, *, state: str | None = None, cursor: UUID | None = None, limit: int
) -> dict[str, Any]:
    """Return a page of proposals, newest first; ``next`` is the cursor of the page after it."""
    wanted = select(OrganisationProposal).order_by(OrganisationProposal.id.desc()).limit(limit + 1)
    if state is not None:
        wanted = wanted.where(OrganisationProposal.state == state)
    if cursor is not None:
        wanted = wanted.where(OrganisationProposal.id < cursor)
    found = (await session.scalars(wanted)).all()
    return paged([proposal_view(row) for row in found], limit)


def unit_view(row: Unit, line: ReportingLine, people: dict[UUID, str]) -> dict[str, Any]:
    """Return the unit as answers show it."""

    def somebody(person: UUID) -> dict[str, str]:
        return {"id": str(person), "name": people.get(person, "")}

    return {
        "id": str(row.id),
        "version": row.rev,
        "code": row.code,
        "name": row.name,
        "function_class": row.function_class,
        "class_code": CLASS_CODES.get(row.function_class, ""),
        "parent": None if line.parent_id is None else str(line.parent_id),
        "functional_head": somebody(line.functional_head_id),
        "disciplinary_head": somebody(line.disciplinary_head_id),
        "board_member": somebody(line.board_member_id),
        "valid_from": None if line.valid_from == date.min else line.valid_from.isoformat(),
    }


def proposal_view(row: OrganisationProposal) -> dict[str, Any]:
    """Return the proposal as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "state": row.state,
        "valid_from": row.valid_from.isoformat(),
        "lines": plain_value(row.lines),
        "reason": row.reason,
        "answer": row.answer,
        "proposed_by": str(row.proposed_by),
    }
