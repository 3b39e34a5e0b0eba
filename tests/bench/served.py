"""The application as a server process of the benchmark runs it: the bank's addresses come from the environment."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar

from policies.policy import load
from policies.vocabulary import Office
from service import bank as banks
from service.app import create_app
from service.running import settle_memory
from service.settings import Settings

PLACE = "TRENNWAND_BENCH"


class Served:
    """An ASGI application that opens the bank when the server starts and closes it when the server stops."""

    def __init__(self) -> None:
        self.app: Litestar | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Open and close with the lifespan; hand everything else on."""
        if scope["type"] != "lifespan":
            assert self.app is not None
            await self.app(scope, receive, send)
            return
        await receive()
        async with opened() as app:
            self.app = app
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def opened() -> AsyncIterator[Litestar]:
    """Open the bank that the benchmark prepared."""
    place = json.loads(os.environ[PLACE])
    urls = {Office(name): url for name, url in place["urls"].items()}
    settings = Settings(data=Path(place["data"]))
    keep_log = place.get("keep_log", True)
    async with banks.running(settings, place["admin"], urls, policy=load(), keep_log=keep_log) as bank:
        app = create_app(bank)
        settle_memory()
        yield app


app = Served()
