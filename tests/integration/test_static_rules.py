"""Two roles that no natural person holds together: asked for by a manager, at once with others, on loan, or by raw SQL.

One test for each rule whose roles exist; the accounts are second ones of people who hold the first role already.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.database import digest
from tests.bank import World
from tests.conftest import Template, a_copy
from tests.deputies import named
from tests.intruders import Intruder, append, intruder_of
from tests.rights import account_of, manager_of, person_of, refused_as, requested


@pytest.fixture(scope="module")
async def here(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Give one bank to all rules: none of them leaves a right behind."""
    async with a_copy(template, Path(tmp_path_factory.mktemp("rules")) / "bank") as world:
        yield world


async def kept_apart(world: World, rule: str, holder: str, office: Office, role: str, giver: str) -> None:
    """Try every way to bring ``role`` to the person of ``holder``; ``giver`` holds it and would lend it."""
    person = await person_of(world, holder)
    name = f"{holder}-{office.value}-{role}".replace("_", "-")[:40].rstrip("-")
    body = {"name": name, "person": person["id"], "office": office.value}
    opened = await (await world.as_("rights-admin")).post("/api/accounts", body)
    assert opened.status_code == 201, opened.text
    refused = (403, "roles_conflict", rule)
    assert refused_as(await requested(world, name, role)) == refused
    act = {
        "action": "grant.request",
        "command": {"account": name, "role": role, "reason": "only for a while"},
    }
    asker = await world.as_(await manager_of(world, name))
    (outcome,) = (await asker.post("/api/acts", [act])).json()
    assert (outcome["status"], outcome["problem"]["rule"]) == (403, rule)
    assert refused_as(await named(world, giver, name, role)) == (403, "duties_conflict", rule)
    await by_raw_sql(world, rule, opened.json()["id"], role)


async def by_raw_sql(world: World, rule: str, account: str, role: str) -> None:
    """The administration's own login writes the right as asked for."""
    intruder = await intruder_of(world, Office.ADMINISTRATION)
    effect = intruder.effect(kind="role_grant", after=digest({}))
    entry = intruder.line(act="grant.request", eff=[effect])
    statement = (
        "INSERT INTO role_grant (id, rev, account_id, role, state, reason) "
        f"VALUES ('{effect['id']}', 1, '{account}', '{role}', 'requested', 'x')"
    )
    with pytest.raises(DBAPIError, match=rule):
        await written(intruder, entry, statement)


async def written(intruder: Intruder, entry: dict[str, Any], statement: str) -> None:
    async with intruder.open() as connection:
        await append(connection, entry)
        await connection.exec_driver_sql(statement)


async def test_S_02_trading_and_risk_control(here: World) -> None:
    await kept_apart(here, "S-02", "trader", Office.RISK_CONTROL, "risk_controller", "risk-controller")


async def test_S_04_trading_and_the_back_office_of_credit(here: World) -> None:
    await kept_apart(here, "S-04", "trader", Office.CREDIT, "credit_officer", "credit-officer")


async def test_S_05_trading_and_compliance(here: World) -> None:
    await kept_apart(here, "S-05", "head-of-trading", Office.COMPLIANCE, "compliance_officer", "compliance")


async def test_S_08_trading_and_the_release_of_payments(here: World) -> None:
    await kept_apart(here, "S-01", "other-trader", Office.BACK_OFFICE, "releaser", "releaser")
    rules = {rule.control for rule in here.bank.policy.separation if rule.right == "settlement.release"}
    assert "S-08" in rules  # S-01 speaks first; S-08 holds by itself too, as the proof of the policy shows


async def test_S_10_trading_and_clearing_by_legal(here: World) -> None:
    await kept_apart(here, "S-10", "trader", Office.LEGAL, "counsel", "legal")


async def test_S_13_rights_and_the_log(here: World) -> None:
    await kept_apart(here, "S-13", "rights-admin", Office.COMPLIANCE, "log_custodian", "log-custodian")


async def test_S_17_payment_routes_and_the_release_of_payments(here: World) -> None:
    await kept_apart(here, "S-17", "steward", Office.BACK_OFFICE, "releaser", "releaser")


async def test_S_18_the_books_and_the_release_of_payments(here: World) -> None:
    await kept_apart(here, "S-18", "closer", Office.BACK_OFFICE, "releaser", "releaser")


async def test_S_19_the_books_and_the_preparation_of_payments(here: World) -> None:
    await kept_apart(here, "S-19", "accountant", Office.BACK_OFFICE, "settler", "settler")


async def test_S_20_risk_control_and_the_books(here: World) -> None:
    await kept_apart(here, "S-20", "risk-controller", Office.ACCOUNTING, "accountant", "accountant")


async def test_S_21_risk_control_and_the_back_office_of_credit(here: World) -> None:
    await kept_apart(here, "S-21", "head-of-risk", Office.CREDIT, "credit_officer", "credit-officer")


async def test_S_22_the_board_for_trading_and_the_board_for_the_back_office(here: World) -> None:
    await kept_apart(here, "S-22", "board-trading", Office.MANAGEMENT, "board_back", "board-back")


async def test_S_23_compliance_and_what_it_oversees(here: World) -> None:
    await kept_apart(here, "S-23", "compliance", Office.BACK_OFFICE, "verifier", "verifier")


async def test_D_16_nobody_looks_into_an_alert_about_themselves(here: World) -> None:
    account = await account_of(here, "compliance")
    path = f"/api/accounts/{account['id']}/session-reviews"
    await second_device(here, account["id"])
    own = await (await here.as_("compliance")).post(path, {"finding": "it was me"})
    assert refused_as(own)[:2] == (403, "own_matter")


async def second_device(world: World, account: str) -> None:
    """Have compliance asked about an account, as a second sign-in would."""
    intruder = await intruder_of(world, Office.COMPLIANCE)
    facts = (
        f'[{{"id": "{intruder.old_entry}", "office": "compliance", "kind": "second_device", "subject_kind": "account", '
        f'"subject": "{account}", "due": "{intruder.moment(3600)}", "entry": "ENTRY"}}]'
    )
    line = intruder.line()
    async with intruder.open() as connection:
        await append(connection, line)
        opened = facts.replace("ENTRY", line["id"]).replace("'", "''")
        await connection.exec_driver_sql(f"SELECT public.work_open('{opened}')")
