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
    the_post,
)


async def test_a_released_payment_leaves_once_as_a_message_that_its_schema_allows(ready_bank: World) -> None:
    await our_account(ready_bank)
    drop_schema(ready_bank)
    deal = await let_go(ready_bank)
    (waiting,) = await payments(deal)
    assert (waiting["state"], waiting["amount"], orders(ready_bank)) == ("queued", "1165000.00", [])
    await on_business_date(ready_bank, VALUE_DATE)
    early = await deal.settle("USD", "completion", "other-settler")
    assert refused(early)[:2] == (409, "payment_not_sent")

    await the_post(ready_bank).send()
    (order,) = orders(ready_bank)
    (sent,) = await payments(deal)
    told = said(order)
    assert (told["EndToEndId"], told["UETR"]) == (sent["end_to_end_id"], sent["uetr"])
    assert (told["IntrBkSttlmAmt"], told["IntrBkSttlmDt"]) == ("1165000.00", VALUE_DATE)
    assert (sent["state"], sent["remark"], sent["proof"]["sha256"]) == ("delivered", None, sent["sha256"])
    assert sent["schema"].startswith("pacs.009.001.08.xsd sha256:")
    releaser, verifier = await ready_bank.as_("releaser"), await ready_bank.as_("verifier")
    (paper,) = (await releaser.get("/api/documents", subject=sent["id"])).json()["items"]
    assert (paper["kind"], paper["sha256"], paper["trade"]) == ("payment_out", sent["sha256"], deal.id)
    hidden = await verifier.get("/api/documents", subject=sent["id"])
    assert hidden.json()["items"] == [], "an account number is for those who pay along it"

    # Whoever died between sending and recording finds its own bytes there.
    forgotten = "state = 'under_way', proof = NULL, delivered_at = NULL, delivered_on = NULL"
    await by_force(ready_bank, f"UPDATE public.payment SET {forgotten}")
    await the_post(ready_bank).send()
    ((again,), (file,)) = await payments(deal), orders(ready_bank)
    assert (again["state"], again["proof"]["repeated"], file) == ("delivered", "yes", order)

    gone = await deal.settle("USD", "hold", "settler", reason="a doubt")
    assert refused(gone) == (409, "payment_gone", "CSD-02")
    assert done(await deal.settle("USD", "completion", "other-settler"))["state"] == "settled"
    await drain(ready_bank)


async def test_a_message_that_may_not_leave_waits_for_a_person_and_nothing_is_sent(ready_bank: World) -> None:
    deal = await let_go(ready_bank)
    (kept,) = await payments(deal)
    assert (kept["state"], kept["finding"], kept["field"]) == ("blocked", "no_account", "debtor_account")
    assert "repair_payment" in await deal.items()
    path = f"/api/payments/{kept['id']}/retry"
    for account in ("trader", "head-of-trading", "settler", "confirmer"):
        denied = await post(ready_bank, account, path, {"version": kept["version"]})
        assert refused(denied)[:2] == (403, "not_permitted")

    await our_account(ready_bank)
    drop_schema(ready_bank, longest=20)
    written = done(await post(ready_bank, "other-releaser", path, {"version": kept["version"]}))
    assert (written["state"], written["bank"]) == ("queued", NOSTRO_BANK)
    await the_post(ready_bank).send()
    (against,) = await payments(deal)
    assert (against["state"], against["finding"]) == ("blocked", "against_schema")
    assert "MsgId" in against["reason"]
    assert orders(ready_bank) == []
    assert "repair_payment" in await deal.items()

    (ready_bank.bank.settings.schema_directory / "pacs.009.001.08.xsd").unlink()
    done(await post(ready_bank, "releaser", path, {"version": against["version"]}))
    await the_post(ready_bank).send()
    (sent,) = await payments(deal)
    assert (sent["state"], sent["schema"]) == ("delivered", None)
    assert sent["remark"] == "No schema of this message was at hand: it passed our own check alone."
    shown = await (await ready_bank.as_("settler")).get(f"/api/settlements/{sent['settlement']}")
    assert shown.json()["payments"][0]["remark"] == sent["remark"]
    assert NOSTRO in orders(ready_bank)[0].read_text()


async def test_CSD_02_a_released_payment_is_held_before_its_message_left_and_paid_by_a_new_one(
    ready_bank: World,
) -> None:
    await our_account(ready_bank)
    deal = await let_go(ready_bank)
    (first,) = await payments(deal)
    held = done(await deal.settle("USD", "hold", "settler", reason="the counterparty called"))
    assert held["state"] == "held"
    await the_post(ready_bank).send()
    assert (orders(ready_bank), (await payments(deal))[0]["state"]) == ([], "dropped")
    done(await deal.settle("USD", "freeing", "other-releaser", reason="cleared"))
    done(await deal.settle("USD", "preparation", "settler"))
    done(await deal.settle("USD", "release", "releaser"))
    await the_post(ready_bank).send()
    second, dropped = await payments(deal)
    assert (second["state"], second["number"], dropped["state"]) == ("delivered", 2, "dropped")
    assert second["end_to_end_id"] != first["end_to_end_id"]
    assert [Path(order).name for order in orders(ready_bank)] == [second["message_key"]]


async def test_D_01_whoever_entered_a_deal_has_no_message_of_it_sent_again_by_no_path(
    ready_bank: World,
) -> None:
    deal = await let_go(ready_bank, "mover-trading")
    (kept,) = await payments(deal)
    again = RetryPayment(payment_id=UUID(kept["id"]), version=kept["version"])
    with pytest.raises(KeptApart) as apart:
        await act_as(ready_bank, "mover-control", {"releaser"}, retry_payment, again)
    assert apart.value.rule == "D-01"

    done(await deal.settle("USD", "hold", "settler", reason="a doubt"))
    (dropped,) = await payments(deal)
    back = await intruder_of(ready_bank, Office.BACK_OFFICE)
    front = await intruder_of(ready_bank, Office.FRONT_OFFICE)
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
