"""The pages of compliance, audit and supervision, without a script and in both languages."""

from decimal import Decimal
from typing import Any

from service.people.directory import service_actor
from service.supervision.issuing import DeskReports
from tests.bank import PASSWORD, World
from tests.deputies import deputised
from tests.integration.test_two_devices import OTHER, OWN, TRADER, at
from tests.rights import account_of, granted, led_by, person_of, requested, taken
from tests.settling import captured, done, on_business_date
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


async def test_a_person_and_a_deal_are_told_over_all_accounts_and_offices(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    assert (await deal.do("trader", "verification")).status_code == 403
    done(await deal.do("verifier", "verification"))
    person = await person_of(ready_bank, "trader")
    admin = await ready_bank.as_("rights-admin")
    body = {"name": "trader-again", "person": person["id"], "office": "front_office"}
    assert (await admin.post("/api/accounts", body)).status_code == 201
    await granted(ready_bank, "trader-again", "head_of_trading")
    await deputised(ready_bank, "verifier", "confirmer", "verifier")

    officer = await signed_in(ready_bank, "compliance")
    listed = await officer.get("/persons", named="trader-again")
    assert f"/persons/{person['id']}" in listed.links
    seen = await officer.get(f"/persons/{person['id']}")
    for said in ("trader-again", "Head of trading", "FX desk", "Verify deal", "P:absent"):
        assert said in seen.text, said
    refused = await officer.get(f"/persons/{person['id']}", outcome="refuse")
    assert "P:trader:trade.capture" not in refused.text
    told = (await (await ready_bank.as_("auditor")).get(f"/api/persons/{person['id']}/history")).json()
    held = {one["role"]: (one["from"] is not None, one["until"]) for one in told["roles"]}
    assert held == {"trader": (True, None), "head_of_trading": (True, None)}
    assert told["entries"]["refuse"] == 1
    assert told["units"][-1]["until"] is None
    giver = (await person_of(ready_bank, "verifier"))["id"]
    lent = (await (await ready_bank.as_("auditor")).get(f"/api/persons/{giver}/history")).json()
    assert [(one["given"], one["roles"]) for one in lent["delegations"]] == [(True, ["verifier"])]

    place = f"/entries/trades/{deal.id}"
    assert place in (await officer.get(f"/trades/{deal.id}")).links
    german = await (await signed_in(ready_bank, "auditor", language="de")).get(place)
    assert "Jede Handlung und jede Verweigerung" in german.text
    for wanted, said in (
        (f"/evidence?trade={deal.id}", deal.id),
        (f"/evidence?person={person['id']}", person["id"]),
    ):
        assert wanted in (await officer.get(place if said == deal.id else f"/persons/{person['id']}")).links
        begun = (await officer.get(wanted)).form("/evidence").fields
        assert said in (begun["trade"], begun["person"])
        assert begun["scope"] == ("trade" if said == deal.id else "person")
    story = await officer.get(place, office="front_office", outcome="refuse")
    assert "Verify deal" in story.text
    assert "Capture deal" not in story.text
    for account in ("trader", "verifier", "rights-admin"):
        nosy = await signed_in(ready_bank, account)
        for path in (place, f"/persons/{person['id']}"):
            assert (await nosy.client.get(path)).status_code == 403, (account, path)
    revoked = await taken(ready_bank, "revocation", (await held_by(ready_bank, "trader-again")))
    assert revoked.status_code == 200, revoked.text
    after = (await (await ready_bank.as_("auditor")).get(f"/api/persons/{person['id']}/history")).json()
    ended = next(one for one in after["roles"] if one["role"] == "head_of_trading")
    assert ended["until"] > ended["from"]


async def test_evidence_without_what_it_is_about_is_refused_beside_that_field(ready_bank: World) -> None:
    for language, said in (("en", "Deal id"), ("de", "Geschäftskennung")):
        officer = await signed_in(ready_bank, "compliance", language=language)
        page = await officer.act("/evidence", "/evidence", scope="trade", reason="the annual audit")
        assert "#evidence.export.trade" in page.links
        assert said in page.text


async def held_by(world: World, account: str) -> dict[str, Any]:
    """Return the newest grant of an account."""
    login = await account_of(world, account)
    found = await (await world.as_("auditor")).get("/api/grants", account=login["id"])
    return dict(found.json()["items"][-1])


async def test_ORG_13_controls_access_and_denials_are_told_from_policy_and_log(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    for _ in range(2):
        assert (await deal.do("trader", "verification")).status_code == 403
    person = await person_of(ready_bank, "trader")
    body = {"name": "trader-again", "person": person["id"], "office": "back_office"}
    assert (await (await ready_bank.as_("rights-admin")).post("/api/accounts", body)).status_code == 201
    refused = await requested(ready_bank, "trader-again", "verifier")
    assert refused.json()["rule"] == "S-01", refused.text
    done(await deal.do("verifier", "verification"))

    auditor = await ready_bank.as_("auditor")
    controls = {row["control"]: row for row in (await auditor.get("/api/controls")).json()["items"]}
    assert controls["D-01"]["state"] == controls["TRD-15"]["state"] == "shown"
    assert controls["D-01"]["evidence"]["act"] == "trade.verify"
    assert (controls["S-01"]["evidence"]["outcome"], controls["S-01"]["rules"]) == (
        "refuse",
        {"separation.csv": 1},
    )
    assert controls["TRD-19"]["state"] == "tested"  # nobody is away yet
    access = (await auditor.get("/api/access")).json()
    assert access["proof"]["ways"] == 0
    assert "S-01" in access["apart"]["trader"]["verifier"]["controls"]
    assert "trader" not in access["apart"]["trader"]
    tried = (await auditor.get("/api/denials")).json()["items"]
    line = next(row for row in tried if row["act"] == "trade.verify")
    assert (line["account_name"], line["rule"], line["tries"]) == ("trader", "P:absent", 2)

    officer = await signed_in(ready_bank, "compliance")
    shown = await officer.get("/controls", state="shown")
    assert "✓ shown" in shown.text
    assert "TRD-19" not in shown.text
    matrix = await officer.get("/access", role="trader")
    assert "0 ways for one person" in matrix.text
    assert "Trader never meets in one person with" in matrix.text
    denials = await officer.get("/denials")
    more = next(link for link in denials.links if link.startswith("/entries?") and "trade.verify" in link)
    assert "Verify deal" in (await officer.get(more.replace("&amp;", "&"))).text
    german = await signed_in(ready_bank, "auditor", language="de")
    for path, said in (("/controls", "Kontrollen"), ("/access", "0 Wege"), ("/denials", "Verweigerte")):
        assert said in (await german.get(path)).text
    trader = await signed_in(ready_bank, "trader")
    for path in ("/controls", "/access", "/denials", "/api/access"):
        assert (await trader.client.get(path)).status_code in (401, 403), path


async def test_SET_22_a_case_goes_its_way_on_its_pages_and_exposures_add_up(bank: World) -> None:
    deal = await captured(bank)
    verifier, officer = await signed_in(bank, "verifier"), await signed_in(bank, "compliance")
    begun = await verifier.act(
        "/cases", "case.open", title="a rate nobody saw", reason="the tape is silent", trade=deal.id
    )
    assert "The case is open." in begun.text
    place = next(link for link in (await verifier.get("/work")).links if link.startswith("/cases/"))
    empty = await verifier.act(place, "case.decide", outcome="cleared", reason="the trader explained it")
    assert "notes and claims are no evidence" in empty.text
    timeline = (await (await bank.as_("auditor")).get(f"/api/trades/{deal.id}/timeline")).json()
    entry = timeline[0]["entry"]
    noted = await verifier.act(place, "case.note", kind="evidence", note="the capture itself", entry=entry)
    assert "the capture itself" in noted.text
    decided = await verifier.act(place, "case.decide", outcome="cleared", reason="the tape was found")
    assert "plausibly explained" in decided.text
    assert not decided.offers("case.close")
    german = await signed_in(bank, "compliance", language="de")
    assert "Die Entscheidung wartet" not in (await german.get(place)).text
    closed = await german.act(place, "case.close", reason="einverstanden")
    assert "Der Fall ist geschlossen." in closed.text
    assert "✓ closed" in (await officer.get(place)).text
    assert place in (await officer.get("/cases")).links
    assert place not in (await officer.get("/cases", open="1")).links
    figures = (await (await bank.as_("compliance")).get("/api/dashboard")).json()["items"]
    assert ("open_cases", 0, "/cases?open=1") in {(one["name"], one["value"], one["link"]) for one in figures}
    trader = await signed_in(bank, "trader")
    for path in ("/cases", place):
        assert (await trader.client.get(path)).status_code == 403

    found = (await (await bank.as_("risk-controller")).get("/api/exposures")).json()
    open_eur = {span: Decimal(amount) for span, amount in found["total_eur"].items() if Decimal(amount)}
    (row,) = found["items"]
    assert open_eur == {"week": Decimal(row["total_eur"])}
    assert "1 to 7 days" in (await (await signed_in(bank, "risk-controller")).get("/exposures")).text
