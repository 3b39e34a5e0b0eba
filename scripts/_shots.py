"""Walks through the pages of a served demo bank as its accounts do, without scripts, and keeps what it sees."""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path("docs/screens")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update")  # fmt: skip
WIDTH, HEIGHT, NARROW = 1366, 860, 320


class Walk:
    """One walk: a window for each account, numbered pictures."""

    def __init__(self, browser: Browser, address: str, password: str) -> None:
        self.browser, self.address, self.password = browser, address.rstrip("/"), password
        self.windows: dict[tuple[str, str, bool, int], Page] = {}
        self.taken = 0

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
                java_script_enabled=False,
            )
            page = context.new_page()
            self.windows[key] = page
            if account:
                page.goto(f"{self.address}/sign-in?account={account}")
                page.fill("input[name=password]", self.password)
                page.click("main button")
        return self.windows[key]

    def see(self, page: Page, path: str) -> Page:
        """Open a page of the bank."""
        page.goto(self.address + path)
        return page

    def keep(self, page: Page, name: str) -> None:
        """Keep a picture of what is seen."""
        self.taken += 1
        page.screenshot(path=FOLDER / f"{self.taken:02d}-{name}.png")


def main(address: str) -> int:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    password = os.environ.get("TRENNWAND_DEMO_PASSWORD")
    if program is None or password is None:
        print("scripts/shots needs Chromium and TRENNWAND_DEMO_PASSWORD.", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        walk = Walk(browser, address, password)
        deal = a_deal(walk)
        the_offices(walk, deal)
        browser.close()
    print(f"{walk.taken} pictures in {FOLDER}")
    return 0


def a_deal(walk: Walk) -> str:
    """Capture a deal, have it returned, corrected and verified; return its address."""
    walk.keep(walk.see(walk.window(""), "/"), "first-page")
    walk.keep(walk.see(walk.window("", "de-DE"), "/"), "first-page-german")
    trader = walk.see(walk.window("trader"), "/trades/new")
    for name, value in {"base_amount": "1.5M", "base": "EUR", "quote": "USD", "rate": "1.1140"}.items():
        trader.fill(f"[id='trade.capture.{name}']", value)
    trader.select_option("[id='trade.capture.side']", "buy")
    for name in ("counterparty", "portfolio"):
        trader.select_option(f"[id='trade.capture.{name}']", index=1)
    trader.click("button[value=check]")
    walk.keep(trader, "ticket")
    trader.click("button[value=enter]")
    deal = trader.url.removeprefix(walk.address)
    verifier = walk.see(walk.window("verifier"), "/work")
    walk.keep(verifier, "queue")
    walk.keep(walk.see(verifier, f"{deal}/control"), "check-of-a-deal")
    verifier.locator("details summary").click()
    verifier.fill("[id='return.reason']", "The counterparty confirmed another rate.")
    verifier.locator("details button").click()
    walk.keep(walk.see(trader, "/trades"), "blotter")
    walk.see(trader, f"{deal}/correction").fill("[id='trade.resubmit.rate']", "1.1141")
    trader.click("button[value=enter]")
    walk.see(verifier, f"{deal}/control").click("form[id=verify] button")
    walk.keep(walk.see(trader, deal), "deal")
    walk.keep(walk.see(walk.window("trader", "de-DE", width=NARROW), "/trades/new"), "ticket-narrow-german")
    return deal


def the_offices(walk: Walk, deal: str) -> None:
    """Look at the other desks."""
    walk.keep(walk.see(walk.window("verifier", "de-DE", dark=True), deal), "deal-dark-german")
    walk.keep(walk.see(walk.window("confirmer"), "/confirmations"), "confirmations")
    walk.keep(walk.see(walk.window("settler"), "/settlements"), "settlements")
    walk.keep(walk.see(walk.window("accountant"), "/balances"), "trial-balance")
    walk.keep(walk.see(walk.window("accountant"), "/journals"), "journals")
    walk.keep(walk.see(walk.window("compliance"), "/entries?outcome=refuse"), "log-refusals")
    compliance = walk.see(walk.window("compliance"), deal)
    compliance.locator("main table a.id").first.click()
    walk.keep(compliance, "entry-with-proof")
    walk.keep(walk.see(walk.window("trader"), "/entries"), "refused-page")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["http://127.0.0.1:8000"]))
