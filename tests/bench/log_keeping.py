"""What keeping the log costs a capture, and how soon a signed checkpoint covers what a receipt promised.

Both at 32 connections that never pause, which is the worst there is. Rounds with and without the log keeper follow
each other in turn on the same bank; each has a server process of its own.
"""

import asyncio
import json
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.kernel import embedded
from tests.bench.captures import (
    CONNECTIONS,
    SECONDS,
    SERVERS,
    WARM_UP_SECONDS,
    capture,
    opens,
    prepared,
    served,
)
from tests.bench.load import Answered, load
from tests.deals import TERMS

ROUNDS, REQUESTS = 5, 1500
POLL_SECONDS = 0.005
COVERED_SECONDS_MAX = 60
ACTS_PER_SECOND = 200  # of the quiet load, about a tenth of what is possible

Seen = list[tuple[float, int]]


async def measure_sequencer() -> dict[str, Any]:
    """Return captures a second and their median latency with the log keeper and without, with their spread."""
    found: dict[bool, list[Answered]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        with embedded.start(data) as server:
            settings, admin, urls, token = await prepared(data, server.url())
            for number in range(ROUNDS):
                for keep_log in (True, False) if number % 2 else (False, True):
                    environment = opens(settings, admin, urls, keep_log=keep_log)
                    async with served(SERVERS["uvicorn"], environment) as (port, _):
                        await capture(port, token, WARM_UP_SECONDS)
                        found[keep_log].append(await capture(port, token, SECONDS))
        embedded.erase(data)
    told: dict[str, Any] = {}
    for keep_log, name in ((True, "with_sequencer"), (False, "without_sequencer")):
        rates = sorted(one.per_second for one in found[keep_log])
        told[f"captures_per_second_{name}"] = {
            "median": round(median(rates)),
            "min": round(rates[0]),
            "max": round(rates[-1]),
        }
        told[f"p50_ms_{name}"] = round(median(one.percentile(0.5) for one in found[keep_log]), 2)
    ratios = sorted(a.per_second / b.per_second for a, b in zip(found[True], found[False], strict=True))
    told["capture_with_vs_without_sequencer"] = {
        "median": round(median(ratios), 3),
        "rounds": [round(one, 3) for one in ratios],
    }
    return told


async def measure_checkpoints() -> dict[str, Any]:
    """Return the seconds from an answer to the first signed checkpoint that covers its entry."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        with embedded.start(data) as server:
            settings, admin, urls, token = await prepared(data, server.url())
            checkpoint = settings.log_directory / "checkpoint"
            async with served(SERVERS["uvicorn"], opens(settings, admin, urls)) as (port, _):
                await capture(port, token, WARM_UP_SECONDS)
                busy = await _covered(port, token, checkpoint, admin, REQUESTS * 2, None)
                quiet = await _covered(port, token, checkpoint, admin, REQUESTS // 2, ACTS_PER_SECOND)
        embedded.erase(data)
    return {
        "receipt_to_checkpoint_s_p50": _percentile(busy, 0.5),
        "receipt_to_checkpoint_s_p99": _percentile(busy, 0.99),
        "receipt_to_checkpoint_s_p50_quiet": _percentile(quiet, 0.5),
        "receipt_to_checkpoint_s_p99_quiet": _percentile(quiet, 0.99),
    }


async def _covered(
    port: int, token: str, checkpoint: Path, admin: str, requests: int, per_second: int | None
) -> list[float]:
    """Load the service, watch its checkpoint, and return the seconds that each receipt waited, sorted."""
    answers: list[tuple[float, bytes]] = []
    sizes: Seen = []
    watching = asyncio.create_task(_watch(checkpoint, sizes))
    await load(
        port,
        "/api/trades",
        token,
        lambda _: TERMS,
        connections=CONNECTIONS,
        requests=requests,
        per_second=per_second,
        answers=answers,
    )
    given = [(at, json.loads(told)["receipt"]["entry"]) for at, told in answers]
    indices = await _indices(admin, [entry for _, entry in given])
    deadline = time.perf_counter() + COVERED_SECONDS_MAX
    while not sizes or sizes[-1][1] <= max(indices.values()):
        assert time.perf_counter() < deadline, "no checkpoint covers the last entry"
        await asyncio.sleep(POLL_SECONDS)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    return sorted(
        max(0.0, next(seen for seen, size in sizes if size > indices[entry]) - at) for at, entry in given
    )


async def _watch(checkpoint: Path, sizes: Seen) -> None:
    """Note each new size of the checkpoint with its time."""
    while True:
        size = _stated_size(checkpoint)
        if not sizes or size > sizes[-1][1]:
            sizes.append((time.perf_counter(), size))
        await asyncio.sleep(POLL_SECONDS)


def _stated_size(checkpoint: Path) -> int:
    return int(checkpoint.read_text(encoding="utf-8").split("\n")[1])


async def _indices(admin: str, entries: list[str]) -> dict[str, int]:
    """Wait until every entry has its index, and return them."""
    engine = create_async_engine(admin, poolclass=NullPool)
    query = text(
        "SELECT entry_id::text, index FROM public.audit_index WHERE entry_id = ANY(CAST(:ids AS uuid[]))"
    )
    deadline = time.perf_counter() + COVERED_SECONDS_MAX
    while True:
        async with engine.connect() as connection:
            found = {row[0]: row[1] for row in await connection.execute(query, {"ids": entries})}
        if len(found) == len(entries):
            break
        assert time.perf_counter() < deadline, "entries got no index"
        await asyncio.sleep(POLL_SECONDS)
    await engine.dispose()
    return found


def _percentile(sorted_seconds: list[float], share: float) -> float:
    return round(sorted_seconds[min(len(sorted_seconds) - 1, int(share * len(sorted_seconds)))], 3)
