"""The plain pages: a deal through every office without a script, in both languages."""

import re
from pathlib import Path
from uuid import UUID

from litestar.routes import HTTPRoute

from audit.bundle import verify_bundle
from audit.report import Verdict
from policies.vocabulary import Action
from service import page_forms
from service.ui.navigation import PLACES
from tests.bank import World
from tests.keeping import public_key
from tests.settling import captured, drain, matched, verified
from tests.visiting import CHECK, ENTER, Sheet, Visitor, chosen, deal_in, signed_in, struck

# The way of a deal ----------------------------------------------------------------------------------


async def test_a_deal_goes_from_the_ticket_through_the_queue_to_the_log(bank: World) -> None:
    trader, verifier = await signed_in(bank, "trader"), await signed_in(bank, "verifier")
    page = await struck(trader)
    deal = deal_in(page)
    assert "The deal is captured." in page.text
    assert "We buy 1,500,000.00 EUR from First counterparty against 1,747,500.00 USD" in page.text

    queue = await verifier.get("/work")
    assert f"/trades/{deal}/control" in queue.links
    after = await verifier.act(f"/trades/{deal}/control", "/acts/trade.verify")
    assert "The deal is verified." in after.text
    assert "✓ verified" in after.text

    await drain(bank)
    timeline = (await trader.get(f"/trades/{deal}")).text
    for words in ("Capture deal", "Verify deal", "Draft confirmation", "Post journal", "svc.accounting"):
        assert words in timeline

    compliance = await signed_in(bank, "compliance")
    log = await compliance.get("/entries", trade=deal)
    assert "Verify deal" in log.text
    assert "Capture deal" in log.text


async def test_a_returned_deal_stands_on_top_and_goes_back_corrected(bank: World) -> None:
    trader, verifier = await signed_in(bank, "trader"), await signed_in(bank, "verifier")
    deal = deal_in(await struck(trader))
    await verifier.act(f"/trades/{deal}/control", "return", reason="the rate is another one")

    blotter = await trader.get("/trades")
    assert "1 deal waits for your correction" in blotter.text
    assert "the rate is another one" in blotter.text
    assert f"/trades/{deal}/correction" in blotter.links
    page = await trader.act(f"/trades/{deal}/correction", "trade.resubmit", rate="1.1652", **ENTER)
    assert "The corrected deal is submitted." in page.text
    assert "was 1.1650 , now 1.1652" in page.text


async def test_the_ticket_says_the_deal_in_words_before_it_is_entered(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    ticket = await trader.get("/trades/new")
    answer = await trader.send(ticket.form("trade.capture"), **chosen(ticket) | CHECK)

    said = Sheet(answer)
    assert "You buy 1,500,000.00 EUR from First counterparty" in said.text
    assert "Nothing is entered yet." in said.text
    assert "the deal is −1.7 bp away" in said.text
    assert said.form("trade.capture").fields["value_date"] == "29 Oct 2026"  # spot, filled in
    assert "No deal here." in (await trader.get("/trades")).text


async def test_confirmation_and_settlement_go_through_four_hands(bank: World) -> None:
    deal = await verified(bank)
    await drain(bank)
    confirmer = await signed_in(bank, "confirmer")
    trade = await confirmer.get(f"/trades/{deal.id}")
    confirmation = next(link for link in trade.links if link.startswith("/confirmations/"))
    await confirmer.act(confirmation, "/acts/confirmation.dispatch")
    ours = (await deal.confirmation())["ours"]
    said = {f"fields.{name}": value for name, value in ours.items()}
    await confirmer.act(confirmation, "counter", **said | {"fields.buy_amount": "1,000,000.01"})
    broken = await confirmer.act(confirmation, "/acts/confirmation.match")
    assert "≠ break The amounts lie 0.01 apart" in broken.text
    await confirmer.act(confirmation, "counter", **said)
    assert "✓ matched" in (await confirmer.act(confirmation, "/acts/confirmation.match")).text

    await drain(bank)
    settler, releaser = await signed_in(bank, "settler"), await signed_in(bank, "releaser")
    queue = await releaser.get("/work")
    assert not any(link.startswith("/settlements/") for link in queue.links)  # nothing prepared yet
    leg = next(link for link in (await settler.get("/work")).links if link.startswith("/settlements/"))
    prepared = await settler.act(leg, "prepare")
    assert "The leg is prepared; another person releases it." in prepared.text
    assert not prepared.offers("settlement.release")
    assert "Your release is on record." in (await releaser.act(leg, "release")).text
    early = await settler.get(leg)
    assert not early.offers("settlement.complete")
    assert "the bank's business date is 2026-10-27" in early.text


async def test_a_cancellation_is_asked_for_by_trading_and_decided_outside(bank: World) -> None:
    deal = await captured(bank)
    trader, verifier = await signed_in(bank, "trader"), await signed_in(bank, "other-verifier")
    asked = await trader.act(f"/trades/{deal.id}", "cancel", reason="struck twice")
    assert "The cancellation is requested; the back office decides." in asked.text
    request = next(link for link in (await verifier.get("/work")).links if "/requests/" in link)
    assert "The request is approved." in (await verifier.act(request, "approve")).text


async def test_accounting_sees_books_that_balance(bank: World) -> None:
    deal = await verified(bank)
    accountant = await signed_in(bank, "accountant")
    posted = await accountant.act("/work", "/acts/journal.post")
    assert "The journal is posted." in posted.text
    assert "The books balance" in (await accountant.get("/balances")).text
    assert "FX-SPOT-TRADE/1" in (await accountant.get("/journals", trade=deal.id)).text


async def test_compliance_finds_an_entry_with_its_proof(bank: World) -> None:
    deal = await captured(bank)
    compliance = await signed_in(bank, "compliance")
    found = await compliance.get("/entries", actor="trader", action="trade.capture")
    entry = next(link for link in found.links if link.startswith("/entries/"))
    waiting = await compliance.get(entry)
    assert "waits for its place in the log" in waiting.text

    await bank.bank.keeper.step()
    proved = await compliance.get(entry)
    assert "Checked just now: this entry stands at index" in proved.text
    assert deal.id in proved.text


async def test_master_data_comes_into_force_by_two_people(bank: World) -> None:
    steward, approver = await signed_in(bank, "steward"), await signed_in(bank, "steward-approver")
    own = await steward.act("/parties", "portfolio.propose", name="FX-LONG", desk=await desk_of(steward))
    assert "The portfolio is proposed; another person decides." in own.text
    assert not (await steward.get("/proposals")).offers("proposal.approve")
    decided = await approver.act("/proposals", "/acts/proposal.approve")
    assert "The proposal is in force." in decided.text
    assert "FX-LONG" in (await approver.get("/parties")).text


async def desk_of(steward: Visitor) -> str:
    return (await steward.get("/parties")).form("portfolio.propose").choices["desk"][-1]


async def test_the_business_date_moves_forward_by_the_closer(bank: World) -> None:
    closer = await signed_in(bank, "closer")
    moved = await closer.act("/business-date", "business_date.set", business_date="2026-10-28")
    assert "The business date is set." in moved.text
    assert "Wed 28 Oct 2026" in moved.text
    back = await closer.act("/business-date", "business_date.set", business_date="2026-10-27")
    assert "desk time only moves forward" in back.text


async def test_a_right_takes_three_people(bank: World) -> None:
    asks, owns = await signed_in(bank, "head-of-trading"), await signed_in(bank, "rights-owner")
    wish = {"account": "mover-control", "role": "verifier", "reason": "moves to control"}
    assert (
        "Against a rule"
        in (await asks.act("/rights/request", "grant.request", **wish | {"role": "trader"})).text
    )
    refused = await asks.act("/rights/request", "grant.request", **wish)
    assert "refused: Request right" in refused.text  # still a trader: the static conflict
    assert not (await owns.get("/rights")).offers("grant.approve")


# Languages and formats -------------------------------------------------------------------------------


async def test_the_language_follows_the_browser_until_somebody_chooses(bank: World) -> None:
    trader = await signed_in(bank, "trader", language="de-DE,de;q=0.9,en;q=0.5")
    page = await trader.get("/trades/new")
    assert "Neues Geschäft" in page.text
    struck_ = await trader.submit(
        page.form("trade.capture"), **chosen(page) | ENTER | {"base_amount": "1.500.000,50", "rate": "1,1650"}
    )
    assert (
        "Wir kaufen 1.500.000,50 EUR von First counterparty gegen 1.747.500,58 USD zu 1,1650" in struck_.text
    )
    assert "29.10.2026" in struck_.text

    english = await trader.submit((await trader.get("/trades")).form("/language"), language="en")
    assert "Deals" in english.text
    answer = await trader.client.get("/trades")
    assert '<html lang="en">' in answer.text


async def test_times_are_local_with_utc_behind_them(bank: World) -> None:
    await captured(bank)
    trader = await signed_in(bank, "trader")
    answer = await trader.client.get("/trades")
    assert re.search(r'<time datetime="[^"]+Z" title="[0-9-]+ [0-9:.]+ UTC">', answer.text)


# The house -------------------------------------------------------------------------------------------


async def test_every_page_route_stands_for_an_action_or_is_public_on_purpose(bank_world: World) -> None:
    public = {
        route.path
        for route in bank_world.app.routes
        if isinstance(route, HTTPRoute) and page_forms.is_page(route.path)
        for handler in route.route_handlers
        if handler.opt.get("public")
    }
    assert public == {"/", "/demo-desk", "/sign-in", "/sign-out", "/language", "/theme", "/keys"}


async def test_every_place_of_the_menu_opens_for_whoever_sees_it(bank: World) -> None:
    await matched(bank)
    for account in ("trader", "verifier", "confirmer", "settler", "releaser", "steward", "steward-approver"):
        await every_place_opens(bank, account)


async def test_every_place_of_the_menu_opens_for_the_other_offices(bank: World) -> None:
    await matched(bank)
    for account in (
        "accountant",
        "closer",
        "risk-controller",
        "compliance",
        "auditor",
        "head-of-trading",
        "legal",
    ):
        await every_place_opens(bank, account)


async def every_place_opens(world: World, account: str) -> None:
    visitor = await signed_in(world, account, language="de")
    shown = {link for link in (await visitor.get("/")).links if link.startswith("/")}
    powers = world.bank.policy.powers_of
    for place in PLACES:
        if place.path in shown:
            await visitor.get(place.path)
    assert "/work" in shown
    assert powers  # the menu is drawn from the policy


def test_the_policy_knows_every_right_the_menu_asks_for() -> None:
    assert {action for place in PLACES for action in place.actions} <= set(Action)


# Evidence -------------------------------------------------------------------------------------------


async def test_compliance_exports_fetches_and_is_told_how_to_verify(bank: World, tmp_path: Path) -> None:
    deal = await verified(bank)
    await drain(bank)
    compliance = await signed_in(bank, "compliance")
    assert "/evidence" in (await compliance.get("/entries")).links

    page = await compliance.act(
        "/evidence", "evidence.export", scope="trade", trade=deal.id, reason="a sample"
    )
    assert "a sample" in page.text
    assert "VERIFIED" in page.text
    assert "python verify.pyz PACK.zip --key KEY" in page.text
    (link,) = [one for one in page.links if one.startswith("/evidence/")]
    file = await compliance.client.get(link)
    (tmp_path / "pack.zip").write_bytes(file.content)
    assert file.headers["content-disposition"].startswith("attachment")
    assert verify_bundle(tmp_path / "pack.zip", public_key(bank)).verdict is Verdict.VERIFIED

    rows = await compliance.act("/evidence", "evidence.export", scope="rows", reason="reconciliation")
    assert "all business rows" in rows.text
    auditor = await signed_in(bank, "auditor")
    assert "This office has exported nothing yet." in (await auditor.get("/evidence")).text
    assert (await auditor.client.get(link)).status_code == 404


async def test_a_wish_for_evidence_that_makes_no_sense_is_said_beside_its_field(bank: World) -> None:
    compliance = await signed_in(bank, "compliance")
    for typed, said in (
        ({"scope": "trade", "trade": "17", "reason": "x"}, "This is no id."),
        ({"scope": "trade", "trade": "", "reason": ""}, "This has to be filled in."),
        ({"scope": "trade", "trade": "", "reason": "x"}, "This has to be filled in."),
        (
            {"scope": "rows", "trade": str(UUID(int=1)), "reason": "x"},
            "This has to stay empty for what was chosen.",
        ),
        (
            {"scope": "period", "from": "2999-01-01T00:00", "to": "2999-01-02T00:00", "reason": "x"},
            "once it is over",
        ),
    ):
        page = await compliance.act("/evidence", "evidence.export", **typed)
        assert said in page.text, page.text
    trader = await signed_in(bank, "trader")
    assert (await trader.client.get("/evidence")).status_code == 403
