"""A capture with all its controls beside its peers: round by round in turn, at 32 connections, on one PostgreSQL.

Every server runs from the beginning to the end; only one is under load at a time, after the log keeper has caught
up. Each ratio is taken within a round and its median told with the lowest and the highest round. On a machine with
other work the processor time an answer takes tells more: it hardly depends on the neighbours.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.kernel import embedded
from tests.bench import peers, pgbench, same_rows, uncontrolled
from tests.bench.captures import CONNECTIONS, SERVERS, opens, prepared, served
from tests.bench.load import Answered, load
from tests.bench.writing import let_in
from tests.deals import TERMS

OURS = "capture"
OUR_WAYS = {uncontrolled.SCHEMA: uncontrolled.STORED, same_rows.SCHEMA: same_rows.STORED}
OTHERS = (*peers.PEERS, *OUR_WAYS, "pgbench")
ROUNDS, SECONDS, WARM_UP_SECONDS = 5, 2.0, 0.7
CAUGHT_UP_SECONDS_MAX, POLL_SECONDS = 60, 0.1
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Contender:
    """Who is measured: how to put it under load for so many seconds, and its server's process."""

    run: Callable[[float], Awaitable[Answered]]
    process: int | None = None
    rounds: list[Answered] = field(default_factory=list)
    served_cpu: float = 0.0
    database_cpu: float = 0.0
    answered: int = 0

    @property
    def cpu_us(self) -> float:
        """Return what an answer took of the processors, server and database together."""
        return self.per_answer_us(self.served_cpu + self.database_cpu)

    def per_answer_us(self, seconds: float) -> float:
        return seconds / sum(len(each.latencies_ms) for each in self.rounds) * 1e6


async def measure(
    against: Sequence[str] = OTHERS, rounds: int = ROUNDS, seconds: float = SECONDS
) -> dict[str, Any]:
    """Return the ratios with their spread, and of each contender rates, percentiles and processor time."""
    chosen = [peers.PEERS[name] for name in against if name in peers.PEERS]
    if chosen:
        peers.install()
    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        with embedded.start(data) as server:
            settings, admin, urls, token = await prepared(data, server.url())
            async with AsyncExitStack() as running:
                port, process = await running.enter_async_context(
                    served(SERVERS["uvicorn"], opens(settings, admin, urls))
                )
                contenders = {OURS: Contender(posting(port, "/api/trades", token), process)}
                await contenders[OURS].run(WARM_UP_SECONDS)
                for way in OUR_WAYS:
                    if way in against:
                        await make_tables(way, admin, urls)
                        chosen.append(own_way(way, opens(settings, admin, urls)))
                for peer in chosen:
                    contenders[peer.name] = await running.enter_async_context(ready(peer, admin, token))
                if "pgbench" in against:
                    await _execute(admin, pgbench.TABLES)
                    contenders["pgbench"] = Contender(
                        lambda seconds: asyncio.to_thread(
                            pgbench.committed, admin, data, CONNECTIONS, seconds
                        )
                    )
                await in_turn(contenders, admin, server.postmaster, rounds, seconds)
            for peer in chosen:
                await peers.must_hold(peer, admin, token, contenders[peer.name].answered)
        embedded.erase(data)
    return summary(contenders)


async def make_tables(way: str, admin: str, urls: Mapping[Any, str]) -> None:
    """Make what one of our own ways writes into."""
    if way == same_rows.SCHEMA:
        await peers.pattern(admin, way)
        await let_in(admin, urls, way)
    else:
        await let_in(admin, urls, way, uncontrolled.TABLES)


def own_way(name: str, environment: dict[str, str]) -> peers.Peer:
    """Return one of our own ways of writing a deal without controls."""
    return peers.Peer(
        name,
        (*peers.UVICORN, f"tests.bench.{name}:app", "--port"),
        OUR_WAYS[name],
        environment=environment,
        python=Path(sys.executable),
    )


@asynccontextmanager
async def ready(peer: peers.Peer, admin: str, token: str) -> AsyncIterator[Contender]:
    """Start a peer and see that it does its work."""
    await peers.begin(peer, admin, token)
    async with served(peer.command, peer.told(admin, token), str(peer.python), peer.address) as (
        port,
        process,
    ):
        await peers.proved(peer, port, token)
        yield Contender(posting(port, "/trades", token), process, answered=1)


def posting(port: int, path: str, token: str) -> Callable[[float], Awaitable[Answered]]:
    """Return what posts the same deal again and again for so many seconds."""

    async def run(seconds: float) -> Answered:
        return await load(port, path, token, lambda _: TERMS, connections=CONNECTIONS, seconds=seconds)

    return run


async def in_turn(
    contenders: dict[str, Contender], admin: str, postmaster: int, rounds: int, seconds: float
) -> None:
    """Measure each in each round, forwards and backwards in turn; a warm-up goes before and is not counted."""
    for number in range(rounds):
        names = list(contenders)
        for name in names if number % 2 == 0 else reversed(names):
            one = contenders[name]
            if one.process is not None:
                one.answered += len((await one.run(WARM_UP_SECONDS)).latencies_ms)
            database = cpu_seconds(postmaster, whole_family=True)
            of_server = cpu_seconds(one.process, whole_family=True)
            answered = await one.run(seconds)
            one.served_cpu += cpu_seconds(one.process, whole_family=True) - of_server
            one.database_cpu += cpu_seconds(postmaster, whole_family=True) - database
            one.rounds.append(answered)
            one.answered += len(answered.latencies_ms)
            print(f"  round {number + 1}: {name:16} {answered.per_second:8.0f}/s", file=sys.stderr)
            if name == OURS:
                await caught_up(admin)


def cpu_seconds(process: int | None, *, whole_family: bool) -> float:
    """Return the processor time that a process and its children took so far; 0 where nobody tells it."""
    if process is None or not Path("/proc/self/stat").exists():
        return 0.0
    spent: dict[int, float] = {}
    parents: dict[int, int] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            facts = (directory / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        number = int(directory.name)
        parents[number] = int(facts[1])
        spent[number] = sum(map(int, facts[11:15] if number == process else facts[11:13])) / TICKS
    return sum(
        seconds
        for number, seconds in spent.items()
        if number == process or (whole_family and parents[number] == process)
    )


async def caught_up(admin: str) -> None:
    """Wait until every entry has its index, so that no neighbour pays for our log."""
    engine = create_async_engine(admin, poolclass=NullPool)
    async with asyncio.timeout(CAUGHT_UP_SECONDS_MAX), engine.connect() as connection:
        while True:
            if not await connection.scalar(text("SELECT count(*) FROM public.audit_pending")):
                break
            await asyncio.sleep(POLL_SECONDS)
    await engine.dispose()


async def _execute(admin: str, statements: str) -> None:
    engine = create_async_engine(admin, poolclass=NullPool)
    async with engine.begin() as connection:
        for statement in statements.split(";\n"):
            if statement.strip():
                await connection.exec_driver_sql(statement)
    await engine.dispose()


def summary(contenders: dict[str, Contender]) -> dict[str, Any]:
    """Return what the rounds say."""
    ours = contenders[OURS].rounds
    found: dict[str, Any] = {}
    for name, one in contenders.items():
        if name != OURS:
            found[f"capture_vs_{name}"] = spread(
                [a.per_second / b.per_second for a, b in zip(ours, one.rounds, strict=True)]
            )
    found["processor_time_an_answer_vs_capture"] = {
        name: round(one.cpu_us / contenders[OURS].cpu_us, 2)
        for name, one in contenders.items()
        if one.process is not None
    }
    found["p99_vs_p50"] = spread([one.percentile(0.99) / one.percentile(0.5) for one in ours])
    found["contenders"] = {
        name: {
            "per_second": spread([each.per_second for each in one.rounds], 0),
            "p50_ms": round(median(each.percentile(0.5) for each in one.rounds), 1),
            "p99_ms": round(median(each.percentile(0.99) for each in one.rounds), 1),
            "server_cpu_us": round(one.per_answer_us(one.served_cpu)),
            "database_cpu_us": round(one.per_answer_us(one.database_cpu)),
        }
        for name, one in contenders.items()
    }
    return found


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Return median, lowest and highest."""
    figures = {"median": median(values), "min": min(values), "max": max(values)}
    return {name: round(value, digits or None) for name, value in figures.items()}
