"""From committed entries to a signed checkpoint: sequence, integrate, sign, publish.

Each step is deterministic from what the step before made durable, so each can be repeated after a crash:

====================  ==========================================================================
stopped after          what is true
====================  ==========================================================================
an act's commit        its entry waits in the outbox; nothing is lost
giving indices         entries have their place for ever; files lack them, the next run adds them
writing the files      entries stand beyond the signed size; lawful, reported, signed next
the signer's memory    it remembers a checkpoint nobody saw; the same one is signed again
writing /checkpoint    published
====================  ==========================================================================

Database, files, signer and checkpoint each remember how far the log is. They are compared at start and before each
run: what comes later in this list may lag behind what comes earlier, never lead. A database restored from a backup
would give indices anew that the files have given away, so it stops everything.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.entry import leaf_hash
from audit.files import READABLE_BY_ALL, replace
from audit.note import MalformedNote
from audit.signer import FileSigner
from audit.tiles import MissingTile, TileReader, TileWriter

LOGGER = logging.getLogger(__name__)
ENTRIES_MAX = 4096
PAUSE_SECONDS = 0.2

FENCE = text("SELECT next_index FROM public.audit_state WHERE id = 1 FOR UPDATE SKIP LOCKED")
PICK = text("SELECT seq, entry_id FROM public.audit_pending ORDER BY seq LIMIT :most")
GIVE = text(
    "INSERT INTO public.audit_index (index, entry_id) "
    "SELECT :first + n - 1, id FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS picked(id, n)"
)
TAKE_OUT = text("DELETE FROM public.audit_pending WHERE seq = ANY(CAST(:seqs AS bigint[]))")
MOVE_ON = text("UPDATE public.audit_state SET next_index = :next WHERE id = 1")
ENTRY_AT = text(
    "SELECT e.bytes FROM public.audit_index i JOIN public.audit_entry e ON e.id = i.entry_id WHERE i.index = :index"
)
READ = text(
    "SELECT i.index AS place, e.leaf, e.bytes FROM public.audit_index i JOIN public.audit_entry e ON e.id = i.entry_id "
    "WHERE i.index >= :first ORDER BY i.index LIMIT :most"
)


class LogContradiction(Exception):
    """Database, files and signer do not remember the same log; nobody writes on before people have looked."""


async def sequence(engine: AsyncEngine) -> int:
    """Give the next indices to committed entries, by membership in the outbox; return how many.

    The fence is the state row's lock, held in the very transaction that gives the indices: a node that lost
    its connection has lost the transaction with it. 0 also means that another node leads.
    """
    async with engine.begin() as connection:
        first = await connection.scalar(FENCE)
        if first is None:
            return 0
        picked = (await connection.execute(PICK, {"most": ENTRIES_MAX})).all()
        if not picked:
            return 0
        ids: list[UUID] = [row.entry_id for row in picked]
        await connection.execute(GIVE, {"first": first, "ids": ids})
        await connection.execute(TAKE_OUT, {"seqs": [row.seq for row in picked]})
        await connection.execute(MOVE_ON, {"next": first + len(ids)})
    return len(ids)


class Publisher:
    """Writes sequenced entries into the log's files and has each new size signed. One per directory."""

    def __init__(self, directory: Path, signer: FileSigner, origin: str) -> None:
        """Continue where the files end. Raises LogContradiction if they are not what the signer signed."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.origin = origin
        self.signer = signer
        self.writer = TileWriter(directory)
        self.published_size = self._published()
        signed = signer.last()
        if not self.published_size <= signed.size <= self.writer.size:
            sentence = (
                f"the checkpoint states {self.published_size} entries, the signer remembers {signed.size}, "
                f"the files hold {self.writer.size}; none may be ahead of the next"
            )
            raise LogContradiction(sentence)
        if TileReader(directory).root(signed.size, self.writer.size) != signed.root:
            sentence = f"the first {signed.size} entries in the files are not those that were signed"
            raise LogContradiction(sentence)

    async def agree(self, engine: AsyncEngine) -> None:
        """Raise LogContradiction unless the database holds the entry that the files end with."""
        if self.writer.size == 0:
            return
        last = self.writer.size - 1
        async with engine.connect() as connection:
            found = await connection.scalar(ENTRY_AT, {"index": last})
        if found is None:
            sentence = (
                f"the files hold {last + 1} entries and the database has none at {last}: it is an older one"
            )
            raise LogContradiction(sentence)
        if leaf_hash(bytes(found)) != TileReader(self.directory).leaf_hash(last, self.writer.size):
            sentence = f"the database and the files hold different entries at {last}"
            raise LogContradiction(sentence)

    async def integrate(self, engine: AsyncEngine) -> int:
        """Write what has an index and no file yet; return the log's size in the files.

        Raises LogContradiction for an entry that is not the one recorded, before it gets into a file.
        """
        while True:
            async with engine.connect() as connection:
                found = await connection.execute(READ, {"first": self.writer.size, "most": ENTRIES_MAX})
                rows = found.all()
            if not rows:
                return self.writer.size
            await asyncio.to_thread(self._extend, rows)

    def publish(self) -> None:
        """Have the size in the files signed, and write ``checkpoint``; the files left the database before."""
        size = self.writer.size
        if size == self.published_size:
            return
        old = self.signer.last().size
        proof: Sequence[bytes] = (
            TileReader(self.directory).consistency_proof(old, size) if 0 < old < size else []
        )
        note = self.signer.sign(Checkpoint(self.origin, size, self.writer.root()), proof)
        # Crash here: the signer remembers what nobody saw; the next run signs the same or what extends it.
        replace(self.directory / "checkpoint", note, self.directory / "tmp", READABLE_BY_ALL)
        self.published_size = size

    def _extend(self, rows: Sequence[Row[Any]]) -> None:
        for place, row in enumerate(rows, self.writer.size):
            assert row.place == place, "the index has a gap"
            if leaf_hash(row.bytes) != row.leaf:
                sentence = f"the entry at {place} was edited in the database before it was published"
                raise LogContradiction(sentence)
        self.writer.extend(self.writer.size, [row.bytes for row in rows])

    def _published(self) -> int:
        """Return the size that the checkpoint states; -1 if there is none that can be read."""
        try:
            return TileReader(self.directory).stated_size()
        except (MissingTile, MalformedNote, MalformedCheckpoint):
            return -1


class LogKeeper:
    """The background task that keeps sequencing and publishing while the service runs."""

    def __init__(self, engine: AsyncEngine, publisher: Publisher) -> None:
        self.engine = engine
        self.publisher = publisher
        self.failure: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._step = asyncio.Lock()

    async def step(self) -> int:
        """Sequence, integrate, sign and publish everything that is committed now; return the signed size.

        Raises LogContradiction before an index is given.
        """
        async with self._step:
            await self.publisher.agree(self.engine)
            while await sequence(self.engine):
                pass
            await self.publisher.integrate(self.engine)
            await asyncio.to_thread(self.publisher.publish)
            return self.publisher.published_size

    def start(self) -> None:
        """Begin the background task."""
        self._task = asyncio.create_task(self._run(), name="log keeper")

    async def stop(self) -> None:
        """End the task and publish what is left."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self.step()

    async def _run(self) -> None:
        while True:
            try:
                await self.step()
                self.failure = None
            except Exception as failure:
                # Readiness turns red and says why; the outbox keeps every entry until the next try succeeds.
                if repr(failure) != repr(self.failure):
                    LOGGER.exception("the log keeper's step failed")
                self.failure = failure
            await asyncio.sleep(PAUSE_SECONDS)


async def backlog(engine: AsyncEngine) -> int:
    """Return how many committed entries wait for an index."""
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM public.audit_pending")) or 0)
