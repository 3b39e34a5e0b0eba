"""A block of absence cuts every way a trader has to the own positions; an interruption makes it owed again."""

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from policies.vocabulary import Office
from service import deal_files
from service.cli import Act, Exit, Outcome, sign_in_and_act
from service.importing.rows import Defaults
from service.kernel.actor import Actor
from service.kernel.embedded import Server
from service.people.directory import actor_of_token
from tests.bank import PASSWORD, World
from tests.importing import a_bank, table
from tests.intruders import intruder_of
from tests.rights import account_of, asked, granted, person_of, refused_as
from tests.rights import taken as step_taken
from tests.settling import TERMS, done, fix, on_business_date, post, set_up
from tests.visiting import signed_in

OPENING, FIRST, LAST = date(2026, 10, 27), "2026-11-02", "2026-11-13"
DEAL = TERMS | {"trade_date": FIRST, "value_date": "2026-11-04", "executed_at": "2026-11-02T07:30:00Z"}
BLOCK = {"substitute": "other-trader", "first_day": FIRST, "last_day": LAST, "reason": "yearly block"}


@pytest.fixture
async def world(server: Server, tmp_path: Path) -> AsyncIterator[World]:
    """Give a bank that the command line finds as well."""
    async with a_bank(server.url(), tmp_path / "bank", OPENING) as here:
        yield here


async def agreed(world: World, block: dict[str, str] = BLOCK) -> dict[str, Any]:
    plan = done(await post(world, "trader", "/api/absences", block))
    path = f"/api/absences/{plan['id']}/acceptance"
    return done(await post(world, "other-trader", path, {"version": plan["version"]}))


async def deals(world: World) -> int:
    (counted,) = await asked(world, "SELECT count(*) AS n FROM public.trade")
    return int(counted.n)


async def typed(world: World, account: str, action: str, command: Any) -> Outcome:
    """Do what ``trennwand act`` does."""
    act = Act(action, json.dumps(command))
    return await sign_in_and_act(world.bank.settings, world.bank.admin_url, account, PASSWORD, act)


async def import_typed(world: World, file: Path) -> Outcome:
    """Do what ``trennwand import`` does."""
    wish = deal_files.Import(file, Defaults(), report=file.with_suffix(".report.csv"))
    return await deal_files.import_file(world.bank.settings, world.bank.admin_url, "trader", PASSWORD, wish)


async def test_TRD_19_no_way_leads_an_absent_trader_to_the_own_positions(
    world: World, tmp_path: Path
) -> None:
    await set_up(world)
    await agreed(world)
    person = await person_of(world, "trader")
    admin = await world.as_("rights-admin")
    second = {"name": "trader-again", "person": person["id"], "office": Office.FRONT_OFFICE}
    done(await admin.post("/api/accounts", second))
    await granted(world, "trader-again", "head_of_trading")
    trader, again = await world.as_("trader"), await world.as_("trader-again")
    browser = (await signed_in(world, "trader")).client
    token = trader.client.headers["Authorization"].removeprefix("Bearer ")
    before = await actor_of_token(world.bank.offices, token)
    assert before is not None
    assert (await trader.get("/api/positions")).status_code == 200
    assert (await browser.get("/positions")).status_code == 200
    file = tmp_path / "deals.csv"
    file.write_text(table(DEAL, DEAL), encoding="utf-8")

    await on_business_date(world, FIRST)
    await fix(world, "2026-10-30", {"USD": "1.1652"})

    refusal = (403, "on_leave", "TRD-19")
    for caller in (trader, again):  # the token, and the one of a second account
        for path in ("/api/positions", "/api/trades", "/api/transactions", "/api/work", "/api/absences"):
            assert refused_as(await caller.get(path)) == refusal, (caller.name, path)
    assert refused_as(await trader.post("/api/trades", DEAL)) == refusal
    assert refused_as(await trader.post("/api/trades/batch", [DEAL])) == refusal
    act = {"action": "trade.capture", "command": DEAL}
    assert refused_as(await trader.post("/api/acts", [act])) == refusal
    page = await browser.get("/positions")  # the session of the browser
    assert (page.status_code, "on leave" in page.text) == (403, True)
    by_hand = await typed(world, "trader", "trade.capture", DEAL)
    assert (by_hand.exit, by_hand.told["code"]) == (Exit.REFUSED, "on_leave")
    from_file = await import_typed(world, file)
    assert (from_file.exit, from_file.told["code"]) == (Exit.REFUSED, "on_leave")
    begun = await import_begun(world, file, before)  # let in before the block began
    assert begun.exit is Exit.REFUSED
    assert begun.told["refused as"] == {"on_leave": 2}
    await by_raw_sql(world)
    assert await deals(world) == 0
    own = done(await post(world, "other-trader", "/api/trades", DEAL))
    assert own["deal_number"]


async def import_begun(world: World, file: Path, actor: Actor) -> Outcome:
    """Go on with an import whose session the block overtakes."""
    wish = deal_files.Import(file, Defaults(), report=file.with_suffix(".begun.csv"))
    return await deal_files.import_rows(world.bank.gate, actor, wish)


async def by_raw_sql(world: World) -> None:
    """The front office's login writes no act in the name of an absent trader, on whatever account."""
    intruder = await intruder_of(world, Office.FRONT_OFFICE)
    for name in ("trader", "trader-again"):
        account = await account_of(world, name)
        person = UUID((await person_of(world, name))["id"])
        absent = Actor(person, UUID(account["id"]), name, Office.FRONT_OFFICE, frozenset({"trader"}))
        for act in ("trade.capture", "password.change"):
            with pytest.raises(Exception, match="is on leave"):
                await intruder.append(intruder.line(act=act, actor=absent.frozen_view()))


async def test_TRD_19_an_interruption_makes_the_whole_block_owed_again(bank_world: World) -> None:
    async def owed() -> str | None:
        listed = (await (await bank_world.as_("compliance")).get("/api/absences/overdue")).json()["items"]
        return {one["account"]: one["state"] for one in listed}.get("trader")

    await on_business_date(bank_world, "2090-09-01")
    block = BLOCK | {"first_day": "2090-09-04", "last_day": "2090-09-18"}
    absence = await agreed(bank_world, block)
    assert await owed() is None
    await on_business_date(bank_world, "2090-09-07")
    body = {"version": absence["version"], "reason": "the market is in turmoil"}
    called = await post(bank_world, "head-of-trading", f"/api/absences/{absence['id']}/interruption", body)
    assert done(called)["state"] == "interrupted"
    bank_world.callers.pop("trader")
    assert (await (await bank_world.as_("trader")).get("/api/positions")).status_code == 200

    assert await owed() == "missing"
    rest = block | {"first_day": "2090-09-11", "last_day": "2090-09-21"}  # the days that were left
    assert refused_as(await post(bank_world, "trader", "/api/absences", rest)) == (422, "too_short", "TRD-19")
    await on_business_date(bank_world, "2090-10-02")
    assert await owed() == "overdue"
    held = await (await bank_world.as_("rights-admin")).get("/api/grants", role="trader", state="executed")
    grant = next(one for one in held.json()["items"] if one["account_name"] == "trader")
    assert (await step_taken(bank_world, "revocation", grant)).status_code == 200
    await granted(bank_world, "trader", "trader")
    assert await owed() == "overdue"  # a right that was away for a moment is no beginner's
