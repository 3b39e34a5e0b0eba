"""What reports are made of, read from the log's entries up to an instant; what would be too much is refused."""

import json
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.vocabulary import Action
from service.audit_trail.model import AuditEffect, AuditEntry, AuditIndex
from service.compliance.queries import CANCELLED, BadInstant, TooBroad, instant
from service.governance.queries import policy_then
from service.kernel.errors import Unprocessable
from service.kernel.failures import sqlstate
from service.kernel.working_hours import day_in_berlin
from service.organisation.model import Unit
from service.organisation.queries import today
from service.people.model import Account, Person
from service.reports.standing import Standing
from service.reports.tables import (
    DENIED_WITHIN_DAYS,
    USED_WITHIN_DAYS,
    Facts,
    Refused,
    Report,
    Table,
)

PATIENCE = text("SET LOCAL statement_timeout = '20s'")
KINDS = ("account", "delegation", "person", "role_grant", "staff_event", "unit")
TOLD_BY = ("policy.publish", "log.genesis")
ENTRIES_MAX, ROWS_MAX = 200_000, 50_000
AT_ONCE = 256


class DayAhead(Unprocessable):
    """422. A report tells what was, up to now."""


def end_of(written: str, now: datetime) -> datetime:
    """Return the instant a report is about: a time with its zone, or the end of a day in Berlin, today's being now.

    Raises BadInstant, DayAhead.
    """
    if len(written) == len("2026-10-28"):
        try:
            day = date.fromisoformat(written)
        except ValueError:
            raise BadInstant("Give a date, or a time with its zone.", field="on") from None
        if day > today(now):
            raise DayAhead("A report tells what was; this day lies ahead.", field="on")
        return min(day_in_berlin(day)[1], now)
    found = instant(written, "on")
    assert found is not None
    if found > now:
        raise DayAhead("A report tells what was; this time lies ahead.", field="on")
    return found


async def made(
    session: AsyncSession, policy: Policy, report: Report, until: datetime, act: Action
) -> tuple[Table, str, Policy | None]:
    """Return the report, the version of the policy that was in force, and its rules if kept. Raises TooBroad."""
    await session.execute(PATIENCE)
    try:
        standing = await standing_at(session, until)
        then = await policy_then(session, policy, standing.policy)
        facts = Facts(standing, then, await founded(session, standing), act)
        if "used" in report.asks:
            facts.used = await used_before(session, until)
        if "refused" in report.asks:
            facts.refused = await refused_before(session, until)
    except DBAPIError as failure:
        if sqlstate(failure) == CANCELLED:
            raise TooBroad("This reads too much of the log just now. Ask again later.") from failure
        raise
    table = report.make(facts)
    if len(table.rows) > ROWS_MAX:
        raise TooBroad(f"This is more than {ROWS_MAX} rows. Ask for less at a time.")
    return table, standing.policy, then


async def standing_at(session: AsyncSession, until: datetime) -> Standing:
    """Read how persons and rights stood before an instant, entry by entry. Raises TooBroad."""
    touched = select(AuditEffect.entry_id).where(AuditEffect.kind.in_(KINDS))
    query = (
        select(AuditEntry.id, AuditEntry.bytes)
        .outerjoin(AuditIndex, AuditIndex.entry_id == AuditEntry.id)
        .where(
            AuditEntry.recorded_at < until,
            AuditEntry.outcome == "allow",
            or_(AuditEntry.act.in_(TOLD_BY), AuditEntry.id.in_(touched)),
        )
        .order_by(AuditIndex.index.asc().nulls_last(), AuditEntry.recorded_at, AuditEntry.id)
        .execution_options(yield_per=AT_ONCE)
    )
    standing = Standing(until)
    async for entry_id, data in await session.stream(query):
        standing.tell(entry_id, json.loads(data))
        if standing.past.entries > ENTRIES_MAX:
            raise TooBroad(
                f"More than {ENTRIES_MAX} entries tell of persons and rights; take an evidence pack."
            )
    return standing


async def founded(session: AsyncSession, standing: Standing) -> dict[str, str]:
    """Complete what the founding tells by digest alone; return the names of accounts, persons and units today."""
    names = {str(row.id): row.name for row in await session.execute(select(Unit.id, Unit.name))}
    accounts = select(Account.id, Account.name, Account.person_id, Account.office, Account.service)
    for row in await session.execute(accounts):
        names[str(row.id)] = row.name
        standing.know("account", row.id, person_id=row.person_id, office=row.office, service=row.service)
    before = await units_before(session, standing.until)
    for person in await session.execute(select(Person.id, Person.name, Person.unit_id)):
        names[str(person.id)] = person.name
        standing.know("person", person.id, unit_id=before.get(str(person.id), person.unit_id))
    return names


async def units_before(session: AsyncSession, until: datetime) -> dict[str, str]:
    """Return the unit that each person left first since an instant."""
    query = (
        select(AuditEntry.bytes)
        .where(
            AuditEntry.act.in_((Action.PERSON_MOVE.value, Action.STAFF_EVENT_RECORD.value)),
            AuditEntry.outcome == "allow",
            AuditEntry.recorded_at >= until,
        )
        .order_by(AuditEntry.recorded_at.desc(), AuditEntry.id.desc())
        .execution_options(yield_per=AT_ONCE)
    )
    found: dict[str, str] = {}
    async for data in await session.stream_scalars(query):
        for place, told in json.loads(data)["data"].get("rows", {}).items():
            kind, _, object_id = place.partition(":")
            if kind == "person" and "old" in told.get("change", {}).get("unit_id", {}):
                found[object_id] = told["change"]["unit_id"]["old"]
    return found


async def used_before(session: AsyncSession, until: datetime) -> dict[tuple[str, str], datetime]:
    """Return when each account last did each act within 90 days."""
    query = (
        select(AuditEntry.account, AuditEntry.act, func.max(AuditEntry.recorded_at).label("last"))
        .where(
            AuditEntry.recorded_at >= until - timedelta(days=USED_WITHIN_DAYS),
            AuditEntry.recorded_at < until,
            AuditEntry.outcome == "allow",
        )
        .group_by(AuditEntry.account, AuditEntry.act)
    )
    return {(row.account, row.act): row.last for row in await session.execute(query)}


async def refused_before(session: AsyncSession, until: datetime) -> list[Refused]:
    """Return what was refused within 30 days, newest first."""
    query = (
        select(AuditEntry.id, AuditEntry.recorded_at, AuditEntry.account, AuditEntry.act, AuditEntry.bytes)
        .where(
            AuditEntry.recorded_at >= until - timedelta(days=DENIED_WITHIN_DAYS),
            AuditEntry.recorded_at < until,
            AuditEntry.outcome == "refuse",
        )
        .order_by(AuditEntry.recorded_at.desc(), AuditEntry.id.desc())
        .limit(ROWS_MAX + 1)
        .execution_options(yield_per=AT_ONCE)
    )
    found = []
    async for row in await session.stream(query):
        told = json.loads(row.bytes)
        found.append(
            Refused(
                row.recorded_at,
                UUID(str(row.id)),
                row.account,
                row.act,
                str(told["data"].get("code", "")),
                tuple(told["decision"]["rules"]),
            )
        )
    return found
