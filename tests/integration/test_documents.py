"""Papers are filed once by their content, seen by those who work with them, and a changed byte is found."""

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.bundle import verify_bundle
from policies.vocabulary import Office
from service.compliance.nightly import check_apart
from service.compliance.selfcheck import SelfCheck
from service.documents.filing import KEEP
from service.documents.kinds import BYTES_MAX
from service.faces import DOCUMENT_BYTES_MAX
from service.kernel.failures import sqlstate
from service.kernel.identifiers import uuid7
from tests import settling
from tests.bank import World
from tests.deals import by_force, refusals, rows
from tests.intruders import Intruder, append, intruder_of
from tests.keeping import public_key, publish, verdict
from tests.settling import Deal, done, refused

STATEMENT = b"%PDF-1.7\nopening balance 4,711.00\n"
PLANT = text(
    "INSERT INTO document (id, rev, sha256, size, media_type, name, document_kind, retention_class, origin, office, "
    "trade_id, filed_by, filed_at) VALUES (CAST(:id AS uuid), 1, :sha256, :size, 'text/plain', 'x', :document_kind, "
    "'records', 'by hand', :office, CAST(:trade_id AS uuid), CAST(:filed_by AS uuid), now())"
)
SHUT_KEY = "ALTER TABLE document_content DROP CONSTRAINT ck_document_content_content_is_its_key"


@pytest.fixture
async def deal(ready_bank: World) -> Deal:
    """A captured deal in a bank that can deal."""
    return await settling.captured(ready_bank)


def a_paper(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "statement",
        "name": "Kontoauszug März.pdf",
        "media_type": "application/pdf",
        "content": base64.b64encode(STATEMENT).decode(),
    } | changes


async def file(world: World, by: str = "settler", **changes: Any) -> httpx.Response:
    return await (await world.as_(by)).post("/api/documents", a_paper(**changes))


async def fetch(world: World, by: str, document: str) -> httpx.Response:
    return await (await world.as_(by)).get(f"/api/documents/{document}")


async def alter(world: World) -> None:
    """Change a byte of every stored paper, as the server's superuser could."""
    change = "UPDATE document_content SET content = set_byte(content, 8, get_byte(content, 8) # 1)"
    await by_force(world, SHUT_KEY, change)


async def checked(world: World) -> SelfCheck:
    """Hold the books against the signed log as the nightly check and `trennwand rebuild --check` do."""
    await publish(world)
    url = world.bank.offices[Office.COMPLIANCE].url.render_as_string(hide_password=False)
    return await asyncio.to_thread(check_apart, url, world.bank.settings.log_directory)


async def test_DOC_03_a_statement_is_filed_once_by_its_hash_and_fetched_as_it_came(
    ready_bank: World, deal: Deal
) -> None:
    filed = done(await file(ready_bank, trade_id=deal.id))
    again = done(await file(ready_bank, "confirmer", name="the same again.pdf"))
    digest = hashlib.sha256(STATEMENT).hexdigest()
    assert (filed["sha256"], filed["size"], filed["retention"]) == (digest, len(STATEMENT), "vouchers")
    assert filed["sha256"] == again["sha256"]
    assert len(await rows(ready_bank, "SELECT sha256 FROM document_content")) == 1

    got = await fetch(ready_bank, "releaser", filed["id"])
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, STATEMENT, "application/pdf")
    assert got.headers["content-disposition"] == (
        "attachment; filename=\"Kontoauszug M_rz.pdf\"; filename*=UTF-8''Kontoauszug%20M%C3%A4rz.pdf"
    )
    assert (got.headers["x-content-type-options"], got.headers["cache-control"]) == ("nosniff", "no-store")
    (read,) = await rows(ready_bank, "SELECT act, outcome FROM audit_entry WHERE act = 'document.read'")
    assert read.outcome == "allow"
    listed = (await (await ready_bank.as_("auditor")).get("/api/documents", trade=deal.id)).json()["items"]
    assert [one["id"] for one in listed] == [filed["id"]]
    timeline = (await (await ready_bank.as_("auditor")).get(f"/api/trades/{deal.id}/timeline")).json()
    assert timeline[-1]["act"] == "document.file"
    assert (await checked(ready_bank)).count == 0


async def test_papers_are_seen_by_those_who_work_with_them_and_never_by_trading(
    ready_bank: World, deal: Deal
) -> None:
    statement = done(await file(ready_bank, trade_id=deal.id))["id"]
    contract = done(await file(ready_bank, "legal", kind="contract"))["id"]
    suspicion = done(await file(ready_bank, "compliance", kind="evidence"))["id"]
    control = {"confirmer", "releaser", "settler"}
    oversight = {"compliance", "auditor"}
    sight = {
        statement: control | oversight | {"accountant"},
        contract: control | oversight | {"legal", "risk-controller", "steward"},
        suspicion: oversight,
    }
    everybody = set[str]().union(*sight.values())
    for paper, seen_by in sight.items():
        for account in sorted(everybody):
            expected = 200 if account in seen_by else 404
            assert (await fetch(ready_bank, account, paper)).status_code == expected, (account, paper)
    for account in ("trader", "head-of-trading", "board-trading", "rights-admin"):
        assert refused(await fetch(ready_bank, account, statement))[0] == 403, account
        answer = await (await ready_bank.as_(account)).get("/api/documents")
        assert answer.status_code == 403, account


async def test_SET_05_trading_files_no_paper_by_any_path(ready_bank: World, deal: Deal) -> None:
    for account in ("trader", "head-of-trading"):
        assert refused(await file(ready_bank, account, trade_id=deal.id))[0] == 403
        act = {"action": "document.file", "command": a_paper(kind="evidence")}
        (outcome,) = (await (await ready_bank.as_(account)).post("/api/acts", [act])).json()
        assert outcome["status"] == 403
    intruder = await intruder_of(ready_bank, Office.FRONT_OFFICE)
    for statement in (
        "SELECT public.document_keep('x'::bytea, gen_random_uuid())",
        "SELECT FROM document",
        "SELECT FROM document_content",
        "INSERT INTO document_content (sha256, content) VALUES ('x', 'x')",
    ):
        assert await intruder.outcome_of(statement) == "42501", statement


async def test_a_message_is_filed_by_its_own_act_and_never_by_hand(ready_bank: World, deal: Deal) -> None:
    for kind in ("confirmation_in", "confirmation_out", "letter", "payment_out", "status_in"):
        answer = await file(ready_bank, kind=kind, trade_id=deal.id)
        assert refused(answer) == (422, "not_by_hand", "SET-01"), kind
    assert await rows(ready_bank, "SELECT id FROM document") == []


HOSTILE = (
    ({"name": "../../etc/passwd"}, "hostile_name", "name"),
    ({"name": "invoice\u202efdp.exe"}, "hostile_name", "name"),
    ({"name": "a\r\nSet-Cookie: x"}, "malformed", "name"),
    ({"name": ""}, "malformed", "name"),
    ({"media_type": "application/x-msdownload"}, "foreign_form", "media_type"),
    ({"media_type": "text/html\r\nx: y"}, "malformed", "media_type"),
    ({"content": base64.b64encode(b"MZ\x90\x00").decode()}, "foreign_form", "content"),
    ({"media_type": "text/plain", "content": "AAAA"}, "foreign_form", "content"),
    ({"content": ""}, "foreign_form", "content"),
    ({"media_type": "text/plain", "content": ""}, "empty_document", "content"),
    ({"content": "not base64!"}, "malformed", "content"),
    ({"subject_id": str(uuid4())}, "half_a_subject", "subject_id"),
)


async def test_hostile_papers_are_refused_with_the_field(ready_bank: World) -> None:
    for changes, code, field in HOSTILE:
        answer = await file(ready_bank, **changes)
        assert answer.status_code in (400, 422), answer.text
        assert (answer.json()["field"], answer.json()["code"]) == (field, code), changes
    assert await rows(ready_bank, "SELECT id FROM document") == []


async def test_a_paper_of_a_hundred_megabytes_is_refused_without_reading_it(ready_bank: World) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(1600):
            sent += 65_536
            yield b"x" * 65_536

    caller = (await ready_bank.as_("settler")).client
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    answer = await caller.post("/api/documents", content=endless(), headers=headers)
    assert refused(answer)[:2] == (413, "body_too_large")
    eleven = base64.b64encode(b"a" * (BYTES_MAX + 1)).decode()
    answer = await file(ready_bank, media_type="text/plain", content=eleven)
    assert len(eleven) < DOCUMENT_BYTES_MAX
    assert refused(answer) == (413, "document_too_large", "DOC-03")


async def test_DOC_04_a_changed_byte_is_found_at_every_read_at_night_and_in_packs(
    ready_bank: World, deal: Deal, tmp_path: Path
) -> None:
    filed = done(await file(ready_bank, trade_id=deal.id))
    assert await packed(ready_bank, deal, tmp_path) == "VERIFIED"
    await alter(ready_bank)

    assert refused(await fetch(ready_bank, "releaser", filed["id"])) == (503, "document_altered", "DOC-04")
    told = [row.data for row in await refusals(ready_bank) if row.data["code"] == "document_altered"]
    assert told[0]["document"] == filed["id"]
    (found,) = (await checked(ready_bank)).differences
    assert found.sentence == f"document {filed['id']} has other bytes than those that were filed."
    assert await packed(ready_bank, deal, tmp_path) == "TAMPERED"
    await by_force(ready_bank, "DELETE FROM document_content")
    assert refused(await fetch(ready_bank, "releaser", filed["id"]))[1] == "document_altered"
    (lost,) = (await checked(ready_bank)).differences
    assert lost.sentence.endswith("has lost its bytes.")
    assert await packed(ready_bank, deal, tmp_path) == "INCOMPLETE"
    assert verdict(ready_bank).verdict == "VERIFIED", "the log itself is whole"


async def packed(world: World, deal: Deal, folder: Path) -> str:
    """Export the evidence of a deal, and return what its reader finds."""
    caller = await world.as_("compliance")
    body = {"scope": "trade", "trade": deal.id, "reason": "sample of the annual auditor"}
    told = done(await caller.post("/api/evidence", body))
    path = folder / f"{told['sha256']}.zip"
    path.write_bytes((await caller.get(told["download"])).content)
    report = verify_bundle(path, public_key(world))
    assert report.verdict.value == told["verdict"]
    return report.verdict.value


async def test_the_database_refuses_what_no_act_could_file(ready_bank: World, deal: Deal) -> None:
    """An office's login in somebody else's hands: other bytes, another office, another deal, no bytes."""
    done(await file(ready_bank, trade_id=deal.id))
    intruder = await intruder_of(ready_bank, Office.COMPLIANCE)
    for statement in (
        "UPDATE document SET name = 'other'",
        "DELETE FROM document",
        "UPDATE document_content SET content = 'x'",
        "INSERT INTO document_content (sha256, content, entry_id) SELECT 'x', 'x', id FROM audit_entry LIMIT 1",
    ):
        assert await intruder.outcome_of(statement) == "42501", statement
    shut, lonely = "42501", "23503"
    assert await planted(intruder) == "nothing"
    assert await planted(intruder, office="back_office") == shut
    assert await planted(intruder, document_kind="confirmation_in") == shut
    assert await planted(intruder, sha256="00" * 32) == lonely
    assert await planted(intruder, size=2) == lonely
    assert await planted(intruder, trade_id=deal.id) == lonely
    victim = str(intruder.victim.account)
    assert await planted(intruder, filed_by=victim) == lonely
    assert await planted(intruder, content=b"bytes without a paper") == lonely


async def planted(intruder: Intruder, content: bytes = b"x", **changes: Any) -> str:
    """Insert a paper by raw SQL with an entry of its own; return how the database ended it."""
    paper = {
        "id": uuid7(),
        "sha256": hashlib.sha256(b"x").hexdigest(),
        "size": 1,
        "document_kind": "evidence",
        "office": "compliance",
        "filed_by": str(intruder.me.account),
        "trade_id": None,
    } | changes
    eff = [{"kind": "document", "id": str(paper["id"]), "rev": 1, "after": "sha256:" + "00" * 32}]
    line = intruder.line(act="document.file", eff=eff)
    try:
        async with intruder.open() as connection:
            await append(connection, line)
            await connection.execute(KEEP, {"content": content, "entry": UUID(line["id"])})
            if content == b"x":
                await connection.execute(PLANT, paper)
    except DBAPIError as failure:
        return str(sqlstate(failure))
    return "nothing"
