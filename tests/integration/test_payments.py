"""The message that tells our bank to pay: written from the released leg, sent once, stopped as long as it lies here."""

from pathlib import Path
from uuid import UUID

import pytest

from policies.vocabulary import Office
from service.kernel.errors import KeptApart
from service.settlement.dispatching import RetryPayment, retry_payment
from tests.bank import World
from tests.deals import by_force
from tests.intruders import intruder_of
from tests.paying import NOSTRO, NOSTRO_BANK, drop_schema, let_go, orders, our_account, payments, said
from tests.settling import (
    VALUE_DATE,
    act_as,
    done,
    drain,
    on_business_date,
    post,
    refused,
    set_up,
    the_post,
)


async def test_a_released_payment_leaves_once_as_a_message_that_its_schema_allows(bank_world: World) -> None:
    await set_up(bank_world)
    await our_account(bank_world)
    drop_schema(bank_world)
    deal = await let_go(bank_world)
    (waiting,) = await payments(deal)
    assert (waiting["state"], waiting["amount"], orders(bank_world)) == ("queued", "1165000.00", [])
    await on_business_date(bank_world, VALUE_DATE)
    early = await deal.settle("USD", "completion", "other-settler")
    assert refused(early)[:2] == (409, "payment_not_sent")

    await the_post(bank_world).send()
    (order,) = orders(bank_world)
    (sent,) = await payments(deal)
    told = said(order)
    assert (told["EndToEndId"], told["UETR"]) == (sent["end_to_end_id"], sent["uetr"])
    assert (told["IntrBkSttlmAmt"], told["IntrBkSttlmDt"]) == ("1165000.00", VALUE_DATE)
    assert (sent["state"], sent["remark"], sent["proof"]["sha256"]) == ("delivered", None, sent["sha256"])
    assert sent["schema"].startswith("pacs.009.001.08.xsd sha256:")
    releaser, verifier = await bank_world.as_("releaser"), await bank_world.as_("verifier")
    (paper,) = (await releaser.get("/api/documents", subject=sent["id"])).json()["items"]
    assert (paper["kind"], paper["sha256"], paper["trade"]) == ("payment_out", sent["sha256"], deal.id)
    hidden = await verifier.get("/api/documents", subject=sent["id"])
    assert hidden.json()["items"] == [], "an account number is for those who pay along it"

    # Whoever died between sending and recording finds its own bytes there.
    forgotten = "state = 'under_way', proof = NULL, delivered_at = NULL, delivered_on = NULL"
    await by_force(bank_world, f"UPDATE public.payment SET {forgotten}")
    await the_post(bank_world).send()
    ((again,), (file,)) = await payments(deal), orders(bank_world)
    assert (again["state"], again["proof"]["repeated"], file) == ("delivered", "yes", order)

    gone = await deal.settle("USD", "hold", "settler", reason="a doubt")
    assert refused(gone) == (409, "payment_gone", "CSD-02")
    assert done(await deal.settle("USD", "completion", "other-settler"))["state"] == "settled"
    await drain(bank_world)


async def test_a_message_that_may_not_leave_waits_for_a_person_and_nothing_is_sent(bank_world: World) -> None:
    await set_up(bank_world)
    deal = await let_go(bank_world)
    (kept,) = await payments(deal)
    assert (kept["state"], kept["finding"], kept["field"]) == ("blocked", "no_account", "debtor_account")
    assert "repair_payment" in await deal.items()
    path = f"/api/payments/{kept['id']}/retry"
    for account in ("trader", "head-of-trading", "settler", "confirmer"):
        denied = await post(bank_world, account, path, {"version": kept["version"]})
        assert refused(denied)[:2] == (403, "not_permitted")

    await our_account(bank_world)
    drop_schema(bank_world, longest=20)
    written = done(await post(bank_world, "other-releaser", path, {"version": kept["version"]}))
    assert (written["state"], written["bank"]) == ("queued", NOSTRO_BANK)
    await the_post(bank_world).send()
    (against,) = await payments(deal)
    assert (against["state"], against["finding"]) == ("blocked", "against_schema")
    assert "MsgId" in against["reason"]
    assert orders(bank_world) == []
    assert "repair_payment" in await deal.items()

    (bank_world.bank.settings.schema_directory / "pacs.009.001.08.xsd").unlink()
    done(await post(bank_world, "releaser", path, {"version": against["version"]}))
    await the_post(bank_world).send()
    (sent,) = await payments(deal)
    assert (sent["state"], sent["schema"]) == ("delivered", None)
    assert sent["remark"] == "No schema of this message was at hand: it passed our own check alone."
    shown = await (await bank_world.as_("settler")).get(f"/api/settlements/{sent['settlement']}")
    assert shown.json()["payments"][0]["remark"] == sent["remark"]
    assert NOSTRO in orders(bank_world)[0].read_text()


async def test_CSD_02_a_released_payment_is_held_before_its_message_left_and_paid_by_a_new_one(
    bank_world: World,
) -> None:
    await set_up(bank_world)
    await our_account(bank_world)
    deal = await let_go(bank_world)
    (first,) = await payments(deal)
    held = done(await deal.settle("USD", "hold", "settler", reason="the counterparty called"))
    assert held["state"] == "held"
    await the_post(bank_world).send()
    assert (orders(bank_world), (await payments(deal))[0]["state"]) == ([], "dropped")
    done(await deal.settle("USD", "freeing", "other-releaser", reason="cleared"))
    done(await deal.settle("USD", "preparation", "settler"))
    done(await deal.settle("USD", "release", "releaser"))
    await the_post(bank_world).send()
    second, dropped = await payments(deal)
    assert (second["state"], second["number"], dropped["state"]) == ("delivered", 2, "dropped")
    assert second["end_to_end_id"] != first["end_to_end_id"]
    assert [Path(order).name for order in orders(bank_world)] == [second["message_key"]]


async def test_D_01_whoever_entered_a_deal_has_no_message_of_it_sent_again_by_no_path(
    bank_world: World,
) -> None:
    await set_up(bank_world)
    deal = await let_go(bank_world, "mover-trading")
    (kept,) = await payments(deal)
    again = RetryPayment(payment_id=UUID(kept["id"]), version=kept["version"])
    with pytest.raises(KeptApart) as apart:
        await act_as(bank_world, "mover-control", {"releaser"}, retry_payment, again)
    assert apart.value.rule == "D-01"

    done(await deal.settle("USD", "hold", "settler", reason="a doubt"))
    (dropped,) = await payments(deal)
    back = await intruder_of(bank_world, Office.BACK_OFFICE)
    front = await intruder_of(bank_world, Office.FRONT_OFFICE)
    for change in (
        "state = 'queued'",
        "state = 'under_way'",
        "state = 'delivered', proof = '{}'",
        "amount = amount + 1",
        "end_to_end_id = 'X'",
        "account = 'GB33BUKB20201555555555'",
    ):
        statement = f"UPDATE public.payment SET {change}, rev = rev + 1 WHERE id = '{dropped['id']}'"
        assert await back.outcome_of(statement) != "done", change
        assert await front.outcome_of(statement) == "42501"
