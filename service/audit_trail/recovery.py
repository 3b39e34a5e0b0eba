"""Which of database, files and signer is behind, and how files come forward again.

Each remembers how far the log is. The files never lead the database, nor the signer the files: entries leave the
database before they are signed. Where one is found to lead after all, what it leads was lost, or was restored from
an older copy; nobody writes on before two people have brought it forward (``service/recovery``).
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from audit.checkpoint import Checkpoint
from audit.entry import leaf_hash
from audit.signer import SignerUnreachable
from audit.tiles import WIDTH, MalformedTile, MissingTile, TileReader, TileWriter, width_of, written_size
from service.audit_trail.sequencer import READ, LogContradiction

ENTRIES_AT_ONCE = 1024

PLACES = text("SELECT coalesce(max(index) + 1, 0) FROM public.audit_index")
OPEN = text("SELECT public.recovery_open()")
LEAVES = text(
    "SELECT i.index AS place, e.leaf FROM public.audit_index i JOIN public.audit_entry e ON e.id = i.entry_id "
    "WHERE i.index >= :first AND i.index < :last ORDER BY i.index"
)


class RecoveryNeeded(LogContradiction):
    """Database or files are behind what the log has been; two people bring them forward."""


class CannotRecover(LogContradiction):
    """What is missing is in no copy that was given, or the copies contradict each other."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many entries each has: the database those with a place, the files those written, the signer those signed."""

    database: int
    files: int
    signed: int
    root: bytes  # of what was signed

    @property
    def whole(self) -> bool:
        """Whether none leads those that come before it."""
        return self.signed <= self.files <= self.database

    def sentence(self) -> str:
        """Say what is behind, and by how much."""
        if self.files < self.signed:
            return f"the signer signed {self.signed} entries and the files hold {self.files}: they lost their tail"
        return (
            f"the files hold {self.files} entries and the database gives places to {self.database}: "
            "it is an older one"
        )


async def standing(engine: AsyncEngine, directory: Path, signed: Checkpoint | None) -> Standing:
    """Count the entries that each has; ``signed`` is the signer's memory, None while it cannot be asked.

    What may lag is counted first, so that a service at work is never found behind itself.
    """
    written = await asyncio.to_thread(written_size, directory)
    async with engine.connect() as connection:
        places = int(await connection.scalar(PLACES) or 0)
    if signed is None:
        return Standing(places, written, 0, b"")
    return Standing(places, written, signed.size, signed.root)


async def must_be_whole(engine: AsyncEngine, directory: Path, signed: Checkpoint | None) -> None:
    """Raise RecoveryNeeded if database or files are behind, or a recovery was begun and not finished."""
    found = await standing(engine, directory, signed)
    remedy = "Nothing is written; two log custodians run `trennwand recover`, one after the other."
    if not found.whole:
        raise RecoveryNeeded(f"{found.sentence()}. {remedy}")
    async with engine.connect() as connection:
        if await connection.scalar(OPEN):
            raise RecoveryNeeded(f"a recovery was asked for and is not finished. {remedy}")


def last_signed(signer: "object") -> Checkpoint | None:
    """Return what the signer remembers, or None while it cannot be reached."""
    try:
        found = signer.last()  # type: ignore[attr-defined]
    except SignerUnreachable:
        return None
    assert isinstance(found, Checkpoint)
    return found


async def must_begin_alike(connection: AsyncConnection, directory: Path, upto: int) -> None:
    """Raise CannotRecover at the first of ``upto`` places that database and files give to different entries."""
    size = await asyncio.to_thread(written_size, directory)
    reader = TileReader(directory)
    for first in range(0, upto, WIDTH):
        last = min(first + WIDTH, upto)
        rows = (await connection.execute(LEAVES, {"first": first, "last": last})).all()
        tile = await asyncio.to_thread(reader.tile, 0, first // WIDTH, width_of(0, first // WIDTH, size))
        for place, row in enumerate(rows, first):
            if row.place != place or bytes(row.leaf) != tile[(place - first) * 32 : (place - first + 1) * 32]:
                raise CannotRecover(f"The database and the files hold different entries at {place}.")
        if len(rows) < last - first:
            raise CannotRecover(f"The database lacks entries between {first} and {last}.")


def entries_of(directory: Path, first: int, last: int) -> Iterator[tuple[int, list[bytes]]]:
    """Read entries from ``first`` up to ``last``, each part with its place. Raises CannotRecover."""
    size, reader = written_size(directory), TileReader(directory)
    while first < last:
        number = first // WIDTH
        try:
            bundle = reader.bundle(number, width_of(0, number, size))
            tile = reader.tile(0, number, width_of(0, number, size))
        except (MissingTile, MalformedTile) as gone:
            raise CannotRecover(f"Entries from {first} on cannot be read: {gone}") from gone
        if b"".join(map(leaf_hash, bundle)) != tile:
            raise CannotRecover(f"The entries from {number * WIDTH} on are not those of their hashes.")
        part = bundle[first % WIDTH : last - number * WIDTH]
        yield first, part
        first += len(part)


def extend_from_copy(directory: Path, copy: Path) -> int:
    """Bring the log's files forward from another copy of them; return their new size. Raises CannotRecover.

    Stopped on the way: the files have grown by entries that belong there; the next run goes on.
    """
    writer, size = TileWriter(directory), written_size(copy)
    if size < writer.size:
        raise CannotRecover(f"The copy holds {size} entries, fewer than the files with {writer.size}.")
    if TileReader(copy).root(writer.size, size) != writer.root():
        raise CannotRecover(f"The copy does not begin with the {writer.size} entries of the files.")
    for first, entries in entries_of(copy, writer.size, size):
        writer.extend(first, entries)
    return writer.size


async def extend_from_database(engine: AsyncEngine, directory: Path) -> int:
    """Bring the log's files forward from the database; return their new size. Raises LogContradiction.

    Stopped on the way: as when a publisher stops between two bundles.
    """
    writer = await asyncio.to_thread(TileWriter, directory)
    while True:
        async with engine.connect() as connection:
            rows = (await connection.execute(READ, {"first": writer.size, "most": ENTRIES_AT_ONCE})).all()
        if not rows:
            return writer.size
        for place, row in enumerate(rows, writer.size):
            if row.place != place or leaf_hash(row.bytes) != bytes(row.leaf):
                raise CannotRecover(f"The entry at {place} was edited in the database.")
        await asyncio.to_thread(writer.extend, writer.size, [row.bytes for row in rows])


def must_be_signed(directory: Path, found: Standing) -> None:
    """Raise CannotRecover unless the files begin with exactly what was signed."""
    size = written_size(directory)
    if size < found.signed:
        raise CannotRecover(
            f"The signer signed {found.signed} entries; database and files together hold {size}. The rest is in "
            "another copy of the log's directory, if anywhere: give it with --from."
        )
    if found.signed and TileReader(directory).root(found.signed, size) != found.root:
        raise CannotRecover(f"The first {found.signed} entries are not those that were signed.")
