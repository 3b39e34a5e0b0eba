"""The log's key is changed: requested, approved by somebody else, made, and told by the log."""

from typing import Annotated
from uuid import UUID

import msgspec

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.identifiers import uuid7
from service.kernel.texts import Reason
from service.rotation.lifecycle import ROTATION, RotationState
from service.rotation.model import KeyRotation

OVERLAP = 2000  # entries; a day and more of an idle log: time for witnesses to learn the new key
OVERLAP_MAX = 10_000_000

Entries = Annotated[int, msgspec.Meta(ge=1, le=OVERLAP_MAX)]


class RequestRotation(Command, frozen=True, kw_only=True):
    """A custodian asks for a new key of the log."""

    reason: Reason
    overlap: Entries = OVERLAP


class ApproveRotation(Command, frozen=True, kw_only=True):
    """Another custodian approves it."""

    rotation: UUID
    version: int


class RefuseRotation(Command, frozen=True, kw_only=True):
    """A custodian turns it down, or takes the own request back, before it is made."""

    rotation: UUID
    version: int
    reason: Reason


class RotateLog(Command, frozen=True, kw_only=True):
    """The key was changed: note ``number`` of the key ring says from which size on."""

    rotation: UUID
    number: int
    digest: str


@use_case(Action.ROTATION_REQUEST)
async def request_rotation(attempt: Attempt, command: RequestRotation) -> Changed:
    """Ask for a new key; nothing changes yet."""
    rotation = attempt.add(
        KeyRotation(
            id=uuid7(),
            state=RotationState.REQUESTED.value,
            overlap=command.overlap,
            reason=command.reason,
        )
    )
    return Changed(told(rotation, 1), 201)


@use_case(Action.ROTATION_APPROVE)
async def approve_rotation(attempt: Attempt, command: ApproveRotation) -> Changed:
    """Approve what another custodian asked for (D-02)."""
    rotation = await locked(attempt, KeyRotation, command.rotation, seen=command.version, what="rotation")
    await attempt.admit(related=[(KeyRotation.__tablename__, rotation.id)])
    moved(attempt, rotation)
    return Changed(told(rotation, command.version + 1))


@use_case(Action.ROTATION_REFUSE)
async def refuse_rotation(attempt: Attempt, command: RefuseRotation) -> Changed:
    """Turn it down; anybody of the custodians may, also who asked."""
    rotation = await locked(attempt, KeyRotation, command.rotation, seen=command.version, what="rotation")
    moved(attempt, rotation, reason=command.reason)
    return Changed(told(rotation, command.version + 1))


@use_case(Action.LOG_ROTATE)
async def rotate_log(attempt: Attempt, command: RotateLog) -> Changed:
    """Record the note of the key ring that two people wanted; the verifier holds the ring against this entry."""
    rotation = await locked(attempt, KeyRotation, command.rotation, what="rotation")
    version = rotation.rev
    moved(attempt, rotation, number=command.number, digest=command.digest)
    attempt.note(number=command.number, digest=command.digest)
    return Changed(told(rotation, version + 1))


def moved(attempt: Attempt, rotation: KeyRotation, **values: object) -> None:
    """Bring the rotation to its next state. Raises IllegalTransition."""
    state = ROTATION.after(RotationState(rotation.state), attempt.action)
    attempt.change(rotation, state=state.value, **values)


def told(rotation: KeyRotation, version: int) -> dict[str, object]:
    """Return what the caller is told."""
    answer = {
        "id": str(rotation.id),
        "version": version,
        "state": rotation.state,
        "overlap": rotation.overlap,
    }
    return (
        answer if rotation.digest is None else answer | {"number": rotation.number, "digest": rotation.digest}
    )
