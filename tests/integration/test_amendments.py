"""A deal changes only as trading asked and somebody outside trading decided, on the exact version, with everything after."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from policies.vocabulary import Office
from service.control.use_cases import ApproveRequest, approve_request
from service.kernel.errors import KeptApart, NotPermitted
from service.trades.use_cases import AmendTrade, NotApproved, amend_trade
from tests.bank import World
from tests.deals import counted, rows
from tests.settling import (
    TERMS,
    Deal,
    act_as,
    automatic,
    captured,
    done,
    drain,
    matched,
    open_account,
    post,
    refused,
    verified,
)

AMENDED = TERMS | {"base_amount": "1200000.00"}
REASON = "the counterparty's ticket says 1.2 million"


async def asked(world: World, deal: Deal, version: int = 1, by: str = "trader", **terms: str) -> Any:
    """Ask for an amendment."""
    body = AMENDED | terms | {"version": version, "reason": REASON}
    return await post(world, by, f"/api/trades/{deal.id}/amendments", body)


async def approved(world: World, request: dict[str, Any], by: str = "other-verifier") -> Any:
    """Try to approve a request."""
    body = {"version": request["version"], "reason": "the ticket agrees"}
    return await post(world, by, f"/api/requests/{request['id']}/approval", body)


async def held(world: World) -> tuple[Decimal, Decimal]:
    """Return what all deals hold of the counterparty's limit, by the sum of reservations and by the lock's row."""
    (summed,) = await rows(
        world,
        "SELECT coalesce(sum(eur_amount), 0) AS eur FROM limit_reservation WHERE scope = 'counterparty'",
    )
    (used,) = await rows(world, "SELECT used_eur AS eur FROM limit_use WHERE scope = 'counterparty'")
    return summed.eur, used.eur


async def positions(world: World) -> dict[str, str]:
    found = (await (await world.as_("trader")).get("/api/positions")).json()["items"]
    return {one["currency"]: one["amount"] for one in found}


async def test_an_amendment_is_asked_for_with_its_changes_and_everything_that_will_follow(
    ready_bank: World,
) -> None:
    deal = await matched(ready_bank)
    request = done(await asked(ready_bank, deal))

    assert request["changes"] == {"base_amount": {"old": "1000000.00", "new": "1200000.00"}}
    assert request["material"] is True
    impact = request["impact"]
    assert impact["confirmation"]["then"] == "withdrawn and confirmed anew"
    assert {leg["currency"]: leg["then"] for leg in impact["settlement"]} == {
        "EUR": "withdrawn",
        "USD": "withdrawn",
    }
    assert [journal["rule"] for journal in impact["postings"]] == ["FX-SPOT-TRADE/1"]
    assert {move["currency"]: move["change"] for move in impact["position"]} == {
        "EUR": "200000.00",
        "USD": "-233000.00",
    }
    limit = impact["limit"]
    assert (limit["holds_eur"], limit["needs_eur"], limit["fits"]) == ("1000000.00", "1200000.00", True)

    shown = (await (await ready_bank.as_("verifier")).get(f"/api/trades/{deal.id}")).json()["requests"]
    assert (shown[0]["impact"], shown[0]["changes"]) == (impact, request["changes"])


async def test_SET_19_an_approved_amendment_goes_through_every_office_again(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    before = await positions(ready_bank)
    request = done(await asked(ready_bank, deal))
    assert await positions(ready_bank) == before, "a request changes nothing"
    assert refused(await asked(ready_bank, deal))[:2] == (409, "request_open")
    done(await deal.settle("EUR", "preparation", "settler"))
    assert refused(await deal.settle("EUR", "release", "releaser"))[:2] == (409, "change_undecided")

    done(await approved(ready_bank, request))
    await drain(ready_bank)

    shown = (await (await ready_bank.as_("verifier")).get(f"/api/trades/{deal.id}")).json()
    assert (shown["version"], shown["state"], shown["terms"]["base_amount"]) == (2, "captured", "1200000.00")
    assert shown["confirmation"]["state"] == "withdrawn"
    assert {leg["state"] for leg in shown["legs"]} == {"withdrawn"}
    assert [(one["rule"], one["state"]) for one in shown["journals"]] == [
        ("FX-SPOT-TRADE/1", "reversed"),
        ("REVERSAL/1", "posted"),
    ]
    assert await positions(ready_bank) == {"EUR": "1200000.00", "USD": "-1398000.00"}
    assert await held(ready_bank) == (Decimal("1200000.00"), Decimal("1200000.00"))
    assert await deal.items() == {"verify"}

    stale = await post(ready_bank, "verifier", f"/api/trades/{deal.id}/verification", {"version": 1})
    assert refused(stale)[:2] == (409, "stale_version")
    done(await post(ready_bank, "verifier", f"/api/trades/{deal.id}/verification", {"version": 2}))
    await drain(ready_bank)
    confirmations = (
        await (await ready_bank.as_("confirmer")).get("/api/confirmations", trade=deal.id)
    ).json()
    assert [(one["trade_version"], one["state"]) for one in confirmations["items"]] == [
        (1, "withdrawn"),
        (2, "due"),
    ]
    assert confirmations["items"][1]["ours"]["buy_amount"] == "1200000.00"
    journals = (await (await ready_bank.as_("accountant")).get("/api/journals", trade=deal.id)).json()[
        "items"
    ]
    assert [(one["rule"], one["version"]) for one in journals] == [
        ("FX-SPOT-TRADE/1", 1),
        ("REVERSAL/1", 1),
        ("FX-SPOT-TRADE/1", 2),
    ]


async def test_SET_19_another_time_of_dealing_is_a_change_that_everybody_sees(ready_bank: World) -> None:
    deal = await verified(ready_bank)
    before, after = "2026-10-27T07:30:00.000000Z", "2026-10-27T07:05:00.000000Z"
    request = done(await asked(ready_bank, deal, **TERMS | {"executed_at": "2026-10-27T07:05:00Z"}))

    change = {"executed_at": {"old": before, "new": after}}
    assert (request["changes"], request["material"]) == (change, False)
    done(await approved(ready_bank, request))
    await drain(ready_bank)
    shown = (await (await ready_bank.as_("verifier")).get(f"/api/trades/{deal.id}")).json()
    assert shown["versions"][-1]["changes"] == change
    (told,) = await rows(
        ready_bank,
        "SELECT convert_from(bytes, 'UTF8')::jsonb #> '{data,changes}' AS changes FROM audit_entry "
        "WHERE act = 'trade.amend'",
    )
    assert told.changes == change


async def test_a_deal_not_yet_verified_is_amended_too_and_a_refused_one_stays(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    request = done(await asked(ready_bank, deal))
    body = {"version": request["version"], "reason": "the ticket says one million"}
    done(await post(ready_bank, "verifier", f"/api/requests/{request['id']}/refusal", body))
    assert await positions(ready_bank) == {"EUR": "1000000.00", "USD": "-1165000.00"}

    done(await approved(ready_bank, done(await asked(ready_bank, deal))))
    assert refused(await deal.do("verifier", "verification"))[0] == 409, "the version is on its way out"
    await drain(ready_bank)
    done(await post(ready_bank, "verifier", f"/api/trades/{deal.id}/verification", {"version": 2}))


async def test_SET_19_nobody_who_asked_or_entered_decides_and_trading_amends_nothing_itself(
    ready_bank: World,
) -> None:
    deal = await verified(ready_bank)
    request = done(await asked(ready_bank, deal))
    command = ApproveRequest(request_id=UUID(request["id"]), version=1)
    for trader in ("trader", "other-trader", "head-of-trading"):
        assert refused(await approved(ready_bank, request, by=trader))[0] == 403
    second = await open_account(ready_bank, "trader", Office.BACK_OFFICE)
    with pytest.raises(KeptApart) as apart:
        await act_as(ready_bank, second, {"verifier"}, approve_request, command)
    assert apart.value.rule in {"D-01", "D-03"}
    with pytest.raises(NotPermitted):
        await act_as(
            ready_bank, "trader", {"trader"}, amend_trade, AmendTrade(request_id=UUID(request["id"]))
        )
    with pytest.raises(NotApproved):
        await automatic(
            ready_bank, Office.FRONT_OFFICE, amend_trade, AmendTrade(request_id=UUID(request["id"]))
        )
    body = [{"action": "trade.amend", "command": {"request_id": request["id"]}}]
    (outcome,) = (await (await ready_bank.as_("trader")).post("/api/acts", body)).json()
    assert outcome["status"] == 403
    assert await counted(ready_bank, "trade_version") == 1


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"base_amount": "1000000.00"}, (422, "nothing_changes")),
        ({"base_amount": "0"}, (422, "amount_not_positive")),
        ({"counterparty": "nobody"}, (422, "unknown_counterparty")),
    ],
)
async def test_an_amendment_is_judged_like_a_deal(
    ready_bank: World, terms: dict[str, str], code: tuple[int, str]
) -> None:
    deal = await captured(ready_bank)
    assert refused(await asked(ready_bank, deal, **terms))[:2] == code
    assert refused(await asked(ready_bank, deal, version=7))[:2] == (409, "stale_version")
    assert refused(await asked(ready_bank, deal, by="second-desk-trader"))[0] == 404


async def test_a_returned_cancelled_or_settling_deal_is_not_amended(ready_bank: World) -> None:
    returned = await captured(ready_bank)
    done(await returned.do("verifier", "return", reason="the rate is not on the ticket"))
    assert refused(await asked(ready_bank, returned))[:2] == (409, "returned_already")

    cancelled = await captured(ready_bank)
    await cancelled.cancel()
    assert refused(await asked(ready_bank, cancelled))[:2] == (409, "already_cancelled")

    settling = await matched(ready_bank)
    done(await settling.settle("EUR", "preparation", "settler"))
    done(await settling.settle("EUR", "release", "releaser"))
    assert refused(await asked(ready_bank, settling))[:2] == (409, "settling")


async def test_a_deal_booked_anew_names_the_cancelled_one(ready_bank: World) -> None:
    first = await captured(ready_bank)
    body = TERMS | {"replaces": first.id}
    assert refused(await post(ready_bank, "trader", "/api/trades", body))[:2] == (422, "unknown_deal")
    await first.cancel()
    await drain(ready_bank)
    again = done(await post(ready_bank, "trader", "/api/trades", body))
    shown = (await (await ready_bank.as_("trader")).get(f"/api/trades/{again['id']}")).json()
    assert shown["replaces"] == first.id
    assert await held(ready_bank) == (Decimal("1000000.00"), Decimal("1000000.00"))


async def test_what_an_amended_version_left_is_taken_back_even_after_the_next_one_was_verified(
    ready_bank: World,
) -> None:
    deal = await matched(ready_bank)
    done(await approved(ready_bank, done(await asked(ready_bank, deal))))
    await drain(ready_bank, Office.FRONT_OFFICE)  # the other offices' own accounts are slow today
    done(await post(ready_bank, "verifier", f"/api/trades/{deal.id}/verification", {"version": 2}))
    await drain(ready_bank)
    assert await deal.items() == {"confirm"}
    shown = (await (await ready_bank.as_("verifier")).get(f"/api/trades/{deal.id}")).json()
    assert {leg["state"] for leg in shown["legs"]} == {"withdrawn"}
    assert [(one["rule"], one["trade_version"], one["state"]) for one in shown["journals"]] == [
        ("FX-SPOT-TRADE/1", 1, "reversed"),
        ("REVERSAL/1", 1, "posted"),
        ("FX-SPOT-TRADE/1", 2, "posted"),
    ]
