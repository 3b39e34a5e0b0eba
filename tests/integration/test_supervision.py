"""A desk's day goes to whoever supervises the desk today, and climbs if they do not take notice (D-21, A-18)."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.database import digest
from service.people.directory import service_actor
from service.supervision.issuing import DeskReports
from service.supervision.use_cases import DayNotOver, IssueDeskReport, issue_desk_report
from service.work.escalating import Climb
from tests.bank import World
from tests.deals import by_force
from tests.intruders import Intruder, append, intruder_of
from tests.rights import asked, granted, led_by, newcomer, person_of, refused_as
from tests.settling import captured, done, on_business_date


async def reports_of(world: World, account: str) -> list[dict[str, Any]]:
    answer = await (await world.as_(account)).get("/api/desk-reports", open=True)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def received(world: World, by: str, report: dict[str, Any]) -> httpx.Response:
    path = f"/api/desk-reports/{report['id']}/acknowledgement"
    return await (await world.as_(by)).post(path, {"version": report["version"]})


async def by_many(world: World, by: str, report: dict[str, Any]) -> tuple[int, str, str | None]:
    """Try the same act among others at once."""
    command = {"report": report["id"], "version": report["version"]}
    act = {"action": "desk_report.acknowledge", "command": command}
    (outcome,) = (await (await world.as_(by)).post("/api/acts", [act])).json()
    said = outcome["problem"]
    return outcome["status"], said["code"], said.get("rule")


async def test_D_21_A_18_the_report_is_for_the_supervisor_of_today_and_nobody_else_receives_it(
    ready_bank: World,
) -> None:
    await captured(ready_bank)
    late = await captured(ready_bank, executed_at="2026-10-27T05:00:00Z")
    done(await late.do("trader", "cancellations", reason="entered for the wrong counterparty"))
    await newcomer(ready_bank, "FX desk", new_head=Office.FRONT_OFFICE)
    await granted(ready_bank, "new-head", "head_of_trading")
    round_ = DeskReports(ready_bank.bank.gate, service_actor)
    assert await round_.step() == 2  # the last business day before the bank's first
    await on_business_date(ready_bank, "2026-10-28")
    assert await round_.step() == 2
    assert await round_.step() == 0
    (report,) = [
        one
        for one in await reports_of(ready_bank, "head-of-trading")
        if (one["desk"], one["day"]) == ("FX-1", "2026-10-27")
    ]
    facts = report["facts"]
    assert (facts["deals"], facts["requests"]) == (2, {"cancellation": 1})
    assert facts["notable"][-1].startswith("FX-EUR-")
    assert refused_as(await received(ready_bank, "trader", report))[0] == 403
    service = await service_actor(ready_bank.bank.offices, Office.RISK_CONTROL)
    early = IssueDeskReport(unit=UUID(report["unit"]), day=date(2026, 10, 28))
    with pytest.raises(DayNotOver):
        await ready_bank.bank.gate.perform(service, issue_desk_report, early)
    assert refused_as(await received(ready_bank, "new-head", report)) == (403, "not_the_supervisor", "D-21")

    await led_by(ready_bank, "FX-1", "new-head", "board-trading")

    assert {one["desk"] for one in await reports_of(ready_bank, "head-of-trading")} == {"FX-2"}
    moved = await reports_of(ready_bank, "new-head")
    new = (await person_of(ready_bank, "new-head"))["id"]
    assert {(one["desk"], one["supervisor"]) for one in moved} == {("FX-1", new)}
    assert report["id"] in {one["id"] for one in moved}
    refusal = (403, "not_the_supervisor", "D-21")
    assert refused_as(await received(ready_bank, "head-of-trading", report)) == refusal
    assert await by_many(ready_bank, "head-of-trading", report) == refusal
    await by_raw_sql(ready_bank, report)
    receipt = await received(ready_bank, "new-head", report)
    assert receipt.status_code == 201, receipt.text
    assert (await received(ready_bank, "new-head", report)).status_code == 409
    seen = await (await ready_bank.as_("risk-controller")).get("/api/desk-reports", unit=report["unit"])
    assert [one["received_by"] is None for one in seen.json()["items"]] == [False, True]

    await by_force(
        ready_bank, "UPDATE work_item SET due_at = now() - interval '9 days' WHERE closed_at IS NULL"
    )
    await Climb(ready_bank.bank.gate, service_actor).step()
    climbed = await asked(
        ready_bank, "SELECT reason FROM public.work_item WHERE kind = 'escalated_risk' ORDER BY reason"
    )
    assert "acknowledge_desk_report" in {row.reason for row in climbed}  # nobody else's receipt stops that


async def by_raw_sql(world: World, report: dict[str, Any]) -> None:
    """The front office's login gives the receipt in the name of somebody who does not supervise the desk."""
    intruder = await intruder_of(world, Office.FRONT_OFFICE)
    effect = intruder.effect(kind="desk_receipt", after=digest({}))
    entry = intruder.line(act="desk_report.acknowledge", eff=[effect])
    statement = (
        "INSERT INTO desk_receipt (id, rev, report_id, received_by, received_at) "
        f"VALUES ('{effect['id']}', 1, '{report['id']}', '{intruder.me.account}', now())"
    )
    with pytest.raises(DBAPIError, match="D-21"):
        await written(intruder, entry, statement)


async def written(intruder: Intruder, entry: dict[str, Any], statement: str) -> None:
    """Append an entry and write a row with it, as the office's login can."""
    async with intruder.open() as connection:
        await append(connection, entry)
        await connection.exec_driver_sql(statement)
