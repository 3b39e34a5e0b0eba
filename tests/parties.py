"""Master data for tests, brought into force the only way there is: proposed and approved by two people."""

from typing import Any

from tests.bank import World
from tests.limits import a_limit, a_market_limit

LEI, OTHER_LEI = "529900T8BM49AURSDO55", "7LTWFZYICNSX8D621K86"
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
    world: World, lei: str = LEI, name: str = "First counterparty", *, limit: bool = True
) -> str:
    """Return the id of a counterparty in force, with room for every deal unless told otherwise."""
    body = {"lei": lei, "name": name, "bic": "COBADEFF"}
    found = str((await in_force(world, "/api/counterparties", body))["id"])
    if limit:
        await a_limit(world, found)
    return found


async def a_portfolio(
    world: World, name: str = "FX-EUR", desk: str = "FX desk", *, limit: bool = True
) -> str:
    """Return the id of a portfolio in force, with room for every deal unless told otherwise."""
    found = str((await in_force(world, "/api/portfolios", {"name": name, "desk": desk}))["id"])
    if limit:
        await a_market_limit(world, found)
    return found


async def an_instruction(world: World, counterparty: str, currency: str, number: str = IBAN) -> str:
    """Return the id of a counterparty's payment route in force."""
    body = {"counterparty": counterparty, "currency": currency, "bic": "COBADEFF", "account_number": number}
    return str((await in_force(world, "/api/instructions", body))["id"])
