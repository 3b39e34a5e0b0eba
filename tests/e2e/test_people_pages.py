"""The administration of people on pages: persons and accounts, passwords, sessions, moving and leaving."""

import re

from service import page_forms
from tests.bank import PASSWORD, World
from tests.rights import account_of, person_of
from tests.visiting import Sheet, at_the_door, held, signed_in

REASON = {"reason": "as the personnel department says"}


async def test_a_newcomer_is_registered_given_an_account_and_a_password_and_leaves(bank_world: World) -> None:
    requester, admin = (
        await signed_in(bank_world, "rights-requester"),
        await signed_in(bank_world, "rights-admin"),
    )
    form = (await requester.get("/persons")).form("person.register")
    unit, other = form.choices["unit"][1:3]
    named = {"name": "Newcomer of the desk", "staff_number": "N-1", "unit": unit}
    page = await requester.submit(form, **named)
    assert "Newcomer of the desk" in page.text
    assert not page.offers("account.open")  # whoever registers people opens no account
    person = re.search(r"Id ([0-9a-f-]{36})", page.text)
    assert person is not None
    path = f"/persons/{person.group(1)}/accounts"
    again = await requester.submit((await requester.get("/persons")).form("person.register"), **named)
    assert "given to somebody before" in again.text

    page = await admin.act(path, "account.open", name="newcomer", office="front_office")
    assert "newcomer" in page.text
    reset = next(one for one in page.forms if one.action.endswith("/password"))
    answer = await admin.send(reset)
    assert answer.status_code == 200
    once = re.search(r'<output class="secret">([a-z0-9-]+)</output>', answer.text)
    assert once is not None
    stale = await admin.submit(reset, version="7")
    assert "You saw version 7" in stale.text
    assert once.group(1) not in "".join((await admin.get(path)).words)

    moved = await admin.act(path, "person.move", unit=other, **REASON)
    assert "The account" not in moved.text
    left = await admin.act(path, "person.disable", **REASON)
    assert "left" in left.text
    assert not left.offers("person.move")
    assert "nothing is opened for them" in left.text
    _, refused = await at_the_door(bank_world, "newcomer", once.group(1))
    assert refused.status_code == 401


async def test_sessions_are_ended_one_by_one_on_the_own_page_and_all_by_the_administration(
    bank_world: World,
) -> None:
    here, _ = await at_the_door(bank_world, "trader")
    there, _ = await at_the_door(bank_world, "trader")
    page = await here.get("/account")
    assert page.text.count("this session") == 1
    ending = [one for one in page.forms if one.action == "/acts/session.close"]
    assert len(ending) == 1
    after = await here.submit(ending[0])
    assert not after.offers("session.close")
    assert (await there.client.get("/trades")).headers["location"].startswith("/sign-in")
    assert page_forms.SESSION_COOKIE in held(here)

    person, admin = await person_of(bank_world, "trader"), await signed_in(bank_world, "rights-admin")
    path = f"/persons/{person['id']}/accounts"
    assert path in (await admin.get("/persons", named="trader")).links
    after = await admin.act(path, "session.end", **REASON)
    assert "This person is signed in nowhere." in after.text
    assert (await here.client.get("/trades")).headers["location"].startswith("/sign-in")


async def test_the_page_of_a_persons_accounts_offers_nobody_what_the_gate_would_refuse(
    bank_world: World,
) -> None:
    own, admin = await person_of(bank_world, "rights-admin"), await signed_in(bank_world, "rights-admin")
    page = await admin.get(f"/persons/{own['id']}/accounts")
    assert not [
        one.action for one in page.forms if re.search(r"session\.end|person\.|/password$", one.action)
    ]
    assert "Somebody else must do this for you." in page.text

    trader = await signed_in(bank_world, "trader")
    assert (await trader.client.get(f"/persons/{own['id']}/accounts")).status_code == 403
    account = await account_of(bank_world, "verifier")
    whose = await person_of(bank_world, "verifier")
    form = next(
        one
        for one in (await admin.get(f"/persons/{whose['id']}/accounts")).forms
        if one.action.endswith(f"{account['id']}/password")
    )
    body = {"_token": (await trader.get("/account")).form("/sign-out").fields["_token"], "version": "1"}
    answer = await trader.client.post(form.action, data=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 403
    _, signed = await at_the_door(bank_world, "verifier", PASSWORD)
    assert Sheet(signed).words is not None
    assert signed.status_code == 303  # the old password is still good


async def test_a_service_account_is_handed_to_another_person_on_their_page(bank_world: World) -> None:
    whose, admin = await person_of(bank_world, "head-of-trading"), await signed_in(bank_world, "rights-admin")
    page = await admin.get(f"/persons/{whose['id']}/accounts")
    services = [one for one in page.forms if one.action == "/acts/account.assign"]
    said = [(await admin.submit(one)).text for one in services]
    assert any(
        "never meet in one person" in one for one in said
    )  # trading owns no service of the back office


async def test_a_name_of_any_latin_letters_is_taken_and_the_form_says_which_signs(bank_world: World) -> None:
    requester = await signed_in(bank_world, "rights-requester")
    form = (await requester.get("/persons")).form("person.register")
    named = {"staff_number": "N-7", "unit": form.choices["unit"][1]}
    refused = await requester.submit(form, **named, name="Desk & Verwaltung")
    assert "at most two in a row" in refused.text, "two blanks and a sign are three"
    taken = await requester.submit(refused.form("person.register"), **named, name="Sổ cái")
    assert "Sổ cái" in taken.text
