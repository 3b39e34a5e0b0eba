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


async def test_a_verified_deal_goes_on_to_confirmation_and_books(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    assert await open_items(desk_bank) == [("back_office", "verify")]
    answer = await verified(desk_bank, deal)

    assert (answer["state"], answer["version"], answer["control"]["state"]) == ("verified", 1, "verified")
    assert answer["receipt"]
    assert await open_items(desk_bank) == [
        ("accounting", "post_trade"),
        ("back_office", "draft_confirmation"),
    ]
    again = await act(desk_bank, "other-verifier", f"/api/trades/{deal['id']}/verification", version=1)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


async def test_an_act_after_a_refused_one_of_its_batch_hands_on_its_work(desk_bank: World) -> None:
    first, second = await captured(desk_bank), await captured(desk_bank)
    verifier = await desk_bank.as_("verifier")
    seen = ((first["id"], 9), (second["id"], 1))
    acts = [
        {"action": "trade.verify", "command": {"trade_id": trade, "version": version}}
        for trade, version in seen
    ]
    outcomes = (await verifier.post("/api/acts", acts)).json()
    assert [outcome["status"] for outcome in outcomes] == [409, 200]
    told = await rows(desk_bank, "SELECT trade_id FROM work_item WHERE kind = 'draft_confirmation'")
    assert [str(row.trade_id) for row in told] == [second["id"]]


async def test_a_returned_deal_goes_back_to_trading_with_the_reason(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    path = f"/api/trades/{deal['id']}/return"
    silent = await act(desk_bank, "verifier", path, version=1)
    assert (silent.status_code, silent.json()["field"]) == (400, "reason")
    answer = await returned(desk_bank, deal)

    assert (answer["state"], answer["control"]["reason"]) == ("returned", "the rate is not on the ticket")
    assert await open_items(desk_bank) == [("front_office", "correct")]
    early = await act(desk_bank, "verifier", f"/api/trades/{deal['id']}/verification", version=1)
    assert (early.status_code, early.json()["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize("path", ["verification", "return"])
async def test_nobody_decides_about_a_version_they_did_not_see(desk_bank: World, path: str) -> None:
    deal = await captured(desk_bank)
    reason = {"reason": "no ticket"} if path == "return" else {}
    stale = await act(desk_bank, "verifier", f"/api/trades/{deal['id']}/{path}", version=7, **reason)
    assert (stale.status_code, stale.json()["code"], stale.json()["field"]) == (
        409,
        "stale_version",
        "version",
    )
    unknown = await act(desk_bank, "verifier", f"/api/trades/{uuid4()}/{path}", version=1, **reason)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert await counted(desk_bank, "trade_control") == 0


async def test_two_clerks_at_once_exactly_one_wins(desk_bank: World) -> None:
    for _ in range(3):
        deal = await captured(desk_bank)
        path = f"/api/trades/{deal['id']}/verification"
        both = await asyncio.gather(
            *(act(desk_bank, who, path, version=1) for who in ("verifier", "other-verifier"))
        )
        assert sorted(answer.status_code for answer in both) == [200, 409]
    drafts = await rows(desk_bank, "SELECT id FROM work_item WHERE kind = 'draft_confirmation'")
    assert (len(drafts), await counted(desk_bank, "trade_control")) == (3, 3)


async def test_verifying_and_cancelling_at_once_leaves_one_outcome(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    request = await asked_to_cancel(desk_bank, deal)
    verify, approve = await asyncio.gather(
        act(desk_bank, "verifier", f"/api/trades/{deal['id']}/verification", version=1),
        act(desk_bank, "other-verifier", f"/api/requests/{request['id']}/approval", version=1),
    )
    statuses = (verify.status_code, approve.status_code)
    (control,) = await rows(desk_bank, "SELECT state FROM trade_control")
    assert statuses in ((200, 200), (200, 409), (409, 200))
    assert control.state == ("cancelled" if approve.status_code == 200 else "verified")


async def test_D_01_whoever_entered_a_deal_does_not_verify_it_from_another_account(desk_bank: World) -> None:
    own, others = await captured(desk_bank, "mover-trading"), await captured(desk_bank)
    await moved_to_control(desk_bank)
    for path, more in (("verification", {}), ("return", {"reason": "let me correct it"})):
        answer = await act(desk_bank, "mover-control", f"/api/trades/{own['id']}/{path}", version=1, **more)
        assert (answer.status_code, answer.json()["code"], answer.json()["rule"]) == (
            403,
            "kept_apart",
            "D-01",
        ), path
    answer = await act(desk_bank, "mover-control", f"/api/trades/{others['id']}/verification", version=1)
    assert (answer.status_code, answer.json()["rule"]) == (403, "D-12"), (
        "another's deal of the desk they left"
    )
    assert await counted(desk_bank, "trade_control") == 0
    await cooled_off(desk_bank)
    await verified(desk_bank, others, "mover-control")
    await verified(desk_bank, own)


async def test_D_01_whoever_controlled_a_deal_does_not_ask_for_its_change(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    await moved_to_control(desk_bank)
    await cooled_off(desk_bank)
    await verified(desk_bank, deal, "mover-control")
    await moved_to_trading(desk_bank)
    path = f"/api/trades/{deal['id']}/cancellations"
    answer = await act(desk_bank, "mover-trading", path, version=1, reason="entered twice")
    assert (answer.status_code, answer.json()["rule"]) == (403, "D-01")


async def test_SET_19_trading_cancels_nothing_by_itself(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    request = await asked_to_cancel(desk_bank, deal)
    for who in ("trader", "other-trader", "head-of-trading"):
        for decision in ("approval", "refusal"):
            path = f"/api/requests/{request['id']}/{decision}"
            answer = await act(desk_bank, who, path, version=1, reason="my own deal")
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
            async with desk_bank.bank.offices[Office.FRONT_OFFICE].begin() as connection:
                await connection.execute(text(statement))
    assert await counted(desk_bank, "request_decision") == 0


async def test_D_03_SET_19_neither_who_asked_nor_who_entered_decides_from_another_account(
    desk_bank: World,
) -> None:
    entered = await captured(desk_bank, "mover-trading")
    entered_request = await asked_to_cancel(desk_bank, entered, "trader")
    others = await captured(desk_bank)
    own_request = await asked_to_cancel(desk_bank, others, "mover-trading")
    await moved_to_control(desk_bank)
    for request, rule in ((entered_request, "D-01"), (own_request, "D-03")):
        for decision in ("approval", "refusal"):
            path = f"/api/requests/{request['id']}/{decision}"
            answer = await act(desk_bank, "mover-control", path, version=1, reason="agreed")
            assert (answer.status_code, answer.json()["rule"]) == (403, rule), decision
    assert await counted(desk_bank, "request_decision") == 0


async def test_a_cancellation_before_verification_undoes_the_position_only(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    request = await asked_to_cancel(desk_bank, deal)
    assert await open_items(desk_bank) == [("back_office", "decide"), ("back_office", "verify")]
    path = f"/api/requests/{request['id']}/approval"
    unseen = await act(desk_bank, "verifier", path, version=2)
    assert (unseen.status_code, unseen.json()["code"]) == (409, "stale_version")
    answer = await act(desk_bank, "verifier", path, version=1)

    assert (answer.status_code, answer.json()["state"]) == (200, "approved")
    assert await open_items(desk_bank) == [("front_office", "unwind")]
    again = await act(desk_bank, "other-verifier", path, version=1)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    trader = await desk_bank.as_("trader")
    assert (await trader.get(f"/api/trades/{deal['id']}")).json()["state"] == "cancelled"
    late = await act(
        desk_bank, "trader", f"/api/trades/{deal['id']}/cancellations", version=1, reason="again"
    )
    assert (late.status_code, late.json()["code"]) == (409, "already_cancelled")

    assert await worker(desk_bank).drain() == 1
    positions = (await trader.get("/api/positions")).json()["items"]
    assert {one["amount"] for one in positions} == {"0.00"}
    assert await open_items(desk_bank) == []


async def test_a_cancellation_after_verification_asks_every_office_to_undo_its_part(
    desk_bank: World,
) -> None:
    deal = await captured(desk_bank)
    await verified(desk_bank, deal)
    request = await asked_to_cancel(desk_bank, deal)
    await act(desk_bank, "verifier", f"/api/requests/{request['id']}/approval", version=1, reason="agreed")

    assert await open_items(desk_bank) == [
        ("accounting", "post_trade"),
        ("accounting", "reverse"),
        ("back_office", "draft_confirmation"),
        ("back_office", "withdraw_confirmation"),
        ("back_office", "withdraw_settlement"),
        ("front_office", "unwind"),
    ]


async def test_a_returned_deal_is_cancelled_and_nothing_waits_for_its_trader(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    await returned(desk_bank, deal)
    request = await asked_to_cancel(desk_bank, deal)
    await act(desk_bank, "verifier", f"/api/requests/{request['id']}/approval", version=1)
    assert await open_items(desk_bank) == [("front_office", "correct"), ("front_office", "unwind")]

    assert await worker(desk_bank).drain() == 1
    assert await open_items(desk_bank) == []


async def test_a_refused_request_leaves_the_deal_as_it_is(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    request = await asked_to_cancel(desk_bank, deal)
    path = f"/api/requests/{request['id']}/refusal"
    answer = await act(desk_bank, "verifier", path, version=1, reason="the counterparty insists")

    assert (answer.status_code, answer.json()["state"]) == (200, "refused")
    assert await open_items(desk_bank) == [("back_office", "verify")]
    (kept,) = (await (await desk_bank.as_("trader")).get("/api/requests", state="refused")).json()["items"]
    assert (kept["id"], kept["decision"], kept["requested_by"]) == (
        request["id"],
        "the counterparty insists",
        "trader",
    )
    await verified(desk_bank, deal)
    await asked_to_cancel(desk_bank, deal)


async def test_requests_are_seen_by_their_desk_and_by_those_who_decide(desk_bank: World) -> None:
    request = await asked_to_cancel(desk_bank, await captured(desk_bank))
    for who, expected in (
        ("trader", [request["id"]]),
        ("second-desk-trader", []),
        ("verifier", [request["id"]]),
        ("auditor", [request["id"]]),
    ):
        found = (await (await desk_bank.as_(who)).get("/api/requests", state="open")).json()["items"]
        assert [one["id"] for one in found] == expected, who
    unknown = await act(desk_bank, "verifier", f"/api/requests/{uuid4()}/approval", version=1)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_later_acts_hold_a_deal_only_once_it_is_verified(desk_bank: World) -> None:
    deal, other = await captured(desk_bank), await captured(desk_bank)
    async with AsyncSession(desk_bank.bank.offices[Office.BACK_OFFICE]) as session:
        attempt = await an_attempt(desk_bank, session)
        with pytest.raises(NotVerified):
            await hold_trade(attempt, deal["id"])
    await verified(desk_bank, deal)
    await returned(desk_bank, other)
    async with AsyncSession(desk_bank.bank.offices[Office.BACK_OFFICE]) as session:
        attempt = await an_attempt(desk_bank, session)
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
