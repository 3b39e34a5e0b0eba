"""Pages walked through as people do: every kind of page an account can reach by links, in a browser or without."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from ctypes.util import find_library
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from service.demo.access import token_for
from service.page_forms import SESSION_COOKIE
from service.ui.assets import PACKAGES
from tests.bank import World
from tests.visiting import Form, Sheet, Visitor

BROUGHT = Path(__file__).parent / "browser" / "node_modules" / "unpacked" / "chromium"
"""Where scripts/test puts a browser if the system has none."""
CHROMIUM = next(
    (
        path
        for path in (Path("/usr/bin/chromium"), Path("/usr/bin/chromium-browser"), BROUGHT)
        if path.exists()
    ),
    None,
)
AXE = PACKAGES / "axe-core" / "axe.min.js"
WITHOUT = (
    "no Chromium on this machine"
    if CHROMIUM is None
    else f"no {AXE.name}: scripts/test installs it where there is npm"
)
"""Why the browser's tests are left out, where they are."""
LOCALES = {"en": "en-GB", "de": "de-DE"}
FILES = ("/api/", "/static/")


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Give the system's browser, or the one that was brought, with its libraries if the system has them not."""
    lacks = CHROMIUM == BROUGHT and find_library("nss3") is None
    libraries: dict[str, str | float | bool] = (
        {"LD_LIBRARY_PATH": str(BROUGHT.parent / "lib")} if lacks else {}
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], env={**os.environ, **libraries}
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def a_window(
    browser: Browser, world: World, address: str, account: str, language: str = "en"
) -> AsyncIterator[BrowserContext]:
    """Give a window of the browser in which an account is signed in; nobody is, where none is named."""
    address = address.replace("127.0.0.1", "localhost")
    context = await browser.new_context(locale=LOCALES[language], base_url=address)
    if account:
        token = await token_for(world.bank, account)
        await context.add_cookies(
            [
                {
                    "name": SESSION_COOKIE,
                    "value": token,
                    "url": address.replace("http:", "https:"),
                    "secure": True,
                }
            ]
        )
    yield context
    await context.close()


def complain(page: Page, complaints: list[str]) -> None:
    """Keep what the browser finds wrong with a page: errors of scripts, and whatever the page's own rules forbid."""

    def heard(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(f"{page.url}: {said.text}")

    page.on("console", heard)
    page.on("pageerror", lambda wrong: complaints.append(f"{page.url}: {wrong}"))


# The walk -------------------------------------------------------------------------------------------------------


def shape(link: str) -> str:
    """Return what kind of page a link leads to: its path without ids, and the names of what its query asks."""
    parts = urlsplit(link)
    path = re.sub(
        r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{32,}\b|(?<=/)[A-Z0-9-]{11,}|(?<=/)[0-9.-]+", "*", parts.path
    )
    asked = sorted({name for name, value in parse_qsl(parts.query) if value} - {"cursor"})
    return path + (f"?{'&'.join(asked)}" if asked else "")


@dataclass
class Walk:
    """What a visitor found: one link for each kind of page, those that led nowhere, and a form for each act on it."""

    visitor: Visitor
    links: dict[str, str] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    forms: dict[str, Form] = field(default_factory=dict)

    async def through(self, starts: Iterable[str] = ("/",)) -> "Walk":
        """Follow every link to a kind of page not seen yet."""
        waiting = [(start, "") for start in starts]
        while waiting:
            link, origin = waiting.pop(0)
            kind = shape(link)
            if kind in self.links:
                continue
            self.links[kind] = link
            answer = await self.visitor.client.get(link)
            while answer.status_code == 303:
                answer = await self.visitor.client.get(answer.headers["location"])
            if answer.status_code != 200:
                self.dead.append(f"{link} ({answer.status_code}) on {origin}")
            elif answer.headers["content-type"].startswith("text/html"):
                sheet = Sheet(answer)
                self.forms |= {f"{one.action} on {kind}": one for one in sheet.forms}
                found = [one.partition("#")[0] for one in sheet.links]
                waiting += [(one, link) for one in found if one.startswith("/") and not one.startswith(FILES)]
            else:
                del self.links[kind]
        return self


async def comes_true(page: Page, expression: str) -> None:
    """Wait until an expression is true on a page, whose content policy lets nothing be evaluated from within."""
    async with asyncio.timeout(30):
        while not await page.evaluate(expression):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.05)
