"""Two log custodians bring the log forward: one asks, the other answers for it."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.audit_trail.model import AuditEffect, AuditIndex
from service.gate import use_case
from service.kernel.errors import IllegalTransition, NotFound
from service.kernel.identifiers import uuid7
from service.kernel.texts import Reason
from service.recovery.model import LaggingRow, Recovery
from service.recovery.replay import Lagging

REQUESTED, RECOVERED = "requested", "recovered"


class NotYetForward(IllegalTransition):
    """409. The database does not hold every entry that the log is to be brought forward to."""


class AlreadyRecovered(IllegalTransition):
    """409. This recovery is finished."""


class RequestRecovery(Command, frozen=True, kw_only=True):
    """The log is to be brought forward; what was found is the process's own word and no part of any request."""

    found_size: int
    size: int
    root: str
    reason: Reason


class RecoverLog(Command, frozen=True, kw_only=True):
    """The log is brought forward; ``lagging`` are the rows that are not what it says of them."""

    secrets: ClassVar[tuple[str, ...]] = ("lagging",)

    recovery: UUID
    lagging: Sequence[Lagging]


class CompleteRecovery(Command, frozen=True, kw_only=True):
    """A row that lagged is what the log says of it again; its name stays out of the log as ever."""

    kind: str
    id: UUID


@use_case(Action.RECOVERY_REQUEST)
async def request_recovery(attempt: Attempt, command: RequestRecovery) -> Changed:
    """Ask for the recovery; from here on nothing else is written until another custodian finished it."""
    recovery = attempt.add(
        Recovery(
            id=uuid7(),
            state=REQUESTED,
            found_size=command.found_size,
            size=command.size,
            root=command.root,
            reason=command.reason,
        )
    )
    attempt.note(reason=command.reason)
    return Changed(
        {"id": str(recovery.id), "state": REQUESTED, "size": command.size, "root": command.root}, 201
    )


@use_case(Action.LOG_RECOVER)
async def recover_log(attempt: Attempt, command: RecoverLog) -> Changed:
    """Record that the log was brought forward, by whom, and which rows lag behind it (D-02)."""
    recovery = await locked(attempt, Recovery, command.recovery)
    await attempt.admit(related=[("recovery", recovery.id)])
    if recovery.state != REQUESTED:
        raise AlreadyRecovered("This recovery is finished.")
    places = await attempt.session.scalar(select(func.coalesce(func.max(AuditIndex.index) + 1, 0)))
    if places is None or places < recovery.size:
        raise NotYetForward(f"The database gives places to {places} entries of {recovery.size}.")
    asked_by = await attempt.session.scalar(
        select(AuditEffect.person).where(
            AuditEffect.kind == "recovery", AuditEffect.id == recovery.id, AuditEffect.rev == 1
        )
    )
    attempt.change(recovery, state=RECOVERED)
    for row in command.lagging:
        attempt.move(
            LaggingRow(recovery_id=recovery.id, kind=row.kind, object_id=row.id, rev=row.rev, why=row.why)
        )
    attempt.note(
        size=recovery.size,
        root=recovery.root,
        found=recovery.found_size,
        persons=[asked_by, str(attempt.actor.person)],
        lagging=len(command.lagging),
    )
    await attempt.session.flush()
    told = [f"{row.kind} {row.id} at revision {row.rev}: {row.why}" for row in command.lagging]
    return Changed(
        {
            "id": str(recovery.id),
            "state": RECOVERED,
            "size": recovery.size,
            "root": recovery.root,
            "lagging": told,
        }
    )


@use_case(Action.RECOVERY_COMPLETE)
async def complete_recovery(attempt: Attempt, command: CompleteRecovery) -> Changed:
    """Take the flag off a row that was given its name back, so that people may act on it again."""
    flags = list(
        await attempt.session.scalars(
            select(LaggingRow).where(
                LaggingRow.kind == command.kind,
                LaggingRow.object_id == command.id,
                LaggingRow.righted_at.is_(None),
            )
        )
    )
    if not flags:
        raise NotFound("row that lags")
    for flag in flags:
        flag.righted_at = attempt.now
    attempt.note(righted=f"{command.kind}:{command.id}")
    return Changed({"kind": command.kind, "id": str(command.id)})
