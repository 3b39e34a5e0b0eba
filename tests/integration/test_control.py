"""The back office verifies what trading entered, and decides what trading may only ask for."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Desk
from service.control.holding import NotVerified, hold_trade, mark_settling, must_be_verified
from service.demo.access import actor_named
from service.kernel.errors import IllegalTransition
from service.people.directory import service_actor
from service.trades.use_cases import AUTOMATIC
from service.work.worker import Worker
from tests.bank import World
from tests.deals import (
    a_desk,
    act,
    asked_to_cancel,
    captured,
    cooled_off,
    counted,
    moved_to_control,
    moved_to_trading,
    returned,
    rows,
    verified,
)


async def open_items(world: World) -> list[tuple[str, str]]:
    found = await rows(
        world,
        "SELECT office, kind FROM work_item WHERE closed_entry_id IS NULL AND trade_id IS NOT NULL ORDER BY 1, 2",
    )
    return [tuple(row) for row in found]


async def test_a_verified_deal_goes_on_to_confirmation_and_books(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    assert await open_items(bank_world) == [("back_office", "verify")]
    answer = await verified(bank_world, deal)

    assert (answer["state"], answer["version"], answer["control"]["state"]) == ("verified", 1, "verified")
    assert answer["receipt"]
    assert await open_items(bank_world) == [
        ("accounting", "post_trade"),
        ("back_office", "draft_confirmation"),
    ]
    again = await act(bank_world, "other-verifier", f"/api/trades/{deal['id']}/verification", version=1)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


async def test_an_act_after_a_refused_one_of_its_batch_hands_on_its_work(bank_world: World) -> None:
    await a_desk(bank_world)
    first, second = await captured(bank_world), await captured(bank_world)
    verifier = await bank_world.as_("verifier")
    seen = ((first["id"], 9), (second["id"], 1))
    acts = [
        {"action": "trade.verify", "command": {"trade_id": trade, "version": version}}
        for trade, version in seen
    ]
    outcomes = (await verifier.post("/api/acts", acts)).json()
    assert [outcome["status"] for outcome in outcomes] == [409, 200]
    told = await rows(bank_world, "SELECT trade_id FROM work_item WHERE kind = 'draft_confirmation'")
    assert [str(row.trade_id) for row in told] == [second["id"]]


async def test_a_returned_deal_goes_back_to_trading_with_the_reason(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    path = f"/api/trades/{deal['id']}/return"
    silent = await act(bank_world, "verifier", path, version=1)
    assert (silent.status_code, silent.json()["field"]) == (400, "reason")
    answer = await returned(bank_world, deal)

    assert (answer["state"], answer["control"]["reason"]) == ("returned", "the rate is not on the ticket")
    assert await open_items(bank_world) == [("front_office", "correct")]
    early = await act(bank_world, "verifier", f"/api/trades/{deal['id']}/verification", version=1)
    assert (early.status_code, early.json()["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize("path", ["verification", "return"])
async def test_nobody_decides_about_a_version_they_did_not_see(bank_world: World, path: str) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    reason = {"reason": "no ticket"} if path == "return" else {}
    stale = await act(bank_world, "verifier", f"/api/trades/{deal['id']}/{path}", version=7, **reason)
    assert (stale.status_code, stale.json()["code"], stale.json()["field"]) == (
        409,
        "stale_version",
        "version",
    )
    unknown = await act(bank_world, "verifier", f"/api/trades/{uuid4()}/{path}", version=1, **reason)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert await counted(bank_world, "trade_control") == 0


async def test_two_clerks_at_once_exactly_one_wins(bank_world: World) -> None:
    await a_desk(bank_world)
    for _ in range(3):
        deal = await captured(bank_world)
        path = f"/api/trades/{deal['id']}/verification"
        both = await asyncio.gather(
            *(act(bank_world, who, path, version=1) for who in ("verifier", "other-verifier"))
        )
        assert sorted(answer.status_code for answer in both) == [200, 409]
    drafts = await rows(bank_world, "SELECT id FROM work_item WHERE kind = 'draft_confirmation'")
    assert (len(drafts), await counted(bank_world, "trade_control")) == (3, 3)


async def test_verifying_and_cancelling_at_once_leaves_one_outcome(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    request = await asked_to_cancel(bank_world, deal)
    verify, approve = await asyncio.gather(
        act(bank_world, "verifier", f"/api/trades/{deal['id']}/verification", version=1),
        act(bank_world, "other-verifier", f"/api/requests/{request['id']}/approval", version=1),
    )
    statuses = (verify.status_code, approve.status_code)
    (control,) = await rows(bank_world, "SELECT state FROM trade_control")
    assert statuses in ((200, 200), (200, 409), (409, 200))
    assert control.state == ("cancelled" if approve.status_code == 200 else "verified")


async def test_D_01_whoever_entered_a_deal_does_not_verify_it_from_another_account(bank_world: World) -> None:
    await a_desk(bank_world)
    own, others = await captured(bank_world, "mover-trading"), await captured(bank_world)
    await moved_to_control(bank_world)
    for path, more in (("verification", {}), ("return", {"reason": "let me correct it"})):
        answer = await act(bank_world, "mover-control", f"/api/trades/{own['id']}/{path}", version=1, **more)
        assert (answer.status_code, answer.json()["code"], answer.json()["rule"]) == (
            403,
            "kept_apart",
            "D-01",
        ), path
    answer = await act(bank_world, "mover-control", f"/api/trades/{others['id']}/verification", version=1)
    assert (answer.status_code, answer.json()["rule"]) == (403, "D-12"), (
        "another's deal of the desk they left"
    )
    assert await counted(bank_world, "trade_control") == 0
    await cooled_off(bank_world)
    await verified(bank_world, others, "mover-control")
    await verified(bank_world, own)


async def test_D_01_whoever_controlled_a_deal_does_not_ask_for_its_change(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    await moved_to_control(bank_world)
    await cooled_off(bank_world)
    await verified(bank_world, deal, "mover-control")
    await moved_to_trading(bank_world)
    path = f"/api/trades/{deal['id']}/cancellations"
    answer = await act(bank_world, "mover-trading", path, version=1, reason="entered twice")
    assert (answer.status_code, answer.json()["rule"]) == (403, "D-01")


async def test_SET_19_trading_cancels_nothing_by_itself(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    request = await asked_to_cancel(bank_world, deal)
    for who in ("trader", "other-trader", "head-of-trading"):
        for decision in ("approval", "refusal"):
            path = f"/api/requests/{request['id']}/{decision}"
            answer = await act(bank_world, who, path, version=1, reason="my own deal")
            assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted"), who
    decision = (
        "INSERT INTO public.request_decision (id, rev, request_id, trade_id, outcome, reason) "
        f"VALUES ('{uuid4()}', 1, '{request['id']}', '{deal['id']}', 'approved', 'agreed')"
    )
    for statement in (
        f"INSERT INTO public.trade_control (id, rev, version, state) VALUES ('{deal['id']}', 1, 1, 'cancelled')",
        "UPDATE public.change_request SET reason = 'agreed', rev = rev + 1",
        decision,
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with bank_world.bank.offices[Office.FRONT_OFFICE].begin() as connection:
                await connection.execute(text(statement))
    assert await counted(bank_world, "request_decision") == 0


async def test_D_03_SET_19_neither_who_asked_nor_who_entered_decides_from_another_account(
    bank_world: World,
) -> None:
    await a_desk(bank_world)
    entered = await captured(bank_world, "mover-trading")
    entered_request = await asked_to_cancel(bank_world, entered, "trader")
    others = await captured(bank_world)
    own_request = await asked_to_cancel(bank_world, others, "mover-trading")
    await moved_to_control(bank_world)
    for request, rule in ((entered_request, "D-01"), (own_request, "D-03")):
        for decision in ("approval", "refusal"):
            path = f"/api/requests/{request['id']}/{decision}"
            answer = await act(bank_world, "mover-control", path, version=1, reason="agreed")
            assert (answer.status_code, answer.json()["rule"]) == (403, rule), decision
    assert await counted(bank_world, "request_decision") == 0


async def test_a_cancellation_before_verification_undoes_the_position_only(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    request = await asked_to_cancel(bank_world, deal)
    assert await open_items(bank_world) == [("back_office", "decide"), ("back_office", "verify")]
    path = f"/api/requests/{request['id']}/approval"
    unseen = await act(bank_world, "verifier", path, version=2)
    assert (unseen.status_code, unseen.json()["code"]) == (409, "stale_version")
    answer = await act(bank_world, "verifier", path, version=1)

    assert (answer.status_code, answer.json()["state"]) == (200, "approved")
    assert await open_items(bank_world) == [("front_office", "unwind")]
    again = await act(bank_world, "other-verifier", path, version=1)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    trader = await bank_world.as_("trader")
    assert (await trader.get(f"/api/trades/{deal['id']}")).json()["state"] == "cancelled"
    late = await act(
        bank_world, "trader", f"/api/trades/{deal['id']}/cancellations", version=1, reason="again"
    )
    assert (late.status_code, late.json()["code"]) == (409, "already_cancelled")

    assert await worker(bank_world).drain() == 1
    positions = (await trader.get("/api/positions")).json()["items"]
    assert {one["amount"] for one in positions} == {"0.00"}
    assert await open_items(bank_world) == []


async def test_a_cancellation_after_verification_asks_every_office_to_undo_its_part(
    bank_world: World,
) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    await verified(bank_world, deal)
    request = await asked_to_cancel(bank_world, deal)
    await act(bank_world, "verifier", f"/api/requests/{request['id']}/approval", version=1, reason="agreed")

    assert await open_items(bank_world) == [
        ("accounting", "post_trade"),
        ("accounting", "reverse"),
        ("back_office", "draft_confirmation"),
        ("back_office", "withdraw_confirmation"),
        ("back_office", "withdraw_settlement"),
        ("front_office", "unwind"),
    ]


async def test_a_returned_deal_is_cancelled_and_nothing_waits_for_its_trader(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    await returned(bank_world, deal)
    request = await asked_to_cancel(bank_world, deal)
    await act(bank_world, "verifier", f"/api/requests/{request['id']}/approval", version=1)
    assert await open_items(bank_world) == [("front_office", "correct"), ("front_office", "unwind")]

    assert await worker(bank_world).drain() == 1
    assert await open_items(bank_world) == []


async def test_a_refused_request_leaves_the_deal_as_it_is(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    request = await asked_to_cancel(bank_world, deal)
    path = f"/api/requests/{request['id']}/refusal"
    answer = await act(bank_world, "verifier", path, version=1, reason="the counterparty insists")

    assert (answer.status_code, answer.json()["state"]) == (200, "refused")
    assert await open_items(bank_world) == [("back_office", "verify")]
    (kept,) = (await (await bank_world.as_("trader")).get("/api/requests", state="refused")).json()["items"]
    assert (kept["id"], kept["decision"], kept["requested_by"]) == (
        request["id"],
        "the counterparty insists",
        "trader",
    )
    await verified(bank_world, deal)
    await asked_to_cancel(bank_world, deal)


async def test_requests_are_seen_by_their_desk_and_by_those_who_decide(bank_world: World) -> None:
    await a_desk(bank_world)
    request = await asked_to_cancel(bank_world, await captured(bank_world))
    for who, expected in (
        ("trader", [request["id"]]),
        ("second-desk-trader", []),
        ("verifier", [request["id"]]),
        ("auditor", [request["id"]]),
    ):
        found = (await (await bank_world.as_(who)).get("/api/requests", state="open")).json()["items"]
        assert [one["id"] for one in found] == expected, who
    unknown = await act(bank_world, "verifier", f"/api/requests/{uuid4()}/approval", version=1)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_later_acts_hold_a_deal_only_once_it_is_verified(bank_world: World) -> None:
    await a_desk(bank_world)
    deal, other = await captured(bank_world), await captured(bank_world)
    async with AsyncSession(bank_world.bank.offices[Office.BACK_OFFICE]) as session:
        attempt = await an_attempt(bank_world, session)
        with pytest.raises(NotVerified):
            await hold_trade(attempt, deal["id"])
    await verified(bank_world, deal)
    await returned(bank_world, other)
    async with AsyncSession(bank_world.bank.offices[Office.BACK_OFFICE]) as session:
        attempt = await an_attempt(bank_world, session)
        control = await hold_trade(attempt, deal["id"])
        must_be_verified(control, 1)
        mark_settling(attempt, control)
        mark_settling(attempt, control)
        must_be_verified(control, 1)
        assert (control.state, len(attempt.rows)) == ("settling", 1)
        for trade_id, version in ((deal["id"], 2), (other["id"], 1)):
            with pytest.raises(NotVerified):
                must_be_verified(await hold_trade(attempt, trade_id), version)
        with pytest.raises(IllegalTransition):
            mark_settling(attempt, await hold_trade(attempt, other["id"]))


async def an_attempt(world: World, session: AsyncSession) -> Attempt:
    """Return a releaser's attempt that is never committed."""
    gate, actor = world.bank.gate, await actor_named(world.bank, "releaser")
    decision = gate.policy.decide(actor.roles, Action.SETTLEMENT_RELEASE)
    now = gate.clock.now()
    desk = Desk(now.date(), now.time())
    return Attempt(session, actor, decision, gate.policy, now, desk, uuid4())


def worker(world: World) -> Worker:
    """Return the front office's automatic worker."""
    return Worker(world.bank.gate, Office.FRONT_OFFICE, AUTOMATIC, service_actor)
