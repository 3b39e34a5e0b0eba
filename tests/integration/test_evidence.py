"""Evidence packs from a working bank: complete, verified offline, recorded, and kept for the office that asked."""

import asyncio
import hashlib
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from audit import pack
from audit.bundle import verify_bundle
from audit.report import Report, Status, Verdict
from service.compliance import evidence
from service.compliance.books import BOOKS
from service.demo.access import actor_named
from tests import settling
from tests.bank import World
from tests.conftest import Template, prepared
from tests.controls import dealt_with_controls
from tests.deals import act, by_force, moved_to_control, rows
from tests.keeping import findings, public_key, publish, verdict
from tests.rights import person_of
from tests.settling import Deal, done, refused

REASON = "sample 7 of 25 of the annual auditor"


async def play(world: World) -> dict[str, Deal]:
    """A settled deal, a cancelled one, one that was sent back and corrected, and a refusal."""
    await settling.set_up(world)
    cancelled = await settling.verified(world)
    await settling.drain(world)
    await cancelled.cancel()
    await settling.drain(world)
    corrected = await settling.captured(world)
    done(await corrected.do("verifier", "return", reason="the rate is not on the ticket"))
    refused(await corrected.do("trader", "verification"))
    terms = settling.TERMS | {"rate": "1.1651", "version": 1}
    done(await settling.post(world, "trader", f"/api/trades/{corrected.id}/resubmission", terms))
    settled = await settling.settled(world)
    return {"settled": settled, "cancelled": cancelled, "corrected": corrected}


@pytest.fixture(scope="module")
def played(template: Template, tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, dict[str, Deal]]:
    """Play them once; each test has a copy of the bank."""
    return asyncio.run(prepared(template, tmp_path_factory.mktemp("played") / "bank", play))


@pytest.fixture
def source(request: pytest.FixtureRequest, template: Template) -> Template:
    """Give the bank with deals in it to those who ask for them."""
    return request.getfixturevalue("played")[0] if "deals" in request.fixturenames else template


@pytest.fixture
def deals(bank_world: World, played: tuple[Template, dict[str, Deal]]) -> dict[str, Deal]:
    """Give the deals as they are in the test's own bank."""
    return {name: replace(deal, world=bank_world) for name, deal in played[1].items()}


async def ask(world: World, by: str = "compliance", **body: Any) -> httpx.Response:
    return await (await world.as_(by)).post("/api/evidence", {"reason": REASON, **body})


async def packed(world: World, tmp_path: Path, by: str = "compliance", **body: Any) -> Path:
    """Export, fetch, and return the file as it arrived."""
    told = done(await ask(world, by, **body))
    file = await (await world.as_(by)).get(told["download"])
    assert (file.status_code, file.headers["content-type"]) == (200, "application/zip"), file.text
    path = tmp_path / f"{told['sha256']}.zip"
    path.write_bytes(file.content)
    assert (hashlib.sha256(file.content).hexdigest(), len(file.content)) == (told["sha256"], told["size"])
    assert told["verdict"] == "VERIFIED", judged(world, path).lines()
    return path


def judged(world: World, path: Path) -> Report:
    return verify_bundle(path, public_key(world))


def entries_of(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as zipped:
        names = [name for name in zipped.namelist() if name.startswith("entries/")]
        return [json.loads(zipped.read(name)) for name in names]


def member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as zipped:
        return zipped.read(name)


async def test_a_deals_whole_life_leaves_the_house_as_one_file_that_proves_itself(
    bank_world: World, deals: dict[str, Deal], tmp_path: Path
) -> None:
    for name, deal in deals.items():
        path = await packed(bank_world, tmp_path, scope="trade", trade=deal.id)
        report = judged(bank_world, path)

        assert report.line() == "VERIFIED (L1 self-signed)", (name, report.lines())
        for number in ("V7", "V13", "V16", "V17", "V22", "V26"):
            assert report.check(number).status is Status.OK, (name, report.lines())
        linked = [one["id"] for one in entries_of(path) if one.get("links", {}).get("trade") == deal.id]
        stored = await rows(bank_world, "SELECT id FROM audit_entry WHERE trade_id = :trade", trade=deal.id)
        assert sorted(linked) == sorted(str(row.id) for row in stored)


async def test_a_pack_of_a_deal_holds_every_row_that_came_of_it(
    bank_world: World, deals: dict[str, Deal], tmp_path: Path
) -> None:
    path = await packed(bank_world, tmp_path, scope="trade", trade=deals["settled"].id)
    held = json.loads(member(path, pack.ROWS))
    kinds = {one["kind"] for one in held["rows"]}

    assert {"trade", "trade_control", "confirmation", "settlement", "journal"} <= kinds
    assert {one["kind"] for one in held["movements"]} == set(evidence.MOVEMENTS.values())
    corrected = await packed(bank_world, tmp_path, scope="trade", trade=deals["corrected"].id)
    movements = json.loads(member(corrected, pack.ROWS))["movements"]
    assert [one["view"]["version"] for one in movements if one["kind"] == "trade_version"] == [1, 2]
    taken = [one["view"]["limits"] for one in movements if one["kind"] == "limit_reservation"]
    assert sorted({row["why"] for rows in taken for row in rows}) == ["replaced", "reserved"]


async def test_packs_of_deals_carry_every_control_they_met(bank_world: World, tmp_path: Path) -> None:
    await settling.set_up(bank_world)
    dealt = await dealt_with_controls(bank_world)
    wanted = {
        "off": {"justification", "notice", "premises_report", "trade_control"},
        "forward": {"justification"},
        "deposit": set[str](),
        "amended": {"change_request", "request_decision"},
        "offered": set[str](),
        "accepted": set[str](),
    }
    done(await act(bank_world, "board-back", f"/api/trades/{dealt['off'].id}/notice", version=1))
    for name, kinds in wanted.items():
        path = await packed(bank_world, tmp_path, scope="trade", trade=dealt[name].id)
        held = json.loads(member(path, pack.ROWS))
        assert {one["kind"] for one in held["rows"]} >= kinds | {"trade"}, name
        told = {one["kind"]: one["view"] for one in held["movements"]}
        assert told.keys() >= {"trade_version", "limit_reservation", "market_check"}, name
        for row in held["rows"]:
            if row["kind"] == "change_request":
                assert row["view"]["terms"]["base_amount"] == "1200000.00"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE limit_reservation SET owner_id = gen_random_uuid() WHERE scope = 'counterparty'",
        "DELETE FROM limit_reservation WHERE scope = 'counterparty'",
        "UPDATE market_check SET state = 'alert'",
        "DELETE FROM market_check",
    ],
)
async def test_a_control_changed_behind_the_gate_is_told_by_the_pack(
    bank_world: World, statement: str
) -> None:
    await settling.set_up(bank_world)
    deal = await settling.captured(bank_world)
    await by_force(bank_world, statement)
    told = done(await ask(bank_world, scope="trade", trade=deal.id))

    assert told["verdict"] == "TAMPERED"
    assert judged(bank_world, evidence_file(bank_world, "compliance", told["sha256"])).check(
        "V22"
    ).status is (Status.FAILED)


async def test_policy_texts_cover_sheet_and_verifier_are_in_the_pack(
    bank_world: World, deals: dict[str, Deal], tmp_path: Path
) -> None:
    path = await packed(bank_world, tmp_path, scope="trade", trade=deals["corrected"].id)
    version = bank_world.bank.policy.version
    cover = member(path, pack.COVER).decode()

    assert member(path, pack.policy_name(version, "policy.csv")).startswith(b"# Who may do what")
    assert REASON in cover
    assert "<script" not in cover
    for sentence in (
        "hat ein Geschäft erfasst",
        "captured a deal",
        "wurde „Geschäft kontrollieren“ verweigert",
    ):
        assert sentence in cover, sentence
    assert "python verify.pyz" in cover
    for name in ("trader", "verifier", "compliance"):
        assert f">{name}<" not in cover


async def test_the_export_is_an_entry_behind_the_checkpoint_of_its_pack(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    deal = deals["settled"]
    told = done(await ask(bank_world, scope="trade", trade=deal.id))
    (entry,) = await rows(
        bank_world,
        "SELECT convert_from(bytes, 'UTF8')::jsonb->'data' AS data, trade_id FROM audit_entry "
        "WHERE act = 'evidence.export' AND outcome = 'allow'",
    )
    size = await publish(bank_world)

    assert entry.data["pack"] == f"sha256:{told['sha256']}"
    assert entry.data["scope"] == {"kind": "trade", "trade": deal.id}
    assert entry.data["reason"] == REASON
    assert entry.data["size"] < size
    assert entry.trade_id is None, "whoever reads a deal's history must not learn that it is examined"
    report = verdict(bank_world, [told["receipt"]])
    assert (report.verdict, report.check("V20").status) == (Verdict.VERIFIED, "ok"), report.lines()


async def test_a_person_pack_tells_what_a_person_did_and_who_gave_them_their_rights(
    bank_world: World, deals: dict[str, Deal], tmp_path: Path
) -> None:
    await moved_to_control(bank_world)
    person = await person_of(bank_world, "mover-control")
    path = await packed(bank_world, tmp_path, scope="person", person=person["id"])
    report = judged(bank_world, path)
    acts = {one["act"] for one in entries_of(path)}

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert {"grant.request", "grant.approve", "grant.execute", "grant.revoke", "person.move"} <= acts
    trader = await packed(
        bank_world, tmp_path, scope="person", person=(await person_of(bank_world, "trader"))["id"]
    )
    told = [one for one in entries_of(trader) if one["act"] == "trade.verify"]
    assert [one["decision"]["outcome"] for one in told] == ["refuse"]
    assert deals


async def test_a_period_pack_leaves_nothing_out(
    bank_world: World, deals: dict[str, Deal], tmp_path: Path
) -> None:
    await publish(bank_world)
    stored = await rows(
        bank_world,
        "SELECT recorded_at AS at FROM audit_entry JOIN audit_index ON entry_id = id ORDER BY index",
    )
    first, last = stored[10].at, stored[-5].at
    path = await packed(
        bank_world, tmp_path, scope="period", **{"from": first.isoformat(), "to": last.isoformat()}
    )
    report = judged(bank_world, path)
    scope = json.loads(member(path, pack.MANIFEST))["scope"]

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert (scope["first"], scope["end"]) == (10, len(stored) - 5)
    assert deals


async def test_everything_since_the_genesis_is_verified_like_the_log(
    bank_world: World, tmp_path: Path
) -> None:
    assert await bank_world.as_("auditor")
    now = datetime.now(UTC).isoformat()  # noqa: TID251 - the end of a period that is over
    path = await packed(
        bank_world, tmp_path, by="auditor", scope="period", **{"from": "2020-01-01", "to": now}
    )
    report = judged(bank_world, path)

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert {report.check(number).status for number in ("V6", "V8")} == {Status.OK}


async def test_a_row_changed_behind_the_gate_is_told_by_the_pack_and_not_hidden(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    deal = deals["settled"]
    await by_force(
        bank_world, f"UPDATE public.settlement SET amount = amount * 2 WHERE trade_id = '{deal.id}'"
    )
    told = done(await ask(bank_world, scope="trade", trade=deal.id))
    path = evidence_file(bank_world, "compliance", told["sha256"])

    assert told["verdict"] == "TAMPERED"
    assert judged(bank_world, path).check("V22").status is Status.FAILED
    assert await findings(bank_world)


async def test_only_compliance_and_internal_audit_export(bank_world: World, deals: dict[str, Deal]) -> None:
    for account in ("trader", "verifier", "accountant", "rights-admin", "head-of-risk", "board-back"):
        answer = await ask(bank_world, account, scope="trade", trade=deals["settled"].id)
        assert refused(answer)[:2] == (403, "not_permitted")
    for account in ("compliance", "auditor"):
        assert (await ask(bank_world, account, scope="trade", trade=deals["settled"].id)).status_code == 201


async def test_a_pack_is_fetched_by_the_office_that_asked_and_by_no_other(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    told = done(await ask(bank_world, "auditor", scope="trade", trade=deals["settled"].id))

    assert (await (await bank_world.as_("auditor")).get(told["download"])).status_code == 200
    for account, status in (("compliance", 404), ("trader", 403)):
        assert (await (await bank_world.as_(account)).get(told["download"])).status_code == status
    for other in ("00" * 32, "..%2F..%2Fkeys", "x"):
        assert (await (await bank_world.as_("auditor")).get(f"/api/evidence/{other}")).status_code == 404
    fetched = await rows(
        bank_world,
        "SELECT office FROM audit_entry WHERE act = 'evidence.export' AND outcome = 'allow' "
        "AND convert_from(bytes, 'UTF8')::jsonb #>> '{data,path}' = :path ORDER BY recorded_at",
        path=told["download"],
    )
    assert [row.office for row in fetched] == ["internal_audit", "compliance"], "who looked stands in the log"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"scope": "trade"}, "one_scope"),
        ({"scope": "trade", "trade": "0" * 32, "from": "2026-01-01"}, "one_scope"),
        ({"scope": "person", "trade": "0" * 32}, "one_scope"),
        ({"scope": "period", "from": "2026-01-01"}, "one_scope"),
        ({"scope": "period", "from": "2026-01-02", "to": "2026-01-01"}, "one_scope"),
        ({"scope": "period", "from": "2026-01-01", "to": "2999-01-01"}, "period_not_over"),
        ({"scope": "period", "from": "2020-01-01", "to": "2020-01-02"}, "nothing_recorded"),
        ({"scope": "period", "from": "yesterday", "to": "2020-01-02"}, "bad_instant"),
        ({"scope": "trade", "trade": "0" * 32}, "not_found"),
        ({"scope": "person", "person": "0" * 32}, "not_found"),
        ({"scope": "everything"}, "malformed"),
        ({"scope": "trade", "trade": "0" * 32, "reason": ""}, "malformed"),
    ],
)
async def test_a_wish_that_makes_no_sense_is_refused_by_name(
    bank_world: World, body: dict[str, str], code: str
) -> None:
    assert refused(await ask(bank_world, **body))[1] == code


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"scope": "trade"}, "trade", "This has to be filled in."),
        ({"scope": "person", "trade": "0" * 32}, "person", "This has to be filled in."),
        ({"scope": "period", "from": "2026-01-01"}, "to", "This has to be filled in."),
        ({"scope": "period", "to": "2026-01-01"}, "from", "This has to be filled in."),
        (
            {"scope": "person", "person": "0" * 32, "trade": "0" * 32},
            "trade",
            "This has to stay empty for what was chosen.",
        ),
    ],
)
async def test_a_wish_for_evidence_is_refused_at_the_field_that_is_wrong(
    bank_world: World, body: dict[str, str], field: str, said: str
) -> None:
    answer = (await ask(bank_world, **body)).json()
    assert (answer["field"], answer["detail"]) == (field, said)


async def test_the_same_key_gives_the_same_pack(bank_world: World, deals: dict[str, Deal]) -> None:
    caller = await bank_world.as_("compliance")
    body = {"scope": "trade", "trade": deals["settled"].id, "reason": REASON}
    first = await caller.post("/api/evidence", body, key="once")
    again = await caller.post("/api/evidence", body, key="once")

    assert (first.status_code, again.json()) == (201, first.json())
    other = await caller.post("/api/evidence", body | {"reason": "another"}, key="once")
    assert refused(other)[1] == "key_reused"
    assert not list((bank_world.bank.settings.data / "evidence" / "tmp").iterdir())


async def test_no_list_of_acts_exports_evidence_with_a_digest_of_its_own_choosing(bank_world: World) -> None:
    act = {"action": "evidence.export", "command": {"scope": "trade", "reason": "x", "pack": {}}}
    answer = await (await bank_world.as_("compliance")).post("/api/acts", [act])

    assert answer.json()[0]["problem"]["code"] == "no_such_act"


async def test_what_is_not_signed_yet_is_not_exported_by_whoever_cannot_sign(
    bank_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "PAUSE_SECONDS", 0.001)
    await publish(bank_world)
    await settling.set_up(bank_world)
    deal = await settling.captured(bank_world)
    bank = bank_world.bank
    wish = evidence.Wish("trade", REASON, trade=UUID(deal.id))

    with pytest.raises(evidence.NotAllSigned):
        await evidence.export(bank.gate, bank.settings, await actor_named(bank, "compliance"), wish)


def evidence_file(world: World, office: str, digest: str) -> Path:
    return world.bank.settings.data / "evidence" / office / f"{digest}.zip"


def test_every_movement_that_entries_vouch_for_goes_into_packs() -> None:
    assert {vouched.movement for vouched in BOOKS.vouched} == set(evidence.MOVEMENTS)
