"""Compliance and internal audit search the log, fetch it as files and have single entries proved."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from audit.checkpoint import Checkpoint
from audit.merkle import verify_inclusion
from audit.note import open_note
from audit.report import Verdict
from audit.tiles import bundle_path, tile_path, width_of
from audit.verify import verify
from service.audit_trail.sequencer import sequence
from service.compliance import queries
from service.demo.access import actor_named
from service.kernel.database import plain_value
from tests import deals
from tests.bank import Caller, World
from tests.deals import by_force
from tests.intruders import engine_of
from tests.keeping import public_key, publish

OTHERS = (
    "trader", "head-of-trading", "verifier", "settler", "releaser", "steward", "accountant", "closer",
    "risk-controller", "credit-officer", "legal", "rights-requester", "rights-admin", "board-back",
)  # fmt: skip


async def found(caller: Caller, **wanted: Any) -> list[dict[str, Any]]:
    """Return what a search finds."""
    answer = await caller.get("/api/entries", limit=200, **wanted)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


# Searching ----------------------------------------------------------------------------------------


async def test_compliance_finds_who_did_what_to_which_deal_and_when(bank_world: World) -> None:
    await deals.a_desk(bank_world)
    deal = await deals.captured(bank_world)
    other = await deals.captured(bank_world, by="other-trader")
    refused = await deals.act(bank_world, "trader", f"/api/trades/{deal['id']}/verification", version=1)
    await deals.verified(bank_world, deal)
    compliance = await bank_world.as_("compliance")

    of_the_deal = await found(compliance, trade=deal["id"])
    assert [(one["act"], one["outcome"], one["account"]) for one in of_the_deal] == [
        ("trade.verify", "allow", "verifier"),
        ("trade.verify", "refuse", "trader"),
        ("trade.capture", "allow", "trader"),
    ]
    assert of_the_deal[1]["id"] == refused.json()["decision"]
    assert {one["trade"] for one in of_the_deal} == {deal["id"]}
    assert of_the_deal[0]["office"] == "back_office"
    assert of_the_deal[0]["entry"]["eff"][0]["kind"] == "trade_control"
    assert all(one["intact"] for one in of_the_deal)
    assert {one["retention"] for one in of_the_deal} == {"vouchers"}
    assert "captured a deal" in of_the_deal[-1]["sentence"]["en"]
    assert "hat ein Geschäft erfasst" in of_the_deal[-1]["sentence"]["de"]

    by_object = await found(compliance, object=deal["id"])
    assert [one["id"] for one in by_object] == [one["id"] for one in of_the_deal]
    assert [one["act"] for one in await found(compliance, object=other["id"])] == ["trade.capture"]

    captured = await found(compliance, action="trade.capture")
    assert [one["account"] for one in captured] == ["other-trader", "trader"]
    assert await found(compliance, action="trade.capture", actor="trader") == [captured[1]]
    assert {one["id"] for one in await found(compliance, outcome="refuse", actor="trader")} == {
        of_the_deal[1]["id"]
    }


async def test_an_actor_is_meant_by_name_by_account_or_by_person(bank_world: World) -> None:
    await bank_world.as_("trader")
    async with bank_world.anonymous() as client:
        await client.post("/api/sessions", json={"account": "trader", "password": "not the right password"})
    auditor = await bank_world.as_("auditor")

    by_name = await found(auditor, actor="trader")

    failed, opened = by_name
    assert (failed["account"], failed["person"], failed["outcome"]) == (
        "anonymous:trader",
        "anonymous",
        "refuse",
    )
    assert (opened["account"], opened["act"], opened["outcome"]) == ("trader", "session.open", "allow")
    account = opened["entry"]["actor"]["account"]
    assert await found(auditor, actor=account) == by_name
    assert await found(auditor, actor=opened["person"]) == by_name


async def test_entries_are_found_by_their_time(bank_world: World) -> None:
    await bank_world.as_("trader")
    compliance = await bank_world.as_("compliance")
    opened = (await found(compliance, actor="trader"))[0]
    at = opened["at"]

    assert await found(compliance, actor="trader", **{"from": at}) == [opened]
    assert await found(compliance, actor="trader", to=at) == []
    assert await found(compliance, actor="trader", **{"from": at[:10]}) == [opened]
    offset = at.replace("Z", "+00:00")
    assert await found(compliance, actor="trader", **{"from": offset}) == [opened]
    tomorrow = bank_world.bank.gate.clock.now() + timedelta(days=1)
    assert await found(compliance, **{"from": plain_value(tomorrow)}) == []


async def test_an_entry_has_no_index_until_it_is_sequenced(bank_world: World) -> None:
    await bank_world.as_("trader")
    compliance = await bank_world.as_("compliance")
    (waiting,) = await found(compliance, actor="trader")

    size = await publish(bank_world)

    (placed,) = await found(compliance, actor="trader")
    assert waiting["index"] is None
    assert placed["index"] in range(size)
    assert placed | {"index": None} == waiting


async def test_pages_stay_put_while_new_entries_arrive(bank_world: World) -> None:
    compliance = await bank_world.as_("compliance")
    for _ in range(4):
        await found(compliance, action="trade.capture")  # each look is an entry
    everything = await found(compliance, to=plain_value(bank_world.bank.gate.clock.now()))

    pages, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {"to": everything[0]["at"]})
        answer = (await compliance.get("/api/entries", **query)).json()
        pages.append(answer["items"])
        if (cursor := answer["next"]) is None:
            break

    assert [one for page in pages for one in page] == everything[1:]
    assert {len(page) for page in pages[:-1]} == {2}


async def test_looking_into_the_log_is_an_entry_that_says_what_was_asked(bank_world: World) -> None:
    auditor = await bank_world.as_("auditor")
    await found(auditor, actor="trader", outcome="refuse")
    trader = (await actor_named(bank_world.bank, "trader")).account

    looked = (await found(auditor, action="entry.read"))[1]

    assert looked["account"] == "auditor"
    assert looked["entry"]["data"] == {
        "path": "/api/entries",
        "query": f"limit=200&actor={trader}&outcome=refuse",
    }, "an account is told by its id, for the log knows no names"


async def test_S_03_nobody_but_compliance_and_internal_audit_reads_the_log(bank_world: World) -> None:
    for account in OTHERS:
        caller = await bank_world.as_(account)
        for path in (
            "/api/entries",
            "/audit/v1/checkpoint",
            "/audit/v1/tile/0/000",
            f"/audit/v1/proof/{'0' * 64}",
        ):
            refused = await caller.get(path)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted"), (account, path)
            assert refused.json()["decision"]
    async with bank_world.anonymous() as client:
        assert {
            (await client.get(path)).status_code for path in ("/api/entries", "/audit/v1/checkpoint")
        } == {401}


BAD_FILTERS = [
    ({"actor": "nobody-here"}, "actor"),
    ({"actor": ""}, "actor"),
    ({"action": "trade.steal"}, "action"),
    ({"object": "not an id"}, "object"),
    ({"outcome": "perhaps"}, "outcome"),
    ({"from": "yesterday!!"}, "from"),
    ({"from": "2026-10-28T09:15:00"}, "from"),
    ({"to": "2026-13-01"}, "to"),
    ({"trade": "17"}, "trade"),
    ({"cursor": "made-up"}, "cursor"),
    ({"limit": "0"}, "limit"),
    ({"limit": "201"}, "limit"),
    ({"colour": "red"}, "colour"),
]


async def test_a_filter_that_means_nothing_is_refused(bank_world: World) -> None:
    compliance = await bank_world.as_("compliance")
    for wanted, field in BAD_FILTERS:
        refused = await compliance.get("/api/entries", **wanted)

        assert (refused.status_code, refused.json()["field"]) == (400, field), refused.text


async def test_an_entry_edited_in_the_database_is_shown_as_not_intact(bank_world: World) -> None:
    await bank_world.as_("trader")
    compliance = await bank_world.as_("compliance")
    await publish(bank_world)
    (before,) = await found(compliance, actor="trader")
    edited = "convert_to(replace(convert_from(bytes, 'UTF8'), 'session.open', 'session.shut'), 'UTF8')"
    await by_force(bank_world, f"UPDATE public.audit_entry SET bytes = {edited} WHERE id = '{before['id']}'")

    (after,) = await found(compliance, actor="trader")

    assert (before["intact"], after["intact"]) == (True, False)
    assert after["act"] == "session.shut", "it is told as it stands, and marked"
    assert (await compliance.get(after["proof"])).status_code == 404


async def test_a_search_that_takes_too_long_is_refused(
    bank_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    compliance = await bank_world.as_("compliance")
    monkeypatch.setattr(queries, "PATIENCE", text("SET LOCAL statement_timeout = '200ms'"))
    async with engine_of(bank_world.bank.admin_url) as engine, engine.begin() as elsewhere:
        await elsewhere.execute(text("LOCK TABLE public.audit_index IN ACCESS EXCLUSIVE MODE"))

        refused = await compliance.get("/api/entries", action="trade.capture")

    assert (refused.status_code, refused.json()["code"]) == (422, "too_broad")


# The log as files ---------------------------------------------------------------------------------


async def test_what_is_fetched_verifies_offline_without_us(bank_world: World, tmp_path: Path) -> None:
    for account in OTHERS:
        await bank_world.as_(account)
    await publish(bank_world)
    auditor = await bank_world.as_("auditor")
    note = await auditor.get("/audit/v1/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    size = Checkpoint.parse(open_note(note.content, [public_key(bank_world)]).text).size
    (tmp_path / "checkpoint").write_bytes(note.content)

    width = width_of(0, 0, size)
    for path in (tile_path(0, 0, width), bundle_path(0, width)):
        fetched = await auditor.get(f"/audit/v1/{path}")
        assert fetched.status_code == 200
        assert fetched.headers["content-type"] == "application/octet-stream"
        assert fetched.content == (bank_world.bank.settings.log_directory / path).read_bytes()
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(fetched.content)

    report = verify(tmp_path, public_key(bank_world))
    assert (report.verdict, report.size) == (Verdict.VERIFIED, size)


FOREIGN = [
    "tile/0/001", "tile/1/000", "tile/8/000", "tile/64/000", "tile/00/000", "tile/-1/000", "tile/0/0",
    "tile/0/0000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "tile/0/x000/000",
    "tile/0/x001/x002", "tile/entries/999", "tile/entries/000.p/999", "tile/entries", "tile/0", "tile/",
    "tile/0/../../../keys/log-key.pem", "tile/0/..%2f..%2f..%2fkeys%2flog-key.pem", "tile/%2e%2e/checkpoint",
    "tile//etc/passwd", "tile/entries//etc/passwd", "tile/0/000%00",
    "tile/0/٠٠٠", "tile/0/000%0a", "keys/log-key.pem", "../log-key.pub",
]  # fmt: skip


async def test_only_files_of_the_log_are_served(bank_world: World) -> None:
    await publish(bank_world)
    compliance = await bank_world.as_("compliance")
    for path in FOREIGN:
        refused = await compliance.get(f"/audit/v1/{path}")

        assert refused.status_code == 404, (path, refused.text)
        assert b"PRIVATE" not in refused.content


# Single entries proved ----------------------------------------------------------------------------


async def test_an_entry_is_proved_under_a_signed_checkpoint(bank_world: World) -> None:
    await bank_world.as_("trader")
    auditor = await bank_world.as_("auditor")
    await publish(bank_world)
    (opened,) = await found(auditor, actor="trader")

    proof = (await auditor.get(opened["proof"])).json()

    signed = Checkpoint.parse(open_note(proof["checkpoint"].encode(), [public_key(bank_world)]).text)
    assert (proof["index"], proof["leaf"]) == (opened["index"], opened["leaf"])
    hashes = [bytes.fromhex(one) for one in proof["proof"]]
    assert verify_inclusion(bytes.fromhex(proof["leaf"]), proof["index"], signed.size, hashes, signed.root)


async def test_an_entry_that_waits_for_its_checkpoint_is_not_proved_yet(bank_world: World) -> None:
    await publish(bank_world)
    await bank_world.as_("trader")
    auditor = await bank_world.as_("auditor")
    (waiting,) = await found(auditor, actor="trader")
    assert (await auditor.get(waiting["proof"])).json()["code"] == "not_found"

    await sequence(bank_world.bank.keeper.engine)
    refused = await auditor.get(waiting["proof"])

    assert (refused.status_code, refused.json()["code"]) == (404, "not_yet_signed")
    assert (await auditor.get(f"/audit/v1/proof/{'0' * 64}")).status_code == 404
    malformed = await auditor.get(f"/audit/v1/proof/{'G' * 64}")
    assert (malformed.status_code, malformed.json()["field"]) == (400, "leaf_hash")


async def test_no_proof_leaves_that_the_files_do_not_bear_out(bank_world: World) -> None:
    await bank_world.as_("trader")
    auditor = await bank_world.as_("auditor")
    size = await publish(bank_world)
    (opened,) = await found(auditor, actor="trader")
    tile = bank_world.bank.settings.log_directory / tile_path(0, 0, width_of(0, 0, size))
    whole = tile.read_bytes()

    tile.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    damaged = await auditor.get(opened["proof"])
    tile.write_bytes(whole)
    repaired = await auditor.get(opened["proof"])
    swapped = f"UPDATE public.audit_index SET index = CASE index WHEN 0 THEN {opened['index']} ELSE 0 END WHERE index IN (0, {opened['index']})"
    await by_force(bank_world, "ALTER TABLE public.audit_index DROP CONSTRAINT pk_audit_index", swapped)
    moved = await auditor.get(opened["proof"])

    assert [answer.status_code for answer in (damaged, repaired, moved)] == [503, 200, 503]
    assert damaged.json()["code"] == "log_unsound"
