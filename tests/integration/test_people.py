"""Persons come, move and leave; what ends, ends at once."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from policies.vocabulary import Office
from service.demo.access import actor_named, token_for
from service.kernel.errors import NotSignedIn
from service.people.directory import actor_of_token
from service.people.sessions import CloseSession, close_session
from service.people.use_cases import (
    DisablePerson,
    RegisterPerson,
    disable_person,
    register_person,
)
from tests.bank import PASSWORD, World
from tests.deputies import deputised
from tests.rights import (
    account_of,
    acts_of,
    asked,
    disabled,
    granted,
    moved,
    newcomer,
    open_items,
    person_of,
    refused_as,
    requested,
    taken,
)


async def test_a_newcomer_works_once_three_people_gave_the_right(bank_world: World) -> None:
    await newcomer(bank_world, "Settlement and control", new_verifier=Office.BACK_OFFICE)
    assert "trade.verify" not in await acts_of(bank_world, "new-verifier")

    grant = await requested(bank_world, "new-verifier", "verifier")
    assert (grant.status_code, grant.json()["state"], grant.json()["version"]) == (201, "requested", 1)
    assert (await open_items(bank_world)) == {"grant_approve"}
    approved = await taken(bank_world, "approval", grant.json())
    assert (approved.json()["state"], approved.json()["version"]) == ("approved", 2)
    assert (await open_items(bank_world)) == {"grant_execute"}
    assert "trade.verify" not in await acts_of(bank_world, "new-verifier")
    executed = await taken(bank_world, "execution", approved.json())
    assert (executed.json()["state"], executed.json()["version"]) == ("executed", 3)

    assert (await open_items(bank_world)) == set()
    assert "trade.verify" in await acts_of(bank_world, "new-verifier")


async def test_a_refused_request_gives_nothing_and_may_be_made_again(bank_world: World) -> None:
    await newcomer(bank_world, "Settlement and control", new_settler=Office.BACK_OFFICE)
    grant = (await requested(bank_world, "new-settler", "settler")).json()

    refused = await taken(bank_world, "refusal", grant)
    assert (refused.status_code, refused.json()["state"]) == (200, "refused")
    again = await taken(bank_world, "execution", refused.json())
    assert refused_as(again) == (409, "illegal_transition", None)
    assert (await requested(bank_world, "new-settler", "settler")).status_code == 201
    twice = await requested(bank_world, "new-settler", "settler")
    assert refused_as(twice) == (409, "already_exists", None)


async def test_a_right_may_end_by_itself(bank_world: World) -> None:
    await newcomer(bank_world, "Settlement and control", new_settler=Office.BACK_OFFICE)

    past = await requested(bank_world, "new-settler", "settler", valid_until="2020-01-01T00:00:00Z")
    local = await requested(bank_world, "new-settler", "settler", valid_until="2999-01-01T00:00:00")
    until = await requested(bank_world, "new-settler", "settler", valid_until="2999-01-01T00:00:00Z")

    assert refused_as(past) == (422, "end_in_past", None)
    assert local.status_code == 400
    assert until.status_code == 201
    (shown,) = (await (await bank_world.as_("auditor")).get("/api/grants", state="requested")).json()["items"]
    assert shown["valid_until"] == "2999-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"name": "Tr"}, 400, "name"),
        ({"name": "svc.back_office"}, 400, "name"),
        ({"name": "trader"}, 422, "name"),
        ({"name": "legal"}, 422, "name"),
        ({"name": "svc-legal"}, 422, "name"),
        ({"name": "other-trader"}, 409, "name"),
        ({"office": "log"}, 422, "office"),
        ({"office": "treasury"}, 400, "office"),
        ({"person": str(uuid4())}, 404, None),
        ({"password": "a very long password"}, 400, "password"),
    ],
)
async def test_an_account_has_a_name_of_its_own_and_an_office_with_people(
    bank_world: World, body: dict[str, str], status: int, field: str | None
) -> None:
    person = await newcomer(bank_world, "Legal")
    good = {"name": "new-counsel", "person": person["id"], "office": "legal"}

    refused = await (await bank_world.as_("rights-admin")).post("/api/accounts", good | body)

    assert refused.status_code == status, refused.text
    assert refused.json().get("field") == field


async def test_nothing_is_granted_that_the_office_does_not_have(bank_world: World) -> None:
    await newcomer(bank_world, "Settlement and control", new_settler=Office.BACK_OFFICE)
    for role in ("trader", "svc_back_office", "nonsense"):
        refused = await requested(bank_world, "new-settler", role)
        assert refused_as(refused) == (422, "foreign_role", None)
        assert refused.json()["detail"] == "The office of this account has no such role for people."
    assert (await requested(bank_world, "nobody", "settler")).status_code == 404
    assert refused_as(await requested(bank_world, "svc.back_office", "settler")) == (
        403,
        "of_a_service",
        None,
    )
    unknown = await (await bank_world.as_("rights-requester")).post(
        "/api/persons", {"name": "x", "unit": "Nowhere"}
    )
    assert refused_as(unknown) == (422, "unknown_unit", None)


async def test_the_name_of_a_person_never_enters_the_log(bank_world: World) -> None:
    person = await newcomer(bank_world, "Legal")

    (entry,) = await asked(bank_world, "SELECT convert_from(bytes, 'UTF8') AS line FROM public.audit_entry "
                                       "WHERE act = 'person.register'")  # fmt: skip
    assert person["id"] in entry.line
    assert "newcomer" not in entry.line


# At once -----------------------------------------------------------------------------------------


async def test_a_revoked_right_is_gone_even_for_a_request_that_has_begun(bank_world: World) -> None:
    await newcomer(bank_world, "Rights administration", new_rights=Office.ADMINISTRATION)
    grant = await granted(bank_world, "new-rights", "rights_requester")
    bank = bank_world.bank
    begun = await actor_of_token(bank.offices, await token_for(bank, "new-rights"))
    assert begun is not None

    assert (await taken(bank_world, "revocation", grant)).json()["state"] == "revoked"

    with pytest.raises(NotSignedIn):
        await bank.gate.perform(begun, register_person, RegisterPerson(name="too late", unit="Legal"))
    assert "person.register" not in await acts_of(bank_world, "new-rights")
    assert refused_as(await taken(bank_world, "revocation", {**grant, "version": 4})) == (
        409,
        "illegal_transition",
        None,
    )


async def test_an_approved_right_can_be_withdrawn_before_it_is_in_force(bank_world: World) -> None:
    await newcomer(bank_world, "Settlement and control", new_settler=Office.BACK_OFFICE)
    grant = (await requested(bank_world, "new-settler", "settler")).json()
    grant = (await taken(bank_world, "approval", grant)).json()

    assert (await taken(bank_world, "revocation", grant)).json()["state"] == "revoked"
    assert await open_items(bank_world) == set()


async def test_a_leaver_loses_every_access_at_once(bank_world: World) -> None:
    trader, person = await bank_world.as_("mover-trading"), await person_of(bank_world, "mover-trading")
    token = await token_for(bank_world.bank, "mover-trading")
    begun = await actor_of_token(bank_world.bank.offices, token)
    assert begun is not None

    left = await disabled(bank_world, person)
    assert (left.status_code, left.json()["version"]) == (200, 2)

    assert (await trader.get("/api/powers")).status_code == 401
    assert await actor_of_token(bank_world.bank.offices, token) is None
    with pytest.raises(NotSignedIn):  # it was authenticated before, and acts after
        await bank_world.bank.gate.perform(begun, close_session, CloseSession())
    async with bank_world.anonymous() as client:
        for account in ("mover-trading", "mover-control"):
            refused = await client.post("/api/sessions", json={"account": account, "password": PASSWORD})
            assert refused.status_code == 401
    after = await person_of(bank_world, "mover-trading")
    assert after["disabled"]
    assert all(account["disabled"] for account in after["accounts"])
    assert refused_as(await disabled(bank_world, after)) == (409, "disabled", None)
    assert refused_as(await requested(bank_world, "mover-trading", "head_of_trading")) == (
        409,
        "disabled",
        None,
    )
    reset = await (await bank_world.as_("rights-admin")).post(
        f"/api/accounts/{after['accounts'][0]['id']}/password-reset", {"version": 2}
    )
    assert refused_as(reset) == (409, "disabled", None)


async def test_an_act_and_the_disabling_of_its_person_never_overlap(bank_world: World) -> None:
    bank, gate = bank_world.bank, bank_world.bank.gate
    person = await person_of(bank_world, "rights-requester")
    admin = await actor_named(bank, "rights-admin")
    begun = await actor_of_token(bank.offices, await token_for(bank, "rights-requester"))
    assert begun is not None
    leave = DisablePerson(person=person["id"], version=1, reason="leaves the bank")

    last, left, *late = await asyncio.gather(
        gate.perform(begun, register_person, RegisterPerson(name="first", unit="Legal")),
        gate.perform(admin, disable_person, leave, opening=True),
        *(gate.perform(begun, register_person, RegisterPerson(name="more", unit="Legal")) for _ in range(4)),
        return_exceptions=True,
    )

    assert not isinstance(left, BaseException)
    assert all(not isinstance(one, BaseException) or isinstance(one, NotSignedIn) for one in (last, *late))
    entries = await asked(bank_world, "SELECT act FROM public.audit_entry WHERE outcome = 'allow' AND act IN "
                                      "('person.register', 'person.disable') ORDER BY recorded_at, id")  # fmt: skip
    done = sum(not isinstance(one, BaseException) for one in (last, *late))
    assert [row.act for row in entries].count("person.register") == done
    with pytest.raises(NotSignedIn):
        await gate.perform(begun, register_person, RegisterPerson(name="afterwards", unit="Legal"))


async def test_nobody_disables_moves_or_resets_themselves(bank_world: World) -> None:
    own = await person_of(bank_world, "rights-admin")
    admin = await bank_world.as_("rights-admin")

    reset = await admin.post(f"/api/accounts/{own['accounts'][0]['id']}/password-reset", {"version": 1})

    for refused in (await disabled(bank_world, own), await moved(bank_world, own, "Legal"), reset):
        assert refused_as(refused) == (403, "own_matter", None)


async def test_the_service_of_an_office_is_no_person_to_disable_or_to_sign_in(bank_world: World) -> None:
    service = await person_of(bank_world, "svc.back_office")
    admin = await bank_world.as_("rights-admin")
    (account,) = service["accounts"]
    grants = await admin.get("/api/grants", account=account["id"])
    (grant,) = grants.json()["items"]
    second = {"name": "second-login", "person": service["id"], "office": "back_office"}

    for refused in (
        await disabled(bank_world, service),
        await admin.post(f"/api/accounts/{account['id']}/password-reset", {"version": 1}),
        await admin.post("/api/accounts", second),
        await taken(bank_world, "revocation", grant),
    ):
        assert refused_as(refused) == (403, "of_a_service", None)


# Moving ------------------------------------------------------------------------------------------


async def test_a_former_trader_moved_to_the_back_office_leaves_every_trading_right_behind(
    bank_world: World,
) -> None:
    mover = await person_of(bank_world, "mover-trading")
    trading, control = mover["accounts"]
    admin = await bank_world.as_("rights-admin")
    signed_in = await bank_world.as_("mover-trading")

    early = await moved(bank_world, mover, "Settlement and control")
    assert refused_as(early) == (409, "rights_first", None)
    assert "trader" in early.json()["detail"]
    grants = await admin.get("/api/grants", person=mover["id"], state="executed")
    (grant,) = grants.json()["items"]
    assert (grant["account"], grant["role"]) == (trading["id"], "trader")
    assert (await taken(bank_world, "revocation", grant)).status_code == 200
    assert (await signed_in.get("/api/powers")).status_code == 401
    there = await moved(bank_world, mover, "Settlement and control")
    assert (there.status_code, there.json()["version"]) == (200, 2)

    await granted(bank_world, control["name"], "verifier")
    assert "trade.verify" in await acts_of(bank_world, "mover-control")
    assert "trade.capture" not in await acts_of(bank_world, "mover-trading")
    assert refused_as(await requested(bank_world, "mover-trading", "trader")) == (
        403,
        "roles_conflict",
        "S-01",
    )
    back = await moved(bank_world, there.json(), "FX desk")
    assert refused_as(back) == (409, "rights_first", None)


async def test_ORG_04_a_move_ends_sessions_rights_and_deputising_the_same_moment(bank_world: World) -> None:
    await newcomer(bank_world, "FX desk", new_trader=Office.FRONT_OFFICE)
    await deputised(bank_world, "trader", "new-trader", "trader")
    trader, person = await bank_world.as_("other-trader"), await person_of(bank_world, "other-trader")
    deputy = await person_of(bank_world, "new-trader")
    assert "trade.capture" in await acts_of(bank_world, "new-trader")

    done = await moved(bank_world, person, "Second FX desk")

    assert (done.status_code, done.json()["rights_ended"]) == (200, 1), done.text
    assert (await trader.get("/api/powers")).status_code == 401
    assert await acts_of(bank_world, "other-trader") == set()
    assert refused_as(await moved(bank_world, person, "FX desk")) == (409, "stale_version", None)
    current = await person_of(bank_world, "other-trader")
    assert refused_as(await moved(bank_world, current, "Nowhere")) == (422, "unknown_unit", None)
    assert (await moved(bank_world, deputy, "Second FX desk")).status_code == 200
    assert await acts_of(bank_world, "new-trader") == set()  # nobody stands in from another unit


async def test_ORG_04_what_a_leaver_led_or_owned_is_told_to_compliance(bank_world: World) -> None:
    head = await person_of(bank_world, "head-of-trading")
    left = await disabled(bank_world, head)

    assert left.status_code == 200, left.text
    assert len(left.json()["hand_over"]["units"]) == 2
    work = (await (await bank_world.as_("compliance")).get("/api/work", kind="dead_end")).json()["items"]
    assert {(one["subject"]["kind"], one["reason"]) for one in work} >= {("unit", "headless")}
    await newcomer(bank_world, "Compliance", new_owner=Office.COMPLIANCE)
    owner = await person_of(bank_world, "new-owner")
    service = next(
        one
        for one in (await person_of(bank_world, "svc.compliance"))["accounts"]
        if one["name"] == "svc.compliance"
    )
    body = {"version": service["version"], "owner": owner["id"]}
    assigned = await (await bank_world.as_("rights-admin")).post(f"/api/accounts/{service['id']}/owner", body)
    assert assigned.status_code == 200, assigned.text
    gone = await disabled(bank_world, owner)
    assert gone.json()["hand_over"] == {"units": [], "accounts": [service["id"]]}


# Passwords ---------------------------------------------------------------------------------------


async def test_a_one_time_password_opens_only_the_change_of_the_password(bank_world: World) -> None:
    account, admin = await account_of(bank_world, "trader"), await bank_world.as_("rights-admin")
    before = await bank_world.as_("trader")
    reset = await admin.post(f"/api/accounts/{account['id']}/password-reset", {"version": account["version"]})
    assert reset.status_code == 200
    once = reset.json()["one_time_password"]
    assert (await before.get("/api/powers")).status_code == 401

    async with bank_world.anonymous() as client:
        old = await client.post("/api/sessions", json={"account": "trader", "password": PASSWORD})
        assert old.status_code == 401
        opened = await client.post("/api/sessions", json={"account": "trader", "password": once})
        assert (opened.status_code, opened.json()["must_change_password"]) == (201, True)
        client.headers["Authorization"] = f"Bearer {opened.json()['token']}"
        for path in ("/api/powers", "/api/counterparties", "/api/units"):
            assert refused_as(await client.get(path))[:2] == (403, "not_permitted")
        body = {"password": "another long enough password"}
        assert (await client.put("/api/sessions/current/password", json=body)).status_code == 204
        assert (await client.get("/api/powers")).status_code == 401
        del client.headers["Authorization"]
        spent = await client.post("/api/sessions", json={"account": "trader", "password": once})
        assert spent.status_code == 401
        good = await client.post("/api/sessions", json={"account": "trader", **body})
        assert (good.status_code, good.json()["must_change_password"]) == (201, False)


async def test_a_one_time_password_stands_in_its_answer_and_nowhere_else(bank_world: World) -> None:
    account, admin = await account_of(bank_world, "trader"), await bank_world.as_("rights-admin")
    path, key = f"/api/accounts/{account['id']}/password-reset", str(uuid4())

    first = (await admin.post(path, {"version": 1}, key=key)).json()
    second = (await admin.post(path, {"version": 1}, key=key)).json()

    assert first["one_time_password"] != second["one_time_password"]  # the key keeps no secret to give again
    everywhere = await asked(
        bank_world,
        "SELECT convert_from(bytes, 'UTF8') AS line FROM public.audit_entry "
        "UNION ALL SELECT coalesce(answer, '') FROM public.idempotency_key",
    )
    lines = "\n".join(row.line for row in everywhere)
    assert "password.reset" in lines
    for secret in (first["one_time_password"], second["one_time_password"]):
        assert secret not in lines


async def test_failed_sign_ins_are_slowed_down_and_never_locked_out(bank_world: World) -> None:
    async with bank_world.anonymous() as client:

        async def tried(account: str, password: str) -> httpx.Response:
            return await client.post("/api/sessions", json={"account": account, "password": password})

        failed = [(await tried("trader", f"wrong password {number}")).status_code for number in range(5)]
        assert failed == [401] * 5
        slowed = await tried("trader", PASSWORD)
        assert refused_as(slowed) == (429, "too_many_tries", None)
        assert (await tried("other-trader", PASSWORD)).status_code == 201
        await asyncio.sleep(2.1)
        assert (await tried("trader", PASSWORD)).status_code == 201


# Reading -----------------------------------------------------------------------------------------


async def test_who_oversees_rights_sees_who_holds_which(bank_world: World) -> None:
    auditor = await bank_world.as_("auditor")

    traders = (await auditor.get("/api/grants", role="trader", state="executed")).json()["items"]
    assert {grant["account_name"] for grant in traders} == {
        "trader", "other-trader", "second-desk-trader", "mover-trading"
    }  # fmt: skip
    units = (await auditor.get("/api/units")).json()["items"]
    desk = next(unit for unit in units if unit["name"] == "FX desk")
    assert (desk["function_class"], desk["board_member"]["name"]) == ("front_office", "board-trading")
    on_desk = (await auditor.get("/api/persons", unit=desk["id"])).json()["items"]
    assert "second-desk-trader" not in {person["name"] for person in on_desk}
    nobody = (await auditor.get("/api/persons", disabled=True)).json()
    assert nobody == {"items": [], "next": None}


async def test_the_list_of_persons_goes_on_where_it_ended(bank_world: World) -> None:
    admin = await bank_world.as_("rights-admin")
    whole = (await admin.get("/api/persons", limit=200)).json()["items"]

    pages: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await admin.get("/api/persons", limit=17, **cursor)).json()
        pages += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert pages == whole
    assert len(whole) > 17


async def test_trading_sees_neither_persons_nor_grants(bank_world: World) -> None:
    for account in ("trader", "head-of-trading", "verifier"):
        caller = await bank_world.as_(account)
        for path in ("/api/persons", "/api/grants"):
            assert (await caller.get(path)).status_code == 403
