"""Confirmations on the plain pages: alleged deals, alerts, other verification, papers, reminders; in both languages."""

import re

from tests.bank import World
from tests.confirming import alerts, alleged
from tests.settling import Deal, on_business_date, sent, the_post
from tests.visiting import Visitor, signed_in


async def test_an_alleged_deal_goes_from_the_message_to_trading_and_is_put_aside(bank: World) -> None:
    await sent(bank)
    message = await alleged(bank)
    verifier, trader = await signed_in(bank, "verifier"), await signed_in(bank, "trader")
    place = f"/confirmations/inbound/{message['id']}"
    assert place in (await verifier.get("/work")).links
    page = await verifier.get(place)
    assert "no deal of ours fits" in page.text
    assert "No counterparty alleges a deal" in (await trader.get("/alleged-deals")).text
    await verifier.act(place, "/acts/inbound.share", reason="no deal of ours fits")

    assert any(link.startswith("/alleged-deals#") for link in (await trader.get("/work")).links)
    answered = await trader.act(
        "/alleged-deals", "/acts/alleged.answer", known="false", said="the desk does not know it"
    )
    assert "does not know the deal – the desk does not know it" in answered.text
    again = await verifier.get(place)
    assert "does not know the deal" in again.text
    assert "not you" in again.text, "whoever asked trading does not put it aside"
    other = await signed_in(bank, "other-verifier")
    assert "put aside" in (await other.act(place, "/acts/inbound.dismiss", reason="they withdrew it")).text

    compliance = await signed_in(bank, "compliance")
    assert "a counterparty confirms a deal that is not ours" in (await compliance.get("/alerts")).text
    closed = await compliance.act(
        "/alerts", "/acts/alert.review", finding="asked the counterparty: entered twice there"
    )
    assert "No alert waits." in closed.text
    assert "entered twice there" in closed.text
    assert await alerts(bank, "compliance") == []
    assert (await trader.client.get("/alerts")).status_code == 403
    german = await verifier.client.get("/alleged-deals", headers={"Accept-Language": "de"})
    assert german.status_code == 403
    german = await trader.client.get("/alleged-deals", headers={"Accept-Language": "de"})
    assert "kennt das Geschäft nicht" in german.text


async def test_a_refusal_of_one_field_of_their_side_names_and_marks_that_field(bank: World) -> None:
    deal, confirmer = await sent(bank), await signed_in(bank, "confirmer")
    found = await deal.confirmation()
    place = f"/confirmations/{found['id']}"
    said = {f"fields.{name}": value for name, value in found["ours"].items()}
    wrong = said | {"fields.their_lei": "FÜNF"}
    page = await confirmer.submit((await confirmer.get(place)).form("counter"), **wrong)
    assert "Their LEI : This cannot be read as it stands; correct it." in page.text, page.text
    assert "#counter.fields.their_lei" in page.links
    await confirmer.send((await confirmer.get(place)).form("counter"), **wrong)
    shown = (await confirmer.client.get(place)).text
    marked = re.findall(r'name="(fields[^"]+)"[^>]*aria-invalid="true"', shown)
    assert marked == ["fields.their_lei"]


async def test_a_silent_counterparty_is_reminded_and_the_deal_verified_in_another_way_by_two(
    bank: World,
) -> None:
    deal = await sent(bank)
    await on_business_date(bank, "2026-10-28")
    await the_post(bank).remind()
    await the_post(bank).send()
    confirmer, verifier = await signed_in(bank, "confirmer"), await signed_in(bank, "verifier")
    place = f"/confirmations/{(await deal.confirmation())['id']}"
    page = await confirmer.get(place)
    assert "Reminder after business day 1" in page.text
    assert ".txt" in page.text, "the proof names the file"
    said = {"way": "call_back", "contact": "+49 69 99901 100", "said": "they repeated every term"}
    await confirmer.act(place, "substitute", **said)
    refused = await confirmer.get(place)
    assert not refused.offers("substitute.approve")
    agreed = await verifier.act(place, "/acts/substitute.approve")
    assert "verified otherwise" in agreed.text
    await papers_are_signed(verifier, place, deal)


async def papers_are_signed(verifier: Visitor, place: str, deal: Deal) -> None:
    """Look at the papers of a deal, and sign where a signature is due."""
    page = await verifier.get(place)
    assert "Counter-confirmation" in page.text
    assert (await deal.papers())["checklist"]["state"] == "complete"
    german = await verifier.client.get(place, headers={"Accept-Language": "de"})
    assert "Unterlagen" in german.text
    assert "Auf anderem Weg geprüft" in german.text


async def test_what_a_clerk_typed_is_signed_by_a_second_person_on_its_page(bank: World) -> None:
    deal = await sent(bank)
    confirmer, verifier = await signed_in(bank, "confirmer"), await signed_in(bank, "verifier")
    place = f"/confirmations/{(await deal.confirmation())['id']}"
    said = {f"fields.{name}": value for name, value in (await deal.confirmation())["ours"].items()}
    await confirmer.act(place, "counter", **said)
    matched = await confirmer.act(place, "/acts/confirmation.match")
    assert "A clerk typed what the counterparty says." in matched.text
    assert not matched.offers("checklist.sign")
    signed = await verifier.act(
        place, "checklist.sign", code="no_message", reason="they confirm by telephone"
    )
    assert "signed off" in signed.text
