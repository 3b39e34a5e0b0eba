"""The days at the trader's and the back office's desks, in a real browser and by keyboard alone.

Each step is a check of the screens' day as far as its act has a page. Steps that are no matter of pages (a change by
SQL, a file from another bank, an end of day) are checked where their faces are.
"""

import re

import pytest

from tests.at_desks import Desk, at_work, served
from tests.bank import World
from tests.browsing import CHROMIUM
from tests.importing import table
from tests.settling import Deal, captured, done, drain, matched, post, sent

BACK_OFFICE_PAGES = ("/confirmations", "/settlements", "/payments", "/journals", "/balances", "/checks")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


async def test_the_traders_day(bank: World) -> None:
    returned = await captured(bank)
    reason = {"version": 1, "reason": "another rate was agreed"}
    done(await post(bank, "verifier", f"/api/trades/{returned.id}/return", reason))
    live = await matched(bank, base_amount="2000000.00")
    async with served(bank) as (browser, address), at_work(browser, address, "trader") as trader:
        await what_came_back(trader)
        await a_deal_in_one_line(trader)
        await a_deal_off_the_market(trader)
        await a_file_of_deals(trader)
        await a_holiday(trader)
        await an_amendment(trader, live)


async def what_came_back(trader: Desk) -> None:
    """6.1.1: what was returned stands on top with its reason and clock, and no menu leads to a back office's page."""
    text = await trader.text()
    assert re.search(r"Returned to you .* \d+ (h|min) (\d+ min )?another rate was agreed", text), text
    links = await trader.page.eval_on_selector_all("a", "all => all.map(one => one.getAttribute('href'))")
    assert not [link for link in links if link and link.startswith(BACK_OFFICE_PAGES)]
    await trader.keep("trader-blotter")


async def a_deal_in_one_line(trader: Desk) -> None:
    """6.1.2: a line is echoed in words while it is typed, and Ctrl+Enter captures it."""
    await trader.open("/trades/new")
    await trader.fill("[name=line]", "S 10M EURUSD 1.1650 FIRST SPOT")
    await trader.page.keyboard.press("Enter")
    await trader.page.wait_for_selector("#preview .consequence")
    text = await trader.text()
    assert "You sell 10,000,000.00 EUR to First counterparty against 11,650,000.00 USD" in text
    assert "value Thu 29 Oct 2026" in text
    await trader.keep("trader-ticket")
    await trader.reach("[name=rate]")
    async with trader.page.expect_navigation():
        await trader.page.keyboard.press("Control+Enter")
    assert "We sell 10,000,000.00 EUR to First counterparty" in await trader.text()


async def a_deal_off_the_market(trader: Desk) -> None:
    """6.1.3: the distance shows before, the deal may be entered, and its check is an alert."""
    await trader.open("/trades/new")
    await trader.fill("[name=line]", "B 1M EURUSD 1.3000 FIRST")
    await trader.page.keyboard.press("Enter")
    await trader.page.wait_for_selector("#preview .consequence")
    assert re.search(r"the deal is \+1,15\d\.\d bp away", await trader.text())
    await trader.reach("[name=rate]")
    async with trader.page.expect_navigation():
        await trader.page.keyboard.press("Control+Enter")
    assert "Against the market: ! alert" in await trader.text()


async def a_file_of_deals(trader: Desk) -> None:
    """6.1.4: a row due on a Saturday keeps all rows out; corrected, all are entered at once."""
    await trader.open("/trades/import")
    rows = [{}, {"base_amount": "3000000.00", "value_date": "2026-10-31"}]
    await trader.fill("[name=file]", table(*rows))
    await trader.enter("button[value=check]")
    text = await trader.text()
    assert "1 row is refused. None is entered until every row is right." in text
    assert "EUR cannot be paid on Saturday 2026-10-31" in text
    await trader.keep("trader-import")
    rows[1]["value_date"] = "2026-10-29"
    await trader.fill("[name=file]", table(*rows))
    await trader.enter("button[value=check]")
    await trader.enter("button[value=enter]")
    assert "2 deals of the file stand in the books." in await trader.text()
    await trader.fill("[name=file]", table(*rows, {"base_amount": "4000000.00"}))
    await trader.enter("button[value=check]")
    assert "2 deals of the file stand in the books. 1 deal can be entered." in await trader.text()


async def a_holiday(trader: Desk) -> None:
    """6.1.5: Christmas Day is named, and one press moves the value date to the next good day."""
    await trader.open("/trades/new?type=fx_forward")
    await trader.fill("[name=base]", "EUR")
    await trader.fill("[name=quote]", "USD")
    await trader.fill_day("[name=value_date]", "2026-12-25")
    await trader.enter("button[value=check]:not(.line button)")
    assert "cannot be paid on Friday 2026-12-25: Christmas Day" in await trader.text()
    await trader.enter("button[name=_value_date]")
    assert await trader.page.input_value("[name=value_date]") == "28 Dec 2026"


async def an_amendment(trader: Desk, live: Deal) -> None:
    """6.1.7 and 8: the consequences come first, one request at a time, and trading has no page to approve it."""
    await trader.open(f"/trades/{live.id}/amendment")
    await trader.fill("[name=base_amount]", "2,400,000.00")
    await trader.page.wait_for_selector("#foreseen ins:text('2,400,000.00')")  # while it is typed
    await trader.fill("[name=base_amount]", "2,500,000.00")
    await trader.page.wait_for_selector("#foreseen ins:text('2,500,000.00')")
    await trader.fill("[name=reason]", "the ticket says 2.5 million")
    await trader.enter("button[value=check]")
    text = await trader.text()
    for words in ("What will follow", "Journal reversed and booked anew", "Nothing is entered yet."):
        assert words in text, text
    await trader.keep("trader-amendment")
    await trader.reach("[name=reason]")
    async with trader.page.expect_navigation():
        await trader.page.keyboard.press("Control+Enter")
    assert "The amendment is requested; the back office decides." in await trader.text()
    answer = await trader.page.goto(f"/trades/{live.id}/control")
    assert answer is not None
    assert answer.status == 403
    trader.complaints.clear()  # the browser names the refusal an error


async def test_the_back_offices_day(bank: World) -> None:
    await captured(bank)
    unlike = await sent(bank, base_amount="3000000.00")
    due = await matched(bank, base_amount="2000000.00")
    async with served(bank) as (browser, address):
        async with at_work(browser, address, "other-verifier") as verifier:
            await a_deal_to_verify(verifier)
        async with at_work(browser, address, "confirmer") as confirmer:
            await two_sides(confirmer, unlike)
        async with at_work(browser, address, "settler") as settler:
            await legs_to_prepare(settler)
        async with at_work(browser, address, "releaser") as releaser:
            await legs_to_release(releaser, due)
        await drain(bank)
        async with at_work(browser, address, "accountant") as accountant:
            await the_books(accountant)


async def a_deal_to_verify(verifier: Desk) -> None:
    """6.2.1: the queue by deadline says who can act; the deal stands beside it as a card and is verified there."""
    text = await verifier.open("/work?kind=verify")
    assert "other-verifier" in text
    await verifier.enter("a[data-open]")
    text = await verifier.text()
    for words in (
        "We buy 1,000,000.00 EUR from First counterparty",
        "tolerance 300 bp",
        "Who did what so far",
    ):
        assert words in text, text
    await verifier.keep("back-office-card")
    await verifier.enter("form[id=verify] button")
    assert "Nothing waits here." in await verifier.text()


async def two_sides(confirmer: Desk, unlike: Deal) -> None:
    """6.2.2: only what differs is shown, and all of it at a press."""
    found = await unlike.confirmation()
    await confirmer.open(f"/confirmations/{found['id']}")
    fields = await confirmer.page.eval_on_selector_all(
        "form[id=counter] [name^='fields.'][required]", "all => all.map(one => one.name)"
    )
    said = found["ours"] | {"sell_amount": "3495001.00"}
    for name in fields:
        write = confirmer.fill_day if name.endswith("_date") else confirmer.fill
        await write(f"form[id=counter] [name='{name}']", said[name.removeprefix("fields.")])
    await confirmer.enter("form[id=counter] > button")
    await confirmer.keep("back-office-both-sides-before")
    await confirmer.enter("form[action='/acts/confirmation.match'] button")
    text = await confirmer.text()
    assert "1 field differs." in text, text
    assert "Currency bought" not in text.split("What can be done")[0].split("Both sides")[1]
    await confirmer.keep("back-office-both-sides")
    await confirmer.enter("a[href$='fields=all']")
    assert "Currency bought" in await confirmer.text()


async def legs_to_prepare(settler: Desk) -> None:
    """6.2.5: one act for several legs, with what came of each."""
    await settler.open("/work?kind=prepare")
    await several(settler, 2)
    assert "2 of the marked items are done." in await settler.text()


async def legs_to_release(releaser: Desk, due: Deal) -> None:
    """6.2.5: another person lets the money go, and sees why this payment route was taken."""
    await releaser.open("/work?kind=release")
    await several(releaser, 2)
    text = await releaser.text()
    assert "2 of the marked items are done." in text, text
    await releaser.keep("back-office-several")
    leg = next(iter((await due.legs()).values()))
    assert "Why this payment route" in await releaser.open(f"/settlements/{leg['id']}")


async def several(clerk: Desk, count: int) -> None:
    """Mark what can be marked with the space bar, and press the button."""
    marks = await clerk.page.eval_on_selector_all(
        "input[form=several][type=checkbox]", "all => all.map(one => one.name)"
    )
    assert len(marks) == count
    for name in marks:
        await clerk.reach(f"input[name='{name}']")
        await clerk.page.keyboard.press("Space")
    await clerk.page.keyboard.press("Control+Home")
    await clerk.reach("form[id=several] button")
    async with clerk.page.expect_navigation():
        await clerk.page.keyboard.press("Enter")


async def the_books(accountant: Desk) -> None:
    """6.2.10: the sums of all postings are nothing, on the overview and in the trial balance."""
    text = await accountant.open("/dashboard")
    assert "Sum of all postings 0 ✓ as it should be" in text, text
    await accountant.keep("accounting-overview")
    await accountant.enter("[id=sums_proof] a")
    assert "Trial balance" in await accountant.text()
