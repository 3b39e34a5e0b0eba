"""Master data for tests, brought into force the only way there is: proposed and approved by two people."""

from typing import Any

from tests.bank import World
from tests.limits import a_limit, a_market_limit
from tests.plain import LEI
from tests.plain import OTHER_LEI as OTHER_LEI  # noqa: PLC0414 - told from here to most tests

NUMBER = "+49 69 5550 100"
IBAN = "DE89370400440532013000"


async def in_force(world: World, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Propose and approve; return the proposal's answer, whose ``id`` is the object's."""
    proposed = await (await world.as_("steward")).post(path, body)
    assert proposed.status_code == 201, proposed.text
    approval = f"/api/proposals/{proposed.json()['proposal']}/approval"
    seen = {"version": proposed.json()["version"]}
    approved = await (await world.as_("steward-approver")).post(approval, seen)
    assert approved.status_code == 200, approved.text
    return dict(proposed.json())


async def a_counterparty(
    world: World,
    lei: str = LEI,
    name: str = "First counterparty",
    *,
    limit: bool = True,
    bic: str = "COBADEFF",
) -> str:
    """Return the id of a counterparty in force, with room for every deal unless told otherwise."""
    body = {"lei": lei, "name": name, "bic": bic}
    found = str((await in_force(world, "/api/counterparties", body))["id"])
    if limit:
        await a_limit(world, found)
    await a_channel(world, lei)
    return found


CHANNEL = {
    "format": "swift",
    "medium": "file",
    "language": "en",
    "party_class": "financial",
    "call_back": "+49 69 99901 100",
}


async def a_channel(world: World, lei: str = LEI, **changes: Any) -> str:
    """Return the id of a confirmation channel in force: files, in a folder named as the counterparty."""
    body = {"counterparty": lei, "address": lei, "senders": [lei], **CHANNEL, **changes}
    return str((await in_force(world, "/api/channels", body))["id"])


async def a_portfolio(
    world: World, name: str = "FX-EUR", desk: str = "FX desk", *, limit: bool = True
) -> str:
    """Return the id of a portfolio in force, with room for every deal unless told otherwise."""
    found = str((await in_force(world, "/api/portfolios", {"name": name, "desk": desk}))["id"])
    if limit:
        await a_market_limit(world, found)
    return found


async def an_instruction(
    world: World, counterparty: str, currency: str, number: str = IBAN, *, called_back: bool = True
) -> str:
    """Return the id of a counterparty's payment route in force, confirmed by a call unless told otherwise."""
    body = {"counterparty": counterparty, "currency": currency, "bic": "COBADEFF", "account_number": number}
    found = str((await in_force(world, "/api/instructions", body))["id"])
    if called_back:
        await called_back_about(world, counterparty, instruction_id=found)
    return found


async def called_back_about(world: World, counterparty: str, **about: str) -> dict[str, Any]:
    """Have the counterparty called about a payment route by one person and the call checked by another."""
    if not (await rule_lines(world, counterparty)):
        await a_settlement_rule(world, rule="call_back", counterparty=counterparty, number=NUMBER)
    body = {"number": NUMBER, "spoke_to": "their control desk", "outcome": "confirmed", "note": "read back"}
    made = await (await world.as_("settler")).post("/api/call-backs", body | about)
    assert made.status_code == 201, made.text
    path = f"/api/call-backs/{made.json()['id']}/check"
    checked = await (await world.as_("releaser")).post(path, {"version": 1, "verdict": "confirmed"})
    assert checked.status_code == 200, checked.text
    return dict(checked.json())


async def rule_lines(world: World, counterparty: str) -> list[dict[str, Any]]:
    """Return the numbers at which a counterparty is called."""
    found = await (await world.as_("steward")).get("/api/settlement-rules", rule="call_back", limit=200)
    return [line for line in found.json()["items"] if line["counterparty"] == counterparty]


async def a_settlement_rule(world: World, **line: Any) -> dict[str, Any]:
    """Bring a line of the settlement tables in force by two people."""
    said = {"valid_from": "1999-01-04", "source": "a test", "reason": "as agreed"}
    proposed = await (await world.as_("steward")).post("/api/settlement-rules", said | line)
    assert proposed.status_code == 201, proposed.text
    path = f"/api/settlement-rules/{proposed.json()['id']}/approval"
    approved = await (await world.as_("steward-approver")).post(path, {"version": 1})
    assert approved.status_code == 200, approved.text
    return dict(approved.json())
