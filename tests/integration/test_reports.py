"""What examiners ask for: who could do what on a date, told by the log, provable offline, and never read in silence."""

import csv
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from audit.bundle import verify_bundle
from audit.report import Verdict
from policies.vocabulary import READS, Action, Office
from service import reporting
from service.cli import Exit
from service.governance.queries import policy_then
from service.organisation import queries as organisation
from service.reports.queries import DayAhead, end_of, made
from service.reports.tables import REPORTS, USED_WITHIN_DAYS
from tests import settling
from tests.bank import PASSWORD, World
from tests.conftest import Template, a_copy
from tests.deals import rows
from tests.deputies import deputised
from tests.keeping import public_key, publish
from tests.parted import urls_of
from tests.rights import asked, disabled, granted, newcomer, person_of, requested, taken

WHY = {"purpose": "sample of the annual auditor"}


@pytest.fixture(scope="module")
async def world(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Give one bank in which somebody came, got a right, lost it and left, and something was refused."""
    async with a_copy(template, tmp_path_factory.mktemp("bank") / "data") as opened:
        MOMENTS["opened"] = opened.bank.gate.clock.now()
        await deputised(opened, "verifier", "confirmer", "verifier")
        person = await newcomer(opened, "Settlement and control", a_newcomer=Office.BACK_OFFICE)
        right = await granted(opened, "a-newcomer", "releaser")
        MOMENTS["held"] = opened.bank.gate.clock.now()
        assert (await taken(opened, "revocation", right)).status_code == 200
        gone = await person_of(opened, "a-newcomer")
        assert (await disabled(opened, gone)).status_code == 200
        settling.refused(
            await settling.post(opened, "trader", f"/api/trades/{person['id']}/verification", {"version": 1})
        )
        await publish(opened)
        yield opened


MOMENTS: dict[str, datetime] = {}


def today(world: World) -> str:
    return organisation.today(world.bank.gate.clock.now()).isoformat()


async def report(
    world: World, name: str, by: str = "compliance", on: str = "", **query: str
) -> dict[str, Any]:
    when = on or today(world)
    answer = await (await world.as_(by)).get(f"/api/reports/{name}", on=when, **{**WHY, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def lines(told: dict[str, Any], **wanted: str) -> list[dict[str, str]]:
    found = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    return [one for one in found if all(one[name] == value for name, value in wanted.items())]


# What they tell ---------------------------------------------------------------------------------------


async def test_who_held_what_is_told_as_of_any_instant(world: World) -> None:
    then = await report(world, "holders", on=MOMENTS["held"].isoformat())
    now = await report(world, "holders")

    (held,) = lines(then, Account="a-newcomer")
    assert (held["Role"], held["Office"], held["Unit"]) == (
        "releaser",
        "back_office",
        "Settlement and control",
    )
    assert lines(now, Account="a-newcomer") == []
    assert len(now["rows"]) == len(then["rows"]) - 1


async def test_who_could_do_an_act_follows_from_the_policy_that_was_in_force(world: World) -> None:
    told = await report(world, "able", act="settlement.release")
    assert {one["Account"] for one in lines(told)} == {"releaser", "other-releaser"}
    assert {one["Role"] for one in lines(told)} == {"releaser"}
    assert told["policy"] == world.bank.policy.version


async def test_duties_held_for_others_count_among_who_held_and_who_could(world: World) -> None:
    for told in (await report(world, "holders"), await report(world, "able", act="trade.verify")):
        (held,) = lines(told, Account="confirmer", Role="verifier")
        assert (held["Deputy for"], held["Until"] != "") == ("verifier", True)
    before = await report(world, "holders", on="2026-10-27T00:00:00Z" if today(world) > "2026-10-27" else "")
    assert lines(before, Account="confirmer", Role="verifier") == []


async def test_conflicts_and_reasons_follow_the_rules_of_that_day(world: World) -> None:
    told = await report(world, "access-concept")
    assert told["text"]["en"].startswith("# ")
    assert world.bank.policy.version in told["text"]["de"].splitlines()[0]
    assert "Rechte" in told["text"]["de"]
    now = world.bank.policy
    later = replace(now, version="sha256:" + "0" * 64, separation=())
    async with AsyncSession(world.bank.offices[Office.COMPLIANCE]) as session:
        then = await policy_then(session, later, now.version)
        assert then is not None
        assert then.separation == now.separation != ()
        assert await policy_then(session, later, "sha256:" + "1" * 64) is None


async def test_the_access_concept_says_what_each_role_may_and_why(world: World) -> None:
    told = await report(world, "access-concept")
    (row,) = lines(told, Role="releaser", Act="settlement.release")
    assert row == {
        "Office": "back_office",
        "Role": "releaser",
        "Act": "settlement.release",
        "Reason": "releases what another person prepared",
    }
    assert len(told["rows"]) == sum(len(acts) for acts in world.bank.policy.powers_of.values())


async def test_a_leaver_is_told_with_the_time_until_every_access_was_gone(world: World) -> None:
    told = await report(world, "comings-and-goings")
    events = lines(told, Person="a newcomer")
    assert [one["Event"] for one in events] == ["person.register", "person.disable"]
    assert events[1]["Hours"] == "0.00"


async def test_who_tried_what_is_told_with_the_rule(world: World) -> None:
    told = await report(world, "denied")
    (tried,) = lines(told, Account="trader", Act="trade.verify")
    assert tried["Refused as"] == "not_permitted"


async def test_a_sound_bank_has_no_conflicts_and_its_services_have_owners(world: World) -> None:
    assert (await report(world, "conflicts"))["rows"] == []
    services = lines(await report(world, "services"))
    assert {one["Account"] for one in services} >= {f"svc.{office}" for office in Office}
    assert all(one["Owner"] for one in services)


async def test_ORG_01_a_right_that_nobody_used_is_on_the_list(world: World) -> None:
    assert (await report(world, "unused-rights"))["rows"] == [], "nobody has held a right for long"
    long_after = MOMENTS["opened"] + timedelta(days=USED_WITHIN_DAYS)
    async with AsyncSession(world.bank.offices[Office.COMPLIANCE]) as session:
        asked_for = session, world.bank.policy, REPORTS["unused-rights"]
        early, _, _ = await made(*asked_for, long_after - timedelta(days=1), Action.TRADE_CAPTURE)
        table, _, _ = await made(*asked_for, long_after, Action.TRADE_CAPTURE)
    assert early.rows == []
    unused = {(row[0], row[2]) for row in table.rows}
    assert ("closer", "closer") in unused
    assert ("rights-admin", "rights_admin") not in unused


def test_the_day_of_a_report_ends_in_berlin() -> None:
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert end_of("2026-06-29", late) == datetime(2026, 6, 29, 22, tzinfo=UTC)
    assert end_of("2026-12-01", datetime(2026, 12, 3, tzinfo=UTC)) == datetime(2026, 12, 1, 23, tzinfo=UTC)
    assert end_of("2026-07-01", late) == late, "the day has begun in Berlin"
    with pytest.raises(DayAhead):
        end_of("2026-07-02", late)


async def test_power_over_access_and_over_the_log_is_on_the_list(world: World) -> None:
    roles = {one["Role"] for one in lines(await report(world, "privileged"))}
    assert roles >= {"rights_admin", "log_custodian"}
    assert not roles & {"trader", "verifier", "releaser"}


# Proof ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(REPORTS))
async def test_each_report_leaves_the_house_with_proof_of_what_it_stands_on(
    world: World, tmp_path: Path, name: str
) -> None:
    body = {"on": today(world), "reason": "asked for by the supervisor"}
    answer = await (await world.as_("auditor")).post(f"/api/reports/{name}/evidence", body)
    assert answer.status_code == 201, answer.text
    file = await (await world.as_("auditor")).get(answer.json()["download"])
    pack = tmp_path / "pack.zip"
    pack.write_bytes(file.content)

    assert answer.json()["verdict"] == "VERIFIED"
    assert verify_bundle(pack, public_key(world)).verdict is Verdict.VERIFIED
    with zipfile.ZipFile(pack) as zipped:
        told = json.loads(zipped.read("report.json"))
        entries = {one for one in zipped.namelist() if one.startswith("entries/")}
    assert (told["report"], len(told["rows"])) == (
        name,
        len((await report(world, name, by="auditor"))["rows"]),
    )
    assert {f"entries/{index:08d}.json" for index in told["facts"]} <= entries


async def test_from_the_command_line_it_comes_as_table_and_pack(world: World, tmp_path: Path) -> None:
    settings = replace(world.bank.settings, database_url=world.bank.admin_url, office_urls=urls_of(world))
    wish = reporting.Wish("holders", today(world), "sample of the annual auditor", out=tmp_path)
    await publish(world)
    world.bank.keeper.start()
    done = await reporting.report(settings, world.bank.admin_url, "auditor", PASSWORD, wish)
    refused = await reporting.report(settings, world.bank.admin_url, "trader", PASSWORD, wish)

    assert (done.exit, done.told["verdict"], refused.exit) == (Exit.OK, "VERIFIED", Exit.REFUSED)
    with (tmp_path / "holders.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.reader(stream))) == done.told["rows"] + 1
    assert verify_bundle(tmp_path / "holders.zip", public_key(world)).verdict is Verdict.VERIFIED


# Who may, and what it leaves --------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["trader", "verifier", "rights-admin", "board-back", "log-custodian"])
async def test_reports_are_for_compliance_audit_and_examiners_alone(world: World, who: str) -> None:
    caller = await world.as_(who)
    answers = [
        await caller.get("/api/reports"),
        await caller.get("/api/reports/holders", on="2026-10-27", **WHY),
        await caller.post("/api/reports/holders/evidence", {"on": "2026-10-27", "reason": "curious"}),
    ]
    assert [one.status_code for one in answers] == [403, 403, 403]


async def test_ORG_16_whoever_reads_about_persons_says_what_for_and_it_stands_in_the_log(
    world: World,
) -> None:
    caller = await world.as_("compliance")
    silent = await caller.get("/api/reports/holders", on="2026-10-27")
    assert (silent.status_code, silent.json()["code"], silent.json()["rule"]) == (400, "no_purpose", "ORG-16")

    await report(world, "holders", purpose="sample 7 of 25")
    query = (
        "SELECT convert_from(bytes, 'UTF8')::jsonb->'data' AS data FROM audit_entry "
        "WHERE act = 'report.read' AND outcome = 'allow' ORDER BY recorded_at DESC LIMIT 1"
    )
    (entry,) = await rows(world, query)
    assert entry.data["path"] == "/api/reports/holders"
    assert "purpose=sample%207%20of%2025" in entry.data["query"].replace("+", "%20")


async def test_ORG_16_there_is_no_report_on_how_much_a_person_did(world: World) -> None:
    answer = await (await world.as_("compliance")).get("/api/reports/productivity", on="2026-10-27", **WHY)
    assert answer.status_code == 404


async def test_what_cannot_be_a_day_or_an_act_is_said(world: World) -> None:
    caller = await world.as_("compliance")
    for query, status in (
        ({"on": "27.10.2026"}, 400),
        ({"on": "2999-01-01"}, 422),
        ({"on": "2026-10-27", "act": "trade.invent"}, 400),
        ({"on": "2026-10-27", "purpose": "x"}, 400),
        ({"on": "2026-10-27", "person": "x"}, 400),
    ):
        answer = await caller.get("/api/reports/holders", **{**WHY, **query})
        assert answer.status_code == status, (query, answer.text)


async def test_the_pages_show_each_report_in_both_languages(world: World) -> None:
    token = (await world.as_("compliance")).client.headers["authorization"].split()[1]
    for language, word in (("en", "Who held which role"), ("de", "Wer welche Rolle hatte")):
        headers = {"Cookie": f"__Host-trennwand={token}", "Accept-Language": language}
        async with world.anonymous(headers) as browser:
            listed = await browser.get("/reports")
            shown = await browser.get("/reports/holders", params={"on": "", **WHY})
            silent = await browser.get("/reports/holders")
        assert (listed.status_code, shown.status_code, silent.status_code) == (200, 200, 400)
        assert word in listed.text
        assert "rights-admin" in shown.text


# Internal audit ---------------------------------------------------------------------------------------


async def test_ORG_10_no_administrator_narrows_what_internal_audit_reads(world: World) -> None:
    """There is no such act: a right has no scope, the policy knows no denial, and the login reads every table."""
    policy = world.bank.policy
    hidden = READS - policy.powers(("auditor",))
    assert hidden == frozenset()
    narrowing = {"portfolio": "FX-EUR", "scope": "FX-EUR", "exclude": "FX-EUR", "without": ["trade.read"]}
    body = {"account": "auditor", "role": "auditor", "reason": "sees too much"}
    for name, value in narrowing.items():
        answer = await (await world.as_("rights-requester")).post("/api/grants", {**body, name: value})
        assert answer.status_code == 400, answer.text
    tables = await asked(world, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    login = world.bank.offices[Office.INTERNAL_AUDIT]
    async with login.connect() as connection:
        unread = [
            row.tablename
            for row in tables
            if not (
                await connection.exec_driver_sql(
                    f"SELECT has_any_column_privilege('public.{row.tablename}', 'SELECT')"
                )
            ).scalar_one()
        ]
    assert not set(unread) & {
        "trade",
        "trade_version",
        "role_grant",
        "person",
        "account",
        "journal",
        "audit_entry",
    }


async def test_ORG_10_internal_audit_changes_no_business(world: World) -> None:
    policy = world.bank.policy
    everybodys = frozenset.intersection(
        *(policy.powers((role,)) for role in policy.roles if not role.startswith("svc_"))
    )
    on_reports_alone = {Action.CASE_ACKNOWLEDGE, Action.EVIDENCE_EXPORT, Action.ESCALATION_ANSWER}
    assert policy.powers(("auditor",)) - READS - everybodys == on_reports_alone
    answer = await (await world.as_("auditor")).post("/api/trades", settling.TERMS)
    assert answer.status_code == 403


async def test_S_26_an_examiner_from_outside_gets_no_role_of_the_house(world: World) -> None:
    await newcomer(world, "Internal audit", an_examiner=Office.INTERNAL_AUDIT)
    await granted(world, "an-examiner", "examiner")
    answer = await requested(world, "an-examiner", "auditor")
    assert (answer.status_code, answer.json()["rule"]) == (403, "S-26")


async def test_ORG_01_nobody_asks_for_a_single_permission_outside_a_role(world: World) -> None:
    body = {"account": "verifier", "role": "settlement.release", "reason": "only this once"}
    answer = await (await world.as_("rights-requester")).post("/api/grants", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "foreign_role")
