"""How a capture answers as the bank grows: the same bank with more and more deals in it, measured in turn.

Each size is a database of its own under a server of its own, all on one PostgreSQL; a larger one is the smaller one
gone on with. One is under load at a time, forwards and backwards in turn.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from policies.policy import load as load_policy
from policies.vocabulary import Office
from service import bank as banks
from service.demo import cast
from service.demo.access import token_for
from service.kernel import embedded
from service.settings import Settings
from tests.bank import PASSWORD, world
from tests.bench.captures import CONNECTIONS, SERVERS, opens, served
from tests.bench.filling import TODAY, filling, lives
from tests.bench.load import Answered, load
from tests.bench.picture import Curve, drawn
from tests.bench.ratios import caught_up, spread
from tests.conftest import OPENING_DATE
from tests.deals import TERMS

DEALS, TIMES = 20_000, (1, 3, 10)
ROUNDS, SECONDS, WARM_UP_SECONDS = 6, 2.5, 1.0


@dataclass
class Size:
    """The bank at one size."""

    settings: Settings
    admin: str
    urls: Mapping[Office, str]
    token: str
    deals: int
    entries: int
    port: int = 0
    crowded: list[Answered] = field(default_factory=list)
    alone: list[Answered] = field(default_factory=list)

    async def capture(self, seconds: float, connections: int) -> Answered:
        """Enter deals for so many seconds."""
        return await load(
            self.port,
            "/api/trades",
            self.token,
            lambda _: TERMS | TODAY,
            connections=connections,
            seconds=seconds,
        )


def measure(deals: int = DEALS, rounds: int = ROUNDS, picture: Path | None = None) -> dict[str, Any]:
    """Return the median latency of a capture at each size, with many callers and with one, and the growth."""
    with tempfile.TemporaryDirectory() as place:
        sizes = asyncio.run(measured(Path(place), deals, rounds))
    if picture is not None:
        curves = [
            Curve(
                name, [(size.entries, [one.percentile(0.5) for one in getattr(size, load)]) for size in sizes]
            )
            for name, load in (("32 callers", "crowded"), ("one caller", "alone"))
        ]
        told = drawn("Median latency of a capture", "entries in the log", "ms", curves)
        picture.write_text(told, encoding="utf-8")
    return summary(sizes)


async def measured(data: Path, deals: int, rounds: int) -> list[Size]:
    """Return each size with what was measured of it."""
    with embedded.start(data / "server") as server:
        sizes = await grown(data, server.url(), deals)
        async with AsyncExitStack() as running:
            for size in sizes:
                environment = opens(size.settings, size.admin, size.urls)
                size.port, _ = await running.enter_async_context(served(SERVERS["uvicorn"], environment))
                await size.capture(WARM_UP_SECONDS, CONNECTIONS)
            for number in range(rounds):
                for size in sizes if number % 2 == 0 else reversed(sizes):
                    await size.capture(WARM_UP_SECONDS, CONNECTIONS)
                    size.crowded.append(await size.capture(SECONDS, CONNECTIONS))
                    await caught_up(size.admin)
                    size.alone.append(await size.capture(SECONDS / 2, 1))
    embedded.erase(data / "server")
    return sizes


def summary(sizes: Sequence[Size]) -> dict[str, Any]:
    """Return the latencies and how they grew from the first size to the last, within each round."""
    first, last = sizes[0], sizes[-1]

    def grew(rounds: str) -> dict[str, float]:
        pairs = zip(getattr(first, rounds), getattr(last, rounds), strict=True)
        return spread([b.percentile(0.5) / a.percentile(0.5) for a, b in pairs])

    return {
        f"growth_{TIMES[-1]}x": grew("crowded"),
        f"growth_{TIMES[-1]}x_of_a_lone_caller": grew("alone"),
        "growth": {
            f"{size.deals} deals, {size.entries} entries": {
                "p50_ms": spread([one.percentile(0.5) for one in size.crowded]),
                "p99_ms": round(median(one.percentile(0.99) for one in size.crowded), 1),
                "alone_p50_ms": spread([one.percentile(0.5) for one in size.alone]),
                "per_second": round(median(one.per_second for one in size.crowded)),
            }
            for size in sizes
        },
    }


async def grown(data: Path, server_url: str, deals: int) -> list[Size]:
    """Found a bank and let it grow; each size is kept as a database of its own."""
    settings, policy = Settings(data=data / "bank"), load_policy()
    admin, urls = await banks.prepare(settings, server_url, policy)
    passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
    await banks.found(settings, admin, policy, cast.founding(OPENING_DATE), passwords)
    async with banks.running(settings, admin, urls, policy=policy) as bank:
        here = world(bank)
        known = await lives(here)
        token = await token_for(bank, "trader")
        await here.close()
    found = []
    for times in TIMES:
        filler = await filling(admin, known)
        filler.deals, filler.entries = (found[-1].deals, found[-1].entries) if found else (0, 0)
        filler.next_index += filler.entries
        await filler.up_to(deals * times)
        await filler.connection.close()
        name = f"grown_{times}"
        own = replace(settings, data=data / name)
        shutil.copytree(settings.data, own.data)
        await on_server(server_url, f"CREATE DATABASE {name} TEMPLATE {banks.DATABASE} STRATEGY file_copy")
        there = {office: on(url, name) for office, url in urls.items()}
        found.append(Size(own, on(admin, name), there, token, filler.deals, filler.entries))
    return found


async def on_server(server_url: str, statement: str) -> None:
    """Do something to a database as a whole."""
    engine = create_async_engine(server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


def on(url: str, database: str) -> str:
    """Return the same login on another database."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)
