"""An empty demo bank of its own database, ready for its days to be played."""

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from policies.policy import load
from service import bank as banks
from service import running
from service.automatic import Workers
from service.bank import Bank
from service.demo import cast, keeping
from service.demo.access import token_for
from service.demo.days import House
from service.demo.hands import AnswerBook, Hands
from service.demo.market import Market, open_market
from service.demo.master_data import leis
from service.demo.plan import make_plan
from service.demo.post import Folders
from service.migrations.upgrade import ensure_database
from service.settings import Settings
from tests.bank import PASSWORD, world


@functools.cache
def market() -> Market:
    """Return the market of the last days at hand; finding them takes reading all of the archive."""
    return open_market(None)


class LostAnswer(RuntimeError):
    """The act was done, and its answer never arrived."""


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """The way to the application; it loses the answer to one of the acts, counted from 1."""

    to: httpx.AsyncBaseTransport
    lost: int | None = None
    acts: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.to.handle_async_request(request)
        self.acts += request.method == "POST"
        if self.acts == self.lost and request.method == "POST":
            raise LostAnswer
        return response


@dataclass
class Playground:
    """An open bank with its workers; ``play`` is given a house with new callers, as a new start would have."""

    bank: Bank
    workers: Workers

    async def start(
        self, deals: int, work: Callable[[House], Awaitable[None]], lost: int | None = None
    ) -> None:
        """Let ``work`` have a house of so many deals; the answer to act number ``lost`` gets lost."""
        here = world(self.bank)
        transport = Wire(httpx.ASGITransport(app=here.app), lost)  # type: ignore[arg-type]
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(here.close)
            client = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://bank.test")
            )
            book = AnswerBook(keeping.answers_file(self.bank.settings))
            hands = Hands(client, lambda account: token_for(self.bank, account), book)
            plan, folders = make_plan(market(), leis(), deals), Folders.of(self.bank.settings)
            await work(House(hands, market(), plan, self.workers.drain, folders))


@contextlib.asynccontextmanager
async def playground(server_url: str, data: Path) -> AsyncIterator[Playground]:
    """Found a bank in a new database and open it."""
    async with alone(server_url, data) as bank, running.automatic_work(bank) as workers:
        yield Playground(bank, workers)


@contextlib.asynccontextmanager
async def alone(server_url: str, data: Path) -> AsyncIterator[Bank]:
    """Found a bank in a new database and open it; nothing happens in it by itself."""
    url = await ensure_database(server_url, f"demo_{uuid4().hex}")
    settings = Settings(data=data, database_url=url)
    policy = load()
    admin_url, urls = await banks.prepare(settings, url, policy)
    passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
    await banks.found(settings, admin_url, policy, cast.founding(market().opening), passwords)
    async with banks.running(settings, admin_url, urls, policy=policy) as bank:
        yield bank
