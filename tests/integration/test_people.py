"""Persons come, move and leave; rights take three people each; what ends, ends at once."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from policies.vocabulary import Office
from service.demo.access import actor_named, token_for
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.errors import NotPermitted, NotSignedIn, Refusal
from service.people.directory import actor_of_token
from service.people.use_cases import (
    ApproveGrant,
    DisablePerson,
    ExecuteGrant,
    RefuseGrant,
    RegisterPerson,
    RequestGrant,
    approve_grant,
    disable_person,
    execute_grant,
    refuse_grant,
    register_person,
    request_grant,
)
from tests.bank import PASSWORD, World

RIGHTS = frozenset({"rights_requester", "rights_owner", "rights_admin"})
STEPS = {
    "approval": "rights-owner",
    "refusal": "rights-owner",
    "execution": "rights-admin",
    "revocation": "rights-admin",
}


async def person_of(world: World, account: str) -> dict[str, Any]:
    """Return the person behind an account, as the rights administration sees them."""
    found = await (await world.as_("rights-admin")).get("/api/persons", limit=200)
    everybody: list[dict[str, Any]] = found.json()["items"]
    return next(one for one in everybody if account in {login["name"] for login in one["accounts"]})


async def account_of(world: World, account: str) -> dict[str, Any]:
    person = await person_of(world, account)
    return next(login for login in person["accounts"] if login["name"] == account)


async def requested(world: World, account: str, role: str, **more: Any) -> httpx.Response:
    body = {"account": account, "role": role, "reason": "joins the unit", **more}
    return await (await world.as_("rights-requester")).post("/api/grants", body)


async def taken(world: World, step: str, grant: dict[str, Any], by: str | None = None) -> httpx.Response:
    body = {"version": grant["version"]}
    if step in ("refusal", "revocation"):
        body["reason"] = "no longer needed"
    return await (await world.as_(by or STEPS[step])).post(f"/api/grants/{grant['id']}/{step}", body)


async def granted(world: World, account: str, role: str) -> dict[str, Any]:
    """Bring a right in force by three people."""
    answer = await requested(world, account, role)
    assert answer.status_code == 201, answer.text
    for step in ("approval", "execution"):
        answer = await taken(world, step, answer.json())
        assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def newcomer(world: World, unit: str, **accounts: Office) -> dict[str, Any]:
    """Register a person in the unit and open their accounts."""
    registered = await (await world.as_("rights-requester")).post(
        "/api/persons", {"name": "a newcomer", "unit": unit}
    )
    assert registered.status_code == 201, registered.text
    person: dict[str, Any] = registered.json()
    for name, office in accounts.items():
        body = {"name": name.replace("_", "-"), "person": person["id"], "office": office.value}
        opened = await (await world.as_("rights-admin")).post("/api/accounts", body)
        assert opened.status_code == 201, opened.text
    return person


async def moved(world: World, person: dict[str, Any], unit: str) -> httpx.Response:
    body = {"version": person["version"], "unit": unit, "reason": "changes the job"}
    return await (await world.as_("rights-admin")).post(f"/api/persons/{person['id']}/move", body)


async def disabled(world: World, person: dict[str, Any], by: str = "rights-admin") -> httpx.Response:
    body = {"version": person["version"], "reason": "leaves the bank"}
    return await (await world.as_(by)).post(f"/api/persons/{person['id']}/disablement", body)


def refused_as(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json()["code"], answer.json().get("rule")


async def asked(world: World, statement: str) -> list[Any]:
    """Return what the whole database holds, as its administrator."""
    admin = create_async_engine(world.bank.admin_url)
    async with admin.connect() as connection:
        found = list((await connection.execute(text(statement))).all())
    await admin.dispose()
    return found


# Coming ------------------------------------------------------------------------------------------


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


async def acts_of(world: World, account: str) -> set[str]:
    """Sign in anew and return what the account may do; without any role nobody even signs in."""
    try:
        token = await token_for(world.bank, account)
    except NotPermitted:
        return set()
    async with world.anonymous({"Authorization": f"Bearer {token}"}) as client:
        return set((await client.get("/api/powers")).json()["acts"])


async def open_items(world: World) -> set[str]:
    found = await asked(world, "SELECT kind FROM public.work_item WHERE closed_entry_id IS NULL")
    return {row.kind for row in found}


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
        ({"name": "trader"}, 409, "name"),
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


# Separation --------------------------------------------------------------------------------------


async def test_S_01_a_trader_gets_no_control_right_on_a_second_account(bank_world: World) -> None:
    refused = await requested(bank_world, "mover-control", "verifier")

    assert refused_as(refused) == (403, "roles_conflict", "S-01")
    assert "office:front_office" in refused.json()["detail"]
    assert "office:back_office" in refused.json()["detail"]


async def test_S_01_a_right_on_its_way_counts_as_well(bank_world: World) -> None:
    await newcomer(bank_world, "FX desk", new_trader=Office.FRONT_OFFICE, new_verifier=Office.BACK_OFFICE)
    assert (await requested(bank_world, "new-trader", "trader")).status_code == 201

    refused = await requested(bank_world, "new-verifier", "verifier")

    assert refused_as(refused) == (403, "roles_conflict", "S-01")


async def test_S_01_a_right_that_came_in_between_is_seen_at_execution(bank_world: World) -> None:
    person = await newcomer(
        bank_world, "Settlement and control", new_trader=Office.FRONT_OFFICE, new_verifier=Office.BACK_OFFICE
    )
    first = (await requested(bank_world, "new-verifier", "verifier")).json()
    first = (await taken(bank_world, "approval", first)).json()
    person = (await moved(bank_world, person, "FX desk")).json()
    before = replace(bank_world.bank.gate, policy=replace(bank_world.bank.policy, separation=()))
    trader = await brought_in(before, bank_world, "new-trader", "trader")  # as if S-01 were new
    person = (await moved(bank_world, person, "Second FX desk")).json()

    refused = await taken(bank_world, "execution", first)
    assert refused_as(refused) == (403, "roles_conflict", "S-01")

    assert (await taken(bank_world, "revocation", trader)).status_code == 200
    assert refused_as(await taken(bank_world, "execution", first)) == (403, "wrong_unit", "SEG-01")
    assert (await moved(bank_world, person, "Settlement and control")).status_code == 200
    assert (await taken(bank_world, "execution", first)).status_code == 200


async def brought_in(gate: Gate, world: World, account: str, role: str) -> dict[str, Any]:
    """Take all three steps at another gate than the application's."""
    requester, owner, admin = [
        await actor_named(world.bank, f"rights-{who}") for who in ("requester", "owner", "admin")
    ]
    asked_for = RequestGrant(account=account, role=role, reason="joins the unit")
    grant = (await gate.perform(requester, request_grant, asked_for, opening=True)).answer
    await gate.perform(owner, approve_grant, ApproveGrant(grant=grant["id"], version=1), opening=True)
    done = await gate.perform(admin, execute_grant, ExecuteGrant(grant=grant["id"], version=2), opening=True)
    return dict(done.answer)


@pytest.mark.parametrize(
    ("unit", "office", "role"),
    [
        ("FX desk", Office.FRONT_OFFICE, "trader"),
        ("Settlement and control", Office.BACK_OFFICE, "releaser"),
        ("Risk control", Office.RISK_CONTROL, "risk_controller"),
        ("Compliance", Office.COMPLIANCE, "compliance_officer"),
        ("Rights administration", Office.ADMINISTRATION, "rights_admin"),
    ],
)
async def test_S_06_an_auditor_has_no_other_task(
    bank_world: World, unit: str, office: Office, role: str
) -> None:
    await newcomer(bank_world, "Internal audit", new_auditor=Office.INTERNAL_AUDIT, second_job=office)
    await granted(bank_world, "new-auditor", "auditor")

    refused = await requested(bank_world, "second-job", role)

    assert refused_as(refused)[:2] == (403, "roles_conflict")
    assert refused.json()["rule"] in ("S-06", "S-11", "S-13")


async def test_S_12_nobody_holds_two_of_the_three_rights_over_rights(bank_world: World) -> None:
    await newcomer(bank_world, "Rights administration", new_rights=Office.ADMINISTRATION)
    await granted(bank_world, "new-rights", "rights_requester")

    for role in ("rights_owner", "rights_admin"):
        assert refused_as(await requested(bank_world, "new-rights", role)) == (403, "roles_conflict", "S-12")


async def test_SEG_01_a_role_is_held_only_in_a_unit_of_its_own_function_class(bank_world: World) -> None:
    person = await newcomer(bank_world, "FX desk", new_settler=Office.BACK_OFFICE)
    refused = await requested(bank_world, "new-settler", "settler")
    assert refused_as(refused) == (403, "wrong_unit", "SEG-01")

    person = (await moved(bank_world, person, "Settlement and control")).json()
    grant = (await requested(bank_world, "new-settler", "settler")).json()
    person = (await moved(bank_world, person, "FX desk")).json()
    assert refused_as(await taken(bank_world, "approval", grant)) == (403, "wrong_unit", "SEG-01")
    assert (await moved(bank_world, person, "Settlement and control")).status_code == 200
    assert (await taken(bank_world, "approval", grant)).status_code == 200


# Three people ------------------------------------------------------------------------------------


async def everything(world: World, account: str) -> Actor:
    """Return the person behind an account as if they held every right over rights."""
    return replace(await actor_named(world.bank, account), roles=RIGHTS)


async def rule_of(gate: Gate, actor: Actor, case: Any, command: Any) -> str | None:
    """Return the control that refuses the act, None if it was done."""
    try:
        await gate.perform(actor, case, command, opening=True)
    except Refusal as refusal:
        return refusal.rule
    return None


async def test_D_13_no_two_steps_of_a_right_by_one_person(bank_world: World) -> None:
    await newcomer(bank_world, "Settlement and control", new_settler=Office.BACK_OFFICE)
    gate = bank_world.bank.gate
    first, second, third = [
        await everything(bank_world, f"rights-{who}") for who in ("requester", "owner", "admin")
    ]
    asked_for = RequestGrant(account="new-settler", role="settler", reason="joins the unit")
    grant = (await gate.perform(first, request_grant, asked_for, opening=True)).answer["id"]

    assert await rule_of(gate, first, approve_grant, ApproveGrant(grant=grant, version=1)) == "D-13"
    assert (
        await rule_of(gate, first, refuse_grant, RefuseGrant(grant=grant, version=1, reason="mine")) == "D-13"
    )
    assert await rule_of(gate, second, approve_grant, ApproveGrant(grant=grant, version=1)) is None
    assert await rule_of(gate, first, execute_grant, ExecuteGrant(grant=grant, version=2)) == "D-13"
    assert await rule_of(gate, second, execute_grant, ExecuteGrant(grant=grant, version=2)) == "D-13"
    assert await rule_of(gate, third, execute_grant, ExecuteGrant(grant=grant, version=2)) is None


async def test_D_13_the_beneficiary_takes_no_step_not_even_from_another_account(bank_world: World) -> None:
    await newcomer(
        bank_world, "Settlement and control", new_settler=Office.BACK_OFFICE, new_rights=Office.ADMINISTRATION
    )
    gate = bank_world.bank.gate
    own = await everything(bank_world, "new-rights")
    asked_for = RequestGrant(account="new-settler", role="settler", reason="I want it")

    assert await rule_of(gate, own, request_grant, asked_for) == "D-13"
    grant = (await requested(bank_world, "new-settler", "settler")).json()
    assert await rule_of(gate, own, approve_grant, ApproveGrant(grant=grant["id"], version=1)) == "D-13"
    grant = (await taken(bank_world, "approval", grant)).json()
    assert await rule_of(gate, own, execute_grant, ExecuteGrant(grant=grant["id"], version=2)) == "D-13"
    assert (await taken(bank_world, "execution", grant)).status_code == 200


@pytest.mark.parametrize(
    "account", ["trader", "verifier", "head-of-trading", "compliance", "auditor", "steward"]
)
async def test_nobody_outside_the_administration_touches_rights(bank_world: World, account: str) -> None:
    await newcomer(bank_world, "Settlement and control", new_settler=Office.BACK_OFFICE)
    grant = (await requested(bank_world, "new-settler", "settler")).json()
    caller = await bank_world.as_(account)

    body = {"account": "new-settler", "role": "releaser", "reason": "why not"}
    assert refused_as(await caller.post("/api/grants", body)) == (403, "not_permitted", "P:absent")
    for step in STEPS:
        assert refused_as(await taken(bank_world, step, grant, by=account)) == (
            403,
            "not_permitted",
            "P:absent",
        )
    assert (
        await disabled(bank_world, await person_of(bank_world, "verifier"), by=account)
    ).status_code == 403


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
        await bank_world.bank.gate.perform(begun, register_person, RegisterPerson(name="late", unit="Legal"))
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


async def test_a_move_between_desks_of_one_office_ends_the_sessions_and_keeps_the_rights(
    bank_world: World,
) -> None:
    trader, person = await bank_world.as_("other-trader"), await person_of(bank_world, "other-trader")

    assert (await moved(bank_world, person, "Second FX desk")).status_code == 200

    assert (await trader.get("/api/powers")).status_code == 401
    assert "trade.capture" in await acts_of(bank_world, "other-trader")
    assert refused_as(await moved(bank_world, person, "FX desk")) == (409, "stale_version", None)
    current = await person_of(bank_world, "other-trader")
    assert refused_as(await moved(bank_world, current, "Nowhere")) == (422, "unknown_unit", None)


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
    assert (desk["function_class"], desk["board_line"]) == ("front_office", "trading")
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
