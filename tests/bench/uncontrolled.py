"""Our own way of writing a deal with every control switched off: what the controls cost is the distance to it.

The same server, handler, session lookup, waiting requests written together, statements of arrays past the ORM, number
without gaps, version and positions; into tables like Trennwand's with their indexes and checks. Without policy,
idempotency key, judgement of the terms, limits, price check, work for the back office, entry, effects, receipt,
triggers and foreign keys. It exists in the benchmark and nowhere else.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

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
from service.kernel.identifiers import uuid7
from service.people.directory import SignIns
from service.running import settle_memory
from service.together import Together
from service.trades.deals.deal import cash_flows, type_of
from service.trades.entering import BOOKS, PARTIES, terms_on
from service.trades.model import PositionMovement, Trade, TradeVersion
from service.trades.tickets import CaptureTrade
from service.trades.versions import terms_columns
from tests.bench.served import PLACE

SCHEMA = "uncontrolled"
TABLES = ("deal_counter", "position_movement", "trade", "trade_version")
NUMBERS = (
    f"INSERT INTO {SCHEMA}.deal_counter AS c (book_id, last_number) "
    "SELECT b, count(*) FROM unnest($1::uuid[]) AS b GROUP BY b "
    "ON CONFLICT (book_id) DO UPDATE SET last_number = c.last_number + excluded.last_number RETURNING book_id, last_number"
)
STORED = f"SELECT count(*) FROM {SCHEMA}.trade t JOIN {SCHEMA}.trade_version v ON v.trade_id = t.id"
TOGETHER_MAX = 128


async def make_tables(admin: str, urls: Mapping[Office, str]) -> None:
    """Make the tables, and let trading's login write them."""
    login = make_url(urls[Office.FRONT_OFFICE]).username
    engine = create_async_engine(admin, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        await connection.execute(text(f'GRANT USAGE ON SCHEMA {SCHEMA} TO "{login}"'))
        for table in TABLES:
            await connection.execute(
                text(f"CREATE TABLE {SCHEMA}.{table} (LIKE public.{table} INCLUDING ALL)")
            )
        await connection.execute(
            text(f'GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {SCHEMA} TO "{login}"')
        )
    await engine.dispose()


class Writer:
    """Writes the deals that wait at the same moment in one transaction."""

    def __init__(self, offices: Offices) -> None:
        self.sign_ins = SignIns(offices)
        self._engine = offices[Office.FRONT_OFFICE]
        self._set: Together[tuple[Actor, CaptureTrade], dict[str, Any]] = Together(
            self._write, lambda _: None, TOGETHER_MAX
        )

    async def capture(self, actor: Actor, ticket: CaptureTrade) -> dict[str, Any]:
        """Store a trade and return the answer about it."""
        return await self._set.join((actor, ticket))

    async def _write(self, asked: Sequence[tuple[Actor, CaptureTrade]]) -> list[dict[str, Any]]:
        async with AsyncSession(self._engine) as session:
            parties = await fetch(session, PARTIES, list({ticket.counterparty for _, ticket in asked}), [])
            books = await fetch(session, BOOKS, list({ticket.portfolio for _, ticket in asked}), [])
            party = {row["lei"]: row["id"] for row in parties}
            book = {row["name"]: row["id"] for row in books}
            wanted = [book[ticket.portfolio] for _, ticket in asked]
            last = {row["book_id"]: row["last_number"] for row in await fetch(session, NUMBERS, wanted)}
            rows: list[NewRow] = []
            answers = []
            for actor, ticket in asked:
                place = book[ticket.portfolio]
                made = self._rows(actor, ticket, party[ticket.counterparty], place, last[place])
                last[place] -= 1
                rows += made
                trade = made[0]
                answers.append(
                    {"id": trade.id, "deal_number": trade.number, "captured_at": trade.captured_at}
                )
            statement, values = in_lists(rows)
            await fetch(session, statement.replace("public.", f"{SCHEMA}."), *values)
            await session.commit()
        return answers

    @staticmethod
    def _rows(actor: Actor, ticket: CaptureTrade, party: UUID, book: UUID, number: int) -> list[NewRow]:
        terms, now, trade, entry = terms_on(ticket, party, book), datetime.now(UTC), uuid7(), uuid7()  # noqa: TID251 - no clock here
        facts = {"portfolio_id": book, "number": number, "captured_by": actor.account, "captured_at": now}
        more = {"type": type_of(terms), "marks": [], "version": 1, "terms_digest": "", "rev": 1}
        written = {"location": ticket.location, "entered_by": actor.account, "entered_at": now}
        version = {"trade_id": trade, "version": 1, "executed_at": ticket.executed_at, "entry_id": entry}
        moves = [
            {"currency": flow.currency, "amount": flow.amount, "value_date": flow.value_date}
            for flow in cash_flows(terms)
        ]
        common = {"portfolio_id": book, "trade_id": trade, "version": 1, "entry_id": entry}
        return [
            NewRow(Trade, {"id": trade, **facts, **more}),
            NewRow(TradeVersion, {**version, **terms_columns(terms), **written}),
            *(NewRow(PositionMovement, {"id": uuid7(), **common, **move}) for move in moves),
        ]


@post("/trades")
async def capture(request: Request[Any, Any, Any], data: JSONBody[CaptureTrade]) -> dict[str, Any]:
    """Store a trade for whoever is signed in."""
    writer: Writer = request.app.state.writer
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    actor = await writer.sign_ins.actor(token) if token else None
    if actor is None:
        raise NotAuthorizedException
    return await writer.capture(actor, data)


@asynccontextmanager
async def opened(app: Litestar) -> AsyncIterator[None]:
    """Hold the logins while the server runs."""
    place = json.loads(os.environ[PLACE])
    offices = Offices({Office(name): url for name, url in place["urls"].items()})
    app.state.writer = Writer(offices)
    settle_memory()
    yield
    await offices.close()


app = Litestar([capture], lifespan=[opened], openapi_config=None, logging_config=None)
