"""Limits for tests, set the only way there is: proposed by one, voted by two."""

from datetime import date
from typing import Any

import httpx

from service.gate import BERLIN
from tests.bank import World

PLENTY = "900000000000.00"
VALID = {"valid_from": "1999-01-04", "valid_to": "2099-12-31"}
CREDIT = ("credit-officer", "other-credit-officer")
RISK = ("other-risk-controller", "head-of-risk")
LIMITS, MARKET_LIMITS = "/api/limits", "/api/market-limits"


async def a_limit(world: World, counterparty: str, amount: str = PLENTY, **terms: Any) -> dict[str, Any]:
    """Return a counterparty's limit in force."""
    return await voted(world, LIMITS, "head-of-trading", wish(counterparty, amount, **terms), CREDIT)


async def a_market_limit(world: World, portfolio: str, amount: str = PLENTY, **terms: Any) -> dict[str, Any]:
    """Return a portfolio's limit in force."""
    body = {"portfolio": portfolio, "amount_eur": amount, "reason": "within risk capacity", **VALID, **terms}
    return await voted(world, MARKET_LIMITS, "risk-controller", body, RISK)


def wish(counterparty: str, amount: str = PLENTY, **terms: Any) -> dict[str, Any]:
    """Return what proposes a counterparty's limit."""
    body = {"counterparty": counterparty, "amount_eur": amount, "reason": "agreed with credit"}
    return body | VALID | terms


async def proposed(
    world: World, body: dict[str, Any], by: str = "head-of-trading", path: str = LIMITS
) -> dict[str, Any]:
    """Return a limit that waits for its votes."""
    answer = await (await world.as_(by)).post(path, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def ballot(
    world: World, limit: dict[str, Any], by: str, vote: str = "approve", path: str = LIMITS
) -> httpx.Response:
    """Vote on a limit at the version given."""
    body = {"version": limit["version"], "vote": vote, "reason": "within what we can bear"}
    return await (await world.as_(by)).post(f"{path}/{limit['id']}/vote", body)


async def voted(
    world: World, path: str, proposer: str, body: dict[str, Any], voters: tuple[str, str]
) -> dict[str, Any]:
    """Propose a limit and have two people vote for it."""
    limit = await proposed(world, body, proposer, path)
    for voter in voters:
        answer = await ballot(world, limit, voter, path=path)
        assert answer.status_code == 200, answer.text
        limit = dict(answer.json())
    assert limit["state"] == "in_force"
    return limit


async def shown(world: World, limit: dict[str, Any], by: str = "trader") -> dict[str, Any]:
    """Return a limit as it stands now, with its use and its votes."""
    return await got(world, by, f"{LIMITS}/{limit['id']}")


async def used(world: World, limit: dict[str, Any]) -> str:
    """Return what is used of a limit."""
    return str((await shown(world, limit))["used_eur"])


async def got(world: World, by: str, path: str, **query: Any) -> dict[str, Any]:
    """Return what somebody reads there."""
    answer = await (await world.as_(by)).get(path, **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def acted(world: World, by: str, action: str, command: dict[str, Any]) -> tuple[int, str | None]:
    """Try an act by the way that takes any act by its name; return its status and what refused it."""
    body = [{"action": action, "command": command}]
    answer = await (await world.as_(by)).post("/api/acts", body)
    assert answer.status_code == 200, answer.text
    (outcome,) = answer.json()
    return outcome["status"], outcome.get("problem", {}).get("rule") or outcome.get("problem", {}).get("code")


async def capture_by_every_path(
    world: World, terms: dict[str, Any], by: str = "trader"
) -> list[dict[str, Any]]:
    """Try to enter a deal alone, in a batch and by its act; return what came of each."""
    caller = await world.as_(by)
    alone = (await caller.post("/api/trades", terms)).json()
    (in_batch,) = (await caller.post("/api/trades/batch", [terms])).json()
    (by_name,) = (await caller.post("/api/acts", [{"action": "trade.capture", "command": terms}])).json()
    return [alone, in_batch, by_name.get("problem") or by_name]


def refused_by(outcomes: list[dict[str, Any]]) -> set[tuple[int, str, str | None]]:
    """Return status, code and rule of acts that must have been refused."""
    return {(one["status"], one["code"], one.get("rule")) for one in outcomes}


async def excesses(world: World, by: str = "board-back", day: date | None = None) -> dict[str, Any]:
    """Return the excesses of a day, by default of today as clocks have it."""
    today = day or world.bank.gate.clock.now().astimezone(BERLIN).date()
    return await got(world, by, "/api/excesses", day=today.isoformat())
