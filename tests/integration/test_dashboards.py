"""The first page of each desk: figures that are those of the lists behind them."""

import re

from tests.bank import World
from tests.deals import by_force
from tests.settling import captured, done, post
from tests.visiting import signed_in

READERS = {
    "trader": ("Deals today", "Returned to me", "Most used limits"),
    "verifier": (
        "Due within an hour",
        "Waiting in our queue",
        "Payments behind their value date",
        "Median time until work is done",
    ),
    "confirmer": ("Not confirmed yet", "Matched as first entered, thirty days"),
    "accountant": ("Sum of all postings", "Paid in part, by age"),
    "risk-controller": ("Off the market, not justified", "Open excesses"),
    "compliance": (
        "Denied attempts, seven days",
        "The log",
        "Age of the last checkpoint",
        "Controls with a test of their own",
        "Work that climbed, by age",
        "Sets of roles that could deal and control",
        "Open cases",
    ),
    "auditor": ("Denied attempts, seven days", "Rights nobody used for 90 days"),
    "rights-admin": ("Waiting in our queue",),
}

HELD_FOR_LONG = "UPDATE public.audit_effect SET at = at - interval '91 days' WHERE kind = 'role_grant'"


async def test_each_desk_sees_its_own_figures_and_every_one_opens_its_list(ready_bank: World) -> None:
    bank = ready_bank
    deal = await captured(bank)
    await captured(bank, rate="1.3000")
    done(
        await post(bank, "verifier", f"/api/trades/{deal.id}/return", {"version": 1, "reason": "other rate"})
    )
    assert (
        await post(bank, "trader", f"/api/trades/{deal.id}/verification", {"version": 1})
    ).status_code == 403
    for account, titles in READERS.items():
        visitor = await signed_in(bank, account)
        page = await visitor.get("/dashboard")
        for title in titles:
            assert title in page.text, (account, title, page.text)
        told = (await (await bank.as_(account)).get("/api/dashboard")).json()["items"]
        for figure in told:
            for link in {figure["link"], *(part["link"] for part in figure["parts"])}:
                assert link in page.links
                assert (await visitor.client.get(link)).status_code == 200, (account, link)

    async def counted(account: str) -> dict[str, object]:
        told = (await (await bank.as_(account)).get("/api/dashboard")).json()["items"]
        return {one["name"]: one["value"] for one in told}

    assert (await counted("trader"))["deals_today"] == 2
    assert (await counted("trader"))["returned_to_me"] == 1
    assert (await counted("other-trader"))["returned_to_me"] == 0
    assert (await counted("risk-controller"))["off_market"] == 1
    assert (await counted("compliance"))["denied_attempts"] == 1
    assert (await counted("compliance"))["proof"] == 0
    assert (await counted("compliance"))["unused_rights"] == 0, "nobody has held a right for long"
    await by_force(bank, HELD_FOR_LONG)
    unused = (await (await bank.as_("compliance")).get("/api/unused-rights", limit=200)).json()["items"]
    assert (await counted("compliance"))["unused_rights"] == len(unused)
    idle = {(one["account_name"], one["role"]) for one in unused}
    assert ("log-custodian", "log_custodian") in idle
    assert ("verifier", "verifier") not in idle
    assert (await counted("verifier"))["waiting_by_age"] == 1
    for minutes, found in ((50, 1), (70, 0)):
        await by_force(bank, f"UPDATE work_item SET due_at = now() + interval '{minutes} minutes'")
        assert (await counted("verifier"))["due_within_an_hour"] == found
        soon = await (await signed_in(bank, "verifier")).get("/work?soon=1")
        assert ("Nothing waits here." in soon.text) is (found == 0)
    assert isinstance((await counted("verifier"))["time_until_done"], int), "the returned deal is done"
    assert (await counted("settler"))["failure_causes"] == 0
    assert (await counted("compliance"))["controls_tested"] > 100
    assert isinstance((await counted("compliance"))["checkpoint_age"], int)
    assert "unconfirmed_by_age" not in await counted("trader")
    german = (await (await signed_in(bank, "compliance", language="de")).get("/dashboard")).text
    assert re.search(r"Abgewiesene Versuche, sieben Tage", german), german
