"""Market conformity for tests, by the people whose business it is: references, agreements, justifications, notices."""

from typing import Any

from tests.bank import World

DOCUMENT = "ab" * 32
VALID_FROM = "1999-01-04"


async def done(world: World, account: str, path: str, **body: Any) -> dict[str, Any]:
    """Return the answer of an act that must have been allowed."""
    answer = await (await world.as_(account)).post(path, body)
    assert answer.status_code < 300, answer.text
    return dict(answer.json())


async def justified(
    world: World,
    trade_id: str,
    version: int = 1,
    *,
    ground: str = "internal_rule",
    by: str = "head-of-risk",
    **more: Any,
) -> dict[str, Any]:
    """Have risk control justify what the check of a deal's version found; without a reference it is assessed.

    ``ground`` is for deals off the market; a deal without a reference takes the one ground there is for it.
    """
    found = (await (await world.as_(by)).get("/api/checks", trade=trade_id)).json()["items"]
    if found[0]["check"] == "no_reference":
        ground = "no_reference_assessed"
    facts = {"version": version, "ground": ground, "reason": "looked into and found in order", **more}
    return await done(world, by, f"/api/trades/{trade_id}/justification", **facts)


async def agreed(world: World, counterparty: str, **terms: Any) -> dict[str, Any]:
    """Return a master agreement with a counterparty (id or LEI): filed by the steward, cleared by legal."""
    facts = {"form": "master_agreement", "name": "ISDA 2002", "valid_from": VALID_FROM, **terms}
    draft = await done(world, "steward", "/api/agreements", counterparty=counterparty, **facts)
    return await done(world, "legal", f"/api/agreements/{draft['id']}/clearance", version=draft["version"])


async def a_reference_rate(
    world: World, currency: str, day: str, percent: str, *, source: str = "broker fixing page"
) -> dict[str, Any]:
    """Return a money-market reference rate of a day in force, in percent a year."""
    facts = {"currency": currency, "day": day, "rate_percent": percent, "source": source}
    return await in_force(world, benchmark="reference_rate", **facts)


async def a_tolerance(world: World, product: str, tolerance_bp: str) -> dict[str, Any]:
    """Return a product's tolerance in force."""
    return await in_force(world, benchmark="tolerance", product=product, tolerance_bp=tolerance_bp)


async def in_force(world: World, **facts: Any) -> dict[str, Any]:
    """Have one person of risk control propose a benchmark and another put it in force."""
    proposed = await done(world, "risk-controller", "/api/benchmarks", **facts)
    path = f"/api/benchmarks/{proposed['id']}/approval"
    return await done(world, "other-risk-controller", path, version=proposed["version"])
