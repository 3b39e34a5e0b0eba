"""Rights take three people each, and never join in one person what separation keeps apart."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from policies.vocabulary import Office
from service.demo.access import actor_named
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.errors import Refusal
from service.people.granting import (
    ApproveGrant,
    ExecuteGrant,
    RefuseGrant,
    RequestGrant,
    approve_grant,
    execute_grant,
    refuse_grant,
    request_grant,
)
from tests.bank import World
from tests.deals import by_force
from tests.rights import STEPS, disabled, granted, moved, newcomer, person_of, refused_as, requested, taken

RIGHTS = frozenset({"rights_requester", "rights_owner", "rights_admin"})


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
    await placed(bank_world, person, "FX desk")
    before = replace(bank_world.bank.gate, policy=replace(bank_world.bank.policy, separation=()))
    await by_force(bank_world, "DELETE FROM public.role_conflict")
    trader = await brought_in(before, bank_world, "new-trader", "trader")  # as if S-01 were new

    refused = await taken(bank_world, "execution", first)
    assert refused_as(refused) == (403, "roles_conflict", "S-01")

    assert (await taken(bank_world, "revocation", trader)).status_code == 200
    assert refused_as(await taken(bank_world, "execution", first)) == (403, "wrong_unit", "SEG-01")
    await placed(bank_world, person, "Settlement and control")
    assert (await taken(bank_world, "execution", first)).status_code == 200


async def placed(world: World, person: dict[str, Any], unit: str) -> None:
    """Let a person have belonged to a unit all along, past every act: a move would have ended what waits."""
    there = f"(SELECT id FROM unit WHERE name = '{unit}')"
    await by_force(world, f"UPDATE membership SET unit_id = {there} WHERE person_id = '{person['id']}'")
    await by_force(world, f"UPDATE person SET unit_id = {there} WHERE id = '{person['id']}'")


async def brought_in(gate: Gate, world: World, account: str, role: str) -> dict[str, Any]:
    """Take all three steps at another gate than the application's."""
    requester, owner, admin = [
        await actor_named(world.bank, who) for who in ("head-of-trading", "rights-owner", "rights-admin")
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

    assert refused_as(refused) == (403, "roles_conflict", "S-06")


async def test_S_12_nobody_holds_two_of_the_three_rights_over_rights(bank_world: World) -> None:
    await newcomer(bank_world, "Rights administration", new_rights=Office.ADMINISTRATION)
    await granted(bank_world, "new-rights", "rights_requester")

    for role in ("rights_owner", "rights_admin"):
        assert refused_as(await requested(bank_world, "new-rights", role)) == (403, "roles_conflict", "S-12")


async def test_S_12_of_two_roles_asked_for_at_once_one_is_refused(bank_world: World) -> None:
    await newcomer(bank_world, "Rights administration", new_rights=Office.ADMINISTRATION)

    answers = await asyncio.gather(
        *(requested(bank_world, "new-rights", role) for role in ("rights_owner", "rights_admin"))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 403]
    refused = next(answer for answer in answers if answer.status_code == 403)
    assert refused_as(refused) == (403, "roles_conflict", "S-12")


async def test_SEG_01_a_role_is_held_only_in_a_unit_of_its_own_function_class(bank_world: World) -> None:
    person = await newcomer(bank_world, "FX desk", new_settler=Office.BACK_OFFICE)
    refused = await requested(bank_world, "new-settler", "settler")
    assert refused_as(refused) == (403, "wrong_unit", "SEG-01")

    await placed(bank_world, person, "Settlement and control")
    grant = (await requested(bank_world, "new-settler", "settler")).json()
    await placed(bank_world, person, "FX desk")
    assert refused_as(await taken(bank_world, "approval", grant)) == (403, "wrong_unit", "SEG-01")
    await placed(bank_world, person, "Settlement and control")
    approved = await taken(bank_world, "approval", grant)
    assert approved.status_code == 200

    there = await moved(bank_world, person, "Legal")
    assert there.json()["rights_ended"] == 1  # what waits is not carried along
    assert refused_as(await taken(bank_world, "execution", approved.json()))[:2] == (409, "stale_version")


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
    await by_force(  # so that one who could approve as well is the manager
        bank_world,
        "UPDATE reporting_line SET functional_head_id = (SELECT person_id FROM account WHERE name = 'rights-requester') "
        "WHERE unit_id = (SELECT id FROM unit WHERE code = 'BO')",
    )
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
    asked = refused_as(await caller.post("/api/grants", body))
    line = (403, "not_the_manager", "ORG-04")  # a manager asks for the own people alone
    assert asked == (line if account == "head-of-trading" else (403, "not_permitted", "P:absent"))
    for step in STEPS:
        assert refused_as(await taken(bank_world, step, grant, by=account)) == (
            403,
            "not_permitted",
            "P:absent",
        )
    assert (
        await disabled(bank_world, await person_of(bank_world, "verifier"), by=account)
    ).status_code == 403
