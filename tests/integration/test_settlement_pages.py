"""The pages of payment messages, of what banks say, of nets and of the board, used as people use them."""

from tests.bank import World
from tests.conformity import agreed
from tests.parties import LEI, a_settlement_rule, an_instruction
from tests.paying import heard, let_go, notice, our_account
from tests.settling import VALUE_DATE, done, drain, matched, on_business_date, set_up
from tests.visiting import Sheet, signed_in

OTHER_IBAN = "GB33BUKB20201555555555"
ACTS = ("prepare", "net", "postpone", "complete", "part", "hold", "fail", "return", "deviate")


def offered(leg: Sheet) -> set[str]:
    """Return the acts on a leg that its page has a form for."""
    return {act for act in ACTS if leg.offers(f"settlement.{act}")}


async def test_payments_that_wait_banks_words_and_nets_are_worked_on_the_pages(ready_bank: World) -> None:
    deal = await let_go(ready_bank)
    releaser, settler = await signed_in(ready_bank, "releaser"), await signed_in(ready_bank, "settler")
    waiting = await releaser.get("/payments")
    assert "Master data keeps no account of ours in USD" in waiting.text
    assert not (await settler.get("/payments")).offers("payment.retry")
    await our_account(ready_bank)
    assert (
        "The payment message goes to the post again."
        in (await releaser.submit((await releaser.get("/payments")).form("/acts/payment.retry"))).text
    )

    await heard(ready_bank, notice(), "nothing.xml")
    told = await settler.get("/payment-statuses")
    assert "It tells of no movement." in told.text
    closed = await settler.submit(told.form("/acts/payment_status.close"), reason="asked the bank")
    assert "What was done is on record." in closed.text

    await agreed(ready_bank, LEI)
    await a_settlement_rule(ready_bank, rule="netting", counterparty=LEI, allowed=True)
    done(await deal.settle("EUR", "preparation", "settler"))
    legs = await deal.legs()
    leg = await settler.get(f"/settlements/{legs['EUR']['id']}")
    netted = await settler.submit(leg.form("/acts/settlement.net"))
    assert "The leg is netted" in netted.text
    assert not (await settler.get(f"/settlements/{legs['EUR']['id']}")).offers("settlement.net")
    assert f"/settlements/{legs['EUR']['id']}" in (await releaser.get("/nets")).links
    paid = await settler.get(f"/settlements/{legs['USD']['id']}")
    assert "Payment message" in paid.text

    german = await signed_in(ready_bank, "settler", language="de")
    board = await german.get("/settlements/board")
    assert "Abwicklungstafel" in board.text
    assert f"/settlements/{legs['USD']['id']}" in board.links


async def test_SET_17_a_leg_on_a_replaced_route_is_prepared_anew_from_its_page(bank_world: World) -> None:
    counterparty = await set_up(bank_world)
    deal = await matched(bank_world)
    done(await deal.settle("EUR", "preparation", "settler"))
    leg = f"/settlements/{(await deal.legs())['EUR']['id']}"
    settler, releaser = await signed_in(bank_world, "settler"), await signed_in(bank_world, "releaser")
    assert not (await settler.get(leg)).offers("settlement.prepare"), "on the route in force"

    await an_instruction(bank_world, counterparty, "EUR", OTHER_IBAN)
    refused = await releaser.act(leg, "release")
    assert "The payment route was replaced after the leg was prepared" in refused.text
    await releaser.act(leg, "release")
    waiting = (await settler.get("/work", kind="prepare")).text
    assert waiting.count("instruction_replaced") == 1, "asked for once, beside the other leg"

    await settler.act(leg, "prepare")
    assert not (await settler.get(leg)).offers("settlement.prepare")
    assert "instruction_replaced" not in (await settler.get("/work", kind="prepare")).text
    await releaser.act(leg, "release")
    assert (await deal.legs())["EUR"]["state"] == "released"


async def test_acts_on_a_leg_are_offered_where_they_are_not_refused_whoever_asks(ready_bank: World) -> None:
    await our_account(ready_bank)
    deal = await matched(ready_bank)
    leg = f"/settlements/{(await deal.legs())['USD']['id']}"
    settler, other = await signed_in(ready_bank, "settler"), await signed_in(ready_bank, "other-settler")
    releaser = await signed_in(ready_bank, "releaser")
    assert offered(await settler.get(leg)) == {"prepare", "hold", "deviate"}
    assert not (await releaser.get(leg)).offers("settlement.postpone"), "it can still go"
    done(await deal.settle("USD", "preparation", "settler"))
    assert offered(await settler.get(leg)) == {"hold", "deviate"}, "nothing is agreed about netting"
    await agreed(ready_bank, LEI)
    await a_settlement_rule(ready_bank, rule="netting", counterparty=LEI, allowed=True)
    assert "net" in offered(await settler.get(leg))

    done(await deal.settle("USD", "release", "releaser"))
    queued = await other.get(leg)
    assert offered(queued) == {"hold", "fail", "return"}
    assert "The leg is due on 2026-10-29" in queued.text
    await drain(ready_bank)
    gone = await other.get(leg)
    assert offered(gone) == {"fail", "return"}
    assert "The payment message has left; only the bank" in gone.text
    await on_business_date(ready_bank, VALUE_DATE)
    assert offered(await other.get(leg)) == {"complete", "part", "fail", "return"}


async def test_a_payment_that_missed_its_day_can_be_postponed_and_a_leg_in_a_net_not_settled(
    ready_bank: World,
) -> None:
    await agreed(ready_bank, LEI)
    await a_settlement_rule(ready_bank, rule="netting", counterparty=LEI, allowed=True)
    deal, other_deal = await matched(ready_bank), await matched(ready_bank)
    done(await deal.settle("USD", "preparation", "settler"))
    net = done(await deal.settle("USD", "netting", "settler"))["net"]["id"]
    done(await other_deal.settle("USD", "preparation", "settler"))
    done(await other_deal.settle("USD", "netting", "settler", net=net))
    leg = f"/settlements/{(await deal.legs())['USD']['id']}"
    settler, releaser = await signed_in(ready_bank, "settler"), await signed_in(ready_bank, "releaser")
    third = await matched(ready_bank)
    done(await third.settle("USD", "preparation", "settler"))
    german = await signed_in(ready_bank, "settler", language="de")
    choices = await german.get(f"/settlements/{(await third.legs())['USD']['id']}")
    assert "2 Zahlungen über −2.330.000,00 USD" in choices.text
    assert choices.form("settlement.net").choices["net_id"] == ["", net]
    assert "eine neue Aufrechnung" in choices.text
    assert "prepare" not in offered(await settler.get(leg)), "whoever holds it takes it out of its net"
    done(await deal.settle("USD", "release", "releaser"))
    waiting = await settler.get(leg)
    assert not offered(waiting) & {"prepare", "complete", "fail", "return"}
    assert "The net of this leg is not let go yet" in waiting.text
    done(await deal.settle("USD", "hold", "settler", reason="their call is awaited"))
    other_leg = f"/settlements/{(await other_deal.legs())['USD']['id']}"
    assert "prepare" in offered(await settler.get(other_leg)), "its net was broken"
    await on_business_date(ready_bank, "2026-10-30")
    assert (await releaser.get(other_leg)).offers("settlement.postpone")
