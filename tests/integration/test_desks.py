"""The back office rules over the desks: cut-offs, mandates off the premises, receipts for what was struck there."""

from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.desks.use_cases import AcknowledgePremises, acknowledge_premises
from service.kernel.errors import KeptApart
from tests.bank import World
from tests.deals import (
    TERMS,
    a_desk,
    act,
    by_force,
    capture,
    captured,
    counted,
    moved_to_control,
    refusals,
    returned,
    rows,
)
from tests.desks import a_desk_rule, a_mandate, as_act, by_login, desk_clock, proposed_rule, refusal
from tests.parties import a_portfolio
from tests.settling import act_as

FROM_HOME = {"location": "home_office"}


async def test_TRD_16_the_back_office_sets_the_cut_off_of_a_product_and_desk_with_two_people(
    bank_world: World,
) -> None:
    await a_desk(bank_world)
    await a_portfolio(bank_world, "FX-USD", "Second FX desk")
    earlier = {"rule": "cut_off", "product": "fx_spot", "desk": "FX desk", "at": "17:00"}

    proposed = await proposed_rule(bank_world, **earlier)
    assert (proposed.status_code, proposed.json()["state"]) == (201, "proposed")
    again = await proposed_rule(bank_world, "other-verifier", **earlier)
    assert refusal(again) == (409, "already_proposed", None)
    path = f"/api/desk-rules/{proposed.json()['id']}/approval"
    assert refusal(await act(bank_world, "verifier", path, version=1)) == (403, "kept_apart", "D-02")
    approved = await act(bank_world, "other-verifier", path, version=1)
    assert (approved.json()["state"], approved.json()["version"]) == ("in_force", 2)

    await desk_clock(bank_world, "17:01")
    late = await captured(bank_world, executed_at="2026-10-27T16:00:30Z")
    said_in_time = await captured(bank_world, executed_at="2026-10-27T15:59:00Z")
    other_desk = await captured(
        bank_world, "second-desk-trader", portfolio="FX-USD", executed_at="2026-10-27T16:00:30Z"
    )
    assert (late["marks"], other_desk["marks"]) == (["late"], [])
    assert said_in_time["marks"] == ["executed_late", "late"], "the stated time contradicts the capture"
    positions = (await (await bank_world.as_("verifier")).get("/api/positions")).json()["items"]
    assert {row["amount"] for row in positions if row["currency"] == "EUR"} == {"2000000.00", "1000000.00"}

    await a_desk_rule(bank_world, **earlier | {"at": "20:00"})
    assert (await captured(bank_world, executed_at="2026-10-27T16:00:30Z"))["marks"] == []
    listed = (await (await bank_world.as_("trader")).get("/api/desk-rules", rule="cut_off")).json()["items"]
    assert [row["at"] for row in listed if row["desk"]] == ["20:00", "17:00"]


async def test_TRD_16_trading_sets_no_cut_off_by_any_path(bank_world: World) -> None:
    later = {"rule": "cut_off", "product": "fx_spot", "at": "23:59", "reason": "we deal long"}
    for by in ("trader", "head-of-trading"):
        assert refusal(await act(bank_world, by, "/api/desk-rules", **later))[:2] == (403, "not_permitted")
        outcome = await as_act(bank_world, by, "desk_rule.propose", **later)
        assert outcome["problem"]["code"] == "not_permitted"
    for statement in (
        "UPDATE public.desk_rule SET at = '23:59', rev = rev + 1",
        (
            "INSERT INTO public.desk_rule (id, rev, rule, product, at, valid_from, state) "
            "VALUES (gen_random_uuid(), 1, 'cut_off', 'fx_spot', '23:59', '2026-01-01', 'in_force')"
        ),
        "DELETE FROM public.desk_rule",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await by_login(bank_world, Office.FRONT_OFFICE, statement)
    wrong = await proposed_rule(bank_world, rule="cut_off", product="fx_spot", at="18:00", desk="Accounting")
    assert refusal(wrong)[:2] == (422, "unknown_desk")
    refused = (await proposed_rule(bank_world, **later)).json()
    answer = await act(
        bank_world, "other-verifier", f"/api/desk-rules/{refused['id']}/refusal", version=1, reason="too late"
    )
    assert (answer.json()["state"], answer.json()["reason"]) == ("refused", "too late")


async def test_TRD_06_dealing_off_the_premises_takes_a_mandate_for_place_product_and_size(
    bank_world: World,
) -> None:
    await a_desk(bank_world)
    assert refusal(await capture(bank_world, **FROM_HOME)) == (403, "no_mandate", "TRD-06")
    assert [row.data["code"] for row in await refusals(bank_world)] == ["no_mandate"]
    assert await counted(bank_world, "trade") == 0
    own = await proposed_rule(bank_world, **{"rule": "mandate", "trader": "verifier"} | _mandate())
    assert refusal(own)[:2] == (422, "unknown_trader")

    await a_mandate(bank_world, product="fx_spot")
    at_home = await captured(bank_world, **FROM_HOME)
    assert at_home["marks"] == ["off_premises"]
    assert (await captured(bank_world))["marks"] == []
    elsewhere = await capture(bank_world, location="other")
    too_large = await capture(bank_world, base_amount="2000000.01", **FROM_HOME)
    colleague = await capture(bank_world, "other-trader", **FROM_HOME)
    assert refusal(elsewhere) == refusal(colleague) == (403, "no_mandate", "TRD-06")
    assert refusal(too_large) == (403, "mandate_exceeded", "TRD-06")

    await a_mandate(bank_world, valid_to="2026-10-26")  # a newer one stands in the place of the older
    assert refusal(await capture(bank_world, **FROM_HOME)) == (403, "no_mandate", "TRD-06")
    assert await counted(bank_world, "trade") == 2


def _mandate() -> dict[str, object]:
    return {"locations": ["other"], "max_eur": "1.00", "valid_from": "2026-10-01"}


async def test_TRD_10_every_deal_off_the_premises_is_marked_and_reported_by_the_next_business_day(
    bank_world: World,
) -> None:
    await a_desk(bank_world)
    await a_mandate(bank_world)
    deal, other = await captured(bank_world, **FROM_HOME), await captured(bank_world, **FROM_HOME)
    await captured(bank_world)
    verifier = await bank_world.as_("verifier")
    work = (await verifier.get("/api/work", kind="acknowledge_premises")).json()["items"]
    assert {item["trade"] for item in work} == {deal["id"], other["id"]}
    opened, due = (datetime.fromisoformat(work[0][name]) for name in ("opened_at", "due_at"))
    assert 24 < (due - opened).total_seconds() / 3600 <= 48, "to the end of the next business day"

    path = f"/api/trades/{deal['id']}/premises-acknowledgement"
    assert refusal(await act(bank_world, "verifier", path, version=2))[:2] == (409, "stale_version")
    received = await act(bank_world, "verifier", path, version=1, note="as the trader reported it")
    assert received.status_code == 201
    assert refusal(await act(bank_world, "other-verifier", path, version=1))[:2] == (409, "already_exists")

    report = (await verifier.get("/api/premises-reports", day="2026-10-27")).json()
    counts = ("struck_elsewhere", "marked", "reported", "complete", "overdue")
    assert [report[name] for name in counts] == [2, 2, 1, False, 0]
    assert [item["state"] for item in report["items"]] == ["acknowledged", "open"]
    assert report["items"][0]["receipt"]["by"] == "verifier"

    await desk_clock(bank_world, "09:00", "2026-10-29")  # nobody took receipt of the other one: an alarm
    (missing,) = (await verifier.get("/api/premises-reports")).json()["items"]
    assert (missing["trade"], missing["due"], missing["state"]) == (other["id"], "2026-10-28", "overdue")
    path = f"/api/trades/{other['id']}/premises-acknowledgement"
    assert (await act(bank_world, "other-verifier", path, version=1)).status_code == 201
    report = (await verifier.get("/api/premises-reports", day="2026-10-27")).json()
    assert [report[name] for name in counts] == [2, 2, 2, True, 0]


async def test_TRD_10_trading_clears_no_mark(bank_world: World) -> None:
    await a_desk(bank_world)
    await a_mandate(bank_world)
    deal = await captured(bank_world, **FROM_HOME)
    with pytest.raises(DBAPIError, match="permission denied"):
        await by_login(bank_world, Office.FRONT_OFFICE, "UPDATE public.trade SET marks = '[]', rev = rev + 1")
    assert (await capture(bank_world, marks=[])).status_code == 400
    amended = await act(
        bank_world,
        "trader",
        f"/api/trades/{deal['id']}/amendments",
        **TERMS | {"version": 1, "reason": "I was in the office", "rate": "1.1651"},
    )
    assert refusal(amended) == (422, "other_location", "TRD-10")
    await returned(bank_world, deal)
    path = f"/api/trades/{deal['id']}/resubmission"
    corrected = await act(bank_world, "trader", path, **TERMS | {"version": 1})
    assert refusal(corrected) == (422, "other_location", "TRD-10")
    kept = await act(bank_world, "trader", path, **TERMS | FROM_HOME | {"version": 1})
    assert (kept.status_code, kept.json()["marks"]) == (200, ["off_premises"])

    await by_force(
        bank_world, "UPDATE public.trade SET marks = '[]'"
    )  # past every guard: the count still tells
    report = (await (await bank_world.as_("verifier")).get("/api/premises-reports", day="2026-10-27")).json()
    assert (report["struck_elsewhere"], report["marked"], report["complete"]) == (1, 0, False)


async def test_D_10_TRD_09_nobody_takes_receipt_of_their_own_report(bank_world: World) -> None:
    await a_desk(bank_world)
    await a_mandate(bank_world, trader="mover-trading")
    deal = await captured(bank_world, "mover-trading", **FROM_HOME)
    on_site = await captured(bank_world)
    path = f"/api/trades/{deal['id']}/premises-acknowledgement"
    assert refusal(await act(bank_world, "mover-trading", path, version=1))[:2] == (403, "not_permitted")
    outcome = await as_act(
        bank_world, "mover-trading", "premises.acknowledge", trade_id=deal["id"], version=1
    )
    assert outcome["problem"]["code"] == "not_permitted"
    with pytest.raises(DBAPIError, match="permission denied"):
        await by_login(
            bank_world,
            Office.FRONT_OFFICE,
            "INSERT INTO public.premises_report (id, rev, trade_id, acknowledged_by, acknowledged_at) "
            f"SELECT gen_random_uuid(), 1, '{deal['id']}', captured_by, now() FROM public.trade LIMIT 1",
        )
    command = AcknowledgePremises(trade_id=UUID(deal["id"]), version=1)
    with pytest.raises(KeptApart, match="does not take receipt"):
        await act_as(bank_world, "mover-control", {"verifier"}, acknowledge_premises, command)

    await moved_to_control(bank_world)
    assert refusal(await act(bank_world, "mover-control", path, version=1)) == (403, "kept_apart", "D-01")
    other = f"/api/trades/{on_site['id']}/premises-acknowledgement"
    assert refusal(await act(bank_world, "mover-control", other, version=1))[:2] == (403, "cooling_off")
    assert refusal(await act(bank_world, "verifier", other, version=1))[:2] == (422, "not_off_premises")
    assert await rows(bank_world, "SELECT id FROM public.premises_report") == []
