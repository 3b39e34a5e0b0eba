"""What counts for a natural person is everything they hold, by whatever way it came to them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from policies.policy import load
from policies.separation import SeparationRule, holders, role_conflicts
from policies.vocabulary import Office
from service.compliance.nightly import check_everybody
from service.demo.access import token_for
from service.kernel.errors import Refusal
from service.people.directory import actor_of_token
from tests.bank import World
from tests.conftest import Template, a_copy
from tests.deals import by_force, rows
from tests.intruders import Intruder, append, intruder_of
from tests.rights import account_of, acts_of, granted, newcomer, person_of, refused_as, requested, taken

POLICY = load()
KEPT_APART = role_conflicts(POLICY)


@pytest.fixture(scope="module")
async def here(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with a_copy(template, Path(tmp_path_factory.mktemp("effective")) / "bank") as world:
        yield world


def pairs() -> Iterator[tuple[str, str, str]]:
    """One pair of roles for each row of separation.csv."""
    for rule in POLICY.separation:
        left, right = sides(rule)
        yield rule.control, left, right


def sides(rule: SeparationRule) -> tuple[str, str]:
    people = [role for role in POLICY.roles if not role.startswith("svc_")]
    chosen = []
    for side in (rule.left, rule.right):
        held = holders(POLICY, side)
        chosen.append(next((role for role in people if role in held), min(held)))
    return chosen[0], chosen[1]


PAIRS = [pytest.param(*pair, id=f"{pair[0].replace('-', '_')}-{pair[1]}-{pair[2]}") for pair in pairs()]


async def planted(
    world: World, roles: tuple[str, ...], *, one_account: bool = False, owns: str | None = None
) -> str:
    """Put somebody with these rights into the database past every guard; return one of their accounts.

    ``owns``: they own the service account with this role.
    """
    person, offices = uuid4(), [POLICY.offices[role].value for role in roles]
    accounts = [uuid4()] * len(roles) if one_account else [uuid4() for _ in roles]
    name = f"planted-{person.hex[:8]}"
    unit = f"(SELECT id FROM unit WHERE function_class = '{offices[0]}' LIMIT 1)"
    columns = "person (id, rev, name, unit_id, disabled)"
    statements = [f"INSERT INTO {columns} VALUES ('{person}', 1, '{name}', {unit}, false)"]
    for number, account in enumerate(dict.fromkeys(accounts)):
        statements.append(
            "INSERT INTO account (id, rev, name, person_id, office, service, disabled) "
            f"VALUES ('{account}', 1, '{name}-{number}', '{person}', '{offices[number]}', false, false)"
        )
    statements += [
        "INSERT INTO role_grant (id, rev, account_id, role, state, reason) "
        f"VALUES ('{uuid4()}', 1, '{account}', '{role}', 'executed', 'planted')"
        for role, account in zip(roles, accounts, strict=True)
    ]
    if owns is not None:
        statements.append(
            f"UPDATE account SET owner_id = '{person}' WHERE name = '{owns.replace('_', '.', 1)}'"
        )
    await by_force(world, *statements)
    return f"{name}-0"


async def refusal_at_sign_in(world: World, account: str) -> tuple[str, str | None]:
    try:
        await token_for(world.bank, account)
    except Refusal as refusal:
        return refusal.code, refusal.rule
    return "signed in", None


def rule_between(left: str, right: str) -> str:
    """The first control, in the order of the file, that keeps two roles apart."""
    return next(
        rule.control
        for rule in POLICY.separation
        for one, other in ((rule.left, rule.right), (rule.right, rule.left))
        if left in holders(POLICY, one) and right in holders(POLICY, other)
    )


@pytest.mark.parametrize(("control", "left", "right"), PAIRS)
@pytest.mark.parametrize("way", ["directly", "by a second account", "by a service account"])
async def test_S_what_never_meets_signs_in_by_no_way(
    here: World, control: str, left: str, right: str, way: str
) -> None:
    """Every row of separation.csv: the roles of an office by inheritance, whatever account they came to."""
    if way == "by a service account":
        person, service = (left, right) if not left.startswith("svc_") else (right, left)
        service = f"svc_{POLICY.offices[service]}"
        if person == service or (person, service) not in KEPT_APART:
            return  # the office's own service has none of the powers that this row keeps from the role
        account = await planted(here, (person,), owns=service)
        expected = rule_between(*sorted((person, service), key=POLICY.roles.index))
    else:
        if left.startswith("svc_"):
            return  # nobody holds the role of a service; they own its account
        account = await planted(here, (left, right), one_account=way == "directly")
        expected = rule_between(left, right)
    code, rule = await refusal_at_sign_in(here, account)
    assert (code, rule) == ("roles_conflict", expected), control
    await here_again(here)


async def here_again(world: World) -> None:
    """Give the service accounts back to their owners."""
    await by_force(
        world,
        "UPDATE account a SET owner_id = p.id FROM person p "
        "WHERE a.service AND p.name = 'owner of the service of ' || a.office",
    )


async def test_S_12_three_rights_over_rights_never_meet_in_the_administration_itself(here: World) -> None:
    """The administration's own login writes a grant past the service: the database looks at the whole person."""
    person = await newcomer(here, "Rights administration", planted_rights=Office.ADMINISTRATION)
    await granted(here, "planted-rights", "rights_requester")
    account = await account_of(here, "planted-rights")
    intruder = await intruder_of(here, Office.ADMINISTRATION)
    effect = intruder.effect(kind="role_grant")
    with pytest.raises(DBAPIError, match="S-12"):
        await forced(
            intruder,
            intruder.line(act="grant.execute", eff=[effect]),
            "INSERT INTO role_grant (id, rev, account_id, role, state, reason) "
            f"VALUES ('{effect['id']}', 1, '{account['id']}', 'rights_admin', 'executed', 'mine')",
        )
    assert person["id"]


async def forced(intruder: Intruder, entry: dict[str, Any], statement: str) -> None:
    async with intruder.open() as connection:
        await append(connection, entry)
        await connection.exec_driver_sql(statement)


async def test_A_01_the_head_of_the_desk_gets_no_control_right_by_any_way(here: World) -> None:
    admin, head = await here.as_("rights-admin"), await person_of(here, "head-of-trading")
    body = {"name": "heads-second", "person": head["id"], "office": "back_office"}
    assert (await admin.post("/api/accounts", body)).status_code == 201

    assert refused_as(await requested(here, "heads-second", "releaser")) == (403, "roles_conflict", "S-01")
    service = await account_of(here, "svc.back_office")
    owned = await admin.post(
        f"/api/accounts/{service['id']}/owner", {"version": service["version"], "owner": head["id"]}
    )
    assert refused_as(owned) == (403, "roles_conflict", "S-01")
    told = await rows(here, "SELECT id FROM audit_entry WHERE act = 'grant.request' AND outcome = 'refuse'")
    assert told


async def test_S_27_nobody_owns_a_service_whose_acts_they_approve(here: World) -> None:
    admin = await here.as_("rights-admin")
    service = await account_of(here, "svc.back_office")
    for account in ("verifier", "releaser"):
        owner = (await person_of(here, account))["id"]
        body = {"version": service["version"], "owner": owner}
        refused = await admin.post(f"/api/accounts/{service['id']}/owner", body)
        assert refused_as(refused) == (403, "roles_conflict", "S-27")
    clerk = await newcomer(here, "Settlement and control")
    body = {"version": service["version"], "owner": clerk["id"]}
    assert (await admin.post(f"/api/accounts/{service['id']}/owner", body)).status_code == 200


async def test_a_right_begins_and_ends_by_itself(bank_world: World) -> None:
    await newcomer(bank_world, "Settlement and control", later_settler=Office.BACK_OFFICE)
    grant = await requested(bank_world, "later-settler", "settler", valid_from="2999-01-01T00:00:00Z")
    for step in ("approval", "execution"):
        grant = await taken(bank_world, step, grant.json())
        assert grant.status_code == 200, grant.text

    assert "settlement.prepare" not in await acts_of(bank_world, "later-settler")
    assert refused_as(await requested(bank_world, "later-settler", "settler"))[:2] == (409, "already_exists")
    twisted = await requested(
        bank_world,
        "other-settler",
        "confirmer",
        valid_from="2999-01-02T00:00:00Z",
        valid_until="2999-01-01T00:00:00Z",
    )
    assert refused_as(twisted)[:2] == (422, "end_in_past")


async def test_A_30_the_nightly_check_kills_the_sessions_of_whoever_holds_too_much(bank_world: World) -> None:
    """A control right kept after a move to a desk: found, its sessions ended, told to compliance, once."""
    token = await token_for(bank_world.bank, "trader")
    assert (await check_everybody(bank_world.bank.gate)).answer["conflicts"] == 0
    trader = await person_of(bank_world, "trader")
    await by_force(
        bank_world,
        "INSERT INTO account (id, rev, name, person_id, office, service, disabled) "
        f"VALUES ('{uuid4()}', 1, 'kept', '{trader['id']}', 'back_office', false, false)",
        "INSERT INTO role_grant (id, rev, account_id, role, state, reason) "
        f"SELECT '{uuid4()}', 1, id, 'releaser', 'executed', 'kept' FROM account WHERE name = 'kept'",
    )

    first = (await check_everybody(bank_world.bank.gate)).answer
    second = (await check_everybody(bank_world.bank.gate)).answer

    assert (first["persons"], first["sessions_ended"], second["sessions_ended"]) == (1, 1, 0)
    assert await actor_of_token(bank_world.bank.offices, token) is None
    assert (await refusal_at_sign_in(bank_world, "trader"))[0] == "roles_conflict"
    items = await rows(
        bank_world, "SELECT office, subject_id, reason FROM work_item WHERE kind = 'resolve_conflict'"
    )
    assert [(one.office, str(one.subject_id)) for one in items] == [("compliance", trader["id"])]
    (entry,) = await rows(
        bank_world,
        "SELECT convert_from(bytes, 'UTF8')::jsonb->'data' AS data FROM audit_entry "
        "WHERE act = 'right.check' ORDER BY recorded_at DESC LIMIT 1",
    )
    assert any(line.startswith("S-01") for line in entry.data["found"])
    lasting = await resolved(bank_world, trader["id"])
    assert refused_as(lasting)[:2] == (409, "conflict_lasts")
    await by_force(bank_world, "UPDATE role_grant SET state = 'revoked' WHERE reason = 'kept'")
    assert (await resolved(bank_world, trader["id"])).status_code == 200
    assert await token_for(bank_world.bank, "trader")


async def resolved(world: World, person: str) -> httpx.Response:
    body = {"reason": "the right was withdrawn"}
    return await (await world.as_("compliance")).post(f"/api/conflicts/{person}/closing", body)


async def test_SEG_01_a_right_kept_in_a_unit_of_another_class_opens_nothing(bank_world: World) -> None:
    await by_force(
        bank_world,
        "UPDATE person SET unit_id = (SELECT id FROM unit WHERE code = 'FX-1') WHERE name = 'verifier'",
    )
    found = (await check_everybody(bank_world.bank.gate)).answer
    assert found["persons"] == 1
    assert await refusal_at_sign_in(bank_world, "verifier") == ("roles_conflict", "SEG-01")
