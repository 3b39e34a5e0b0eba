"""The first entries of an empty log: who is here, who may do what, and which policy is in force."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from audit.entry import encode, timestamp
from policies.policy import Policy
from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command
from service.compliance.nightly import check_everybody
from service.desks.model import DeskRule
from service.gate import Gate, use_case
from service.kernel.database import Recorded, digest, row_view
from service.kernel.identifiers import uuid7
from service.market.model import DESK_TIME_ID, Benchmark, DeskTime
from service.migrations import schema
from service.migrations.logins import quoted
from service.organisation.model import ReportingLine, Unit
from service.parties.model import Counterparty
from service.people.authentication import hashed
from service.people.directory import service_actor
from service.people.model import Account, Membership, Person, RoleGrant
from service.settlement_rules.model import SettlementRule

GENESIS = text("SELECT public.audit_genesis(CAST(:entries AS bytea[]))")
CREDENTIAL = text(
    "INSERT INTO public.credential (account_id, secret, one_time, failures, entry_id) "
    "VALUES (:account, :secret, :one_time, 0, :entry)"
)
NEWEST_POLICY = text(
    "SELECT bytes FROM public.audit_entry WHERE act = 'policy.publish' AND outcome = 'allow' "
    "ORDER BY recorded_at DESC LIMIT 1"
)
COMMITTED = text(
    "SELECT (SELECT coalesce(max(index) + 1, 0) FROM public.audit_index) + (SELECT count(*) FROM public.audit_pending)"
)


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """A unit to begin with: its function class (an office), who leads it and which board member answers for it."""

    code: str
    name: str
    function_class: Office
    head: str  # persons, as the accounts name them
    board: str


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account to begin with. Accounts of the same ``person`` belong to one natural person.

    A service account has an ``owner``: somebody of the unit who may have no account at all.
    """

    name: str
    person: str
    unit: str
    office: Office
    roles: tuple[str, ...]
    service: bool = False
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Founding:
    """What a bank begins with; everything after it goes through the gate."""

    units: Sequence[UnitPlan]
    accounts: Sequence[AccountPlan]
    business_date: date | None
    cut_offs: Sequence[tuple[str, time]]
    tolerances_bp: Sequence[tuple[str, int]]
    own_bank: tuple[str, str, str]  # LEI, name, BIC
    settlement_tables: Sequence[Mapping[str, Any]] = ()  # columns of each line


async def has_begun(admin_url: str) -> bool:
    """Tell whether the log has its genesis."""
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await connection.scalar(text("SELECT EXISTS (SELECT FROM public.audit_entry)"))
    await engine.dispose()
    return bool(found)


async def begin(
    admin_url: str,
    prefix: str,
    policy: Policy,
    promises: Mapping[str, Any],
    founding: Founding,
    passwords: dict[str, tuple[str, bool]],
    now: datetime,
) -> None:
    """Write the genesis, all of it in one transaction; possible only on an empty log.

    ``promises`` is what leaf 0 says of the log for ever: its origin, its level, its keys, its heartbeat.
    ``passwords`` gives each account that people use its first password and whether it is good for one use only.
    """
    units, people, rights, secrets_by_account = rows_of(founding)
    keeper = next(account for account in people if isinstance(account, Account) and account.name == "svc.log")
    opening = desk_rows(founding)
    first = line(keeper, policy, Action.LOG_GENESIS, now, [*units, *people, *opening])
    first["data"] = dict(promises) | {"rows": shown(opening)}
    second = line(keeper, policy, Action.POLICY_PUBLISH, now, rights)  # with it come the rights held under it
    second["data"] = policy_facts(policy) | {"rows": shown(rights)}
    different = sorted({password for password, _ in passwords.values()})  # a demo may have one for all
    kept = dict(zip(different, await asyncio.gather(*map(hashed, different)), strict=True))
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(text(f"SET LOCAL ROLE {quoted(f'{prefix}_owner')}"))
        for batch in (units, people, [*rights, *opening]):
            session.add_all(batch)
            await session.flush()
        await session.execute(GENESIS, {"entries": [encode(entry) for entry in (first, second)]})
        for name, (password, one_time) in passwords.items():
            await session.execute(
                CREDENTIAL,
                {
                    "account": secrets_by_account[name],
                    "secret": kept[password],
                    "one_time": one_time,
                    "entry": UUID(first["id"]),
                },
            )
    await engine.dispose()


def rows_of(founding: Founding) -> tuple[list[Recorded], list[Recorded], list[Recorded], dict[str, UUID]]:
    """Return units, persons with accounts, role grants, and each account's id by its name."""
    units = {
        plan.name: Unit(
            id=uuid7(), rev=1, code=plan.code, name=plan.name, function_class=plan.function_class.value
        )
        for plan in founding.units
    }
    people: dict[str, Person] = {}
    services = {plan.person for plan in founding.accounts if plan.service}
    accounts: dict[str, Account] = {}
    grants: list[Recorded] = []
    for plan in founding.accounts:
        for name in filter(None, (plan.person, plan.owner)):
            number = None if name in services else f"P-{len(people) + 1:04}"
            people.setdefault(name, natural(name, number, units[plan.unit]))
        person = people[plan.person]
        account = Account(
            id=uuid7(),
            rev=1,
            name=plan.name,
            person_id=person.id,
            office=plan.office.value,
            service=plan.service,
            disabled=False,
            owner_id=None if plan.owner is None else people[plan.owner].id,
        )
        accounts[plan.name] = account
        grants.extend(
            RoleGrant(id=uuid7(), rev=1, account_id=account.id, role=role, state="executed", reason="genesis")
            for role in plan.roles
        )
    ids = {name: account.id for name, account in accounts.items()}
    members = [
        Membership(id=uuid7(), rev=1, person_id=one.id, unit_id=one.unit_id, valid_from=date.min)
        for one in people.values()
    ]
    lines = [reporting_line(plan, units, people) for plan in founding.units]
    return list(units.values()), [*people.values(), *accounts.values(), *members, *lines], grants, ids


def natural(name: str, number: str | None, unit: Unit) -> Person:
    """Return somebody who is here from the beginning; the person behind a service account has no staff number."""
    return Person(id=uuid7(), rev=1, name=name, staff_number=number, unit_id=unit.id, disabled=False)


def reporting_line(plan: UnitPlan, units: Mapping[str, Unit], people: Mapping[str, Person]) -> ReportingLine:
    """Return who answers for a unit from the beginning."""
    return ReportingLine(
        id=uuid7(),
        rev=1,
        unit_id=units[plan.name].id,
        functional_head_id=people[plan.head].id,
        disciplinary_head_id=people[plan.head].id,
        board_member_id=people[plan.board].id,
        valid_from=date.min,
    )


def desk_rows(founding: Founding) -> list[Recorded]:
    """Return the business date, if the bank opens on a given one, and what its offices begin to work by."""
    lei, name, bic = founding.own_bank
    rows: list[Recorded] = [
        Counterparty(id=uuid7(), rev=1, lei=lei, name=name, bic=bic, own=True),
        *(
            DeskRule(
                id=uuid7(),
                rev=1,
                rule="cut_off",
                product=product,
                at=at,
                valid_from=date.min,
                state="in_force",
            )
            for product, at in founding.cut_offs
        ),
        *(
            Benchmark(
                id=uuid7(),
                rev=1,
                benchmark="tolerance",
                product=product,
                tolerance_bp=Decimal(width),
                state="in_force",
            )
            for product, width in founding.tolerances_bp
        ),
        *(
            SettlementRule(**{"valid_from": date.min, **line}, id=uuid7(), rev=1, state="in_force")
            for line in founding.settlement_tables
        ),
    ]
    if founding.business_date is not None:
        opening = time(9, 0)
        rows.append(
            DeskTime(id=DESK_TIME_ID, rev=1, business_date=founding.business_date, desk_clock=opening)
        )
    return rows


def shown(rows: Sequence[Recorded]) -> dict[str, Any]:
    """Return what the log may show of rows, by kind and id."""
    return {f"{type(row).__tablename__}:{row.id}": visible(row) for row in rows}


def visible(row: Recorded) -> dict[str, Any]:
    """Return what the log may show of a row."""
    hidden = (*getattr(type(row), "__private__", ()), "rev")
    return {"new": {name: value for name, value in row_view(row).items() if name not in hidden}}


class PublishPolicy(Command, frozen=True, kw_only=True):
    """The policy this release brings comes into force."""


class RestartLog(Command, frozen=True, kw_only=True):
    """The log is written again; the entry explains the silence before it. A service says how many entries it found."""

    size: int | None = None
    receipt_key: str | None = None  # a node's own, where the log's key is with a signer of its own


@use_case(Action.POLICY_PUBLISH)
async def publish_policy(attempt: Attempt, command: PublishPolicy) -> Changed:
    """Record which policy is in force from here on."""
    assert command is not None
    attempt.data.update(policy_facts(attempt.policy))
    return Changed({"policy": attempt.policy.version})


@use_case(Action.LOG_RESTART)
async def restart_log(attempt: Attempt, command: RestartLog) -> Changed:
    """Record that the service started, and on which schema."""
    attempt.note(receipt_key=command.receipt_key, schema=schema.version(), size=command.size)
    return Changed({})


async def explain_start(gate: Gate) -> None:
    """Record the start, and the policy if the log does not know it as the newest. Nothing on an empty log."""
    async with gate.offices[Office.LOG].connect() as connection:
        newest = await connection.scalar(NEWEST_POLICY)
    if newest is None:
        return
    keeper = await service_actor(gate.offices, Office.LOG)
    if json.loads(newest)["data"]["policy"] != gate.policy.version:
        await gate.perform(keeper, publish_policy, PublishPolicy())
        if Office.COMPLIANCE in gate.offices:
            await check_everybody(gate)
    await schema.explain(gate, keeper)
    async with gate.offices[Office.LOG].connect() as connection:
        size = await connection.scalar(COMMITTED)  # those that wait for a place too: none of them may be lost
    own_key = None if gate.certificate is None else str(gate.key.verifier)
    restart = RestartLog(size=size or 0, receipt_key=own_key)
    await gate.perform(keeper, restart_log, restart)


def line(
    keeper: Account, policy: Policy, act: Action, now: datetime, rows: Sequence[Recorded]
) -> dict[str, Any]:
    """Return an entry of the log's own service account with effects on ``rows``."""
    entry_id = str(uuid7())
    return {
        "act": act.value,
        "actor": {
            "account": str(keeper.id),
            "office": Office.LOG.value,
            "person": str(keeper.person_id),
            "roles": ["svc_log"],
            "type": "service",
        },
        "decision": {"id": entry_id, "outcome": "allow", "policy": policy.version, "rules": ["genesis"]},
        "eff": [
            {
                "after": digest({"kind": type(row).__tablename__, **row_view(row)}),
                "id": str(row.id),
                "kind": type(row).__tablename__,
                "rev": 1,
            }
            for row in rows
        ],
        "id": entry_id,
        "links": {},
        "nonce": secrets.token_hex(16),
        "ts": timestamp(now),
        "v": 1,
    }


def policy_facts(policy: Policy) -> dict[str, Any]:
    """Return what the log keeps of a policy: its version and the rules that keep acts apart."""
    facts = {
        "policy": policy.version,
        "apart": [
            {
                "rule": rule.control,
                "act": rule.action.value,
                "differs": sorted(action.value for action in rule.differs),
                "scope": rule.scope,
            }
            for rule in policy.apart
        ],
        "roles": {role: sorted(action.value for action in policy.powers([role])) for role in policy.roles},
        "texts": {
            file: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for file, content in policy.texts.items()
        },
    }
    return json.loads(json.dumps(facts))  # type: ignore[no-any-return]
