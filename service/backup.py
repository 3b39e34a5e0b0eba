"""A copy of the bank in one file: its database at one moment, its log, its settings; never a private key.

The file is a ZIP archive. ``manifest.json`` names every other member with its SHA-256:

    database/<table>    the rows as PostgreSQL's COPY writes them, columns as the manifest says
    log/entries         every entry up to the checkpoint, each behind its length in two bytes
    log/<file>          the checkpoint and what stands beside it
    files/<path>        settings, the log's public key, texts of policies and schemas, filed documents

The log is read before the database, so that what is restored never leads its database. What the signer remembers and
every key stay where they are: whoever restores a bank brings them from the place they are kept at.
"""

import asyncio
import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from audit import tiles
from audit.checkpoint import Checkpoint
from audit.entry import timestamp
from audit.files import OWNER_ONLY
from audit.keys import load_public
from audit.note import parse
from audit.report import Verdict
from audit.tiles import TileReader, TileWriter
from audit.verify import verify
from policies.policy import Policy
from service.audit_trail.compare import compare
from service.audit_trail.recovery import CannotRecover, entries_of
from service.compliance.books import BOOKS
from service.kernel.identifiers import uuid7
from service.migrations import schema
from service.migrations.logins import quoted
from service.settings import Settings
from service.tables import METADATA

FORMAT = "trennwand-backup/1"
MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 16 * 1024 * 1024
BYTES_AT_ONCE = 1024 * 1024
ENTRIES_AT_ONCE = 1024
KEPT_FILES = ("trennwand.toml", "log-key.pub", "demo.json")
KEPT_FOLDERS = ("policies", "documents")
# Made anew by every start from the release itself, or folded again from the log's first entry on.
DERIVED = frozenset(
    {"apart_pair", "item_route", "office_action", "office_kind", "office_login"}
    | {"policy_epoch", "policy_line", "role_conflict", "schema_epoch"}
    | {"balance_total", "exposure_total", "position_total", "total_mark"}
)
MEMBER = re.compile(
    r"(?:database/[a-z_]+|log/[A-Za-z0-9._-]+|files/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9._-]+)"
)
TABLES = text(
    "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')"
)


class BrokenBackup(Exception):
    """The file is no backup, or not the one that was made."""


class NotEmpty(Exception):
    """A backup is restored into an empty place only."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a file holds, as its manifest says; ``sha256`` is over the whole file."""

    path: Path
    sha256: str
    bytes: int
    manifest: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Return how many entries of the log are in it."""
        return int(self.manifest["log"]["size"])


def kept_tables() -> list[Table]:
    """Return the tables whose rows a backup holds, parents first."""
    return [table for table in METADATA.sorted_tables if table.name not in DERIVED]


def columns_of(table: Table) -> list[str]:
    """Return the columns that rows are written with: those the database does not compute itself."""
    return [column.name for column in table.columns if column.computed is None]


# Making one ----------------------------------------------------------------------------------------


class _Writer:
    """Writes members and remembers their digests."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, pieces: Iterator[bytes]) -> None:
        with self.open(name) as member:
            for piece in pieces:
                member.write(piece)

    def open(self, name: str) -> "_Member":
        assert MEMBER.fullmatch(name), name
        return _Member(self, name)


class _Member:
    """One member while it is written."""

    def __init__(self, writer: _Writer, name: str) -> None:
        self._writer, self._name = writer, name
        self._file: IO[bytes] = writer.archive.open(name, "w", force_zip64=True)
        self._digest, self._bytes = hashlib.sha256(), 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._writer.members[self._name] = {"sha256": self._digest.hexdigest(), "bytes": self._bytes}

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._digest.update(piece)
        self._bytes += len(piece)


async def make(settings: Settings, admin_url: str, policy: Policy, target: Path, now: datetime) -> Backup:
    """Write a backup of the bank to ``target`` while it goes on working. Raises FileExistsError."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY))  # the name is taken
    draft = target.with_name(f"{target.name}.part")
    try:
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                writer = _Writer(archive)
                manifest: dict[str, Any] = {
                    "format": FORMAT,
                    "made_at": timestamp(now),
                    "policy": policy.version,
                    "schema": schema.version(),
                }
                manifest["log"] = await asyncio.to_thread(_add_log, writer, settings)
                manifest["tables"] = await _add_tables(writer, admin_url)
                await asyncio.to_thread(_add_files, writer, settings.data)
                manifest["members"] = writer.members
                archive.writestr(MANIFEST, json.dumps(manifest, indent=1, sort_keys=True))
            file.flush()
            os.fsync(file.fileno())
        # Crash here: an empty file and a draft with another name; nobody takes either for a backup.
        draft.rename(target)
    except BaseException:
        for path in (draft, target):
            with suppress(FileNotFoundError):
                path.unlink()
        raise
    return await asyncio.to_thread(_measured, target, manifest)


def _add_log(writer: _Writer, settings: Settings) -> dict[str, Any]:
    """Add what stands beside the checkpoint first: nothing there may know of more than the checkpoint."""
    directory = settings.log_directory
    for path in sorted(directory.iterdir()):
        if path.is_file() and path.name != "checkpoint" and MEMBER.fullmatch(f"log/{path.name}"):
            writer.add(f"log/{path.name}", iter([path.read_bytes()]))
    note = (directory / "checkpoint").read_bytes()
    signed = Checkpoint.parse(parse(note)[0])
    writer.add("log/checkpoint", iter([note]))
    parts = entries_of(directory, 0, signed.size)
    writer.add("log/entries", (tiles.frame(entries) for _, entries in parts))
    return {"origin": signed.origin, "size": signed.size, "root": signed.root.hex()}


async def _add_tables(writer: _Writer, admin_url: str) -> dict[str, Any]:
    """Add every table as it is at one moment."""
    engine = create_async_engine(admin_url, poolclass=NullPool)
    told: dict[str, Any] = {}
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        await connection.execute(text("SELECT 1"))  # the moment
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        for table in kept_tables():
            columns = columns_of(table)
            query = f"SELECT {', '.join(map(quoted, columns))} FROM public.{table.name}"  # noqa: S608 - our own names
            with writer.open(f"database/{table.name}") as member:
                done = await driver.copy_from_query(query, output=member)
            told[table.name] = {"columns": columns, "rows": int(str(done).rpartition(" ")[2])}
    await engine.dispose()
    return told


def _add_files(writer: _Writer, data: Path) -> None:
    paths = [data / name for name in KEPT_FILES]
    for folder in KEPT_FOLDERS:
        paths += sorted((data / folder).rglob("*"))
    for path in paths:
        name = f"files/{path.relative_to(data).as_posix()}"
        if path.is_file() and "tmp-" not in name and MEMBER.fullmatch(name):
            writer.add(name, _pieces(path.open("rb")))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(BYTES_AT_ONCE):
            yield piece


def _measured(path: Path, manifest: Mapping[str, Any]) -> Backup:
    return Backup(path, _sha256_of(path), path.stat().st_size, manifest)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Restoring one -------------------------------------------------------------------------------------


def opened(path: Path, sha256: str | None = None) -> Backup:
    """Read a backup whole and hold every byte against its manifest, before anything is restored.

    Raises BrokenBackup, saying what is wrong.
    """
    try:
        found = _sha256_of(path)
        if sha256 is not None and found != sha256.lower().removeprefix("sha256:"):
            raise BrokenBackup(f"{path} is {found}, not the backup asked for.")
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(MANIFEST).file_size > MANIFEST_BYTES_MAX:
                raise BrokenBackup(f"{path} has a manifest that is too long.")
            manifest = json.loads(archive.read(MANIFEST))
            _check(archive, manifest, path)
    except FileNotFoundError as missing:
        raise BrokenBackup(f"There is no file {path}.") from missing
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, KeyError, TypeError, RuntimeError) as broken:
        raise BrokenBackup(f"{path} is no backup, or it was cut off or changed: {broken}") from broken
    return _measured(path, manifest)


def _check(archive: zipfile.ZipFile, manifest: Mapping[str, Any], path: Path) -> None:
    if manifest["format"] != FORMAT:
        raise BrokenBackup(f"{path} has the format {manifest['format']!r:.40}, not {FORMAT}.")
    members = manifest["members"]
    wanted = {f"database/{table.name}" for table in kept_tables()} | {"log/checkpoint", "log/entries"}
    names = archive.namelist()
    if len(names) != len(set(names)) or {*names} - {MANIFEST} != {*members} or not wanted <= {*members}:
        raise BrokenBackup(f"{path} does not hold exactly the members its manifest names.")
    for name, said in members.items():
        if MEMBER.fullmatch(name) is None or ".." in name:
            raise BrokenBackup(f"{path} holds a member of the name {name!r:.80}.")
        with archive.open(name) as member:
            digest = hashlib.file_digest(member, "sha256").hexdigest()  # type: ignore[arg-type]
        if digest != said["sha256"]:
            raise BrokenBackup(f"{path} was changed: {name} is {digest} and was {said['sha256']}.")
    if manifest["schema"] != schema.version():
        raise BrokenBackup(
            f"{path} was made by a release with the schema {manifest['schema']}; this one brings "
            f"{schema.version()}. Restore it with the release that made it."
        )
    for table in kept_tables():
        if manifest["tables"][table.name]["columns"] != columns_of(table):
            raise BrokenBackup(f"{path} has other columns of {table.name} than this release.")


def must_be_free(settings: Settings, *, database_only: bool) -> None:
    """Raise NotEmpty if there is a log already, unless only the database is restored."""
    written = settings.log_directory.exists() and any(settings.log_directory.iterdir())
    if written and not database_only:
        raise NotEmpty(
            f"{settings.log_directory} holds a log already; if it survived, restore with --database-only."
        )


async def must_be_empty(admin_url: str) -> None:
    """Raise NotEmpty if the database has any table."""
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        count = await connection.scalar(TABLES)
    await engine.dispose()
    if count:
        raise NotEmpty(
            f"The database has {count} tables already; a backup is restored into an empty one only."
        )


async def load_tables(backup: Backup, admin_url: str, owner: str) -> None:
    """Fill the tables, that were just made, in one transaction; every foreign key is checked before it ends.

    Only the row triggers rest meanwhile: they guard acts, and these rows are their outcome.
    """
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text(f"SET LOCAL ROLE {owner}"))
        await connection.execute(text("DELETE FROM public.audit_state"))
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        with zipfile.ZipFile(backup.path) as archive:
            for table in kept_tables():
                await connection.execute(text(f"ALTER TABLE public.{table.name} DISABLE TRIGGER USER"))
                with archive.open(f"database/{table.name}") as member:
                    await driver.copy_to_table(
                        table.name, schema_name="public", source=member, columns=columns_of(table)
                    )
        await connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        for table in kept_tables():
            await connection.execute(text(f"ALTER TABLE public.{table.name} ENABLE TRIGGER USER"))
            await _go_on_counting(connection, table)
    await engine.dispose()


async def _go_on_counting(connection: AsyncConnection, table: Table) -> None:
    """Let a column that numbers its rows go on behind the last."""
    for column in table.columns:
        if column.identity is not None:
            await connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('public.{table.name}', '{column.name}'), "  # noqa: S608
                    f"(SELECT coalesce(max({column.name}), 0) + 1 FROM public.{table.name}), false)"
                )
            )


def write_log(backup: Backup, directory: Path) -> None:
    """Write the log's files anew from its entries; they are the same whoever writes them. Raises BrokenBackup."""
    directory.mkdir(parents=True)
    writer = TileWriter(directory)
    with zipfile.ZipFile(backup.path) as archive:
        with archive.open("log/entries") as member:
            for entries in _entries(member):
                writer.extend(writer.size, entries)
        if (writer.size, writer.root().hex()) != (backup.size, backup.manifest["log"]["root"]):
            raise BrokenBackup("The entries of the backup are not those of its checkpoint.")
        for name in backup.manifest["members"]:
            if name.startswith("log/") and name != "log/entries":
                (directory / name.removeprefix("log/")).write_bytes(archive.read(name))


def _entries(member: IO[bytes]) -> Iterator[Sequence[bytes]]:
    held: list[bytes] = []
    while length := member.read(2):
        held.append(member.read(int.from_bytes(length)))
        if len(held) == ENTRIES_AT_ONCE:
            yield held
            held = []
    yield held


def write_files(backup: Backup, data: Path) -> None:
    """Put settings, public key, texts and documents where they belong; what is there already stays."""
    with zipfile.ZipFile(backup.path) as archive:
        for name in backup.manifest["members"]:
            target = data / name.removeprefix("files/")
            if name.startswith("files/") and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as member, target.open("xb") as file:
                    shutil.copyfileobj(member, file)


async def must_tell_one_story(admin_url: str, log: Path, public_key: Path) -> None:
    """Raise BrokenBackup unless the restored database says what the restored log says, and that log is signed.

    Whoever changed rows and digests alike could not change this: the log's key is not in the backup.
    """
    report = await asyncio.to_thread(lambda: verify(log, load_public(str(public_key))))
    if report.verdict is Verdict.TAMPERED:
        raise BrokenBackup(f"The log in the backup is not what was signed: {report.line()}")
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await compare(connection, log, BOOKS)
    await engine.dispose()
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BrokenBackup(f"The rows in the backup are not what the log says: {found[0].sentence}{more}")


async def clear(admin_url: str) -> None:
    """Take everything out of a database that was empty before."""
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()


def must_continue(backup: Backup, directory: Path) -> None:
    """Raise CannotRecover unless the log that survived begins with the one in the backup."""
    written = tiles.written_size(directory)
    if written < backup.size:
        raise CannotRecover(
            f"The log here holds {written} entries, fewer than the backup with {backup.size}."
        )
    if TileReader(directory).root(backup.size, written).hex() != backup.manifest["log"]["root"]:
        raise CannotRecover(f"The log here does not begin with the {backup.size} entries of the backup.")


def staging(data: Path) -> Path:
    """Return a new place for files on their way."""
    return data / "tmp" / f"restore-{uuid7()}"
