"""Our own way of writing with every control switched off, writing all that a capture writes: what is left to win at most.

The very rows of a capture, with an entry of the same content in its one spelling, the digests of the rows, and a
signed receipt; the waiting requests together, in statements of arrays. Nothing is decided, looked up, reserved, held
against a history or the market, and nothing guards the tables: no triggers, no foreign keys. Each trade has ids, terms,
key, number and entry of its own; the rest is copied from one real capture.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from audit.entry import decode, encode, leaf_hash, timestamp
from audit.note import SigningKey
from audit.receipt import issue
from service.kernel.database import Base, NewRow, Offices, digest
from service.kernel.direct import fetch, in_json
from service.kernel.identifiers import uuid7
from service.trades.entering import terms_digest, terms_on
from service.trades.versions import terms_columns, terms_view
from tests.bench.peers import WRITTEN
from tests.bench.writing import Asked, Writer, served

SCHEMA = "same_rows"
STORED = f"SELECT count(*) - 1 FROM {SCHEMA}.trade JOIN {SCHEMA}.audit_effect USING (id)"
COUNTED = (
    f"WITH used AS (UPDATE {SCHEMA}.limit_use SET used_eur = used_eur + $1 * 1000000) "
    f"UPDATE {SCHEMA}.deal_counter SET last_number = last_number + $1 RETURNING last_number"
)
BEYOND = 1_000_000_000  # the numbers of the pattern's own bank
MADE_BY_POSTGRESQL = {("audit_pending", "seq"), ("idempotency_key", "created_at")}
OWN_IDS = frozenset({"id", "entry_id", "trade_id"})
ORIGIN, DEADLINE_SECONDS = "bench.example/log", 60


class SameRows(Writer):
    """Everything that a capture writes, undecided."""

    schema: ClassVar[str] = SCHEMA

    def __init__(self, offices: Offices) -> None:
        super().__init__(offices)
        self.key = SigningKey(ORIGIN, Ed25519PrivateKey.generate())
        self.pattern: list[NewRow] = []
        self.fresh: set[UUID] = set()
        self.entry: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}

    async def begin(self) -> None:
        """Learn the rows of one real capture."""
        models: dict[str, Any] = {
            mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers
        }
        async with AsyncSession(self.engine) as session:
            for table in WRITTEN:
                attributes = models[table].__mapper__.column_attrs
                names = [one.key for one in attributes if (table, one.key) not in MADE_BY_POSTGRESQL]
                found = await session.execute(text(f"SELECT {', '.join(names)} FROM {SCHEMA}.{table}"))
                self.pattern += [NewRow(models[table], dict(zip(names, row, strict=True))) for row in found]
        for row in self.pattern:
            self.fresh |= {row.values[name] for name in OWN_IDS & row.values.keys() if row.values[name]}
            if "bytes" in row.values:
                self.entry = decode(row.values["bytes"])
            if "answer" in row.values:
                self.answer = json.loads(row.values["answer"])

    async def write(self, session: AsyncSession, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """Write the trades with all that belongs to them, and return the answers about them."""
        number = (await fetch(session, COUNTED, len(asked)))[0]["last_number"] + BEYOND
        made = [self._rows(one, number - place) for place, one in enumerate(asked)]
        now = timestamp(datetime.now(UTC))  # noqa: TID251 - no clock here
        leaves = [(str(entry), leaf, now) for _, entry, leaf in made]
        receipts = issue(self.key, ORIGIN, leaves, DEADLINE_SECONDS)
        answers = []
        for (rows, _, _), receipt in zip(made, receipts, strict=True):
            answers.append(self.answer | {"receipt": receipt})
            for row in rows:
                if "answer" in row.values:
                    row.values["answer"] = in_json(answers[-1])
        await self.store(session, [row for rows, _, _ in made for row in rows])
        return answers

    def _rows(self, asked: Asked, number: int) -> tuple[list[NewRow], UUID, bytes]:
        """Return the rows of a trade, the id of its entry, and its leaf."""
        ids: dict[object, UUID] = {old: uuid7() for old in self.fresh}
        rows = [
            NewRow(
                row.model,
                {
                    name: ids.get(value, value) if isinstance(value, UUID) else value
                    for name, value in row.values.items()
                },
            )
            for row in self.pattern
        ]
        by_table = {row.model.__tablename__: row for row in rows}
        now = datetime.now(UTC)  # noqa: TID251 - no clock here
        trade, version = by_table["trade"], by_table["trade_version"]
        terms = terms_on(asked.ticket, version.counterparty_id, trade.portfolio_id)
        version.values |= terms_columns(terms) | {"executed_at": asked.ticket.executed_at, "entered_at": now}
        facts = {"number": number, "captured_by": asked.actor.account, "captured_at": now}
        trade.values |= facts | {"terms_digest": terms_digest(version)}
        by_table["deal_number"].values["number"] = number
        entry = self._entry(trade, version, by_table["audit_entry"].id, now)
        leaf = leaf_hash(entry)
        by_table["audit_entry"].values |= {"bytes": entry, "leaf": leaf}
        by_table["audit_effect"].values |= {"leaf": leaf, "at": now}
        by_table["idempotency_key"].values["key"] = asked.key
        return rows, by_table["audit_entry"].id, leaf

    def _entry(self, trade: NewRow, version: NewRow, entry_id: UUID, now: datetime) -> bytes:
        told = trade.view()
        (effect,) = self.entry["eff"]
        return encode(
            self.entry
            | {
                "id": str(entry_id),
                "nonce": entry_id.hex,
                "ts": timestamp(now),
                "data": self.entry["data"]
                | {"rows": {f"trade:{trade.id}": {"new": told}}, "terms": terms_view(version)},
                "eff": [effect | {"after": digest({"kind": "trade", **told}), "id": str(trade.id)}],
                "links": {"trade": str(trade.id)},
            }
        )


app = served(SameRows)
