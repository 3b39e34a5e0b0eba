"""Every page of the menu over a hundred thousand deals and half a million entries, beside a page without rows.

Each page is asked for by every account that finds it in its menu, and again one page of the list further. Then each
is asked for by the account that waited longest, often enough that its 95th percentile is more than its worst answer,
in turn with the null page: the map of the keyboard, which has the whole frame and nothing of the business in it.
"""

import re
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from policies.policy import load
from policies.vocabulary import Action
from service import bank as banks
from service.demo import cast
from service.kernel import embedded
from service.running import settle_memory
from service.settings import Settings
from service.ui.navigation import places_for
from tests.bank import PASSWORD, World, world
from tests.bench.filling import filling, lives
from tests.conftest import OPENING_DATE
from tests.visiting import Visitor, signed_in

DEALS, ROUNDS, TRIALS, WARM_UP = 100_000, 100, 4, 2
NULL = "/keys"
FURTHER = re.compile(r'href="([^"]*[?&](?:amp;)?cursor=[^"]*)"')
ACCOUNTS = (
    "trader", "verifier", "confirmer", "settler", "releaser", "steward", "accountant", "closer", "head-of-risk",
    "credit-officer", "compliance", "auditor", "rights-admin", "board-back", "policy-author",
)  # fmt: skip


async def measure(deals: int = DEALS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return, of each page, how many times the null page it takes at the 95th percentile."""
    with tempfile.TemporaryDirectory() as place:
        async with filled(Path(place), deals) as (here, entries):
            took = await asked(here, rounds)
    p95 = {page: quantiles(seconds, n=20)[-1] for page, seconds in took.items()}
    p50 = {page: median(seconds) for page, seconds in took.items()}
    ratios = {page: round(p95[page] / p95[NULL, ""], 2) for page in took if page != (NULL, "")}
    worst: dict[str, dict[str, Any]] = {}
    for (path, account), ratio in sorted(ratios.items(), key=lambda found: found[1]):
        worst[path] = {
            "p95_vs_null": ratio,
            "p50_vs_null": round(p50[path, account] / p50[NULL, ""], 2),
            "p95_ms": round(p95[path, account] * 1000, 1),
            "account": account,
        }
    return {
        "pages_deals": deals,
        "pages_entries": entries,
        "null_page_p50_ms": round(p50[NULL, ""] * 1000, 2),
        "null_page_p95_ms": round(p95[NULL, ""] * 1000, 2),
        "worst_page_p95_vs_null": max(ratios.values()),
        "pages": worst,
    }


@asynccontextmanager
async def filled(data: Path, deals: int) -> AsyncIterator[tuple[World, int]]:
    """Give a bank with so many deals, and its number of entries."""
    with embedded.start(data) as server:
        settings, policy = Settings(data=data), load()
        admin, urls = await banks.prepare(settings, server.url(), policy)
        passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
        await banks.found(settings, admin, policy, cast.founding(OPENING_DATE), passwords)
        async with banks.running(settings, admin, urls, policy=policy, keep_log=False) as bank:
            here = world(bank)
            found = await filling(admin, await lives(here))
            await found.up_to(deals)
            yield here, found.entries
            await here.close()
    embedded.erase(data)


async def asked(here: World, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Return the seconds that each page took for each account."""
    visitors = {account: await signed_in(here, account) for account in ACCOUNTS}
    pages = [(path, account) for account in ACCOUNTS for path in await menu(here, account)]
    for path, account in list(pages):
        answer = await visitors[account].client.get(path)
        if further := FURTHER.search(answer.text):
            pages.append((unescape(further[1]), account))
    settle_memory()  # as the service does before it serves
    tried = await timed(visitors, pages, TRIALS)
    slowest: dict[str, tuple[str, str]] = {}
    for (path, account), found in tried.items():
        name = name_of(path)
        if name not in slowest or median(found) > median(tried[slowest[name]]):
            slowest[name] = path, account
    found = await timed(visitors, [page for name, page in slowest.items() if name != NULL], rounds)
    took = {(name_of(path), account): seconds for (path, account), seconds in found.items()}
    for visitor in visitors.values():
        await visitor.client.aclose()
    return took


def name_of(path: str) -> str:
    """Return what a page is called in the table; a later page of a list is another page."""
    return path.partition("?")[0] + (" (further)" if "cursor=" in path else "")


async def timed(
    visitors: Mapping[str, Visitor], pages: Sequence[tuple[str, str]], rounds: int
) -> dict[tuple[str, str], list[float]]:
    """Return the seconds of so many rounds through the pages, each after a null page; the first rounds do not count."""
    took: dict[tuple[str, str], list[float]] = {(NULL, ""): []}
    for turn in range(WARM_UP + rounds):
        for path, account in pages:
            null = await seconds_of(visitors[account], NULL)
            spent = await seconds_of(visitors[account], path)
            if turn >= WARM_UP:
                took.setdefault((path, account), []).append(spent)
                took[NULL, ""].append(null)
    return took


async def menu(here: World, account: str) -> list[str]:
    """Return the pages in an account's menu."""
    told = (await (await here.as_(account)).get("/api/powers")).json()
    places = places_for(frozenset(Action(one) for one in (*told["acts"], *told["reads"])))
    return [place.path for place in places]


async def seconds_of(visitor: Visitor, path: str) -> float:
    """Ask for a page."""
    began = time.perf_counter()
    answer = await visitor.client.get(path)
    spent = time.perf_counter() - began
    assert answer.status_code == 200, (path, answer.status_code)
    return spent
