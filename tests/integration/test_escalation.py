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
from tests.intruders import append, intruder_of
from tests.intruders import item as an_item
from tests.rights import granted, led_by, newcomer, refused_as
from tests.settling import automatic
from tests.visiting import signed_in

BOARD, AUDIT, HEAD = Item.ESCALATED_BOARD, Item.ESCALATED_AUDIT, Item.ESCALATED_HEAD
LONG_AGO = "UPDATE work_item SET due_at = now() - interval '60 days' WHERE closed_at IS NULL"
BY_RUNG = {
    Item.ESCALATED_AUDIT: "auditor",
    Item.ESCALATED_BOARD: "board-back",
    Item.ESCALATED_COMPLIANCE: "compliance",
    Item.ESCALATED_RISK: "head-of-risk",
    Item.ESCALATED_HEAD: "board-back",  # who leads settlement in the demo bank sits on the board
}
WAYS = {HEAD: "head-answer"}


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


async def answer(world: World, account: str, item: object, way: str = "answer") -> tuple[int, str]:
    body = {"reason": "asked the head of settlement, control follows today"}
    said = await (await world.as_(account)).post(f"/api/work/{item}/{way}", body)
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
    told = (await (await bank_world.as_("compliance")).get("/api/escalations")).json()["items"]
    assert {(one["work"], one["work_office"]) for one in told} == {("verify", "back_office")}
    assert {one["kind"] for one in told} == {rung.value for rung in RUNGS}
    page = await (await signed_in(bank_world, "compliance")).get("/escalations", age="0-1")
    assert f"/entries/trades/{deal['id']}" in page.links
    assert "Unanswered work: the board" in page.text
    over = await (await bank_world.as_("auditor")).get("/api/escalations", age="8+")
    assert over.json() == {"items": [], "next": None}
    assert (await (await bank_world.as_("head-of-trading")).get("/api/escalations")).status_code == 403

    for account in ("verifier", "settler", "trader", "head-of-trading", "accountant", "board-trading"):
        assert (await answer(bank_world, account, item.id))[0] == 403, account
    await verified(bank_world, deal)
    assert await climbed(bank_world) == {rung.value for rung in RUNGS}, "doing it late answers nobody"
    left = {rung.value for rung in RUNGS}
    for rung, account in BY_RUNG.items():
        seen = (await (await bank_world.as_(account)).get("/api/work", kind=rung.value)).json()["items"]
        (shown,) = seen
        assert (shown["kind"], shown["reason"], account in shown["who_can_act"]) == (rung, "verify", True)
        assert await answer(bank_world, account, item.id, WAYS.get(rung, "answer")) == (200, "answered")
        left -= {rung.value}
        assert await climbed(bank_world) == left
    assert await answer(bank_world, "auditor", item.id) == (409, "no_escalation")
    told = await rows(
        bank_world, "SELECT act FROM audit_entry WHERE act LIKE '%escalat%' AND outcome = 'allow'"
    )
    assert len(told) == 2 * len(RUNGS)


async def test_A_04_SEG_01_the_own_head_is_whoever_leads_the_office_today_and_nobody_answers_for_them(
    bank_world: World,
) -> None:
    _, item = await waiting(bank_world)
    await by_force(bank_world, LONG_AGO)
    await ladder_of(bank_world).step()
    wrong = (403, "not_the_head")
    assert await answer(bank_world, "trader", item.id, "head-answer") == (409, "no_escalation")
    for account in ("board-trading", "verifier", "compliance", "head-of-risk"):
        assert await answer(bank_world, account, item.id, "head-answer") == wrong, account
        act = {"action": "escalation.lead", "command": {"item_id": str(item.id), "reason": "it is done"}}
        (outcome,) = (await (await bank_world.as_(account)).post("/api/acts", [act])).json()
        assert (outcome["status"], outcome["problem"]["rule"]) == (403, "A-04"), account
    seen = (await (await bank_world.as_("board-trading")).get("/api/work", kind=HEAD.value)).json()["items"]
    assert [(one["who_can_act"], one["why_not_rule"]) for one in seen] == [(["board-back"], "A-04")]
    hold = await (await bank_world.as_("board-trading")).post(f"/api/work/{seen[0]['id']}/hold", {})
    assert refused_as(hold)[:2] == wrong
    for office in (Office.BACK_OFFICE, Office.FRONT_OFFICE, Office.COMPLIANCE):
        assert await closes_for_the_head(bank_world, office, item.id) == 0, office
    async with bank_world.bank.offices[Office.FRONT_OFFICE].connect() as connection:
        hidden = await connection.exec_driver_sql("SELECT kind FROM work_item WHERE kind = 'escalated_head'")
        assert hidden.all() == [], "trading learns nothing of what climbs elsewhere"

    await newcomer(bank_world, "Settlement and control", new_head=Office.BACK_OFFICE)
    await granted(bank_world, "new-head", "verifier")
    await led_by(bank_world, "BO", "new-head", "board-back")
    assert await answer(bank_world, "board-back", item.id, "head-answer") == wrong, "the head of yesterday"
    assert await answer(bank_world, "new-head", item.id, "head-answer") == (200, "answered")
    assert HEAD.value not in await climbed(bank_world)
    assert (await answer(bank_world, "new-head", item.id, "head-answer"))[0] == 409


async def closes_for_the_head(world: World, office: Office, item: object) -> int:
    """Let an office's login answer in the name of somebody of its own who leads nothing; return what it closed."""
    i = await intruder_of(world, office)
    entry = i.line(act="escalation.lead")
    close = (
        "SELECT public.work_close(jsonb_build_array(jsonb_build_object('kind', 'escalated_head', "
        f"'subject', '{item}', 'entry', '{entry['id']}', 'by', '{i.me.account}')))"
    )
    async with i.open() as connection:
        await append(connection, entry)
        return int((await connection.exec_driver_sql(close)).scalar_one())


async def test_SEG_01_trading_is_told_of_its_own_undone_work_alone_and_by_its_own_head(
    bank_world: World,
) -> None:
    await a_desk(bank_world)
    await captured(bank_world)
    statement = (
        "INSERT INTO public.work_item (id, office, home, kind, subject_kind, subject_id, due_at, opened_at, "
        "opened_by, entry_id) SELECT gen_random_uuid(), 'front_office', 'front_office', 'accept_absence', "
        "'absence', gen_random_uuid(), now(), now(), 'front_office', id FROM audit_entry LIMIT 1"
    )
    await by_force(bank_world, statement)
    await by_force(bank_world, LONG_AGO)
    await ladder_of(bank_world).step()
    seen = (await (await bank_world.as_("head-of-trading")).get("/api/work", kind=HEAD.value)).json()["items"]
    (shown,) = [one for one in seen if one["reason"] == "accept_absence"]
    assert (shown["office"], shown["who_can_act"]) == ("front_office", ["head-of-trading"])
    assert {one["reason"] for one in seen} == {"accept_absence"}
    about = shown["subject"]["id"]
    assert await answer(bank_world, "trader", about, "head-answer") == (403, "not_the_head")
    assert await answer(bank_world, "head-of-trading", about, "head-answer") == (200, "answered")


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
    assert await ladder_of(bank_world).step() == 6  # risk and compliance to both, board and head to audit
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
