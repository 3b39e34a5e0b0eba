"""How fast ``trennwand import`` is beside COPY of the very rows it wrote, round by round in turn, on one server.

Run by itself: `python -m tests.bench.imports 100000 1` (rows a round, rounds). The import is the command itself in a
process of its own: both passes over the file, the gate, every guard of the database, the report; not the start of the
process and not the password. COPY gets the rows ready made, in one transaction, into copies of the tables with their
indexes and checks, without foreign keys and triggers. Each set of the import commits to disk before it is told;
COPY commits once.
"""

import asyncio
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from service.kernel import embedded
from tests.bank import PASSWORD
from tests.bench.captures import prepared
from tests.deals import TERMS

ROWS, ROUNDS = 10_000, 3
TABLES = {
    "trade": "captured_at >= $1",
    "trade_version": "entered_at >= $1",
    "position_movement": "trade_id IN (SELECT id FROM public.trade WHERE captured_at >= $1)",
    "deal_number": "trade_id IN (SELECT id FROM public.trade WHERE captured_at >= $1)",
    "limit_reservation": "trade_id IN (SELECT id FROM public.trade WHERE captured_at >= $1)",
    "market_check": "checked_at >= $1",
    "work_item": "opened_at >= $1",
    "audit_entry": "recorded_at >= $1 AND act = 'trade.capture'",
    "audit_effect": "at >= $1 AND act = 'trade.capture'",
    "audit_pending": "entry_id IN (SELECT id FROM public.audit_entry WHERE recorded_at >= $1 AND act = 'trade.capture')",
}
"""What a capture writes, and which of it a round wrote."""


async def measure(rows: int = ROWS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return rates of both, their ratio, and the most memory that an import held."""
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "bank"
        data.mkdir()
        with embedded.start(data) as server:
            _, admin, _, _ = await prepared(data, server.url())
            engine = create_async_engine(admin, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                await make_copies(connection)
                for number in range(rounds):
                    file = Path(place) / "deals.csv"
                    write_file(file, rows, number)
                    since = await connection.scalar(text("SELECT clock_timestamp()"))
                    done = await asyncio.to_thread(imported, file, data)
                    assert done["rows"] == done["entered"] == rows, done
                    copied = await copied_per_second(connection, Path(place), since, rows)
                    found.append({**done, "copied": copied, "ratio": done["per_second"] / copied})
            await engine.dispose()
        embedded.erase(data)
    return {
        "import_rows_per_second": round(median(one["per_second"] for one in found)),
        "copy_rows_per_second": round(median(one["copied"] for one in found)),
        "import_vs_copy": round(median(one["ratio"] for one in found), 3),
        "import_peak_memory_mb": round(max(one["memory_mb"] for one in found), 1),
        "import_rows": rows,
    }


def write_file(file: Path, rows: int, number: int) -> None:
    """Write so many deals, no two alike."""
    with file.open("w", newline="") as stream:
        table = csv.DictWriter(stream, [*TERMS])
        table.writeheader()
        for row in range(rows):
            amount = Decimal(100_000 + row) + Decimal(number) / 100
            table.writerow(TERMS | {"base_amount": f"{amount:.2f}", "side": ("buy", "sell")[row % 2]})


def imported(file: Path, data: Path) -> dict[str, Any]:
    """Run the command to its end; return what it told, with its rate and the most memory it held."""
    report = file.with_name("report.csv")
    command = [sys.executable, "-m", "service", "import", str(file), "--as", "trader", "--password-stdin"]
    process = subprocess.Popen(
        [*command, "--data", str(data), "--report", str(report), "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{PASSWORD}\n")
    process.stdin.close()
    told = json.loads(process.stdout.read())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, told
    return {**told, "per_second": told["rows per second"], "memory_mb": used.ru_maxrss / 1024}


async def make_copies(connection: AsyncConnection) -> None:
    """Make an empty copy of each table, with its indexes and checks."""
    for table in TABLES:
        await connection.exec_driver_sql(f"CREATE TABLE copy_{table} (LIKE public.{table} INCLUDING ALL)")


async def copied_per_second(connection: AsyncConnection, place: Path, since: datetime, rows: int) -> float:
    """Copy what the round wrote into the copies, in one transaction; return deals a second."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    files = {table: place / f"{table}.copy" for table in TABLES}
    columns: dict[str, list[str]] = {}
    for table, wanted in TABLES.items():
        found = await driver.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 "
            "AND is_generated = 'NEVER' AND is_identity = 'NO' ORDER BY ordinal_position",
            table,
        )
        columns[table] = [row["column_name"] for row in found]
        query = f"SELECT {', '.join(columns[table])} FROM public.{table} WHERE {wanted}"
        await driver.copy_from_query(query, since, output=files[table])
    began = time.perf_counter()
    async with driver.transaction():
        for table, file in files.items():
            await driver.copy_to_table(f"copy_{table}", source=file, columns=columns[table])
    seconds = time.perf_counter() - began
    assert await driver.fetchval("SELECT count(*) FROM copy_trade WHERE captured_at >= $1", since) == rows
    return rows / seconds


if __name__ == "__main__":
    asked = [int(number) for number in sys.argv[1:]]
    print(json.dumps(asyncio.run(measure(*asked)), indent=1))
