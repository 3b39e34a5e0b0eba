"""Hold the database against its own log: entries against the published files, rows against the last effects.

The offline verifier proves that the files are whole. This tells whether the database still says what they say: an
edited entry, a row changed behind the gate's back, something missing, something nobody entered. It changes nothing,
reads each table once, in order, and keeps a few hundred rows in memory.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from audit import tiles
from audit.entry import leaf_hash
from audit.rows import vouchers
from audit.tiles import MalformedTile, MissingTile, TileReader
from service.audit_trail.model import AuditEffect, AuditEntry
from service.kernel.database import Base, Moved, Recorded, digest, plain_value, row_view

ROWS_AT_ONCE = 256
FINDINGS_MAX = 100

INDEXED = """
SELECT i.index AS place, e.id, e.leaf, e.bytes, e.office, e.act, e.outcome, e.account, e.person, e.trade_id,
       e.recorded_at, e.unit, e.board, {effects} AS effects
FROM public.audit_index i LEFT JOIN public.audit_entry e ON e.id = i.entry_id
ORDER BY i.index
"""
WITHOUT_INDEX = """
SELECT NULL AS place, e.id, e.leaf, e.bytes, e.office, e.act, e.outcome, e.account, e.person, e.trade_id,
       e.recorded_at, e.unit, e.board, {effects} AS effects, p.entry_id IS NOT NULL AS waits
FROM public.audit_entry e
LEFT JOIN public.audit_index i ON i.entry_id = e.id LEFT JOIN public.audit_pending p ON p.entry_id = e.id
WHERE i.entry_id IS NULL
"""
EFFECTS = """(
  SELECT jsonb_agg(jsonb_build_object(
    'kind', f.kind, 'id', f.id, 'rev', f.rev, 'leaf', encode(f.leaf, 'hex'), 'after', f.after, 'act', f.act,
    'person', f.person, 'deputy_for', f.deputy_for, 'owner', f.owner, 'office', f.office, 'trade', f.trade_id,
    'at', to_char(f.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
  FROM public.audit_effect f WHERE f.entry_id = e.id
)"""
LOOSE = {
    "an effect without its entry": (
        "SELECT f.kind, f.id FROM public.audit_effect f LEFT JOIN public.audit_entry e ON e.id = f.entry_id "
        "WHERE e.id IS NULL ORDER BY f.kind, f.id, f.rev"
    ),
    "an entry that has its index and waits for another": (
        "SELECT 'audit_pending' AS kind, p.entry_id AS id FROM public.audit_pending p "
        "JOIN public.audit_index i ON i.entry_id = p.entry_id ORDER BY p.seq"
    ),
    "an outbox row without its entry": (
        "SELECT 'audit_pending' AS kind, p.entry_id AS id FROM public.audit_pending p "
        "LEFT JOIN public.audit_entry e ON e.id = p.entry_id WHERE e.id IS NULL ORDER BY p.seq"
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction: where in the log (``index``), or on which object (``kind``, ``id``), and both sides."""

    sentence: str
    index: int | None = None
    kind: str | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """Insert-only rows that their own entry vouches for: of what, in which column, computed how.

    ``movement`` names by its column ``of`` the row of ``kind`` whose ``column`` the entry told when they came, or
    that it tells them of whole (``audit.rows``). ``digest`` is None for rows that no entry tells one by one.
    """

    movement: type[Moved]
    of: str
    kind: str
    column: str
    digest: Callable[[Sequence[Any]], str | None]


@dataclass(frozen=True, slots=True)
class Books:
    """What the slices know about their own rows.

    ``questions``: statements by the sentence that is true of each row (``kind``, ``id``) they give; none is right.
    """

    vouched: tuple[Vouched, ...] = ()
    questions: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Findings:
    """What was found, up to a limit for each question asked, so that a ruined database does not fill the memory."""

    all: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, question: str, finding: Finding) -> None:
        self.counts[question] = self.counts.get(question, 0) + 1
        if self.counts[question] <= FINDINGS_MAX:
            self.all.append(finding)

    def told(self) -> list[Finding]:
        more = {question: count for question, count in self.counts.items() if count > FINDINGS_MAX}
        return self.all + [
            Finding(f"{count - FINDINGS_MAX} more of the kind: {question}")
            for question, count in more.items()
        ]


async def compare(
    connection: AsyncConnection, log_directory: Path, books: Books | None = None
) -> list[Finding]:
    """Return every contradiction between the database and its log; none if both tell the same story.

    ``books`` adds what only the slices know. ``connection`` may read every table and has not begun a transaction; all is read at one moment, while the
    service may go on working. Every model of the bank has been imported before.
    """
    assert not connection.in_transaction(), "the comparison looks at one moment of its own"
    found = _Findings()
    size = await asyncio.to_thread(
        tiles.written_size, log_directory
    )  # first: the files never lead the database
    await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    async with connection.begin():
        await _entries_against_files(connection, log_directory, size, found)
        await _entries_without_index(connection, found)
        for question, statement in (LOOSE | dict(books.questions if books else {})).items():
            async for row in _stream(connection, statement):
                found.add(question, Finding(f"{row.kind} {row.id}: {question}.", kind=row.kind, id=row.id))
        for model in _models(Moved):
            await _movements_without_entry(connection, model, found)
        async with AsyncSession(connection, autoflush=False) as session:
            for model in _models(Recorded):
                await _rows_against_effects(session, model, found)
            for vouched in books.vouched if books else ():
                await _movements_against_digests(session, vouched, found)
    return found.told()


async def _entries_against_files(
    connection: AsyncConnection, directory: Path, size: int, found: _Findings
) -> None:
    """Name the first index at which database and files differ, and every entry whose columns contradict its bytes."""
    reader, expected, differs = TileReader(directory), 0, False
    async for rows in _bundles(_stream(connection, INDEXED.format(effects=EFFECTS))):
        number = rows[0].place // tiles.WIDTH
        in_file = [] if differs else await asyncio.to_thread(_bundle, reader, number, size)
        for row in rows:
            if row.place != expected:
                sentence = f"The index jumps from {expected - 1} to {row.place}."
                found.add("gap in the index", Finding(sentence, index=expected))
            expected = row.place + 1
            if row.id is None:
                found.add(
                    "index without its entry", Finding(f"Index {row.place} has no entry.", index=row.place)
                )
            elif not differs and row.place < size:
                there = in_file[row.place % tiles.WIDTH] if in_file else b""
                if there != row.bytes:
                    differs = True
                    found.add("entry differs", _difference(row, there))
            for finding in _contradictions(row):
                found.add("entry contradicts its columns or effects", finding)
    if expected < size:
        sentence = (
            f"The files hold {size} entries, the database gives places to {expected}: it is an older one."
        )
        found.add("database behind", Finding(sentence, index=expected))


def _difference(row: Row[Any], there: bytes) -> Finding:
    if not there:
        return Finding(f"Entry {row.place} cannot be read from the files.", index=row.place)
    here = leaf_hash(row.bytes).hex()
    sentence = (
        f"Entry {row.place} hashes to {here} in the database and to {leaf_hash(there).hex()} in the files."
    )
    return Finding(sentence, index=row.place)


def _bundle(reader: TileReader, number: int, size: int) -> list[bytes]:
    """Return the entries of a bundle as the files hold them; none if they cannot be read."""
    try:
        width = tiles.width_of(0, number, size)
        return reader.bundle(number, width) if width else []
    except (MissingTile, MalformedTile):
        return []


async def _entries_without_index(connection: AsyncConnection, found: _Findings) -> None:
    async for row in _stream(connection, WITHOUT_INDEX.format(effects=EFFECTS)):
        if not row.waits:
            sentence = f"Entry {row.id} of {row.office} ({row.act}) has no index and waits for none."
            found.add("entry left out", Finding(sentence, kind="audit_entry", id=row.id))
        for finding in _contradictions(row):
            found.add("entry contradicts its columns or effects", finding)


def _contradictions(row: Row[Any]) -> Iterator[Finding]:
    """Find columns and effects that say something else than the bytes of their entry."""
    if row.id is None:
        return
    leaf = leaf_hash(row.bytes)
    told = json.loads(row.bytes)
    columns = {
        "leaf": (row.leaf.hex(), leaf.hex()),
        "id": (str(row.id), told["id"]),
        "office": (row.office, told["actor"]["office"]),
        "act": (row.act, told["act"]),
        "outcome": (row.outcome, told["decision"]["outcome"]),
        "account": (row.account, told["actor"]["account"]),
        "person": (row.person, told["actor"]["person"]),
        "trade_id": (str(row.trade_id) if row.trade_id else None, told.get("links", {}).get("trade")),
        "recorded_at": (plain_value(row.recorded_at), told["ts"]),
        "unit": (row.unit, told["actor"].get("unit")),
        "board": (row.board, told["actor"].get("board")),
    }
    for name, (here, said) in columns.items():
        if here != said:
            sentence = f"Entry {row.id}: column {name} says {here}, its bytes say {said}."
            yield Finding(sentence, index=row.place, kind="audit_entry", id=row.id)
    yield from _effects_that_differ(row, told, leaf)


def _effects_that_differ(row: Row[Any], told: Mapping[str, Any], leaf: bytes) -> Iterator[Finding]:
    common = {
        "leaf": leaf.hex(),
        "act": told["act"],
        "person": told["actor"]["person"],
        "deputy_for": told["actor"].get("deputy_for"),
        "owner": told["actor"].get("owner"),
        "office": told["actor"]["office"],
        "trade": told.get("links", {}).get("trade"),
        "at": told["ts"],
    }
    said = {
        (one["kind"], one["id"], one["rev"]): {**common, "after": one["after"]} for one in told.get("eff", [])
    }
    stored = {
        (one.pop("kind"), one.pop("id"), one.pop("rev")): one for one in row.effects or []
    }  # in this order: what is left are the facts
    for key in sorted(said.keys() | stored.keys()):
        if said.get(key) != stored.get(key):
            kind, object_id, rev = key
            what = (
                "is missing" if key not in stored else "is not in the entry" if key not in said else "differs"
            )
            sentence = f"The effect of entry {row.id} on {kind} {object_id} revision {rev} {what}."
            yield Finding(sentence, index=row.place, kind=kind, id=UUID(object_id))


async def _rows_against_effects(session: AsyncSession, model: type[Recorded], found: _Findings) -> None:
    """Recompute the digest of every row and compare it with what the last entry on the object said it was."""
    kind = model.__tablename__
    last = (
        select(AuditEffect.id, AuditEffect.rev, AuditEffect.after)
        .where(AuditEffect.kind == kind)
        .ext(distinct_on(AuditEffect.id))
        .order_by(AuditEffect.id, AuditEffect.rev.desc())
        .subquery()
    )
    both = select(model, last.c.id, last.c.rev, last.c.after).join(last, model.id == last.c.id, full=True)
    rows = await session.stream(both.execution_options(yield_per=ROWS_AT_ONCE))
    async for row, last_id, last_rev, after in rows:
        if row is None:
            found.add(
                "row missing",
                Finding(f"{kind} {last_id} is missing; the log knows it.", kind=kind, id=last_id),
            )
            continue
        if last_id is None:
            sentence = f"{kind} {row.id} is in no entry."
        elif row.rev != last_rev:
            sentence = f"{kind} {row.id} is at revision {row.rev}; the log ends at {last_rev}."
        elif (now := digest({"kind": kind, **row_view(row)})) != after:
            sentence = f"{kind} {row.id} is {now}; its last entry left it as {after}."
        else:
            continue
        found.add(f"row of {kind}", Finding(sentence, kind=kind, id=row.id))


async def _movements_without_entry(connection: AsyncConnection, model: type[Moved], found: _Findings) -> None:
    table = model.__tablename__
    key = ", ".join(f"m.{column.name}::text" for column in model.__mapper__.primary_key)
    statement = (
        f"SELECT concat_ws(' ', {key}) AS key FROM public.{table} m "  # noqa: S608 - names of our own tables
        "LEFT JOIN public.audit_entry e ON e.id = m.entry_id WHERE e.id IS NULL"
    )
    async for row in _stream(connection, statement):
        sentence = f"{table} {row.key} carries an entry that is not there."
        found.add(f"movement of {table}", Finding(sentence, kind=table))


async def _movements_against_digests(session: AsyncSession, vouched: Vouched, found: _Findings) -> None:
    """Recompute the digest over the movements of each entry and compare it with the one the entry told."""
    model = vouched.movement
    order = [getattr(model, vouched.of), model.entry_id, *model.__mapper__.primary_key]
    query = select(model, AuditEntry.bytes).join(AuditEntry, AuditEntry.id == model.entry_id).order_by(*order)
    rows = await session.stream(query.execution_options(yield_per=ROWS_AT_ONCE))
    group: list[Any] = []
    entry = b""

    def judge() -> None:
        object_id = getattr(group[0], vouched.of)
        told = json.loads(entry)
        said = dict(vouchers(told)).get((told["id"], f"{vouched.kind}:{object_id}", vouched.column))
        if said != (now := vouched.digest(group)):
            sentence = f"{model.__tablename__} of {vouched.kind} {object_id} is {now}; entry {group[0].entry_id} says {said}."
            found.add(
                f"movement of {model.__tablename__}", Finding(sentence, kind=vouched.kind, id=object_id)
            )

    async for row, entry_bytes in rows:
        if group and (getattr(row, vouched.of), row.entry_id) != (
            getattr(group[0], vouched.of),
            group[0].entry_id,
        ):
            judge()
            group = []
        group, entry = [*group, row], entry_bytes
    if group:
        judge()


async def _stream(connection: AsyncConnection, statement: str) -> AsyncIterator[Row[Any]]:
    rows = await connection.stream(text(statement), execution_options={"yield_per": ROWS_AT_ONCE})
    async for row in rows:
        yield row


async def _bundles(rows: AsyncIterator[Row[Any]]) -> AsyncIterator[list[Row[Any]]]:
    """Cut the rows where the files cut them: at multiples of 256."""
    held: list[Row[Any]] = []
    async for row in rows:
        if held and row.place // tiles.WIDTH != held[0].place // tiles.WIDTH:
            yield held
            held = []
        held.append(row)
    if held:
        yield held


def _models(base: type[Base]) -> list[Any]:
    """Return every table class below ``base``, by table name."""
    models = (mapper.class_ for mapper in Base.registry.mappers)
    return sorted((one for one in models if issubclass(one, base)), key=lambda model: model.__tablename__)
