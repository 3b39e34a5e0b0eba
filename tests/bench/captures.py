"""Captures over HTTP at 32 connections, the same service under two servers, round by round in turn."""

import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from policies.policy import load
from service import bank as banks
from service.demo import cast
from service.demo.access import token_for
from service.kernel import embedded
from service.settings import Settings
from tests.bank import PASSWORD, world
from tests.bench.load import Answered
from tests.bench.load import load as load_up
from tests.bench.served import PLACE
from tests.conftest import OPENING_DATE
from tests.deals import TERMS, a_desk

CONNECTIONS, SECONDS, WARM_UP_SECONDS, ROUNDS = 32, 3.0, 1.0, 3
START_TRIALS = 600
SERVERS = {
    "uvicorn": [
        "-m",
        "uvicorn",
        "tests.bench.served:app",
        "--no-access-log",
        "--log-level",
        "error",
        "--port",
    ],
    "granian": [
        "-m",
        "granian",
        "tests.bench.served:app",
        "--interface",
        "asgi",
        "--no-ws",
        "--loop",
        "uvloop",
        "--log-level",
        "error",
        "--port",
    ],
}


async def measure() -> dict[str, Any]:
    """Return rates, percentiles and the ratio of the tails; one server runs at a time, on the same bank."""
    found: dict[str, list[Answered]] = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        with embedded.start(data) as server:
            settings, admin, urls, token = await prepared(data, server.url())
            environment = opens(settings, admin, urls)
            for _ in range(ROUNDS):
                for name, command in SERVERS.items():
                    async with served(command, environment) as (port, _):
                        await capture(port, token, WARM_UP_SECONDS)
                        found[name].append(await capture(port, token, SECONDS))
        embedded.erase(data)
    return {
        key: value
        for name, rounds in found.items()
        for key, value in {
            f"captures_per_second_{name}": round(median(one.per_second for one in rounds)),
            f"p50_ms_{name}": round(median(one.percentile(0.5) for one in rounds), 1),
            f"p99_ms_{name}": round(median(one.percentile(0.99) for one in rounds), 1),
            f"p99_vs_p50_{name}": round(
                median(one.percentile(0.99) / one.percentile(0.5) for one in rounds), 2
            ),
        }.items()
    }


async def prepared(data: Path, server_url: str) -> tuple[Settings, str, Any, str]:
    """Found a bank with a desk that can deal; return a trader's token."""
    settings, policy = Settings(data=data), load()
    admin, urls = await banks.prepare(settings, server_url, policy)
    passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
    await banks.found(settings, admin, policy, cast.founding(OPENING_DATE), passwords)
    async with banks.running(settings, admin, urls, policy=policy) as bank:
        here = world(bank)
        await a_desk(here)
        token = await token_for(bank, "trader")
        await here.close()
    return settings, admin, urls, token


def opens(settings: Settings, admin: str, urls: Mapping[Any, str], **more: object) -> dict[str, str]:
    """Return the environment in which tests.bench.served opens a prepared bank."""
    told = {
        "data": str(settings.data),
        "admin": admin,
        "urls": {office.value: url for office, url in urls.items()},
    }
    return os.environ | {PLACE: json.dumps(told | more)}


@asynccontextmanager
async def served(
    command: Sequence[str],
    environment: Mapping[str, str],
    python: str = sys.executable,
    address: str = "{port}",
) -> AsyncIterator[tuple[int, int]]:
    """Run a service in a process of its own until it answers; give its port and process; stop it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        python, *command, address.format(port=port), env=dict(environment)
    )
    try:
        for _ in range(START_TRIALS):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert process.returncode is None, f"{command} ended"
                await asyncio.sleep(0.1)
                continue
            writer.close()
            break
        yield port, process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def capture(port: int, token: str, seconds: float) -> Answered:
    """Enter deals for so many seconds."""
    return await load_up(
        port, "/api/trades", token, lambda _: TERMS, connections=CONNECTIONS, seconds=seconds
    )
