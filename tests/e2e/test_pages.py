"""The plain pages: a deal through every office without a script, and what the pages never let through."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from litestar.routes import HTTPRoute

from policies.vocabulary import Action
from service import page_frame
from service.ui.navigation import PLACES
from tests.bank import PASSWORD, World
from tests.settling import captured, drain, matched, set_up, verified
from tests.visiting import SAME_ORIGIN, Sheet, Visitor, held, signed_in, stranger

TICKET = {
    "side": "buy",
    "base": "EUR",
    "quote": "USD",
    "base_amount": "1.5M",
    "rate": "1.1650",
    "value_date": "",
}
ENTER, CHECK = {"_do": "enter"}, {"_do": "check"}
HEADERS = (
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
)


@pytest.fixture
async def bank(bank_world: World) -> AsyncIterator[World]:
    """Give a bank with a counterparty, a portfolio and fixings."""
    await set_up(bank_world)
    yield bank_world


def chosen(sheet: Sheet) -> dict[str, str]:
    """Return the ticket filled in with the first counterparty and the first book."""
    form = sheet.form("trade.capture")
    return TICKET | {name: form.choices[name][-1] for name in ("counterparty", "portfolio")}


async def struck(trader: Visitor, **changed: str) -> Sheet:
    """Strike a deal by the ticket and return the page that follows."""
    ticket = await trader.get("/trades/new")
    return await trader.submit(ticket.form("trade.capture"), **chosen(ticket) | ENTER | changed)


def deal_in(sheet: Sheet) -> str:
    """Return the id of the deal a page shows."""
    found = re.search(r"\bId ([0-9a-f-]{36})", sheet.text)
    assert found is not None, sheet.text
    return found.group(1)


def button_in(sheet: Sheet, action: str) -> bool:
    return any(form.action == f"/acts/{action}" for form in sheet.forms)


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
    assert said.form("trade.capture").fields["value_date"] == "2026-10-29"  # spot, filled in
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
    assert "The leg is released." in (await releaser.act(leg, "release")).text
    early = await settler.act(leg, "complete")
    assert "the bank's business date is 2026-10-27" in early.text


async def test_a_cancellation_is_asked_for_by_trading_and_decided_outside(bank: World) -> None:
    deal = await captured(bank)
    trader, verifier = await signed_in(bank, "trader"), await signed_in(bank, "other-verifier")
    asked = await trader.act(f"/trades/{deal.id}", "cancel", reason="struck twice")
    assert "The cancellation is requested; the back office decides." in asked.text
    request = next(link for link in (await verifier.get("/work")).links if "/requests/" in link)
    assert "The deal is cancelled." in (await verifier.act(request, "approve")).text


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
    assert "Checked just now: this entry is number" in proved.text
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
    asks, owns = await signed_in(bank, "rights-requester"), await signed_in(bank, "rights-owner")
    wish = {"account": "mover-control", "role": "verifier", "reason": "moves to control"}
    assert "Against a rule" in (await asks.act("/rights", "grant.request", **wish | {"role": "trader"})).text
    refused = await asks.act("/rights", "grant.request", **wish)
    assert "refused: Request right" in refused.text  # still a trader: the static conflict
    assert not button_in(await owns.get("/rights"), "grant.approve")


# What nobody gets through ----------------------------------------------------------------------------


async def test_CSRF_a_form_from_elsewhere_is_refused(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    ticket = await trader.get("/trades/new")
    body = ticket.form("trade.capture").fields | chosen(ticket) | ENTER

    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.test"},
        {"Origin": "null"},
        {},
    ):
        answer = await trader.client.post("/trades/new", data=body, headers=headers)
        assert answer.status_code == 403, headers
        assert "not sent from a page of this service" in answer.text
    assert "No deal here." in (await trader.get("/trades")).text
    own = await trader.client.post("/trades/new", data=body, headers={"Origin": "https://bank.test"})
    assert own.status_code == 303


async def test_CSRF_a_token_of_another_session_is_refused(bank: World) -> None:
    trader, other = await signed_in(bank, "trader"), await signed_in(bank, "other-trader")
    ticket = await trader.get("/trades/new")
    foreign = (await other.get("/trades/new")).form("trade.capture").fields["_token"]

    for token in (foreign, "", "0" * 64):
        answer = await trader.send(
            ticket.form("trade.capture"), **chosen(ticket) | ENTER | {"_token": token}
        )
        assert answer.status_code == 403
        assert "belongs to another session" in answer.text
    assert "No deal here." in (await trader.get("/trades")).text


async def test_signing_in_from_elsewhere_is_refused(bank_world: World) -> None:
    visitor = stranger(bank_world)
    body = {"account": "trader", "password": PASSWORD}
    answer = await visitor.client.post("/sign-in", data=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert held(visitor) == {}


async def test_a_form_sent_twice_acts_once(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    ticket = await trader.get("/trades/new")
    form, fields = ticket.form("trade.capture"), chosen(ticket) | ENTER

    first, second = await trader.send(form, **fields), await trader.send(form, **fields)

    assert first.headers["location"] == second.headers["location"]
    deals = (await (await bank.as_("trader")).get("/api/trades")).json()["items"]
    assert len(deals) == 1


async def test_a_trader_sees_no_button_of_another_office(bank: World) -> None:
    deal = await matched(bank)
    trader = await signed_in(bank, "trader")
    own = {"trade.capture", "trade.resubmit", "cancellation.request"}
    for path in ("/", "/work", "/trades", "/trades/new", f"/trades/{deal.id}", "/parties", "/positions"):
        page = await trader.get(path)
        acts = {form.action.removeprefix("/acts/") for form in page.forms if "/acts/" in form.action}
        assert acts <= own, path
        assert not [link for link in page.links if link.startswith(("/confirmations", "/settlements"))], path
        assert f"/trades/{deal.id}/control" not in page.links


async def test_every_page_of_another_office_refuses_the_trader_and_says_which_decision(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    powers = bank.bank.policy.powers(["trader"])
    foreign = [place.path for place in PLACES if powers.isdisjoint(place.actions)]
    assert "/entries" in foreign
    assert "/balances" in foreign
    for path in foreign:
        answer = await trader.client.get(path)
        assert answer.status_code == 403, path
        assert re.search(r"Decision</dt><dd><code class=\"id\">[0-9a-f-]{36}", answer.text), path
        assert path not in (await trader.get("/")).links


async def test_a_forged_act_of_another_office_is_refused_by_the_gate(bank: World) -> None:
    deal = await captured(bank)
    trader = await signed_in(bank, "trader")
    form = (await trader.get(f"/trades/{deal.id}")).form("cancel")
    form.action = "/acts/trade.verify"
    form.fields.pop("reason")

    page = await trader.submit(form)

    assert "refused: Verify deal" in page.text
    assert "P:absent" in page.text
    assert "○ captured" in page.text


async def test_whoever_entered_a_deal_is_told_why_not_instead_of_a_button(bank: World) -> None:
    """The same person, moved to the back office later, is kept apart by the deal's history (D-01)."""
    deal = await captured(bank, by="mover-trading")
    await move_to_control(bank)
    mover = await signed_in(bank, "mover-control")
    page = await mover.get(f"/trades/{deal.id}/control")

    assert not page.offers("trade.verify")
    assert "not you. Whoever entered a deal does not agree its terms (D-01)." in page.text
    german = await signed_in(bank, "mover-control", language="de")
    page = await german.get(f"/trades/{deal.id}/control")
    assert "nicht Sie. Wer ein Geschäft erfasst hat, stimmt seinen Bedingungen nicht zu (D-01)." in page.text


async def move_to_control(world: World) -> None:
    """Take the mover's trading right away, move the unit and give the verifier's right."""
    admin = await signed_in(world, "rights-admin")
    await admin.act("/rights?role=trader&state=executed", await revocation_of("mover-trading", admin), reason="moves")
    caller = await world.as_("rights-admin")
    people = (await caller.get("/api/persons", limit=200)).json()["items"]
    mover = next(one for one in people if any(a["name"] == "mover-control" for a in one["accounts"]))
    moved = await caller.post(
        f"/api/persons/{mover['id']}/move",
        {"version": mover["version"], "unit": "Settlement and control", "reason": "moves"},
    )
    assert moved.status_code == 200, moved.text
    asks, owns = await signed_in(world, "rights-requester"), await signed_in(world, "rights-owner")
    wish = {"account": "mover-control", "role": "verifier", "reason": "moves to control"}
    assert "The right is requested." in (await asks.act("/rights", "grant.request", **wish)).text
    assert "The right is approved" in (await owns.act("/rights", "/acts/grant.approve")).text
    assert "The right is in force." in (await admin.act("/rights?state=approved", "/acts/grant.execute")).text


async def revocation_of(account: str, admin: Visitor) -> str:
    """Return the id of the form that revokes the account's right."""
    answer = await admin.client.get("/rights?role=trader&state=executed")
    row = answer.text.split(f">{account}</th>")[1].split("</tr>")[0]
    found = re.search(r'id="(grant\.revoke:[0-9a-f-]{36})"', row)
    assert found is not None
    return found.group(1)


async def test_the_interface_ignores_the_cookie_and_pages_ignore_bearer_tokens(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    assert page_frame.SESSION_COOKIE in held(trader)
    assert (await trader.client.get("/api/powers")).status_code == 401
    refused = await trader.client.post("/api/trades", json={}, headers={"Idempotency-Key": str(uuid4())})
    assert refused.status_code == 401

    token = held(trader)[page_frame.SESSION_COOKIE]
    visitor = stranger(bank)
    answer = await visitor.client.get("/trades", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/trades"
    assert (await visitor.client.get("/api/powers", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_the_session_cookie_is_secure_and_out_of_reach_of_scripts(bank_world: World) -> None:
    visitor = stranger(bank_world)
    door = (await visitor.get("/sign-in")).form("/sign-in")
    answer = await visitor.send(door, account="trader", password=PASSWORD)
    (kept,) = answer.headers.get_list("set-cookie")
    assert kept.startswith("__Host-trennwand=tw.front_office.")
    for mark in ("Path=/", "Secure", "HttpOnly", "SameSite=lax"):
        assert mark.lower() in kept.lower()
    assert "domain" not in kept.lower()


async def test_signing_in_again_gives_a_new_token_and_ends_the_old_session(bank_world: World) -> None:
    visitor = await signed_in(bank_world, "trader")
    before = held(visitor)[page_frame.SESSION_COOKIE]
    door = (await visitor.get("/sign-in")).form("/sign-in")
    await visitor.send(door, account="trader", password=PASSWORD)
    after = held(visitor)[page_frame.SESSION_COOKIE]

    assert after != before
    old = stranger(bank_world)
    old.client.cookies.set(page_frame.SESSION_COOKIE, before)
    assert (await old.client.get("/trades")).status_code == 303


async def test_signing_out_ends_the_session_for_good(bank_world: World) -> None:
    trader = await signed_in(bank_world, "trader")
    token = held(trader)[page_frame.SESSION_COOKIE]
    page = await trader.act("/trades", "/sign-out")
    assert "You are signed out." in page.text
    assert page_frame.SESSION_COOKIE not in held(trader)
    trader.client.cookies.set(page_frame.SESSION_COOKIE, token)
    assert (await trader.client.get("/trades")).status_code == 303


async def test_a_wrong_password_is_said_without_saying_what_is_wrong(bank_world: World) -> None:
    visitor = stranger(bank_world)
    for account in ("trader", "nobody-of-this-name"):
        door = (await visitor.get("/sign-in", account=account)).form("/sign-in")
        answer = await visitor.send(door, password="not the password at all")
        assert answer.status_code == 401
        assert "This account and password do not belong together." in Sheet(answer).text
        assert Sheet(answer).form("/sign-in").fields["account"] == account
        assert "not the password at all" not in answer.text
    assert page_frame.SESSION_COOKIE not in held(visitor)


async def test_a_one_time_password_opens_only_the_choice_of_an_own_one(bank_world: World) -> None:
    admin = await bank_world.as_("rights-admin")
    people = (await admin.get("/api/persons", limit=200)).json()["items"]
    account = next(one for person in people for one in person["accounts"] if one["name"] == "trader")
    reset = await admin.post(f"/api/accounts/{account['id']}/password-reset", {"version": account["version"]})
    assert reset.status_code == 200, reset.text

    trader = await signed_in(bank_world, "trader", password=reset.json()["password"])
    assert (await trader.client.get("/trades")).headers["location"] == "/password"
    choice = (await trader.get("/password")).form("/password")
    differing = await trader.submit(choice, password="quite another long password", again="something else")
    assert "The two entries differ; nothing was changed." in differing.text
    assert "too easy to guess" in (await trader.submit(choice, password="a" * 20, again="a" * 20)).text
    new = "quite another long password"
    assert "Sign in with the new one." in (await trader.submit(choice, password=new, again=new)).text
    again = await signed_in(bank_world, "trader", password=new)
    assert (await again.client.get("/trades")).status_code == 200


async def test_next_leads_only_to_pages_of_ours(bank_world: World) -> None:
    for wanted in ("//elsewhere.test", "https://elsewhere.test/", "/\\elsewhere.test", "/api/powers", "/a\nb"):
        visitor = stranger(bank_world)
        door = (await visitor.get("/sign-in", account="trader")).form("/sign-in")
        answer = await visitor.send(door, password=PASSWORD, next=wanted)
        assert answer.headers["location"] == "/start", wanted
    visitor = stranger(bank_world)
    door = (await visitor.get("/sign-in", account="trader", next="/positions")).form("/sign-in")
    assert (await visitor.send(door, password=PASSWORD)).headers["location"] == "/positions"


async def test_every_answer_carries_the_security_headers_and_no_script(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    for path in ("/", "/trades", "/static/trennwand.css", "/static/nothing.css", "/nope", "/entries", "/sign-in"):
        answer = await trader.client.get(path)
        assert not [name for name in HEADERS if name not in answer.headers], path
        assert answer.headers["cache-control"] == "no-store"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text
        assert "style=" not in answer.text
    broken = await trader.client.post("/trades/new", content=b"\xff", headers=SAME_ORIGIN)
    assert broken.status_code == 415
    assert not [name for name in HEADERS if name not in broken.headers]


async def test_markup_in_a_name_is_shown_and_not_obeyed(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    page = await struck(trader, side_agreements="<script>alert(1)</script> & {{ 7*7 }}")
    assert "<script>alert(1)</script> & {{ 7*7 }}" in page.text
    answer = await trader.client.get(f"/trades/{deal_in(page)}")
    assert "<script>" not in answer.text
    answer = await trader.client.get("/sign-in", params={"account": '"><script>x</script>'})
    assert "<script>" not in answer.text


async def test_a_refused_ticket_keeps_what_was_typed_and_ties_the_error_to_its_field(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    ticket = await trader.get("/trades/new")
    answer = await trader.send(
        ticket.form("trade.capture"), **chosen(ticket) | ENTER | {"value_date": "2026-12-25"}
    )
    answer = await trader.client.get(answer.headers["location"])
    page = Sheet(answer)

    assert page.form("trade.capture").fields["base_amount"] == "1.5M"
    assert "EUR cannot be paid on Friday 2026-12-25" in page.text
    assert 'role="alert"' in answer.text
    assert 'href="#trade.capture.value_date"' in answer.text
    assert 'aria-describedby="trade.capture.value_date.hint trade.capture.value_date.error"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert page.form("trade.capture").fields["_key"] != ticket.form("trade.capture").fields["_key"]
    assert "Christmas Day" not in (await trader.get("/trades/new")).text  # said once


async def test_what_cannot_be_read_is_recorded_and_names_its_field(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    page = await struck(trader, base_amount="plenty")
    assert "This cannot be read as it stands; correct it." in page.text
    decision = re.search(r"Decision ([0-9a-f-]{36})", page.text)
    assert decision is not None
    page = await struck(trader, rate="")
    assert "Rate : This has to be filled in." in page.text
    compliance = await signed_in(bank, "compliance")
    assert "malformed" in (await compliance.get(f"/entries/{decision.group(1)}")).text


# Languages and formats -------------------------------------------------------------------------------


async def test_the_language_follows_the_browser_until_somebody_chooses(bank: World) -> None:
    trader = await signed_in(bank, "trader", language="de-DE,de;q=0.9,en;q=0.5")
    page = await trader.get("/trades/new")
    assert "Neues Geschäft" in page.text
    struck_ = await trader.submit(
        page.form("trade.capture"), **chosen(page) | ENTER | {"base_amount": "1.500.000,50", "rate": "1,1650"}
    )
    assert "Wir kaufen 1.500.000,50 EUR von First counterparty gegen 1.747.500,58 USD zu 1,1650" in struck_.text
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
        if isinstance(route, HTTPRoute) and page_frame.is_page(route.path)
        for handler in route.route_handlers
        if handler.opt.get("public")
    }
    assert public == {"/", "/sign-in", "/sign-out", "/language"}


async def test_every_place_of_the_menu_opens_for_whoever_sees_it(bank: World) -> None:
    await matched(bank)
    for account in ("trader", "verifier", "confirmer", "settler", "releaser", "steward", "steward-approver"):
        await every_place_opens(bank, account)


async def test_every_place_of_the_menu_opens_for_the_other_offices(bank: World) -> None:
    await matched(bank)
    for account in ("accountant", "closer", "risk-controller", "compliance", "auditor", "head-of-trading", "legal"):
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
