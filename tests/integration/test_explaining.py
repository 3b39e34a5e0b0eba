"""Why: before an act for everybody who could try it, and after it for every decision that was made."""

from typing import Any

import httpx

from tests.bank import World
from tests.deputies import deputised
from tests.rights import person_of
from tests.settling import captured
from tests.visiting import signed_in


async def why(world: World, by: str, action: str, kind: str, object_id: str, **more: Any) -> httpx.Response:
    caller = await world.as_(by)
    return await caller.get("/api/explain", action=action, kind=kind, id=object_id, **more)


async def test_who_can_act_and_why_not_me_is_what_happens_then(ready_bank: World) -> None:
    await deputised(ready_bank, "verifier", "confirmer", "verifier")
    deal = await captured(ready_bank)

    asked = (await why(ready_bank, "trader", "trade.verify", "trade", deal.id)).json()
    assert (asked["allowed"], asked["rule"]) == (False, "P:absent")
    assert asked["who_can"]["names"] == []  # the trader is not told who it is, but that somebody is left
    assert asked["who_can"]["offices"] == {"back_office": 3}
    deputy = (await why(ready_bank, "confirmer", "trade.verify", "trade", deal.id)).json()
    assert deputy["allowed"]
    assert deputy["deputy_for"] == (await person_of(ready_bank, "verifier"))["id"]
    assert deputy["who_can"]["names"] == ["confirmer", "other-verifier", "verifier"]
    assert {rule["rule"] for rule in deputy["demands"]} == {"D-01", "D-11"}

    refused = await deal.do("trader", "verification")
    assert refused.json()["rule"] == asked["rule"]
    verified = await deal.do("confirmer", "verification")
    assert verified.status_code == 200, verified.text

    after = (
        await why(ready_bank, "compliance", "trade.resubmit", "trade", deal.id, person="confirmer")
    ).json()
    assert (after["allowed"], after["rule"]) == (False, "P:absent")
    told = (
        await (await ready_bank.as_("confirmer")).get(f"/api/decisions/{verified.json()['receipt']['entry']}")
    ).json()
    assert (told["outcome"], told["deputy_for"]) == ("allow", deputy["deputy_for"])
    assert {rule["rule"] for rule in told["rules"]} >= {"D-01", "P:verifier:trade.verify"}
    assert all(rule["source"] for rule in told["rules"])
    assert told["policy_in_force"]
    assert [one["entry"] for one in told["history"]]  # the capture it was kept apart from
    denied = (
        await (await ready_bank.as_("trader")).get(f"/api/decisions/{refused.json()['decision']}")
    ).json()
    assert (denied["outcome"], denied["code"]) == ("refuse", "not_permitted")
    (again,) = denied["again"]
    assert again["named"]
    assert again["in_force"]
    assert (again["outcome"], again["rule"], again["same"]) == ("refuse", denied["rules"][0]["rule"], True)
    assert [one["same"] for one in told["again"]] == [True]
    assert (await (await ready_bank.as_("auditor")).get(f"/api/decisions/{denied['id']}")).status_code == 200
    for nosy in ("other-trader", "verifier"):
        answer = await (await ready_bank.as_(nosy)).get(f"/api/decisions/{denied['id']}")
        assert answer.status_code == 404


async def test_an_act_that_must_wait_is_told_with_what_comes_first_and_why(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    early = (await why(ready_bank, "settler", "settlement.prepare", "trade", deal.id)).json()
    assert (early["allowed"], early["now"]["possible"]) == (True, False)
    assert early["now"]["sentence"].endswith("First: trade.verify.")
    ((first, rule, source),) = [(one["action"], one["rule"], one["source"]) for one in early["now"]["first"]]
    assert (first, rule) == ("trade.verify", "SEG-04")
    assert "BTO 2.2.2" in source
    ready = (await why(ready_bank, "verifier", "trade.verify", "trade", deal.id)).json()
    assert (ready["now"]["possible"], ready["now"]["state"], ready["now"]["first"]) == (True, "due", [])

    assert (await deal.do("verifier", "verification")).status_code == 200

    over = (await why(ready_bank, "other-verifier", "trade.verify", "trade", deal.id)).json()
    assert (over["now"]["possible"], over["now"]["state"]) == (False, "verified")
    page = await (await signed_in(ready_bank, "settler", language="de")).get(
        "/explain", action="settlement.prepare", kind="trade", id=deal.id
    )
    assert "Noch nicht" in page.text
    unasked = (await why(ready_bank, "compliance", "evidence.export", "trade", deal.id)).json()
    assert unasked["now"]["possible"] is None


async def test_nobody_is_told_of_what_they_may_not_know(ready_bank: World) -> None:
    deal = await captured(ready_bank)

    other_desk = await why(ready_bank, "second-desk-trader", "trade.verify", "trade", deal.id)
    hidden = await why(ready_bank, "trader", "grant.approve", "role_grant", deal.id)
    foreign = await why(ready_bank, "trader", "trade.verify", "trade", deal.id, person="verifier")
    assert [answer.status_code for answer in (other_desk, hidden, foreign)] == [404, 404, 404]
    unknown = await why(ready_bank, "trader", "trade.verify", "pg_class", deal.id)
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_kind")
