"""Who answers for which unit: as of any day, changed by two people, and never across what stays apart."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.database import digest
from service.organisation.queries import today
from tests.bank import World
from tests.conftest import Template, a_copy
from tests.deals import a_desk, rows
from tests.intruders import Intruder, append, intruder_of
from tests.rights import asked, newcomer, person_of, refused_as, requested

BACK = {"functional_head": "board-back", "disciplinary_head": "board-back", "board_member": "board-back"}


@pytest.fixture(scope="module")
async def here(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with a_copy(template, Path(tmp_path_factory.mktemp("organisation")) / "bank") as world:
        yield world


async def proposed(
    world: World, *lines: dict[str, Any], since: date | None = None, by: str = "rights-requester"
) -> httpx.Response:
    body = {
        "valid_from": (since or today(world.bank.gate.clock.now())).isoformat(),
        "lines": list(lines),
        "reason": "the bank grows",
    }
    return await (await world.as_(by)).post("/api/organisation/proposals", body)


async def decided(
    world: World, proposal: dict[str, Any], step: str = "approval", by: str = "rights-owner"
) -> httpx.Response:
    body = {"version": proposal["version"]} | ({"reason": "not now"} if step == "refusal" else {})
    return await (await world.as_(by)).post(f"/api/organisation/proposals/{proposal['id']}/{step}", body)


async def changed(world: World, *lines: dict[str, Any], since: date | None = None) -> dict[str, Any]:
    answer = await proposed(world, *lines, since=since)
    assert answer.status_code == 201, answer.text
    answer = await decided(world, answer.json())
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def unit(world: World, code: str, **query: str) -> dict[str, Any]:
    found = (await (await world.as_("auditor")).get("/api/units", **query)).json()["items"]
    return next((dict(one) for one in found if one["code"] == code), {})


async def test_a_unit_comes_by_two_people_and_stands_in_the_chart_from_its_day_on(here: World) -> None:
    tomorrow = today(here.bank.gate.clock.now()) + timedelta(days=1)
    new = {"unit": "BO-2", "name": "Confirmations", "function_class": "back_office", "parent": "BO", **BACK}

    await changed(here, new, since=tomorrow)

    assert await unit(here, "BO-2") == {}
    shown = await unit(here, "BO-2", as_of=tomorrow.isoformat())
    assert (shown["class_code"], shown["valid_from"]) == ("BO", tomorrow.isoformat())
    assert shown["parent"] == (await unit(here, "BO"))["id"]
    assert shown["board_member"]["name"] == "board-back"


async def test_what_was_stays_in_the_chart_of_its_day(here: World) -> None:
    since = today(here.bank.gate.clock.now()) + timedelta(days=2)
    compliance = {**BACK, "unit": "COMPL", "functional_head": "compliance"}

    await changed(here, compliance, since=since)

    before, after = await unit(here, "COMPL"), await unit(here, "COMPL", as_of=since.isoformat())
    assert (before["functional_head"]["name"], after["functional_head"]["name"]) == (
        "board-back",
        "compliance",
    )


async def test_a_change_of_the_organisation_takes_another_person_and_may_be_refused(here: World) -> None:
    proposal = (await proposed(here, {"unit": "LEGAL", **BACK})).json()

    assert (await decided(here, proposal, by="rights-requester")).status_code == 403
    assert (await decided(here, proposal, by="head-of-trading")).status_code == 403
    refused = (await decided(here, proposal, "refusal")).json()
    assert (refused["state"], refused["answer"]) == ("refused", "not now")
    assert refused_as(await decided(here, refused)) == (409, "illegal_transition", None)


# SEG-01 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["BO", "RC", "ACC", "CBO"])
@pytest.mark.parametrize("place", ["functional_head", "disciplinary_head", "board_member"])
async def test_SEG_01_nobody_answers_for_trading_and_for_what_controls_it(
    here: World, code: str, place: str
) -> None:
    who = "board-trading" if place == "board_member" else "head-of-trading"

    refused = await proposed(here, {**BACK, "unit": code, place: who})

    assert refused_as(refused) == (403, "lines_meet", "SEG-01")


async def test_SEG_01_holds_over_the_whole_chain(here: World) -> None:
    below_trading = {
        "unit": "BO-9",
        "name": "Desk support",
        "function_class": "back_office",
        "parent": "FX-1",
        **BACK,
    }
    led_by_a_trader = {**BACK, "unit": "ACC", "functional_head": "other-trader"}

    for line in (below_trading, led_by_a_trader):
        assert refused_as(await proposed(here, line)) == (403, "lines_meet", "SEG-01"), line


async def test_SEG_01_nothing_stands_above_itself(here: World) -> None:
    circle = [{"unit": "ACC", "parent": "MD", **BACK}, {"unit": "MD", "parent": "ACC", **BACK}]
    each_other = [
        {**BACK, "unit": "LEGAL", "disciplinary_head": "compliance"},
        {**BACK, "unit": "COMPL", "disciplinary_head": "legal"},
    ]

    for lines in (circle, each_other):
        assert refused_as(await proposed(here, *lines)) == (422, "lines_go_round", "SEG-01")


async def test_SEG_01_is_asked_again_at_the_approval(here: World) -> None:
    """Two changes, each sound by itself: whichever is approved second is refused."""
    deputy = {"functional_head": "auditor", "disciplinary_head": "auditor", "board_member": "board-back"}
    back = (await proposed(here, {"unit": "BO", **deputy})).json()
    trading = await proposed(
        here,
        {
            "unit": "FX-2",
            "functional_head": "auditor",
            "disciplinary_head": "auditor",
            "board_member": "board-trading",
        },
    )

    if (
        trading.status_code == 201
    ):  # board-back leads the auditor and would answer for the desk: refused at once
        assert (await decided(here, back)).status_code == 200
        trading = await decided(here, trading.json())
    assert refused_as(trading) == (403, "lines_meet", "SEG-01")
    assert (await decided(here, back, "refusal")).status_code in (200, 409)


async def test_SEG_01_the_database_takes_no_such_line_from_the_administration_itself(here: World) -> None:
    intruder = await intruder_of(here, Office.ADMINISTRATION)
    (back,) = await rows(here, "SELECT id FROM unit WHERE code = 'BO'")
    trading = (await person_of(here, "board-trading"))["id"]
    for day in ("current_date", "current_date - 400"):
        line = {"unit_id": str(back.id), "board_member_id": trading, "functional_head_id": trading,
                "disciplinary_head_id": trading}  # fmt: skip
        with pytest.raises(DBAPIError, match=r"SEG-01|today or later"):
            await planted(intruder, line, day)


async def planted(intruder: Intruder, values: dict[str, str], day: str) -> None:
    effect = intruder.effect(kind="reporting_line", after=digest({}))
    entry = intruder.line(act="organisation.approve", eff=[effect])
    columns, said = ", ".join(values), ", ".join(f"'{value}'" for value in values.values())
    await written(
        intruder,
        entry,
        f"INSERT INTO reporting_line (id, rev, valid_from, {columns}) VALUES ('{effect['id']}', 1, {day}, {said})",
    )


async def written(intruder: Intruder, entry: dict[str, Any], statement: str) -> None:
    """Append an entry and write a row with it, as the office's login can."""
    async with intruder.open() as connection:
        await append(connection, entry)
        await connection.exec_driver_sql(statement)


# SEG-07, names -------------------------------------------------------------------------------------


async def test_SEG_07_a_unit_that_owns_a_portfolio_is_trading(bank_world: World) -> None:
    await a_desk(bank_world)

    refused = await proposed(bank_world, {"unit": "FX-1", "function_class": "back_office", **BACK})

    assert refused_as(refused) == (403, "owns_portfolio", "SEG-07")
    intruder = await intruder_of(bank_world, Office.MASTER_DATA)
    (legal,) = await rows(bank_world, "SELECT id FROM unit WHERE code = 'LEGAL'")
    effect = intruder.effect(kind="portfolio", after=digest({}))
    with pytest.raises(DBAPIError, match="SEG-07"):
        await written(
            intruder,
            intruder.line(act="proposal.approve", eff=[effect]),
            f"INSERT INTO portfolio (id, rev, name, desk_id) VALUES ('{effect['id']}', 1, 'X', '{legal.id}')",
        )


async def test_a_unit_keeps_its_class_and_its_name(here: World) -> None:
    for change in ({"function_class": "credit"}, {"name": "Ledger"}):
        refused = await proposed(here, {"unit": "ACC", **change, **BACK})
        assert refused_as(refused) == (422, "class_for_life", None)


@pytest.mark.parametrize(
    "name",
    [
        "trader, back_office",
        "Settlement and c\u043entrol",
        "Settlement and control ",
        " Settlement",
        "Settlement\u200b",
        "Settlement  and   control",
        "\uff33ettlement",
        "Settlement\nand control",
        "",
    ],
)
async def test_a_name_that_reads_like_another_or_like_a_list_of_roles_is_refused(
    here: World, name: str
) -> None:
    new_unit = await proposed(here, {"unit": "X-1", "name": name, "function_class": "legal", **BACK})
    new_person = await (await here.as_("rights-requester")).post(
        "/api/persons", {"name": name, "unit": "Legal"}
    )

    assert (new_unit.status_code, new_person.status_code) == (400, 400)


async def test_a_unit_is_not_called_like_another_in_other_letters(here: World) -> None:
    for code, name in (("X-1", "settlement AND control"), ("bo-3", "New"), ("BO 3", "New")):
        refused = await proposed(here, {"unit": code, "name": name, "function_class": "legal", **BACK})
        assert refused.status_code in (409, 422), refused.text


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"unit": "NOWHERE", **BACK}, "unknown_place"),
        ({"unit": "LEGAL", "parent": "NOWHERE", **BACK}, "unknown_place"),
        ({**BACK, "unit": "LEGAL", "functional_head": "nobody"}, "unknown_head"),
        ({**BACK, "unit": "LEGAL", "functional_head": "svc.legal"}, "unknown_head"),
    ],
)
async def test_what_does_not_exist_answers_for_nothing(here: World, line: dict[str, Any], code: str) -> None:
    assert refused_as(await proposed(here, line))[:2] == (422, code)


async def test_the_past_of_the_organisation_is_not_changed(here: World) -> None:
    yesterday = today(here.bank.gate.clock.now()) - timedelta(days=1)
    assert refused_as(await proposed(here, {"unit": "LEGAL", **BACK}, since=yesterday))[:2] == (
        422,
        "begins_in_past",
    )


# SEG-04 --------------------------------------------------------------------------------------------


async def test_SEG_04_an_area_is_apart_up_to_the_board_and_a_unit_need_not_be(bank_world: World) -> None:
    """Legal and master data come under the board member for trading: legal may still clear, master data may not."""
    under_trading = {
        "functional_head": "board-trading",
        "disciplinary_head": "board-trading",
        "board_member": "board-trading",
    }
    await changed(bank_world, {"unit": "LEGAL", **under_trading}, {"unit": "MD", **under_trading})
    steward = await bank_world.as_("steward")
    portfolio = await steward.post("/api/portfolios", {"name": "FX-TEST", "desk": "FX desk"})
    assert portfolio.status_code == 201, portfolio.text

    approved = await (await bank_world.as_("steward-approver")).post(
        f"/api/proposals/{portfolio.json()['proposal']}/approval", {"version": 1}
    )

    assert refused_as(approved) == (403, "not_independent", "SEG-04")
    (entry,) = await asked(bank_world, "SELECT convert_from(bytes, 'UTF8')::jsonb->'data' AS data FROM audit_entry "
                                       "WHERE act = 'proposal.approve' AND outcome = 'refuse'")  # fmt: skip
    assert (entry.data["level"], "in trading's line" in entry.data["why"]) == ("AREA", True)


async def test_SEG_04_the_entry_of_a_control_tells_its_level_with_unit_and_board_line(
    bank_world: World,
) -> None:
    person = await newcomer(bank_world, "Legal")
    assert person["id"]
    grant = await requested(bank_world, "other-verifier", "settler")
    await (await bank_world.as_("rights-owner")).post(
        f"/api/grants/{grant.json()['id']}/approval", {"version": 1}
    )
    (entry,) = await asked(bank_world, "SELECT convert_from(bytes, 'UTF8')::jsonb AS body FROM audit_entry "
                                       "WHERE act = 'grant.approve' AND outcome = 'allow'")  # fmt: skip
    board = await person_of(bank_world, "board-back")
    assert entry.body["data"]["independence"] == "UNIT"
    assert entry.body["actor"]["board"] == board["id"]
