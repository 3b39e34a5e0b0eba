"""Our own way of writing a deal with every control switched off: what the controls cost is the distance to it.

The same server, handler, session lookup, waiting requests written together, statements of arrays past the ORM, number
without gaps, version and positions; into tables like Trennwand's with their indexes and checks. Without policy,
idempotency key, judgement of the terms, limits, price check, work for the back office, entry, effects, receipt,
triggers and foreign keys. It exists in the benchmark and nowhere else.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import NewRow
from service.kernel.direct import fetch
from service.kernel.identifiers import uuid7
from service.trades.deals.deal import cash_flows, type_of
from service.trades.entering import BOOKS, PARTIES, terms_on
from service.trades.model import PositionMovement, Trade, TradeVersion
from service.trades.versions import terms_columns
from tests.bench.writing import Asked, Writer, served

SCHEMA = "uncontrolled"
TABLES = ("deal_counter", "position_movement", "trade", "trade_version")
NUMBERS = (
    f"INSERT INTO {SCHEMA}.deal_counter AS c (book_id, last_number) "
    "SELECT b, count(*) FROM unnest($1::uuid[]) AS b GROUP BY b "
    "ON CONFLICT (book_id) DO UPDATE SET last_number = c.last_number + excluded.last_number RETURNING book_id, last_number"
)
STORED = f"SELECT count(*) FROM {SCHEMA}.trade t JOIN {SCHEMA}.trade_version v ON v.trade_id = t.id"


class Uncontrolled(Writer):
    """Number, deal, version and positions, and nothing else."""

    schema: ClassVar[str] = SCHEMA

    async def write(self, session: AsyncSession, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """Write the trades, and return the answers about them."""
        parties = await fetch(session, PARTIES, list({one.ticket.counterparty for one in asked}), [])
        books = await fetch(session, BOOKS, list({one.ticket.portfolio for one in asked}), [])
        party = {row["lei"]: row["id"] for row in parties}
        book = {row["name"]: row["id"] for row in books}
        wanted = [book[one.ticket.portfolio] for one in asked]
        last = {row["book_id"]: row["last_number"] for row in await fetch(session, NUMBERS, wanted)}
        rows: list[NewRow] = []
        answers = []
        for one in asked:
            place = book[one.ticket.portfolio]
            made = self._rows(one, party[one.ticket.counterparty], place, last[place])
            last[place] -= 1
            rows += made
            trade = made[0]
            answers.append({"id": trade.id, "deal_number": trade.number, "captured_at": trade.captured_at})
        await self.store(session, rows)
        return answers

    @staticmethod
    def _rows(asked: Asked, party: UUID, book: UUID, number: int) -> list[NewRow]:
        terms, now, trade, entry = terms_on(asked.ticket, party, book), datetime.now(UTC), uuid7(), uuid7()  # noqa: TID251 - no clock here
        by = asked.actor.account
        facts = {"portfolio_id": book, "number": number, "captured_by": by, "captured_at": now}
        more = {"type": type_of(terms), "marks": [], "version": 1, "terms_digest": "", "rev": 1}
        written = {"location": asked.ticket.location, "entered_by": by, "entered_at": now}
        version = {
            "trade_id": trade,
            "version": 1,
            "executed_at": asked.ticket.executed_at,
            "entry_id": entry,
        }
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


app = served(Uncontrolled)
