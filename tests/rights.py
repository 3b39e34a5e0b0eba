"""Persons, accounts and rights for tests, as the rights administration brings them in and ends them."""

from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from policies.vocabulary import Office
from service.demo.access import token_for
from service.kernel.errors import NotPermitted
from service.organisation.queries import today
from tests.bank import World

STEPS = {
    "approval": "rights-owner",
    "refusal": "rights-owner",
    "execution": "rights-admin",
    "revocation": "rights-admin",
}


async def person_of(world: World, account: str) -> dict[str, Any]:
    """Return the person behind an account, as the rights administration sees them."""
    found = await (await world.as_("rights-admin")).get("/api/persons", limit=200)
    everybody: list[dict[str, Any]] = found.json()["items"]
    return next(one for one in everybody if account in {login["name"] for login in one["accounts"]})


async def account_of(world: World, account: str) -> dict[str, Any]:
    person = await person_of(world, account)
    return next(login for login in person["accounts"] if login["name"] == account)


MANAGER = """
    SELECT a.name FROM public.account b JOIN public.person p ON p.id = b.person_id
    JOIN public.lines_on(public.calendar_day()) l ON l.unit_id = p.unit_id
    JOIN public.account a ON a.person_id IN (l.functional_head_id, l.board_member_id) AND a.person_id <> p.id
    JOIN public.role_grant g ON g.account_id = a.id AND g.state = 'executed'
     AND g.role IN ('head_of_trading', 'head_of_risk', 'board_back', 'board_trading')
    WHERE b.name = '{account}' AND NOT a.disabled
    ORDER BY a.person_id = l.functional_head_id DESC LIMIT 1
"""


async def manager_of(world: World, account: str) -> str:
    """Return the account of whoever asks for rights of an account's person: their manager, or the administration."""
    found = await asked(world, MANAGER.format(account=account))
    return found[0].name if found else "rights-requester"


async def requested(
    world: World, account: str, role: str, *, by: str | None = None, **more: Any
) -> httpx.Response:
    """Ask for a right as the manager of its holder would."""
    body = {"account": account, "role": role, "reason": "joins the unit", **more}
    asker = await world.as_(by or await manager_of(world, account))
    return await asker.post("/api/grants", body)


async def taken(world: World, step: str, grant: dict[str, Any], by: str | None = None) -> httpx.Response:
    body = {"version": grant["version"]}
    if step in ("refusal", "revocation"):
        body["reason"] = "no longer needed"
    return await (await world.as_(by or STEPS[step])).post(f"/api/grants/{grant['id']}/{step}", body)


async def granted(world: World, account: str, role: str) -> dict[str, Any]:
    """Bring a right in force by three people."""
    answer = await requested(world, account, role)
    assert answer.status_code == 201, answer.text
    for step in ("approval", "execution"):
        answer = await taken(world, step, answer.json())
        assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def newcomer(world: World, unit: str, **accounts: Office) -> dict[str, Any]:
    """Register a person in the unit and open their accounts."""
    registered = await (await world.as_("rights-requester")).post(
        "/api/persons", {"name": "a newcomer", "unit": unit}
    )
    assert registered.status_code == 201, registered.text
    person: dict[str, Any] = registered.json()
    for name, office in accounts.items():
        body = {"name": name.replace("_", "-"), "person": person["id"], "office": office.value}
        opened = await (await world.as_("rights-admin")).post("/api/accounts", body)
        assert opened.status_code == 201, opened.text
    return person


async def moved(world: World, person: dict[str, Any], unit: str) -> httpx.Response:
    body = {"version": person["version"], "unit": unit, "reason": "changes the job"}
    return await (await world.as_("rights-admin")).post(f"/api/persons/{person['id']}/move", body)


async def disabled(world: World, person: dict[str, Any], by: str = "rights-admin") -> httpx.Response:
    body = {"version": person["version"], "reason": "leaves the bank"}
    return await (await world.as_(by)).post(f"/api/persons/{person['id']}/disablement", body)


async def led_by(world: World, unit: str, head: str, board: str) -> None:
    """Let another person lead a unit from today on, in three steps."""
    line = {"unit": unit, "functional_head": head, "disciplinary_head": head, "board_member": board}
    day = today(world.bank.gate.clock.now()).isoformat()
    body = {"valid_from": day, "lines": [line], "reason": "the unit has a new head"}
    proposed = await (await world.as_("rights-requester")).post("/api/organisation/proposals", body)
    assert proposed.status_code == 201, proposed.text
    path = f"/api/organisation/proposals/{proposed.json()['id']}/approval"
    approved = await (await world.as_("rights-owner")).post(path, {"version": 1})
    assert approved.status_code == 200, approved.text


def refused_as(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json()["code"], answer.json().get("rule")


async def asked(world: World, statement: str) -> list[Any]:
    """Return what the whole database holds, as its administrator."""
    admin = create_async_engine(world.bank.admin_url)
    async with admin.connect() as connection:
        found = list((await connection.execute(text(statement))).all())
    await admin.dispose()
    return found


async def acts_of(world: World, account: str) -> set[str]:
    """Sign in anew and return what the account may do; without any role nobody even signs in."""
    try:
        token = await token_for(world.bank, account)
    except NotPermitted:
        return set()
    async with world.anonymous({"Authorization": f"Bearer {token}"}) as client:
        return set((await client.get("/api/powers")).json()["acts"])


async def open_items(world: World) -> set[str]:
    found = await asked(world, "SELECT kind FROM public.work_item WHERE closed_entry_id IS NULL")
    return {row.kind for row in found}
