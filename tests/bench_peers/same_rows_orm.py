"""Litestar and SQLAlchemy's ORM storing the very rows that a capture of Trennwand stores, without any of its controls.

The benchmark makes the tables like Trennwand's, with their indexes and checks but without triggers and foreign
keys, and puts one real capture's rows into them as the pattern. Each request stores such rows anew: all with ids of
their own, its own terms, its own key and its own entry. What Trennwand counts is counted last, right before the commit, so that
the requests wait for each other as briefly as can be; the number comes from a sequence and waits for nobody.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from litestar import Request
from sqlalchemy import Identity, Sequence, Table, inspect, select, update
from sqlalchemy.ext.automap import automap_base

from tests.bench_peers.given import SCHEMA, Terms
from tests.bench_peers.litestar_orm import engine, served, sessions, signed_in

COUNTED = {"deal_counter": {"last_number": 1}, "limit_use": {"used_eur": 1_000_000}}
MADE_BY_POSTGRESQL = {"audit_pending": {"seq"}}
NUMBERS = Sequence("numbers", start=1_000_000_000, schema=SCHEMA)  # beyond the pattern's own


class Pattern:
    """The mapped classes, and the rows of one capture by class."""

    def __init__(self) -> None:
        self.classes: dict[str, Any] = {}
        self.rows: list[tuple[Any, dict[str, Any]]] = []

    async def learn(self) -> None:
        """Map what the benchmark made."""
        base = automap_base()
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: base.prepare(sync, schema=SCHEMA))
            await connection.run_sync(NUMBERS.create, checkfirst=True)
            for mapped in base.classes:
                table = mapped.__table__
                self.classes[table.name] = mapped
                if table.name in COUNTED or table.name == "signed_in":
                    continue
                made = MADE_BY_POSTGRESQL.get(table.name, set()) | _generated(table)
                for row in (await connection.execute(select(table).limit(2))).mappings():
                    facts = {name: value for name, value in row.items() if name not in made}
                    self.rows.append((mapped, facts))


def _generated(table: Table) -> set[str]:
    return {
        column.name
        for column in table.columns
        if column.computed is not None or isinstance(column.server_default, Identity)
    }


pattern = Pattern()


def rows_of(data: Terms, key: str, account: UUID, number: int) -> list[Any]:
    """Return what a capture stores, as objects."""
    ids = {old: uuid4() for old in fresh}
    now = datetime.now(UTC)
    leaf = hashlib.sha256(f"{key}{number}".encode()).digest()
    own: dict[str, dict[str, Any]] = {
        "trade": {"number": number, "captured_at": now, "captured_by": account},
        "deal_number": {"number": number},
        "audit_entry": {"leaf": leaf},
        "audit_effect": {"leaf": leaf, "at": now},
        "idempotency_key": {"key": key},
        "trade_version": {
            "side": data.side,
            "base": data.base,
            "quote": data.quote,
            "base_amount": data.base_amount,
            "rate": data.rate,
            "quote_amount": data.base_amount * data.rate,
            "trade_date": data.trade_date,
            "value_date": data.value_date,
            "executed_at": data.executed_at,
            "side_agreements": data.side_agreements,
            "entered_at": now,
        },
    }
    made = []
    for mapped, facts in pattern.rows:
        new = {
            name: ids.get(value, value) if isinstance(value, UUID) else value for name, value in facts.items()
        }
        made.append(mapped(**new | own.get(mapped.__table__.name, {})))
    return made


fresh: set[UUID] = set()


async def learn() -> None:
    """Learn the pattern, and which ids in it belong to the one capture: its rows' own."""
    await pattern.learn()
    for mapped, facts in pattern.rows:
        for column in inspect(mapped).primary_key:
            if isinstance(facts.get(column.name), UUID) and column.name in {"id", "entry_id", "trade_id"}:
                fresh.add(facts[column.name])
        fresh.update(facts[name] for name in ("trade_id", "entry_id") if facts.get(name) is not None)


async def capture(request: Request[Any, Any, Any], data: Terms) -> dict[str, Any]:
    """Store a trade with all that comes with it."""
    async with sessions() as session:
        caller = await signed_in(request, session)
        number = await session.scalar(NUMBERS.next_value())
        key = request.headers["Idempotency-Key"]
        session.add_all(rows_of(data, key, caller.account_id, number))
        await session.flush()
        for name, counted in COUNTED.items():
            mapped = pattern.classes[name]
            steps = {column: getattr(mapped, column) + step for column, step in counted.items()}
            await session.execute(
                update(mapped).values(steps), execution_options={"synchronize_session": False}
            )
        await session.commit()
    return {"number": number}


app = served(capture, learn)
