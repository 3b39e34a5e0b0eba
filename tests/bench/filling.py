"""A bank with the deals of years in it: a few real lives of deals, each copied many times, all of its rows.

Rows are written past the guards by the database's administrator, in set-based statements. What belongs to a life gets
ids of its own in each copy, also where they stand inside texts and entries; numbers go on, unique texts stay unique,
days and times are spread. Leaves and digests are those of other bytes: pages, lists and acts work on such rows; the
log is not to be published or verified afterwards.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.engine import make_url

from tests.bank import World
from tests.settling import RATES, captured, fix, matched, sent, set_up, settled

SHARES = {"captured": 0.66, "sent": 0.13, "matched": 0.07, "settled": 0.14}
"""So many of the deals ended there; it makes five entries a deal."""
TODAY = {"trade_date": "2026-10-29", "value_date": "2026-11-02", "executed_at": "2026-10-29T07:55:00Z"}
"""What a deal of the day after the last of those lives says."""
DAYS_BACK, DAYS_AHEAD = 500, 20
SECONDS_APART = {True: 20, False: 200}
"""Due dates lie ahead, everything else behind."""
FIRST_INDEX = -1_000_000_000
"""Of copied entries: far below the log's own, which goes on as it was."""
INDEXED = "JOIN audit_index i ON i.entry_id = r.entry_id AND i.index < (SELECT upto FROM total_mark)"
TOTALS = {
    "position_total": (
        f"SELECT r.portfolio_id, r.currency, sum(r.amount) FROM position_movement r {INDEXED} GROUP BY 1, 2"
    ),
    "balance_total": (
        "SELECT j.booked_on, r.account, r.currency, coalesce(sum(r.amount) FILTER (WHERE r.amount > 0), 0), "
        "coalesce(-sum(r.amount) FILTER (WHERE r.amount < 0), 0), sum(r.eur_amount) "
        f"FROM journal_line r JOIN journal j ON j.id = r.journal_id {INDEXED} GROUP BY 1, 2, 3"
    ),
    "exposure_total": (
        "SELECT r.owner_id, coalesce(v.end_date, v.value_date), sum(r.eur_amount) FROM limit_reservation r "
        "JOIN trade t ON t.id = r.trade_id JOIN trade_version v ON v.trade_id = t.id AND v.version = t.version "
        f"{INDEXED} WHERE r.scope = 'counterparty' GROUP BY 1, 2 HAVING sum(r.eur_amount) <> 0"
    ),
}
"""What the totals hold of the entries that have their place below the mark."""
WITHOUT_LIVES = {
    "audit_pending",
    "audit_state",
    "document_content",
    "session",
    "credential",
    "alembic_version",
}


async def lives(world: World) -> dict[str, str]:
    """Give the bank a desk, and one deal for each way a life ended; return their ids."""
    await set_up(world)
    found = {
        "captured": (await captured(world)).id,
        "sent": (await sent(world, base_amount="2000000.00")).id,
        "matched": (await matched(world, base_amount="3000000.00")).id,
        "settled": (await settled(world, base_amount="4000000.00")).id,
    }
    await fix(world, "2026-10-28", RATES)
    return found


@dataclass
class Column:
    """A column of a table, as the catalogue describes it."""

    name: str
    type: str
    unique: bool


@dataclass
class Life:
    """The rows that belong to a deal, by table, and the ids that are its own."""

    trade: UUID
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)

    @property
    def entries(self) -> int:
        return len(self.rows["audit_entry"])


@dataclass
class Filling:
    """What copies lives into a database; it goes on where it stopped."""

    connection: Any
    columns: dict[str, list[Column]]
    found: dict[str, Life]
    deals: int = 0
    entries: int = 0
    next_index: int = FIRST_INDEX

    async def up_to(self, deals: int) -> None:
        """Copy until there are so many deals."""
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL session_replication_role = replica")
            await self.connection.execute("SET LOCAL synchronous_commit = off")
            await self.connection.execute("SET LOCAL work_mem = '64MB'")
            for name, life in self.found.items():
                first, last = (round(count * SHARES[name]) for count in (self.deals, deals))
                await self._copies(name, life, first + 1, last)
            await self.connection.execute(
                "UPDATE deal_counter SET last_number = "
                "(SELECT max(number) FROM deal_number n WHERE n.book_id = deal_counter.book_id)"
            )
        self.deals = deals
        await self.connection.execute("VACUUM (ANALYZE)")
        await self._folded()

    async def _folded(self) -> None:
        """Bring the totals to what the running bank would have folded long since: all rows at once, which is quicker."""
        for table, sums in TOTALS.items():
            await self.connection.execute(f"DELETE FROM {table}")
            await self.connection.execute(f"INSERT INTO {table} {sums}")
        await self.connection.execute("ANALYZE position_total, balance_total, exposure_total")

    async def _copies(self, name: str, life: Life, first: int, last: int) -> None:
        """Copy a life so many times: each of its rows in one statement."""
        if last < first:
            return
        place = list(SHARES).index(name)
        for table, rows in life.rows.items():
            for row in rows:
                names, values = [], []
                for column in self.columns[table]:
                    names.append(f'"{column.name}"')
                    values.append(self._value(life, place, column, row[column.name]))
                await self.connection.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} "
                    f"FROM generate_series({first}, {last}) AS n"
                )
        count = last - first + 1
        if life.entries:
            await self.connection.execute(
                f"INSERT INTO audit_index (index, entry_id) SELECT {self.next_index} + row_number() OVER () - 1, "
                f"md5(e || n)::uuid FROM generate_series({first}, {last}) AS n CROSS JOIN unnest($1::text[]) AS e",
                [row["id"] for row in life.rows["audit_entry"]],
            )
        self.next_index += count * life.entries
        self.entries += count * life.entries

    def _value(self, life: Life, place: int, column: Column, value: str | None) -> str:  # noqa: PLR0911 - one line per kind of column
        """Return what a copy has in a column, as an expression of its number ``n``."""
        if value is None:
            return "NULL"
        if column.name == "number" and column.type == "bigint":
            return f"{1_000_000 * (place + 1)} + n"
        if column.name == "leaf":
            return f"sha256(convert_to({quoted(value)} || n, 'UTF8'))"
        if column.type == "bytea":
            return f"convert_to({renamed(bytes.fromhex(value[2:]).decode(), life.own)}, 'UTF8')"
        if column.type == "uuid":
            return f"md5({quoted(value)} || n)::uuid" if column.unique or value in life.own else f"'{value}'"
        if column.type == "date":
            days = f"- n % {DAYS_BACK}" if place == len(SHARES) - 1 else f"+ n % {DAYS_AHEAD}"
            return f"('{value}'::date {days})"
        if column.type == "timestamp with time zone":
            ahead = column.name == "due_at"
            step = f"n * interval '{SECONDS_APART[ahead]} seconds'"
            return f"('{value}'::timestamptz {'+' if ahead else '-'} {step})"
        told = renamed(value, life.own)
        if column.unique and told == quoted(value):
            told = f"left({quoted(value)}, 3) || upper(substr(md5({quoted(value)} || n), 1, 13))"
        return f"({told})::{column.type}"


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def renamed(value: str, own: set[str]) -> str:
    """Return an SQL expression for a text in which every id of the life is the copy's own."""
    parts, rest = [], value
    while True:
        at, known = min(((rest.find(one), one) for one in own if one in rest), default=(-1, ""))
        if at < 0:
            break
        parts += [quoted(rest[:at]), f"(md5({quoted(known)} || n)::uuid)::text"]
        rest = rest[at + len(known) :]
    return " || ".join([*parts, quoted(rest)]) if parts else quoted(value)


async def filling(admin_url: str, deals: dict[str, str]) -> Filling:
    """Learn the lives of these deals from the database."""
    url = make_url(admin_url)
    connection = await asyncpg.connect(
        host=url.query["host"],
        port=int(str(url.query["port"])),
        user=url.username,
        password=url.password,
        database=url.database,
        server_settings={"search_path": "public"},
    )
    columns = await columns_of_tables(connection)
    found = {name: await life_of(connection, columns, UUID(deal)) for name, deal in deals.items()}
    return Filling(connection, columns, found)


async def columns_of_tables(connection: Any) -> dict[str, list[Column]]:
    """Return the columns that are written, of each table; ``unique``: an index of it alone, or of texts, forbids repetition."""
    rows = await connection.fetch(
        "SELECT c.table_name, c.column_name, c.data_type, EXISTS (SELECT FROM pg_index i "
        "  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) "
        "  WHERE i.indrelid = format('public.%I', c.table_name)::regclass AND i.indisunique AND i.indnatts = 1 "
        "  AND a.attname = c.column_name) AS is_unique "
        "FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) "
        "WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER' "
        "AND c.is_identity = 'NO' ORDER BY c.table_name, c.ordinal_position"
    )
    found: dict[str, list[Column]] = {}
    for row in rows:
        found.setdefault(row["table_name"], []).append(
            Column(row["column_name"], row["data_type"], row["is_unique"])
        )
    return found


async def life_of(connection: Any, columns: dict[str, list[Column]], trade: UUID) -> Life:
    """Return all rows that came with the acts on a deal."""
    life = Life(trade)
    entries = [
        row["id"]
        for row in await connection.fetch(
            "SELECT id FROM audit_entry WHERE trade_id = $1 OR id IN "
            "(SELECT entry_id FROM audit_effect WHERE trade_id = $1)",
            trade,
        )
    ]
    life.own |= {str(trade), *map(str, entries)}
    for table, known in columns.items():
        names = {column.name for column in known}
        if table in WITHOUT_LIVES:
            continue
        if table == "audit_entry":
            wanted = "id = ANY ($1)"
        elif table == "idempotency_key":
            wanted = f"cardinality($1::uuid[]) > 0 AND position('{trade}' IN answer) > 0"
        elif "entry_id" in names and table != "audit_index":
            wanted = "entry_id = ANY ($1)"
        elif {"id", "rev"} <= names:
            wanted = (
                f"id IN (SELECT id FROM audit_effect WHERE kind = '{table}' AND entry_id = ANY ($1) "
                f"AND trade_id = '{trade}')"
            )
        else:
            continue
        await _take(connection, life, table, known, wanted, entries)
    return life


async def _take(
    connection: Any, life: Life, table: str, columns: list[Column], wanted: str, entries: list[UUID]
) -> None:
    """Add the rows of a table, every value as text."""
    texts = ", ".join(f'"{column.name}"::text' for column in columns)
    found = await connection.fetch(f"SELECT {texts} FROM {table} WHERE {wanted}", entries)
    if found:
        life.rows[table] = [dict(row) for row in found]
        life.own |= {row["id"] for row in life.rows[table] if "id" in row and table != "audit_effect"}
        life.own |= {row["key"] for row in life.rows[table] if table == "idempotency_key"}


def counted(life: Life) -> str:
    """Return how many rows of which table a life has."""
    return json.dumps({table: len(rows) for table, rows in life.rows.items()})
