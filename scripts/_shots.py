"""Walks through a served demo bank as its accounts do and keeps a picture of every kind of page it finds.

A short story comes first, so that a deal stands in every state; then each account follows its menu and the links of
those pages, once for each kind of page. A few pages are kept again in German, dark and narrow.
"""

import os
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path("docs/screens")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "tests/browser/node_modules/unpacked/chromium")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update")  # fmt: skip
WIDTH, HEIGHT, NARROW = 1280, 860, 390
ACCOUNTS = (
    "trader", "verifier", "confirmer", "settler", "releaser", "steward", "steward-approver", "accountant", "closer",
    "risk-controller", "credit-officer", "compliance", "auditor", "rights-requester", "rights-admin", "board-back",
    "policy-author",
)  # fmt: skip
NOT_PAGES = ("/api/", "/static/", "/evidence/", "/documents/", "/sign-in")
AGAIN = (
    ("trader", "/trades/new", "de-DE", False, NARROW),
    ("trader", "/trades", "de-DE", True, WIDTH),
    ("verifier", "/work", "de-DE", False, WIDTH),
    ("verifier", "/work", "en-GB", True, NARROW),
    ("settler", "/settlements", "de-DE", True, WIDTH),
    ("compliance", "/entries", "de-DE", False, WIDTH),
    ("compliance", "/controls", "de-DE", True, WIDTH),
    ("risk-controller", "/limits", "de-DE", False, NARROW),
)


class Walk:
    """One walk: a window for each account and way of looking, pictures named by their page."""

    def __init__(self, browser: Browser, address: str, password: str, drawn: Path) -> None:
        self.browser, self.address, self.password = browser, address.rstrip("/"), password
        self.drawn = drawn
        self.windows: dict[tuple[str, str, bool, int], Page] = {}
        self.taken: set[str] = set()

    def window(
        self, account: str, language: str = "en-GB", *, dark: bool = False, width: int = WIDTH
    ) -> Page:
        """Window of an account, signed in; no account for a stranger."""
        key = (account, language, dark, width)
        if key not in self.windows:
            context = self.browser.new_context(
                viewport={"width": width, "height": HEIGHT},
                locale=language,
                color_scheme="dark" if dark else "light",
            )
            page = context.new_page()
            self.windows[key] = page
            if account:
                page.goto(f"{self.address}/sign-in?account={account}")
                page.fill("input[name=password]", self.password)
                page.click("main button")
                page.wait_for_url(lambda address: "/sign-in" not in address)
        return self.windows[key]

    def see(self, page: Page, path: str) -> Page:
        """Open a page of the bank."""
        page.goto(self.address + path)
        return page

    def keep(self, page: Page, name: str) -> None:
        """Keep a picture of what is seen."""
        self.taken.add(name)
        page.screenshot(path=self.drawn / f"{name}.png")

    def follow(self, account: str) -> None:
        """Keep every kind of page that the account reaches from its menu and was not kept before."""
        page = self.see(self.window(account), "/account")
        waiting = [("/account", 0), *((link, 0) for link in links(page, "nav.pages a, .places a"))]
        while waiting:
            link, depth = waiting.pop(0)
            name = name_of(link)
            if name in self.taken or link.startswith(NOT_PAGES):
                continue
            self.keep(self.see(page, link), name)
            if depth < 2:  # noqa: PLR2004 - from the menu to a list, to one of it, to what stands behind that
                waiting += [(found, depth + 1) for found in links(page, "main a")]


def links(page: Page, selector: str) -> list[str]:
    """Addresses of ours among the links of a page."""
    found = page.eval_on_selector_all(selector, "all => all.map(one => one.getAttribute('href') ?? '')")
    return [link.partition("#")[0] for link in found if link.startswith("/")]


def name_of(link: str) -> str:
    """Name of a kind of page: its path, with ``one`` for the object that is shown."""
    path = re.sub(
        r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)[A-Z0-9-]{11,}|(?<=/)[0-9.-]+", "one", urlsplit(link).path
    )
    return path.strip("/").replace("/", "-") or "first-page"


def main(address: str) -> int:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    password = os.environ.get("TRENNWAND_DEMO_PASSWORD")
    if program is None or password is None:
        print("scripts/shots needs Chromium and TRENNWAND_DEMO_PASSWORD.", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER) as drawn, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        walk = Walk(browser, address, password, Path(drawn))
        walk.keep(walk.see(walk.window(""), "/"), "first-page")
        walk.keep(walk.see(walk.window("", "de-DE"), "/"), "first-page-german")
        walk.keep(walk.see(walk.window(""), "/sign-in"), "sign-in")
        a_deal(walk)
        for account in ACCOUNTS:
            walk.follow(account)
        walk.keep(walk.see(walk.window("trader"), "/entries"), "refused")
        for account, path, language, dark, width in AGAIN:
            page = walk.see(walk.window(account, language, dark=dark, width=width), path)
            marks = ("german" * (language == "de-DE"), "dark" * dark, "narrow" * (width == NARROW))
            walk.keep(page, "-".join((name_of(path), *filter(None, marks))))
        browser.close()
        for old in FOLDER.glob("*.png"):  # not before: a walk that breaks off leaves the old ones
            old.unlink()
        for picture in Path(drawn).iterdir():
            picture.rename(FOLDER / picture.name)
    print(f"{len(walk.taken)} pictures in {FOLDER}")
    return 0


def a_deal(walk: Walk) -> None:
    """Capture a deal, have it returned, corrected and verified; and one that waits."""
    trader = walk.see(walk.window("trader"), "/trades/new")
    fill_in(trader)
    trader.click("button[value=check]")
    walk.keep(trader, "ticket-checked")
    trader.click("button[value=enter]")
    deal = trader.url.removeprefix(walk.address)
    verifier = walk.see(walk.window("verifier"), "/work")
    walk.keep(verifier, "work")
    walk.keep(walk.see(verifier, f"{deal}/control"), "deal-to-be-verified")
    verifier.locator("details summary", has_text="Return").first.click()
    verifier.fill("[id='return.reason']", "The counterparty confirmed another rate.")
    verifier.locator("form[id=return] button").click()
    walk.keep(walk.see(trader, "/trades"), "trades")
    walk.see(trader, f"{deal}/correction").fill("[id='trade.resubmit.rate']", "1.1141")
    trader.click("button[value=enter]")
    walk.see(verifier, f"{deal}/control").click("form[id=verify] button")
    walk.keep(walk.see(trader, deal), "deal")
    fill_in(walk.see(trader, "/trades/new"))
    trader.click("button[value=enter]")


def fill_in(ticket: Page) -> None:
    """Write a ticket."""
    for name, value in {"base_amount": "1.5M", "base": "EUR", "quote": "USD", "rate": "1.1140"}.items():
        ticket.fill(f"[id='trade.capture.{name}']", value)
    ticket.select_option("[id='trade.capture.side']", "buy")
    for name in ("counterparty", "portfolio"):
        last = ticket.locator(f"[id='trade.capture.{name}'] option").last.get_attribute("value")
        ticket.select_option(f"[id='trade.capture.{name}']", last)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["http://localhost:8000"]))
