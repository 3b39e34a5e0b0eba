"""Work is taken, put back, handed to another office and back; nobody takes what is another's, trading least of all."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.failures import sqlstate
from service.kernel.items import Item
from tests import settling
from tests.bank import World
from tests.deals import a_desk, by_force, captured, returned, rows, verified
from tests.intruders import Intruder, append, intruder_of
from tests.intruders import item as item_of
from tests.paying import let_go, our_account, payments
from tests.settling import done, refused

OPEN = text("SELECT public.work_open(CAST(:items AS jsonb))")
HANDLE = text("SELECT public.work_handle(CAST(:items AS jsonb))")


async def queue(world: World, account: str, **query: str) -> list[dict[str, Any]]:
    return list(done(await (await world.as_(account)).get("/api/work", **query))["items"])


async def do(world: World, account: str, item: str, what: str, **body: Any) -> httpx.Response:
    return await (await world.as_(account)).post(f"/api/work/{item}/{what}", body)


@pytest.fixture
async def item(bank_world: World) -> str:
    """A captured deal that waits for its control."""
    await a_desk(bank_world)
    await captured(bank_world)
    return str((await queue(bank_world, "verifier"))[0]["id"])


async def test_whoever_takes_work_does_it_and_a_hold_ends_by_itself(bank_world: World, item: str) -> None:
    taken = done(await do(bank_world, "verifier", item, "hold"))
    assert taken["held_by"] == "verifier"
    (seen,) = await queue(bank_world, "other-verifier")
    assert (seen["owner"], seen["mine"], seen["age"]["bucket"]) == ("verifier", False, "0-1")
    assert seen["why_not_me"].startswith("Somebody else has taken this work")
    verification = f"/api/trades/{seen['trade']}/verification"

    held = await (await bank_world.as_("other-verifier")).post(verification, {"version": 1})
    assert refused(held)[:2] == (409, "in_other_hands")
    assert refused(await do(bank_world, "other-verifier", item, "hold"))[1] == "in_other_hands"
    assert refused(await do(bank_world, "other-verifier", item, "putting-back"))[1] == "not_yours"
    done(await do(bank_world, "verifier", item, "putting-back"))
    done(await do(bank_world, "other-verifier", item, "hold"))
    await by_force(bank_world, "UPDATE work_item SET held_until = now() - interval '1 second'")
    assert (await queue(bank_world, "verifier"))[0]["owner"] is None
    done(await (await bank_world.as_("verifier")).post(verification, {"version": 1}))
    acts = await rows(
        bank_world,
        "SELECT act FROM audit_entry WHERE act LIKE 'work.%' AND outcome = 'allow' ORDER BY recorded_at",
    )
    assert [row.act for row in acts] == ["work.take", "work.leave", "work.take"]


async def test_of_two_who_take_at_once_one_gets_it(bank_world: World, item: str) -> None:
    both = await asyncio.gather(
        do(bank_world, "verifier", item, "hold"), do(bank_world, "other-verifier", item, "hold")
    )
    assert sorted(answer.status_code for answer in both) == [200, 409]
    holder = ["verifier", "other-verifier"][both[0].status_code == 409]
    assert (await queue(bank_world, "confirmer", owner=holder))[0]["owner"] == holder

    await by_force(bank_world, "UPDATE work_item SET held_until = now()")  # it runs out as others come for it
    late = await asyncio.gather(
        do(bank_world, "verifier", item, "hold"),
        do(bank_world, "other-verifier", item, "hold"),
        do(bank_world, "confirmer", item, "hold"),
    )
    assert sorted(answer.status_code for answer in late) == [200, 403, 409]


async def test_a_cancellation_is_not_held_up_by_whoever_took_the_control(ready_bank: World) -> None:
    deal = await settling.captured(ready_bank)
    (item,) = await queue(ready_bank, "verifier")
    done(await do(ready_bank, "verifier", item["id"], "hold"))
    await deal.cancel()
    assert "verify" not in await deal.items()


async def test_work_goes_to_another_office_by_offer_and_acceptance_and_comes_back(
    bank_world: World, item: str
) -> None:
    risk = "risk-controller"
    assert refused(await do(bank_world, risk, item, "hold"))[:2] == (404, "not_found")
    assert refused(await do(bank_world, risk, item, "acceptance"))[:2] == (404, "not_found")
    offer = {"to": "risk_control", "reason": "is this price explained?"}
    done(await do(bank_world, "verifier", item, "offer", **offer))
    assert refused(await do(bank_world, "other-verifier", item, "hold"))[1] == "not_offered"
    assert refused(await do(bank_world, "accountant", item, "acceptance"))[:2] == (404, "not_found")
    (offered,) = await queue(bank_world, risk, place="offered")
    assert (offered["id"], offered["home"], offered["action"]) == (item, "back_office", "handover.accept")

    done(await do(bank_world, risk, item, "acceptance"))
    (away,) = await queue(bank_world, "verifier", place="away")
    (here,) = await queue(bank_world, risk)
    assert (away["office"], here["owner"], here["action"]) == ("risk_control", risk, "handover.return")
    assert await queue(bank_world, "verifier") == []
    assert refused(await do(bank_world, "verifier", item, "return", reason="give it back"))[0] == 404
    verification = await (await bank_world.as_(risk)).post(
        f"/api/trades/{here['trade']}/verification", {"version": 1}
    )
    assert verification.status_code == 403, "the act stays with the office it belongs to"
    done(await do(bank_world, risk, item, "return", reason="explained by the fixing of the day before"))
    (back,) = await queue(bank_world, "verifier")
    assert (back["office"], back["offered_to"], back["why_not_me"]) == ("back_office", None, None)

    done(await do(bank_world, "verifier", item, "offer", **offer | {"to": "compliance"}))
    done(await do(bank_world, "compliance", item, "return", reason="not for us"))
    done(await do(bank_world, "verifier", item, "offer", **offer | {"to": "compliance"}))
    done(await do(bank_world, "verifier", item, "return", reason="found it ourselves"))
    acts = await rows(
        bank_world,
        "SELECT act FROM audit_entry WHERE act LIKE 'handover.%' AND outcome = 'allow' ORDER BY recorded_at",
    )
    assert [row.act.partition(".")[2] for row in acts] == [
        *("offer", "accept", "return"),
        *("offer", "return", "offer", "return"),
    ]


async def test_SET_22_trading_is_offered_nothing_and_holds_nothing_of_control(
    bank_world: World, item: str
) -> None:
    offer = {"to": "front_office", "reason": "please look"}
    assert refused(await do(bank_world, "verifier", item, "offer", **offer)) == (403, "no_handover", "SET-22")
    for account in ("trader", "head-of-trading"):
        assert refused(await do(bank_world, account, item, "hold"))[:2] == (404, "not_found")
        assert refused(await do(bank_world, account, item, "putting-back"))[:2] == (404, "not_found")
        for what, body in (("offer", offer), ("acceptance", {}), ("return", {"reason": "mine"})):
            assert refused(await do(bank_world, account, item, what, **body))[0] == 403, what
        acts = [
            {"action": "work.take", "command": {"item_id": item}},
            {"action": "handover.accept", "command": {"item_id": item}},
        ]
        outcomes = (await (await bank_world.as_(account)).post("/api/acts", acts)).json()
        assert [one["status"] for one in outcomes] == [404, 403]
    front = await intruder_of(bank_world, Office.FRONT_OFFICE)
    for act in ("work.take", "work.leave"):
        assert await handled(front, act, item) == "TW003", act
    for act in ("handover.offer", "handover.accept", "handover.return"):
        assert await handled(front, act, item) == "42501", "no act of this office"
    assert await front.outcome_of("UPDATE work_item SET office = 'front_office'") == "42501"
    assert await front.run("SELECT * FROM public.work_lock(:item)", item=UUID(item)) == []


async def test_SET_22_nobody_takes_work_into_hands_that_may_not_do_it(bank_world: World, item: str) -> None:
    for account in ("confirmer", "settler", "releaser"):
        assert refused(await do(bank_world, account, item, "hold")) == (403, "not_your_work", "SET-22")
        acts = [{"action": "work.take", "command": {"item_id": item}}]
        (outcome,) = (await (await bank_world.as_(account)).post("/api/acts", acts)).json()
        assert outcome["status"] == 403
        assert (await queue(bank_world, "verifier"))[0]["owner"] is None
    done(await do(bank_world, "verifier", item, "hold"))


async def test_SET_22_nobody_keeps_the_service_of_an_office_from_its_work(ready_bank: World) -> None:
    await our_account(ready_bank)
    deal = await let_go(ready_bank)
    (item,) = [str(one["id"]) for one in await queue(ready_bank, "settler", kind="send_payment")]
    offer = {"to": "legal", "reason": "please look"}
    for account in ("settler", "releaser", "verifier"):
        assert refused(await do(ready_bank, account, item, "hold"))[1:] == ("done_by_itself", "SET-22")
        assert refused(await do(ready_bank, account, item, "offer", **offer))[1] == "done_by_itself"
        acts = [{"action": "work.take", "command": {"item_id": item}}]
        (outcome,) = (await (await ready_bank.as_(account)).post("/api/acts", acts)).json()
        assert outcome["status"] == 409
    await settling.the_post(ready_bank).send()
    assert [one["state"] for one in await payments(deal)] == ["delivered"]


async def test_A_04_trading_s_login_asks_for_nothing_so_late_that_it_never_climbs(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    front = await intruder_of(bank_world, Office.FRONT_OFFICE)
    for days, outcome in ((1, "nothing"), (400, "42501")):
        line = front.line(act="cancellation.request", links={"trade": deal["id"]})
        facts = json.loads(item_of(front, Item.DECIDE, Office.BACK_OFFICE, line["id"]))
        facts[0]["due"] = front.moment(days * 86_400)
        try:
            async with front.open() as connection:
                await append(connection, line)
                await connection.execute(OPEN, {"items": json.dumps(facts)})
            found: str | None = "nothing"
        except DBAPIError as failure:
            found = sqlstate(failure)
        assert found == outcome, days


async def test_no_office_takes_work_from_another_by_raw_sql(bank_world: World, item: str) -> None:
    books = await intruder_of(bank_world, Office.ACCOUNTING)
    for act in ("work.take", "handover.accept", "handover.return", "handover.offer"):
        assert await handled(books, act, item, to="compliance") == "TW003", act
    back = await intruder_of(bank_world, Office.BACK_OFFICE)
    assert await handled(back, "handover.offer", item, to="front_office") == "TW003"
    assert await handled(back, "handover.offer", item, to="management") == "TW003"
    assert await handled(back, "handover.offer", item, to="accounting") == "nothing"
    assert await handled(back, "work.take", item) == "TW003", "an offered item is nobody's"
    assert await handled(books, "handover.accept", item, entry=str(back.old_entry)) == "TW003"
    assert await handled(books, "handover.accept", item) == "nothing"


async def handled(intruder: Intruder, act: str, item: str, *, to: str | None = None, entry: str = "") -> str:
    """Handle an item by raw SQL, with an entry of the intruder's own or another; return how it ended."""
    line = intruder.line(act=act)
    facts = [{"item": item, "to": to, "seconds": 900, "entry": entry or line["id"]}]
    try:
        async with intruder.open() as connection:
            await append(connection, line)
            await connection.execute(HANDLE, {"items": json.dumps(facts)})
    except DBAPIError as failure:
        return str(sqlstate(failure))
    return "nothing"


async def test_no_deal_no_change_and_no_transfer_without_the_work_it_means(bank_world: World) -> None:
    """Trading's own login, with a row and its entry and no item: refused when it commits."""
    await a_desk(bank_world)
    deal = await captured(bank_world)
    front = await intruder_of(bank_world, Office.FRONT_OFFICE)
    request = (
        "INSERT INTO change_request (id, rev, {columns}) SELECT CAST(:id AS uuid), 1, {columns} FROM "
        "(SELECT * FROM change_request LIMIT 1) AS other"
    )
    path = f"/api/trades/{deal['id']}/cancellations"
    lawful = {"version": 1, "reason": "entered twice"}
    done(await (await bank_world.as_("trader")).post(path, lawful))
    columns = (
        await rows(
            bank_world,
            "SELECT string_agg(column_name, ', ') AS names FROM information_schema.columns "
            "WHERE table_name = 'change_request' AND column_name NOT IN ('id', 'rev', 'kind')",
        )
    )[0].names
    effect = front.effect(kind="change_request")
    line = front.line(act="cancellation.request", eff=[effect], links={"trade": deal["id"]})
    outcome = "nothing"
    try:
        async with front.open() as connection:
            await append(connection, line)
            await connection.execute(text(request.format(columns=columns)), {"id": effect["id"]})
    except DBAPIError as failure:
        outcome = f"{sqlstate(failure)}: {failure.orig}"
    assert outcome.startswith("42501"), outcome
    assert "nobody was asked to see to it" in outcome
    guards = await rows(
        bank_world,
        "SELECT tgrelid::regclass::text AS on_table FROM pg_trigger WHERE tgname LIKE '%\\_waits' ORDER BY 1",
    )
    assert [row.on_table for row in guards] == ["change_request", "trade_version", "transfer"]


async def test_the_queue_is_asked_by_age_owner_currency_and_counterparty(
    bank_world: World, item: str
) -> None:
    deal = await captured(bank_world, quote="GBP", rate="0.8740")
    await by_force(
        bank_world,
        f"UPDATE work_item SET opened_at = now() - interval '15 days', due_at = now() - interval '14 days' "
        f"WHERE trade_id = '{deal['id']}'",
    )
    (old,) = await queue(bank_world, "verifier", age="8+")
    assert (old["trade"], old["age"]["bucket"], old["overdue"]) == (deal["id"], "8+", True)
    assert [one["trade"] for one in await queue(bank_world, "verifier", overdue="true")] == [deal["id"]]
    assert [one["id"] for one in await queue(bank_world, "verifier", age="0-1")] == [item]
    await by_force(
        bank_world, f"UPDATE work_item SET due_at = now() + interval '50 minutes' WHERE id = '{item}'"
    )
    assert [one["id"] for one in await queue(bank_world, "verifier", due_soon="true")] == [item]
    assert len(await queue(bank_world, "verifier", due_soon="true", overdue="true")) == 2
    assert [one["id"] for one in await queue(bank_world, "verifier", due_soon="true", overdue="false")] == [
        item
    ]
    await by_force(
        bank_world, f"UPDATE work_item SET due_at = now() + interval '70 minutes' WHERE id = '{item}'"
    )
    assert await queue(bank_world, "verifier", due_soon="true") == []
    assert [one["trade"] for one in await queue(bank_world, "verifier", currency="GBP")] == [deal["id"]]
    assert len(await queue(bank_world, "verifier", currency="EUR")) == 2
    assert await queue(bank_world, "verifier", owner="verifier") == []
    (party,) = await rows(bank_world, "SELECT DISTINCT counterparty_id FROM trade_version")
    assert len(await queue(bank_world, "verifier", counterparty=str(party.counterparty_id))) == 2
    assert await queue(bank_world, "verifier", counterparty=item) == []
    for query in (
        {"age": "old"},
        {"currency": "euro"},
        {"place": "there"},
        {"overdue": "maybe"},
        {"due_soon": "perhaps"},
    ):
        answer = await (await bank_world.as_("verifier")).get("/api/work", **query)
        assert (answer.status_code, answer.json()["field"]) == (400, next(iter(query))), query
    one = done(await (await bank_world.as_("verifier")).get(f"/api/work/{item}"))
    assert one["id"] == item
    assert (await (await bank_world.as_("trader")).get(f"/api/work/{item}")).status_code == 404


async def test_trading_takes_and_does_its_own_corrections(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    await returned(bank_world, deal)
    (own,) = await queue(bank_world, "trader")
    done(await do(bank_world, "trader", own["id"], "hold"))
    done(await do(bank_world, "trader", own["id"], "putting-back"))
    await verified(bank_world, await captured(bank_world))
