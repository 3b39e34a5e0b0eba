"""What is left of the days of trading and the back office, in a real browser and by keyboard alone: the trader's
evening and leave, a tab that is out of date, and the back office's answers to other banks.

Steps without an act of their own yet: statements of accounts (6.2.7), write-offs (6.2.8), closing a period (6.2.9).
"""

import re

import pytest

from tests.at_desks import Desk, at_work, served
from tests.bank import World
from tests.browsing import CHROMIUM
from tests.confirming import alleged
from tests.conformity import agreed
from tests.desks import a_desk_rule, a_mandate, desk_clock
from tests.parties import LEI, a_settlement_rule
from tests.paying import our_account
from tests.settling import Deal, captured, done, matched, on_business_date, post, sent, the_post

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
SMALLER = {"side": "sell", "base_amount": "400000.00"}  # we receive 466,000.00


async def test_the_traders_evening_and_leave(bank: World) -> None:
    await a_mandate(bank)
    await a_desk_rule(bank, rule="cut_off", product="fx_spot", desk="FX desk", at="17:30")
    deal = await captured(bank)
    async with served(bank) as (browser, address):
        async with at_work(browser, address, "trader", bank) as trader:
            await what_no_form_changes(trader, deal)
            await days_by_two_keys(trader)
            await desk_clock(bank, "17:35")
            await a_deal_after_hours_from_home(trader)
            await a_block_of_leave(bank)
            away = await trader.page.goto("/positions")
            assert away is not None
            assert away.status == 403
            assert "You are on leave until 2026-11-13" in await trader.text()
            trader.complaints.clear()  # the browser names the refusal an error
        async with at_work(browser, address, "other-trader", bank) as substitute:
            assert "EUR" in await substitute.open("/positions")
        async with at_work(browser, address, "verifier", bank) as verifier:
            assert "FX-EUR 2" in await verifier.open("/premises")
            await a_stale_tab(verifier, deal)
        async with at_work(browser, address, "compliance", bank) as officer:
            assert "running" in await officer.open("/absences")
            assert "trader" in await officer.open("/denials")


async def what_no_form_changes(trader: Desk, deal: Deal) -> None:
    """6.1.6: no form has a field for the time of capture or the number, and one that is forged into it is refused."""
    for page in (f"/trades/{deal.id}/amendment", f"/trades/{deal.id}"):
        await trader.open(page)
        assert await trader.page.locator("[name=captured_at], [name=deal_number]").count() == 0
    forged = (
        "form => form.insertAdjacentHTML('beforeend', '<input name=captured_at value=2026-01-01T00:00:00Z>')"
    )
    await trader.unfold("cancel")
    await trader.fill("form[id=cancel] [name=reason]", "an earlier time would suit")
    await trader.page.eval_on_selector("form[id=cancel]", forged)
    await trader.enter("form[id=cancel] button")
    assert "refused" in await trader.text()


async def days_by_two_keys(trader: Desk) -> None:
    """6.1.5: plus and minus step over weekends in a field of a date."""
    await trader.open("/trades/new?type=fx_forward")
    await trader.fill_day("[name=value_date]", "2026-12-24")
    for key, day in (("+", "25 Dec 2026"), ("+", "28 Dec 2026"), ("-", "25 Dec 2026")):
        await trader.page.keyboard.press(key)
        assert await trader.page.input_value("[name=value_date]") == day


async def a_deal_after_hours_from_home(trader: Desk) -> None:
    """6.1.9: a deal from home after the cut-off is marked by the house itself and stands in the day's position."""
    before = await trader.open("/positions")
    await trader.open("/trades/new")
    await trader.fill("[name=line]", "B 1M EURUSD 1.1650 FIRST SPOT")
    await trader.page.keyboard.press("Enter")
    await trader.page.wait_for_selector("#preview .consequence")
    await trader.choose("[name=location]", "home")
    async with trader.page.expect_navigation():
        await trader.page.keyboard.press("Control+Enter")
    text = await trader.text()
    assert re.search(r"! (after the cut-off|late)", text), text
    assert "off the premises" in text, text
    assert await trader.open("/positions") != before


async def a_stale_tab(verifier: Desk, deal: Deal) -> None:
    """A second tab that shows what the first has changed does no harm, and says so."""
    await verifier.open(f"/trades/{deal.id}/control")
    other = Desk(await verifier.page.context.new_page())
    await other.open(f"/trades/{deal.id}/control")
    await other.enter("form[id=verify] button")
    assert "verified" in await other.text()
    await verifier.enter("form[id=verify] button")
    text = await verifier.text()
    assert "refused" in text, text
    assert re.search(r"version 1; it is at version 2|does not allow", text), text
    await other.page.close()


async def a_block_of_leave(bank: World) -> None:
    """Plan the trader's block, have it accepted, and let it begin."""
    days = {"first_day": "2026-11-02", "last_day": "2026-11-13", "substitute": "other-trader"}
    block = done(await post(bank, "trader", "/api/absences", {"reason": "yearly block", **days}))
    path = f"/api/absences/{block['id']}/acceptance"
    done(await post(bank, "other-trader", path, {"version": block["version"]}))
    await on_business_date(bank, "2026-11-02")


async def test_the_back_office_hears_chases_and_nets(bank: World) -> None:
    await our_account(bank)
    await a_settlement_rule(bank, rule="netting", counterparty=LEI, allowed=True)
    await agreed(bank, LEI)
    silent = await sent(bank, base_amount="3000000.00")
    await alleged(bank)
    pays, receives = await matched(bank), await matched(bank, **SMALLER)
    for deal in (pays, receives):
        done(await deal.settle("USD", "preparation", "settler"))
    async with served(bank) as (browser, address):
        async with at_work(browser, address, "trader", bank) as trader:
            assert "No counterparty alleges a deal" in await trader.open("/alleged-deals")
        async with at_work(browser, address, "verifier", bank) as verifier:
            await an_alleged_deal(verifier)
        async with at_work(browser, address, "trader", bank) as trader:
            assert "CP9" in await trader.open("/alleged-deals")
        async with at_work(browser, address, "settler", bank) as settler:
            await legs_into_a_net(settler, pays, receives)
        for deal in (pays, receives):
            async with at_work(browser, address, "releaser", bank) as releaser:
                leg = (await deal.legs())["USD"]
                await releaser.open(f"/settlements/{leg['id']}")
                await releaser.enter("form[id=release] button")
        async with at_work(browser, address, "settler", bank) as settler:
            assert re.search(r"−699,000.00 . (?!net waits)", await settler.open("/nets"))
        done(await pays.settle("EUR", "preparation", "settler"))
        done(await pays.settle("EUR", "release", "releaser"))
        await on_business_date(bank, "2026-10-28")
        await the_post(bank).remind()
        async with at_work(browser, address, "confirmer", bank) as confirmer:
            await a_reminder(confirmer, silent)
        await on_business_date(bank, "2026-10-29")
        async with at_work(browser, address, "other-settler", bank) as settler:
            await a_part(settler, pays)


async def an_alleged_deal(verifier: Desk) -> None:
    """6.2.3: what a counterparty confirms and nobody dealt waits in the queue; trading sees it once it was shared."""
    await verifier.open("/work?kind=examine_alleged")
    await verifier.enter("tbody a[href^='/confirmations/inbound/']")
    assert "no deal of ours fits" in await verifier.text()
    await verifier.fill("form[id='inbound.share'] [name=reason]", "no deal of ours fits")
    await verifier.enter("form[id='inbound.share'] button")


async def legs_into_a_net(settler: Desk, *deals: Deal) -> None:
    """6.2.6: each leg joins the net by a press, and the net shows what it is the sum of."""
    for number, deal in enumerate(deals):
        leg = (await deal.legs())["USD"]
        await settler.open(f"/settlements/{leg['id']}")
        await settler.unfold("settlement.net")
        if number:
            await settler.reach("form[id='settlement.net'] [name=net_id]")
            await settler.page.keyboard.press("ArrowDown")
        await settler.enter("form[id='settlement.net'] button")
    text = await settler.open("/nets")
    assert "−699,000.00 ○ net waits for its releases" in text, text


async def a_part(settler: Desk, deal: Deal) -> None:
    """6.2.6: a payment that came in part says so, and what is left of it stands on the board, with how late it is."""
    leg = (await deal.legs())["EUR"]
    await settler.open(f"/settlements/{leg['id']}")
    await settler.unfold("settlement.part")
    await settler.fill("form[id='settlement.part'] [name=amount]", "400000")
    await settler.enter("form[id='settlement.part'] button")
    text = await settler.text()
    assert "settled in part" in text, text
    assert "400,000.00" in text, text
    text = await settler.open("/settlements/board")
    assert "settled in part" in text, text
    assert "600,000.00" in text, text


async def a_reminder(confirmer: Desk, deal: Deal) -> None:
    """6.2.4: who stays silent is reminded, and the proof of it stands beside the confirmation."""
    confirmation = await deal.confirmation()
    await confirmer.open("/confirmations/unconfirmed")
    text = await confirmer.open(f"/confirmations/{confirmation['id']}")
    assert "Reminder after business day 1" in text, text
