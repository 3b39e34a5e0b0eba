"""Blocks of absence as they stand, and the traders who still owe theirs."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from policies.periods import Period, Periods
from policies.policy import Policy
from policies.vocabulary import Action
from service.absences.lifecycle import AbsenceState, missing_since, stands, trading_days
from service.absences.model import Absence
from service.kernel.database import plain_value
from service.kernel.paging import paged
from service.people.model import Person

HOLDERS = text("SELECT person_id, account, since FROM public.holders_of(:roles) ORDER BY account")
TODAY = text("SELECT public.desk_day()")


async def desk_day(session: AsyncSession) -> date:
    """Return the day that the desk works on."""
    today: date = (await session.execute(TODAY)).scalar_one()
    return today


async def blocks_between(
    session: AsyncSession, first: date, last: date, but: UUID | None = None
) -> Sequence[Absence]:
    """Return the blocks planned or accepted that share a day with these days, without ``but``."""
    wanted = select(Absence).where(
        Absence.state.in_((AbsenceState.PLANNED, AbsenceState.ACCEPTED)),
        Absence.first_day <= last,
        Absence.last_day >= first,
    )
    return [row for row in await session.scalars(wanted) if row.id != but]


async def absences(
    session: AsyncSession,
    periods: Periods,
    *,
    person: UUID | None = None,
    year: int | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of blocks, newest first; ``next`` is the cursor of the page after it."""
    absent, substitute = aliased(Person), aliased(Person)
    wanted = (
        select(Absence, absent.name, substitute.name)
        .join(absent, absent.id == Absence.person_id)
        .join(substitute, substitute.id == Absence.substitute_id)
        .order_by(Absence.id.desc())
        .limit(limit + 1)
    )
    if person is not None:
        wanted = wanted.where(Absence.person_id == person)
    if year is not None:
        wanted = wanted.where(Absence.first_day.between(date(year, 1, 1), date(year, 12, 31)))
    if cursor is not None:
        wanted = wanted.where(Absence.id < cursor)
    found = (await session.execute(wanted)).all()
    today = await desk_day(session)
    return paged([view(row, names, periods, today) for row, *names in found], limit)


async def overdue(session: AsyncSession, policy: Policy, year: int | None = None) -> dict[str, Any]:
    """Return every trader who owes a block of the year and has none agreed on, from the notice on."""
    today = await desk_day(session)
    year = today.year if year is None else year
    deadline = policy.periods.day_in(Period.ABSENCE_DEADLINE, year)
    notice_days = policy.periods.number(Period.ABSENCE_NOTICE_DAYS)
    roles = [role for role in policy.roles if Action.TRADE_CAPTURE in policy.powers_of[role]]
    holders = (await session.execute(HOLDERS, {"roles": roles})).all()
    blocks = await blocks_of(session, [row.person_id for row in holders], year)
    items = []
    for row in holders:
        own = blocks.get(row.person_id, [])
        states = [standing(block, policy.periods, today) for block in own]
        missing = missing_since(states, deadline, notice_days, today)
        if missing is not None and row.since.date() <= deadline:
            items.append(
                {
                    "person": str(row.person_id),
                    "account": row.account,
                    "state": missing,
                    "since": plain_value(row.since),
                    "blocks": [{"id": str(b.id), "state": s.value} for b, s in zip(own, states, strict=True)],
                }
            )
    return {"year": year, "deadline": deadline.isoformat(), "today": today.isoformat(), "items": items}


async def blocks_of(session: AsyncSession, persons: Collection[UUID], year: int) -> dict[UUID, list[Absence]]:
    """Return the blocks of a year by trader."""
    wanted = select(Absence).where(
        Absence.person_id.in_(persons),
        Absence.first_day.between(date(year, 1, 1), date(year, 12, 31)),
    )
    found: dict[UUID, list[Absence]] = defaultdict(list)
    for row in await session.scalars(wanted.order_by(Absence.first_day)):
        found[row.person_id].append(row)
    return found


def standing(row: Absence, periods: Periods, today: date) -> AbsenceState:
    """Return where a block stands on a day."""
    return stands(
        AbsenceState(row.state),
        row.first_day,
        row.last_day,
        row.interrupted_on,
        today,
        periods.number(Period.ABSENCE_DAYS),
    )


def view(row: Absence, names: Sequence[str], periods: Periods, today: date) -> dict[str, Any]:
    """Return a block as answers show it."""
    absent, substitute = names
    return {
        "id": str(row.id),
        "version": row.rev,
        "state": standing(row, periods, today).value,
        "person": str(row.person_id),
        "person_name": absent,
        "substitute": str(row.substitute_id),
        "substitute_name": substitute,
        "first_day": plain_value(row.first_day),
        "last_day": plain_value(row.last_day),
        "trading_days": trading_days(row.first_day, row.last_day),
        "interrupted_on": None if row.interrupted_on is None else plain_value(row.interrupted_on),
        "reason": row.reason,
    }
