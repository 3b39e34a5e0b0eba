"""People in front of a real browser who have no mouse: every step is a key."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page

from service.demo.access import token_for
from service.page_forms import SESSION_COOKIE
from service.running import listening, serving
from service.ui.formats import typed_day
from tests.bank import PASSWORD, World
from tests.browsing import a_browser

SHOTS = os.environ.get("TRENNWAND_SHOTS")
"""Where to leave what the pages look like, for people."""
TABS_MAX = 160


@dataclass
class Desk:
    """Somebody in front of a browser who has no mouse."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    async def reach(self, selector: str) -> None:
        """Press Tab until the focus is there."""
        for _ in range(TABS_MAX):
            if await self.page.evaluate("one => document.activeElement.matches(one)", selector):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"no Tab leads to {selector} on {self.page.url}")

    async def enter(self, selector: str) -> None:
        """Go there and press Enter; the page that follows is loaded."""
        await self.reach(selector)
        async with self.page.expect_navigation():
            await self.page.keyboard.press("Enter")

    async def fill(self, selector: str, text: str) -> None:
        """Go there and type over what stands in it."""
        await self.reach(selector)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)

    async def choose(self, selector: str, typed: str) -> None:
        """Go to a choice and type how what is wanted begins."""
        await self.reach(selector)
        await self.page.keyboard.type(typed)

    async def unfold(self, form: str) -> None:
        """Go to the line that hides a form and press Enter, if the form is hidden."""
        if not await self.page.is_visible(f"[id='{form}'] button"):
            await self.reach(f"summary:has(+ [id='{form}'])")
            await self.page.keyboard.press("Enter")

    async def fill_day(self, selector: str, day: str) -> None:
        """Go to a field of a day and type it as Germans write it; the field echoes it in the page's language."""
        year, month, of_month = day.split("-")
        await self.fill(selector, f"{of_month}.{month}.{year}")
        await self.page.keyboard.press("Tab")
        await self.page.keyboard.press("Shift+Tab")
        echoed = await self.page.input_value(selector)
        assert typed_day(echoed) == day, (selector, echoed)
        assert echoed != day, "not as a machine writes it"

    async def open(self, path: str) -> str:
        """Type an address; return what stands on the page."""
        answer = await self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status)
        return await self.text()

    async def text(self) -> str:
        """Return what stands on the page, in one line."""
        return re.sub(r"\s+", " ", await self.page.inner_text("main"))

    async def keep(self, name: str) -> None:
        """Keep a picture for people, where they ask for one."""
        if SHOTS:
            await self.page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@asynccontextmanager
async def at_work(
    browser: Browser, address: str, account: str, bank: World | None = None
) -> AsyncIterator[Desk]:
    """Sign somebody in by keyboard, or with a session of the ``bank``; at the end the browser must have had nothing to complain of."""
    context = await browser.new_context(
        locale="en-GB",
        base_url=address.replace("127.0.0.1", "localhost"),
        viewport={"width": 1440, "height": 900},
    )
    desk = Desk(await context.new_page())
    desk.page.on("console", lambda said: desk.complaints.append(said.text) if said.type == "error" else None)
    desk.page.on("pageerror", lambda wrong: desk.complaints.append(str(wrong)))
    if bank is not None:
        token, at = (
            await token_for(bank.bank, account),
            address.replace("http://127.0.0.1", "https://localhost"),
        )
        await context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": at, "secure": True}])
    else:
        await desk.open(f"/sign-in?account={account}")
        await desk.fill("input[name=password]", PASSWORD)
        async with desk.page.expect_navigation():
            await desk.page.keyboard.press("Enter")
    yield desk
    assert desk.complaints == [], account
    await context.close()


@asynccontextmanager
async def served(bank: World) -> AsyncIterator[tuple[Browser, str]]:
    """Serve the bank and give a browser."""
    listener = listening("127.0.0.1", 0)
    async with serving(bank.bank, listener) as address, a_browser() as browser:
        yield browser, address
