"""What our own ways of writing in the benchmark share: the same server, session lookup, and requests written together."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, NamedTuple

from litestar import Litestar, Request, post
from litestar.exceptions import NotAuthorizedException
from litestar.params import JSONBody
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from policies.vocabulary import Office
from service.kernel.actor import Actor
from service.kernel.database import NewRow, Offices
from service.kernel.direct import fetch, in_lists
from service.people.directory import SignIns
from service.running import settle_memory
from service.together import Together
from service.trades.tickets import CaptureTrade
from tests.bench.served import PLACE

TOGETHER_MAX = 128


class Asked(NamedTuple):
    """A trade as it came in: from whom, and under which key."""

    actor: Actor
    ticket: CaptureTrade
    key: str


class Writer(ABC):
    """Writes the deals that wait at the same moment in one transaction, into a schema of its own."""

    schema: ClassVar[str]

    def __init__(self, offices: Offices) -> None:
        self.sign_ins = SignIns(offices)
        self.engine = offices[Office.FRONT_OFFICE]
        self.together: Together[Asked, dict[str, Any]] = Together(
            self._transaction, lambda _: None, TOGETHER_MAX
        )

    async def begin(self) -> None:  # noqa: B027 - most have nothing to learn
        """Learn what there is to know before the first trade."""

    @abstractmethod
    async def write(self, session: AsyncSession, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """Write the trades, and return the answers about them."""

    async def store(self, session: AsyncSession, rows: Sequence[NewRow]) -> None:
        """Write rows of all tables in one statement."""
        statement, values = in_lists(rows)
        await fetch(session, statement.replace("public.", f"{self.schema}."), *values)

    async def _transaction(self, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        async with AsyncSession(self.engine) as session:
            answers = await self.write(session, asked)
            await session.commit()
        return answers


async def let_in(admin: str, urls: Mapping[Office, str], schema: str, tables: Iterable[str] = ()) -> None:
    """Make tables like the bank's in a schema, if it is not there yet, and let trading's login write what is in it."""
    login = make_url(urls[Office.FRONT_OFFICE]).username
    engine = create_async_engine(admin, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        for table in tables:
            await connection.execute(
                text(f"CREATE TABLE {schema}.{table} (LIKE public.{table} INCLUDING ALL)")
            )
        await connection.execute(text(f'GRANT USAGE ON SCHEMA {schema} TO "{login}"'))
        for kind, rights in (("TABLES", "SELECT, INSERT, UPDATE"), ("SEQUENCES", "USAGE")):
            await connection.execute(text(f'GRANT {rights} ON ALL {kind} IN SCHEMA {schema} TO "{login}"'))
    await engine.dispose()


@post("/trades")
async def capture(request: Request[Any, Any, Any], data: JSONBody[CaptureTrade]) -> dict[str, Any]:
    """Store a trade for whoever is signed in."""
    writer: Writer = request.app.state.writer
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    actor = await writer.sign_ins.actor(token) if token else None
    if actor is None:
        raise NotAuthorizedException
    return await writer.together.join(Asked(actor, data, request.headers["Idempotency-Key"]))


def served(kind: type[Writer]) -> Litestar:
    """Return the application that writes trades in this way."""

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        place = json.loads(os.environ[PLACE])
        offices = Offices({Office(name): url for name, url in place["urls"].items()})
        app.state.writer = kind(offices)
        await app.state.writer.begin()
        settle_memory()
        yield
        await offices.close()

    return Litestar([capture], lifespan=[opened], openapi_config=None, logging_config=None)
