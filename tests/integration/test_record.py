"""What every entry holds: who, in which unit and on which line, by which rules, after whose acts; and no name."""

import json
import re
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar.handlers import HTTPRouteHandler

from audit.bundle import verify_bundle
from audit.report import Status, Verdict
from policies import policy as policies
from policies.vocabulary import Action, Office
from service import bank as banks
from service.compliance import retention
from service.compliance.rendering import sentence
from service.demo.access import actor_named
from service.faces import Allows
from service.gate import translated
from service.kernel.identifiers import traced
from service.migrations import schema
from service.migrations.schema import SchemaDiffers
from service.migrations.upgrade import upgrade
from tests import settling
from tests.bank import World, world
from tests.conftest import Template, a_copy
from tests.deals import by_force, moved_to_control, rows
from tests.intruders import intruder_of
from tests.keeping import public_key, publish, verdict
from tests.settling import Deal, done, refused

SENSITIVE = {
    "/api/documents/{document:uuid}",
    "/api/entries", "/api/evidence/trades/{trade:uuid}", "/api/evidence/{digest:str}", "/api/grants",
    "/api/instructions", "/api/persons", "/api/proposals", "/audit/v1/tile/entries/{path:path}",
    "/entries", "/entries/{entry_id:uuid}", "/evidence/{digest:str}", "/proposals", "/rights", "/routes",
    "/api/conflicts", "/api/monitored", "/api/reports/{name:str}", "/api/staff-events", "/reports/{name:str}",
    "/staff-events", "/api/controls", "/api/denials", "/api/persons/{person:uuid}/history", "/controls", "/denials",
    "/api/entries/trades/{trade:uuid}", "/entries/trades/{trade:uuid}", "/persons", "/persons/{person:uuid}",
    "/api/persons/{person:uuid}/sessions", "/documents/{document:uuid}", "/persons/{person:uuid}/accounts",
    "/unused-rights", "/api/unused-rights",
}  # fmt: skip


async def entries(world: World) -> list[dict[str, Any]]:
    found = await rows(world, "SELECT bytes FROM audit_entry ORDER BY recorded_at, id")
    return [json.loads(row.bytes) for row in found]


def of(told: list[dict[str, Any]], act: str, trade: str) -> dict[str, Any]:
    return next(one for one in told if one["act"] == act and one.get("links", {}).get("trade") == trade)


async def test_DOC_03_an_entry_says_who_acted_where_by_which_rules_and_after_whom(ready_bank: World) -> None:
    deal = await settling.captured(ready_bank)
    caller = await ready_bank.as_("verifier")
    done(await caller.post(f"/api/trades/{deal.id}/verification", {"version": 1}, key="my-own-number-7"))
    await settling.drain(ready_bank)
    told = await entries(ready_bank)
    capture, verify = of(told, "trade.capture", deal.id), of(told, "trade.verify", deal.id)
    person = await actor_named(ready_bank.bank, "verifier")

    assert verify["actor"] == {
        "account": str(person.account), "board": person.board, "office": "back_office", "person": str(person.person),
        "roles": ["verifier"], "sess": verify["actor"]["sess"], "type": "human", "unit": str(person.unit),
    }  # fmt: skip
    assert verify["decision"]["rules"] == ["P:verifier:trade.verify", "D-01", "D-11"]
    assert verify["decision"]["policy"] == ready_bank.bank.policy.version
    assert verify["data"]["four_eyes"] == [capture["id"]], "whose act this one was kept apart from"
    assert verify["req"] == traced("my-own-number-7")
    (asked,) = capture["data"]["opens"]
    assert verify["data"]["closes"] == [{"kind": asked["kind"], "subject": asked["subject"]}]
    draft = of(told, "confirmation.draft", deal.id)
    assert (draft["actor"]["type"], "sess" in draft["actor"]) == ("service", False)
    handed_on = {(one["kind"], one["subject"]) for one in verify["data"]["opens"]}
    assert {(one["kind"], one["subject"]) for one in draft["data"]["closes"]} <= handed_on
    assert capture["data"]["terms"]["executed_at"] == settling.TERMS["executed_at"].replace("Z", ".000000Z")
    assert capture["ts"] > capture["data"]["terms"]["executed_at"]


async def test_what_was_cancelled_links_its_request_with_its_decision(ready_bank: World) -> None:
    deal = await settling.verified(ready_bank)
    await settling.drain(ready_bank)
    await deal.cancel()
    told = await entries(ready_bank)
    request, approval = of(told, "cancellation.request", deal.id), of(told, "request.approve", deal.id)

    assert request["id"] in approval["data"]["four_eyes"]
    assert {"D-01", "D-03", "D-04"} <= {*approval["decision"]["rules"]}
    assert "reason: entered for the wrong counterparty" in sentence(request, "en")
    assert "Grund: agreed with the counterparty" in sentence(approval, "de")


async def test_the_database_takes_no_human_for_a_service(bank_world: World) -> None:
    intruder = await intruder_of(bank_world, Office.FRONT_OFFICE)
    for changed in ({"type": "service"}, {"type": "batch"}):
        with pytest.raises(Exception, match="cannot append") as refusal:
            await intruder.append(intruder.line(actor=intruder.me.frozen_view() | changed))
        assert translated(refusal.value) is None
    without = {name: value for name, value in intruder.me.frozen_view().items() if name != "type"}
    with pytest.raises(Exception, match="cannot append"):
        await intruder.append(intruder.line(actor=without))


async def test_no_entry_of_a_bank_at_work_holds_a_name(ready_bank: World, tmp_path: Path) -> None:
    """DOC, data protection: persons are in the log by identifiers only."""
    deal = await settling.settled(ready_bank)
    refused(await deal.do("other-trader", "verification"))
    await moved_to_control(ready_bank)
    admin = await ready_bank.as_("rights-requester")
    unit = (await rows(ready_bank, "SELECT name FROM unit WHERE function_class = 'legal'"))[0].name
    person = done(await admin.post("/api/persons", {"name": "Secret Name", "unit": unit}))
    body = {"name": "secretname", "person": person["id"], "office": "legal"}
    done(await (await ready_bank.as_("rights-admin")).post("/api/accounts", body))
    compliance = await ready_bank.as_("compliance")
    for actor in ("other-trader", "nobody-of-this-name"):
        await compliance.get("/api/entries", actor=actor, limit=1)
    async with ready_bank.anonymous() as client:
        wrong = {"account": "other-trader", "password": "not the password"}
        assert (await client.post("/api/sessions", json=wrong)).status_code == 401
    told = [json.dumps(one, ensure_ascii=False) for one in await entries(ready_bank)]
    names = await rows(ready_bank, "SELECT name FROM account UNION SELECT name FROM person")
    roles = {*ready_bank.bank.policy.roles, *map(str, Office)}
    hidden = {row.name for row in names} - roles - {"legal", "compliance", "verifier"}

    assert {"other-trader", "rights-admin", "Secret Name", "secretname", "mover-control"} <= hidden
    found = {
        name
        for name in hidden
        for line in told
        if re.search(rf"(?<![A-Za-z-]){re.escape(name)}(?![A-Za-z-])", line)
    }
    assert found == set()
    assert "nobody-of-this-name" not in "".join(told)


async def test_every_entry_of_a_bank_at_work_is_told_in_both_languages(ready_bank: World) -> None:
    """DOC-01: expert third parties understand each record."""
    deal = await settling.settled(ready_bank)
    refused(await deal.do("trader", "verification"))
    for entry in await entries(ready_bank):
        for language in ("de", "en"):
            told = sentence(entry, language)
            assert "did " not in told, told
            assert told.endswith("."), told


def test_every_act_has_a_class_of_retention() -> None:
    """DOC-05: a retention class per record type."""
    nouns = {action.value.partition(".")[0] for action in Action}

    assert nouns == set(retention.PLAN)
    assert set(retention.PLAN.values()) == set(retention.CLASSES)
    assert all(kept.years >= kept.demanded_years for kept in retention.CLASSES.values())
    assert retention.class_of("weather.forecast") == "books"


def test_these_reads_are_entries_and_no_others(template: Template, bank_world: World) -> None:
    found = {
        route.path
        for route in bank_world.app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
        and "GET" in handler.http_methods
        and any(isinstance(guard, Allows) and guard.sensitive for guard in handler.resolve_guards())
    }

    assert found == SENSITIVE
    assert template


# The schema ----------------------------------------------------------------------------------------


async def test_the_schema_in_force_is_an_entry_with_its_statements_as_documents(bank_world: World) -> None:
    told = await entries(bank_world)
    (published,) = [one for one in told if one["act"] == "schema.publish"]
    data = bank_world.bank.settings.data

    assert published["data"]["schema"] == schema.version()
    assert published["data"]["retention"]["nouns"]["trade"] == "vouchers"
    for name, filed in published["data"]["texts"].items():
        assert (data / "documents" / filed["sha256"]).read_bytes() == schema.texts()[name]
    starts = [one["data"]["schema"] for one in told if one["act"] == "log.restart"]
    assert set(starts) == {schema.version()}
    stored = await rows(bank_world, "SELECT revision, digest FROM schema_epoch")
    assert [(row.revision, row.digest) for row in stored] == [("0001", schema.version())]


async def test_a_release_does_not_start_on_another_releases_database(bank_world: World) -> None:
    bank = bank_world.bank
    url = bank.offices[Office.LOG].url.set(username=None, password=None).database
    prefix = (
        await rows(
            bank_world, "SELECT replace(login, '_log', '') AS prefix FROM office_login WHERE office = 'log'"
        )
    )[0]
    again = await upgrade(bank.admin_url, bank.settings.data, bank.policy, prefix.prefix)
    assert again[Office.LOG], url

    await by_force(bank_world, "UPDATE schema_epoch SET digest = 'sha256:other'")
    with pytest.raises(SchemaDiffers, match=r"schema 0001 \(sha256:other\) of another release.*--fresh"):
        await upgrade(bank.admin_url, bank.settings.data, bank.policy, prefix.prefix)
    await by_force(bank_world, f"UPDATE schema_epoch SET revision = '0002', digest = '{schema.version()}'")
    with pytest.raises(SchemaDiffers, match="of a later release"):
        await upgrade(bank.admin_url, bank.settings.data, bank.policy, prefix.prefix)
    await by_force(bank_world, "DROP TABLE schema_epoch")
    with pytest.raises(SchemaDiffers, match="without a digest"):
        await upgrade(bank.admin_url, bank.settings.data, bank.policy, prefix.prefix)


# Decided again -------------------------------------------------------------------------------------


def other_policy(folder: Path) -> policies.Policy:
    """A policy in which confirmers send deals back, and verifiers no longer do."""
    shutil.copytree(policies.HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "policy.csv"
    text = file.read_text()
    assert "p, verifier, trade.return," in text
    file.write_text(text.replace("p, verifier, trade.return,", "p, confirmer, trade.return,"))
    return policies.load(folder)


async def test_decisions_before_and_after_a_change_of_policy_come_out_the_same_again(
    template: Template, tmp_path: Path
) -> None:
    changed = other_policy(tmp_path / "policy")
    async with a_copy(template, tmp_path / "bank") as here:
        await settling.set_up(here)
        deal = await settling.captured(here)
        done(await deal.do("verifier", "return", reason="the rate is not on the ticket"))
        bank = here.bank
        prefix = (
            await rows(here, "SELECT replace(login, '_log', '') AS p FROM office_login WHERE office = 'log'")
        )[0].p
        await upgrade(bank.admin_url, bank.settings.data, changed, prefix)
        urls = {
            office: engine.url.render_as_string(hide_password=False)
            for office, engine in bank.offices.engines.items()
        }
        async with banks.running(
            bank.settings, bank.admin_url, urls, policy=changed, keep_log=False
        ) as later:
            then = world(later)
            deal_of_later = await settling.captured(then)
            answer = await Deal(then, deal_of_later.id).do("verifier", "return", reason="x")
            assert refused(answer) == (403, "not_permitted", "P:absent")
            await publish(then)
            now = (await rows(then, "SELECT max(recorded_at) AS at FROM audit_entry"))[0].at.isoformat()
            body = {"scope": "period", "from": "2020-01-01", "to": now, "reason": "which rules were in force"}
            told = done(await settling.post(then, "auditor", "/api/evidence", body))
            pack = later.settings.data / "evidence" / "internal_audit" / f"{told['sha256']}.zip"
            report = verify_bundle(pack, public_key(then))
            await then.close()
            versions = {
                one["data"]["policy"] for one in await entries(here) if one["act"] == "policy.publish"
            }

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert (report.check("V17").status, report.check("V28").status) == (Status.OK, Status.OK)
    assert versions == {template.policy.version, changed.version}
    assert any(remark.endswith("decided again by the policies they name.") for remark in report.remarks)
    assert UUID(deal.id)


async def test_DOC_03_the_log_of_a_bank_verifies_with_all_of_this_in_it(ready_bank: World) -> None:
    await settling.settled(ready_bank)
    await publish(ready_bank)
    report = verdict(ready_bank)

    assert report.verdict is Verdict.VERIFIED, report.lines()
