"""The whole database reconciled with the whole log, offline: none missing, none extra, none changed."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from audit.reconcile import FORMAT
from audit.report import Report, Status, Verdict
from audit.verify import verify
from service.compliance import evidence
from service.compliance.evidence import Wish
from service.demo.access import actor_named
from tests import settling
from tests.bank import World
from tests.conftest import Template, prepared
from tests.deals import by_force, rows
from tests.keeping import public_key, publish
from tests.settling import Deal, done, refused

REASON = "reconciliation asked for by the annual auditor"


async def play(world: World) -> Deal:
    """A bank with a settled deal, a refusal and one deal on its way."""
    await settling.set_up(world)
    found = await settling.settled(world)
    refused(await found.do("trader", "verification"))
    await settling.captured(world)
    return found


@pytest.fixture(scope="module")
def played(template: Template, tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, Deal]:
    """Play them once; each test has a copy of the bank."""
    return asyncio.run(prepared(template, tmp_path_factory.mktemp("played") / "bank", play))


@pytest.fixture
def source(request: pytest.FixtureRequest, template: Template) -> Template:
    """Give the bank with deal in it to those who ask for them."""
    return request.getfixturevalue("played")[0] if "deal" in request.fixturenames else template


@pytest.fixture
def deal(bank_world: World, played: tuple[Template, Deal]) -> Deal:
    """Give the settled deal as it is in the test's own bank."""
    return replace(played[1], world=bank_world)


async def exported(world: World, tmp_path: Path, by: str = "compliance") -> Path:
    """Export all rows, fetch the file, and return it as it arrived."""
    caller = await world.as_(by)
    told = done(await caller.post("/api/evidence", {"scope": "rows", "reason": REASON}))
    assert "verdict" not in told
    file = await caller.get(told["download"])
    assert (file.status_code, file.headers["content-type"]) == (200, "application/x-ndjson")
    path = tmp_path / "rows.ndjson"
    path.write_bytes(file.content)
    return path


def judged(world: World, path: Path) -> Report:
    return verify(world.bank.settings.log_directory, public_key(world), rows=path)


async def test_DOC_06_every_business_row_is_what_the_log_left_behind(
    bank_world: World, deal: Deal, tmp_path: Path
) -> None:
    path = await exported(bank_world, tmp_path)
    report = judged(bank_world, path)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    kinds = {line["kind"] for line in lines[1:-1]}

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert report.check("V22").status is Status.OK
    assert (lines[0]["format"], lines[-1]) == (FORMAT, {"count": len(lines) - 2})
    assert {"trade", "person", "account", "role_grant", "instruction", "journal", "settlement"} <= kinds
    assert {"trade_version", "journal_line"} <= kinds
    assert deal


async def test_the_export_is_an_entry_that_names_the_file(
    bank_world: World, deal: Deal, tmp_path: Path
) -> None:
    path = await exported(bank_world, tmp_path, by="auditor")
    (entry,) = await rows(
        bank_world,
        "SELECT convert_from(bytes, 'UTF8')::jsonb->'data' AS data FROM audit_entry "
        "WHERE act = 'evidence.export' AND outcome = 'allow' AND office = 'internal_audit' "
        "AND convert_from(bytes, 'UTF8')::jsonb->'data' ? 'scope'",
    )
    assert entry.data["scope"] == {"kind": "rows"}
    assert entry.data["bytes"] == path.stat().st_size
    assert deal


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE settlement SET amount = amount * 2 WHERE trade_id = '{id}'",
            "is not what its last entry left",
        ),
        (
            "UPDATE person SET name = 'another' WHERE name = 'trader'",
            "is not what its last entry left behind",
        ),
        ("UPDATE trade_control SET rev = rev + 1 WHERE id = '{id}'", "its last entry left it at rev"),
        ("DELETE FROM settlement WHERE trade_id = '{id}' AND currency = 'USD'", "is missing from the rows"),
        ("DELETE FROM journal_line WHERE account = '1010'", "journal:"),
        ("DELETE FROM trade_version WHERE trade_id = '{id}'", "is missing from the rows"),
        ("UPDATE trade_version SET rate = 2 WHERE trade_id = '{id}'", "is not what its entry vouches for"),
        (
            "INSERT INTO unit (id, rev, code, name, function_class) VALUES (gen_random_uuid(), 1, 'X', 'x', 'log')",
            "is in no entry of the log",
        ),
    ],
)
async def test_DOC_04_DOC_06_a_row_edited_deleted_or_added_past_the_gate_is_found_offline(
    bank_world: World, deal: Deal, tmp_path: Path, statement: str, said: str
) -> None:
    await by_force(bank_world, statement.format(id=deal.id))
    report = judged(bank_world, await exported(bank_world, tmp_path))

    assert report.verdict is Verdict.TAMPERED, report.lines()
    assert report.check("V22").status is Status.FAILED
    assert said in report.check("V22").sentence, report.check("V22").sentence


async def test_rows_exported_while_the_bank_works_are_reconciled(
    bank_world: World, deal: Deal, tmp_path: Path
) -> None:
    async def work() -> None:
        for _ in range(10):
            await settling.captured(bank_world)

    path, _ = await asyncio.gather(exported(bank_world, tmp_path), work())
    await publish(bank_world)

    assert judged(bank_world, path).verdict is Verdict.VERIFIED, judged(bank_world, path).lines()
    assert deal


async def test_rows_that_the_signed_log_does_not_reach_are_not_exported(
    bank_world: World, deal: Deal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "PAUSE_SECONDS", 0.001)
    bank = bank_world.bank
    await publish(bank_world)
    await settling.captured(bank_world)
    actor = await actor_named(bank, "compliance")

    with pytest.raises(evidence.NotAllSigned):
        await evidence.export(bank.gate, bank.settings, actor, Wish("rows", REASON))
    assert not list((bank.settings.data / "evidence" / "tmp").iterdir())
    assert deal


async def test_only_those_who_export_evidence_take_the_rows_out(bank_world: World) -> None:
    for account in ("trader", "accountant", "rights-admin"):
        answer = await (await bank_world.as_(account)).post(
            "/api/evidence", {"scope": "rows", "reason": REASON}
        )
        assert refused(answer)[:2] == (403, "not_permitted")
    told = await (await bank_world.as_("compliance")).post(
        "/api/evidence", {"scope": "rows", "reason": REASON, "from": "2026-01-01"}
    )
    assert refused(told)[:2] == (400, "one_scope")
