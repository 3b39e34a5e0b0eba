"""Work on the plain pages: taken, put back, handed over and given back, without a script, in both languages."""

import re

from tests.bank import World
from tests.settling import matched
from tests.visiting import SAME_ORIGIN, Sheet, Visitor, signed_in, struck


async def test_work_is_taken_handed_over_and_given_back_on_its_page(bank: World) -> None:
    await struck(await signed_in(bank, "trader"))
    verifier, risk = await signed_in(bank, "verifier"), await signed_in(bank, "risk-controller")
    queue = await verifier.get("/work", age="0-1")
    place = next(link for link in queue.links if link.startswith("/work/"))
    assert (await verifier.get("/work", age="8+")).text.count("Nothing waits here.") == 1

    taken = await verifier.act(place, "/acts/work.take")
    assert "verifier" in taken.text
    assert taken.offers("work.leave")
    other = await (await signed_in(bank, "other-verifier")).get(place)
    assert "Somebody else has taken this work" in other.text
    assert not other.offers("work.take")
    await verifier.act(place, "/acts/handover.offer", to="risk_control", reason="is this price explained?")
    assert place in (await risk.get("/work", place="offered")).links
    await risk.act(place, "/acts/handover.accept")
    assert place in (await verifier.get("/work", place="away")).links
    await risk.act(place, "/acts/handover.return", reason="explained by the fixing")
    german = await verifier.client.get(place, headers={"Accept-Language": "de"})
    assert "Alter in Geschäftstagen" in german.text
    assert 'href="/explain?action=trade.verify' in german.text, "why I may, and who else"
    rights = (await (await signed_in(bank, "verifier", language="de")).get("/account")).text
    assert "stimmt den Bedingungen eines erfassten Geschäfts zu" in rights


async def test_the_queue_stands_beside_its_object_and_one_act_is_done_for_several(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    for amount in ("1M", "2M", "3M"):
        await struck(trader, base_amount=amount)
    verifier = await signed_in(bank, "verifier")
    queue = await verifier.get("/work", kind="verify")
    opened = next(link for link in queue.links if "item=" in link)
    card = await verifier.get(opened)
    for words in (
        "We buy 1,000,000.00 EUR from First counterparty",
        "bp, tolerance 300 bp, reference 1.1652",
        "Limit of Counterparty ✓ held EUR",
        "Who did what so far",
        "This item",
    ):
        assert words in card.text, card.text
    after = await verifier.submit(card.form("verify"))
    assert "This item" not in after.text, "on to the next"
    assert "This item is done, or with another office." in (await verifier.get(opened)).text

    form = (await verifier.get("/work", kind="verify")).form("several")
    marks = {name: value for name, value in await marked(verifier) if "Verify" in value}
    assert len(marks) == 2
    first = next(iter(marks))
    stale = marks | {first: "9 stale one"}
    answer = await verifier.send(form, **stale)
    said = Sheet(answer).text
    assert "1 of the marked items is done. 1 is refused and stays marked." in said, said
    assert "stale one: ✕ refused" in said
    assert f'name="{first}" value="1 ' in answer.text
    assert " checked>" in answer.text
    again = Sheet(await verifier.send(form, **stale)).text
    assert "1 of the marked items is done." in again, "the same form sent twice acts once"
    assert "Nothing was marked." in Sheet(await verifier.send(form)).text
    assert (await verifier.send(form, **{"mark:x": "one"})).status_code == 400
    form.action = "/work?kind=take_notice"
    assert (await verifier.send(form)).status_code == 400
    risk = await signed_in(bank, "risk-controller")
    assert "several" not in [one.id for one in (await risk.get("/work", kind="justify")).forms]


async def test_an_act_for_several_stays_in_the_part_of_the_queue_that_the_reader_filtered(
    bank: World,
) -> None:
    trader = await signed_in(bank, "trader")
    for amount in ("1M", "2M", "3M"):
        await struck(trader, base_amount=amount)
    verifier, address = await signed_in(bank, "verifier"), "/work?kind=verify&age=0-1&mine=1"
    form = (await verifier.get(address)).form("several")
    assert form.action == address
    first, second, _ = marks = dict(await marked(verifier))
    other = await signed_in(bank, "other-verifier")
    assert (await other.send((await other.get(address)).form("several"), **{first: marks[first]})).is_success

    answer = await verifier.send(form, **{first: marks[first], second: marks[second]})
    sheet = Sheet(answer)
    assert "1 of the marked items is done. 1 is refused and no longer in this list." in sheet.text, sheet.text
    for kept in ('<option value="verify" selected>', '<option value="0-1" selected>', 'value="1" checked>'):
        assert kept in answer.text, kept
    assert {link for link in sheet.links if "item=" in link}
    for link in sheet.links:
        assert "item=" not in link or link.startswith(f"{address}&item="), link
    assert sheet.form("several").action == address


async def test_D_01_own_items_cannot_be_marked_and_are_counted(bank: World) -> None:
    deal = await matched(bank)
    settler = await signed_in(bank, "settler")
    legs = [link for link in (await settler.get(f"/trades/{deal.id}")).links if "/settlements/" in link]
    for leg in legs:
        await settler.act(leg, "prepare")
    marks = await marked(await signed_in(bank, "releaser"), "release")
    assert len(marks) == len(legs) == 2
    names = sorted(value.partition(" ")[2] for _, value in marks)
    assert [name.removeprefix("Release settlement FX-EUR 1, ") for name in names] == [
        "1,000,000.00 EUR",
        "−1,165,000.00 USD",
    ], "which of them is paid, and how much"
    form = (await (await signed_in(bank, "releaser")).get("/work", kind="release")).form("several")
    other = await signed_in(bank, "settler")
    assert "several" not in [one.id for one in (await other.get("/work", kind="release")).forms]
    answer = await other.client.post(form.action, data=form.fields | dict(marks), headers=SAME_ORIGIN)
    assert answer.status_code == 403, "another session's form"
    releaser = await signed_in(bank, "releaser")
    form = (await releaser.get("/work", kind="release")).form("several")
    assert "2 of the marked items are done." in Sheet(await releaser.send(form, **dict(marks))).text


async def marked(visitor: Visitor, kind: str = "verify") -> list[tuple[str, str]]:
    """Return the marks that a queue offers."""
    page = (await visitor.client.get("/work", params={"kind": kind})).text
    return re.findall(r'name="(mark:[0-9a-f-]+)" value="([^"]+)"', page)


async def test_work_handed_over_leads_its_new_owner_to_itself_and_nowhere_forbidden(bank: World) -> None:
    await struck(await signed_in(bank, "trader"), base_amount="1.3M")
    verifier, accountant = await signed_in(bank, "verifier"), await signed_in(bank, "accountant")
    place = next(link for link in (await verifier.get("/work", kind="verify")).links if "/work/" in link)
    await verifier.act(place, "/acts/handover.offer", to="accounting", reason="how is this booked?")
    offered = await accountant.get("/work", place="offered")
    await accountant.act(place, "/acts/handover.accept")
    for sheet in (offered, await accountant.get("/work"), await accountant.get(place)):
        assert not [link for link in sheet.links if link.endswith("/control")], sheet.links
        assert "/acts/trade.verify" not in [one.action for one in sheet.forms]
    assert place in (await accountant.get("/work")).links
    german = await signed_in(bank, "verifier", language="de")
    away = await german.get("/work", place="away")
    assert "eine andere Stelle" in away.text, "nobody of another office is named"
    await accountant.act(place, "/acts/handover.return", reason="as every deal")


async def test_a_deal_in_other_hands_is_not_offered_for_verification(bank: World) -> None:
    await struck(await signed_in(bank, "trader"), base_amount="1.4M")
    verifier, other = await signed_in(bank, "verifier"), await signed_in(bank, "other-verifier")
    queue = await verifier.get("/work", kind="verify")
    place = next(link for link in queue.links if "/work/" in link)
    card = next(link for link in queue.links if link.endswith("/control"))
    await verifier.act(place, "/acts/work.take")
    assert (await verifier.get(card)).offers("trade.verify")
    held = await other.get(card)
    assert "Somebody else has taken this work" in held.text
    assert not held.offers("trade.verify")
    await verifier.act(place, "/acts/work.leave")
    assert (await other.get(card)).offers("trade.verify")
