"""PostgreSQL itself: one trade row and one audit row a transaction, by the pgbench of the server's own release."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url

from service.kernel.embedded_binaries import find
from tests.bench.load import Answered

TABLES = """
CREATE SCHEMA IF NOT EXISTS pgbench;
CREATE TABLE pgbench.trade (
  id uuid PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY UNIQUE, type text NOT NULL, side text NOT NULL,
  base text NOT NULL, quote text NOT NULL, base_amount numeric NOT NULL, rate numeric NOT NULL,
  trade_date date NOT NULL, value_date date NOT NULL, counterparty text NOT NULL, portfolio text NOT NULL,
  executed_at timestamptz NOT NULL, side_agreements text NOT NULL, captured_at timestamptz NOT NULL
);
CREATE TABLE pgbench.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, trade_id uuid NOT NULL, at timestamptz NOT NULL, content text NOT NULL
);
"""
TRANSACTION = """
WITH stored AS (
  INSERT INTO pgbench.trade (id, type, side, base, quote, base_amount, rate, trade_date, value_date, counterparty,
    portfolio, executed_at, side_agreements, captured_at)
  VALUES (gen_random_uuid(), 'fx_spot', 'buy', 'EUR', 'USD', 1000000.00, 1.1650, '2026-10-27', '2026-10-29',
    '529900T8BM49AURSDO55', 'FX-EUR', '2026-10-27T07:55:00Z', 'none', now())
  RETURNING id, captured_at)
INSERT INTO pgbench.audit (trade_id, at, content) SELECT id, captured_at, repeat('0123456789abcdef', 40) FROM stored;
"""
"""One statement, one round trip, one commit: the most that a server can be asked for in this way."""


def program() -> Path:
    """Return the pgbench beside the server's binaries, else the one on the PATH."""
    beside = find(None, None).directory / "pgbench"
    other = shutil.which("pgbench")
    assert beside.exists() or other is not None, "no pgbench comes with this PostgreSQL"
    return beside if beside.exists() else Path(str(other))


def committed(url: str, place: Path, clients: int, seconds: float) -> Answered:
    """Return what pgbench reached; it times each transaction itself, in its log."""
    script = place / "transaction.sql"
    script.write_text(" ".join(TRANSACTION.split()) + "\n")
    for old in place.glob("pgbench_log.*"):
        old.unlink()
    target = make_url(url)
    command = [
        str(program()),
        "--no-vacuum",
        "--protocol",
        "prepared",
        "--client",
        str(clients),
        "--jobs",
        "1",
    ]
    command += ["--time", str(max(1, round(seconds))), "--log", "--file", str(script)]
    command += ["--host", str(target.query["host"]), "--port", str(target.query["port"])]
    command += ["--username", str(target.username), str(target.database)]
    environment = os.environ | {"PGPASSWORD": str(target.password)}
    process = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, check=False)
    told = process.stdout + process.stderr
    rate = re.search(r"tps = ([0-9.]+) ", told)
    assert process.returncode == 0, told
    assert rate, told
    lines = [line for log in place.glob("pgbench_log.*") for line in log.read_text().splitlines()]
    latencies = sorted(int(line.split()[2]) / 1000 for line in lines)
    return Answered(latencies, len(latencies) / float(rate[1]))
