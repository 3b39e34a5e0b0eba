"""Two places for a PostgreSQL, of which one is the primary and the other its synchronous standby."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.bank import DATABASE
from service.kernel import embedded, embedded_binaries
from tests.faults.processes import POLL_SECONDS, children

READY_SECONDS_MAX = 60.0
IN_STEP = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"
SETTINGS = {**embedded.SETTINGS, "logging_collector": "off", "wal_level": "replica"}


@dataclass
class Place:
    """A directory for the files of a database, and a socket by which it is reached."""

    home: Path
    binaries: Path
    owner: tuple[int, int]
    password: str
    running: subprocess.Popen[bytes] | None = None

    @property
    def files(self) -> Path:
        """Where the database files lie."""
        return self.home / "cluster"

    @property
    def socket(self) -> Path:
        """Where it answers."""
        return self.home / f".s.PGSQL.{embedded.PORT}"

    def url(self, database: str = DATABASE) -> str:
        """Where its superuser reaches it."""
        there = urlencode({"host": self.home, "port": embedded.PORT}, quote_via=quote)
        return f"postgresql+asyncpg://postgres:{self.password}@/{database}?{there}"

    def start(self) -> None:
        """Start it, as primary or as standby, and wait until it answers."""
        settings = {**SETTINGS, "unix_socket_directories": str(self.home)}
        more = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.home / "server.log").open("ab") as log:
            self.running = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.files, *more],
                cwd="/",
                stdout=log,
                stderr=log,
                **self._as(),
            )
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self.answers():
            assert self.running.poll() is None, (self.home / "server.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(POLL_SECONDS)

    def answers(self) -> bool:
        """Tell whether it can be asked."""
        try:
            return self.ask("SELECT 1", "postgres") == 1
        except (OSError, ConnectionError):
            return False
        except Exception as starting:  # noqa: BLE001 - the driver's own kinds
            return "starting up" not in str(starting) and "not yet accepting" not in str(starting)

    def ask(self, question: str, database: str = DATABASE) -> Any:
        """Return what its superuser is told."""

        async def asked() -> Any:
            engine = create_async_engine(self.url(database), poolclass=NullPool, isolation_level="AUTOCOMMIT")
            try:
                async with engine.connect() as connection:
                    return await connection.scalar(text(question))
            finally:
                await engine.dispose()

        return asyncio.run(asked())

    def do(self, *statements: str) -> None:
        """Have its superuser do something."""

        async def done() -> None:
            engine = create_async_engine(self.url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                for statement in statements:
                    await connection.exec_driver_sql(statement)
            await engine.dispose()

        asyncio.run(done())

    def lose(self) -> None:
        """End all of it at once, as a machine that loses its power, and its disk with it."""
        if self.running is not None:
            for one in (*children(self.running.pid, b""), self.running.pid):
                try:
                    os.kill(one, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.running.wait()
            self.running = None
            while (self.home / "cluster" / "postmaster.pid").exists() and any_left(self.files):
                time.sleep(POLL_SECONDS)
        shutil.rmtree(self.files)
        self.socket.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it in order."""
        if self.running is not None:
            self.running.send_signal(signal.SIGINT)
            self.running.wait()
            self.running = None

    def copy_of(self, primary: "Place") -> None:
        """Become the standby of a primary: take a copy of it, and follow it from there."""
        command = [
            self.binaries / "pg_basebackup",
            "-D",
            self.files,
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        ]
        there = ["-h", primary.home, "-p", str(embedded.PORT), "-U", "postgres"]
        subprocess.run(
            [*command, *there],
            cwd="/",
            check=True,
            **self._as(),
            env={"PGPASSWORD": primary.password, "LC_ALL": "C"},
        )
        self.start()

    def _as(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        return {"user": self.owner[0], "group": self.owner[1], "extra_groups": []}


def any_left(files: Path) -> bool:
    """Tell whether a process of this database is still on its way out."""
    return any(
        str(files).encode() in (place / "cmdline").read_bytes()
        for place in Path("/proc").glob("[0-9]*")
        if (place / "cmdline").exists()
    )


@dataclass
class Pair:
    """A primary and its standby; who is which changes."""

    primary: Place
    standby: Place
    lost: int = field(default=0)

    def join(self) -> None:
        """Let the standby follow, and every commit wait until it stands there too."""
        self.standby.copy_of(self.primary)
        self.primary.do("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        deadline = time.monotonic() + READY_SECONDS_MAX
        while self.primary.ask(IN_STEP) != 1:
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(POLL_SECONDS)

    def lose_primary(self) -> None:
        """Lose the primary for good and go on with its standby, alone until another one follows it."""
        self.primary.lose()
        self.standby.ask("SELECT pg_promote(true, 60)")
        self.primary, self.standby = self.standby, self.primary
        self.primary.do("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
        self.lost += 1


def from_embedded(server: embedded.Server) -> Pair:
    """Take over the files of an embedded database that is down; the other place is empty."""
    status = (server.home / "cluster").stat()
    owner = (status.st_uid, status.st_gid)
    binaries = embedded_binaries.find(None, server.version)
    if os.geteuid() == 0:
        binaries = embedded_binaries.reachable(binaries, owner, server.home)
    password = (server.home / "password").read_text()
    places = []
    for name in ("a", "b"):
        home = server.home / name
        home.mkdir(mode=0o700)
        os.chown(home, *owner)
        places.append(Place(home, binaries.directory, owner, password))
    shutil.copytree(server.home / "cluster", places[0].files, symlinks=True)
    if os.geteuid() == 0:
        for path in (places[0].files, *places[0].files.rglob("*")):
            os.chown(path, *owner, follow_symlinks=False)
    places[0].files.chmod(0o700)
    return Pair(*places)
