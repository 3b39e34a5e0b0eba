"""An approved change of the policy comes into force at its time: rights, version and entry in one transaction."""

import asyncio
import json
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from audit.entry import encode, timestamp
from policies.policy import Policy
from policies.vocabulary import Action, Office
from service.compliance.sealing import keep_policy
from service.effects import effect, previous_leaves
from service.gate import Gate
from service.genesis import policy_facts
from service.governance import queries
from service.governance.lifecycle import POLICY_DRAFT, DraftState
from service.governance.model import PolicyDraft
from service.in_force import DamagedPolicy
from service.kernel.actor import Actor
from service.kernel.background import Background
from service.kernel.errors import Refusal, Report
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.migrations.logins import quoted, sync_rights
from service.part import House
from service.people.directory import service_actor

LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
AGAIN_SECONDS = 60.0
ALONE = text("SELECT pg_advisory_xact_lock(7214)")  # every act holds it, shared: none spans the change
LOGIN = text("SELECT login FROM public.office_login WHERE office = 'log'")
WAITS = text(
    "SELECT true FROM public.work_item "
    "WHERE kind = 'decide_policy' AND subject_id = :draft AND closed_entry_id IS NULL"
)
OBJECTIONS_CHARACTERS = 2_000
IN_TIME = text("SELECT public.must_be_in_time(CAST(:entries AS bytea[]))")
STORE = text("SELECT public.audit_store('log', CAST(:entries AS bytea[]))")


class NotInForce(Refusal):
    """409. A change that was approved is objected to at its time; the policy in force goes on."""


@dataclass(frozen=True, slots=True)
class Enacted:
    """What came of a look at the drafts: the version now in force, or why the one due is not."""

    draft: UUID
    version: str
    objections: tuple[str, ...] = ()
    waits: bool = False  # somebody is asked already to decide on it anew


async def enact_due(gate: Gate, admin_url: str) -> Enacted | None:
    """Put the approved draft in force whose time has come; None if none is due.

    The proofs and every person's powers are looked at once more; what they object to is not put in force, and
    the policy in force goes on. Crash before the commit: nothing happened. After it: every node finds the new version.
    """
    keeper = await service_actor(gate.offices, Office.LOG)
    engine = create_async_engine(admin_url, poolclass=NullPool)
    try:
        async with AsyncSession(engine, autoflush=False, expire_on_commit=False) as session, session.begin():
            prefix = str(await session.scalar(LOGIN)).removesuffix(f"_{Office.LOG.value}")
            await session.execute(text(f"SET LOCAL ROLE {quoted(f'{prefix}_owner')}"))
            due = (
                select(PolicyDraft)
                .where(
                    PolicyDraft.state == DraftState.APPROVED.value,
                    PolicyDraft.effective_at <= gate.clock.now(),
                )
                .with_for_update()
            )
            if (draft := await session.scalar(due)) is None:
                return None
            await session.execute(ALONE)
            new = await queries.policy_of(session, draft)
            objections = await queries.objections(
                gate.policy, new, await queries.holders(session, gate.clock.now())
            )
            if draft.base != gate.policy.version:
                objections.append(f"it was drafted against {draft.base}")
            if objections:
                waits = bool(await session.scalar(WAITS, {"draft": draft.id}))
                return Enacted(draft.id, new.version, tuple(objections), waits)
            await _put_in_force(session, gate, keeper, draft, new)
            await sync_rights(await session.connection(), prefix, new)
        return Enacted(draft.id, new.version)
    finally:
        await engine.dispose()


async def _put_in_force(
    session: AsyncSession, gate: Gate, keeper: Actor, draft: PolicyDraft, new: Policy
) -> None:
    """Write the entry with the rows it moves: the draft is active, the one before it superseded."""
    before = await session.scalar(
        select(PolicyDraft).where(PolicyDraft.state == DraftState.ACTIVE.value).with_for_update()
    )
    rows = []
    told: dict[str, Any] = {}
    for row in (before, draft):
        if row is not None:
            was = row.state
            row.state = POLICY_DRAFT.after(DraftState(row.state), Action.POLICY_PUBLISH).value
            await session.flush()
            rows.append(row)
            told[f"policy_draft:{row.id}"] = {"change": {"state": {"new": row.state, "old": was}}}
    entry_id = str(uuid7())
    entry = {
        "act": Action.POLICY_PUBLISH.value,
        "actor": keeper.frozen_view(),
        "data": policy_facts(new)
        | {"draft": str(draft.id), "proof": {"holds": True, "tasks": len(new.tasks)}, "rows": told},
        "decision": {
            "id": entry_id,
            "outcome": "allow",
            "policy": new.version,
            "rules": [f"P:svc_log:{Action.POLICY_PUBLISH}"],
        },
        "eff": [effect(row, await previous_leaves(await session.connection(), rows)) for row in rows],
        "id": entry_id,
        "links": {},
        "nonce": secrets.token_hex(16),
        "ts": timestamp(gate.clock.now()),
        "v": 1,
    }
    entries = [encode(json.loads(json.dumps(entry)))]
    await session.execute(IN_TIME, {"entries": entries})
    await session.execute(STORE, {"entries": entries})


@dataclass(slots=True)
class PolicyWatch(Background):
    """Each second: is another version in force, and is a change due? Only a node with the administrator's URL enacts."""

    called = "policy in force"

    bank: House
    admin_url: str | None = None
    told: UUID | None = None  # of a draft that cannot come into force: said once
    damaged: str = ""
    again_at: float = 0.0

    async def look(self) -> None:
        """Look once."""
        gate = self.bank.gate
        may = self.admin_url is not None and Office.LOG in gate.offices and time.monotonic() >= self.again_at
        if may and self.admin_url is not None and await self._is_due():
            done = await enact_due(gate, self.admin_url)
            if done is not None and done.objections:
                self.again_at = time.monotonic() + AGAIN_SECONDS  # its proofs take seconds of work
            if done is not None and done.objections and self.told != done.draft:
                self.told = done.draft
                await self.tell(done)
                LOGGER.error(
                    "policy %s does not come into force: %s", done.version, "; ".join(done.objections)
                )
        before = gate.policy.version
        await gate.reload()
        if gate.policy.version != before:
            await asyncio.to_thread(keep_policy, self.bank.settings.data, gate.policy)

    async def tell(self, done: Enacted) -> None:
        """Record that a change does not come into force at its time, and ask those who approve to turn it down."""
        gate = self.bank.gate
        keeper = await service_actor(gate.offices, Office.LOG)
        report = () if done.waits else (Report(Item.DECIDE_POLICY, "policy_draft", done.draft, "objected"),)
        facts = {
            "draft": str(done.draft),
            "objections": "; ".join(done.objections)[:OBJECTIONS_CHARACTERS],
            "policy": gate.policy.version,  # what goes on
        }
        sentence = "This change does not come into force; refuse it and draft it anew."
        refusal = NotInForce(sentence, rule="ORG-14", facts=facts, report=report)
        await gate.refuse(keeper, Action.POLICY_PUBLISH, refusal)

    async def _is_due(self) -> bool:
        """Ask without the administrator's login, which is opened for a change alone."""
        async with self.bank.gate.offices[Office.LOG].connect() as connection:
            return bool(await connection.scalar(text("SELECT public.policy_due()")))

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except DamagedPolicy as damaged:
                if self.damaged != str(damaged):  # once, not every second
                    self.damaged = str(damaged)
                    LOGGER.error("%s", damaged)  # noqa: TRY400 - it says all there is to say
            except (SQLAlchemyError, OSError):
                LOGGER.exception("the policy in force could not be looked up")
            await asyncio.sleep(LOOK_SECONDS)
