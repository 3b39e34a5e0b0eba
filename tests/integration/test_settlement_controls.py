"""The controls around payments: who signs, what stops a payment, which day it goes, and what the books make of it."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.errors import KeptApart
from service.settlement.calling import CheckCallBack, check_call_back
from service.settlement.holds import FreeLeg, free_leg
from service.settlement.use_cases import CountersignLeg, countersign_leg
from tests.bank import World
from tests.intruders import intruder_of
from tests.parties import (
    NUMBER,
    OTHER_LEI,
    a_counterparty,
    a_settlement_rule,
    an_instruction,
    called_back_about,
)
from tests.settling import (
    VALUE_DATE,
    Deal,
    act_as,
    done,
    drain,
    matched,
    on_business_date,
    post,
    refused,
    set_up,
)

AD_HOC = "GB33BUKB20201555555555"
NOT_ALLOWED = "42501"
TRADING = ("trader", "head-of-trading")


async def batch(world: World, account: str, action: str, **command: Any) -> httpx.Response:
    """Try one act through the route for many."""
    return await (await world.as_(account)).post("/api/acts", [{"action": action, "command": command}])


async def must_be_denied_to_trading(
    world: World, deal: Deal, acts: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    """Assert that nobody of trading does any of the acts on the dollar leg, by the interface or in a batch."""
    leg = (await deal.legs())["USD"]
    for account in TRADING:
        for action, (path, more) in acts.items():
            body = {"version": leg["version"], **more}
            answer = await post(world, account, f"/api/settlements/{leg['id']}/{path}", body)
            assert refused(answer)[:2] == (403, "not_permitted")
            many = await batch(world, account, action, settlement_id=leg["id"], **body)
            assert "not_permitted" in many.text
    assert (await deal.legs())["USD"] == leg


async def paid_out(world: World) -> Deal:
    """Bring a deal to where its dollar leg, which we pay, is prepared by the settler."""
    deal = await matched(world)
    done(await deal.settle("USD", "preparation", "settler"))
    return deal


async def balance(world: World, account: str) -> str:
    """Return the balance of an account in dollars."""
    shown = (await (await world.as_("accountant")).get("/api/balances")).json()
    assert all(float(one["sum"]) == 0 for one in shown["proof"]["currencies"])
    return next(
        (row["balance"] for row in shown["items"] if (row["account"], row["currency"]) == (account, "USD")),
        "0",
    )


async def test_D_04_above_the_amount_of_one_signature_two_others_sign(ready_bank: World) -> None:
    await a_settlement_rule(ready_bank, rule="ladder", currency="USD", amount="1000000.00")
    deal = await paid_out(ready_bank)

    first = done(await deal.settle("USD", "release", "releaser"))
    assert (first["state"], await deal.control()) == ("signed", "verified")
    assert await deal.items() == {"prepare", "countersign"}
    leg = (await deal.legs())["USD"]
    assert refused(await deal.settle("USD", "countersignature", "releaser")) == (403, "kept_apart", "D-04")
    many = await batch(
        ready_bank, "releaser", "settlement.countersign", settlement_id=leg["id"], version=leg["version"]
    )
    assert "kept_apart" in many.text
    again = CountersignLeg(settlement_id=UUID(leg["id"]), version=leg["version"])
    with pytest.raises(KeptApart) as kept:
        await act_as(ready_bank, "settler", {"releaser"}, countersign_leg, again)
    assert kept.value.rule == "D-02"
    assert refused(await deal.settle("USD", "release", "other-releaser"))[:2] == (409, "illegal_transition")

    assert done(await deal.settle("USD", "countersignature", "other-releaser"))["state"] == "released"
    done(await deal.settle("EUR", "preparation", "settler"))  # what we receive takes one
    assert done(await deal.settle("EUR", "release", "releaser"))["state"] == "released"


async def test_D_04_two_who_release_at_once_let_the_money_go_once(ready_bank: World) -> None:
    deal = await paid_out(ready_bank)
    await deal.settle("EUR", "preparation", "settler")
    for currency, rivals in {
        "USD": (("releaser", "release", {}), ("other-releaser", "release", {})),
        "EUR": (("releaser", "release", {}), ("other-settler", "hold", {"reason": "a doubt"})),
    }.items():
        leg = (await deal.legs())[currency]
        path, seen = f"/api/settlements/{leg['id']}", {"version": leg["version"]}
        answers = await asyncio.gather(
            *(post(ready_bank, who, f"{path}/{what}", seen | more) for who, what, more in rivals)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert (await deal.legs())[currency]["version"] == leg["version"] + 1


async def test_D_08_SET_17_a_fresh_route_pays_only_after_a_call_made_and_checked_by_two(
    bank_world: World,
) -> None:
    counterparty = await set_up(bank_world, currencies=("EUR",))
    route = await an_instruction(bank_world, counterparty, "USD", called_back=False)
    deal = await paid_out(bank_world)
    assert "call_back" in {item["kind"] for item in await waiting(bank_world, "settler")}
    assert refused(await deal.settle("USD", "release", "releaser")) == (409, "call_back_missing", "SET-17")

    said = {"instruction_id": route, "spoke_to": "their desk", "outcome": "confirmed", "note": "read back"}
    for account in (*TRADING, "releaser", "steward"):
        denied = await post(bank_world, account, "/api/call-backs", said | {"number": NUMBER})
        assert refused(denied)[:2] == (403, "not_permitted")
    other = await post(bank_world, "settler", "/api/call-backs", said | {"number": "+49 170 1234567"})
    assert refused(other) == (422, "wrong_number", "SET-17")
    made = done(await post(bank_world, "settler", "/api/call-backs", said | {"number": NUMBER}))
    assert refused(await deal.settle("USD", "release", "releaser"))[1] == "call_back_missing"
    check = CheckCallBack(call_back_id=UUID(made["id"]), version=1, verdict="confirmed")
    with pytest.raises(KeptApart) as kept:
        await act_as(bank_world, "settler", {"releaser"}, check_call_back, check)
    assert kept.value.rule == "D-08"

    body = {"version": 1, "verdict": "confirmed"}
    done(await post(bank_world, "releaser", f"/api/call-backs/{made['id']}/check", body))
    assert done(await deal.settle("USD", "release", "releaser"))["state"] == "released"


async def test_SET_17_the_back_office_s_login_pays_along_no_route_but_the_counterparty_s_own(
    ready_bank: World,
) -> None:
    stranger = await a_counterparty(ready_bank, OTHER_LEI, "Another bank", bic="DEUTDEFF")
    other = await an_instruction(ready_bank, stranger, "USD")
    deal = await paid_out(ready_bank)
    leg = (await deal.legs())["USD"]
    back = await intruder_of(ready_bank, Office.BACK_OFFICE)
    route = "UPDATE public.settlement SET instruction_id = '{}', rev = rev + 1 WHERE id = '{}'"
    (euros,) = await back.run(
        "SELECT i.id FROM public.instruction i JOIN public.settlement s ON s.currency = i.currency "
        "WHERE s.trade_id = :trade AND s.currency = 'EUR' AND i.id <> :other",
        trade=deal.id,
        other=other,
    )
    for wrong in (other, euros.id):
        assert await back.outcome_of(route.format(wrong, leg["id"])) == "42501"
    swap = (
        "UPDATE public.settlement SET state = 'released', released_by = (SELECT id FROM public.account "
        "WHERE name = 'releaser'), rev = rev + 1, instruction_id = NULL, deviation = '{}' WHERE id = :id"
    )
    with pytest.raises(DBAPIError, match="along the route that was signed"):
        await back.run(swap, id=leg["id"])


async def waiting(world: World, account: str) -> list[dict[str, Any]]:
    """Return what waits for an account's office."""
    return list((await (await world.as_(account)).get("/api/work", limit=200)).json()["items"])


async def test_SET_17_a_route_of_one_deal_alone_is_held_until_called_back_and_freed_by_another(
    bank_world: World,
) -> None:
    counterparty = await set_up(bank_world)
    deal = await paid_out(bank_world)
    shown = (await deal.legs())["USD"]["selection"]
    assert [(one["chosen"], one["why"]) for one in shown["candidates"]] == [(True, "approved_last")]
    route = {"bic": "COBADEFF", "account_number": AD_HOC, "reason": "they asked for another account"}
    await must_be_denied_to_trading(
        bank_world,
        deal,
        {
            "settlement.deviate": ("deviation", route),
            "settlement.free": ("freeing", {"reason": "it is fine"}),
        },
    )

    held = done(await deal.settle("USD", "deviation", "settler", **route))
    assert (held["state"], held["deviates"], held["instruction"]) == ("held", True, None)
    assert {"call_back", "free"} <= await deal.items()
    assert refused(await deal.settle("USD", "release", "releaser"))[:2] == (409, "illegal_transition")
    early = await deal.settle("USD", "freeing", "releaser", reason="it is fine")
    assert refused(early) == (409, "call_back_missing", "SET-17")
    await called_back_about(bank_world, counterparty, settlement_id=held["id"])
    own = FreeLeg(settlement_id=UUID(held["id"]), version=held["version"], reason="it is fine")
    with pytest.raises(KeptApart) as kept:
        await act_as(bank_world, "settler", {"releaser"}, free_leg, own)
    assert kept.value.rule == "D-02"

    assert done(await deal.settle("USD", "freeing", "releaser", reason="called back"))["state"] == "projected"
    prepared = done(await deal.settle("USD", "preparation", "other-settler"))
    assert (prepared["route"]["account_number"], prepared["instruction"]) == (AD_HOC, None)
    assert [one["why"] for one in prepared["selection"]["candidates"]] == [
        "agreed_for_this_deal",
        "set_aside_for_this_deal",
    ]
    verifier = await bank_world.as_("verifier")
    assert AD_HOC not in (await verifier.get(f"/api/settlements/{held['id']}")).text
    assert done(await deal.settle("USD", "release", "other-releaser"))["state"] == "released"


async def test_CSD_02_trading_neither_holds_nor_frees_and_what_is_held_pays_nothing(
    ready_bank: World,
) -> None:
    deal = await paid_out(ready_bank)
    assert refused(await deal.settle("USD", "hold", "settler"))[:2] == (400, "malformed")  # SET-02: no reason
    held = done(await deal.settle("USD", "hold", "settler", reason="the amount looks wrong"))
    assert (held["state"], held["hold_reason"]) == ("held", "the amount looks wrong")
    why = {"reason": "it is fine"}
    await must_be_denied_to_trading(
        ready_bank, deal, {"settlement.free": ("freeing", why), "settlement.hold": ("hold", why)}
    )
    for what, account in (("release", "releaser"), ("preparation", "settler"), ("completion", "settler")):
        assert refused(await deal.settle("USD", what, account))[:2] == (409, "illegal_transition")
    intruder = await intruder_of(ready_bank, Office.FRONT_OFFICE)
    for state in ("projected", "released", "settled"):
        statement = f"UPDATE public.settlement SET state = '{state}' WHERE id = '{held['id']}'"
        assert await intruder.outcome_of(statement) == NOT_ALLOWED

    assert done(await deal.settle("USD", "freeing", "releaser", **why))["state"] == "projected"


async def test_CSD_03_a_late_payment_goes_on_the_next_day_by_decision_and_trading_moves_no_day(
    ready_bank: World,
) -> None:
    await a_settlement_rule(ready_bank, rule="cut_off", currency="USD", at="08:00", zone="Europe/Berlin")
    deal = await paid_out(ready_bank)
    early = await deal.settle("USD", "postponement", "releaser", reason="more time")
    assert refused(early) == (409, "not_late", "CSD-03")
    await must_be_denied_to_trading(
        ready_bank, deal, {"settlement.postpone": ("postponement", {"reason": "hide it"})}
    )
    intruder = await intruder_of(ready_bank, Office.FRONT_OFFICE)
    for column in ("value_date", "pay_on"):
        assert (
            await intruder.outcome_of(f"UPDATE public.settlement SET {column} = {column} + 1") == NOT_ALLOWED
        )

    await on_business_date(ready_bank, VALUE_DATE)
    assert refused(await deal.settle("USD", "release", "releaser")) == (409, "cut_off_missed", "X18")
    assert refused(await deal.settle("USD", "release", "other-releaser"))[1] == "cut_off_missed"
    assert [item["kind"] for item in await waiting(ready_bank, "releaser")].count("postpone") == 1
    late = done(await deal.settle("USD", "postponement", "releaser", reason="confirmed too late"))
    assert (late["value_date"], late["pay_on"], late["state"]) == (VALUE_DATE, "2026-10-30", "prepared")
    assert done(await deal.settle("USD", "release", "releaser"))["state"] == "released"
    assert refused(await deal.settle("USD", "completion", "settler"))[1] == "before_value_date"
    await on_business_date(ready_bank, "2026-10-30")
    assert done(await deal.settle("USD", "completion", "settler"))["settled_on"] == "2026-10-30"


async def test_money_that_moved_in_part_and_came_back_is_booked_mirrored_and_paid_anew(
    ready_bank: World,
) -> None:
    deal = await paid_out(ready_bank)
    done(await deal.settle("USD", "release", "releaser"))
    await on_business_date(ready_bank, VALUE_DATE)
    whole = await deal.settle("USD", "part", "settler", amount="1165000.00")
    assert refused(whole)[:2] == (422, "not_a_part")
    part = done(await deal.settle("USD", "part", "settler", amount="1000000.00"))
    assert (part["state"], part["paid"]) == ("partial", "1000000.00")
    await drain(ready_bank)
    assert (await balance(ready_bank, "1010"), await balance(ready_bank, "2900")) == (
        "-1000000.00",
        "1000000.00",
    )
    unknown = await deal.settle("USD", "failure", "settler", reason="no cover", code="ZZ99")
    assert refused(unknown)[:2] == (422, "unknown_reason")
    assert done(await deal.settle("USD", "completion", "settler"))["paid"] == "1165000.00"
    await drain(ready_bank)
    assert await balance(ready_bank, "1010") == "-1165000.00"
    assert float(await balance(ready_bank, "2900")) == 0

    back = done(await deal.settle("USD", "return", "settler", reason="account closed", code="AC04"))
    assert (back["state"], back["failure_code"], back["settled_on"], back["paid"]) == (
        "returned",
        "AC04",
        None,
        "0",
    )
    await drain(ready_bank)
    assert float(await balance(ready_bank, "1010")) == 0
    done(await deal.settle("USD", "preparation", "other-settler"))
    done(await deal.settle("USD", "release", "other-releaser"))
    done(await deal.settle("USD", "completion", "settler"))
    await drain(ready_bank)
    assert await balance(ready_bank, "1010") == "-1165000.00"


async def test_D_02_a_line_of_the_settlement_tables_takes_two_of_master_data(bank_world: World) -> None:
    line = {"rule": "ladder", "amount": "1.00", "valid_from": "2026-01-01", "source": "me", "reason": "more"}
    for account in (*TRADING, "settler", "releaser", "steward-approver"):
        assert refused(await post(bank_world, account, "/api/settlement-rules", line))[:2] == (
            403,
            "not_permitted",
        )
    proposed = done(await post(bank_world, "steward", "/api/settlement-rules", line))
    twice = await post(bank_world, "steward", "/api/settlement-rules", line)
    assert refused(twice)[:2] == (409, "already_proposed")
    path = f"/api/settlement-rules/{proposed['id']}"
    assert refused(await post(bank_world, "steward", f"{path}/approval", {"version": 1}))[:2] == (
        403,
        "not_permitted",
    )
    assert (
        done(await post(bank_world, "steward-approver", f"{path}/approval", {"version": 1}))["state"]
        == "in_force"
    )
    for wrong, field in (
        ({"rule": "cut_off", "currency": "USD", "at": "16:00", "zone": "Nowhere/City"}, "zone"),
        ({"rule": "cycle", "product": "security", "currency": "XXX", "days": 1}, "currency"),
        ({"rule": "ladder", "amount": "0"}, "amount"),
        ({"rule": "netting", "counterparty": "NOBODY", "allowed": True}, "counterparty"),
    ):
        said = {"valid_from": "2026-01-01", "source": "me", "reason": "more"} | wrong
        answer = await post(bank_world, "steward", "/api/settlement-rules", said)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    shown = await (await bank_world.as_("auditor")).get(
        "/api/settlement-rules/cycle",
        product="security",
        market="EU venue",
        trade_date="2027-10-11",
        settlement_date="2027-10-13",
    )
    assert (shown.json()["last_settlement_date"], shown.json()["allowed"]) == ("2027-10-12", False)
