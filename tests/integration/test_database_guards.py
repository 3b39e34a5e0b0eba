"""What the database itself refuses, whoever asks: changes without an entry, revisions that jump, removals."""

import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.failures import sqlstate
from tests import deals
from tests.bank import World
from tests.deals import rows
from tests.intruders import engine_of
from tests.keeping import findings, publish
from tests.parties import LEI, a_counterparty, a_portfolio

PARTY = {"lei": LEI, "name": "First counterparty", "bic": "COBADEFF"}
PROPOSAL = (
    "INSERT INTO proposal (id, rev, object_kind, object_id, payload, state) "
    "VALUES (gen_random_uuid(), {rev}, 'counterparty', gen_random_uuid(), '{{}}', 'open')"
)


ATTEMPTS = [
    (
        "master_data",
        PROPOSAL.format(rev=1),
        "23503",
    ),
    (
        "master_data",
        PROPOSAL.format(rev=2),
        "23514",
    ),
    ("master_data", "UPDATE proposal SET rev = rev + 1, state = 'approved'", "23503"),
    ("master_data", "UPDATE proposal SET state = 'approved'", "23514"),
    ("master_data", "UPDATE proposal SET rev = rev + 2", "23514"),
    ("master_data", "UPDATE proposal SET rev = rev - 1", "23514"),
    ("master_data", "DELETE FROM proposal", "42501"),
    ("master_data", "TRUNCATE proposal", "42501"),
    ("accounting", "UPDATE desk_time SET rev = rev + 1, business_date = business_date + 1", "23503"),
    ("accounting", "UPDATE desk_time SET business_date = business_date + 1", "23514"),
    ("administration", "UPDATE role_grant SET rev = rev + 1, state = 'executed'", "23503"),
    ("administration", "UPDATE person SET rev = rev + 1, disabled = false", "23503"),
]


async def test_no_office_changes_a_row_without_an_entry(bank_world: World) -> None:
    await (await bank_world.as_("steward")).post("/api/counterparties", PARTY)
    before = await counts(bank_world)

    outcomes = [
        (office, statement, await as_office(bank_world, Office(office), statement))
        for office, statement, _ in ATTEMPTS
    ]

    assert outcomes == ATTEMPTS
    assert await counts(bank_world) == before
    assert await findings(bank_world) == []


async def as_office(world: World, office: Office, statement: str) -> str:
    """Return how the database refused a statement of an office's login, at once or at the commit."""
    try:
        async with world.bank.offices[office].begin() as connection:
            await connection.exec_driver_sql(statement)
    except DBAPIError as failure:
        return str(sqlstate(failure))
    return "done"


async def test_not_even_the_owner_deletes_or_rewrites(bank_world: World) -> None:
    await a_counterparty(bank_world)
    await a_portfolio(bank_world)
    await deals.captured(bank_world)
    kept = await rows(
        bank_world,
        "SELECT c.relname AS name FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid "
        "WHERE NOT t.tgisinternal AND c.relkind = 'r' GROUP BY 1 ORDER BY 1",
    )
    statements = [f"DELETE FROM {row.name}" for row in kept] + [
        f"TRUNCATE {row.name} CASCADE" for row in kept
    ]
    statements += [
        f"UPDATE {table} SET {column} = {column}"
        for table, column in (("audit_entry", "act"), ("audit_effect", "after"), ("audit_index", "entry_id"))
    ]

    outcomes = {statement: await as_owner(bank_world, statement) for statement in statements}

    assert {
        one: outcome for one, outcome in outcomes.items() if outcome not in ("42501", "nothing there")
    } == {}
    assert {"trade", "audit_entry", "audit_effect", "position_movement"} <= {row.name for row in kept}


async def as_owner(world: World, statement: str) -> str:
    """Return how the database refused a statement of the tables' owner, or what else happened."""
    owner = (await rows(world, "SELECT tableowner FROM pg_tables WHERE tablename = 'trade'"))[0].tableowner
    async with engine_of(world.bank.admin_url) as engine, engine.connect() as connection:
        await connection.exec_driver_sql(f'SET ROLE "{owner}"')
        try:
            done = await connection.exec_driver_sql(statement)
        except DBAPIError as failure:
            return str(sqlstate(failure))
        finally:
            await connection.rollback()
        return "nothing there" if done.rowcount == 0 else "done"


async def test_an_entry_committed_too_late_would_run_against_time_and_is_refused(bank_world: World) -> None:
    await publish(bank_world)
    late = (
        "INSERT INTO public.audit_entry SELECT gen_random_uuid(), '\\x00', '\\x00', office, act, outcome, account, "
        "person, trade_id, clock_timestamp() - interval '91 seconds' FROM public.audit_entry LIMIT 1"
    )
    with pytest.raises(DBAPIError, match="committed too late") as failure:
        await as_administrator(bank_world, late)

    assert sqlstate(failure.value) == "40001", "the gate tries such an act again, with the time of then"


async def counts(world: World) -> dict[str, int]:
    """Return how many rows the tables of the log and the proposals hold."""
    tables = ("audit_entry", "audit_effect", "audit_pending", "proposal", "work_item")
    return {table: await deals.counted(world, table) for table in tables}


async def as_administrator(world: World, *statements: str) -> None:
    """Write past the gate, but with every guard on."""
    async with engine_of(world.bank.admin_url) as engine, engine.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
