"""Deals beside the market, for tests: within it, off it, without a reference, and what is done about them."""

from collections.abc import Mapping
from typing import Any

import httpx

from tests.bank import World
from tests.conformity import a_tolerance, done
from tests.deals import a_desk, act, captured
from tests.parties import LEI

OFF = "1.1850"  # 169.9 bp above the reference of 1.1652
FORWARD: dict[str, Any] = {
    "type": "fx_forward",
    "forward_points": "0.0020",
    "value_date": "2026-11-30",
}
DEPOSIT = {
    "type": "mm_deposit",
    "currency": "EUR",
    "principal": "2000000.00",
    "rate_percent": "2.00",
    "day_count": "ACT/360",
    "start_date": "2026-10-29",
    "end_date": "2026-11-30",
}


async def desk(world: World) -> None:
    """Open a desk whose spot deals may stand 100 bp from their reference, whatever the bank was founded with."""
    await a_desk(world)
    await a_tolerance(world, "fx_spot", "100")


async def off_market(world: World, **changes: Any) -> dict[str, Any]:
    return await captured(world, rate=OFF, **changes)


async def forward(world: World, spot_rate: str = "1.1650", rate: str = "1.1670") -> dict[str, Any]:
    return await captured(world, **FORWARD | {"spot_rate": spot_rate, "rate": rate})


async def deposit(
    world: World, rate_percent: str = "2.00", *, leave_out: str = "", **changes: Any
) -> httpx.Response:
    common = {"trade_date": "2026-10-27", "counterparty": LEI, "portfolio": "FX-EUR"}
    said = {"executed_at": "2026-10-27T07:55:00Z", "side_agreements": "none"}
    terms = common | said | DEPOSIT | {"rate_percent": rate_percent} | changes
    told = {name: value for name, value in terms.items() if name != leave_out}
    return await (await world.as_("trader")).post("/api/trades", told)


async def justify(
    world: World, trade: Mapping[str, Any], by: str = "risk-controller", **facts: Any
) -> httpx.Response:
    body = {
        "version": trade["version"],
        "ground": "internal_rule",
        "reason": "the rule for staff deals",
    } | facts
    return await act(world, by, f"/api/trades/{trade['id']}/justification", **body)


async def verify(world: World, trade: Mapping[str, Any], by: str = "verifier") -> httpx.Response:
    return await act(world, by, f"/api/trades/{trade['id']}/verification", version=trade["version"])


async def last_check(world: World, trade: Mapping[str, Any], by: str = "risk-controller") -> dict[str, Any]:
    found = (await (await world.as_(by)).get("/api/checks", trade=trade["id"])).json()["items"]
    return dict(found[0])


async def waiting(world: World, account: str) -> list[tuple[str, str]]:
    """Return kind and deal of what waits for an office."""
    items = (await (await world.as_(account)).get("/api/work")).json()["items"]
    return [(item["kind"], item["trade"]) for item in items]


async def at_four(world: World) -> None:
    """Move desk time to when a day's reference is everybody's."""
    seen = (await (await world.as_("closer")).get("/api/business-date")).json()
    await done(
        world,
        "closer",
        "/api/business-date",
        business_date=seen["business_date"],
        desk_clock="16:00",
        version=seen["version"],
    )
