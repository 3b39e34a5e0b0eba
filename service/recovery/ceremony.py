"""The recovery as a custodian at the command line takes part in it: the first asks, the second carries it out.

====================================  =============================================================
stopped after                         what is true
====================================  =============================================================
the request                           it stands in the outbox; nothing else is written, no start
files brought forward                 the files are longer by entries that belong there
a part of the entries taken           they and what they did to the rows are there; the rest follows
all entries taken                     as after the request; the next run finishes it
the other custodian's act             recovered; the next start goes on and publishes
====================================  =============================================================
"""

import asyncio
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from audit.signer import Signer
from audit.tiles import TileReader, written_size
from policies.vocabulary import Action
from service.attempt import Attempt, Desk
from service.audit_trail import recovery as trail
from service.gate import Done, Gate
from service.kernel.actor import Actor
from service.kernel.errors import IllegalTransition, KeptApart, Malformed, NotPermitted, Unprocessable
from service.kernel.identifiers import uuid7
from service.recovery import replay
from service.recovery.model import Recovery
from service.recovery.use_cases import (
    REQUESTED,
    CompleteRecovery,
    RecoverLog,
    RequestRecovery,
    complete_recovery,
    recover_log,
    request_recovery,
)


class NothingToRecover(IllegalTransition):
    """409. Database, files and signer remember the same log."""


class NotThatName(Unprocessable):
    """422. The name does not make the row what its last entry says it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the log is: its files, its signer, the administrator's way into the database, another copy of the files."""

    directory: Path
    signer: Signer
    admin_url: str
    owner: str  # quoted, of the tables
    copy: Path | None = None


async def take_part(gate: Gate, actor: Actor, place: Place, reason: str | None) -> Done:
    """Ask for a recovery, or carry out the one another custodian asked for.

    Raises Refusal, and CannotRecover if no copy holds what is missing.
    """
    await _must_be_permitted(gate, actor, Action.RECOVERY_REQUEST)
    async with AsyncSession(gate.offices[actor.office]) as session:
        open_one = await session.scalar(select(Recovery).where(Recovery.state == REQUESTED))
    if open_one is None:
        return await _ask(gate, actor, place, reason)
    await _must_be_the_other(gate, actor, open_one)
    return await _carry_out(gate, actor, place, open_one)


async def give_name(gate: Gate, actor: Actor, place: Place, kind: str, object_id: UUID, name: str) -> Done:
    """Give a flagged row the name that the log keeps only the digest of, and take its flag off.

    Stopped between the two: the name is right and the flag stays; done again, it goes. Raises Refusal.
    """
    await _must_be_permitted(gate, actor, Action.RECOVERY_COMPLETE)
    engine = create_async_engine(place.admin_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            found = await replay.rename(connection, place.owner, kind, object_id, name)
    finally:
        await engine.dispose()
    if not found:
        raise NotThatName("This is not the name that the row had; the log keeps its digest.", field="name")
    return await gate.perform(actor, complete_recovery, CompleteRecovery(kind=kind, id=object_id))


async def _ask(gate: Gate, actor: Actor, place: Place, reason: str | None) -> Done:
    if reason is None:
        raise Malformed(
            "Say with --reason why the log must be brought forward; it stands in the log.", field="reason"
        )
    found = await _standing(gate, actor, place)
    if place.copy is not None:
        await asyncio.to_thread(trail.extend_from_copy, place.directory, place.copy)
    elif found.whole:
        refusal = NothingToRecover(
            "Database, files and signer remember the same log; there is nothing to recover."
        )
        await gate.refuse(actor, Action.RECOVERY_REQUEST, refusal)
        raise refusal
    found = await _standing(gate, actor, place)
    size = max(found.files, found.signed)
    if found.database < size and found.files < size:
        trail.must_be_signed(place.directory, found)  # says what is missing
    root = found.root if size == found.signed else TileReader(place.directory).root(size)
    command = RequestRecovery(found_size=found.database, size=size, root=root.hex(), reason=reason)
    return await gate.perform(actor, request_recovery, command)


async def _standing(gate: Gate, actor: Actor, place: Place) -> trail.Standing:
    signed = await asyncio.to_thread(trail.last_signed, place.signer)
    return await trail.standing(gate.offices[actor.office], place.directory, signed)


async def _must_be_the_other(gate: Gate, actor: Actor, recovery: Recovery) -> None:
    """Refuse whoever may not finish it, before anything is brought forward. Raises Refusal, recorded."""
    await _must_be_permitted(gate, actor, Action.LOG_RECOVER)
    decision, now = gate.policy.decide(actor.roles, Action.LOG_RECOVER), gate.clock.now()
    async with AsyncSession(gate.offices[actor.office]) as session:
        attempt = Attempt(session, actor, decision, gate.policy, now, Desk(now.date(), time()), uuid7())
        try:
            await attempt.admit(related=[("recovery", recovery.id)])
        except KeptApart as apart:
            await session.rollback()
            await gate.refuse(actor, Action.LOG_RECOVER, apart)
            raise


async def _must_be_permitted(gate: Gate, actor: Actor, action: Action) -> None:
    """Refuse whoever lacks the right, before anything is looked at. Raises NotPermitted, recorded."""
    decision = gate.policy.decide(actor.roles, action)
    if not decision.allowed:
        refusal = NotPermitted(decision.reason, rule=decision.rule)
        await gate.refuse(actor, action, refusal)
        raise refusal


async def _carry_out(gate: Gate, actor: Actor, place: Place, recovery: Recovery) -> Done:
    found = await _standing(gate, actor, place)
    if found.files < found.signed:
        await trail.extend_from_database(gate.offices[actor.office], place.directory)
    trail.must_be_signed(place.directory, found)
    if TileReader(place.directory).root(recovery.size, written_size(place.directory)).hex() != recovery.root:
        raise trail.CannotRecover(
            f"The files no longer begin with the {recovery.size} entries of the request."
        )
    engine = create_async_engine(place.admin_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await trail.must_begin_alike(connection, place.directory, found.database)
            await connection.rollback()
            for first, entries in trail.entries_of(place.directory, found.database, recovery.size):
                await replay.bring_forward(connection, place.owner, first, entries)
            lagging = await replay.lagging(connection, recovery.found_size)
            await connection.rollback()
            await connection.execute(replay.END_SESSIONS, {"kept": actor.session})
            await connection.commit()
    finally:
        await engine.dispose()
    return await gate.perform(actor, recover_log, RecoverLog(recovery=recovery.id, lagging=lagging))
