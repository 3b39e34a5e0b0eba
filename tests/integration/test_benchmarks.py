"""Tolerances and money-market reference rates: fixed by two people of risk control, and by nobody who trades."""

from typing import Any

import pytest

from tests.bank import World
from tests.conformity import a_reference_rate, a_tolerance
from tests.deals import rows
from tests.settling import on_business_date, refused

TOLERANCE = {"benchmark": "tolerance", "product": "fx_spot", "tolerance_bp": "40"}
RATE = {
    "benchmark": "reference_rate",
    "currency": "CHF",
    "day": "2026-10-26",
    "rate_percent": "0.45",
    "source": "SARON",
}


async def propose(world: World, by: str = "risk-controller", **facts: Any) -> Any:
    return await (await world.as_(by)).post("/api/benchmarks", facts or TOLERANCE)


async def decide(world: World, by: str, what: str, row: dict[str, Any], **more: Any) -> Any:
    path = f"/api/benchmarks/{row['id']}/{what}"
    return await (await world.as_(by)).post(path, {"version": row["version"], **more})


async def test_SET_20_a_tolerance_is_in_force_once_a_second_person_approved_it(bank_world: World) -> None:
    proposed = (await propose(bank_world)).json()
    assert (proposed["state"], proposed["version"], proposed["tolerance_bp"]) == ("proposed", 1, "40")

    alone = await decide(bank_world, "risk-controller", "approval", proposed)
    assert refused(alone) == (403, "kept_apart", "D-02")
    for account in ("trader", "head-of-trading", "verifier", "compliance", "board-trading"):
        assert refused(await decide(bank_world, account, "approval", proposed))[0] == 403
    assert refused(await decide(bank_world, "head-of-risk", "approval", proposed | {"version": 9}))[1] == (
        "stale_version"
    )

    approved = await decide(bank_world, "head-of-risk", "approval", proposed)
    assert (approved.status_code, approved.json()["state"]) == (200, "in_force")
    again = await decide(bank_world, "other-risk-controller", "refusal", approved.json(), reason="too wide")
    assert refused(again) == (409, "illegal_transition", None)


async def test_SET_20_trading_sets_no_tolerance_and_no_reference_and_reads_neither(bank_world: World) -> None:
    for account in ("trader", "head-of-trading", "steward", "verifier", "credit-officer", "board-trading"):
        for facts in (TOLERANCE, RATE):
            assert refused(await propose(bank_world, account, **facts))[:2] == (403, "not_permitted")
    by_acts = await (await bank_world.as_("trader")).post(
        "/api/acts", [{"action": "benchmark.propose", "command": TOLERANCE}]
    )
    assert by_acts.json()[0]["status"] == 403
    assert (await (await bank_world.as_("trader")).get("/api/benchmarks")).status_code == 403
    assert (await (await bank_world.as_("head-of-trading")).get("/api/checks")).status_code == 403


async def test_a_proposal_asks_risk_control_for_a_second_person(bank_world: World) -> None:
    proposed = (await propose(bank_world, **RATE)).json()
    work = await (await bank_world.as_("head-of-risk")).get("/api/work")
    assert [item["kind"] for item in work.json()["items"]] == ["decide_benchmark"]
    own = (await (await bank_world.as_("risk-controller")).get("/api/work")).json()["items"][0]
    assert "(D-02)" in own["why_not_me"]

    refusal = await decide(bank_world, "head-of-risk", "refusal", proposed, reason="no such page")
    assert (refusal.json()["state"], refusal.json()["reason"]) == ("refused", "no such page")
    assert (await (await bank_world.as_("head-of-risk")).get("/api/work")).json()["items"] == []


async def test_the_same_thing_waits_only_once(bank_world: World) -> None:
    assert (await propose(bank_world, **RATE)).status_code == 201
    twice = await propose(bank_world, "other-risk-controller", **RATE | {"rate_percent": "9"})
    assert refused(twice)[:2] == (409, "already_proposed")
    assert (await propose(bank_world, **RATE | {"currency": "SEK"})).status_code == 201
    assert (await propose(bank_world, **RATE | {"day": "2026-10-23"})).status_code == 201
    assert (await propose(bank_world)).status_code == 201


@pytest.mark.parametrize(
    ("facts", "status", "code", "field"),
    [
        (TOLERANCE | {"tolerance_bp": "-1"}, 422, "out_of_bounds", "tolerance_bp"),
        (TOLERANCE | {"tolerance_bp": "1000.1"}, 422, "out_of_bounds", "tolerance_bp"),
        (TOLERANCE | {"tolerance_bp": 40}, 400, "malformed", "tolerance_bp"),
        (TOLERANCE | {"product": "tulips"}, 400, "malformed", "product"),
        (TOLERANCE | {"day": "2026-10-26"}, 400, "malformed", "day"),
        (RATE | {"rate_percent": "-5.01"}, 422, "out_of_bounds", "rate_percent"),
        (RATE | {"rate_percent": "100.01"}, 422, "out_of_bounds", "rate_percent"),
        (RATE | {"currency": "XAU"}, 422, "wrong_currency", "currency"),
        (RATE | {"day": "2026-10-28"}, 422, "rate_of_the_future", "day"),
        (RATE | {"source": ""}, 400, "malformed", "source"),
    ],
)
async def test_a_benchmark_beyond_all_bounds_is_refused(
    bank_world: World, facts: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = await propose(bank_world, **facts)

    assert (*refused(answer)[:2], answer.json()["field"]) == (status, code, field)


async def test_benchmarks_are_listed_newest_first(bank_world: World) -> None:
    await a_tolerance(bank_world, "fx_spot", "40")
    await a_reference_rate(bank_world, "EUR", "2026-10-26", "2.05")
    reader = await bank_world.as_("verifier")

    tolerances = (await reader.get("/api/benchmarks", benchmark="tolerance", state="in_force")).json()[
        "items"
    ]
    assert [row["tolerance_bp"] for row in tolerances if row["product"] == "fx_spot"][:1] == ["40"]
    first = (await reader.get("/api/benchmarks", limit=1)).json()
    assert (first["items"][0]["benchmark"], first["items"][0]["rate_percent"]) == ("reference_rate", "2.05")
    rest = (await reader.get("/api/benchmarks", cursor=first["next"])).json()
    assert (len(rest["items"]), rest["next"]) == (5, None)


async def test_the_entry_of_an_approval_vouches_for_the_benchmark(bank_world: World) -> None:
    row = await a_reference_rate(bank_world, "EUR", "2026-10-26", "2.05")
    await on_business_date(bank_world, "2026-10-28")
    (told,) = await rows(
        bank_world,
        "SELECT convert_from(bytes, 'UTF8')::jsonb AS entry FROM audit_entry WHERE act = 'benchmark.approve'",
    )
    assert told.entry["eff"][0]["id"] == row["id"]
    assert told.entry["data"]["rechecked"] == {"deals": 0, "turned_alert": 0}
