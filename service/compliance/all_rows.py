"""Every business row of the bank as one file, for whoever reconciles the database with the whole log offline.

The rows are those of one moment. What was committed by then and waited for its place in the log is waited for, so
that a log that reaches as far as the file says knows every row in it.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from audit.checkpoint import Checkpoint
from audit.note import parse
from audit.pack import Member
from audit.reconcile import Header, RowsWriter
from audit.rows import Movement, Row
from service.audit_trail.model import AuditEntry, AuditIndex
from service.bookkeeping.model import JournalLine
from service.bookkeeping.posting import Line
from service.bookkeeping.queries import line_view
from service.compliance.sealing import Sealed
from service.conformity.model import MarketCheck
from service.kernel.database import Base, Recorded, plain_value, row_view
from service.limits.model import LimitReservation
from service.limits.reserving import in_order, reservation_view
from service.market.checking import VERDICT
from service.trades.model import TradeVersion

PATIENCE = text("SET LOCAL statement_timeout = '60s'")
ROWS_AT_ONCE = 256
FIRST_CHECK = MarketCheck.seq == 1
"""Of a version, made in the act that wrote it; what was found again later stands in the log by its digest alone."""
BODY = "rows.body"
FILE = "rows.ndjson"


async def write_all(engine: AsyncEngine, writer: RowsWriter) -> tuple[int, list[UUID]]:
    """Write every row as of one moment.

    Returns how many entries of the log that moment has surely seen, and which of the entries it has seen had no
    place in the log yet. ``engine`` may read every table, at one moment.
    """
    async with AsyncSession(engine, autoflush=False) as session:
        await session.execute(PATIENCE)
        newest = await session.scalar(select(func.max(AuditIndex.index)))
        waiting = select(AuditEntry.id).outerjoin(AuditIndex, AuditIndex.entry_id == AuditEntry.id)
        unplaced = list(await session.scalars(waiting.where(AuditIndex.index.is_(None))))
        async for one in everything(session):
            writer.add(one)
    return 0 if newest is None else newest + 1, unplaced


async def reach_of(engine: AsyncEngine, size: int, unplaced: list[UUID]) -> int | None:
    """Return how far a log must reach to know all these entries; None while one of them has no place."""
    if not unplaced:
        return size
    query = select(func.count(), func.max(AuditIndex.index)).where(AuditIndex.entry_id.in_(unplaced))
    async with AsyncSession(engine) as session:
        count, newest = (await session.execute(query)).one()
    return max(size, newest + 1) if count == len(unplaced) else None


def finished(writer: RowsWriter, staging: Path, note: bytes, size: int, reach: int) -> Sealed:
    """Write the file that leaves the house, and what its entry says of it."""
    checkpoint = Checkpoint.parse(parse(note)[0])
    path = staging / FILE
    with path.open("wb") as target:
        writer.finish(Header(checkpoint.origin, size, reach), target)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    member = Member(FILE, path.stat().st_size, digest)
    return Sealed(path, member, None, writer.count, checkpoint)


async def everything(session: AsyncSession) -> AsyncIterator[Row | Movement]:
    """Give every recorded row and every movement that an entry vouches for."""
    for model in recorded():
        async for row in _stream(session, select(model).order_by(model.id)):
            yield row_of(row)
    async for version in _stream(
        session, select(TradeVersion).order_by(TradeVersion.trade_id, TradeVersion.version)
    ):
        yield terms_of(version)
    journals = select(JournalLine).order_by(JournalLine.journal_id, JournalLine.line)
    async for lines in _groups(_stream(session, journals), "journal_id"):
        yield lines_of(lines)
    reserved = select(LimitReservation).order_by(LimitReservation.entry_id)
    async for rows in _groups(_stream(session, reserved), "entry_id"):
        yield reservations_of(rows)
    async for check in _stream(session, select(MarketCheck).where(FIRST_CHECK).order_by(MarketCheck.id)):
        yield check_of(check)


async def _groups(rows: AsyncIterator[Any], by: str) -> AsyncIterator[list[Any]]:
    """Put together rows that follow each other and agree in a column."""
    group: list[Any] = []
    async for row in rows:
        if group and getattr(group[-1], by) != getattr(row, by):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


async def _stream(session: AsyncSession, query: Any) -> AsyncIterator[Any]:
    async for row in await session.stream_scalars(query.execution_options(yield_per=ROWS_AT_ONCE)):
        yield row


def recorded() -> list[type[Recorded]]:
    """Return every kind of row that exists only with an entry."""
    models = {mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Recorded)}
    return sorted(models, key=lambda model: model.__tablename__)


def row_of(row: Recorded) -> Row:
    """Return a row with all its columns as the log writes them."""
    return Row(type(row).__tablename__, str(row.id), row.rev, row_view(row))


def terms_of(version: TradeVersion) -> Movement:
    """Return a version of a deal's terms, which the entry it came with vouches for."""
    names = [one.key for one in TradeVersion.__mapper__.column_attrs if one.key != "entry_id"]
    return Movement(
        "trade_version",
        (str(version.entry_id), f"trade:{version.trade_id}", "terms_digest"),
        {name: plain_value(value) for name in names if (value := getattr(version, name)) is not None},
    )


def lines_of(lines: list[JournalLine]) -> Movement:
    """Return the lines of one journal, in their order."""
    first = lines[0]
    told = [line_view(Line(one.account, one.currency, one.amount, one.eur_amount)) for one in lines]
    return Movement(
        "journal_line",
        (str(first.entry_id), f"journal:{first.journal_id}", "lines_digest"),
        {"lines": told},
    )


def reservations_of(rows: Sequence[LimitReservation]) -> Movement:
    """Return what one act took of the limits for a deal, and gave back, as its entry tells it."""
    return Movement(
        "limit_reservation",
        (str(rows[0].entry_id), f"trade:{rows[0].trade_id}", "limits"),
        {"limits": in_order([reservation_view(row) for row in rows])},
    )


def check_of(check: MarketCheck) -> Movement:
    """Return what the first check of a version found, as its entry tells it; the figures follow from the reference."""
    told = {name: plain_value(value) for name in VERDICT if (value := getattr(check, name)) is not None}
    return Movement(
        "market_check", (str(check.entry_id), f"trade:{check.trade_id}", "check"), {"check": told}
    )
