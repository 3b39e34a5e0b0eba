"""Before somebody goes, the service says who would be left, by every rule that the gate will ask."""

from datetime import timedelta
from typing import Any

import httpx

from policies.vocabulary import Office
from service.compliance.nightly import check_everybody
from tests.bank import World
from tests.deals import change_sides
from tests.deputies import as_administrator
from tests.rights import disabled, newcomer, person_of, refused_as, requested, taken
from tests.settling import captured


async def right_of(world: World, account: str, role: str) -> dict[str, Any]:
    held = await (await world.as_("rights-admin")).get("/api/grants", role=role, state="executed")
    return dict(next(one for one in held.json()["items"] if one["account_name"] == account))


async def revoked(world: World, account: str, role: str, **more: str) -> httpx.Response:
    grant = await right_of(world, account, role)
    body = {"version": grant["version"], "reason": "leaves the unit"} | more
    return await (await world.as_("rights-admin")).post(f"/api/grants/{grant['id']}/revocation", body)


async def dead_ends(world: World) -> list[tuple[str, str]]:
    listed = await (await world.as_("compliance")).get("/api/work", kind="dead_end", limit=200)
    return sorted((one["subject"]["kind"], one["reason"]) for one in listed.json()["items"])


async def test_a_right_that_open_work_waits_for_is_not_ended_without_a_reason(ready_bank: World) -> None:
    await captured(ready_bank)
    await change_sides(
        ready_bank, "mover-trading", "Settlement and control", "mover-control", "verifier"
    )  # cools off: D-12 keeps the mover from every deal of the former desk
    first = await revoked(ready_bank, "verifier", "verifier")
    assert (first.status_code, "unmanned" in first.json()) == (200, False), first.text

    last = await revoked(ready_bank, "other-verifier", "verifier")

    assert refused_as(last) == (409, "dead_end", None)
    assert "trade.verify" in last.json()["detail"]
    accepted = await revoked(
        ready_bank, "other-verifier", "verifier", accept_dead_end="two verifiers begin tomorrow"
    )
    assert accepted.status_code == 200, accepted.text
    assert (accepted.json()["left_alone"], accepted.json()["unmanned"]) == (1, [])
    assert await dead_ends(ready_bank) == [("trade", "verify")]
    mover = await revoked(ready_bank, "mover-control", "verifier")
    assert {"trade.verify", "request.approve"} <= set(mover.json()["unmanned"])  # nobody at all is left


async def test_a_leaver_is_not_kept_and_compliance_hears_what_waits_for_nobody(ready_bank: World) -> None:
    await captured(ready_bank)
    assert (await disabled(ready_bank, await person_of(ready_bank, "verifier"))).status_code == 200
    assert await dead_ends(ready_bank) == []

    last = await disabled(ready_bank, await person_of(ready_bank, "other-verifier"))

    assert last.status_code == 200, last.text
    assert last.json()["left_alone"] == 1
    assert await dead_ends(ready_bank) == [("person", "unmanned"), ("trade", "verify")]


async def test_what_ends_by_itself_is_told_before_it_ends(bank_world: World) -> None:
    await newcomer(bank_world, "Legal", new_counsel=Office.LEGAL)
    soon = (bank_world.bank.gate.clock.now() + timedelta(days=5)).isoformat()
    grant = (await requested(bank_world, "new-counsel", "counsel", valid_until=soon)).json()
    for step in ("approval", "execution"):
        answer = await taken(bank_world, step, grant)
        assert answer.status_code == 200, answer.text
        grant = answer.json()
    await check_everybody(bank_world.bank.gate)
    assert await dead_ends(bank_world) == []  # another counsel stays

    await as_administrator(
        bank_world,
        "UPDATE role_grant SET valid_until = now() + interval '6 days' WHERE role = 'counsel' AND valid_until IS NULL",
    )
    await check_everybody(bank_world.bank.gate)
    await check_everybody(bank_world.bank.gate)

    ((kind, reason),) = await dead_ends(bank_world)  # of the later one, and once
    assert (kind, reason.startswith("ends_20")) == ("role_grant", True)
