"""What the pages never let through: forms from elsewhere, foreign sessions, other offices' acts."""

import re
from uuid import uuid4

from service import page_forms
from service.faces import action_of
from service.ui.navigation import PLACES
from tests.bank import PASSWORD, World
from tests.settling import captured, matched
from tests.visiting import (
    ENTER,
    SAME_ORIGIN,
    Sheet,
    Visitor,
    at_the_door,
    chosen,
    deal_in,
    held,
    signed_in,
    stranger,
    struck,
)

HEADERS = (
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
)


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
    log = await (await signed_in(bank, "compliance")).get(
        "/entries", action="trade.capture", outcome="refuse"
    )
    assert log.text.count("forged_form") == 6  # every try is on record


async def test_CSRF_a_token_of_another_session_is_refused(bank: World) -> None:
    trader, other = await signed_in(bank, "trader"), await signed_in(bank, "other-trader")
    ticket = await trader.get("/trades/new")
    foreign = (await other.get("/trades/new")).form("trade.capture").fields["_token"]

    for token in (foreign, "", "0" * 64):
        answer = await trader.send(ticket.form("trade.capture"), **chosen(ticket) | ENTER | {"_token": token})
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
    own = {"trade.capture", "trade.resubmit", "cancellation.request", "confirmation.forward"}
    for path in ("/", "/work", "/trades", "/trades/new", f"/trades/{deal.id}", "/parties", "/positions"):
        page = await trader.get(path)
        acts = {form.action.removeprefix("/acts/") for form in page.forms if "/acts/" in form.action}
        assert acts <= own, path
        assert not [link for link in page.links if link.startswith(("/confirmations", "/settlements"))], path
        assert f"/trades/{deal.id}/control" not in page.links


async def test_every_page_of_another_office_refuses_the_trader_and_says_which_decision(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    powers = bank.bank.policy.powers(["trader"])
    guards = {
        route.path: action_of(handler)
        for route in bank.app.routes
        for handler in getattr(route, "route_handlers", [])
        if "GET" in handler.http_methods
    }
    foreign = [place.path for place in PLACES if guards[place.path] not in powers]
    assert not any(place.path in foreign for place in PLACES if not powers.isdisjoint(place.actions))
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
    rights = "/rights?role=trader&state=executed"
    await admin.act(rights, await revocation_of("mover-trading", admin, rights), reason="moves")
    caller = await world.as_("rights-admin")
    people = (await caller.get("/api/persons", limit=200)).json()["items"]
    mover = next(one for one in people if any(a["name"] == "mover-control" for a in one["accounts"]))
    moved = await caller.post(
        f"/api/persons/{mover['id']}/move",
        {"version": mover["version"], "unit": "Settlement and control", "reason": "moves"},
    )
    assert moved.status_code == 200, moved.text
    asks, owns = await signed_in(world, "board-back"), await signed_in(world, "rights-owner")
    wish = {"account": "mover-control", "role": "verifier", "reason": "moves to control"}
    assert "The right is requested." in (await asks.act("/rights/request", "grant.request", **wish)).text
    assert "The right is approved" in (await owns.act("/rights", "/acts/grant.approve")).text
    assert "The right is in force." in (await admin.act("/rights?state=approved", "/acts/grant.execute")).text


async def revocation_of(account: str, admin: Visitor, rights: str) -> str:
    """Return the id of the form that revokes the account's right."""
    answer = await admin.client.get(rights)
    row = answer.text.split(f">{account}</th>")[1].split("</tr>")[0]
    found = re.search(r'id="(grant\.revoke:[0-9a-f-]{36})"', row)
    assert found is not None
    return found.group(1)


async def test_the_interface_ignores_the_cookie_and_pages_ignore_bearer_tokens(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    assert page_forms.SESSION_COOKIE in held(trader)
    assert (await trader.client.get("/api/powers")).status_code == 401
    refused = await trader.client.post("/api/trades", json={}, headers={"Idempotency-Key": str(uuid4())})
    assert refused.status_code == 401

    token = held(trader)[page_forms.SESSION_COOKIE]
    visitor = stranger(bank)
    answer = await visitor.client.get("/trades", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/trades"
    assert (
        await visitor.client.get("/api/powers", headers={"Authorization": f"Bearer {token}"})
    ).status_code == 200


async def test_the_session_cookie_is_secure_and_out_of_reach_of_scripts(bank_world: World) -> None:
    _, answer = await at_the_door(bank_world, "trader")
    (kept,) = answer.headers.get_list("set-cookie")
    assert kept.startswith("__Host-trennwand=tw.front_office.")
    for mark in ("Path=/", "Secure", "HttpOnly", "SameSite=lax"):
        assert mark.lower() in kept.lower()
    assert "domain" not in kept.lower()


async def test_signing_in_again_gives_a_new_token_and_ends_the_old_session(bank_world: World) -> None:
    visitor = await signed_in(bank_world, "trader")
    before = held(visitor)[page_forms.SESSION_COOKIE]
    door = (await visitor.get("/sign-in")).form("/sign-in")
    await visitor.send(door, account="trader", password=PASSWORD)
    after = held(visitor)[page_forms.SESSION_COOKIE]

    assert after != before
    old = stranger(bank_world)
    old.client.cookies.set(page_forms.SESSION_COOKIE, before)
    assert (await old.client.get("/trades")).status_code == 303


async def test_signing_out_ends_the_session_for_good(bank_world: World) -> None:
    trader = await signed_in(bank_world, "trader")
    token = held(trader)[page_forms.SESSION_COOKIE]
    page = await trader.act("/trades", "/sign-out")
    assert "You are signed out." in page.text
    assert page_forms.SESSION_COOKIE not in held(trader)
    trader.client.cookies.set(page_forms.SESSION_COOKIE, token)
    assert (await trader.client.get("/trades")).status_code == 303


async def test_a_wrong_password_is_said_without_saying_what_is_wrong(bank_world: World) -> None:
    for account in ("trader", "nobody-of-this-name"):
        visitor, answer = await at_the_door(bank_world, account, "not the password at all")
        assert answer.status_code == 401
        assert "This account and password do not belong together." in Sheet(answer).text
        assert Sheet(answer).form("/sign-in").fields["account"] == account
        assert "not the password at all" not in answer.text
        assert page_forms.SESSION_COOKIE not in held(visitor)


async def test_a_one_time_password_opens_only_the_choice_of_an_own_one(bank_world: World) -> None:
    admin = await bank_world.as_("rights-admin")
    people = (await admin.get("/api/persons", limit=200)).json()["items"]
    account = next(one for person in people for one in person["accounts"] if one["name"] == "trader")
    reset = await admin.post(f"/api/accounts/{account['id']}/password-reset", {"version": account["version"]})
    assert reset.status_code == 200, reset.text

    trader, answer = await at_the_door(bank_world, "trader", reset.json()["one_time_password"])
    assert answer.headers["location"] == "/password"
    assert (await trader.client.get("/trades")).headers["location"] == "/password"
    choice = (await trader.get("/password")).form("/password")
    differing = await trader.submit(choice, password="quite another long password", again="something else")
    assert "The two entries differ; nothing was changed." in differing.text
    assert "too easy to guess" in (await trader.submit(choice, password="a" * 20, again="a" * 20)).text
    new = "quite another long password"
    assert "Sign in with the new one." in (await trader.submit(choice, password=new, again=new)).text
    again, _ = await at_the_door(bank_world, "trader", new)
    assert (await again.client.get("/trades")).status_code == 200


async def test_next_leads_only_to_pages_of_ours(bank_world: World) -> None:
    for wanted in (
        "//elsewhere.test",
        "https://elsewhere.test/",
        "/\\elsewhere.test",
        "/api/powers",
        "/a\nb",
    ):
        _, answer = await at_the_door(bank_world, "trader", next=wanted)
        assert answer.headers["location"] == "/start", wanted
    visitor = stranger(bank_world)
    door = (await visitor.get("/sign-in", account="trader", next="/positions")).form("/sign-in")
    assert (await visitor.send(door, password=PASSWORD)).headers["location"] == "/positions"


async def test_every_answer_carries_the_security_headers_and_no_script_of_its_own(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    for path in (
        "/",
        "/trades",
        "/static/trennwand.css",
        "/static/nothing.css",
        "/nope",
        "/entries",
        "/sign-in",
    ):
        answer = await trader.client.get(path)
        assert not [name for name in HEADERS if name not in answer.headers], path
        assert answer.headers["cache-control"] == "no-store"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search(r"<script(?! src=\"/static/[a-z0-9/.]+\" defer></script>)", answer.text), path
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
    page = Sheet(answer)

    assert answer.status_code == 422
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
