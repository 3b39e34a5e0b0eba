"""What waits, who may act on it, and the workers that do what no person is needed for."""

import asyncio
import logging
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from policies.vocabulary import Office
from service.kernel.items import Item
from service.people.directory import service_actor
from service.trades.use_cases import AUTOMATIC, UnwindPosition, unwind_position
from service.work.model import WorkItem
from service.work.worker import Handlers, Worker
from tests.bank import World
from tests.deals import (
    act,
    asked_to_cancel,
    by_force,
    captured,
    cooled_off,
    moved_to_control,
    rows,
    verified,
)
from tests.deputies import deputised
from tests.parties import in_force
from tests.rights import person_of, taken


async def queue(world: World, account: str, **query: str | int) -> list[dict[str, object]]:
    answer = await (await world.as_(account)).get("/api/work", **query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def cancelled(world: World) -> dict[str, object]:
    """Return a deal whose cancellation was approved; its position is still to be unwound."""
    deal = await captured(world)
    request = await asked_to_cancel(world, deal)
    await act(world, "verifier", f"/api/requests/{request['id']}/approval", version=1)
    return deal


def worker(world: World, handlers: Handlers = AUTOMATIC) -> Worker:
    return Worker(world.bank.gate, Office.FRONT_OFFICE, handlers, service_actor)


async def test_an_office_sees_what_waits_for_it_and_nobody_else_s_work(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    (item,) = await queue(desk_bank, "confirmer")

    assert (item["kind"], item["trade"], item["deal_number"], item["portfolio"]) == (
        "verify",
        deal["id"],
        1,
        "FX-EUR",
    )
    assert item["who_can_act"] == ["other-verifier", "verifier"]
    assert str(item["why_not_me"]).startswith("None of your roles may do this")
    assert (await queue(desk_bank, "verifier"))[0]["why_not_me"] is None
    for account in ("trader", "accountant", "compliance", "rights-admin", "steward"):
        assert await queue(desk_bank, account) == [], account


async def test_the_queue_says_whom_the_history_of_a_deal_keeps_from_it(desk_bank: World) -> None:
    own, others = await captured(desk_bank, "mover-trading"), await captured(desk_bank)
    await moved_to_control(desk_bank)
    barred, free = await queue(desk_bank, "mover-control")

    assert (barred["trade"], free["trade"]) == (own["id"], others["id"])
    assert barred["who_can_act"] == ["other-verifier", "verifier"]
    assert barred["why_not_me"] == "Whoever entered a deal does not agree its terms (D-01)."
    assert (barred["why_not_rule"], barred["why_not_source"]) == ("D-01", "BTO 2.2.2 Tz. 4 (MR26)")
    assert free["who_can_act"] == ["other-verifier", "verifier"], "the own former desk's deals wait"
    assert str(free["why_not_me"]).startswith("You stand too close to trading")
    refused = await act(desk_bank, "mover-control", f"/api/trades/{free['trade']}/verification", version=1)
    assert refused.status_code == 403, "what the queue says is what the gate does"
    await cooled_off(desk_bank)
    barred, free = await queue(desk_bank, "mover-control")
    assert barred["why_not_rule"] == "D-01"
    assert (free["who_can_act"], free["why_not_me"]) == (
        ["mover-control", "other-verifier", "verifier"],
        None,
    )


async def test_the_queue_knows_deputies_and_what_whom_they_stand_in_for_did(desk_bank: World) -> None:
    await captured(desk_bank)
    await deputised(desk_bank, "verifier", "confirmer", "verifier")
    (item,) = await queue(desk_bank, "confirmer")
    assert (item["why_not_me"], item["who_can_act"]) == (None, ["confirmer", "other-verifier", "verifier"])
    (absent,) = await queue(desk_bank, "settler")
    assert (absent["why_not_rule"], absent["why_not_source"]) == ("P:absent", None)


async def test_the_proposer_is_not_among_those_who_can_decide(bank_world: World) -> None:
    body = {"name": "FX-GBP", "desk": "FX desk"}
    await (await bank_world.as_("steward")).post("/api/portfolios", body)
    (item,) = await queue(bank_world, "steward")
    assert (item["kind"], item["who_can_act"], item["trade"]) == (
        "decide_proposal",
        ["steward-approver"],
        None,
    )
    await in_force(bank_world, "/api/portfolios", body | {"name": "FX-USD"})
    assert len(await queue(bank_world, "steward-approver")) == 1


async def test_a_disabled_account_is_not_waited_for(desk_bank: World) -> None:
    await captured(desk_bank)
    await by_force(desk_bank, "UPDATE account SET disabled = true WHERE name = 'verifier'")
    (item,) = await queue(desk_bank, "confirmer")
    assert item["who_can_act"] == ["other-verifier"]


async def test_the_queue_is_sorted_by_deadline_and_paged(desk_bank: World) -> None:
    deals = [await captured(desk_bank) for _ in range(5)]
    await by_force(
        desk_bank,
        f"UPDATE work_item SET due_at = now() - interval '1 hour' WHERE trade_id = '{deals[3]['id']}'",
    )
    first = (await (await desk_bank.as_("verifier")).get("/api/work", limit=2)).json()
    await captured(desk_bank)
    rest = await queue(desk_bank, "verifier", cursor=first["next"], limit=3)

    expected = [deals[number]["id"] for number in (3, 0, 1, 2, 4)]
    assert [item["trade"] for item in first["items"] + rest] == expected
    assert [item["overdue"] for item in first["items"]] == [True, False]
    assert await queue(desk_bank, "verifier", kind="correct") == []
    for query in ({"cursor": "x"}, {"kind": "coffee"}, {"limit": 201}, {"mine": "yes"}):
        answer = await (await desk_bank.as_("verifier")).get("/api/work", **query)
        assert (answer.status_code, answer.json()["field"]) == (400, next(iter(query))), query
    assert (
        await queue(desk_bank, "rights-admin", currency="EUR") == []
    )  # who reads no deals finds none by them


async def test_the_worker_does_what_is_open_once_and_in_order(desk_bank: World) -> None:
    deals = [await cancelled(desk_bank) for _ in range(3)]
    order: list[str] = []

    def note(item: WorkItem) -> object:
        order.append(str(item.trade_id))
        return AUTOMATIC[Item.UNWIND](item)

    assert await worker(desk_bank, {Item.UNWIND: note}).drain() == 3  # type: ignore[dict-item]
    assert order == [deal["id"] for deal in deals]
    assert await worker(desk_bank).drain() == 0
    (unwound,) = await rows(desk_bank, "SELECT count(*) AS n FROM audit_entry WHERE act = 'position.unwind'")
    (position,) = await rows(
        desk_bank, "SELECT sum(amount) FILTER (WHERE currency = 'EUR') FROM position_movement"
    )
    assert (unwound.n, position[0]) == (3, 0)
    timeline = (await (await desk_bank.as_("auditor")).get(f"/api/trades/{deals[0]['id']}/timeline")).json()
    assert (timeline[-1]["act"], timeline[-1]["account"]) == ("position.unwind", "svc.front_office")


async def test_two_workers_at_once_undo_a_deal_once(desk_bank: World) -> None:
    await cancelled(desk_bank)
    await asyncio.gather(worker(desk_bank).drain(), worker(desk_bank).drain())
    (position,) = await rows(
        desk_bank, "SELECT sum(amount) FILTER (WHERE currency = 'EUR') FROM position_movement"
    )
    (open_count,) = await rows(
        desk_bank, "SELECT count(*) FROM work_item WHERE closed_at IS NULL AND kind = 'unwind'"
    )
    assert (position[0], open_count[0]) == (0, 0)


async def test_an_item_that_is_refused_does_not_hold_up_the_others(
    desk_bank: World, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = await captured(desk_bank)
    await by_force(desk_bank, an_item(stuck), an_item(stuck))
    await cancelled(desk_bank)
    caplog.set_level(logging.WARNING, "service.work.worker")
    office = worker(desk_bank)

    assert await office.drain() == 1
    ((first, trouble),) = office.troubles.items()  # the second item of the same deal waits behind it
    assert (trouble.tries, trouble.code) == (1, "not_cancelled")
    assert await office.drain() == 0
    assert office.troubles[first].tries == 1
    trouble.retry_at = 0.0
    assert await office.drain() == 0
    told = [one for one in caplog.records if one.name == "service.work.worker"]
    assert (office.troubles[first].tries, len(told)) == (2, 1)
    assert office.troubles[first].retry_at > trouble.retry_at

    request = await asked_to_cancel(desk_bank, stuck)
    await act(desk_bank, "verifier", f"/api/requests/{request['id']}/approval", version=1)
    office.troubles[first].retry_at = 0.0
    assert await office.drain() >= 1
    assert office.troubles == {}
    assert await rows(desk_bank, "SELECT id FROM work_item WHERE closed_at IS NULL AND kind = 'unwind'") == []


async def test_a_fault_of_one_act_is_logged_and_the_others_go_on(
    desk_bank: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken, _ = await cancelled(desk_bank), await cancelled(desk_bank)

    def handler(item: WorkItem) -> object:
        trade_id = "no id" if str(item.trade_id) == broken["id"] else item.subject_id
        return unwind_position, UnwindPosition(trade_id=trade_id)  # type: ignore[arg-type]

    office = worker(desk_bank, {Item.UNWIND: handler})  # type: ignore[dict-item]
    assert await office.drain() == 1
    assert len(office.troubles) == 1
    assert caplog.records[-1].exc_info is not None


async def test_a_worker_in_the_background_forgets_what_somebody_else_has_done(desk_bank: World) -> None:
    stuck = await captured(desk_bank)
    await by_force(desk_bank, an_item(stuck))
    office = worker(desk_bank)
    await office.drain()
    assert len(office.troubles) == 1
    await by_force(
        desk_bank, "UPDATE work_item SET closed_entry_id = entry_id, closed_at = now() WHERE kind = 'unwind'"
    )
    await cancelled(desk_bank)

    office.start()
    for _ in range(100):
        if await rows(
            desk_bank, "SELECT id FROM audit_entry WHERE act = 'position.unwind' AND outcome = 'allow'"
        ):
            break
        await asyncio.sleep(0.05)
    await office.stop()
    assert (office.troubles, office.failure) == ({}, None)
    assert await rows(desk_bank, "SELECT id FROM work_item WHERE closed_at IS NULL AND kind = 'unwind'") == []


async def test_a_worker_takes_only_its_own_office_s_automatic_items(desk_bank: World) -> None:
    await verified(desk_bank, await captured(desk_bank))
    assert await worker(desk_bank).drain() == 0
    handlers = dict.fromkeys(Item, AUTOMATIC[Item.UNWIND])
    assert set(worker(desk_bank, handlers).handlers) == {Item.AMEND, Item.UNWIND}


async def test_the_queue_names_nobody_a_moment_after_their_right_has_ended(desk_bank: World) -> None:
    await captured(desk_bank)
    assert (await queue(desk_bank, "verifier"))[0]["who_can_act"] == ["other-verifier", "verifier"]
    admin = await desk_bank.as_("rights-admin")
    wanted = {"person": (await person_of(desk_bank, "other-verifier"))["id"], "state": "executed"}
    (grant,) = (await admin.get("/api/grants", **wanted)).json()["items"]
    assert (await taken(desk_bank, "revocation", grant)).status_code == 200
    assert (await queue(desk_bank, "verifier"))[0]["who_can_act"] == ["verifier"]


def an_item(deal: dict[str, object]) -> str:
    """Return the statement that opens an item nobody should have opened: unwind a deal that is not cancelled."""
    now = datetime.now(UTC).isoformat()  # noqa: TID251 - a row set past the service
    return (
        "INSERT INTO work_item (id, office, home, kind, subject_kind, subject_id, trade_id, due_at, opened_at, opened_by, "
        f"entry_id) SELECT '{uuid4()}', 'front_office', 'front_office', 'unwind', 'trade', '{deal['id']}', '{deal['id']}', "
        f"'{now}', '{now}', 'back_office', id FROM audit_entry LIMIT 1"
    )
