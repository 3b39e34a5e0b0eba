"""Rows of the tamper matrix that need the database: its superuser edits, the files and the comparison tell.

The number is the row of the matrix. Guards are off (``session_replication_role = replica``), as for somebody who
owns the server.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import policies
from audit import tiles
from audit.report import Status, Verdict
from policies.policy import FILES
from service import handing_on
from service.audit_trail.sequencer import LogContradiction
from service.compliance.all_rows import recorded
from service.demo.access import actor_named
from service.recovery.use_cases import RequestRecovery, request_recovery
from service.rotation.ceremony import RequestRotation, request_rotation
from tests import confirming, settling
from tests.bank import World
from tests.cases import looks_into_something, proposes_a_line
from tests.controls import dealt_with_controls
from tests.deals import by_force, rows
from tests.deputies import deputised
from tests.desks import a_day_received
from tests.keeping import findings, publish, verdict
from tests.parties import LEI
from tests.paying import every_payment

VERIFIED = "VERIFIED (L1 self-signed)"
PARTY = {"lei": LEI, "name": "First counterparty", "bic": "COBADEFF"}


async def proposed(world: World) -> dict[str, Any]:
    """Return the answer about a counterparty that was proposed."""
    answer = await (await world.as_("steward")).post("/api/counterparties", PARTY)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def sign_in(world: World, *accounts: str) -> None:
    """Make an entry for each account."""
    for account in accounts:
        await world.as_(account)


async def test_01_an_entry_edited_in_the_database_is_named_by_its_index(bank_world: World) -> None:
    await sign_in(bank_world, "trader", "verifier", "auditor", "legal")
    size = await publish(bank_world)
    for index in (size - 2, size - 3):
        await by_force(
            bank_world,
            "UPDATE public.audit_entry SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), "
            "'session.open', 'session.noon'), 'UTF8'), act = 'session.noon' "
            f"WHERE id = (SELECT entry_id FROM public.audit_index WHERE index = {index})",
        )

    found = await findings(bank_world)

    assert verdict(bank_world).line() == VERIFIED, "the files are whole"
    first = found[0]
    assert (first.index, "hashes to" in first.sentence) == (size - 3, True)
    assert {one.index for one in found} == {size - 3, size - 2}, "the leaf column gives the second away"


async def test_01_a_column_edited_beside_an_entry_is_told_from_its_bytes(bank_world: World) -> None:
    await sign_in(bank_world, "trader", "auditor")
    await publish(bank_world)
    await by_force(
        bank_world,
        "UPDATE public.audit_entry SET recorded_at = recorded_at - interval '1 day', outcome = 'refuse' "
        "WHERE act = 'session.open' AND account = (SELECT id::text FROM public.account WHERE name = 'trader')",
    )

    sentences = [one.sentence for one in await findings(bank_world)]

    assert len(sentences) == 2
    assert "column outcome says refuse, its bytes say allow" in sentences[0]
    assert "column recorded_at" in sentences[1]


async def test_02_an_entry_edited_with_its_leaf_is_told_from_the_files(bank_world: World) -> None:
    await sign_in(bank_world, "trader", "auditor")
    size = await publish(bank_world)
    edited = "convert_to(replace(convert_from(bytes, 'UTF8'), 'session.open', 'session.noon'), 'UTF8')"
    await by_force(
        bank_world,
        f"UPDATE public.audit_entry SET bytes = {edited}, leaf = sha256('\\x00'::bytea || {edited}), "
        f"act = 'session.noon' WHERE id = (SELECT entry_id FROM public.audit_index WHERE index = {size - 2})",
    )

    (found,) = await findings(bank_world)

    assert found.index == size - 2
    assert found.sentence.count("hashes to") == 1


TRADERS = "(SELECT id FROM public.account WHERE name = 'trader')"
ONE = "id = (SELECT min(id::text)::uuid FROM public.{})"
TAMPERED = {
    "absence": ("last_day = last_day + 1", "true"),
    "absence_review": ("finding = 'none'", "true"),
    "account": ("office = 'back_office'", "name = 'trader'"),
    "agreement": ("name = 'ISDA 1992'", "true"),
    "benchmark": ("tolerance_bp = 999", "product = 'fx_spot' AND proposed_by IS NOT NULL"),
    "call_back": ("outcome = 'denied'", ONE.format("call_back")),
    "change_request": ('terms = terms || \'{"base_amount": "9"}\'', "request = 'amendment'"),
    "confirmation": ("state = 'sent'", ONE.format("confirmation")),
    "confirmation_channel": ("address = 'FRIEND'", ONE.format("confirmation_channel")),
    "counterparty": ("bic = 'DEUTDEFF'", "NOT own"),
    "delegation": ("valid_to = valid_to + interval '1 day'", "true"),
    "case_file": ("suspicion = false", "true"),
    "case_note": ("note_kind = 'note'", "true"),
    "case_receipt": ("received_at = received_at - interval '1 day'", "true"),
    "desk_receipt": ("remark = 'none'", "true"),
    "desk_report": ("day = day - 1", ONE.format("desk_report")),
    "desk_rule": ("max_eur = 9000000", "rule = 'mandate'"),
    "desk_time": ("business_date = business_date - 1", "true"),
    "document": ("name = 'none'", ONE.format("document")),
    "excess": ("measure = 'none'", "true"),
    "fixing_set": ('rates = rates || \'{"CHF": "1.2"}\'', "day = '2026-10-26'"),
    "instruction": ("account_number = 'GB33BUKB20201555555555'", "currency = 'EUR'"),
    "journal": ("booked_on = booked_on + 1", ONE.format("journal")),
    "justification": ("ground = 'market_move'", ONE.format("justification")),
    "key_rotation": ("state = 'approved'", "true"),
    "limit_vote": ("vote = 'refuse'", ONE.format("limit_vote")),
    "membership": ("valid_from = '2026-01-01'", ONE.format("membership")),
    "net": ("reason = 'none'", "true"),
    "notice": ("taken_at = taken_at - interval '1 day'", "true"),
    "organisation_proposal": ("reason = 'none'", "true"),
    "payment": ("settle_on = settle_on + 1", ONE.format("payment")),
    "payment_status": ("reason = 'none'", ONE.format("payment_status")),
    "person": ("disabled = true", "name = 'verifier'"),
    "policy_approval": ("person_id = (SELECT id FROM public.person WHERE name = 'trader')", "true"),
    "policy_draft": ("reason = 'none'", "true"),
    "portfolio": ("name = 'FX-CHF'", "name = 'FX-EUR'"),
    "premises_report": ("note = 'seen'", "true"),
    "proposal": ("state = 'refused'", ONE.format("proposal")),
    "recovery": ("found_size = found_size + 1", "true"),
    "reporting_line": ("valid_from = '2026-01-01'", ONE.format("reporting_line")),
    "request_decision": ("outcome = 'refused'", "true"),
    "role_grant": ("role = 'releaser'", f"account_id = {TRADERS}"),
    "settlement": ("failure = 'none'", ONE.format("settlement")),
    "settlement_rule": ("amount = amount * 10", "rule = 'ladder'"),
    "staff_event": ("event = 'leaver', unit_id = NULL", "true"),
    "trade": ("marks = '[]'", "type = 'fx_spot' AND marks ? 'off_premises'"),
    "trade_control": ("reason = 'none'", ONE.format("trade_control")),
    "trading_limit": ("amount_eur = amount_eur + 1", "amount_eur = 1500000"),
    "transfer": ("amount = amount + 1", ONE.format("transfer")),
    "transfer_control": ("need = '{}'", ONE.format("transfer_control")),
    "transfer_review": ("verdict = 'reject'", "office = 'risk_control'"),
    "transfer_signature": ("signed_at = signed_at + interval '1 day'", ONE.format("transfer_signature")),
    "transmission": ("tries = 9", ONE.format("transmission")),
    "unit": ("function_class = 'front_office'", "name = 'Compliance'"),
}

OF_OTHER_BANKS = {
    "alert_review": ("finding = 'none'", "true"),
    "alleged_answer": ("known = true", "true"),
    "alleged_deal": ('fields = fields || \'{"rate": "9"}\'', "true"),
    "broker_statement": ('fields = fields || \'{"rate": "9"}\'', "true"),
    "document_checklist": ("by_hand = false", "true"),
    "forwarded_confirmation": ("said_sender = 'a friend'", "true"),
    "inbound_message": ("reason = 'none'", "state = 'alleged'"),
    "long_form": ("due_on = due_on + 1", "true"),
    "match_tolerance": ("rates = 0.0001", "true"),
    "substitute_verification": ("contact = 'a friend'", "true"),
}
"""Kinds of rows that only come with what other banks send or leave out."""


async def test_04_a_row_changed_behind_the_gate_is_named(ready_bank: World) -> None:
    await dealt_with_controls(ready_bank)
    await every_payment(ready_bank)
    await a_day_received(ready_bank)
    await publish(ready_bank)
    await proposes_a_line(ready_bank)
    await deputised(ready_bank, "verifier", "confirmer", "verifier")
    await drafts_a_policy(ready_bank)
    await looks_into_something(ready_bank)
    await is_missed_and_looked_for(ready_bank)
    await asks_two_custodians(ready_bank)
    assert await findings(ready_bank) == []
    assert TAMPERED.keys() | OF_OTHER_BANKS.keys() == {model.__tablename__ for model in recorded()}
    await each_change_is_named(ready_bank, TAMPERED)


async def test_04_so_is_a_row_that_came_with_what_others_sent(ready_bank: World) -> None:
    await settling.matched(ready_bank)
    await confirming.every_kind(ready_bank)
    await publish(ready_bank)
    assert await findings(ready_bank) == []
    await each_change_is_named(ready_bank, OF_OTHER_BANKS)


async def each_change_is_named(world: World, changes: Mapping[str, tuple[str, str]]) -> None:
    """Change one row of each kind and hold that the findings name them all, and nothing else."""
    changed = set()
    for kind, (what, which) in changes.items():
        (row,) = await rows(world, f"SELECT id FROM public.{kind} WHERE {which}")
        changed.add((kind, row.id))
        await by_force(world, f"UPDATE public.{kind} SET {what} WHERE {which}")

    found = await findings(world)

    assert {(one.kind, one.id) for one in found} == changed
    for kind in changes:
        assert any(
            "its last entry left it as sha256:" in one.sentence for one in found if one.kind == kind
        ), kind
    assert verdict(world).line() == VERIFIED


async def drafts_a_policy(world: World) -> None:
    """Draft a change of the policy that one of two has approved."""
    shipped = Path(policies.__file__).parent
    texts = {file: (shipped / file).read_text(encoding="utf-8") for file in FILES}
    texts["policy.csv"] += "p, verifier, balance.read, compares deals with the books\n"
    at = world.bank.gate.clock.now() + timedelta(days=1)
    body = {"files": texts, "reason": "books beside deals", "effective_at": at.isoformat()}
    draft = await (await world.as_("policy-author")).post("/api/policy/drafts", body)
    assert draft.status_code == 201, draft.text
    path = f"/api/policy/drafts/{draft.json()['id']}/approval"
    answer = await (await world.as_("policy-approver")).post(path, {"version": draft.json()["version"]})
    assert answer.status_code == 200, answer.text


async def is_missed_and_looked_for(world: World) -> None:
    """Have a trader knock during the yearly block, and compliance look into it."""
    token = await world.as_("trader")
    body = {"substitute": "other-trader", "reason": "yearly block"}
    days = {"first_day": "2026-11-02", "last_day": "2026-11-13"}
    planned = (await token.post("/api/absences", body | days)).json()
    path = f"/api/absences/{planned['id']}"
    accepted = await (await world.as_("other-trader")).post(
        f"{path}/acceptance", {"version": planned["version"]}
    )
    assert accepted.status_code == 200, accepted.text
    await settling.on_business_date(world, "2026-11-02")
    assert (await token.get("/api/positions")).status_code == 403
    looked = await (await world.as_("compliance")).post(f"{path}/reviews", {"finding": "an old screen"})
    assert looked.status_code == 201, looked.text


async def asks_two_custodians(world: World) -> None:
    """Ask for a new key, and for a recovery; nothing more is written after that."""
    custodian = await actor_named(world.bank, "log-custodian")
    rotation = RequestRotation(reason="yearly change", overlap=5)
    await world.bank.gate.perform(custodian, request_rotation, rotation, opening=True)
    recovery = RequestRecovery(found_size=1, size=2, root="00" * 32, reason="a drill")
    await world.bank.gate.perform(custodian, request_recovery, recovery, opening=True)


async def test_04_terms_lines_positions_and_numbers_changed_behind_the_gate_are_named(
    ready_bank: World,
) -> None:
    await settling.settled(ready_bank)
    other = await settling.captured(ready_bank)
    third = await settling.captured(ready_bank)
    fourth = await settling.captured(ready_bank)
    journal = (await rows(ready_bank, "SELECT id FROM public.journal ORDER BY booked_on LIMIT 1"))[0].id
    await by_force(
        ready_bank,
        f"UPDATE public.trade_version SET rate = rate * 2 WHERE trade_id = '{other.id}'",
        f"UPDATE public.position_movement SET amount = amount + 1 WHERE trade_id = '{third.id}' AND currency = 'EUR'",
        f"UPDATE public.deal_number SET number = 77 WHERE trade_id = '{fourth.id}'",
        f"UPDATE public.journal_line SET account = '9999' WHERE journal_id = '{journal}'",
    )

    found = await findings(ready_bank)

    assert {(one.kind, str(one.id)) for one in found} == {
        ("trade", other.id), ("trade", third.id), ("trade", fourth.id), ("journal", str(journal)),
    }  # fmt: skip


async def test_04_reservations_and_checks_changed_behind_the_gate_are_named(ready_bank: World) -> None:
    one, other, third = [await settling.captured(ready_bank) for _ in range(3)]
    day = settling.RATES | {"USD": "1.1668"}
    await settling.fix(ready_bank, "2026-10-27", day)
    fourth = await settling.captured(ready_bank)
    assert await findings(ready_bank) == []
    (fixing,) = await rows(ready_bank, "SELECT id FROM public.fixing_set WHERE day = '2026-10-27'")
    await by_force(
        ready_bank,
        f"UPDATE public.limit_reservation SET fixing_day = NULL WHERE trade_id = '{one.id}' AND amount <> 0",
        f"UPDATE public.market_check SET tolerance_bp = 1 WHERE trade_id = '{other.id}' AND seq = 1",
        f"UPDATE public.market_check SET deviation_bp = 0 WHERE trade_id = '{third.id}' AND seq = 2",
        f"DELETE FROM public.market_check WHERE trade_id = '{fourth.id}'",
    )

    found = {(row.kind, str(row.id)) for row in await findings(ready_bank)}

    assert found == {
        ("trade", one.id), ("trade", other.id), ("fixing_set", str(fixing.id)), ("trade", fourth.id),
    }  # fmt: skip


async def test_04_what_is_missing_and_what_nobody_entered_is_named(ready_bank: World) -> None:
    await settling.settled(ready_bank)
    before = await settling.captured(ready_bank)
    (party,) = await rows(ready_bank, "SELECT id FROM public.counterparty WHERE NOT own")
    (journal,) = await rows(ready_bank, "SELECT id FROM public.journal LIMIT 1")
    (grant,) = await rows(ready_bank, "SELECT gen_random_uuid() AS id")
    await by_force(
        ready_bank,
        "DELETE FROM public.counterparty WHERE NOT own",
        f"DELETE FROM public.journal_line WHERE journal_id = '{journal.id}'",
        f"DELETE FROM public.trade_version WHERE trade_id = '{before.id}'",
        f"INSERT INTO public.role_grant (id, rev, account_id, role, state, reason) SELECT '{grant.id}', 1, id, "
        "'releaser', 'executed', 'none' FROM public.account WHERE name = 'trader'",
    )

    found = {(one.kind, str(one.id)): one.sentence for one in await findings(ready_bank)}

    assert found.keys() == {
        ("counterparty", str(party.id)), ("journal", str(journal.id)), ("role_grant", str(grant.id)),
        ("trade", before.id),
    }  # fmt: skip
    assert found["counterparty", str(party.id)].endswith("is missing; the log knows it.")
    assert found["role_grant", str(grant.id)].endswith("is in no entry.")


async def test_04_history_rewritten_for_the_separation_of_duties_is_named(ready_bank: World) -> None:
    """``acts_of`` reads effects: whoever edits them could make one person look like two."""
    deal = await settling.verified(ready_bank)
    await publish(ready_bank)
    await by_force(
        ready_bank,
        "UPDATE public.audit_effect SET person = (SELECT person_id::text FROM public.account WHERE name = 'legal') "
        f"WHERE act = 'trade.capture' AND trade_id = '{deal.id}'",
        f"UPDATE public.audit_effect SET trade_id = NULL WHERE act = 'trade.verify' AND trade_id = '{deal.id}'",
    )

    found = await findings(ready_bank)

    assert {(one.kind, str(one.id)) for one in found} == {("trade", deal.id), ("trade_control", deal.id)}
    assert all(one.sentence.endswith("differs.") for one in found)


async def test_05_an_entry_taken_out_of_the_database_is_named(bank_world: World) -> None:
    made = await proposed(bank_world)
    await sign_in(bank_world, "trader", "auditor")
    await publish(bank_world)
    gone = f"(SELECT entry_id FROM public.audit_effect WHERE kind = 'proposal' AND id = '{made['proposal']}')"
    (place,) = await rows(bank_world, f"SELECT index FROM public.audit_index WHERE entry_id = {gone}")
    await by_force(bank_world, f"DELETE FROM public.audit_entry WHERE id = {gone}")

    found = await findings(bank_world)

    assert found[0].index == place.index
    assert "has no entry" in found[0].sentence
    assert verdict(bank_world).line() == VERIFIED


async def test_05_an_index_taken_out_leaves_a_gap_and_an_entry_without_place(bank_world: World) -> None:
    await sign_in(bank_world, "trader", "auditor")
    size = await publish(bank_world)
    await by_force(bank_world, f"DELETE FROM public.audit_index WHERE index = {size - 2}")

    sentences = [one.sentence for one in await findings(bank_world)]

    assert sentences[0] == f"The index jumps from {size - 3} to {size - 1}."
    assert "has no index and waits for none" in sentences[1]


async def test_06_a_pending_entry_taken_away_leaves_its_effects_behind(bank_world: World) -> None:
    await publish(bank_world)
    made = await proposed(bank_world)
    entry = made["receipt"]["entry"]
    pending = f"DELETE FROM public.audit_pending WHERE entry_id = '{entry}'"

    await by_force(bank_world, pending)
    (left_out,) = await findings(bank_world)
    await by_force(bank_world, f"DELETE FROM public.audit_entry WHERE id = '{entry}'")
    orphans = await findings(bank_world)
    await by_force(bank_world, f"DELETE FROM public.audit_effect WHERE entry_id = '{entry}'")
    unvouched = await findings(bank_world)

    assert (str(left_out.id), "waits for none" in left_out.sentence) == (entry, True)
    assert {(one.kind, str(one.id)) for one in orphans if one.kind == "proposal"} == {
        ("proposal", made["proposal"])
    }
    assert "an effect without its entry" in orphans[0].sentence
    assert [one.sentence for one in unvouched if one.kind == "proposal"] == [
        f"proposal {made['proposal']} is in no entry."
    ]


async def test_06_an_act_taken_away_without_a_trace_is_convicted_by_its_receipt(
    bank_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_on, "RECEIPT_DEADLINE_SECONDS", 1)
    await publish(bank_world)
    made = await proposed(bank_world)
    entry = made["receipt"]["entry"]
    await by_force(
        bank_world,
        f"DELETE FROM public.audit_pending WHERE entry_id = '{entry}'",
        f"DELETE FROM public.audit_entry WHERE id = '{entry}'",
        f"DELETE FROM public.audit_effect WHERE entry_id = '{entry}'",
        f"DELETE FROM public.work_item WHERE entry_id = '{entry}'",
        f"DELETE FROM public.proposal WHERE id = '{made['proposal']}'",
    )
    assert await findings(bank_world) == [], "inside the bank nothing is left of it"
    await publish(bank_world)
    early = verdict(bank_world, [made["receipt"]])
    await asyncio.sleep(1.1)
    await sign_in(bank_world, "auditor")
    await publish(bank_world)
    late = verdict(bank_world, [made["receipt"]])

    assert (early.verdict, early.check("V20").status) == (Verdict.INCOMPLETE, Status.MISSING)
    assert (late.verdict, late.check("V20").status) == (Verdict.TAMPERED, Status.FAILED)
    assert entry in late.check("V20").sentence
    assert verdict(bank_world).line() == VERIFIED, "without the receipt nobody would know"


async def test_38_a_flipped_byte_in_a_published_bundle_is_named(bank_world: World) -> None:
    await sign_in(bank_world, "trader", "auditor")
    size = await publish(bank_world)
    bundle = bank_world.bank.settings.log_directory / tiles.bundle_path(0, tiles.width_of(0, 0, size))
    whole = bundle.read_bytes()
    bundle.write_bytes(whole.replace(b'"act":"session.open"', b'"act":"session.opem"', 1))

    report = verdict(bank_world)
    found = await findings(bank_world)

    assert (report.verdict, report.check("V7").status) == (Verdict.TAMPERED, Status.FAILED)
    assert [one.index for one in found] == [report.first_bad_index]


async def test_an_entry_edited_before_it_is_published_stops_the_log(bank_world: World) -> None:
    await publish(bank_world)
    made = await proposed(bank_world)
    entry = f"id = '{made['receipt']['entry']}'"
    (kept,) = await rows(bank_world, f"SELECT bytes FROM public.audit_entry WHERE {entry}")
    edited = kept.bytes.replace(b"First counterparty", b"Other counterparty")
    await by_force(bank_world, f"UPDATE public.audit_entry SET bytes = '\\x{edited.hex()}' WHERE {entry}")

    with pytest.raises(LogContradiction, match="was edited in the database before"):
        await publish(bank_world)
    assert {one.kind for one in await findings(bank_world)} == {"audit_entry", "proposal"}

    # Whoever edits the leaf too gets it into the log, against the receipt and what the effects remember.
    leaf = f"leaf = sha256('\\x00{edited.hex()}')"
    await by_force(bank_world, f"UPDATE public.audit_entry SET {leaf} WHERE {entry}")
    await publish(bank_world)
    assert {one.kind for one in await findings(bank_world)} == {"proposal"}
    assert verdict(bank_world, [made["receipt"]]).check("V20").status is Status.MISSING


async def test_52_a_migration_that_spells_entries_anew_is_told_from_the_files(bank_world: World) -> None:
    await sign_in(bank_world, "trader", "auditor")
    await publish(bank_world)
    entries = await rows(bank_world, "SELECT id, bytes FROM public.audit_entry")
    (last,) = await rows(bank_world, "SELECT entry_id FROM public.audit_index ORDER BY index DESC LIMIT 1")
    for one in entries:
        if one.id != last.entry_id:
            spelled = json.dumps(json.loads(one.bytes)).encode().hex()
            await by_force(
                bank_world, f"UPDATE public.audit_entry SET bytes = '\\x{spelled}' WHERE id = '{one.id}'"
            )

    found = await findings(bank_world)

    assert found[0].index == 0
    assert verdict(bank_world).line() == VERIFIED


async def test_a_ruined_database_is_told_in_bounded_words(bank_world: World) -> None:
    await sign_in(bank_world, "trader")
    await publish(bank_world)
    await by_force(bank_world, "UPDATE public.audit_effect SET person = 'nobody'")

    found = await findings(bank_world)

    assert len(found) == 101
    assert found[-1].sentence.endswith("more of the kind: entry contradicts its columns or effects")
