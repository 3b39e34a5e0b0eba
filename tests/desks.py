"""Desk rules for tests, set the only way there is: by two people of the back office."""

from typing import Any

import httpx
from sqlalchemy import text

from policies.vocabulary import Office
from service.people.directory import service_actor
from service.supervision.issuing import DeskReports
from tests.bank import World
from tests.deals import act

MANDATE = {
    "rule": "mandate",
    "trader": "trader",
    "locations": ["home_office"],
    "max_eur": "2000000.00",
    "valid_from": "2026-10-01",
    "valid_to": "2026-12-31",
    "reason": "agreed home workplace, customer business only",
}


async def a_desk_rule(world: World, **body: Any) -> dict[str, Any]:
    """Return a desk rule in force."""
    proposed = await proposed_rule(world, **body)
    assert proposed.status_code == 201, proposed.text
    path = f"/api/desk-rules/{proposed.json()['id']}/approval"
    approved = await act(world, "other-verifier", path, version=1)
    assert approved.status_code == 200, approved.text
    return dict(approved.json())


async def proposed_rule(world: World, by: str = "verifier", **body: Any) -> httpx.Response:
    """Propose a desk rule."""
    return await act(world, by, "/api/desk-rules", **{"reason": "as the back office works now"} | body)


async def a_mandate(world: World, **changes: Any) -> dict[str, Any]:
    """Return a mandate in force."""
    return await a_desk_rule(world, **MANDATE | changes)


async def desk_clock(world: World, clock: str, day: str = "2026-10-27") -> None:
    """Set the clock of the desks."""
    closer = await world.as_("closer")
    seen = (await closer.get("/api/business-date")).json()["version"]
    body = {"business_date": day, "desk_clock": clock, "version": seen}
    assert (await closer.post("/api/business-date", body)).status_code == 200


async def by_login(world: World, office: Office, statement: str) -> None:
    """Send SQL over an office's own login, as whoever stole its password could."""
    async with world.bank.offices[office].begin() as connection:
        await connection.execute(text(statement))


async def as_act(world: World, by: str, action: str, **command: Any) -> dict[str, Any]:
    """Try an act through the interface for many acts; return its outcome."""
    answer = await (await world.as_(by)).post("/api/acts", [{"action": action, "command": command}])
    return dict(answer.json()[0])


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Return status, code and rule of a refusal."""
    body = answer.json()
    return answer.status_code, body.get("code"), body.get("rule")


async def a_day_received(world: World) -> None:
    """Have each desk's last day told, and one of them received by whoever supervises the desk."""
    await DeskReports(world.bank.gate, service_actor).step()
    caller = await world.as_("head-of-trading")
    report = (await caller.get("/api/desk-reports", open=True)).json()["items"][0]
    path = f"/api/desk-reports/{report['id']}/acknowledgement"
    answer = await caller.post(path, {"version": report["version"]})
    assert answer.status_code < 300, answer.text
