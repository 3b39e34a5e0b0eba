"""The faults that a run suffers, each with what begins it and what ends it; the seed says which comes when."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from service.kernel import embedded
from service.kernel.embedded_binaries import CannotStart
from service.kernel.identifiers import uuid7
from tests.faults.nodes import CLOCK
from tests.faults.processes import POLL_SECONDS, STALLED_SECONDS_MAX, children
from tests.parties import LEI

if TYPE_CHECKING:
    from tests.faults.many_acts import Run

NODES = ("first node", "second node")
CALLERS = 300
HOUR_SECONDS = 3600
DISK_FULL = "53100"
HALF = b":20:HALF A MESSA"
POISON = text(
    "INSERT INTO public.work_item (id, office, home, kind, subject_kind, subject_id, due_at, opened_at, opened_by, "
    "entry_id) SELECT CAST(:id AS uuid), 'back_office', 'back_office', 'draft_confirmation', 'trade', "
    "CAST(:nothing AS uuid), now(), now(), 'front_office', e.id FROM public.audit_entry e LIMIT 1"
)
ANTIDOTE = text("DELETE FROM public.work_item WHERE id = CAST(:id AS uuid)")


@dataclass(frozen=True)
class Fault:
    """``begin`` tells whether there was anybody to hit; ``end`` comes so many seconds later."""

    begin: Callable[["Run"], bool]
    end: Callable[["Run"], None] = lambda _: None
    seconds: float = 0.0
    needs_disk: bool = False


def kill(*names: str) -> Fault:
    """Kill -9 one of these."""

    def begin(run: "Run") -> bool:
        running = [one for name, one in run.processes.items() if name.startswith(names) and one.runs()]
        if running:
            run.chance.choice(running).kill()
        return bool(running)

    return Fault(begin)


def stop(name: str, seconds: float) -> Fault:
    """SIGSTOP, and SIGCONT some time later."""

    def begin(run: "Run") -> bool:
        run.processes[name].signal(signal.SIGSTOP)
        return run.processes[name].runs()

    return Fault(begin, lambda run: run.processes[name].signal(signal.SIGCONT), seconds)


def kill_backend(run: "Run") -> bool:
    """Kill -9 one of the database's processes: it restarts all of them."""
    backends = children(run.server.postmaster, b"trennwand_")
    with contextlib.suppress(ProcessLookupError):
        if backends:
            os.kill(run.chance.choice(backends), signal.SIGKILL)
    return bool(backends)


def end_database(how: signal.Signals) -> Fault:
    """End PostgreSQL, and start it again as a service manager would."""

    def begin(run: "Run") -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.kill(run.server.postmaster, how)
        start_database(run)
        return True

    return Fault(begin)


def start_database(run: "Run") -> None:
    run.server.stop()  # our use of the one that is going
    run.server = embedded.start(run.data)


def keep_database(run: "Run") -> None:
    """Start PostgreSQL again if it went by itself: where a full disk keeps it from recovering, it ends."""
    try:
        os.kill(run.server.postmaster, 0)
    except ProcessLookupError:
        with contextlib.suppress(CannotStart):  # the disk is full still: tried again
            start_database(run)


def database_signalled(run: "Run", number: signal.Signals) -> None:
    for one in (run.server.postmaster, *children(run.server.postmaster, b"")):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, number)


def stop_database(run: "Run") -> bool:
    database_signalled(run, signal.SIGSTOP)
    return True


def turned(seconds: int) -> Fault:
    """The second node's clock jumps, and comes back."""

    def begin(run: "Run") -> bool:
        (run.data / CLOCK).write_text(str(seconds))
        return run.processes["second node"].runs()

    return Fault(begin, lambda run: (run.data / CLOCK).unlink(missing_ok=True), 3.0)


def on_a_line(do: Callable[["Run", str], None]) -> Callable[["Run"], bool]:
    """Do something to the line between the database and one of the nodes."""

    def begin(run: "Run") -> bool:
        do(run, run.chance.choice(NODES))
        return True

    return begin


def slow(run: "Run", node: str) -> None:
    run.lines[node].state = "slow"


def silent(run: "Run", node: str) -> None:
    run.lines[node].state = "silent"


def speak(run: "Run") -> None:
    for line in run.lines.values():
        if line.state == "silent":
            line.speak_again()
        line.state = "open"


def call_in_crowds(run: "Run", ports: Sequence[int], words: bytes) -> bool:
    """Open hundreds of connections at once that never finish what they say."""
    for number in range(CALLERS):
        caller = socket.socket()
        caller.setblocking(False)  # noqa: FBT003 - the name of the standard library
        caller.connect_ex(("127.0.0.1", ports[number % len(ports)]))
        run.callers.append(caller)
    for caller in run.callers:
        with contextlib.suppress(OSError):
            caller.send(words)
    return True


def hang_up(run: "Run") -> None:
    while run.callers:
        run.callers.pop().close()


def fill_disk(run: "Run") -> bool:
    return run.disk is not None and run.disk.fill()


def clear_disk(run: "Run") -> None:
    if run.disk is not None:
        run.disk.clear()


def by_force(run: "Run", statement: object, **facts: str) -> None:
    """Do something past all guards, as only the database's superuser can, as soon as the database takes callers."""

    async def do() -> None:
        engine = create_async_engine(run.admin_url(), poolclass=NullPool)
        async with contextlib.aclosing(await reached(engine)) as connection, connection.begin():
            await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            await connection.execute(statement, facts)  # type: ignore[call-overload]

    asyncio.run(do())


async def reached(engine: AsyncEngine) -> AsyncConnection:
    """Return a line to the database, which may just be coming up again. Raises TimeoutError where it never does."""
    async with asyncio.timeout(STALLED_SECONDS_MAX):
        while True:
            try:
                return await engine.connect()
            except (OSError, DBAPIError):
                await asyncio.sleep(POLL_SECONDS)


def poison(run: "Run") -> bool:
    """Hand the back office's service work about a deal that does not exist, before all other work."""
    identifier = str(uuid7())
    try:
        by_force(run, POISON, id=identifier, nothing=str(uuid7()))
    except DBAPIError as failure:
        if getattr(failure.orig, "sqlstate", None) != DISK_FULL:
            raise
        return False  # no room for it now: tried again
    run.poison = identifier
    return True


def heal(run: "Run") -> None:
    if run.poison is not None:
        by_force(run, ANTIDOTE, id=run.poison)
        run.poison = None


def leave_halves(run: "Run") -> bool:
    """Leave what processes leave that die while they write: in the inbox, in the post, beside the log's files."""
    number = run.half = run.half + 1
    inbox, post = run.data / "post" / "in" / LEI, run.data / "post" / "out" / LEI
    for folder in (inbox, post, run.data / "documents", run.data / "log" / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    (inbox / f"message-{number}.txt").write_bytes(HALF)
    (inbox / f"noise-{number}.bin").write_bytes(run.chance.randbytes(64))
    (inbox / f"message-{number}.txt.part").write_bytes(HALF)
    (post / f"confirmation-{number}.txt.part").write_bytes(HALF)
    (run.data / "documents" / f"tmp-{number}").write_bytes(HALF)
    (run.data / "log" / "tmp" / f"checkpoint.{number:016x}").write_bytes(HALF)
    return True


def finish_halves(run: "Run") -> None:
    """Write the rest of the message that was only half there."""
    file = run.data / "post" / "in" / LEI / f"message-{run.half}.txt"
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(file, file.with_name(f".{file.name}"))
        with file.with_name(f".{file.name}").open("ab") as whole:
            whole.write(b"GE, NOW WHOLE\n")
        file.with_name(f".{file.name}").replace(file)


FAULTS: dict[str, Fault] = {
    "first node killed": kill("first node"),
    "second node killed": kill("second node"),
    "signer killed": kill("signer"),
    "client killed": kill("client"),
    "failing commits killed": kill("failing commits"),
    "postmaster killed": end_database(signal.SIGKILL),
    "backend killed": Fault(kill_backend),
    "PostgreSQL restarted": end_database(signal.SIGINT),
    "PostgreSQL stopped": Fault(stop_database, lambda run: database_signalled(run, signal.SIGCONT), 1.5),
    "first node stopped": stop("first node", 3.0),
    "second node stopped": stop("second node", 3.0),
    "signer stopped": stop("signer", 3.0),
    "line slow": Fault(on_a_line(slow), speak, 3.0),
    "line silent": Fault(on_a_line(silent), speak, 2.0),
    "line cut": Fault(on_a_line(lambda run, node: run.lines[node].cut())),
    "line cut midway": Fault(on_a_line(lambda run, node: run.lines[node].cut_midway())),
    "requests in crowds": Fault(
        lambda run: call_in_crowds(run, run.ports, b"POST /api/trades HTTP/1.1\r\n"), hang_up, 2.0
    ),
    "logins in crowds": Fault(
        lambda run: call_in_crowds(run, [one.port for one in run.lines.values()], b"\0\0"), hang_up, 2.0
    ),
    "clock an hour ahead": turned(HOUR_SECONDS),
    "clock an hour behind": turned(-HOUR_SECONDS),
    "disk full": Fault(fill_disk, clear_disk, 3.0, needs_disk=True),
    "work that cannot be done": Fault(poison, heal, 4.0),
    "files half written": Fault(leave_halves, finish_halves, 1.0),
}
