"""The whole bank with one process per office behind one address: who starts whom, and who knows what.

    trennwand serve --split      the database's administrator: migrates, divides, starts the others, serves nobody
      ├─ the log's process       the log's login and its signing key
      └─ the nursery             knows nothing; it loads the program once and forks
           ├─ an office's process    that office's login and nothing else, one for each
           └─ the router             no login at all

Nobody starts a process again that ended: the router answers 503 for that office, and the others go on. All of them end
with the one that started them, however it ends: they hold the reading end of its pipe.
"""

import asyncio
import contextlib
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from policies.policy import load
from policies.vocabulary import Office
from service import bank as banks
from service import division, journal, part, production, running
from service.afar import client_of, socket_of
from service.app import create_app
from service.router import Router
from service.settings import Settings

LOGGER = logging.getLogger(__name__)
LOOK_SECONDS: Final = 0.2
READY_SECONDS: Final = 120.0
GOODBYE_SECONDS: Final = 15.0
SECRETS: Final = ("DATABASE_", "TRENNWAND_", "PG")
PEOPLE: Final = tuple(office for office in Office if office is not Office.LOG)


# One part --------------------------------------------------------------------------------------------


async def serve_part(
    data: Path,
    offices: tuple[Office, ...],
    sockets: Path | None,
    port: int | None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Serve these offices and no others until told to stop, with their own automatic workers.

    Raises BadSettings, CannotServe.
    """
    told, urls = division.part_of(data, offices, environment)
    journal.set_up(told.journal)
    await production.must_be_safe(told, urls, offices, environment)
    where = told.port if port is None else port
    listener = (
        running.listening(told.host, where)
        if sockets is None
        else running.listening_inside(socket_of(sockets, offices[0]))
    )
    with contextlib.closing(listener):
        async with contextlib.AsyncExitStack() as open_:
            house: part.House = (
                await open_.enter_async_context(banks.running(told, "", urls))
                if Office.LOG in offices
                else await open_.enter_async_context(part.running(told, urls, sockets))
            )
            await open_.enter_async_context(running.automatic_work(house))
            address = await open_.enter_async_context(running.serving(house, listener))
            print(f"serving {', '.join(offices)}: {address}", flush=True)
            await running.until_stopped()


async def route(data: Path, sockets: Path, host: str, port: int) -> None:
    """Answer at the bank's one address, without any login, until told to stop. Raises BadSettings, CannotServe."""
    told = division.routers(data)
    journal.set_up(told.journal)
    with contextlib.closing(running.listening(host, port)) as listener:
        async with part.running(told, {}, sockets) as nobody:
            router = Router(create_app(nobody), sockets, Office)
            async with contextlib.aclosing(router), running.answering(router, listener) as address:
                await everybody_answers(sockets)
                print(f"serving: {address}", flush=True)
                await running.until_stopped()


async def everybody_answers(sockets: Path) -> None:
    """Wait until each office's process answers. Raises CannotServe if one does not come up."""
    late = set(Office)
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while late:
        if asyncio.get_running_loop().time() > deadline:
            raise running.CannotServe(
                f"No answer from {', '.join(sorted(late))}; see what their processes said."
            )
        late = {office for office in late if not await _answers(sockets, office)}
        if late:
            await asyncio.sleep(LOOK_SECONDS)


async def _answers(sockets: Path, office: Office) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        async with client_of(sockets, office) as client:
            return (await client.get("/health/live")).is_success
    return False


# The nursery -----------------------------------------------------------------------------------------


def nursery(data: Path, sockets: Path, host: str, port: int) -> int:
    """Fork a process for each office and the router; end with the last of them, or with whoever started this."""
    jobs = {office.value: partial(serve_part, data, (office,), sockets, None) for office in PEOPLE}
    jobs["router"] = partial(route, data, sockets, host, port)
    children = {}
    for name, job in jobs.items():
        if (child := os.fork()) == 0:
            os._exit(_done(job))
        children[child] = name
    told: list[int] = []
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda number, _: told.append(number))
    while children and not told and not _orphaned(LOOK_SECONDS):
        for child in _ended():
            name = children.pop(child)
            LOGGER.error("the process of %s ended; its requests are answered 503", name)
            if name == "router":
                told.append(signal.SIGTERM)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
    _wait_for(set(children))
    return 0


def _done(job: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Do the work of a forked process; return its exit code."""
    try:
        running.run(while_wanted(job()))
    except running.Stopped:
        return 0
    except Exception:
        LOGGER.exception("this process cannot serve")
        return 1
    return 0


async def while_wanted(work: Coroutine[Any, Any, None]) -> None:
    """Do the work until it ends, or until nobody holds the other end of this process's input any more."""
    loop = asyncio.get_running_loop()
    loop.add_reader(0, lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        await work
    finally:
        loop.remove_reader(0)


def _orphaned(seconds: float) -> bool:
    """Wait so long; tell whether whoever started this is gone."""
    with contextlib.suppress(InterruptedError):
        return bool(select.select([0], [], [], seconds)[0])
    return False


def _ended() -> Iterator[int]:
    with contextlib.suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            yield child


def _wait_for(children: set[int]) -> None:
    deadline = time.monotonic() + GOODBYE_SECONDS
    while children and time.monotonic() < deadline:
        children -= set(_ended())
        time.sleep(LOOK_SECONDS / 4)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


# The whole -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Started:
    """The log's process and the nursery, by the pipes that end them."""

    log: subprocess.Popen[bytes]
    nursery: subprocess.Popen[bytes]

    def ended(self) -> str | None:
        """Return which of the two ended, if one has."""
        if self.nursery.poll() is not None:
            return "the offices' processes"
        return "the log's process" if self.log.poll() is not None else None

    def end(self) -> None:
        """End the offices first, so that the log tells their last entries too."""
        for process in (self.nursery, self.log):
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GOODBYE_SECONDS + 5)
            if process.poll() is None:
                process.kill()
                process.wait()


def start(
    data: Path, sockets: Path, host: str, port: int, environment: Mapping[str, str] = os.environ
) -> Started:
    """Start every process of a divided bank; none inherits a secret that is not its own."""
    plain = {name: value for name, value in environment.items() if not name.startswith(SECRETS)}
    keeping = {name: value for name, value in environment.items() if not name.startswith("DATABASE_")}
    python = [sys.executable, "-m"]
    log = subprocess.Popen(
        [
            *python,
            "service",
            "serve",
            "--data",
            str(data),
            "--offices",
            "log",
            "--sockets",
            str(sockets),
            "--attached",
        ],
        env=keeping,
        stdin=subprocess.PIPE,
    )
    others = subprocess.Popen(
        [*python, "service.split", str(data), str(sockets), host, str(port)], env=plain, stdin=subprocess.PIPE
    )
    return Started(log, others)


async def serve_split(settings: Settings, server_url: str, port: int) -> None:
    """Migrate, divide, start everybody, and stay until told to stop. Raises CannotServe, BadSettings."""
    _, urls = await banks.prepare(settings, server_url, load())
    await asyncio.to_thread(division.divide, settings, urls)
    sockets = Path(tempfile.mkdtemp(prefix="tw-"))
    started = start(settings.data.resolve(), sockets, settings.host, port)
    try:
        stopped = asyncio.create_task(running.until_stopped(), name="until told to stop")
        while not stopped.done():
            if (gone := started.ended()) is not None:
                stopped.cancel()
                raise running.CannotServe(f"{gone.capitalize()} ended; see what was said above.")
            await asyncio.wait([stopped], timeout=LOOK_SECONDS)
    finally:
        await asyncio.to_thread(started.end)
        shutil.rmtree(sockets, ignore_errors=True)


if __name__ == "__main__":
    journal.set_up("text")
    sys.exit(nursery(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
