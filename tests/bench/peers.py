"""The services of tests/bench_peers, each in a process of its own on the bank's PostgreSQL, and proof that they do their work."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.deals import TERMS

CLONE = Path(__file__).parents[2]
PLACE = ".venv-peers"
LOCK = "tests/bench_peers/requirements.lock"
PYTHON = CLONE / PLACE / "bin" / "python"
UVICORN = (
    "-m",
    "uvicorn",
    "--no-access-log",
    "--log-level",
    "error",
    "--loop",
    "uvloop",
    "--http",
    "httptools",
)


@dataclass(frozen=True)
class Peer:
    """A service to compare with: how it starts on a port, what is made before, what it stores where."""

    name: str
    command: tuple[str, ...]
    stored: str
    """Counts what it stored."""
    first: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    """Proves, when the rounds are over, that what it stored hangs together."""
    address: str = "{port}"
    environment: dict[str, str] = field(default_factory=dict)
    python: Path = PYTHON

    def told(self, url: str, token: str) -> dict[str, str]:
        """Return the environment of its processes."""
        own = {"PEER_URL": url, "PEER_TOKEN": token, "PEER_SCHEMA": self.name, "PYTHONPATH": str(CLONE)}
        return os.environ | own | self.environment


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "plain_orm",
            (*UVICORN, "tests.bench_peers.plain_orm:app", "--port"),
            "SELECT count(*) FROM plain_orm.trade",
        ),
        Peer(
            "template",
            (*UVICORN, "tests.bench_peers.template:app", "--port"),
            "SELECT count(*) FROM template.trade JOIN template.audit_record ON content LIKE '%' || trade.id || '%'",
            after=("-m", "tests.bench_peers.template"),
        ),
        Peer(
            "django",
            (
                "-m",
                "gunicorn",
                "tests.bench_peers.django_service:application",
                "--workers",
                "2",
                "--worker-class",
                "gthread",
                "--threads",
                "16",
                "--keep-alive",
                "600",
                "--log-level",
                "error",
                "--bind",
            ),
            "SELECT count(*) FROM django.django_trades_trade JOIN django.django_trades_historicaltrade USING (id)",
            first=("-m", "tests.bench_peers.django_service"),
            address="127.0.0.1:{port}",
        ),
        Peer(
            "same_rows_orm",
            (*UVICORN, "tests.bench_peers.same_rows_orm:app", "--port"),
            "SELECT count(*) - 1 FROM same_rows_orm.trade JOIN same_rows_orm.audit_effect USING (id)",
        ),
    )
}

ROWS_OF = {
    "trade": "id = :trade",
    "trade_version": "trade_id = :trade",
    "position_movement": "trade_id = :trade",
    "deal_number": "trade_id = :trade",
    "limit_reservation": "trade_id = :trade",
    "market_check": "trade_id = :trade",
    "work_item": "trade_id = :trade",
    "audit_entry": "id = :entry",
    "audit_effect": "entry_id = :entry",
    "idempotency_key": "position(CAST(CAST(:trade AS uuid) AS text) IN answer) > 0",
    "deal_counter": "true",
    "limit_use": "true",
}
"""Where each table holds what a capture wrote, and what it counted up."""
WRITTEN = (*(table for table in ROWS_OF if table not in ("deal_counter", "limit_use")), "audit_pending")


def install() -> None:
    """Have the peers' own environment hold what their lock file names."""
    command = [sys.executable, "scripts/_venv.py", LOCK, PLACE]
    subprocess.run(command, cwd=CLONE, check=True)


async def begin(peer: Peer, url: str, token: str) -> None:
    """Make what has to be there before its first start."""
    if peer.name == "same_rows_orm":
        await pattern(url, peer.name)
    if peer.first:
        await _run(peer.first, peer.told(url, token))


async def proved(peer: Peer, port: int, token: str) -> None:
    """Assert that it turns strangers and half a trade away and stores a whole one."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        stranger = await client.post("/trades", json=TERMS, headers={"Authorization": "Bearer nobody"})
        assert stranger.status_code == 401, (peer.name, stranger.status_code, stranger.text)
        client.headers.update({"Authorization": f"Bearer {token}", "Idempotency-Key": "proof"})
        half = await client.post("/trades", json={"type": "fx_spot"})
        assert half.status_code == 400, (peer.name, half.status_code, half.text)
        whole = await client.post("/trades", json=TERMS)
        assert whole.status_code == 201, (peer.name, whole.status_code, whole.text)


async def must_hold(peer: Peer, url: str, token: str, answered: int) -> None:
    """Assert that it stored as many trades, each with all that belongs to it, as it said."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        stored = await connection.scalar(text(peer.stored))
    await engine.dispose()
    assert stored == answered, (peer.name, stored, answered)
    if peer.after:
        await _run(peer.after, peer.told(url, token))


async def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        str(PYTHON),
        *command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told = (await process.communicate())[0].decode()
    assert process.returncode == 0, told


async def pattern(url: str, schema: str) -> None:
    """Make tables like those a capture writes, with the rows of the last capture in them."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        trade, entry = (
            await connection.execute(
                text(
                    "SELECT id, entry_id FROM public.audit_effect WHERE kind = 'trade' ORDER BY at DESC LIMIT 1"
                )
            )
        ).one()
        await connection.execute(text(f"CREATE SCHEMA {schema}"))
        for table in (*ROWS_OF, "audit_pending"):
            await connection.execute(
                text(f"CREATE TABLE {schema}.{table} (LIKE public.{table} INCLUDING ALL)")
            )
        for table, wanted in ROWS_OF.items():
            columns = ", ".join(
                (
                    await connection.execute(
                        text(
                            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' "
                            "AND table_name = :table AND is_generated = 'NEVER' AND is_identity = 'NO' "
                            "AND coalesce(column_default, '') NOT LIKE 'nextval%'"
                        ),
                        {"table": table},
                    )
                ).scalars()
            )
            facts = {"trade": trade, "entry": entry}
            used = {name: value for name, value in facts.items() if f":{name}" in wanted}
            await connection.execute(
                text(
                    f"INSERT INTO {schema}.{table} ({columns}) SELECT {columns} FROM public.{table} WHERE {wanted}"
                ),
                used,
            )
        await connection.execute(
            text(f"INSERT INTO {schema}.audit_pending (entry_id) VALUES (:entry)"), {"entry": entry}
        )
    await engine.dispose()
