"""What hands meet in a real browser: keys, menus, forms sent twice, the way back after signing out, a session's end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import BrowserContext, Page, expect

from service.demo.access import token_for
from service.page_forms import SESSION_COOKIE
from service.running import listening, serving
from tests.bank import World
from tests.browsing import CHROMIUM, a_browser, a_window, comes_true, complain
from tests.settling import captured

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@asynccontextmanager
async def at_the_desk(
    world: World, account: str, complaints: list[str]
) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """Give a window and a page of an account; what the browser finds wrong is kept."""
    async with (
        serving(world.bank, listening("127.0.0.1", 0)) as address,
        a_browser() as browser,
        a_window(browser, world, address, account) as window,
    ):
        page = await window.new_page()
        complain(page, complaints)
        yield window, page


async def fill_in(page: Page) -> None:
    """Write a ticket."""
    await page.goto("/trades/new")
    for name, value in {"base_amount": "1.5M", "base": "EUR", "quote": "USD", "rate": "1.1650"}.items():
        await page.fill(f"[id='trade.capture.{name}']", value)
    await page.select_option("[id='trade.capture.side']", "buy")
    for name in ("counterparty", "portfolio"):
        last = page.locator(f"[id='trade.capture.{name}'] option").last
        await page.select_option(f"[id='trade.capture.{name}']", await last.get_attribute("value"))


async def test_keys_lead_to_pages_rows_filters_and_their_own_map_and_can_be_turned_off(bank: World) -> None:
    complaints: list[str] = []
    async with at_the_desk(bank, "trader", complaints) as (_, page):
        await fill_in(page)
        await page.keyboard.press("g")  # in a field a letter is a letter
        assert page.url.endswith("/trades/new")
        await page.locator("h1").click()
        await page.keyboard.type("gb")
        await page.wait_for_url("**/trades")
        await page.keyboard.press("n")
        await page.wait_for_url("**/trades/new")
        await fill_in(page)
        await page.focus("[id='trade.capture.rate']")
        await page.keyboard.press("Control+Enter")
        await page.wait_for_url(lambda address: "/trades/0" in address)
        await page.keyboard.type("gb")
        await page.wait_for_url("**/trades")
        await page.keyboard.press("j")
        assert await page.evaluate("document.activeElement.closest('tbody tr') !== null")
        await page.keyboard.press("Enter")
        await page.wait_for_url(lambda address: "/trades/0" in address)
        await page.keyboard.press("?")
        await expect(page.locator("dialog#keys")).to_be_visible()
        await expect(page.locator("dialog#keys tr", has_text="Positions")).to_have_count(1)
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog#keys")).to_be_hidden()

        await page.goto("/account")
        await page.click("main button[value=off]")
        await page.keyboard.type("gb")
        await page.keyboard.press("?")
        await expect(page.locator("dialog#keys")).to_be_hidden()
        assert page.url.endswith("/account")
    assert complaints == []


async def test_one_key_copies_what_names_a_deal_and_two_lead_to_the_decision_on_it(bank: World) -> None:
    deal = await captured(bank)
    complaints: list[str] = []
    async with at_the_desk(bank, "verifier", complaints) as (window, page):
        await window.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.goto("/trades")
        await page.keyboard.press("j")
        shown = await page.inner_text("tr.at th a")
        assert shown.startswith("FX-EUR ")
        for told in (shown, deal.id):
            await page.keyboard.press("c")
            await expect(page.locator("#copied")).to_have_text(f"Copied: {told}")
            assert await page.evaluate("navigator.clipboard.readText()") == told
        await page.goto(f"/trades/{deal.id}/control")
        await page.keyboard.press("a")
        assert await page.evaluate("document.activeElement.closest('form').id") == "verify"
        await page.keyboard.press("r")
        await expect(page.locator("[id='return.reason']")).to_be_focused()
    assert complaints == []


async def test_menus_open_and_close_by_keys_and_say_where_one_is(bank: World) -> None:
    async with at_the_desk(bank, "compliance", []) as (_, page):
        await page.goto("/balances")
        assert await page.locator("nav summary[aria-current]").all_text_contents() == ["Books"]
        books = page.locator("details.menu", has_text="Books")
        await books.locator("summary").focus()
        await page.keyboard.press("Enter")
        await expect(books.locator("a[aria-current=page]")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(books.locator("a[aria-current=page]")).to_be_hidden()
        await page.set_viewport_size({"width": 390, "height": 800})
        await expect(page.get_by_role("link", name="Audit log")).to_be_hidden()
        await page.click("nav summary")
        await expect(page.get_by_role("link", name="Audit log")).to_be_visible()


async def test_a_double_click_and_the_way_back_after_signing_out_do_no_harm(bank: World) -> None:
    async with at_the_desk(bank, "trader", []) as (window, page):
        await fill_in(page)
        await page.dblclick("button[value=enter]")
        await page.wait_for_url(lambda address: "/trades/0" in address)
        deal = page.url
        found = (await (await bank.as_("trader")).get("/api/trades")).json()["items"]
        assert len(found) == 1

        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(lambda address: address != deal)
        await page.go_back()
        await page.wait_for_url("**/sign-in**")
        assert "1.1650" not in await page.content()
        assert SESSION_COOKIE not in {cookie["name"] for cookie in await window.cookies()}


async def test_a_filter_comes_by_htmx_under_its_own_address_and_a_refused_one_as_a_page(bank: World) -> None:
    complaints: list[str] = []
    async with at_the_desk(bank, "compliance", complaints) as (window, page):
        await page.goto("/entries")
        await page.evaluate("window.stayed = true")
        await page.select_option("[id='filter.outcome']", "refuse")
        await page.click("form.filter button")
        await page.wait_for_url("**outcome=refuse**")
        if await page.evaluate("typeof htmx !== 'undefined'"):  # else the browser does it alone
            await comes_true(page, "window.stayed && document.activeElement.id === 'main'")
            back = page.locator("form[action='/language'] input[name=_back]")
            assert "outcome=refuse" in (await back.input_value())
        await page.reload()
        assert await page.input_value("[id='filter.outcome']") == "refuse"
        await window.clear_cookies()
        await page.click("form.filter button")
        await page.wait_for_url("**/sign-in**")
    assert complaints == []


async def test_a_live_list_says_what_is_new_and_moves_nothing_until_asked(bank: World) -> None:
    await captured(bank)
    complaints: list[str] = []
    async with at_the_desk(bank, "verifier", complaints) as (_, page):
        await page.goto("/work")
        await expect(page.locator("[data-live] tbody tr")).to_have_count(1)
        await page.keyboard.press("j")
        held = await page.evaluate("document.activeElement.outerHTML")
        await captured(bank)
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.locator(".news b")).to_have_text("1")
        await expect(page.locator("[data-live] tbody tr")).to_have_count(1)
        assert await page.evaluate("document.activeElement.outerHTML") == held
        await page.keyboard.press("u")
        await expect(page.locator(".news button")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-live] tbody tr")).to_have_count(2)
        await expect(page.locator(".news")).to_have_count(0)
    assert complaints == []


async def test_an_empty_queue_wakes_up_and_what_was_marked_stays_marked_with_the_focus_on_its_row(
    bank: World,
) -> None:
    async def look(page: Page, new: int) -> None:
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.locator(".news b")).to_have_text(str(new))
        await page.keyboard.press("u")
        await page.keyboard.press("Enter")
        await expect(page.locator(".news")).to_have_count(0)

    complaints: list[str] = []
    async with at_the_desk(bank, "verifier", complaints) as (_, page):
        await page.goto("/work?kind=verify")
        await expect(page.locator(".empty")).to_be_visible()
        for _ in range(2):
            await captured(bank)
        await look(page, 2)
        await expect(page.locator("form[id=several] button")).to_have_count(1)
        await page.keyboard.press("j")
        second = await page.locator("tr.at").get_attribute("id")
        assert second == await page.locator("tbody tr").nth(1).get_attribute("id")
        await page.keyboard.press("x")
        await captured(bank)
        await look(page, 1)
        await expect(page.locator("tbody input:checked")).to_have_count(1)
        await expect(page.locator(f"[id='{second}'] input:checked")).to_have_count(1)
        assert await page.evaluate("document.activeElement.closest('tr').id") == second
    assert complaints == []


async def test_the_next_row_is_the_one_after_the_item_that_stands_beside_the_list(bank: World) -> None:
    for _ in range(3):
        await captured(bank)
    async with at_the_desk(bank, "verifier", []) as (_, page):
        await page.goto("/work?kind=verify")
        rows = await page.locator("main tbody tr").evaluate_all("all => all.map(one => one.id)")
        await page.keyboard.type("jj")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**item=**")
        assert await page.locator("tr[aria-current]").get_attribute("id") == rows[1]
        await page.keyboard.press("j")
        assert await page.locator("tr.at").get_attribute("id") == rows[2]
        await page.locator("h1").click()
        await page.keyboard.press("k")
        assert await page.locator("tr.at").get_attribute("id") == rows[0]


async def test_a_session_warns_two_minutes_before_its_end_and_keeps_what_was_typed(bank: World) -> None:
    async with at_the_desk(bank, "trader", []) as (window, page):
        await page.clock.install()
        await page.goto("/trades/new")
        await page.clock.fast_forward("27:00")
        await expect(page.locator("dialog#ending")).to_be_hidden()
        await page.clock.fast_forward("01:10")
        await expect(page.locator("dialog#ending")).to_be_visible()
        await page.click("[data-extend]")
        await expect(page.locator("dialog#ending")).to_be_hidden()

        await page.fill("[id='trade.capture.base_amount']", "2.5M")
        kept = await window.cookies()
        await window.clear_cookies()
        await page.reload()
        await page.wait_for_url("**/sign-in**")
        await window.add_cookies(kept)  # type: ignore[arg-type]
        await page.goto("/trades/new")
        assert await page.input_value("[id='trade.capture.base_amount']") == "2.5M"
        await page.goto("/positions")
        await page.goto("/trades/new")
        assert await page.input_value("[id='trade.capture.base_amount']") == ""


async def test_a_preview_that_fails_leaves_the_trader_on_the_ticket_with_what_was_typed(bank: World) -> None:
    async with at_the_desk(bank, "trader", []) as (window, page):
        await fill_in(page)
        if not await page.evaluate("typeof htmx !== 'undefined'"):
            pytest.skip("no htmx: nothing is asked for while somebody types")
        rate, instead = "[id='trade.capture.rate']", page.locator("#preview .error")
        await page.route("**/trades/preview", lambda route: route.fulfill(status=503, body="busy"))
        await page.fill(rate, "1.1651")
        await expect(instead).to_contain_text(
            "The preview cannot be shown now. Nothing that you typed is lost"
        )
        await page.unroute("**/trades/preview")
        await page.fill(rate, "1.1652")
        await expect(page.locator("#preview .consequence")).to_contain_text("1.1652")
        await page.route("**/trades/preview", lambda route: route.abort())
        await page.fill(rate, "1.1653")
        await expect(instead).to_contain_text("cannot be shown now")
        await page.unroute("**/trades/preview")

        token = await token_for(bank.bank, "trader")  # out and in again, in another tab
        await window.add_cookies([cookie | {"value": token} for cookie in await window.cookies()])
        async with page.expect_response("**/trades/preview") as refused:
            await page.fill(rate, "1.1654")
        assert (await refused.value).status == 403
        await expect(instead).to_contain_text("cannot be shown now")
        assert page.url.endswith("/trades/new")
        await page.click("button[value=enter]")
        await expect(page.locator("main")).to_contain_text("This form belongs to another session")
        await page.goto("/trades/new")
        assert await page.input_value(rate) == "1.1654"
        await expect(page.locator("main .said")).to_have_text("What you had typed stands in the form again.")
        await page.click("button[value=enter]")
        await page.wait_for_url(lambda address: "/trades/0" in address)
        await page.goto("/trades/new")
        assert await page.input_value(rate) == "", "what was entered does not come back"

        await fill_in(page)
        await window.clear_cookies()
        await page.fill(rate, "1.1655")
        await page.wait_for_url("**/sign-in?next=/trades/new")


async def test_a_press_for_another_language_or_appearance_keeps_the_ticket(bank: World) -> None:
    complaints: list[str] = []
    async with at_the_desk(bank, "trader", complaints) as (_, page):
        await page.goto("/trades/new?type=fx_forward")
        await page.fill("[id='trade.capture.base_amount']", "1,500")
        await page.fill("[id='trade.capture.base']", "EUR")
        await page.click("button[value=check]:not(.line button)")
        assert page.url.endswith("/trades/new?type=fx_forward")
        await page.click("footer button[value=dark]")
        await page.wait_for_selector("html[data-bs-theme=dark]")
        assert page.url.endswith("/trades/new?type=fx_forward")
        kept = {"base_amount": "1,500", "base": "EUR"}
        for name, value in kept.items():
            assert await page.input_value(f"[id='trade.capture.{name}']") == value
        await page.fill("[id='trade.capture.spot_rate']", "1.1650")
        await page.click("header button[value=de]")
        await page.wait_for_selector("html[lang=de]")
        for name, value in (kept | {"base_amount": "1.500", "spot_rate": "1,1650"}).items():
            assert await page.input_value(f"[id='trade.capture.{name}']") == value
        await expect(page.locator("main .said")).to_have_text(
            "Was Sie eingegeben hatten, steht wieder im Formular."
        )
        await page.goto("/positions")
        await page.goto("/trades/new?type=fx_forward")
        assert await page.input_value("[id='trade.capture.base']") == ""


async def test_a_refused_form_too_long_to_keep_is_filled_in_again_by_the_tab_it_was_typed_in(
    bank: World,
) -> None:
    async with at_the_desk(bank, "trader", []) as (_, page):
        await page.goto("/internal-deals/new")
        await page.fill("[id='internal.offer.side_agreements']", "ü" * 2000)
        await page.fill("[id='internal.offer.base_amount']", "plenty")
        await page.evaluate("document.getElementById('internal.offer').noValidate = true")
        await page.click("[id='internal.offer'] button")
        await page.wait_for_selector("#said.bad")
        assert await page.input_value("[id='internal.offer.side_agreements']") == "ü" * 2000
        assert await page.input_value("[id='internal.offer.base_amount']") == "plenty"
        await expect(page.locator("[data-lost]")).to_have_count(0)
        await page.goto("/internal-deals/new")
        assert await page.input_value("[id='internal.offer.base_amount']") == ""


async def test_light_and_dark_are_a_choice_that_needs_no_script(bank: World) -> None:
    async with serving(bank.bank, listening("127.0.0.1", 0)) as address, a_browser() as browser:
        context = await browser.new_context(
            base_url=address.replace("127.0.0.1", "localhost"),
            java_script_enabled=False,
            color_scheme="light",
        )
        page = await context.new_page()
        await page.goto("/sign-in?account=trader")
        light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        await page.click("footer button[value=dark]")
        await page.wait_for_url("**/sign-in?account=trader")
        assert await page.get_attribute("html", "data-bs-theme") == "dark"
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != light


async def test_a_printed_page_is_its_content_alone_in_black_on_white(bank: World) -> None:
    async with (
        serving(bank.bank, listening("127.0.0.1", 0)) as address,
        a_browser() as browser,
        a_window(browser, bank, address, "trader") as window,
    ):
        page = await window.new_page()
        await page.emulate_media(media="print", color_scheme="dark")
        await page.goto("/keys")
        assert await page.is_visible("main table")
        for left_out in (".head nav", "footer", "form"):
            assert not await page.locator(left_out).first.is_visible(), left_out
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"


async def test_what_a_ground_tells_a_frame_tells_where_the_reader_chose_the_colours(bank: World) -> None:
    await captured(bank)
    async with at_the_desk(bank, "trader", []) as (_, page):
        await page.goto("/trades?hide=rate")
        await page.click("summary:text-is('Columns')")
        chosen = page.locator(".columns-chosen a[aria-current]").first
        assert await chosen.evaluate("one => getComputedStyle(one).outlineStyle") == "none"
        await page.emulate_media(forced_colors="active")
        assert await chosen.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        await page.keyboard.press("Escape")
        await page.locator("h1").click()
        await page.keyboard.press("j")
        frame = "getComputedStyle(document.querySelector('tr.at > *')).outlineStyle"
        assert await page.evaluate(frame) == "solid"
        await page.emulate_media(forced_colors="none", contrast="more")
        told = "getComputedStyle(document.querySelector('caption')).color"
        plain = "getComputedStyle(document.body).color"
        assert await page.evaluate(told) == await page.evaluate(plain), (
            "what was muted is as plain as the rest"
        )
