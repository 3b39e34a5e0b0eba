"""An absent trader reaches nothing, on whatever account and by whatever way; the substitute acts in the own name."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from policies.vocabulary import Action, Office
from service.demo.access import actor_named, token_for
from service.gate import USE_CASES
from service.kernel.errors import OnLeave
from service.people.directory import actor_of_token
from service.people.signing_in import sign_in
from tests.bank import PASSWORD, World
from tests.rights import account_of, asked, granted, moved, newcomer, person_of, refused_as
from tests.rights import taken as step_taken
from tests.settling import TERMS, captured, on_business_date

DAYS = {"first_day": "2026-11-02", "last_day": "2026-11-13"}


async def post(world: World, by: str, path: str, **body: Any) -> httpx.Response:
    return await (await world.as_(by)).post(path, body)


async def planned(world: World, by: str = "trader", **changes: Any) -> httpx.Response:
    body = {"substitute": "other-trader", "reason": "yearly block"} | DAYS | changes
    return await post(world, by, "/api/absences", **body)


async def step(world: World, by: str, what: str, absence: dict[str, Any], **body: Any) -> httpx.Response:
    return await post(world, by, f"/api/absences/{absence['id']}/{what}", version=absence["version"], **body)


async def agreed(world: World) -> dict[str, Any]:
    """Plan a block of the trader and have it accepted."""
    answer = await planned(world)
    assert answer.status_code == 201, answer.text
    accepted = await step(world, "other-trader", "acceptance", answer.json())
    assert accepted.status_code == 200, accepted.text
    return dict(accepted.json())


async def items_of(world: World, office: Office) -> list[str]:
    found = await asked(
        world,
        "SELECT kind FROM public.work_item WHERE closed_entry_id IS NULL "
        f"AND office = '{office.value}' AND kind LIKE 'absence%'",
    )
    return [row.kind for row in found]


async def test_TRD_19_the_absent_trader_gets_in_nowhere(ready_bank: World) -> None:
    absence = await agreed(ready_bank)
    assert absence["state"] == "accepted"
    trader = await ready_bank.as_("trader")  # a token from before the block
    before = await actor_of_token(ready_bank.bank.offices, await token_for(ready_bank.bank, "trader"))
    assert before is not None
    assert (await trader.get("/api/positions")).status_code == 200

    await on_business_date(ready_bank, "2026-11-02")  # no job runs: the day alone begins it

    for path in ("/api/positions", "/api/trades", "/api/powers", "/api/work"):
        assert refused_as(await trader.get(path)) == (403, "on_leave", "TRD-19"), path
    deal = TERMS | {"trade_date": "2026-11-02", "value_date": "2026-11-04"}
    assert refused_as(await trader.post("/api/trades", deal)) == (403, "on_leave", "TRD-19")
    batch = await trader.post("/api/acts", [{"action": "trade.capture", "command": deal}])
    assert refused_as(batch) == (403, "on_leave", "TRD-19")
    many = await trader.post("/api/trades/batch", [deal])
    assert refused_as(many) == (403, "on_leave", "TRD-19")
    with pytest.raises(OnLeave):  # signing in anew, as the command line and the pages do
        await sign_in(ready_bank.bank.gate, "trader", PASSWORD, origin="command line")
    case = USE_CASES[Action.PASSWORD_CHANGE]
    with pytest.raises(OnLeave):  # somebody who was let in before the day began: the database says no
        await ready_bank.bank.gate.perform(before, case, case.command(password="another long password"))
    assert await items_of(ready_bank, Office.COMPLIANCE) == ["absence_breach"]
    assert await items_of(ready_bank, Office.RISK_CONTROL) == ["absence_breach_risk"]

    looked = await post(
        ready_bank, "compliance", f"/api/absences/{absence['id']}/reviews", finding="a program left running"
    )
    assert looked.status_code == 201, looked.text
    assert await items_of(ready_bank, Office.COMPLIANCE) == []
    own = await post(ready_bank, "other-trader", "/api/trades", **deal)
    assert own.status_code == 201, own.text  # the substitute, in the own name
    named = await post(ready_bank, "other-trader", "/api/trades", **deal, trader="trader")
    assert named.status_code == 400  # nobody says for whom they deal
    page = await ready_bank.anonymous().post("/sign-in", data={"account": "trader", "password": PASSWORD})
    assert page.status_code in (303, 403)


async def test_TRD_19_an_interruption_by_another_person_restarts_the_count(bank_world: World) -> None:
    absence = await agreed(bank_world)
    early = await step(bank_world, "head-of-trading", "interruption", absence, reason="needed")
    assert early.status_code == 409  # it has not begun
    await on_business_date(bank_world, "2026-11-06")
    own = await step(bank_world, "trader", "interruption", absence, reason="back again")
    assert own.status_code == 403
    substitute = await step(bank_world, "other-trader", "interruption", absence, reason="too much work")
    assert substitute.status_code == 403

    called = await step(bank_world, "head-of-trading", "interruption", absence, reason="market in turmoil")

    assert called.status_code == 200, called.text
    assert called.json()["state"] == "interrupted"
    bank_world.callers.pop("trader")
    assert (await (await bank_world.as_("trader")).get("/api/positions")).status_code == 200
    (block,) = (await (await bank_world.as_("compliance")).get("/api/absences")).json()["items"]
    assert (block["state"], block["interrupted_on"]) == ("interrupted", "2026-11-06")


async def test_TRD_19_a_block_is_long_enough_and_taken_over_in_person(bank_world: World) -> None:
    short = await planned(bank_world, last_day="2026-11-12")
    assert refused_as(short) == (422, "too_short", "TRD-19")
    self_ = await planned(bank_world, substitute="trader")
    head = await planned(bank_world, substitute="head-of-trading")
    control = await planned(bank_world, substitute="verifier")
    past = await planned(bank_world, first_day="2026-10-27")
    for answer, code in (
        (self_, "no_trader"),
        (head, "no_trader"),
        (control, "no_trader"),
        (past, "wrong_days"),
    ):
        assert refused_as(answer) == (422, code, "TRD-19")
    other = await planned(bank_world, "other-trader", trader="trader", substitute="second-desk-trader")
    assert refused_as(other)[:2] == (403, "not_your_absence")
    plan = (await planned(bank_world, "head-of-trading", trader="trader")).json()
    assert plan["trading_days"] == 10
    for who in ("second-desk-trader", "trader"):
        refused = await step(bank_world, who, "acceptance", plan)
        assert refused_as(refused) == (403, "not_the_substitute", "TRD-19")
    twice = await planned(bank_world, substitute="second-desk-trader")
    assert twice.json()["code"] == "already_exists"
    away = await planned(bank_world, "other-trader", substitute="trader")
    assert away.json()["code"] == "substitute_away"
    taken = await step(bank_world, "trader", "withdrawal", plan, reason="other dates")
    assert taken.status_code == 200


async def test_TRD_19_who_has_no_block_is_told_before_the_deadline_and_overdue_after(
    bank_world: World,
) -> None:
    async def owed(by: str) -> dict[str, str]:
        listed = (await (await bank_world.as_(by)).get("/api/absences/overdue")).json()
        assert listed["deadline"] == "2090-09-30"
        return {one["account"]: one["state"] for one in listed["items"]}

    await on_business_date(bank_world, "2090-07-14")
    assert await owed("head-of-trading") == {}
    await on_business_date(bank_world, "2090-08-15")
    plan = await planned(bank_world, first_day="2090-09-01", last_day="2090-09-14")
    assert plan.status_code == 201, plan.text
    assert (await owed("auditor"))["trader"] == "missing"
    assert (await step(bank_world, "other-trader", "acceptance", plan.json())).status_code == 200
    assert "trader" not in await owed("compliance")
    await on_business_date(bank_world, "2090-10-02")
    late = await owed("risk-controller")
    assert "trader" not in late  # the block ended by the calendar
    assert late["other-trader"] == late["second-desk-trader"] == "overdue"


async def test_D_11_whoever_controlled_these_deals_is_no_substitute_and_the_other_way_round(
    ready_bank: World,
) -> None:
    deal = await captured(ready_bank)
    await newcomer(
        ready_bank, "Settlement and control", once_control=Office.BACK_OFFICE, now_trading=Office.FRONT_OFFICE
    )
    right = await granted(ready_bank, "once-control", "verifier")
    assert (await deal.do("once-control", "verification")).status_code == 200
    assert (await step_taken(ready_bank, "revocation", right)).status_code == 200
    person = await person_of(ready_bank, "once-control")
    assert (await moved(ready_bank, person, "FX desk")).status_code == 200
    await granted(ready_bank, "now-trading", "trader")

    plan = (await planned(ready_bank, substitute="now-trading")).json()
    refused = await step(ready_bank, "now-trading", "acceptance", plan)
    assert refused_as(refused) == (403, "kept_apart", "D-11")

    assert (await step(ready_bank, "trader", "withdrawal", plan, reason="other")).status_code == 200
    second = await captured(ready_bank)
    stand_in = (await planned(ready_bank, substitute="mover-trading")).json()
    assert (await step(ready_bank, "mover-trading", "acceptance", stand_in)).status_code == 200
    held = (
        await (await ready_bank.as_("rights-admin")).get("/api/grants", role="trader", state="executed")
    ).json()
    grant = next(one for one in held["items"] if one["account_name"] == "mover-trading")
    assert (await step_taken(ready_bank, "revocation", grant)).status_code == 200
    mover = await person_of(ready_bank, "mover-control")
    assert (await moved(ready_bank, mover, "Settlement and control")).status_code == 200
    await granted(ready_bank, "mover-control", "verifier")
    barred = await second.do("mover-control", "verification")
    assert refused_as(barred) == (403, "kept_apart", "D-11")


async def test_the_front_office_cannot_call_a_trader_back_or_backdate_by_sql(bank_world: World) -> None:
    absence = await agreed(bank_world)
    account = await account_of(bank_world, "trader")
    people = [(await person_of(bank_world, who))["id"] for who in ("trader", "other-trader")]
    engine = create_async_engine(bank_world.bank.offices[Office.FRONT_OFFICE].url)
    for statement in (
        f"UPDATE public.absence SET first_day = '2027-01-01', rev = 3 WHERE id = '{absence['id']}'",
        f"UPDATE public.absence SET state = 'interrupted', rev = 3 WHERE id = '{absence['id']}'",
        f"DELETE FROM public.absence WHERE id = '{absence['id']}'",
        (
            "INSERT INTO public.absence (id, rev, person_id, substitute_id, first_day, last_day, reason, state, "
            f"planned_by) VALUES ('{uuid4()}', 1, '{people[0]}', '{people[1]}', '2026-09-01', '2026-09-20', 'x', "
            f"'accepted', '{account['id']}')"
        ),
    ):
        with pytest.raises(DBAPIError):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    await engine.dispose()
    assert (await actor_named(bank_world.bank, "trader")).away is None


async def test_a_deal_that_nobody_could_verify_is_taken_seen_and_closed(ready_bank: World) -> None:
    for who in ("verifier", "other-verifier"):
        held = (await (await ready_bank.as_("rights-admin")).get("/api/grants", role="verifier")).json()
        grant = next(one for one in held["items"] if one["account_name"] == who)
        answer = await post(
            ready_bank,
            "rights-admin",
            f"/api/grants/{grant['id']}/revocation",
            version=grant["version"],
            reason="leaves",
        )
        assert answer.status_code == 200, answer.text

    deal = await post(ready_bank, "trader", "/api/trades", **TERMS)

    assert deal.status_code == 201, deal.text
    (warning,) = deal.json()["warnings"]
    assert (warning["code"], warning["action"]) == ("dead_end", "trade.verify")
    work = (await (await ready_bank.as_("compliance")).get("/api/work")).json()["items"]
    assert [(item["kind"], item["reason"]) for item in work] == [("dead_end", "verify")]
    closed = await post(
        ready_bank,
        "compliance",
        f"/api/dead-ends/{deal.json()['id']}/closure",
        measure="a verifier was hired",
    )
    assert closed.status_code == 200, closed.text
    assert (await (await ready_bank.as_("compliance")).get("/api/work")).json()["items"] == []
