"""Two deals of one day with one counterparty: what is paid and received in a currency leaves as one sum."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from service.demo import controls, offices, paying
from service.demo.hands import BrokenPromise, Hands, until
from service.demo.master_data import ALWAYS, APPROVER, NOSTRO_BANK, STEWARD
from service.demo.offices import Entered
from service.demo.plan import Deal, Story, again
from service.demo.post import Folders

NETTED = "USD"
SMALLER = {"side": "sell", "base_amount": "500000.00"}
LATEST = 0


def pair(deal: Deal) -> tuple[Deal, Deal]:
    """Return two deals on the terms of one: by the first we pay dollars, by the second we receive fewer of them."""
    pays = again(deal, Story.NETTED)
    terms = {**deal.terms, **SMALLER}
    return pays, replace(pays, key=f"{pays.key}-too", terms=terms, entered=terms)


async def agree(hands: Hands, counterparty: str) -> None:
    """Put in force that payments with a counterparty are netted; its master agreement was cleared by legal."""
    line = {
        "rule": "netting",
        "counterparty": counterparty,
        "allowed": True,
        "valid_from": ALWAYS["valid_from"],
        "source": "master agreement, payment netting clause",
        "reason": "fewer payments with this counterparty",
    }
    proposed = await hands.act(STEWARD, "/api/settlement-rules", line, "netting-line")
    path = f"/api/settlement-rules/{proposed['id']}/approval"
    await hands.act(APPROVER, path, {"version": proposed["version"]}, "netting-line-approval")


async def pay_together(hands: Hands, deals: tuple[Deal, Deal]) -> list[Entered]:
    """Strike both deals, bring them to where they are paid, and pay their dollars by one message."""
    await agree(hands, deals[0].counterparty)
    both = [await offices.capture(hands, deal) for deal in deals]
    for entered in both:
        await controls.before_verification(hands, entered)
        await offices.check(hands, entered)
        await offices.find_confirmation(hands, entered)
        await offices.confirm(hands, entered)
        await offices.find_legs(hands, entered)
        for leg in entered.legs:
            await offices.prepare(hands, entered, leg, "preparation")
    await join(hands, both)
    for entered in both:
        for leg in entered.legs:
            await offices.release(hands, entered, leg, "release")
    return both


async def join(hands: Hands, both: list[Entered]) -> None:
    """Net the dollars; the sum is what the deals say."""
    net: Mapping[str, Any] = {}
    for entered in both:
        leg = next(leg for leg in entered.legs if leg.currency == NETTED)
        body = {"version": leg.version} | ({"net": net["id"]} if net else {})
        path, key = f"/api/settlements/{leg.id}/netting", f"{entered.key}-netting"
        joined = await hands.act(entered.one_of("settler"), path, body, key)
        leg.version, net = joined["version"], joined["net"]
    owed = sum(entered.deal.flows()[NETTED] for entered in both)
    if Decimal(net["amount"]) != owed:
        raise BrokenPromise(f"a net of {net['amount']} over deals that come to {owed}")


async def complete(hands: Hands, folders: Folders, entered: Entered, day: date) -> None:
    """Have our bank book the net; each deal's leg follows it. The other currency is attested by a clerk."""
    due = [leg for leg in entered.legs if offices.payment_day(leg.value_date) == day]
    for leg in due:
        if leg.currency != NETTED:
            await offices.until_sent(hands, leg)
            await offices.attest(hands, entered, leg)
            continue
        if payments := await paying.of_net(hands, entered):
            await until(lambda: paying.delivered(hands, entered), f"the net of {entered.key} leaves")
            folders.put(NOSTRO_BANK, f"{leg.id}-notice.xml", paying.booking(payments[LATEST], day))
        await until(paying.standing(hands, entered, leg, "settled"), f"{entered.key} follows its net")
