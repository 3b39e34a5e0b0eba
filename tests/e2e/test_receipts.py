"""A receipt from the running bank against the log of the same bank: kept, thrown away, early; by the command line alone."""

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from service import handing_on, running
from tests import settling
from tests.bank import PASSWORD, World
from tests.deals import by_force
from tests.keeping import publish

CLONE = Path(__file__).parents[2]
DEADLINE_SECONDS = 1


@contextlib.asynccontextmanager
async def calling(world: World, account: str) -> AsyncIterator[httpx.AsyncClient]:
    """Call the bank at its address, signed in as anybody would."""
    with contextlib.closing(running.listening("127.0.0.1", 0)) as listener:
        async with (
            running.serving(world.bank, listener) as address,
            httpx.AsyncClient(base_url=address, trust_env=False) as client,
        ):
            opened = await client.post("/api/sessions", json={"account": account, "password": PASSWORD})
            client.headers["Authorization"] = f"Bearer {opened.json()['token']}"
            yield client


async def receipt_of_a_capture(client: httpx.AsyncClient, key: str) -> dict[str, Any]:
    answer = await client.post("/api/trades", json=settling.TERMS, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["receipt"])


def check(world: World, tmp_path: Path, *receipts: dict[str, Any], alone: bool = False) -> tuple[int, str]:
    """Run what the examiner runs, in a process of its own: exit code and what it prints."""
    settings = world.bank.settings
    (tmp_path / "receipts.json").write_text(json.dumps(receipts), encoding="utf-8")
    log = [] if alone else [str(settings.log_directory)]
    command = [sys.executable, "-m", "audit", "check-receipt", str(tmp_path / "receipts.json"), *log]
    ran = subprocess.run(
        [*command, "--key", str(settings.public_key_file)],
        cwd=CLONE, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


async def test_an_acknowledged_deal_that_is_thrown_away_convicts_the_bank(
    bank: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_on, "RECEIPT_DEADLINE_SECONDS", DEADLINE_SECONDS)
    async with calling(bank, "trader") as client:
        kept = await receipt_of_a_capture(client, "kept")
        await publish(bank)
        lost = await receipt_of_a_capture(client, "lost")
        early = check(bank, tmp_path, kept, lost)
        tables = ("audit_pending WHERE entry_id", "audit_effect WHERE entry_id", "audit_entry WHERE id")
        await by_force(bank, *(f"DELETE FROM public.{table} = '{lost['entry']}'" for table in tables))
        await anyio.sleep(DEADLINE_SECONDS + 0.1)
        await receipt_of_a_capture(client, "later")
    await publish(bank)

    assert early[0] == 2, early[1]
    assert "is not there; the log does not reach its deadline yet" in early[1]
    assert check(bank, tmp_path, lost, alone=True)[0] == 0, "the promise itself is genuine"
    assert check(bank, tmp_path, kept)[0] == 0
    code, told = check(bank, tmp_path, kept, lost)
    assert code == 1, told
    assert told.startswith("audit: TAMPERED")
    assert f"Entry {lost['entry']} was promised by" in told


async def test_every_accepted_act_has_a_receipt_and_no_refused_one(bank: World, tmp_path: Path) -> None:
    async with calling(bank, "trader") as client:
        receipt = await receipt_of_a_capture(client, "one")
        again = await receipt_of_a_capture(client, "one")
        refused = await client.post("/api/trades", json={}, headers={"Idempotency-Key": "two"})
        batch = await client.post(
            "/api/trades/batch", json=[settling.TERMS] * 3, headers={"Idempotency-Key": "three"}
        )
    receipts = [receipt, *(one["receipt"] for one in batch.json())]
    await publish(bank)

    assert again == receipt, "a repeated request is answered with the receipt of the first"
    assert {"deadline", "entry", "leaf", "origin", "time"} <= receipt.keys()
    assert "receipt" not in refused.json()
    assert len({one["signature"] for one in receipts[1:]}) == 1, "a batch shares one signature"
    code, told = check(bank, tmp_path, *receipts)
    assert code == 0, told
