"""Netting: several legs, one message over their sum; each leg released on its own history, the net only as a whole."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from policies.vocabulary import Office
from service.kernel.errors import KeptApart
from service.settlement.netting import NetLeg, net_leg
from service.settlement.use_cases import ReleaseLeg, release_leg
from tests.bank import World
from tests.conformity import agreed
from tests.intruders import intruder_of
from tests.parties import LEI, a_settlement_rule
from tests.paying import heard, movement, notice, orders, our_account, payments, said
from tests.settling import (
    VALUE_DATE,
    Deal,
    act_as,
    done,
    drain,
    matched,
    on_business_date,
    refused,
    the_post,
)

SMALLER = {"side": "sell", "base_amount": "400000.00"}  # we receive 466,000.00
SUM = "699000.00"


async def legs_to_net(world: World, by: str = "trader") -> tuple[Deal, Deal]:
    """Prepare the dollar legs of a deal by which we pay and of one by which we receive."""
    pays, receives = await matched(world, by), await matched(world, **SMALLER)
    for deal in (pays, receives):
        done(await deal.settle("USD", "preparation", "settler"))
    return pays, receives


async def netted(first: Deal, *others: Deal) -> dict[str, Any]:
    """Net the dollar legs of the deals; return the net."""
    net: dict[str, Any] = done(await first.settle("USD", "netting", "settler"))["net"]
    for deal in others:
        net = done(await deal.settle("USD", "netting", "settler", net=net["id"]))["net"]
    return net


async def the_net(world: World) -> dict[str, Any]:
    """Return the newest net with its components."""
    return dict((await (await world.as_("auditor")).get("/api/nets")).json()["items"][0])


async def states(*deals: Deal) -> list[str]:
    """Return the states of the dollar legs."""
    return [(await deal.legs())["USD"]["state"] for deal in deals]


async def test_a_net_goes_as_one_message_over_its_components_settles_and_is_booked_gross(
    ready_bank: World,
) -> None:
    await our_account(ready_bank)
    pays, receives = await legs_to_net(ready_bank)
    assert refused(await pays.settle("USD", "netting", "settler")) == (409, "no_netting_agreed", "TRD-17")
    await a_settlement_rule(ready_bank, rule="netting", counterparty=LEI, allowed=True)
    assert refused(await pays.settle("USD", "netting", "settler"))[1] == "no_netting_agreed"
    await agreed(ready_bank, LEI)
    for account in ("trader", "head-of-trading", "releaser", "confirmer"):
        assert refused(await pays.settle("USD", "netting", account))[:2] == (403, "not_permitted")

    net = await netted(pays)
    alone = await pays.settle("USD", "release", "releaser")
    assert refused(alone)[:2] == (409, "not_a_net")
    net = done(await receives.settle("USD", "netting", "settler", net=net["id"]))["net"]
    assert (Decimal(net["amount"]), net["legs"], net["state"]) == (-Decimal(SUM), 2, "composed")
    twice = await receives.settle("USD", "netting", "settler", net=net["id"])
    assert refused(twice)[:2] == (409, "part_of_net")
    done(await receives.settle("EUR", "preparation", "settler"))
    other = await receives.settle("EUR", "netting", "settler", net=net["id"])
    assert refused(other)[:2] == (422, "cannot_net")

    done(await receives.settle("USD", "release", "releaser"))
    assert (await states(pays, receives), (await the_net(ready_bank))["state"]) == (
        ["prepared", "netted"],
        "composed",
    )
    assert refused(await receives.settle("USD", "completion", "other-settler"))[0] == 409
    done(await pays.settle("USD", "release", "other-releaser"))
    whole = await the_net(ready_bank)
    assert whole["state"] == "released"
    assert sum(Decimal(leg["amount"]) for leg in whole["components"]) == Decimal(whole["amount"])
    assert refused(await receives.settle("USD", "hold", "other-settler", reason="x"))[:2] == (
        409,
        "part_of_net",
    )
    await the_post(ready_bank).send()
    ((order,), (payment,)) = orders(ready_bank), await payments(pays)
    assert (said(order)["IntrBkSttlmAmt"], payment["net"], payment["settlement"]) == (SUM, whole["id"], None)

    await on_business_date(ready_bank, VALUE_DATE)
    entry = movement(payment["end_to_end_id"], "1.00", reference="R1")
    part, *_ = await heard(ready_bank, notice(entry), "part.xml")
    assert (part["finding"], part["field"]) == ("part_of_net", "Amt")
    entry = movement(payment["end_to_end_id"], SUM, reference="R2")
    told, *_ = await heard(ready_bank, notice(entry, message="N2"), "whole.xml")
    assert (told["effect"], (await the_net(ready_bank))["state"]) == ("settled", "settled")
    assert await states(pays, receives) == ["settled", "settled"]
    assert await pays.items() | await receives.items() == {"prepare", "release", "examine_status"}
    balances = (await (await ready_bank.as_("accountant")).get("/api/balances")).json()["items"]
    nostro = next(row for row in balances if (row["account"], row["currency"]) == ("1010", "USD"))
    assert nostro["balance"] == f"-{SUM}"


async def test_D_02_nobody_releases_a_net_whom_the_history_of_one_component_bars_and_a_broken_net_pays_nothing(
    ready_bank: World,
) -> None:
    await our_account(ready_bank)
    await agreed(ready_bank, LEI)
    await a_settlement_rule(ready_bank, rule="netting", counterparty=LEI, allowed=True)
    pays, receives = await legs_to_net(ready_bank, "mover-trading")
    leg = (await pays.legs())["USD"]
    join = NetLeg(settlement_id=UUID(leg["id"]), version=leg["version"])
    with pytest.raises(KeptApart) as kept:
        await act_as(ready_bank, "mover-control", {"settler"}, net_leg, join)
    assert kept.value.rule == "D-01"
    net = await netted(receives, pays)
    done(await receives.settle("USD", "release", "releaser"))
    for account, rule in (("mover-control", "D-01"), ("settler", "D-02")):
        leg = (await pays.legs())["USD"]
        release = ReleaseLeg(settlement_id=UUID(leg["id"]), version=leg["version"])
        with pytest.raises(KeptApart) as kept:
            await act_as(ready_bank, account, {"releaser"}, release_leg, release)
        assert kept.value.rule == rule
    assert (await the_net(ready_bank))["state"] == "composed"

    back = await intruder_of(ready_bank, Office.BACK_OFFICE)
    front = await intruder_of(ready_bank, Office.FRONT_OFFICE)
    for change in ("state = 'released'", "amount = amount + 1", "state = 'settled'", "currency = 'EUR'"):
        statement = f"UPDATE public.net SET {change}, rev = rev + 1 WHERE id = '{net['id']}'"
        assert await back.outcome_of(statement) != "done", change
        assert await front.outcome_of(statement) == "42501"

    answers: list[httpx.Response] = await asyncio.gather(
        pays.settle("USD", "release", "other-releaser"),
        receives.settle("USD", "hold", "other-settler", reason="the counterparty disputes it"),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    if (await the_net(ready_bank))["state"] == "released":  # the release was first
        return
    assert (await the_net(ready_bank))["reason"] == "the counterparty disputes it"
    assert await states(pays, receives) == ["prepared", "held"]
    assert "prepare" in await pays.items()
    await the_post(ready_bank).send()
    assert orders(ready_bank) == []
    assert refused(await pays.settle("USD", "release", "releaser"))[:2] == (409, "net_broken")
    done(await pays.settle("USD", "preparation", "settler"))
    assert done(await pays.settle("USD", "release", "releaser"))["state"] == "released"


async def test_SET_19_a_cancelled_component_breaks_its_net_and_the_others_go_back_to_work(
    ready_bank: World,
) -> None:
    await our_account(ready_bank)
    await agreed(ready_bank, LEI)
    await a_settlement_rule(ready_bank, rule="netting", counterparty=LEI, allowed=True)
    pays, receives = await legs_to_net(ready_bank)
    third = await matched(ready_bank, base_amount="100000.00")
    done(await third.settle("USD", "preparation", "settler"))
    await netted(pays, receives, third)
    done(await receives.settle("USD", "release", "releaser"))
    await pays.cancel()
    await drain(ready_bank)
    assert (await the_net(ready_bank))["state"] == "broken"
    assert await states(pays, receives, third) == ["withdrawn", "netted", "prepared"]
    assert {"prepare"} <= await receives.items() & await third.items()
    for deal in (receives, third):
        done(await deal.settle("USD", "preparation", "settler"))
    await netted(receives, third)
    done(await third.settle("USD", "hold", "settler", reason="they want it alone"))
    assert await states(receives, third) == ["prepared", "held"]
    done(await third.settle("USD", "freeing", "releaser", reason="alone then"))
    done(await third.settle("USD", "preparation", "settler"))
    assert done(await third.settle("USD", "release", "releaser"))["state"] == "released"
    assert (await payments(third))[0]["settlement"] is not None

    # A net that is rejected comes back leg by leg.
    done(await receives.settle("USD", "preparation", "settler"))
    fourth = await matched(ready_bank)
    done(await fourth.settle("USD", "preparation", "settler"))
    await netted(receives, fourth)
    for deal in (receives, fourth):
        done(await deal.settle("USD", "release", "other-releaser"))
    await the_post(ready_bank).send()
    failed = await fourth.settle("USD", "failure", "other-settler", reason="the bank has no cover")
    assert done(failed)["state"] == "failed"
    await drain(ready_bank)
    assert (await states(receives, fourth), (await the_net(ready_bank))["state"]) == (
        ["failed", "failed"],
        "failed",
    )
