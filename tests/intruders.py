"""Somebody who holds an office's database login and writes SQL past the service."""

import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from audit.entry import timestamp
from policies.grants import effect_kinds
from policies.vocabulary import READS, Action, Office
from service.demo.access import actor_named
from service.kernel.actor import Actor
from service.kernel.failures import sqlstate
from service.kernel.identifiers import uuid7
from service.kernel.items import ROUTES, Item
from service.people.directory import service_actor
from tests.bank import World

ACCOUNTS = {
    Office.FRONT_OFFICE: "other-trader",
    Office.BACK_OFFICE: "other-verifier",
    Office.MASTER_DATA: "steward-approver",
    Office.ACCOUNTING: "accountant",
    Office.RISK_CONTROL: "risk-controller",
    Office.CREDIT: "credit-officer",
    Office.COMPLIANCE: "compliance",
    Office.INTERNAL_AUDIT: "auditor",
    Office.LEGAL: "legal",
    Office.ADMINISTRATION: "rights-owner",
    Office.MANAGEMENT: "board-back",
}
NOT_IN_A_TRANSACTION = "25001"
APPEND = text("SELECT public.audit_append(CAST(:entries AS bytea[]))")


def login_of(world: World, office: Office) -> str:
    """Return the database login of an office."""
    return str(make_url(str(world.bank.offices[office].url)).username)


def prefix_of(world: World) -> str:
    """Return what the names of this bank's logins begin with."""
    return login_of(world, Office.LOG).removesuffix("_log")


@contextlib.asynccontextmanager
async def engine_of(url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine that keeps no connection."""
    engine = create_async_engine(url, poolclass=NullPool)
    yield engine
    await engine.dispose()


@dataclass
class Intruder:
    """The login of ``office``, an account of it to act by, somebody of another office to harm, an own old entry."""

    world: World
    office: Office
    me: Actor
    victim: Actor
    old_entry: UUID
    old_bytes: bytes

    @property
    def kind(self) -> str | None:
        """A kind of object the office may have effects on, if there is one."""
        return min(effect_kinds(self.world.bank.policy)[self.office], default=None)

    @property
    def act(self) -> Action:
        """An act of the office."""
        return min(self.world.bank.policy.actions_of_office(self.office) - READS - {Action.LOG_GENESIS})

    @property
    def foreign_act(self) -> Action:
        """An act that is not the office's."""
        return min(set(Action) - READS - self.world.bank.policy.actions_of_office(self.office))

    @property
    def foreign_kind(self) -> str:
        """A kind of object that is another office's."""
        kinds = effect_kinds(self.world.bank.policy)
        return min(frozenset().union(*kinds.values()) - kinds[self.office])

    def line(self, **changes: Any) -> dict[str, Any]:
        """Return an entry that the office may append, with these changes; None takes a member away."""
        entry_id = str(uuid7())
        entry = {
            "act": self.act.value,
            "actor": self.me.frozen_view(),
            "data": {},
            "decision": self.decision(entry_id),
            "id": entry_id,
            "links": {},
            "nonce": secrets.token_hex(16),
            "ts": self.moment(),
            "v": 1,
        } | changes
        return {name: value for name, value in entry.items() if value is not None}

    def decision(self, entry_id: str = "x", **changes: Any) -> dict[str, Any]:
        """Return a decision as the gate writes it, with these changes."""
        version = self.world.bank.policy.version
        return {"id": entry_id, "outcome": "allow", "policy": version, "rules": ["x"]} | changes

    def moment(self, seconds: float = 0) -> str:
        """Return the time so many seconds from now as an entry writes it."""
        return timestamp(self.world.bank.gate.clock.now() + timedelta(seconds=seconds))

    def effect(self, **changes: Any) -> dict[str, Any]:
        """Return a first effect on an object of the office's own kind, with these changes."""
        first = {
            "after": "sha256:" + "0" * 64,
            "id": str(uuid7()),
            "kind": self.kind or self.foreign_kind,
            "rev": 1,
        }
        return first | changes

    async def append(self, *entries: dict[str, Any] | bytes) -> None:
        """Append entries as the service would."""
        async with self.open() as connection:
            await append(connection, *entries)

    async def run(self, statement: str, **values: Any) -> list[Row[Any]]:
        """Run one statement and commit it."""
        async with self.open() as connection:
            done = await connection.execute(text(statement), values)
            return list(done.all()) if done.returns_rows else []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncConnection]:
        """Give a transaction of the office's login, committed at the end."""
        async with self.world.bank.offices[self.office].begin() as connection:
            yield connection

    async def outcome_of(self, statement: str) -> str:
        """Return how the database refused a bare statement, or that it was done."""
        outcome = await self._tried(statement, "READ COMMITTED")
        return await self._tried(statement, "AUTOCOMMIT") if outcome == NOT_IN_A_TRANSACTION else outcome

    async def _tried(self, statement: str, isolation: str) -> str:
        engine = self.world.bank.offices[self.office].execution_options(isolation_level=isolation)
        try:
            async with engine.begin() as connection:
                await connection.exec_driver_sql(statement)
        except DBAPIError as failure:
            return str(sqlstate(failure))
        return "done"


async def append(connection: AsyncConnection, *entries: dict[str, Any] | bytes) -> None:
    """Append entries within a transaction."""
    written = [one if isinstance(one, bytes) else spelled(one) for one in entries]
    await connection.execute(APPEND, {"entries": written})


def spelled(entry: dict[str, Any]) -> bytes:
    """Write an entry as the log spells it, whatever stands in it."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


async def intruder_of(world: World, office: Office) -> Intruder:
    """Return an intruder who has appended one lawful entry: what is refused afterwards is refused for what it is."""
    account = ACCOUNTS.get(office)
    me = await (
        service_actor(world.bank.offices, office) if account is None else actor_named(world.bank, account)
    )
    victim = await actor_named(world.bank, "trader" if office is Office.BACK_OFFICE else "verifier")
    intruder = Intruder(world, office, me, victim, uuid7(), b"")
    lawful = intruder.line()
    intruder.old_entry, intruder.old_bytes = UUID(lawful["id"]), spelled(lawful)
    await intruder.append(intruder.old_bytes)
    return intruder


def item(i: Intruder, kind: Item, office: Office, entry: object) -> str:
    """Return a work item as the gate asks for it."""
    facts = {
        "id": str(uuid7()), "office": office.value, "kind": kind.value, "subject_kind": "trade",
        "subject": str(uuid4()), "due": i.moment(3600), "entry": str(entry),
    }  # fmt: skip
    return json.dumps([facts])


def own_item(i: Intruder) -> Item | None:
    """Return a kind of item the office may open, if there is one."""
    return next((kind for kind, route in ROUTES.items() if i.office in route.openers), None)


def with_values(statement: str, **values: str) -> str:
    """Return a statement with its values written into it."""
    for name, value in values.items():
        statement = statement.replace(f":{name}", "'" + value.replace("'", "''") + "'")
    return statement
