"""The board of what is still to be paid: by cut-off and age, why it waits, who can act, and what being late costs."""

from decimal import Decimal
from typing import Any

from tests.bank import World
from tests.parties import a_settlement_rule
from tests.settling import VALUE_DATE, done, matched, on_business_date
from tests.visiting import signed_in


async def shown(world: World, account: str, path: str, **query: str) -> dict[str, Any]:
    """Return what an account reads."""
    answer = await (await world.as_(account)).get(path, **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_CSD_03_late_payments_stand_on_the_board_with_age_reason_cost_and_who_can_act(
    ready_bank: World,
) -> None:
    deal = await matched(ready_bank)
    await matched(ready_bank, value_date="2026-10-28")
    board = await shown(ready_bank, "settler", "/api/settlements/board")
    assert [row["pay_on"] for row in board["items"]] == ["2026-10-28", "2026-10-28", VALUE_DATE, VALUE_DATE]
    assert {row["failing"] for row in board["items"]} == {False}
    assert await shown(ready_bank, "settler", "/api/penalties") == {
        "business_date": "2026-10-27",
        "items": [],
        "totals": {},
        "next": None,
    }
    assert (await (await ready_bank.as_("trader")).get("/api/settlements/board")).status_code == 403
    assert (await (await ready_bank.as_("trader")).get("/api/penalties")).status_code == 403

    done(await deal.settle("USD", "hold", "settler", reason="the amount is in doubt"))
    await a_settlement_rule(ready_bank, rule="cut_off", currency="USD", at="18:00", zone="Europe/Berlin")
    await a_settlement_rule(
        ready_bank, rule="penalty", product="cash", rate_bp="0.50", valid_from="1999-01-04"
    )
    await a_settlement_rule(
        ready_bank, rule="penalty", product="cash", rate_bp="0.75", valid_from="2026-11-03"
    )
    await on_business_date(ready_bank, "2026-11-03")
    board = await shown(ready_bank, "settler", "/api/settlements/board")
    held = next(row for row in board["items"] if row["state"] == "held")
    assert (held["days_late"], held["bucket"], held["failing"]) == (3, "2-3", True)
    assert held["reason"] == "the amount is in doubt"
    assert held["cut_off"].startswith(VALUE_DATE)
    (free,) = held["work"]
    assert (free["kind"], set(free["who_can_act"])) == ("free", {"releaser", "other-releaser"})
    assert {row["bucket"] for row in board["summary"]} == {"2-3", "4-7"}
    (theirs,) = board["late_by_counterparty"]
    assert {row["counterparty"] for row in board["items"]} == {theirs["counterparty"]}
    assert (theirs["legs"], theirs["by_age"]) == (4, {"0-1": 0, "2-3": 2, "4-7": 2, ">7": 0})
    page = await (await signed_in(ready_bank, "settler")).get("/settlements/board")
    assert "Who is late" in page.text
    late = await shown(ready_bank, "settler", "/api/settlements/board", age="4-7")
    assert {row["bucket"] for row in late["items"]} == {"4-7"}
    assert len(late["items"]) == 2
    by_auditor = await shown(ready_bank, "auditor", "/api/settlements/board")
    assert by_auditor["items"][0]["work"] == []
    first = await shown(ready_bank, "settler", "/api/settlements/board?limit=1")
    rest = await shown(ready_bank, "settler", f"/api/settlements/board?cursor={first['next']}")
    assert len({row["id"] for row in first["items"] + rest["items"]}) == 4

    costs = await shown(ready_bank, "compliance", "/api/penalties")
    dollars = next(row for row in costs["items"] if row["settlement"] == held["id"])
    assert [(one["day"], one["rate_bp"]) for one in dollars["days"]] == [
        ("2026-10-30", "0.50"),
        ("2026-11-02", "0.50"),
        ("2026-11-03", "0.75"),
    ]
    assert dollars["total"] == "203.88"  # 1,165,000 at 58.25, 58.25 and 87.375 a day, rounded once
    assert Decimal(costs["totals"]["USD"]) == sum(
        Decimal(row["total"]) for row in costs["items"] if row["currency"] == "USD"
    )
