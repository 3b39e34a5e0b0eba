"""Deals beyond the market's standard terms stand on an agreement that legal cleared."""

from typing import Any

import pytest

from policies.vocabulary import Office
from tests.bank import World
from tests.conformity import agreed
from tests.deals import by_force, capture
from tests.intruders import intruder_of
from tests.parties import LEI
from tests.settling import refused

FORWARD = {
    "type": "fx_forward",
    "spot_rate": "1.1650",
    "forward_points": "0.0020",
    "rate": "1.1670",
    "value_date": "2026-11-30",
}
ISDA = {"counterparty": LEI, "form": "master_agreement", "name": "ISDA 2002", "valid_from": "2026-01-01"}
WAIVER = ISDA | {"form": "waiver", "name": "no agreement for one deal"}


async def file(world: World, by: str = "steward", **facts: Any) -> Any:
    return await (await world.as_(by)).post("/api/agreements", facts or ISDA)


async def decide(world: World, by: str, what: str, row: dict[str, Any], **more: Any) -> Any:
    path = f"/api/agreements/{row['id']}/{what}"
    return await (await world.as_(by)).post(path, {"version": row["version"], **more})


async def test_TRD_17_a_draft_carries_no_deal_and_only_legal_clears_it(desk_bank: World) -> None:
    draft = (await file(desk_bank)).json()
    assert (draft["state"], draft["version"]) == ("draft", 1)
    assert refused(await capture(desk_bank, **FORWARD)) == (422, "no_agreement", "TRD-02")

    for account in ("steward", "steward-approver", "trader", "head-of-trading", "verifier", "head-of-risk"):
        assert refused(await decide(desk_bank, account, "clearance", draft))[:2] == (403, "not_permitted")
    by_acts = await (await desk_bank.as_("steward")).post(
        "/api/acts", [{"action": "agreement.clear", "command": {"agreement_id": draft["id"], "version": 1}}]
    )
    assert by_acts.json()[0]["status"] == 403
    work = (await (await desk_bank.as_("legal")).get("/api/work")).json()["items"]
    assert [item["kind"] for item in work] == ["clear_agreement"]

    cleared = await decide(desk_bank, "legal", "clearance", draft)
    assert (cleared.status_code, cleared.json()["state"]) == (200, "cleared")
    assert (await (await desk_bank.as_("legal")).get("/api/work")).json()["items"] == []
    assert (await capture(desk_bank, **FORWARD)).status_code == 201


async def test_D_02_whoever_filed_an_agreement_does_not_clear_it_under_another_account(
    desk_bank: World,
) -> None:
    draft = (await file(desk_bank)).json()
    await desk_bank.as_("legal")
    steward = "SELECT person_id FROM public.account WHERE name = 'steward'"
    await by_force(desk_bank, f"UPDATE public.account SET person_id = ({steward}) WHERE name = 'legal'")

    for what in ({"what": "clearance"}, {"what": "refusal", "reason": "not enforceable"}):
        assert refused(await decide(desk_bank, "legal", row=draft, **what)) == (403, "kept_apart", "D-02")


async def test_TRD_02_a_deal_without_a_valid_agreement_and_without_a_waiver_is_blocked(
    desk_bank: World,
) -> None:
    refusal = (422, "no_agreement", "TRD-02")
    deposit = {
        "type": "mm_deposit",
        "currency": "EUR",
        "principal": "1000000.00",
        "rate_percent": "2.00",
        "day_count": "ACT/360",
        "start_date": "2026-10-29",
        "end_date": "2026-11-30",
        "trade_date": "2026-10-27",
        "counterparty": LEI,
        "portfolio": "FX-EUR",
        "executed_at": "2026-10-27T07:55:00Z",
        "side_agreements": "none",
    }
    trader = await desk_bank.as_("trader")
    refused_draft = (await file(desk_bank, **ISDA | {"name": "DRV"})).json()
    assert (await decide(desk_bank, "legal", "refusal", refused_draft, reason="no netting opinion")).json()[
        "reason"
    ] == "no netting opinion"
    for n, terms in enumerate(({"valid_to": "2026-10-26"}, {"valid_from": "2026-10-28"})):
        await agreed(desk_bank, LEI, name=f"out of time {n}", **terms)

    assert refused(await capture(desk_bank, **FORWARD)) == refusal
    assert refused(await trader.post("/api/trades", deposit)) == refusal
    assert refused(await trader.post("/api/trades", deposit | {"type": "mm_loan"})) == refusal
    in_batch = await trader.post("/api/trades/batch", [deposit])
    assert in_batch.json()[0]["rule"] == "TRD-02"
    by_acts = await trader.post("/api/acts", [{"action": "trade.capture", "command": deposit}])
    assert by_acts.json()[0]["problem"]["rule"] == "TRD-02"
    assert (await capture(desk_bank)).status_code == 201  # spot is dealt on the market's standard terms

    await agreed(desk_bank, LEI, valid_from="2026-10-27", valid_to="2026-10-27")
    assert (await trader.post("/api/trades", deposit)).status_code == 201


async def test_TRD_02_legal_waives_an_agreement_only_with_a_reason(desk_bank: World) -> None:
    draft = (await file(desk_bank, **WAIVER)).json()

    assert refused(await decide(desk_bank, "legal", "clearance", draft)) == (
        422,
        "unexplained_waiver",
        "TRD-02",
    )
    assert refused(await capture(desk_bank, **FORWARD))[1] == "no_agreement"
    waived = await decide(desk_bank, "legal", "clearance", draft, reason="one deal, fully collateralised")
    assert (waived.status_code, waived.json()["form"]) == (200, "waiver")
    assert (await capture(desk_bank, **FORWARD)).status_code == 201
    assert (
        refused(await decide(desk_bank, "legal", "refusal", waived.json(), reason="x"))[1]
        == "illegal_transition"
    )


@pytest.mark.parametrize(
    ("facts", "status", "code", "field"),
    [
        ({"counterparty": "529900ODI3047E2LIV03"}, 422, "unknown_counterparty", "counterparty"),
        ({"valid_to": "2025-12-31"}, 422, "wrong_period", "valid_to"),
        ({"form": "handshake"}, 400, "malformed", "form"),
        ({"state": "cleared"}, 400, "malformed", "state"),
    ],
)
async def test_an_agreement_that_cannot_be_one_is_refused(
    desk_bank: World, facts: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = await file(desk_bank, **ISDA | facts)

    assert (*refused(answer)[:2], answer.json()["field"]) == (status, code, field)


async def test_an_agreement_is_filed_by_the_steward_once(desk_bank: World) -> None:
    for account in ("trader", "head-of-trading", "legal", "steward-approver"):
        assert refused(await file(desk_bank, account))[:2] == (403, "not_permitted")
    assert (await file(desk_bank)).status_code == 201
    assert refused(await file(desk_bank))[:2] == (409, "already_proposed")

    trader = await desk_bank.as_("trader")
    listed = (await trader.get("/api/agreements", state="draft")).json()
    assert [row["name"] for row in listed["items"]] == ["ISDA 2002"]
    assert (await trader.get("/api/agreements", state="cleared")).json()["items"] == []


async def test_TRD_17_master_datas_login_files_nothing_but_drafts(desk_bank: World) -> None:
    intruder = await intruder_of(desk_bank, Office.MASTER_DATA)
    columns = "id, rev, counterparty_id, form, name, valid_from, proposed_by, state"
    values = "gen_random_uuid(), 1, gen_random_uuid(), 'waiver', 'mine', '2026-01-01', gen_random_uuid(), 'cleared'"
    assert await intruder.outcome_of(f"INSERT INTO agreement ({columns}) VALUES ({values})") == "23514"
    assert await intruder.outcome_of("UPDATE agreement SET state = 'cleared'") == "42501"
