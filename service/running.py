"""A bank in service: one process per data directory, its web address, its automatic workers, what ends it."""

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from policies.vocabulary import Office
from service.afar import SOCKET_BYTES_MAX
from service.app import create_app
from service.automatic import Workers
from service.bank import Bank
from service.bounded import Bounded
from service.compliance.nightly import Nights
from service.enactment import PolicyWatch
from service.journal import Requests
from service.metrics import Metrics
from service.part import House
from service.people.directory import service_actor
from service.supervision.issuing import DeskReports
from service.watching import Watched
from service.work.escalating import Climb

Result = TypeVar("Result")

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STARTED_POLL_SECONDS = 0.01
KEPT_SECONDS = (
    65  # an idle connection: longer than those who ask keep theirs, so that none is closed under a request
)
LAST_ANSWERS_SECONDS = 3
COLLECT_AFTER = (5_000, 50, 200)


class CannotServe(RuntimeError):
    """The service cannot start as asked; the sentence says what to do."""


class Stopped(RuntimeError):
    """A signal ended it before it was done; everything it opened is closed."""


class _Server(uvicorn.Server):
    """The web server without signal handlers of its own: the process decides when it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run the coroutine to its end; Ctrl-C, SIGTERM and SIGHUP cancel it, so that everything it opened is closed.

    Raises Stopped unless the coroutine takes the cancellation as its regular end.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_until_told(main))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop: uvloop's where it exists."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _until_told(main: Coroutine[Any, Any, Result]) -> Result:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    told: list[signal.Signals] = []

    def end(by: signal.Signals) -> None:
        for one in ENDING:  # whoever says it twice means it: the second time nothing is tidied up
            loop.remove_signal_handler(one)
        told.append(by)
        task.cancel()

    for one in ENDING:
        loop.add_signal_handler(one, end, one)
    try:
        return await main
    except asyncio.CancelledError:
        if not told:
            raise
        raise Stopped(f"Stopped by {told[0].name}; the next start goes on from here.") from None


@dataclass(frozen=True, slots=True)
class Place:
    """This process's hold on a data directory."""

    handle: int

    def share(self) -> None:
        """Let other nodes in: database and files are as this release wants them."""
        fcntl.flock(self.handle, fcntl.LOCK_SH)


@contextlib.contextmanager
def alone(data: Path) -> Iterator[Place]:
    """Keep every other service off this data directory until it is shared. Raises CannotServe."""
    sentence = (
        f"Another service runs on {data}: stop it, join it with serve --beside, or choose another --data."
    )
    with _held(data, fcntl.LOCK_EX, sentence) as place:
        yield place


@contextlib.contextmanager
def beside(data: Path) -> Iterator[Place]:
    """Join the nodes that serve this data directory, unless one brings it up to date now. Raises CannotServe."""
    with _held(data, fcntl.LOCK_SH, f"Another service has {data} to itself: wait until it serves.") as place:
        yield place


@contextlib.contextmanager
def _held(data: Path, how: int, obstacle: str) -> Iterator[Place]:
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(data / "service.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise CannotServe(obstacle) from None
    try:
        yield Place(handle)
    finally:
        os.close(handle)


def listening(host: str, port: int) -> socket.socket:
    """Open the address; port 0 takes a free one. Raises CannotServe if somebody else has it."""
    try:
        return socket.create_server((host, port), backlog=1024)
    except OSError as failure:
        sentence = f"{host}:{port} cannot be served ({failure.strerror}): choose another with --port."
        raise CannotServe(sentence) from failure


def listening_inside(path: Path) -> socket.socket:
    """Open the socket file by which the other processes of the bank come; one that a dead process left is replaced.

    Raises CannotServe.
    """
    if len(os.fsencode(path)) > SOCKET_BYTES_MAX:
        raise CannotServe(f"{path} is too long for a socket: choose another directory with --sockets.")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
    except OSError as failure:
        listener.close()
        raise CannotServe(f"{path} cannot be served ({failure.strerror}).") from failure
    path.chmod(0o600)
    listener.listen(1024)
    return listener


@contextlib.asynccontextmanager
async def serving(bank: House, listener: socket.socket) -> AsyncIterator[str]:
    """Answer on the open socket; gives its address.

    Told to end, it first says so on ``/health/ready`` and closes each connection after its answer, for so long that
    whoever shares out the requests has noticed; then it takes no new ones and finishes what it has.
    """
    app = create_app(bank)
    watched = Watched(app, Requests(bank.settings.journal))
    async with answering(watched, listener) as address, measured(bank):
        try:
            yield address
        finally:
            app.state.ending = True
            await asyncio.sleep(bank.settings.drain_seconds)


@contextlib.asynccontextmanager
async def measured(bank: House) -> AsyncIterator[None]:
    """Answer Prometheus at an address of its own, if the settings name one. Raises CannotServe if somebody has it."""
    if bank.settings.metrics is None:
        yield
        return
    with contextlib.closing(listening(*bank.settings.metrics)) as listener:
        async with answering(Metrics(bank), listener):
            yield


@contextlib.asynccontextmanager
async def answering(app: Any, listener: socket.socket) -> AsyncIterator[str]:
    """Have the application answer on the open socket; gives its address."""
    inside = listener.family is socket.AF_UNIX  # then the caller's address is what the router says
    config = uvicorn.Config(
        app,
        forwarded_allow_ips="*" if inside else "127.0.0.1",
        lifespan="off",
        loop="none",
        http=Bounded,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEPT_SECONDS,
        timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
    try:
        while not server.started:
            if task.done():
                raise CannotServe("The web server did not start.") from task.exception()
            await asyncio.sleep(STARTED_POLL_SECONDS)
        name = listener.getsockname()
        yield str(name) if inside else f"http://{name[0]}:{name[1]}"
    finally:
        server.should_exit = True
        await asyncio.shield(task)


@contextlib.asynccontextmanager
async def automatic_work(bank: House, *, self_check: bool = False) -> AsyncIterator[Workers]:
    """Have the offices' service accounts do what waits for them, and compliance's hold the books against the log.

    ``self_check``: that is done now too, not only at night.
    """
    workers, nights = Workers(bank), Nights(bank.gate, bank.settings.log_directory)
    watch = PolicyWatch(bank, bank.admin_url if isinstance(bank, Bank) else None)
    workers.start()
    climb, desks = Climb(bank.gate, service_actor), DeskReports(bank.gate, service_actor)
    if bank.offices.engines:
        watch.start()
    if Office.COMPLIANCE in bank.offices:
        nights.start(at_once=self_check)
        climb.start()
    if Office.RISK_CONTROL in bank.offices:
        desks.start()
    try:
        yield workers
    finally:
        await watch.stop()
        await desks.stop()
        await climb.stop()
        await nights.stop()
        await workers.stop()


def settle_memory() -> None:
    """Leave what a start brought up alone: a collection of garbage looks at what came since, and less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def until_stopped() -> None:
    """Wait for the signal that ends the service; to be told to stop is no failure."""
    task = asyncio.current_task()
    assert task is not None
    settle_memory()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        task.uncancel()
