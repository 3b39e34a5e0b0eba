"""An office's process under an attacker's control: arbitrary SQL on that office's database login."""

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from policies.grants import table_grants
from policies.policy import Policy
from policies.vocabulary import Office
from service.kernel.failures import sqlstate
from service.migrations.logins import EVERY_OFFICE, ONE_OFFICE
from service.migrations.upgrade import upgrade
from tests.bank import World
from tests.deals import rows
from tests.intruders import intruder_of, login_of, prefix_of

LOG_TABLES: dict[Office, dict[tuple[str, str], tuple[str, ...]]] = {
    Office.LOG: {
        ("audit_entry", "SELECT"): (),
        ("audit_index", "INSERT"): (),
        ("audit_index", "SELECT"): (),
        ("audit_pending", "DELETE"): (),
        ("audit_pending", "SELECT"): (),
        ("audit_state", "SELECT"): (),
        ("audit_state", "UPDATE"): (),
    },
    **{
        office: {(f"audit_{table}", "SELECT"): () for table in ("entry", "effect", "index")}
        for office in (Office.COMPLIANCE, Office.INTERNAL_AUDIT)
    },
}
DATES = "DateStyle=ISO"  # of a function that spells dates for a digest
PLANNED_ONCE = "plan_cache_mode=force_generic_plan"
WITH_ITS_CALLERS_RIGHTS = (
    "act_recorded(bytea[],jsonb,jsonb,jsonb,jsonb)"  # calls others and can nothing of its own
)
SERVICE = Path(__file__).parents[2] / "service"
VERBS = ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE")
COLUMNS = """
SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attname) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') GROUP BY 1
"""
HELD = """
SELECT c.relname AS table, v.verb,
       CASE WHEN v.verb IN ('DELETE', 'TRIGGER', 'TRUNCATE') THEN '{}'
            ELSE array(SELECT a.attname::text FROM pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                         AND has_column_privilege(:login, c.oid, a.attnum, v.verb) ORDER BY 1) END AS columns
FROM pg_class c CROSS JOIN unnest(CAST(:verbs AS text[])) AS v(verb)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
  AND (has_table_privilege(:login, c.oid, v.verb)
       OR v.verb IN ('INSERT', 'REFERENCES', 'SELECT', 'UPDATE')
          AND has_any_column_privilege(:login, c.oid, v.verb))
"""

Matrix = dict[tuple[str, str], tuple[str, ...]]


@pytest.fixture
async def shut_bank(bank_world: World) -> World:
    """Give a bank whose copy of the database is shut like the one it was copied from."""
    bank = bank_world.bank
    await upgrade(bank.admin_url, bank.settings.data, bank.policy, prefix_of(bank_world))
    return bank_world


# Roles, tables, verbs -----------------------------------------------------------------------------


def expected(policy: Policy, office: Office, columns: dict[str, list[str]]) -> Matrix:
    """Return what the policy lets an office's login do, each table and verb with its columns."""
    granted = {(one.table, one.verb.value.upper()): one.columns for one in table_grants(policy)[office]}
    return {
        (table, verb): () if verb == "DELETE" else tuple(sorted(named or columns[table]))
        for (table, verb), named in (granted | LOG_TABLES.get(office, {})).items()
    }


async def test_each_login_holds_the_rights_that_follow_from_the_policy_and_no_other(shut_bank: World) -> None:
    columns = {row.table: row.columns for row in await rows(shut_bank, COLUMNS)}
    for office in Office:
        held = await rows(shut_bank, HELD, login=login_of(shut_bank, office), verbs=list(VERBS))

        matrix = {(row.table, row.verb): tuple(row.columns) for row in held}
        assert matrix == expected(shut_bank.bank.policy, office, columns), office


async def test_what_a_login_does_not_hold_fails_when_tried(shut_bank: World) -> None:
    columns = {row.table: row.columns for row in await rows(shut_bank, COLUMNS)}
    for office in Office:
        intruder = await intruder_of(shut_bank, office)
        may = expected(shut_bank.bank.policy, office, columns)
        for table, names in columns.items():
            tries = {
                "DELETE": f"DELETE FROM {table} WHERE false",
                "INSERT": f"INSERT INTO {table} ({names[0]}) SELECT NULL WHERE false",
                "SELECT": f"SELECT FROM {table} LIMIT 0",
                "TRUNCATE": f"TRUNCATE {table}",
            }
            for verb, statement in tries.items():
                allowed = await intruder.outcome_of(statement) != "42501"
                assert allowed == ((table, verb) in may), (office, statement)
            for verb in ("SELECT", "UPDATE"):
                for name in names if 0 < len(may.get((table, verb), ())) < len(names) else ():
                    change = f"UPDATE {table} SET {name} = DEFAULT WHERE false"
                    look = f"SELECT {name} FROM {table} LIMIT 0"
                    allowed = await intruder.outcome_of(change if verb == "UPDATE" else look) != "42501"
                    assert allowed == (name in may[table, verb]), (office, table, verb, name)
            if not any(may.get((table, "UPDATE"), ())):
                assert (
                    await intruder.outcome_of(f"UPDATE {table} SET {names[0]} = DEFAULT WHERE false")
                    == "42501"
                )


async def test_each_login_may_call_the_functions_meant_for_it_and_no_other(shut_bank: World) -> None:
    query = (
        "SELECT p.oid::regprocedure::text AS name, has_function_privilege(:login, p.oid, 'EXECUTE') AS may, "
        "p.prosecdef AS definer, p.proconfig AS settings, pg_get_userbyid(p.proowner) AS owner, "
        "p.prorettype = 'trigger'::regtype AS trigger "
        "FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace"
    )
    for office in Office:
        found = await rows(shut_bank, query, login=login_of(shut_bank, office))

        plain = {one.replace(" ", "") for one in (*EVERY_OFFICE, *ONE_OFFICE.get(office, ()))}
        assert {shortened(row.name) for row in found if row.may} == plain, office
        for row in found:
            assert row.owner == f"{prefix_of(shut_bank)}_owner"
            assert {*row.settings} - {DATES, PLANNED_ONCE} == {"search_path=pg_catalog, pg_temp"}, row.name
            assert row.definer or row.trigger or row.name == WITH_ITS_CALLERS_RIGHTS, row.name
    hidden = {
        "audit_store(text,bytea[])",
        "audit_genesis(bytea[])",
        "audit_import(bigint,bytea[])",
        "desk_now()",
        "limit_give_back(uuid,integer,uuid,text)",
        "limit_in_force(text,uuid,date)",
        "limit_wrongly_held(uuid,integer)",
        "own_office()",
        "policy_was_published(text)",
    }
    assert hidden <= {shortened(row.name) for row in found}


def shortened(signature: str) -> str:
    return signature.replace(" ", "").replace("public.", "")


async def test_no_login_is_more_than_a_login(shut_bank: World) -> None:
    facts = await rows(
        shut_bank,
        "SELECT r.rolname, r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls "
        "OR r.rolinherit AS privileged, "
        "EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid) AS member, "
        "EXISTS (SELECT FROM pg_shdepend d WHERE d.refobjid = r.oid AND d.deptype = 'o') AS owner, "
        "has_database_privilege(r.oid, current_database(), 'CREATE, TEMP') AS creates, "
        "has_database_privilege(r.oid, 'postgres', 'CONNECT') OR has_database_privilege(r.oid, 'template1', 'CONNECT') "
        "AS elsewhere, "
        "EXISTS (SELECT FROM pg_namespace n WHERE has_schema_privilege(r.oid, n.oid, 'CREATE')) AS builds, "
        "EXISTS (SELECT FROM pg_sequence s WHERE has_sequence_privilege(r.oid, s.seqrelid, 'USAGE, SELECT, UPDATE')) "
        "AS counts "
        "FROM pg_roles r WHERE r.rolname = ANY(:logins)",
        logins=[login_of(shut_bank, office) for office in Office],
    )
    assert len(facts) == len(Office)
    assert [row for row in facts if any(row[1:])] == []


# Statements that must fail for everybody ----------------------------------------------------------

FORBIDDEN = """
42501 SET ROLE "{prefix}_owner"
42501 SET ROLE "{prefix}_{other}"
42501 SET ROLE postgres
42501 SET SESSION AUTHORIZATION "{prefix}_{other}"
42501 SET session_replication_role = replica
42501 SELECT set_config('session_replication_role', 'replica', false)
42501 SET log_statement = 'none'
42501 COPY (SELECT 1) TO PROGRAM 'cat'
42501 COPY public.work_item FROM PROGRAM 'cat'
42501 COPY (SELECT 1) TO '/tmp/stolen'
42501 COPY public.work_item FROM '/etc/passwd'
42501 COPY public.credential TO STDOUT
42501 SELECT pg_read_file('/etc/passwd')
42501 SELECT pg_read_binary_file('PG_VERSION')
42501 SELECT pg_ls_dir('.')
42501 SELECT pg_stat_file('PG_VERSION')
42501 SELECT lo_import('/etc/passwd')
42501 SELECT lo_create(0)
42501 SELECT lo_creat(-1)
42501 SELECT lo_from_bytea(0, 'x')
42883 SELECT dblink('dbname=postgres', 'SELECT 1')
0A000|42501 CREATE EXTENSION dblink
0A000|42501 CREATE EXTENSION plpython3u
42501 CREATE TABLE public.own (x int)
42501 CREATE TEMP TABLE own (x int)
42501 CREATE TEMP VIEW own AS SELECT 1
42501 SELECT 1 INTO TEMP own
42501 CREATE SCHEMA own
42501 CREATE FUNCTION public.own() RETURNS int LANGUAGE sql AS 'SELECT 1'
42501 CREATE FUNCTION pg_temp.own() RETURNS int LANGUAGE sql AS 'SELECT 1'
42501 CREATE OR REPLACE FUNCTION public.own_office() RETURNS text LANGUAGE sql AS 'SELECT ''back_office'''
42501 CREATE TYPE public.own AS (x int)
42501 CREATE DOMAIN public.own AS int
42501 CREATE SEQUENCE public.own
42501 CREATE ROLE own SUPERUSER
42501 CREATE DATABASE own
42501 CREATE EVENT TRIGGER own ON ddl_command_end EXECUTE FUNCTION public.guard_append_only()
42501 CREATE TRIGGER own BEFORE INSERT ON public.work_item FOR EACH ROW EXECUTE FUNCTION public.guard_append_only()
42501 CREATE RULE own AS ON INSERT TO public.audit_entry DO INSTEAD NOTHING
42501 CREATE POLICY own ON public.fixing_set USING (true)
42501 CREATE PUBLICATION own FOR ALL TABLES
42501 CREATE SUBSCRIPTION own CONNECTION 'dbname=x' PUBLICATION y
42501 CREATE FOREIGN DATA WRAPPER own
42501 CREATE INDEX own ON public.work_item (office)
42501 ALTER TABLE public.audit_entry DISABLE TRIGGER ALL
42501 ALTER TABLE public.audit_entry ADD COLUMN own int
42501 ALTER TABLE public.trade DROP CONSTRAINT fk_trade_entry
42501 ALTER TABLE public.fixing_set DISABLE ROW LEVEL SECURITY
42501 ALTER POLICY published ON public.benchmark USING (true)
42501 ALTER TABLE public.work_item OWNER TO CURRENT_USER
42501 ALTER FUNCTION public.own_office() SECURITY INVOKER
42501 ALTER FUNCTION public.audit_append(bytea[]) SET search_path = public
42501 ALTER ROLE CURRENT_USER SUPERUSER
42501 ALTER ROLE "{prefix}_{other}" PASSWORD 'mine'
42501 ALTER DATABASE "{database}" SET session_replication_role = replica
42501 ALTER SYSTEM SET fsync = off
42501 ALTER DEFAULT PRIVILEGES FOR ROLE "{prefix}_owner" GRANT ALL ON TABLES TO PUBLIC
42501 DROP TABLE public.audit_entry
42501 DROP TRIGGER audit_entry_append_only ON public.audit_entry
42501 DROP POLICY published ON public.fixing_set
42501 DROP FUNCTION public.own_office()
42501 DROP OWNED BY "{prefix}_{other}"
42501 REASSIGN OWNED BY "{prefix}_owner" TO CURRENT_USER
42501 GRANT "{prefix}_owner" TO CURRENT_USER
42501 GRANT "{prefix}_{other}" TO CURRENT_USER
42501 GRANT ALL ON public.credential TO CURRENT_USER
42501 GRANT EXECUTE ON FUNCTION public.audit_store(text, bytea[]) TO CURRENT_USER
42501 REVOKE ALL ON public.idempotency_key FROM "{prefix}_owner"
42501 LOCK TABLE public.audit_entry IN ACCESS EXCLUSIVE MODE
42501 LOCK TABLE public.work_item IN EXCLUSIVE MODE
42501 SELECT rolpassword FROM pg_authid
42501 SELECT passwd FROM pg_shadow
42501 SELECT nextval('public.audit_pending_seq_seq')
42501 SELECT setval('public.audit_pending_seq_seq', 1)
42501 SELECT pg_reload_conf()
42501 SELECT pg_switch_wal()
42501 SELECT pg_create_restore_point('x')
42501 SELECT pg_promote()
42501 SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL
42501 SELECT pg_logical_emit_message(true, 'a', 'b'), pg_create_physical_replication_slot('own')
42501 LOAD 'auto_explain'
42501 CHECKPOINT
55000 PREPARE TRANSACTION 'waits'
42501 SELECT public.audit_store('back_office', ARRAY['x'::bytea])
42501 SELECT public.audit_genesis(ARRAY['x'::bytea])
42501 SELECT public.audit_import(0, ARRAY['x'::bytea])
42501 SELECT public.limit_give_back(gen_random_uuid(), 1, gen_random_uuid(), 'released')
42501 SELECT public.limit_wrongly_held(gen_random_uuid(), 1)
42501 SELECT public.own_office()
42501 SELECT public.limit_in_force('counterparty', gen_random_uuid(), current_date)
42501 COMMENT ON TABLE public.trade IS 'x'
42501 SELECT lo_export(1, '/tmp/stolen')
42501 COPY pg_catalog.pg_authid TO STDOUT
42501 DO $$ BEGIN EXECUTE 'SET ROLE "{prefix}_owner"'; END $$
42501 UPDATE pg_catalog.pg_proc SET prosecdef = false
42501 DELETE FROM pg_catalog.pg_trigger
"""


async def test_no_login_gets_out_of_its_place(shut_bank: World) -> None:
    through: list[str] = []
    for office in Office:
        intruder = await intruder_of(shut_bank, office)
        names = {
            "prefix": prefix_of(shut_bank),
            "other": (Office.FRONT_OFFICE if office is Office.BACK_OFFICE else Office.BACK_OFFICE).value,
            "database": make_url(shut_bank.bank.admin_url).database,
        }
        for line in FORBIDDEN.strip().splitlines():
            refused, _, statement = line.format(**names).partition(" ")
            outcome = await intruder.outcome_of(statement)
            if outcome not in refused.split("|"):
                through.append(f"{office}: {outcome} instead of {refused}: {statement}")
    assert through == []


# What every login may do, and gains nothing by ----------------------------------------------------


async def test_names_of_its_own_choosing_lead_no_function_of_the_owner_astray(shut_bank: World) -> None:
    for office in Office:
        intruder = await intruder_of(shut_bank, office)
        async with intruder.open() as connection:
            await connection.exec_driver_sql("SET LOCAL search_path = pg_temp, pg_catalog, public")
            found = await connection.exec_driver_sql("SELECT public.current_office()")
            assert found.scalar_one() == office.value


async def test_a_notice_that_anybody_can_send_is_no_source_of_anything(shut_bank: World) -> None:
    intruder = await intruder_of(shut_bank, Office.FRONT_OFFICE)
    before = await rows(shut_bank, "SELECT count(*) FROM public.work_item")

    assert await intruder.outcome_of("NOTIFY work, 'everything is released'") == "done"

    assert await rows(shut_bank, "SELECT count(*) FROM public.work_item") == before
    listening = [file for file in SERVICE.rglob("*.py") if "add_listener" in file.read_text(encoding="utf-8")]
    assert listening == []


async def test_a_lock_held_for_ever_delays_others_and_lets_nothing_through(shut_bank: World) -> None:
    """Whoever holds a login can be slow on purpose: other offices' acts on that deal wait, and end in a refusal."""
    front = await intruder_of(shut_bank, Office.FRONT_OFFICE)
    trade = "00000000-0000-7000-8000-000000000001"
    looked = f"SELECT * FROM public.acts_of(ARRAY['{trade}']::uuid[], ARRAY[]::text[], ARRAY[]::uuid[])"
    back = await intruder_of(shut_bank, Office.BACK_OFFICE)
    async with front.open() as holding, back.open() as waiting:
        await holding.exec_driver_sql(looked)
        await waiting.exec_driver_sql("SET LOCAL lock_timeout = '200ms'")
        with pytest.raises(DBAPIError) as refused:
            await waiting.exec_driver_sql(looked)
        assert sqlstate(refused.value) == "55P03"
        await waiting.rollback()
