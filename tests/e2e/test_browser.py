"""The pages about people in a real browser: in both languages, wide and narrow, without a word of complaint."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import ConsoleMessage, Page

from service.organisation.queries import today
from service.running import listening, serving
from tests.bank import PASSWORD, World
from tests.browsing import CHROMIUM, a_browser
from tests.deputies import deputised, named
from tests.settling import captured, done, post, set_up

SHOTS = os.environ.get("TRENNWAND_SHOTS")
"""Where to leave what the pages look like, for people."""
WIDTHS = (1280, 390)
LANGUAGES = {"de": "de-DE", "en": "en-GB"}
BLOCK = {
    "substitute": "other-trader",
    "first_day": "2026-11-02",
    "last_day": "2026-11-13",
    "reason": "yearly block",
}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


async def something_to_see(world: World) -> str:
    """Have a line proposed, a joiner reported, a deputy named, a block planned; return a deal."""
    await set_up(world)
    line = {"unit": "BO-2", "name": "Control", "function_class": "back_office", "parent": "BO"}
    line |= dict.fromkeys(("functional_head", "disciplinary_head", "board_member"), "board-back")
    day = today(world.bank.gate.clock.now()).isoformat()
    proposal = {"valid_from": day, "lines": [line], "reason": "control grows"}
    done(await post(world, "rights-requester", "/api/organisation/proposals", proposal))
    joiner = {"staff_number": "J-1", "event": "joiner", "effective_on": day, "unit": "BO", "name": "a joiner"}
    done(await post(world, "rights-admin", "/api/staff-events", joiner))
    await deputised(world, "verifier", "confirmer", "verifier")
    assert (await named(world, "settler", "other-releaser", "settler")).status_code == 201
    done(await post(world, "trader", "/api/absences", BLOCK))
    deal = await captured(world)
    return deal.id


def places(deal: str) -> Iterator[tuple[str, str]]:
    """Yield the pages by the name of their picture."""
    yield "organisation", "/organisation"
    yield "staff-events", "/staff-events"
    yield "delegations", "/delegations"
    yield "absences", "/absences"
    yield "explain", f"/explain?action=settlement.prepare&kind=trade&id={deal}&person=settler"
    yield "policy", "/policy"
    yield "policy-text", "/policy/text"
    yield "reports", "/reports"
    yield "report", "/reports/holders?on=&purpose=sample"


async def test_the_pages_about_people_stand_in_a_browser_wide_and_narrow(bank_world: World) -> None:
    deal = await something_to_see(bank_world)
    complaints: list[str] = []
    listener = listening("127.0.0.1", 0)
    async with serving(bank_world.bank, listener) as address, a_browser() as browser:
        for language, locale in LANGUAGES.items():
            context = await browser.new_context(
                locale=locale, base_url=address.replace("127.0.0.1", "localhost")
            )
            page = await context.new_page()
            complain(page, complaints)
            await page.goto("/sign-in?account=compliance")
            await page.fill("input[name=password]", PASSWORD)
            await page.click("main form button")
            await page.wait_for_url("**/entries**")
            for name, path in places(deal):
                await looked_at(page, f"{name}-{language}", path, language)
            await context.close()
    assert complaints == []


def complain(page: Page, complaints: list[str]) -> None:
    """Keep what the browser finds wrong with a page: errors of scripts, and whatever the page's own rules forbid."""

    def heard(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(said.text)

    page.on("console", heard)
    page.on("pageerror", lambda wrong: complaints.append(str(wrong)))


async def looked_at(page: Page, name: str, path: str, language: str) -> None:
    """Open a page; it answers, speaks the language, and fits every width."""
    answer = await page.goto(path)
    assert answer is not None
    assert answer.status == 200, (path, answer.status)
    assert await page.get_attribute("html", "lang") == language, path
    assert await page.locator("h1").count() == 1, path
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        over: Any = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if SHOTS:
            await page.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=True)
        assert over <= 0, (path, width, over)
