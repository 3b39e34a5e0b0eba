"""A bank whose offices run as processes of their own behind one address, for tests that call it from outside."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import text

from policies.vocabulary import Office
from service import division, split
from service.kernel.items import ROUTES
from tests.bank import PASSWORD, Caller, World

READY_SECONDS = 90
AUTOMATIC = [item.value for item, route in ROUTES.items() if route.automatic]


@dataclass
class PartedWorld(World):
    """The same callers, signing in by password at the one address."""

    address: str = ""
    started: split.Started | None = None

    async def as_(self, account: str) -> Caller:
        if account not in self.callers:
            async with self.anonymous() as client:
                answer = await client.post("/api/sessions", json={"account": account, "password": PASSWORD})
            assert answer.status_code == 201, answer.text
            token = answer.json()["token"]
            self.callers[account] = Caller(self.anonymous({"Authorization": f"Bearer {token}"}), account)
        return self.callers[account]

    def anonymous(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=30, trust_env=False)

    async def work_done(self) -> None:
        """Wait until the offices' own processes have done what waits for their service accounts."""
        query = text(
            "SELECT count(*) FROM public.work_item WHERE closed_entry_id IS NULL AND kind = ANY(:kinds)"
        )
        async with asyncio.timeout(30), self.bank.offices[Office.BACK_OFFICE].connect() as connection:
            while await connection.scalar(query, {"kinds": AUTOMATIC}):
                await connection.rollback()
                await asyncio.sleep(0.1)

    def kill(self, office: Office) -> None:
        """End an office's process at once, as a machine that dies does."""
        os.kill(self.process_of(office), signal.SIGKILL)

    def process_of(self, office: Office) -> int:
        """Return the number of the process that answers on an office's socket."""
        assert self.sockets is not None
        with socket.socket(socket.AF_UNIX) as ours:
            ours.connect(str(self.sockets / f"{office}.sock"))
            raw = ours.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(raw[:4], "little")

    sockets: Path | None = None


def urls_of(world: World) -> dict[Office, str]:
    """Return each office's login of a bank that is open."""
    return {
        office: engine.url.render_as_string(hide_password=False)
        for office, engine in world.bank.offices.engines.items()
    }


@contextlib.asynccontextmanager
async def parted(world: World) -> AsyncIterator[PartedWorld]:
    """Divide a bank that is open and start a process for each of its offices."""
    settings = world.bank.settings
    division.divide(settings, urls_of(world))
    sockets = Path(tempfile.mkdtemp(prefix="tw-"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = split.start(settings.data, sockets, "127.0.0.1", port)
    here = PartedWorld(world.bank, world.app, address=f"http://127.0.0.1:{port}", started=started)
    here.sockets = sockets
    try:
        await ready(here)
        yield here
    finally:
        for caller in here.callers.values():
            await caller.client.aclose()
        await asyncio.to_thread(started.end)
        shutil.rmtree(sockets)


async def ready(world: PartedWorld) -> None:
    """Wait until every office's process answers through the router."""
    async with asyncio.timeout(READY_SECONDS), world.anonymous() as client:
        while True:
            assert world.started is not None
            assert world.started.ended() is None
            with contextlib.suppress(httpx.HTTPError):
                told = (await client.get("/health/ready")).json()
                if set(told["offices"].values()) == {"ready"}:
                    return
            await asyncio.sleep(0.2)
