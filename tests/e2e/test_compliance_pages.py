"""The pages of compliance, audit and supervision, without a script and in both languages."""

from service.people.directory import service_actor
from service.supervision.issuing import DeskReports
from tests.bank import PASSWORD, World
from tests.integration.test_two_devices import OTHER, OWN, TRADER, at
from tests.rights import account_of, led_by
from tests.settling import captured, on_business_date
from tests.visiting import signed_in


async def test_D_21_a_desks_day_is_received_on_its_page_by_the_supervisor_of_today(bank: World) -> None:
    await captured(bank, executed_at="2026-10-27T05:00:00Z")
    await on_business_date(bank, "2026-10-28")
    await DeskReports(bank.bank.gate, service_actor).step()
    head = await signed_in(bank, "head-of-trading")
    queue = await head.get("/work")
    place = next(link for link in queue.links if link.startswith("/desk-reports#"))
    page = await head.get("/desk-reports")
    assert "Deals 1" in page.text
    assert "○ due" in page.text
    form = page.form(f"desk_report.acknowledge:{place.partition('#')[2]}")
    received = await head.submit(form, remark="the late entry is explained")
    assert "Your receipt is on record." in received.text
    kept = await head.get("/desk-reports", all="1")
    assert "the late entry is explained" in kept.text
    assert "✕" in (await head.submit(form, remark="once more")).text  # sent twice with another word

    await led_by(bank, "FX-2", "other-trader", "board-trading")
    assert "FX-2" not in (await head.get("/desk-reports", all="1")).text
    risk = await (await signed_in(bank, "risk-controller", language="de")).get("/desk-reports", all="1")
    assert "Tagesberichte der Handelstische" in risk.text
    assert not risk.offers("desk_report.acknowledge")
    for account in ("trader", "verifier"):
        visitor = await signed_in(bank, account)
        assert (await visitor.client.get("/desk-reports")).status_code == 403, account


async def test_A_10_compliance_says_on_its_page_who_was_on_the_second_device(bank: World) -> None:
    async with at(bank, OWN) as client:
        assert (await client.post("/api/sessions", json=TRADER)).status_code == 201
    async with at(bank, OTHER) as client:
        body = {"account": "trader", "password": PASSWORD}
        assert (await client.post("/api/sessions", json=body)).status_code == 409
    account = (await account_of(bank, "trader"))["id"]
    officer = await signed_in(bank, "compliance")
    assert f"/session-reviews#{account}" in (await officer.get("/work")).links
    page = await officer.get("/session-reviews")
    assert "trader" in page.text
    empty = await officer.submit(page.form(f"session.review:{account}"))
    assert "✕" in empty.text
    found = await officer.act("/session-reviews", f"session.review:{account}", finding="a new telephone")
    assert "The finding is on record." in found.text
    assert "No identity was tried" in found.text
    german = await (await signed_in(bank, "compliance", language="de")).get("/session-reviews")
    assert "Kein Versuch auf einem zweiten Gerät" in german.text
    for other in ("trader", "rights-admin", "auditor"):
        assert (await (await bank.as_(other)).get("/api/session-reviews")).status_code == 403
