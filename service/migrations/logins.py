"""One database login per office, with exactly the rights that follow from the policy."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.grants import effect_kinds, table_grants
from policies.policy import Policy
from policies.separation import role_conflicts
from policies.vocabulary import Office
from service.kernel.items import ROUTES

EVERY_OFFICE = (
    "case_in_sight(text, text, text)",
    "content_in_sight(text)",
    "conflicts_counting(uuid, timestamp with time zone)",
    "current_office()",
    "document_in_sight(text, text)",
    "papers_in_sight()",
    "attempt_begin(text, jsonb)",
    "balances_now(date)",
    "exposures_now()",
    "positions_now()",
    "key_store(jsonb)",
    "audit_append(bytea[])",
    "act_recorded(bytea[], jsonb, jsonb, jsonb, jsonb)",
    "effect_leaves(text[], uuid[], integer[])",
    "acts_of(uuid[], text[], uuid[])",
    "trade_timeline(uuid)",
    "journal_states(uuid[])",
    "is_published(date)",
    "justification_for(uuid)",
    "limit_room(text, uuid)",
    "work_open(jsonb)",
    "work_close(jsonb)",
    "work_handle(jsonb)",
    "work_lock(uuid)",
    "credential_of(text)",
    "credential_set(uuid, text, boolean, uuid)",
    "login_failed(uuid)",
    "session_open(uuid, uuid, bytea, integer, integer, boolean, uuid, text)",
    "session_elsewhere(uuid, text)",
    "session_find(bytea, text)",
    "session_end(uuid, text)",
    "sessions_end_of(uuid, text)",
    "sessions_of(uuid[])",
    "account_view(uuid)",
    "deals_touched(uuid, uuid)",
    "decision_of(uuid)",
    "desk_day()",
    "beneficiary_of(uuid, uuid[])",
    "desks_today()",
    "heads_today()",
    "duties_of(uuid)",
    "everybody(text[], boolean)",
    "history_of(uuid[], text[], uuid[])",
    "holders_of(text[])",
    "origins_of(uuid[], text[], uuid[], text[])",
    "pasts_of(uuid[], text[], uuid[], text[])",
    "people_epoch()",
    "places_of(uuid[])",
    "subject_of(text, uuid)",
    "policy_files()",
    "policy_due()",
    "policy_now()",
    "recovery_open()",
    "roles_counting(uuid, timestamp with time zone)",
    "row_lags(text, uuid)",
    "service_account()",
    "standing_of(uuid, text[], uuid[], text[], uuid[])",
)
CASE_ENTRY = "case_entry(uuid)"
POLICY_SEEN = (
    "policy_barred(text, text[], boolean, integer, timestamp with time zone)",
    "policy_decisions(timestamp with time zone)",
    "policy_people(timestamp with time zone)",
)
KEEP_DOCUMENT = "document_keep(bytea, uuid)"
ONE_OFFICE = {
    Office.INTERNAL_AUDIT: ("conflicts_of_everybody()", *POLICY_SEEN),
    Office.FRONT_OFFICE: (
        "entered_under(uuid, text[], text[])",
        "limit_reserve(jsonb)",
        "market_check(jsonb)",
        "take_deal_numbers(jsonb)",
    ),
    Office.BACK_OFFICE: (CASE_ENTRY, "limit_held(uuid)", "limit_release(uuid, uuid)", KEEP_DOCUMENT),
    Office.MASTER_DATA: (KEEP_DOCUMENT,),
    Office.RISK_CONTROL: (
        CASE_ENTRY,
        "checks_digest(uuid)",
        "market_recheck(date, text, uuid)",
        KEEP_DOCUMENT,
        *POLICY_SEEN,
    ),
    Office.COMPLIANCE: (
        CASE_ENTRY,
        "conflicts_of_everybody()",
        "sessions_end_of_conflicted(uuid)",
        KEEP_DOCUMENT,
        "work_climb(uuid, text)",
        *POLICY_SEEN,
    ),
    Office.LEGAL: (KEEP_DOCUMENT,),
    Office.LOG: ("totals_fold(integer)",),
}
SEQUENCER = (
    "SELECT ON public.audit_entry, public.audit_index",
    "SELECT, DELETE ON public.audit_pending",
    "INSERT ON public.audit_index",
    "SELECT, UPDATE ON public.audit_state",
)
ROLES = text("SELECT rolname, rolcreatedb, rolcreaterole FROM pg_roles")
PAIRS = text("INSERT INTO public.apart_pair VALUES (:control, :action, :differs, :scope, :days)")
LARGE_OBJECTS = ("lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)")
LOG_READERS = (Office.COMPLIANCE, Office.INTERNAL_AUDIT)


def login_of(prefix: str, office: Office) -> str:
    """Return the role name of an office; roles are cluster-wide, so they carry the database's name."""
    return f"{prefix}_{office.value}"


def quoted(name: str) -> str:
    """Return an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def passwords(file: Path) -> dict[Office, str]:
    """Return the offices' database passwords, made once and kept in a 0600 file."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = {office.value: secrets.token_urlsafe(32) for office in Office}
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(made, stream)
    return {Office(name): word for name, word in json.loads(file.read_text(encoding="utf-8")).items()}


def office_urls(admin_url: str, prefix: str, words: Mapping[Office, str]) -> dict[Office, str]:
    """Return the connection URL of each office's login on the database of ``admin_url``."""
    url = make_url(admin_url)
    return {
        office: url.set(username=login_of(prefix, office), password=word).render_as_string(
            hide_password=False
        )
        for office, word in words.items()
    }


async def make_roles(connection: AsyncConnection, prefix: str, words: Mapping[Office, str]) -> None:
    """Create the owner, that nobody logs in as, and one login per office; existing ones keep their rights."""
    owner = f"{prefix}_owner"
    known = {row.rolname: row for row in await connection.execute(ROLES)}
    if owner not in known:
        await connection.exec_driver_sql(f"CREATE ROLE {quoted(owner)} NOLOGIN")
    await connection.exec_driver_sql(f"GRANT {quoted(owner)} TO CURRENT_USER")
    for office, word in words.items():
        login = login_of(prefix, office)
        verb = "ALTER" if login in known else "CREATE"
        less = "NOCREATEDB NOCREATEROLE" if verb == "CREATE" else powers_to_take(known[login])
        await connection.exec_driver_sql(
            f"{verb} ROLE {quoted(login)} LOGIN NOINHERIT {less} PASSWORD {literal(word)}"
        )
    database = (await connection.execute(text("SELECT current_database()"))).scalar_one()
    for statement in (
        f"REVOKE ALL ON DATABASE {quoted(database)} FROM PUBLIC",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {quoted(owner)}",
    ):
        await connection.exec_driver_sql(statement)
    if await connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
        for function in LARGE_OBJECTS:  # everybody's by default, and in no table of ours
            await connection.exec_driver_sql(f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC")
    for office in words:
        login = quoted(login_of(prefix, office))
        await connection.exec_driver_sql(f"GRANT CONNECT ON DATABASE {quoted(database)} TO {login}")
        await connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {login}")


def powers_to_take(role: Row[Any]) -> str:
    """Return what takes from a login the powers that it has; who lacks a power itself may not even deny it to others."""
    powers = (("NOCREATEDB", role.rolcreatedb), ("NOCREATEROLE", role.rolcreaterole))
    return " ".join(word for word, has in powers if has)


async def sync_rights(connection: AsyncConnection, prefix: str, policy: Policy) -> None:
    """Make the offices' rights exactly what the policy says: revoke everything, then grant, in one transaction."""
    logins = {office: login_of(prefix, office) for office in Office}
    everyone = ", ".join(quoted(login) for login in logins.values())
    for statement in (
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {everyone}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {everyone}",
        f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, {everyone}",
        *grant_statements(policy, logins),
        "DELETE FROM public.apart_pair",
        "DELETE FROM public.office_login",
        "DELETE FROM public.office_action",
        "DELETE FROM public.office_kind",
        "DELETE FROM public.item_route",
        "DELETE FROM public.policy_epoch",
        "DELETE FROM public.policy_line",
        "DELETE FROM public.role_conflict",
    ):
        await connection.exec_driver_sql(statement)
    await connection.execute(
        text("INSERT INTO public.office_login VALUES (:login, :office)"),
        [{"login": login, "office": office.value} for office, login in logins.items()],
    )
    await connection.execute(
        text("INSERT INTO public.office_action VALUES (:office, :action)"),
        [
            {"office": office.value, "action": action.value}
            for office in Office
            for action in policy.actions_of_office(office)
        ],
    )
    await connection.execute(
        text("INSERT INTO public.office_kind VALUES (:office, :kind)"),
        [{"office": o.value, "kind": kind} for o, kinds in effect_kinds(policy).items() for kind in kinds],
    )
    await connection.execute(
        text("INSERT INTO public.item_route VALUES (:kind, :opener, :office)"),
        [
            {"kind": item.value, "opener": opener.value, "office": home.value}
            for item, route in ROUTES.items()
            for opener in route.openers
            for home in route.homes
        ],
    )
    await connection.execute(
        text("INSERT INTO public.policy_line VALUES (:control, :left, :right)"),
        [{"control": r.control, "left": r.left.value, "right": r.right.value} for r in policy.lines],
    )
    await connection.execute(
        text("INSERT INTO public.role_conflict VALUES (:left, :right, :control)"),
        [
            {"left": left, "right": right, "control": control}
            for (left, right), control in role_conflicts(policy).items()
        ],
    )
    await connection.execute(PAIRS, apart_pairs(policy))
    await connection.execute(
        text("INSERT INTO public.policy_epoch VALUES (:version)"), {"version": policy.version}
    )


def apart_pairs(policy: Policy) -> list[dict[str, object]]:
    """Return every two acts that one person does not do to one subject; 0 days: for ever."""
    return [
        {
            "control": rule.control,
            "action": rule.action.value,
            "differs": other.value,
            "scope": rule.scope,
            "days": rule.within_days or 0,
        }
        for rule in policy.apart
        for other in sorted(rule.differs)
    ]


def grant_statements(policy: Policy, logins: Mapping[Office, str]) -> Iterator[str]:
    """Yield every GRANT: tables by tables.csv, functions and log tables by this module's lists."""
    for office, grants in table_grants(policy).items():
        for grant in grants:
            columns = f" ({', '.join(grant.columns)})" if grant.columns else ""
            yield f"GRANT {grant.verb.upper()}{columns} ON public.{grant.table} TO {quoted(logins[office])}"
    for office in Office:
        for function in (*EVERY_OFFICE, *ONE_OFFICE.get(office, ())):
            yield f"GRANT EXECUTE ON FUNCTION public.{function} TO {quoted(logins[office])}"
    for rights in SEQUENCER:
        yield f"GRANT {rights} TO {quoted(logins[Office.LOG])}"
    for office in LOG_READERS:
        yield f"GRANT SELECT ON public.audit_entry, public.audit_index, public.audit_effect TO {quoted(logins[office])}"
