"""Signing in, being known, ending sessions: one's own, and by the administration those of a person."""

import json
from typing import Any

import httpx
from sqlalchemy import text

from policies.vocabulary import Office
from tests.bank import PASSWORD, World
from tests.rights import account_of, asked, person_of, refused_as


async def opened(world: World, account: str = "trader", password: str = PASSWORD) -> httpx.AsyncClient:
    """Sign in once more; return a client that holds the new session."""
    async with world.anonymous() as client:
        answer = await client.post("/api/sessions", json={"account": account, "password": password})
    assert answer.status_code == 201, answer.text
    return world.anonymous({"Authorization": f"Bearer {answer.json()['token']}"})


async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/api/sessions")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def current(client: httpx.AsyncClient) -> str:
    return next(one["id"] for one in await listed(client) if one["current"])


async def told(world: World, act: str) -> dict[str, Any]:
    """Return what the last entry of the act tells that ended something."""
    lines = await asked(
        world, "SELECT convert_from(bytes, 'UTF8') AS line FROM public.audit_entry ORDER BY id"
    )
    entries = [json.loads(row.line) for row in lines]
    found: dict[str, Any] = [
        one["data"] for one in entries if one["act"] == act and "ended" in one.get("data", {})
    ][-1]
    return found


async def test_whoever_signs_in_is_known_until_they_sign_out(bank_world: World) -> None:
    async with await opened(bank_world) as client:
        powers = await client.get("/api/powers")
        assert "trade.capture" in powers.json()["acts"]

        assert (await client.delete("/api/sessions/current")).status_code == 204
        assert (await client.get("/api/powers")).status_code == 401


async def test_a_wrong_password_says_nothing_about_the_account(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        known = await client.post("/api/sessions", json={"account": "trader", "password": "wrong"})
        unknown = await client.post("/api/sessions", json={"account": "nobody", "password": "wrong"})

    assert (known.status_code, unknown.status_code) == (401, 401)
    assert known.json()["detail"] == unknown.json()["detail"]


async def test_everybody_sees_and_ends_their_own_sessions_and_nobody_elses(bank_world: World) -> None:
    first, second = await opened(bank_world), await opened(bank_world)
    colleague = await opened(bank_world, "other-trader")
    assert [one["current"] for one in await listed(second)] == [False, True]
    assert all(one["device"] for one in await listed(second))

    for foreign in (await current(colleague), str((await person_of(bank_world, "trader"))["id"])):
        assert refused_as(await second.delete(f"/api/sessions/{foreign}"))[:2] == (404, "not_found")
        body = [{"action": "session.close", "command": {"session": foreign}}]
        outcome = (await second.post("/api/acts", json=body, headers={"Idempotency-Key": foreign})).json()[0]
        assert (outcome["status"], outcome["problem"]["code"]) == (404, "not_found")
    assert (await colleague.get("/api/powers")).status_code == 200

    ended = await current(first)
    assert (await second.delete(f"/api/sessions/{ended}")).status_code == 204
    assert (await first.get("/api/powers")).status_code == 401
    assert refused_as(await second.delete(f"/api/sessions/{ended}"))[:2] == (
        404,
        "not_found",
    )  # ended for good
    assert len(await listed(second)) == 1
    assert (await told(bank_world, "session.close"))["ended"] == [ended]
    for client in (first, second, colleague):
        await client.aclose()


async def test_a_one_time_password_ends_no_session_but_its_own(bank_world: World) -> None:
    account, admin = await account_of(bank_world, "trader"), await bank_world.as_("rights-admin")
    reset = await admin.post(f"/api/accounts/{account['id']}/password-reset", {"version": account["version"]})
    once = reset.json()["one_time_password"]
    async with await opened(bank_world, password=once) as one, await opened(bank_world, password=once) as two:
        held = await asked(
            bank_world, "SELECT id FROM public.session WHERE restricted ORDER BY opened_at, id"
        )
        assert (await two.get("/api/sessions")).status_code == 403
        assert (await two.delete(f"/api/sessions/{held[0].id}")).status_code == 403
        assert (await two.delete("/api/sessions/current")).status_code == 204
        assert (await one.delete("/api/sessions/current")).status_code == 204


async def test_the_administration_lists_and_ends_the_sessions_of_a_person(bank_world: World) -> None:
    first, second, third = [await opened(bank_world) for _ in range(3)]
    person, admin = await person_of(bank_world, "trader"), await bank_world.as_("rights-admin")
    path, why = f"/api/persons/{person['id']}/session-ending", {"reason": "the laptop is lost"}

    seen = (await admin.get(f"/api/persons/{person['id']}/sessions")).json()["items"]
    assert len(seen) == 3
    assert {one["device"] for one in seen} == {
        None
    }  # which machine somebody works at is not the administration's

    foreign = await current(await opened(bank_world, "verifier"))
    assert refused_as(await admin.post(path, why | {"session": foreign}))[0] == 404
    one = await admin.post(path, why | {"session": seen[0]["id"]})
    assert one.json()["ended"] == [seen[0]["id"]]
    assert [(await who.get("/api/powers")).status_code for who in (first, second, third)] == [401, 200, 200]
    rest = await admin.post(path, why)
    assert sorted(rest.json()["ended"]) == sorted(one["id"] for one in seen[1:])
    assert (await third.get("/api/powers")).status_code == 401
    assert refused_as(await admin.post(path, why))[:2] == (409, "nowhere_signed_in")
    entry = await told(bank_world, "session.end")
    assert (entry["beneficiary"], entry["reason"]) == (person["id"], "the laptop is lost")
    async with await opened(bank_world) as again:  # the rights stayed
        assert (await again.get("/api/powers")).status_code == 200


async def test_nobody_but_the_administration_ends_sessions_of_others_by_any_way(bank_world: World) -> None:
    person, own = await person_of(bank_world, "verifier"), await person_of(bank_world, "rights-admin")
    victim, trader = await opened(bank_world, "verifier"), await bank_world.as_("trader")
    session, why = await current(victim), {"reason": "out of spite"}

    path = f"/api/persons/{person['id']}"
    assert (await trader.get(f"{path}/sessions")).status_code == 403
    assert (await trader.post(f"{path}/session-ending", why)).status_code == 403
    act = {"action": "session.end", "command": {"person": person["id"], **why}}
    assert (await trader.post("/api/acts", [act])).json()[0]["status"] == 403
    admin = await bank_world.as_("rights-admin")
    mine = await admin.post(f"/api/persons/{own['id']}/session-ending", why)
    assert refused_as(mine)[:2] == (403, "own_matter")
    assert refused_as(await admin.post(f"/api/persons/{session}/session-ending", why))[0] == 404

    account = next(one["id"] for one in person["accounts"] if one["name"] == "verifier")
    async with bank_world.bank.offices[Office.FRONT_OFFICE].begin() as raw:
        found = await raw.execute(text("SELECT * FROM public.sessions_of(:ids)"), {"ids": [account]})
        assert found.all() == []
        await raw.execute(text("SELECT public.session_end(:id, 'gone')"), {"id": session})
    assert (await victim.get("/api/powers")).status_code == 200
    await victim.aclose()
