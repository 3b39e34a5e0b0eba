"""The embedded PostgreSQL: the default database, started with the service and stopped with it.

What lies in its home, ``<data>/postgresql``, or ``/var/lib/trennwand/<hash>`` when root starts it:

    cluster/      the database files, 0700, of the user PostgreSQL runs as
    password      of the superuser, 0600, of the user the service runs as
    socket/       the only way in; there is no network port
    users.lock    held, shared, by every service that uses the server (embedded_watchdog)
    server.lock   held by every PostgreSQL process
    origin        as root: the data directory this home belongs to, which holds a pointer back

PostgreSQL refuses to run as root, so root starts it as a user of its own per data directory, from systemd's
range for transient users: as ``nobody``, every other program of that user could read the books. Such a user
needs no entry in /etc/passwd except while ``initdb`` runs, which looks its name up; that is done as ``nobody``
in a closed directory and handed over.
"""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

from service.kernel import embedded_binaries, embedded_cluster, embedded_watchdog
from service.kernel.embedded_binaries import CannotStart, NoServerBinaries

__all__ = ["CannotStart", "NoServerBinaries", "Server", "erase", "start"]

ROOTS_HOMES = Path("/var/lib/trennwand")
TRANSIENT_USERS = range(61184, 65520)  # systemd: DynamicUser
PORT = 5432  # part of the socket's name only
SOCKET_BYTES_MAX = 103  # macOS; Linux allows 107
LOCK_SECONDS_MAX = 60
RECOVERY_SECONDS_MAX = 600  # a start after a power cut replays what was not yet in the files
POLL_SECONDS = 0.01

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "fsync": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",  # a refused statement may contain a password
    "logging_collector": "on",  # one file per weekday, a week at most
    "log_directory": "log",
    "log_filename": "%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_size": "0",
    "jit": "off",  # compiling costs more than our short statements
}


@dataclass
class Server:
    """A running PostgreSQL and this service's use of it; the last user to stop stops the server."""

    home: Path
    version: int  # major
    socket_directory: Path
    port: int
    postmaster: int  # process number
    _users: int = field(repr=False)  # our open users.lock
    _watchdog: subprocess.Popen[bytes] = field(repr=False)

    def url(self, database: str = "postgres") -> str:
        """Where SQLAlchemy finds ``database`` as its superuser; contains the password."""
        password = (self.home / "password").read_text()  # of characters that need no quoting
        place = urlencode({"host": self.socket_directory, "port": self.port}, quote_via=quote)
        return f"postgresql+asyncpg://postgres:{password}@/{database}?{place}"

    def stop(self) -> None:
        """Give up this use; returns when the server is down, unless another service still uses it."""
        if self._watchdog.returncode is None:
            self._leave()
            os.close(self._users)

    def _leave(self) -> None:
        with self._watchdog:  # closes its standard input: the order to leave
            pass
        if self._watchdog.returncode != 0:  # it was killed, so nobody has stopped the server yet
            with _opened(self.home / "server.lock") as server:
                embedded_watchdog.leave(self._users, server, self.postmaster)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(data: Path, *, binaries: Path | None = None) -> Server:
    """Start the PostgreSQL of ``data``, or join the one already running there.

    ``data`` is created if missing. ``binaries`` forces a directory with ``postgres`` and ``initdb``.
    Whatever was left by a killed service, server or initialisation is put right first.

    Raises NoServerBinaries if nothing on this machine can serve these data, CannotStart for every other
    obstacle; then nothing was started.
    """
    with _alone(data):
        home = _home(data.resolve())
        users = os.open(home / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(users, fcntl.LOCK_SH, "the server another service left is still shutting down")
            with _opened(home / "server.lock") as server:
                if _running(home, server):
                    return _adopted(home, users)
                return _launched(home, users, server, binaries)
        except BaseException:
            os.close(users)
            raise


def erase(data: Path) -> None:
    """Delete the database of ``data`` for good. Raises CannotStart if a service still uses it."""
    with _alone(data):
        home = _home(data.resolve())
        with _opened(home / "users.lock") as users, _opened(home / "server.lock") as server:
            _lock(users, fcntl.LOCK_EX, "a service still uses it", seconds=0)
            if _running(home, server):  # orphaned: its service and watchdog were killed
                embedded_watchdog.leave(users, server, _postmaster(home).number)
            if (pointer := data / "postgresql").is_file():
                pointer.unlink()  # first: a home without pointer is removed by the next start
            shutil.rmtree(_socket_directory(home))
            shutil.rmtree(home)


# --- where everything lies


def _home(data: Path) -> Path:
    pointer = data / "postgresql"
    if os.geteuid() != 0:
        if pointer.is_file():
            raise CannotStart(f"{data} was set up by root: start as root, or use another data directory.")
        pointer.mkdir(exist_ok=True, mode=0o700)
        return pointer
    if pointer.is_dir():
        owner = pointer.stat().st_uid
        raise CannotStart(f"{data} was set up by user {owner}: start as that user, or use another directory.")
    home = _roots_home(data, pointer)
    for directory in (ROOTS_HOMES, home):
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o711)  # passed through by the user PostgreSQL runs as, whatever our umask
    embedded_cluster.write_durably(home / "origin", str(data))
    return home


def _roots_home(data: Path, pointer: Path) -> Path:
    """The home outside ``data``, which the unprivileged user may be unable to reach.

    The pointer in ``data`` leads, so that the directory can be moved; a copy of it may not share the books.
    No pointer means the data were deleted: what an earlier directory of that name left here goes too.
    """
    if pointer.exists():
        home = ROOTS_HOMES / Path(pointer.read_text()).name
        if not re.fullmatch(r"[0-9a-f]{16}", home.name):
            raise CannotStart(
                f"{pointer} is damaged: it must name the folder of these data in {ROOTS_HOMES}."
            )
        origin = Path((home / "origin").read_text()) if (home / "origin").exists() else data
        if origin != data and (origin / pointer.name).exists():
            raise CannotStart(f"{data} is a copy of {origin}: delete {pointer} to begin with empty books.")
        return home
    home = ROOTS_HOMES / hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    if home.exists():
        with _opened(home / "server.lock") as server:
            if not embedded_watchdog.free(server):
                raise CannotStart(f"The server of a deleted {data} is still running: stop its service.")
        shutil.rmtree(home)
    embedded_cluster.write_durably(pointer, str(home))
    return home


def _owner(home: Path) -> tuple[int, int]:
    """User and group PostgreSQL runs as: our own, or for root one that no account and no other home has."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    with suppress(FileNotFoundError):
        status = (home / "cluster").stat()
        return status.st_uid, status.st_gid
    first = int(home.name, 16) % len(TRANSIENT_USERS)
    taken = {account.pw_uid for account in pwd.getpwall()}
    taken |= {cluster.stat().st_uid for cluster in ROOTS_HOMES.glob("*/cluster")}
    user = next(uid for uid in (*TRANSIENT_USERS[first:], *TRANSIENT_USERS[:first]) if uid not in taken)
    return user, user


def _socket_directory(home: Path) -> Path:
    """A directory only PostgreSQL's user enters, with a path short enough for a socket."""
    directory = home / "socket"
    if _unfit(directory):
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        directory = Path(os.environ.get("XDG_RUNTIME_DIR", ""), f"trennwand-{os.geteuid()}-{digest}")
        if not directory.is_absolute() or _unfit(directory):
            directory = Path("/tmp", directory.name)  # noqa: S108 - its owner is checked
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), _owner(home)[0]}:
        raise CannotStart(f"{directory} belongs to somebody else: delete it.")
    directory.chmod(0o700)
    os.chown(directory, *_owner(home))
    return directory


def _unfit(directory: Path) -> bool:
    """Too long for a socket, or with a comma, which separates hosts in a database address."""
    return len(os.fsencode(directory / f".s.PGSQL.{PORT}")) > SOCKET_BYTES_MAX or "," in str(directory)


# --- what is running


@dataclass(frozen=True)
class _Postmaster:
    """What postmaster.pid says."""

    number: int
    port: int
    socket_directory: Path
    ready: bool


def _postmaster(home: Path) -> _Postmaster:
    """Raises LookupError while there is none, or it has not yet written the whole file."""
    try:
        lines = (home / "cluster" / "postmaster.pid").read_text().splitlines()
        return _Postmaster(int(lines[0]), int(lines[3]), Path(lines[4]), lines[7].strip() == "ready")
    except (FileNotFoundError, ValueError):
        raise LookupError(home) from None


def _running(home: Path, server: int) -> bool:
    """Whether a server of ours is up. One on its way up or down is waited for.

    Raises CannotStart if a server we did not start works on these files.
    """
    deadline = time.monotonic() + RECOVERY_SECONDS_MAX
    while not embedded_watchdog.free(server):
        with suppress(LookupError):
            if _postmaster(home).ready:
                return True
        if time.monotonic() > deadline:
            raise CannotStart(f"PostgreSQL in {home} neither starts nor stops; see {home / 'cluster/log'}.")
        time.sleep(POLL_SECONDS)
    with suppress(LookupError):
        stranger = _postmaster(home)
        address = str(stranger.socket_directory / f".s.PGSQL.{stranger.port}")
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(address)
            raise CannotStart(f"PostgreSQL process {stranger.number}, not ours, serves {home}: stop it.")
    return False


def _adopted(home: Path, users: int) -> Server:
    found = _postmaster(home)
    return _watched(home, users, found.socket_directory, ["adopt", str(found.number)])


def _launched(home: Path, users: int, server: int, forced: Path | None) -> Server:
    cluster = home / "cluster"
    written_by = int((cluster / "PG_VERSION").read_text()) if cluster.exists() else None
    chosen = embedded_binaries.find(forced, written_by)
    owner = _owner(home)
    if os.geteuid() == 0:
        chosen = embedded_binaries.reachable(chosen, owner, home)
    if written_by is None:
        embedded_cluster.initialise(home, chosen, owner)
    directory = _socket_directory(home)
    # server.lock is free: what dead servers left would only mislead the new one, should a process number recur.
    for leftover in (cluster / "postmaster.pid", *directory.glob(".s.PGSQL.*")):
        leftover.unlink(missing_ok=True)
    quoted = str(directory).replace('"', '""')
    settings = {**SETTINGS, "unix_socket_directories": f'"{quoted}"'}
    command = [str(chosen.directory / "postgres"), "-D", str(cluster)]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    started = _watched(home, users, directory, command)
    try:
        _wait_until_ready(home, server)
    except BaseException:
        started._leave()  # noqa: SLF001 - our own, just made
        raise
    return started


def _watched(home: Path, users: int, directory: Path, command: list[str]) -> Server:
    """Have the watchdog launch or adopt a server; from here on the end of this process ends our use of it."""
    log = os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    arguments = [str(users), str(home), *map(str, _owner(home)), *command]
    watchdog = subprocess.Popen(
        [sys.executable, "-I", "-S", embedded_watchdog.__file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        pass_fds=[users],
        cwd="/",
        start_new_session=True,  # Ctrl-C at the terminal must not reach PostgreSQL before the service
    )
    os.close(log)
    assert watchdog.stdout is not None
    answer = watchdog.stdout.readline()
    if not answer:
        with watchdog:
            raise CannotStart(f"The watchdog did not start: {_last_words(home)}")
    version = int((home / "cluster" / "PG_VERSION").read_text())
    return Server(home, version, directory, PORT, int(answer), users, watchdog)


def _wait_until_ready(home: Path, server: int) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS_MAX
    while time.monotonic() < deadline:
        with suppress(LookupError):
            if _postmaster(home).ready:
                return
        if embedded_watchdog.free(server):
            raise CannotStart(f"PostgreSQL did not start: {_last_words(home)}")
        time.sleep(POLL_SECONDS)
    raise CannotStart(f"PostgreSQL is not ready after {RECOVERY_SECONDS_MAX} s: {_last_words(home)}")


def _last_words(home: Path) -> str:
    """The end of what server and watchdog said before the server's own log was open, and of that log."""
    newest = sorted(home.glob("cluster/log/*.log"), key=lambda path: path.stat().st_mtime)[-1:]
    logs = [home / "server.log", *newest]
    words = [line for log in logs for line in log.read_text(errors="replace").splitlines()[-5:]]
    return " ".join(words) or "without a word"


# --- locks


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield opened
    finally:
        os.close(opened)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Nobody else starts or erases the server of ``data`` meanwhile."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        (data / "postgresql.lock").touch(mode=0o600)
    except PermissionError as error:
        raise CannotStart(f"{error.filename} may not be written: start as the user it belongs to.") from None
    with _opened(data / "postgresql.lock") as opened:
        _lock(opened, fcntl.LOCK_EX, "another service is starting there")
        yield


def _lock(opened: int, how: int, obstacle: str, seconds: float = LOCK_SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(opened, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise CannotStart(f"The database cannot be used now: {obstacle}.") from None
            time.sleep(POLL_SECONDS)
        else:
            return
