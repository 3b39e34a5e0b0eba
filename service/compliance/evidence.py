"""Evidence packs: what a deal, a person or a period left in the log and in the books, as one file that proves itself.

What is true if we stop here:

====================  ==========================================================================
stopped after          what is true
====================  ==========================================================================
staging the files      nothing happened; the folder is nobody's, and a later export removes it
sealing the pack       a file that nobody can ask for; removed likewise
the entry's commit     the export stands in the log, its file cannot be fetched: the caller asks again
moving the file        the office that asked can fetch it
====================  ==========================================================================
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Select, select, text, union
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from audit import contents
from audit.checkpoint import Checkpoint
from audit.gather import UnprovedEntry
from audit.note import parse
from audit.pack import BrokenPack, Scope, canonical
from audit.reconcile import RowsWriter
from audit.rows import Movement, Row, Rows
from audit.tiles import MalformedTile, MissingTile
from policies.vocabulary import Action
from service.audit_trail.model import AuditEffect, AuditEntry, AuditIndex
from service.bookkeeping.model import Journal, JournalLine
from service.compliance import all_rows
from service.compliance.all_rows import (
    FIRST_CHECK,
    check_of,
    lines_of,
    recorded,
    reservations_of,
    row_of,
    terms_of,
)
from service.compliance.papers import gather_papers
from service.compliance.queries import ANONYMOUS, CANCELLED, TooBroad
from service.compliance.sealing import Material, Sealed, clean, keep_policy, seal
from service.compliance.use_cases import ExportEvidence, export_evidence
from service.conformity.model import MarketCheck
from service.gate import Done, Gate
from service.kernel.actor import Actor
from service.kernel.database import Recorded, plain_value
from service.kernel.errors import Malformed, NotFound, NotPermitted, Refusal, Unprocessable
from service.kernel.failures import sqlstate
from service.kernel.identifiers import uuid7
from service.limits.model import LimitReservation
from service.people.model import Account, Person, RoleGrant
from service.settings import Settings
from service.trades.model import TradeVersion

PATIENCE = text("SET LOCAL statement_timeout = '30s'")
ENTRIES_MAX: dict[str, int] = {"trade": 10_000, "person": 10_000, "period": 50_000, "report": 20_000}
TRIES_MAX = 10
PAUSE_SECONDS = 0.3
DIGEST = re.compile(r"[0-9a-f]{64}")
SUFFIXES = (".zip", ".ndjson")  # of packs, and of all business rows
MOVEMENTS = {
    TradeVersion: "trade_version",
    JournalLine: "journal_line",
    LimitReservation: "limit_reservation",
    MarketCheck: "market_check",
}

Publish = Callable[[], Awaitable[int]]


class OneScope(Malformed):
    """400. Evidence is asked for one deal, one person, or one period, and for nothing beside it."""


class PeriodNotOver(Unprocessable):
    """422. A period is exported once it is over."""


class NothingRecorded(Unprocessable):
    """422. Nothing was recorded in this period."""


class NotAllSigned(Refusal):
    """503. What was asked for reaches beyond the signed log, and nobody publishes it now."""

    status = 503


class NotBorneOut(Refusal):
    """503. The files of the log do not bear out what the database says."""

    status = 503


@dataclass(frozen=True, slots=True)
class ReportMade:
    """A report as of an instant: what it tells, and the entries it stands on."""

    name: str
    on: str
    told: Mapping[str, Any]
    entries: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks evidence of, and why. ``before`` is exclusive."""

    scope: Literal["trade", "person", "period", "rows", "report"]
    reason: str
    trade: UUID | None = None
    person: UUID | None = None
    since: datetime | None = None
    before: datetime | None = None
    report: ReportMade | None = None

    def must_be_one_thing(self, now: datetime) -> None:
        """Raise OneScope unless exactly what the scope needs is told, PeriodNotOver for one that runs on."""
        told = {"trade": self.trade, "person": self.person, "from": self.since, "to": self.before}
        needed = {"trade": {"trade"}, "person": {"person"}, "period": {"from", "to"}, "rows": set[str]()}
        needed["report"] = set()
        given = {name for name, value in told.items() if value is not None}
        for name in told:
            if name in needed[self.scope] - given:
                raise OneScope("This has to be filled in.", field=name)
        for name in told:
            if name in given - needed[self.scope]:
                raise OneScope("This has to stay empty for what was chosen.", field=name)
        if self.since is not None and self.before is not None:
            if self.since >= self.before:
                raise OneScope("A period begins before it ends.", field="to")
            if self.before > now:
                raise PeriodNotOver("A period is exported once it is over.", field="to")


async def export(
    gate: Gate,
    settings: Settings,
    actor: Actor,
    wish: Wish,
    *,
    publish: Publish | None = None,
    key: str | None = None,
) -> Done:
    """Make a pack, record that it was made, and keep it for the office that asked; ``file_of`` finds it.

    ``publish`` has the log signed up to now; without it, what is not signed yet is waited for. Raises Refusal.
    """
    now = gate.clock.now()
    decision = gate.policy.decide(actor.roles, Action.EVIDENCE_EXPORT)
    if not decision.allowed:
        refusal = NotPermitted(decision.reason, rule=decision.rule)
        await gate.refuse(actor, Action.EVIDENCE_EXPORT, refusal)
        raise refusal
    wish.must_be_one_thing(now)
    staging = settings.data / "evidence" / "tmp" / str(uuid7())
    try:
        if wish.scope == "rows":
            sealed = await _all_rows(gate, settings, actor, staging, publish)
        else:
            material = await _material(gate, settings, actor, wish, publish, staging / "papers")
            await asyncio.to_thread(keep_policy, settings.data, gate.policy)
            asked = {**actor.frozen_view(), "at": plain_value(now), "reason": wish.reason}
            places = (staging, settings.data, settings.log_directory)
            sealed = await _sealed(*places, gate.log_key, material, asked, now)
        done = await gate.perform(actor, export_evidence, _command(wish, sealed), key=key)
        if done.answer["sha256"] == sealed.member.sha256:  # else it is the answer to an earlier request
            suffix = SUFFIXES[wish.scope == "rows"]
            target = settings.data / "evidence" / actor.office.value / f"{sealed.member.sha256}{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            # Crash here: the export is recorded, nobody can fetch it yet, and asking again makes it anew.
            sealed.path.replace(target)
    finally:
        await asyncio.to_thread(clean, settings.data / "evidence" / "tmp", staging, now)
    return done


def file_of(settings: Settings, actor: Actor, digest: str) -> Path:
    """Return where the pack of this digest lies. Raises NotFound, also for the pack of another office."""
    folder = settings.data / "evidence" / actor.office.value
    if DIGEST.fullmatch(digest) is not None:
        for path in (folder / f"{digest}{suffix}" for suffix in SUFFIXES):
            if path.is_file():
                return path
    raise NotFound("evidence pack")


def is_held(settings: Settings, actor: Actor, digest: str) -> bool:
    """Tell whether the office can still fetch the pack of this digest."""
    with contextlib.suppress(NotFound):
        return file_of(settings, actor, digest).is_file()
    return False


async def _sealed(*facts: Any) -> Sealed:
    try:
        return await asyncio.to_thread(seal, *facts)
    except BrokenPack as large:
        raise TooBroad("This is too much for one pack. Ask for less at a time.") from large
    except (UnprovedEntry, MissingTile, MalformedTile) as broken:
        raise NotBorneOut("The published log does not bear this out. Verify the log.") from broken


def _command(wish: Wish, sealed: Sealed) -> ExportEvidence:
    return ExportEvidence(
        scope=wish.scope,
        trade=wish.trade,
        person=wish.person,
        since=wish.since,
        before=wish.before,
        report=None if wish.report is None else wish.report.name,
        on=None if wish.report is None else wish.report.on,
        reason=wish.reason,
        pack=sealed.facts(),
    )


# What goes in --------------------------------------------------------------------------------------


async def _material(
    gate: Gate, settings: Settings, actor: Actor, wish: Wish, publish: Publish | None, papers: Path
) -> Material:
    """Gather everything as of one moment that the signed log reaches. Raises NotAllSigned."""
    engine = _one_moment(gate, actor)
    for _ in range(TRIES_MAX):
        if publish is not None:
            await publish()
        note = await asyncio.to_thread((settings.log_directory / "checkpoint").read_bytes)
        try:
            async with AsyncSession(engine) as session:
                await session.execute(PATIENCE)
                found = await _look_up(session, wish, note)
                if found is not None:
                    await gather_papers(session, found.indices, papers)
                    return replace(found, papers=papers)
        except DBAPIError as failure:
            if sqlstate(failure) == CANCELLED:
                raise TooBroad("This reads too much of the log. Ask for less at a time.") from failure
            raise
        await asyncio.sleep(PAUSE_SECONDS)
    raise NotAllSigned("Part of this is recorded and not signed yet. Start the service, or ask again.")


def _one_moment(gate: Gate, actor: Actor) -> AsyncEngine:
    return gate.offices[actor.office].execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )


async def _all_rows(
    gate: Gate, settings: Settings, actor: Actor, staging: Path, publish: Publish | None
) -> Sealed:
    """Write every business row as of one moment; the signed log reaches every entry it has seen. Raises NotAllSigned."""
    engine = _one_moment(gate, actor)
    await asyncio.to_thread(staging.mkdir, parents=True)
    with (staging / all_rows.BODY).open("w+b") as body:
        writer = RowsWriter(body)
        if publish is not None:
            await publish()
        size, unplaced = await all_rows.write_all(engine, writer)
        for _ in range(TRIES_MAX):
            if publish is not None:
                await publish()
            note = await asyncio.to_thread((settings.log_directory / "checkpoint").read_bytes)
            reach = await all_rows.reach_of(engine, size, unplaced)
            if reach is not None and reach <= Checkpoint.parse(parse(note)[0]).size:
                return await asyncio.to_thread(all_rows.finished, writer, staging, note, size, reach)
            await asyncio.sleep(PAUSE_SECONDS)
    raise NotAllSigned("Part of this is recorded and not signed yet. Start the service, or ask again.")


async def _look_up(session: AsyncSession, wish: Wish, note: bytes) -> Material | None:
    """Return what the wish is about; None if the checkpoint does not reach all of it."""
    size = Checkpoint.parse(parse(note)[0]).size
    if wish.scope == "trade":
        scope, wanted, rows = await _of_trade(session, wish.trade)
    elif wish.scope == "person":
        scope, wanted, rows = await _of_person(session, wish.person)
    elif wish.report is not None:
        scope, wanted, rows = Scope("report", report=wish.report.name, on=wish.report.on), _told(wish), Rows()
    else:
        scope, wanted, rows = Scope("period"), _between(wish), Rows()
    most = ENTRIES_MAX[wish.scope]
    places = (await session.scalars(wanted.order_by(AuditIndex.index).limit(most + 1))).all()
    if len(places) > most:
        raise TooBroad(f"This is more than {most} entries. Ask for less at a time.")
    if any(place is None or place >= size for place in places):
        return None
    if not places and wish.report is None:
        raise (
            NothingRecorded("Nothing was recorded in this period.")
            if wish.scope == "period"
            else NotFound(wish.scope)
        )
    found = {int(place) for place in places if place is not None}
    if wish.scope == "period":
        first, end = min(found), max(found) + 1
        times = (str(plain_value(wish.since)), str(plain_value(wish.before)))
        scope = Scope("period", since=times[0], before=times[1], first=first, end=end)
        found = set(range(first, end))
    report = None if wish.report is None else canonical({**wish.report.told, "facts": sorted(found)})
    grounds = select(AuditIndex.index).join(AuditEntry, AuditEntry.id == AuditIndex.entry_id)
    told = grounds.where(
        AuditEntry.act.in_(contents.GROUNDS), AuditEntry.outcome == "allow", AuditIndex.index < size
    )
    found |= {0, *(await session.scalars(told))}
    return Material(scope, note, sorted(found), rows, report=report)


def _entries() -> Select[Any]:
    return (
        select(AuditIndex.index)
        .select_from(AuditEntry)
        .outerjoin(AuditIndex, AuditIndex.entry_id == AuditEntry.id)
    )


def _told(wish: Wish) -> Select[Any]:
    """Return the entries a report stands on. Raises TooBroad."""
    assert wish.report is not None
    if len(wish.report.entries) > ENTRIES_MAX["report"]:
        raise TooBroad(f"This stands on more than {ENTRIES_MAX['report']} entries. Take the whole log.")
    return _entries().where(AuditEntry.id.in_(wish.report.entries))


def _between(wish: Wish) -> Select[Any]:
    assert wish.since is not None
    assert wish.before is not None
    return _entries().where(AuditEntry.recorded_at >= wish.since, AuditEntry.recorded_at < wish.before)


async def _of_trade(session: AsyncSession, trade: UUID | None) -> tuple[Scope, Select[Any], Rows]:
    """Everything that was done about a deal or refused, and every row that came of it."""
    assert trade is not None
    touched = select(AuditEffect.kind, AuditEffect.id).where(AuditEffect.trade_id == trade).distinct()
    objects: dict[str, list[UUID]] = {}
    for kind, object_id in await session.execute(touched):
        objects.setdefault(kind, []).append(object_id)
    held: list[Row] = []
    for kind, ids in sorted(objects.items()):
        model = _model(kind)
        held += [row_of(row) for row in await session.scalars(select(model).where(model.id.in_(ids)))]
    movements = [
        *await _versions(session, trade),
        *await _journal_lines(session, trade),
        *await _reservations(session, trade),
        *await _checks(session, trade),
    ]
    wanted = _entries().where(AuditEntry.trade_id == trade)
    return Scope("trade", trade=str(trade)), wanted, Rows(_ordered(held), tuple(movements))


async def _of_person(session: AsyncSession, person: UUID | None) -> tuple[Scope, Select[Any], Rows]:
    """Everything a person did, tried, or was named in by a sign-in, and who gave them which right."""
    assert person is not None
    who = await session.get(Person, person)
    if who is None:
        raise NotFound("person")
    accounts = (await session.scalars(select(Account).where(Account.person_id == person))).all()
    ids = [account.id for account in accounts]
    grants = (await session.scalars(select(RoleGrant).where(RoleGrant.account_id.in_(ids)))).all()
    names = [name for account in ids for name in (str(account), f"{ANONYMOUS}{account}")]
    own: Sequence[Recorded] = [who, *accounts, *grants]
    touched = [
        select(AuditEffect.entry_id).where(
            AuditEffect.kind == model.__tablename__,
            AuditEffect.id.in_([row.id for row in own if isinstance(row, model)]),
        )
        for model in (Person, Account, RoleGrant)
    ]
    acted = select(AuditEntry.id).where(AuditEntry.account.in_(names))
    scope = Scope("person", person=str(person), accounts=tuple(sorted(map(str, ids))))
    wanted = _entries().where(AuditEntry.id.in_(union(acted, *touched)))
    return scope, wanted, Rows(_ordered([row_of(row) for row in own]))


async def _versions(session: AsyncSession, trade: UUID) -> list[Movement]:
    query = select(TradeVersion).where(TradeVersion.trade_id == trade).order_by(TradeVersion.version)
    return [terms_of(row) for row in await session.scalars(query)]


async def _journal_lines(session: AsyncSession, trade: UUID) -> list[Movement]:
    query = select(JournalLine).join(Journal, Journal.id == JournalLine.journal_id)
    ordered = query.where(Journal.trade_id == trade).order_by(JournalLine.journal_id, JournalLine.line)
    found: dict[UUID, list[JournalLine]] = {}
    for row in await session.scalars(ordered):
        found.setdefault(row.journal_id, []).append(row)
    return [lines_of(lines) for lines in found.values()]


async def _reservations(session: AsyncSession, trade: UUID) -> list[Movement]:
    query = select(LimitReservation).where(LimitReservation.trade_id == trade)
    found: dict[UUID, list[LimitReservation]] = {}
    for row in await session.scalars(query.order_by(LimitReservation.entry_id)):
        found.setdefault(row.entry_id, []).append(row)
    return [reservations_of(rows) for rows in found.values()]


async def _checks(session: AsyncSession, trade: UUID) -> list[Movement]:
    query = select(MarketCheck).where(MarketCheck.trade_id == trade, FIRST_CHECK)
    return [check_of(row) for row in await session.scalars(query.order_by(MarketCheck.version))]


@cache
def _model(kind: str) -> type[Recorded]:
    return next(model for model in recorded() if model.__tablename__ == kind)


def _ordered(found: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(found, key=lambda row: (row.kind, row.id)))
