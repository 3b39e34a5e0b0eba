"""The page that says how the house stands: log, books, proof and backlog, each figure with the list behind it."""

import re

from tests.bank import World
from tests.keeping import publish
from tests.settling import captured, settled
from tests.visiting import signed_in


async def test_the_house_says_how_log_books_proof_and_backlog_stand(ready_bank: World) -> None:
    await settled(ready_bank)
    await captured(ready_bank)
    await publish(ready_bank)
    told = (await (await ready_bank.as_("compliance")).get("/api/health")).json()

    assert told["log"]["status"] == "ready"
    assert told["log"]["entries"] >= told["log"]["checkpoint"]["size"] > 0
    assert told["log"]["checkpoint"]["age_seconds"] < 600
    assert told["log"]["signed_by"] == "this process"
    assert (told["proof"]["ways"], told["balance"]["balanced"], told["balance"]["suspense"]) == (0, True, [])
    waiting = {one["office"]: one["open"] for one in told["backlog"]}
    assert waiting["back_office"] >= 1

    listed = await (await ready_bank.as_("auditor")).get("/api/backlog", office="back_office", limit=200)
    assert len(listed.json()["items"]) == waiting["back_office"]

    auditor = await signed_in(ready_bank, "auditor")
    page = await auditor.get("/health")
    assert re.search(r"0 ways for one person .* Policy in force sha256:[0-9a-f]{64}", page.text), page.text
    behind = [
        link for link in page.links if link.startswith(("/entries", "/access", "/balances", "/backlog"))
    ]
    assert {link.partition("?")[0].split("/")[1] for link in behind} == {
        "entries",
        "access",
        "balances",
        "backlog",
    }
    for link in sorted(set(behind)):
        await auditor.get(link)


async def test_only_who_watches_over_the_log_sees_how_the_house_stands(ready_bank: World) -> None:
    for account in ("trader", "releaser", "accountant", "rights-admin"):
        caller = await ready_bank.as_(account)
        assert (await caller.get("/api/health")).status_code == 403
        assert (await caller.get("/api/backlog", office="back_office")).status_code == 403
        visitor = await signed_in(ready_bank, account)
        assert (await visitor.client.get("/health")).status_code == 403
        assert (await visitor.client.get("/backlog")).status_code == 403
    keeper = (await (await ready_bank.as_("log-custodian")).get("/api/health")).json()
    assert (keeper["balance"], keeper["effects"]) == (None, None)  # who keeps the log's keys reads no books
    page = await (await signed_in(ready_bank, "log-custodian")).get("/health")
    assert "0 ways for one person" in page.text
    assert "/balances" not in page.links
