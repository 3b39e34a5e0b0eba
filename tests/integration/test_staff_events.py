"""Joiners, movers and leavers: what ends, ends the same day; what somebody left, they keep from for a time."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from policies.vocabulary import Office
from service.demo.access import actor_named, token_for
from service.kernel.working_hours import BERLIN
from service.people.directory import actor_of_token
from service.staff_files import StaffFile, report_rows
from tests.bank import World
from tests.conftest import Template, a_copy
from tests.deals import a_desk, by_force, captured, rows
from tests.deputies import deputised
from tests.rights import acts_of, granted, newcomer, person_of, refused_as, requested


@pytest.fixture(scope="module")
async def here(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with a_copy(template, Path(tmp_path_factory.mktemp("staff")) / "bank") as world:
        await a_desk(world)
        yield world


def today(world: World) -> str:
    return str(world.bank.gate.clock.now().date())


async def reported(
    world: World, event: str, number: str, by: str = "rights-admin", **more: Any
) -> httpx.Response:
    body = {"staff_number": number, "event": event, "effective_on": today(world), **more}
    return await (await world.as_(by)).post("/api/staff-events", body)


async def number_of(world: World, account: str) -> str:
    return str((await person_of(world, account))["staff_number"])


async def joined(world: World, number: str, unit: str, **accounts: Office) -> dict[str, Any]:
    """Let somebody join by the personnel department's report, and open their accounts."""
    answer = await reported(world, "joiner", number, unit=unit, name="a joiner")
    assert answer.status_code == 201, answer.text
    for name, office in accounts.items():
        body = {"name": name.replace("_", "-"), "person": answer.json()["person"], "office": office.value}
        opened = await (await world.as_("rights-admin")).post("/api/accounts", body)
        assert opened.status_code == 201, opened.text
    return dict(answer.json())


# ORG-04 -------------------------------------------------------------------------------------------


async def test_ORG_04_a_deputy_who_moves_stands_in_for_nobody_any_more(bank_world: World) -> None:
    await deputised(bank_world, "verifier", "confirmer", "verifier")
    before = await actor_named(bank_world.bank, "confirmer")
    assert "verifier" in before.roles

    number = await number_of(bank_world, "confirmer")
    moved = await reported(bank_world, "mover", number, unit="Legal")

    assert moved.status_code == 201, moved.text
    left = await rows(
        bank_world, "SELECT public.roles_held(id) AS held FROM public.account WHERE name = 'confirmer'"
    )
    assert [one.held for one in left] == [[]]


async def test_ORG_04_a_leaver_has_nothing_left_the_same_day(here: World) -> None:
    await joined(here, "E-100", "Settlement and control", leaving_settler=Office.BACK_OFFICE)
    await granted(here, "leaving-settler", "settler")
    token = await token_for(here.bank, "leaving-settler")
    pending = await requested(here, "leaving-settler", "confirmer")
    assert pending.status_code == 201

    left = await reported(here, "leaver", "E-100")

    assert (left.status_code, left.json()["rights_ended"]) == (201, 2)
    assert await actor_of_token(here.bank.offices, token) is None
    person = await person_of(here, "leaving-settler")
    assert (person["disabled"], {one["disabled"] for one in person["accounts"]}) == (True, {True})
    held = await (await here.as_("auditor")).get("/api/grants", person=person["id"])
    assert {one["state"] for one in held.json()["items"]} == {"revoked"}
    waiting = await rows(here, "SELECT id FROM work_item WHERE subject_id = :id AND closed_entry_id IS NULL",
                         id=pending.json()["id"])  # fmt: skip
    assert waiting == []
    assert refused_as(await reported(here, "leaver", "E-100")) == (409, "disabled", None)


async def test_ORG_03_a_staff_number_is_never_given_twice(here: World) -> None:
    await joined(here, "E-200", "Legal")
    assert (await reported(here, "leaver", "E-200")).status_code == 201

    again = await reported(here, "joiner", "E-200", unit="Legal", name="somebody else")
    registered = await (await here.as_("rights-requester")).post(
        "/api/persons", {"name": "somebody else", "unit": "Legal", "staff_number": "E-200"}
    )

    for refused in (again, registered):
        assert refused_as(refused) == (409, "used_number", "ORG-03")


@pytest.mark.parametrize(
    ("event", "more", "code", "field"),
    [
        ("joiner", {"unit": "Legal"}, "part_missing", "name"),
        ("mover", {}, "part_missing", "unit"),
        ("leaver", {"unit": "Legal"}, "part_missing", "unit"),
        ("mover", {"unit": "Nowhere"}, "unknown_unit", "unit"),
        ("applies", {"unit": "Legal"}, "no_desk", "unit"),
        ("leaver", {"effective_on": "2999-01-01"}, "not_yet_due", "effective_on"),
    ],
)
async def test_an_event_says_what_its_kind_needs(
    here: World, event: str, more: dict[str, str], code: str, field: str
) -> None:
    refused = await reported(here, event, await number_of(here, "accountant"), **more)
    assert (*refused_as(refused)[:2], refused.json()["field"]) == (422, code, field)


async def test_nobody_reports_themselves_and_no_other_office_reports_anybody(here: World) -> None:
    own = await reported(here, "leaver", await number_of(here, "rights-admin"))
    assert refused_as(own) == (403, "own_matter", None)
    for account in ("trader", "verifier", "rights-owner", "compliance"):
        assert (await reported(here, "leaver", "P-0001", by=account)).status_code == 403
    assert (await reported(here, "leaver", "P-9999")).status_code == 404


# A-11, SEG-09, D-12 -------------------------------------------------------------------------------


async def test_A_11_whoever_moves_from_control_to_a_desk_leaves_every_right_behind_and_is_watched(
    here: World,
) -> None:
    who = await joined(
        here,
        "E-300",
        "Settlement and control",
        turned_verifier=Office.BACK_OFFICE,
        turned_trader=Office.FRONT_OFFICE,
    )
    await granted(here, "turned-verifier", "verifier")

    moved = await reported(here, "mover", "E-300", unit="FX desk")

    assert (moved.status_code, moved.json()["rights_ended"]) == (201, 1)
    left = await (await here.as_("auditor")).get("/api/grants", person=who["person"], state="executed")
    assert left.json()["items"] == [], "zero rest rights"
    assert "trade.verify" not in await acts_of(here, "turned-verifier")
    await granted(here, "turned-trader", "trader")
    deal = await captured(here, "turned-trader")
    one = await watched(here, who["person"])
    assert (one["from"], one["control"], one["deals"]) == ("Settlement and control", "A-11", [deal["id"]])
    assert one["until"] > str(here.bank.gate.clock.now().date() + timedelta(days=330))
    first = datetime.combine(
        date.fromisoformat(one["since"]), time(), BERLIN
    )  # the first instant of their first day
    for instant, deals in ((first, [deal["id"]]), (first - timedelta(seconds=1), [])):
        await by_force(
            here, f"UPDATE trade SET captured_at = '{instant.isoformat()}' WHERE id = '{deal['id']}'"
        )
        assert (await watched(here, who["person"]))["deals"] == deals
    await by_force(here, f"UPDATE trade SET captured_at = '{deal['captured_at']}' WHERE id = '{deal['id']}'")
    for account in ("trader", "verifier"):
        assert (await (await here.as_(account)).get("/api/monitored")).status_code == 403


async def watched(world: World, person: str) -> dict[str, Any]:
    """Return what compliance sees of a person who came from control to a desk."""
    told = (await (await world.as_("compliance")).get("/api/monitored")).json()["items"]
    (one,) = [each for each in told if each["person"] == person]
    return dict(one)


async def test_D_12_whoever_left_a_desk_controls_nothing_of_it_and_may_control_another(here: World) -> None:
    """SEG-09: on day one after the move, another trader's deal of the former desk is refused; another desk's is not."""
    await joined(
        here, "E-400", "FX desk", moved_trader=Office.FRONT_OFFICE, moved_verifier=Office.BACK_OFFICE
    )
    await granted(here, "moved-trader", "trader")
    assert (await reported(here, "mover", "E-400", unit="Settlement and control")).status_code == 201
    await granted(here, "moved-verifier", "verifier")
    theirs, another = await captured(here, "other-trader"), await captured(here, "other-trader")
    verifier = await here.as_("moved-verifier")

    for path, more in (("verification", {}), ("return", {"reason": "wrong rate"})):
        refused = await verifier.post(f"/api/trades/{theirs['id']}/{path}", {"version": 1, **more})
        assert refused_as(refused) == (403, "cooling_off", "D-12"), path
    batch = [{"action": "trade.verify", "command": {"trade_id": theirs["id"], "version": 1}}]
    (outcome,) = (await verifier.post("/api/acts", batch)).json()
    assert (outcome["status"], outcome["problem"]["rule"]) == (403, "D-12")
    await belongs_to_another_desk(here, another["id"])
    assert (
        await verifier.post(f"/api/trades/{another['id']}/verification", {"version": 1})
    ).status_code == 200


async def belongs_to_another_desk(world: World, trade: str) -> None:
    await by_force(
        world,
        "UPDATE portfolio SET desk_id = (SELECT id FROM unit WHERE code = 'FX-2') "
        f"WHERE id = (SELECT portfolio_id FROM trade WHERE id = '{trade}')",
    )


async def test_ORG_11_internal_audit_takes_no_evidence_of_its_own_former_desk_for_a_year(
    bank_world: World,
) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    person = await newcomer(bank_world, "FX desk", former_trader=Office.INTERNAL_AUDIT)
    admin = await bank_world.as_("rights-admin")
    body = {"version": 1, "unit": "Internal audit", "reason": "changes the job"}
    assert (await admin.post(f"/api/persons/{person['id']}/move", body)).status_code == 200
    await granted(bank_world, "former-trader", "auditor")

    refused = await (await bank_world.as_("former-trader")).post(
        "/api/evidence", {"scope": "trade", "trade": deal["id"], "reason": "an audit"}
    )

    assert refused_as(refused) == (403, "cooling_off", "ORG-11")


async def test_A_17_whoever_has_applied_to_a_desk_is_kept_from_its_deals(bank_world: World) -> None:
    await a_desk(bank_world)
    number, deal = await number_of(bank_world, "other-verifier"), await captured(bank_world)
    assert (await reported(bank_world, "applies", number, unit="FX desk")).status_code == 201
    verifier = await bank_world.as_("other-verifier")

    refused = await verifier.post(f"/api/trades/{deal['id']}/verification", {"version": 1})
    assert refused_as(refused) == (403, "applied_there", "A-17")
    assert (await reported(bank_world, "withdraws", number, unit="FX desk")).status_code == 201
    assert refused_as(await reported(bank_world, "withdraws", number, unit="Second FX desk"))[:2] == (
        409,
        "not_applied",
    )
    assert (await verifier.post(f"/api/trades/{deal['id']}/verification", {"version": 1})).status_code == 200


# Files --------------------------------------------------------------------------------------------


async def test_a_file_of_events_tells_each_bad_row_and_loses_none(here: World, tmp_path: Path) -> None:
    day = today(here)
    file = tmp_path / "staff.csv"
    file.write_text(
        "staff_number,event,effective_on,unit,name\n"
        f"E-500,joiner,{day},Legal,A joiner\n"
        f"E-500,joiner,{day},Legal,Another joiner\n"
        f"E-501,joined,{day},Legal,A joiner\n"
        f"E-502,joiner,{day},Nowhere,A joiner\n"
        f'E-503,joiner,{day},Legal,"trader, back_office"\n'
        f"E-504,joiner,{day}\n"
        f"E-500,leaver,{day},,\n",
        encoding="utf-8",
    )
    admin, report = await actor_named(here.bank, "rights-admin"), tmp_path / "report.csv"
    session = await actor_of_token(here.bank.offices, await token_for(here.bank, "rights-admin"))
    assert session is not None
    assert session.person == admin.person

    outcome = await report_rows(here.bank.gate, session, StaffFile(file, report))

    assert outcome.told["rows"] == 7
    assert (outcome.told["entered"], outcome.told["refused"], outcome.exit.value) == (2, 5, 3)
    told = report.read_text(encoding="utf-8-sig").splitlines()
    assert len(told) == 8
    assert ("used_number" in told[2], "event" in told[3], "unknown_unit" in told[4]) == (True, True, True)
    again = await report_rows(here.bank.gate, session, StaffFile(file, tmp_path / "again.csv"))
    assert again.told["entered before"] == 2
    (found,) = await rows(here, "SELECT count(*) AS n FROM person WHERE staff_number LIKE 'E-50%'")
    assert found.n == 1


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"staff_number,event\nE-1,leaver\n", 1),
        (b"staff_number,event,effective_on,shoe_size\nE-1,leaver,2026-01-01,44\n", 1),
        (b"\xff\xfe\x00", 1),
    ],
)
async def test_a_file_that_is_no_table_of_events_changes_nothing(
    here: World, tmp_path: Path, content: bytes, line: int
) -> None:
    file = tmp_path / "staff.csv"
    file.write_bytes(content)
    session = await actor_of_token(here.bank.offices, await token_for(here.bank, "rights-admin"))
    assert session is not None

    outcome = await report_rows(here.bank.gate, session, StaffFile(file))

    assert (outcome.exit.value, outcome.told["line"]) == (1, line)
