"""What nobody answers climbs by the clock, whoever would rather not; only those above can answer it there."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from policies.vocabulary import Office
from service.kernel.items import ROUTES, Item
from service.kernel.working_hours import later
from service.people.directory import service_actor
from service.work.escalating import Climb
from service.work.ladder import RUNGS, ladder
from service.work.use_cases import EscalateWork, NotOverdue, escalate_work
from tests.bank import World
from tests.deals import a_desk, by_force, captured, rows, verified
from tests.intruders import intruder_of
from tests.intruders import item as an_item
from tests.settling import automatic

BOARD, AUDIT = Item.ESCALATED_BOARD, Item.ESCALATED_AUDIT
LONG_AGO = "UPDATE work_item SET due_at = now() - interval '60 days' WHERE closed_at IS NULL"
BY_RUNG = {
    Item.ESCALATED_AUDIT: "auditor",
    Item.ESCALATED_BOARD: "board-back",
    Item.ESCALATED_COMPLIANCE: "compliance",
    Item.ESCALATED_RISK: "head-of-risk",
}


def ladder_of(world: World) -> Climb:
    return Climb(world.bank.gate, service_actor)


async def climbed(world: World) -> set[str]:
    """Return what climbed and is not answered."""
    query = "SELECT kind FROM work_item WHERE subject_kind = 'work_item' AND closed_at IS NULL"
    return {row.kind for row in await rows(world, query)}


async def waiting(world: World) -> Any:
    await a_desk(world)
    deal = await captured(world)
    (item,) = await rows(world, "SELECT id, due_at FROM work_item WHERE kind = 'verify'")
    return deal, item


async def answer(world: World, account: str, item: object) -> tuple[int, str]:
    body = {"reason": "asked the head of settlement, control follows today"}
    said = await (await world.as_(account)).post(f"/api/work/{item}/answer", body)
    return said.status_code, str(said.json().get("code", "answered"))


async def test_A_04_SEG_01_a_case_nobody_answers_climbs_past_the_line_and_past_its_member_of_the_board(
    bank_world: World,
) -> None:
    deal, item = await waiting(bank_world)
    assert await ladder_of(bank_world).step() == 0
    await by_force(bank_world, LONG_AGO)
    assert await ladder_of(bank_world).step() == len(RUNGS)
    assert await climbed(bank_world) == {rung.value for rung in RUNGS}
    assert await ladder_of(bank_world).step() == 0, "it climbs once"

    for account in ("verifier", "settler", "trader", "head-of-trading", "accountant", "board-trading"):
        assert (await answer(bank_world, account, item.id))[0] == 403, account
    await verified(bank_world, deal)
    assert await climbed(bank_world) == {rung.value for rung in RUNGS}, "doing it late answers nobody"
    left = {rung.value for rung in RUNGS}
    for rung, account in BY_RUNG.items():
        (shown,) = (await (await bank_world.as_(account)).get("/api/work")).json()["items"]
        assert (shown["kind"], shown["reason"], account in shown["who_can_act"]) == (rung, "verify", True)
        assert await answer(bank_world, account, item.id) == (200, "answered")
        left -= {rung.value}
        assert await climbed(bank_world) == left
    assert await answer(bank_world, "auditor", item.id) == (409, "no_escalation")
    told = await rows(
        bank_world, "SELECT act FROM audit_entry WHERE act LIKE '%escalat%' AND outcome = 'allow'"
    )
    assert len(told) == 2 * len(RUNGS)


async def test_SET_27_what_went_to_internal_audit_the_line_neither_recalls_nor_closes(
    bank_world: World,
) -> None:
    _, item = await waiting(bank_world)
    await by_force(bank_world, LONG_AGO)
    await ladder_of(bank_world).step()
    for office in (Office.BACK_OFFICE, Office.FRONT_OFFICE, Office.RISK_CONTROL):
        intruder = await intruder_of(bank_world, office)
        close = (
            "SELECT public.work_close(jsonb_build_array(jsonb_build_object("
            "'kind', 'escalated_audit', 'subject', CAST(:item AS text), 'entry', CAST(:entry AS text)))) AS n"
        )
        (count,) = await intruder.run(close, item=str(item.id), entry=str(intruder.old_entry))
        assert count.n == 0, office
        opened = an_item(intruder, AUDIT, Office.INTERNAL_AUDIT, intruder.old_entry)
        statement = f"SELECT public.work_open('{opened}')"
        assert await intruder.outcome_of(statement) == "42501", office
        assert (
            await intruder.outcome_of(f"SELECT public.work_climb('{item.id}', 'escalated_audit')") == "42501"
        )
    assert AUDIT.value in await climbed(bank_world)


async def test_supervision_that_does_not_answer_is_told_to_board_and_audit(bank_world: World) -> None:
    await waiting(bank_world)
    await by_force(bank_world, LONG_AGO)
    await ladder_of(bank_world).step()
    await by_force(bank_world, LONG_AGO)
    assert await ladder_of(bank_world).step() == 5  # risk and compliance to both, the board to audit
    await by_force(bank_world, LONG_AGO)
    assert await ladder_of(bank_world).step() == 2, "what went to the board a second time goes to audit"
    await by_force(bank_world, LONG_AGO)
    assert await ladder_of(bank_world).step() == 0, "and there it ends"


async def test_two_services_at_once_let_work_climb_once(bank_world: World) -> None:
    await waiting(bank_world)
    await by_force(bank_world, LONG_AGO)
    taken = await asyncio.gather(ladder_of(bank_world).step(), ladder_of(bank_world).step())
    assert sum(taken) == len(RUNGS)


async def test_deadlines_fire_by_the_clock_and_not_a_minute_before(bank_world: World) -> None:
    _, item = await waiting(bank_world)
    look = ladder_of(bank_world)
    for step in ladder()[Item.VERIFY]:
        moment = later(item.due_at, timedelta(hours=step.after.total_seconds() // 3600 % 10))
        for _ in range(int(step.after.total_seconds() // 36_000)):
            moment = later(moment, timedelta(days=1))
        assert await look.waiting_for(step.rung, moment) == [item.id], step
        assert await look.waiting_for(step.rung, moment - timedelta(minutes=1)) == [], step
    early = EscalateWork(item_id=item.id, rung=BOARD)
    with pytest.raises(NotOverdue):
        await automatic(bank_world, Office.COMPLIANCE, escalate_work, early)
    for account in ("compliance", "verifier", "board-back"):
        act = {"action": "work.escalate", "command": {"item_id": str(item.id), "rung": "escalated_board"}}
        (outcome,) = (await (await bank_world.as_(account)).post("/api/acts", [act])).json()
        assert outcome["status"] == 403, account


def test_every_kind_of_work_has_a_ladder_that_ends_at_internal_audit() -> None:
    for kind, steps in ladder().items():
        assert (
            kind is AUDIT or steps[-1].rung in (BOARD, AUDIT) or ROUTES[kind].office is Office.INTERNAL_AUDIT
        )
        if ROUTES[kind].office is not Office.INTERNAL_AUDIT:
            assert AUDIT in {step.rung for step in steps}, kind
        assert all(ROUTES[step.rung].office is not ROUTES[kind].office for step in steps), kind
        assert all(step.source for step in steps)
