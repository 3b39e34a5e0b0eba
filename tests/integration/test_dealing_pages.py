"""The pages of desk rules, deals off the premises, internal deals and transfers, used as people use them."""

from tests.bank import World
from tests.deals import a_desk, captured, verified
from tests.parties import a_portfolio
from tests.visiting import signed_in


async def test_the_back_office_sets_a_mandate_and_receives_the_report_on_its_pages(bank_world: World) -> None:
    await a_desk(bank_world)
    proposer, decider = await signed_in(bank_world, "verifier"), await signed_in(bank_world, "other-verifier")
    rules = await proposer.get("/desk-rules")
    later = {"product": "fx_spot", "desk": "FX desk", "at": "17:30", "reason": "we close earlier"}
    proposed = await proposer.submit(rules.form("cut_off"), **later)
    assert "The rule is proposed; another person decides." in proposed.text
    assert "two pairs of eyes on every cut-off and mandate" in proposed.text.lower()
    said = await decider.act("/desk-rules", "/acts/desk_rule.approve")
    assert "The rule is in force." in said.text
    mandate = {"trader": "trader", "max_eur": "1.5M", "valid_from": "2026-10-01", "reason": "works at home"}
    nowhere = await proposer.submit((await proposer.get("/desk-rules")).form("mandate"), **mandate)
    assert "Not readable" in nowhere.text
    form = (await proposer.get("/desk-rules")).form("mandate")
    await proposer.submit(form, **mandate, _home_office="1")
    await decider.act("/desk-rules", "/acts/desk_rule.approve")
    german = await signed_in(bank_world, "verifier", language="de")
    assert "Erlaubnis außerhalb der Geschäftsräume" in (await german.get("/desk-rules")).text

    deal = await captured(bank_world, location="home_office")
    page = await decider.get("/premises")
    assert "FX-EUR 1" in page.text
    received = await decider.submit(page.form("/acts/premises.acknowledge"), note="as reported")
    assert "Receipt of the report is on record." in received.text
    report = await decider.get("/premises", day="2026-10-27")
    assert "1 struck off the premises, 1 marked, 1 reported." in report.text
    assert f"/trades/{deal['id']}" in report.links


async def test_an_internal_deal_is_offered_and_accepted_on_the_pages(bank_world: World) -> None:
    await a_desk(bank_world)
    await a_portfolio(bank_world, "FX-USD", "Second FX desk")
    trader, other = await signed_in(bank_world, "trader"), await signed_in(bank_world, "second-desk-trader")
    form = (await trader.get("/internal-deals/new")).form("internal.offer")
    terms = {"side": "buy", "base_amount": "1.5M", "base": "EUR", "quote": "USD", "rate": "1.1650"}
    where = {"portfolio": "FX-EUR", "other_portfolio": "FX-USD", "purpose": "hedge"}
    offer = await trader.submit(form, **terms, **where, value_date="2026-10-29")
    assert "is offered" in offer.text
    assert not (await trader.get("/internal-deals")).offers("internal.accept"), "the offer is not its own"
    page = await other.get("/internal-deals")
    assert "We sell" in page.text
    accepted = await other.submit(page.form("/acts/internal.accept"))
    assert "its second leg is captured" in accepted.text
    assert "accepted" in (await other.get("/internal-deals")).text
    assert (await trader.get("/internal-deals/new", type="mm_deposit")).form("internal.offer")


async def test_a_transfer_goes_from_hand_to_hand_on_the_pages(bank_world: World) -> None:
    await a_desk(bank_world)
    deal = await captured(bank_world)
    await verified(bank_world, deal)
    trader = await signed_in(bank_world, "trader")
    form = (await trader.get("/transfers")).form("transfer")
    facts = {
        "purpose": "own_accounts",
        "amount": "1,165,000.00",
        "currency": "USD",
        "from_account": "NOSTRO EUR",
        "to_account": "NOSTRO USD",
        "value_date": "2026-10-29",
        "reason": "cover",
    }
    parts = {"_deal_1": deal["id"], "_amount_1": "1,165,000.00"}
    page = await trader.submit(form, **facts, **parts)
    assert "requested" in page.text
    assert not page.offers("transfer.prepare")
    (link,) = {link for link in (await trader.get("/transfers")).links if link.startswith("/transfers/")}
    for account, act in (
        ("settler", "transfer.prepare"),
        ("releaser", "transfer.release"),
        ("other-releaser", "transfer.release"),
    ):
        visitor = await signed_in(bank_world, account)
        page = await visitor.act(link, f"/acts/{act}")
    assert "released" in page.text

    await trader.submit((await trader.get("/transfers")).form("transfer"), **facts)
    settler = await signed_in(bank_world, "settler")
    (second,) = {
        link
        for link in (await settler.get("/transfers", state="requested")).links
        if link.startswith("/transfers/")
    }
    held = await settler.act(second, "/acts/transfer.prepare")
    assert "it does not say which deals it is for" in held.text
    for account in ("risk-controller", "accountant"):
        visitor = await signed_in(bank_world, account)
        work = await visitor.get("/work")
        assert second in work.links
        page = await visitor.act(
            second, "/acts/transfer.review", verdict="reject", reason="no deal behind it"
        )
    assert "refused" in page.text
