"""Requests that no honest client sends: refused as what they are, and nothing else suffers from them."""

import asyncio
import json
from collections import Counter
from uuid import UUID, uuid4

import pytest

from service.kernel.errors import NotSignedIn
from service.people.directory import actor_of_token
from service.trades.use_cases import RequestCancellation, request_cancellation
from tests.bank import PASSWORD, World
from tests.deals import TERMS, a_desk, captured, counted, refusals

SAFE = ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control")
JSON = {"Content-Type": "application/json", "Idempotency-Key": "one"}


async def test_what_python_cannot_read_is_a_refusal_and_no_fault(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    client = (await bank_world.as_("verifier")).client
    for what, body in (
        ("a number of five thousand digits", b'{"version": ' + b"1" * 5000 + b"}"),
        ("half a surrogate pair as a key, twice", b'{"\\ud800": 1, "\\ud800": 2}'),
        ("brackets in brackets", b'{"version": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        ("a number beyond numbers", b'{"version": 1e999}'),
        ("a truth for a number", b'{"version": true}'),
    ):
        path = f"/api/trades/{deal['id']}/verification"
        answer = await client.post(path, content=body, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), what
        assert answer.json()["decision"], what
        assert not [name for name in SAFE if name not in answer.headers], what
    assert await counted(bank_world, "trade_control") == 0


async def test_an_address_that_is_none_is_a_problem_under_the_interface_too(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        for path in ("/api/nothing", "/api/trades/nothing", "/api/trades/nothing/more"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (
                404,
                "application/problem+json",
            ), path
            assert answer.json()["code"] == "not_found", path
        assert (await client.get("/api/openapi.json")).json()["info"]["title"] == "Trennwand"


async def test_a_header_that_stands_twice_says_nothing(bank_world: World) -> None:
    await a_desk(bank_world)
    client = (await bank_world.as_("trader")).client
    told = [("Content-Type", "application/json"), ("Idempotency-Key", "one")]
    for twice in (("Idempotency-Key", "two"), ("Content-Type", "text/plain")):
        answer = await client.post("/api/trades", content=json.dumps(TERMS), headers=[*told, twice])
        assert (answer.status_code, answer.json()["field"]) == (400, twice[0])
    own, other = (
        client.headers["Authorization"],
        (await bank_world.as_("verifier")).client.headers["Authorization"],
    )
    async with bank_world.anonymous() as nobody:
        for pair in ((own, other), (other, own), (own, own)):
            headers = [("Authorization", each) for each in pair]
            assert (await nobody.get("/api/powers", headers=headers)).status_code == 401
    assert await counted(bank_world, "trade") == 0


async def test_one_unreadable_act_leaves_its_neighbours_alone(bank_world: World) -> None:
    await a_desk(bank_world)
    deals = [(await captured(bank_world))["id"] for _ in range(3)]
    wishes = [{"trade_id": deal, "version": 1, "reason": "entered twice"} for deal in deals]
    wishes[1] = wishes[1] | {"reason": "entered\u202etwice"}  # its entry cannot be written
    commands = [{}, *wishes]
    acts = [{"action": "trade.capture", "command": TERMS}]
    acts += [{"action": "cancellation.request", "command": command} for command in commands]
    trader = await bank_world.as_("trader")
    answer = await trader.post("/api/acts", acts, key="one")

    assert [one["status"] for one in answer.json()] == [201, 400, 201, 400, 201]
    assert await counted(bank_world, "change_request") == 2
    told = [(row.act, row.data["code"]) for row in await refusals(bank_world)]
    assert sorted(told) == [("cancellation.request", "malformed"), ("power.read", "malformed")]
    again = await trader.post("/api/acts", acts, key="one")
    assert [one["status"] for one in again.json()] == [201, 400, 201, 400, 201]
    assert (await counted(bank_world, "trade"), await counted(bank_world, "change_request")) == (4, 2)


async def test_passwords_guessed_at_the_same_moment_are_slowed_down_like_others(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        guesses = await asyncio.gather(
            *(
                client.post("/api/sessions", json={"account": "trader", "password": f"guess {number}"})
                for number in range(24)
            )
        )
        right = await client.post("/api/sessions", json={"account": "trader", "password": PASSWORD})

    found = Counter(guess.status_code for guess in guesses)
    assert set(found) == {401, 429}
    assert found[401] < 12, found  # five failures begin the delay; a few were being looked at by then
    assert right.status_code == 429


async def test_an_ended_session_is_no_answer_to_keep_under_a_key(bank_world: World) -> None:
    """The session ends between the look at its token and the act; whoever signs in anew may repeat it."""
    await a_desk(bank_world)
    deal = await captured(bank_world)
    gate, trader = bank_world.bank.gate, await bank_world.as_("trader")
    actor = await actor_of_token(gate.offices, trader.client.headers["Authorization"].split()[1])
    assert actor is not None
    assert (await trader.client.delete("/api/sessions/current")).status_code == 204
    wish = RequestCancellation(trade_id=UUID(deal["id"]), version=1, reason="entered twice")
    with pytest.raises(NotSignedIn):
        await gate.perform(actor, request_cancellation, wish, key="one")
    assert await counted(bank_world, "change_request") == 0

    await bank_world.callers.pop("trader").client.aclose()
    body = {"version": 1, "reason": "entered twice"}
    answer = await (await bank_world.as_("trader")).post(
        f"/api/trades/{deal['id']}/cancellations", body, key="one"
    )
    assert answer.status_code == 201


async def test_a_text_or_a_day_that_cannot_be_kept_is_a_refusal_and_no_fault(bank_world: World) -> None:
    """JSON can spell NUL, and the calendar has days that lie outside of it in another zone."""
    await a_desk(bank_world)
    deal = await captured(bank_world)
    nul, time = "a\u0000b", {"valid_from": "2026-12-29T00:00:00Z", "valid_to": "2026-12-30T00:00:00Z"}
    day = {"valid_from": "2026-10-29", "valid_to": "2026-10-30", "amount_eur": "1.00", "reason": "a test"}
    said = {"sender": "desk@counterparty.example", "said": nul}
    for account, path, body in (
        ("trader", f"/api/trades/{deal['id']}/forwarded-confirmations", said),
        ("verifier", "/api/delegations", {"deputy": nul, "roles": ["verifier"], "reason": "leave", **time}),
        ("board-back", "/api/grants", {"account": nul, "role": "verifier", "reason": "a test"}),
        ("risk-controller", "/api/limits", {"counterparty": nul, **day}),
        ("risk-controller", "/api/market-limits", {"portfolio": nul, **day}),
    ):
        answer = await (await bank_world.as_(account)).post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), path
        assert answer.json()["decision"], path
    for account, path, query in (
        ("verifier", "/api/excesses", {"day": "0001-01-01"}),
        ("verifier", "/api/excesses", {"day": "9999-12-31"}),
        ("compliance", "/api/entries", {"from": "0001-01-01T00:00:00+14:00"}),
        ("compliance", f"/api/evidence/trades/{deal['id']}", {"as_of": "0001-01-01T00:00:00+14:00"}),
    ):
        answer = await (await bank_world.as_(account)).get(path, **query)
        assert answer.status_code in (400, 422), (path, answer.text)
    assert await counted(bank_world, "forwarded_confirmation") == 0


async def test_the_contract_names_every_status(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        contract = (await client.get("/api/openapi.json")).json()
    operations = {
        (method, path): operation
        for path, under in contract["paths"].items()
        for method, operation in under.items()
        if path.startswith(("/api/", "/audit/"))
    }
    routes = {
        route.path_format for route in bank_world.app.routes if route.path.startswith(("/api/", "/audit/"))
    }
    between_processes = {path for path in routes if path.startswith("/api/inside/")}
    assert {path for _, path in operations} == routes - between_processes - {
        "/api/openapi.json",
        "/api/{path}",
    }
    for (method, path), operation in operations.items():
        stated = set(operation["responses"])
        for status, response in operation["responses"].items():
            assert status < "400" or list(response["content"]) == ["application/problem+json"], path
        if (method, path) == ("post", "/api/sessions"):
            assert stated == {"201", "400", "401", "403", "409", "413", "415", "429", "503"}
            continue
        assert {"400", "401", "403"} <= stated, path
        assert "{" not in path or "404" in stated, path
        if method == "post":
            assert {"413", "415"} <= stated, path
            assert path in ("/api/acts", "/api/trades/batch") or {"409", "422"} <= stated, path
    caller = await bank_world.as_("closer")
    seen = (await caller.get("/api/business-date")).json()["version"]
    moved = {"business_date": "2026-10-28", "desk_clock": "09:00", "version": seen}
    answer = await caller.post("/api/business-date", moved, key=str(uuid4()))
    assert str(answer.status_code) in operations["post", "/api/business-date"]["responses"]
