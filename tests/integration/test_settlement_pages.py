"""The pages of payment messages, of what banks say, of nets and of the board, used as people use them."""

from tests.bank import World
from tests.conformity import agreed
from tests.parties import LEI, a_settlement_rule
from tests.paying import heard, let_go, notice, our_account
from tests.settling import done
from tests.visiting import signed_in


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
