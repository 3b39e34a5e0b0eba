"""A data directory of the embedded PostgreSQL and the processes that use it, to be started and killed."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from service.kernel import embedded_binaries, embedded_watchdog

CLONE = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
PYTHON = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": os.pathsep.join(
        folder for folder in sys.path if folder.endswith("site-packages")
    ),  # the wheel
}
SYSTEM_15 = Path("/usr/lib/postgresql/15/bin")
WHEEL_18 = next(iter(sorted(embedded_binaries._wheel(), reverse=True)), Path("/nowhere"))

SERVICE = """
import json, signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # which who started the tests may have had ignored
sys.path.insert(0, sys.argv[1])
from service.kernel import embedded
try:
    server = embedded.start(Path(sys.argv[2]), binaries=Path(sys.argv[3]) if sys.argv[3] else None)
except embedded.CannotStart as obstacle:
    print(json.dumps({"obstacle": type(obstacle).__name__, "says": str(obstacle)}), flush=True)
    sys.exit(1)
try:
    print(json.dumps({"url": server.url(), "home": str(server.home), "version": server.version,
                      "socket": str(server.socket_directory), "postmaster": server.postmaster,
                      "watchdog": server._watchdog.pid}), flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.stdin.read()
server.stop()
"""


class Service:
    """A process that uses the embedded server until it is told to leave."""

    def __init__(
        self, data: Path, user: int | None, binaries: Path | None, environment: dict[str, str]
    ) -> None:
        self.process = subprocess.Popen(
            [python(user), "-c", SERVICE, CLONE, data, binaries or ""],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", start_new_session=True,
            user=user, group=user, extra_groups=None if user is None else [],
            env={**os.environ, **PYTHON, **environment},
        )  # fmt: skip

    def told(self) -> dict[str, Any]:
        assert self.process.stdout
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def leave(self) -> None:
        with self.process:
            pass
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        with self.process:
            pass


class Place:
    """A data directory, and the user whose services use it."""

    def __init__(self, data: Path, user: int | None) -> None:
        self.data, self.user = data, user
        self.environment: dict[str, str] = {}
        self.services: list[Service] = []

    def service(self, binaries: Path | None = None) -> Service:
        self.services.append(Service(self.data, self.user, binaries, self.environment))
        return self.services[-1]

    def start(self, binaries: Path | None = None) -> tuple[Service, dict[str, Any]]:
        service = self.service(binaries)
        told = service.told()
        assert "obstacle" not in told, told
        return service, told

    def refused(self, binaries: Path | None = None) -> dict[str, Any]:
        service = self.service(binaries)
        told = service.told()
        with service.process:
            pass
        assert service.process.returncode == 1
        return told

    def clear(self) -> None:
        for service in self.services:
            service.kill()
        erase = "import sys, pathlib; sys.path.insert(0, sys.argv[1]); from service.kernel import embedded;"
        erase += "embedded.erase(pathlib.Path(sys.argv[2]))"
        command = [python(self.user), "-c", erase, str(CLONE), str(self.data)]

        def erased() -> bool:  # their watchdogs take a moment
            as_user: dict[str, Any] = {"user": self.user, "group": self.user} if self.user is not None else {}
            done = subprocess.run(
                command,
                stderr=subprocess.DEVNULL,
                check=False,
                cwd="/",
                env={**os.environ, **PYTHON},
                **as_user,
            )
            return done.returncode == 0

        assert within(10, erased)


@cache
def python(user: int | None) -> str:
    """A Python of our version that the user can run: ours may lie in a closed home directory."""
    if user is None:
        return sys.executable
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = (shutil.which(name, path=folder) for folder in os.get_exec_path())
    for candidate in [sys.executable, *filter(None, found)]:
        with contextlib.suppress(OSError):
            imports = [candidate, "-c", "import fcntl"]
            tried = subprocess.run(
                imports,
                user=user,
                group=user,
                check=False,
                cwd="/",
                capture_output=True,
                env={**os.environ, **PYTHON},
            )
            if tried.returncode == 0:
                return candidate
    pytest.skip(f"no {name} that an ordinary user can run: all lie in closed directories")


@cache
def must_reach_the_clone(user: int) -> None:
    """Skip for a user who cannot read our code or the wheel: the clone lies below a closed directory."""
    reading = "import sys; [open(name).close() for name in sys.argv[1:]]"
    wanted = [CLONE / "service" / "__init__.py", WHEEL_18 / "initdb"]
    tried = subprocess.run(
        [python(user), "-c", reading, *wanted],
        user=user,
        group=user,
        check=False,
        cwd="/",
        capture_output=True,
    )
    if tried.returncode != 0:
        reason = "an ordinary user cannot enter this clone: it lies below a closed directory"
        print(reason)
        pytest.skip(reason)


def placed(user: int | None) -> Iterator[Place]:
    python(user)
    if user is not None:
        must_reach_the_clone(user)
    with tempfile.TemporaryDirectory(prefix="trennwand-test-") as folder:
        if user is not None:
            os.chown(folder, user, user)
        place = Place(Path(folder).resolve() / "data", user)
        try:
            yield place
        finally:
            place.clear()


def ask(told: dict[str, Any], *statements: str) -> Any:
    """Run the statements as the superuser; the first value of the last."""

    async def run() -> Any:
        engine = create_async_engine(told["url"])
        try:
            async with engine.begin() as connection:
                for statement in statements:
                    result = await connection.execute(text(statement))
                return result.scalar() if result.returns_rows else None
        finally:
            await engine.dispose()

    return asyncio.run(run())


def down(told: dict[str, Any]) -> bool:
    lock = os.open(Path(told["home"]) / "server.lock", os.O_RDWR)
    try:
        return embedded_watchdog.free(lock)
    finally:
        os.close(lock)


def within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def kill(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)
