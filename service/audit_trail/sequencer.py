"""From committed entries to a signed checkpoint: sequence, integrate, sign, publish.

Each step is deterministic from what the step before made durable, so each can be repeated after a crash:

========================  ======================================================================
stopped before            what is true
========================  ======================================================================
an act's commit           nothing happened: neither the act nor its entry
giving indices            the entry waits in the outbox; nothing is lost
their commit              the same: places given and taken out of the outbox are one transaction
writing the files         entries have their place for ever; files lack them, the next run adds them
the last file of a size   drafts and tiles that no size needs; the same files are written again
the signer's memory       entries stand beyond the signed size; lawful, reported, signed next
the signer's answer       it remembers a checkpoint nobody saw; the same one is signed again
publishing the key ring   a new key signs already; its ring is published before the next checkpoint
the witnesses' answers    they may remember a checkpoint nobody saw; it or what extends it comes next
replacing /checkpoint     as before: the old checkpoint stands, whole
the next entry            published
========================  ======================================================================

Database, files, signer and checkpoint each remember how far the log is. They are compared at start and before each
run: what comes later in this list may lag behind what comes earlier, never lead. A database restored from a backup
would give indices anew that the files have given away, so it stops everything. A signer that cannot be reached stops
nothing: acts commit, get their places and files, and wait for its signature.

Several nodes may run this. Places are given under the lock of a row, in the transaction that gives them; files are
written under the lock of a file beside the directory. Both die with their holder, so nobody leads who is gone.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.entry import leaf_hash
from audit.files import OWNER_ONLY, READABLE_BY_ALL, replace
from audit.keyring import FILE_NAME, Keyring
from audit.note import MalformedNote
from audit.signer import Signer, SignerUnreachable
from audit.tiles import MissingTile, TileReader, TileWriter, written_size

LOGGER = logging.getLogger(__name__)
PENDING = "checkpoint.pending"
ENTRIES_MAX = 4096
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.2, 0.6
PAUSES_FOR_A_STEP = 4  # under load the log gets a fifth of the time, and the work the rest
WARNING_SECONDS, CRITICAL_SECONDS = 10, 60
LEAD_WAIT_SECONDS = 2.0
LEAD_POLL_SECONDS = 0.02
START_WAIT_SECONDS = 30.0

StepP = ParamSpec("StepP")
DoneT = TypeVar("DoneT")

# Takes a signed note and gives it back with the lines of those who cosigned it.
Cosign = Callable[[bytes], Awaitable[bytes]]

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
OLDEST_PENDING = text(
    "SELECT extract(epoch FROM clock_timestamp() - min(recorded_at)) FROM public.audit_entry WHERE id IN ("
    "SELECT entry_id FROM public.audit_pending UNION ALL "
    "SELECT entry_id FROM public.audit_index WHERE index >= :signed)"
)


class AnotherNodeLeads(Exception):
    """Another process keeps this log's files and does not let go of them."""


class LogContradiction(Exception):
    """Database, files and signer do not remember the same log; nobody writes on before people have looked."""


class NotWitnessed(Exception):
    """Too few witnesses cosigned the newest checkpoint; ``note`` has the lines of those who did."""

    def __init__(self, note: bytes) -> None:
        super().__init__("too few witnesses cosigned the newest checkpoint")
        self.note = note


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


async def to_its_end(step: Callable[StepP, DoneT], *given: StepP.args, **named: StepP.kwargs) -> DoneT:
    """Have a thread do ``step``; whoever is cancelled meanwhile keeps what it holds until the thread is done.

    Nobody can stop a thread. Were the locks let go at once, the next step would write the same files beside it.
    """
    work = asyncio.ensure_future(asyncio.to_thread(step, *given, **named))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        if failure := work.exception():
            LOGGER.warning("a step of the log was cancelled and had failed: %r", failure)
        raise


class Publisher:
    """Writes sequenced entries into the log's files and has each new size signed. One step at a time per directory."""

    def __init__(self, directory: Path, signer: Signer, origin: str, cosign: Cosign | None = None) -> None:
        """Continue where the files end. Raises LogContradiction if they are not what the signer signed.

        ``cosign`` takes the signed note before it is published and gives it back with the witnesses' lines.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.origin = origin
        self.signer = signer
        self.cosign = cosign
        self._lock_path = directory.with_name(f"{directory.name}.lock")
        with self._locked_soon():
            self.writer = TileWriter(directory)
            self.published_size = self._published()
            self._compared = False
            with contextlib.suppress(SignerUnreachable):  # compared before the first step that reaches it
                self._compare()

    @contextlib.asynccontextmanager
    async def leading(self) -> AsyncIterator[bool]:
        """Hold the directory for one step; False if another node holds it all the while.

        What another node wrote in between is read first. The lock dies with its holder.
        """
        with contextlib.ExitStack() as held:
            deadline = time.monotonic() + LEAD_WAIT_SECONDS
            # Another process's lock has no event to wait for.
            while not (leads := self._lock(held)) and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(LEAD_POLL_SECONDS)
            if leads:
                await to_its_end(self._catch_up)
            yield leads

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
            await to_its_end(self._extend, rows)

    async def publish(self, *, again: bool = False) -> None:
        """Have the size in the files signed, cosigned, and write ``checkpoint``; the files left the database before.

        ``again`` has the published size signed, which gives the same bytes, and cosigned once more.
        """
        size = self.writer.size
        if size == self.published_size and not again:
            return
        note = await to_its_end(self._signed, size)
        await to_its_end(self._publish_ring)
        # Crash here: the signer remembers what nobody saw; the next run signs the same or what extends it.
        if self.cosign is not None:
            try:
                note = await self.cosign(note)
            except NotWitnessed as short:
                await to_its_end(self._keep_pending, short.note)
                return
        # Crash here: witnesses remember it too; the same or what extends it is cosigned next.
        await to_its_end(
            replace, self.directory / "checkpoint", note, self.directory / "tmp", READABLE_BY_ALL
        )
        # Crash here: a pending one stays that says less; nobody needs it.
        (self.directory / PENDING).unlink(missing_ok=True)
        self.published_size = size

    async def rotate(self, overlap: int) -> Keyring:
        """Change the log's key at the published size; the old one retires ``overlap`` entries later.

        Raises audit.signer_keys.RotationUnderWay, SignerUnreachable.
        """
        assert self.published_size == self.writer.size, "keys change where everything is published"
        await to_its_end(self.signer.rotate, overlap)
        # Crash here: the new key signs already; its ring is published before the next checkpoint.
        await to_its_end(self._publish_ring)
        return Keyring.load(self.directory / FILE_NAME)

    def _publish_ring(self) -> None:
        """Put the signer's key ring beside the log, before a checkpoint that can only be checked with it."""
        ring, path = self.signer.ring(), self.directory / FILE_NAME
        if ring and (not path.exists() or path.read_bytes() != ring):
            replace(path, ring, self.directory / "tmp", READABLE_BY_ALL)

    def _keep_pending(self, note: bytes) -> None:
        """Put a checkpoint that waits for witnesses beside the last one that had enough of them."""
        path = self.directory / PENDING
        if not path.exists() or path.read_bytes() != note:
            replace(path, note, self.directory / "tmp", READABLE_BY_ALL)

    def _signed(self, size: int) -> bytes:
        old = self.signer.last().size
        proof: Sequence[bytes] = (
            TileReader(self.directory).consistency_proof(old, size) if 0 < old < size else []
        )
        return self.signer.sign(Checkpoint(self.origin, size, self.writer.root()), proof)

    def _compare(self) -> None:
        """Hold checkpoint, signer and files against each other, once. Raises LogContradiction, SignerUnreachable."""
        signed = self.signer.last()
        if not self.published_size <= signed.size <= self.writer.size:
            sentence = (
                f"the checkpoint states {self.published_size} entries, the signer remembers {signed.size}, "
                f"the files hold {self.writer.size}; none may be ahead of the next"
            )
            raise LogContradiction(sentence)
        if TileReader(self.directory).root(signed.size, self.writer.size) != signed.root:
            sentence = f"the first {signed.size} entries in the files are not those that were signed"
            raise LogContradiction(sentence)
        self._compared = True

    def _catch_up(self) -> None:
        """Read what another node wrote since, and compare with the signer if that is still to be done."""
        if written_size(self.directory) != self.writer.size:
            self.writer = TileWriter(self.directory)
            self._compared = False
        self.published_size = self._published()
        if not self._compared:
            self._compare()

    def _lock(self, held: contextlib.ExitStack) -> bool:
        """Take the directory's lock for as long as ``held`` is open, if nobody has it."""
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        held.callback(os.close, descriptor)
        return True

    @contextlib.contextmanager
    def _locked_soon(self) -> Iterator[None]:
        """Hold the directory's lock, after waiting for another node's step. Raises AnotherNodeLeads."""
        with contextlib.ExitStack() as held:
            deadline = time.monotonic() + START_WAIT_SECONDS
            while not self._lock(held):
                if time.monotonic() > deadline:
                    sentence = f"another process has held {self._lock_path} for {START_WAIT_SECONDS} seconds"
                    raise AnotherNodeLeads(sentence)
                time.sleep(LEAD_POLL_SECONDS)
            yield

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
        self._told = logging.NOTSET
        self._pending: tuple[float, float] | None = None  # age when measured, and when that was

    async def step(self) -> int:
        """Sequence, integrate, sign and publish everything that is committed now; return the signed size.

        Nothing while another node leads. Raises LogContradiction before an index is given.
        """
        async with self._step:
            done = False
            try:
                async with self.publisher.leading() as led:
                    if led:
                        await self._advance()
                        done = True
            finally:
                self._pending = None if done else await self._oldest_pending()
            return self.publisher.published_size

    async def compare_with_witnesses(self) -> None:
        """Show the log as it is to its witnesses, before anything is added. Raises LogContradiction."""
        async with self._step, self.publisher.leading() as led:
            if led and self.publisher.writer.size:
                await self.publisher.agree(self.engine)
                await self.publisher.publish(again=True)

    async def rotate(self, overlap: int) -> Keyring:
        """Publish everything, then change the log's key. Raises AnotherNodeLeads, RotationUnderWay, SignerUnreachable."""
        async with self._step, self.publisher.leading() as led:
            if not led:
                raise AnotherNodeLeads("another node keeps the log's files busy; try again")
            await self._advance()
            if self.publisher.published_size != self.publisher.writer.size:
                raise NotWitnessed(b"")
            return await self.publisher.rotate(overlap)

    async def _advance(self) -> None:
        await self.publisher.agree(self.engine)
        while await sequence(self.engine):
            pass
        await self.publisher.integrate(self.engine)
        await self.publisher.publish()

    @property
    def oldest_pending_seconds(self) -> float:
        """How long the oldest entry that is committed and not yet signed has waited, as of the last step; 0 for none."""
        if self._pending is None:
            return 0.0
        age_seconds, measured_at = self._pending
        return age_seconds + time.monotonic() - measured_at

    async def _oldest_pending(self) -> tuple[float, float] | None:
        """Measure the age of the oldest entry not yet signed; while the database is away, the last measure grows."""
        try:
            async with self.engine.connect() as connection:
                signed = {"signed": max(self.publisher.published_size, 0)}
                age_seconds = await connection.scalar(OLDEST_PENDING, signed)
        except (SQLAlchemyError, OSError):
            return self._pending or (0.0, time.monotonic())
        return None if age_seconds is None else (max(float(age_seconds), 0.0), time.monotonic())

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
        try:
            await self.step()
        except SignerUnreachable as gone:
            # Nothing is lost: files and outbox hold it, and the next start has it signed.
            LOGGER.warning("the log ends unsigned: %s", gone)

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.step()
                self.failure = None
            except Exception as failure:
                # Readiness turns red and says why; the outbox keeps every entry until the next try succeeds.
                if repr(failure) != repr(self.failure):
                    LOGGER.exception("the log keeper's step failed")
                self.failure = failure
            self._tell_age()
            spent = time.monotonic() - began
            await asyncio.sleep(max(PAUSE_SECONDS, min(PAUSES_FOR_A_STEP * spent, PAUSE_SECONDS_MAX)))

    def _tell_age(self) -> None:
        """Say once, to whoever keeps the process, that entries wait too long for their signature; and when it is over."""
        age_seconds = self.oldest_pending_seconds
        level = (
            logging.CRITICAL
            if age_seconds > CRITICAL_SECONDS
            else logging.WARNING
            if age_seconds > WARNING_SECONDS
            else logging.NOTSET
        )
        if level > self._told:
            LOGGER.log(level, "the oldest entry waits for its signature since %.0f seconds", age_seconds)
        self._told = level


async def backlog(engine: AsyncEngine) -> int:
    """Return how many committed entries wait for an index."""
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM public.audit_pending")) or 0)
