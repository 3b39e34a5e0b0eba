"""An approved change of the log's key is made by whoever runs the bank's signer, and told by the log."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from audit.keyring import Keyring
from policies.vocabulary import Office
from service.audit_trail.sequencer import LogKeeper
from service.gate import Done, Gate
from service.people.directory import service_actor
from service.rotation.lifecycle import RotationState
from service.rotation.model import KeyRotation
from service.rotation.use_cases import (
    OVERLAP,
    ApproveRotation,
    RefuseRotation,
    RequestRotation,
    RotateLog,
    approve_rotation,
    refuse_rotation,
    request_rotation,
    rotate_log,
)

__all__ = [
    "OVERLAP",
    "ApproveRotation",
    "RefuseRotation",
    "RequestRotation",
    "approve_rotation",
    "carry_out",
    "open_rotation",
    "refuse_rotation",
    "request_rotation",
]

OPEN = text(
    "SELECT id, rev, state, overlap, reason FROM public.key_rotation WHERE state IN ('requested', 'approved')"
)
LAST_TOLD = text("SELECT max(number) FROM public.key_rotation")


async def open_rotation(gate: Gate) -> dict[str, Any] | None:
    """Return the rotation that waits for somebody, if there is one."""
    async with gate.offices[Office.COMPLIANCE].connect() as connection:
        row = (await connection.execute(OPEN)).one_or_none()
    if row is None:
        return None
    return {
        "rotation": row.id,
        "version": row.rev,
        "state": row.state,
        "overlap": row.overlap,
        "reason": row.reason,
    }


async def carry_out(gate: Gate, keeper: LogKeeper, rotation_id: UUID) -> Done:
    """Change the key as approved, and record the key ring's note in the log; repeating it changes nothing more.

    Raises audit.signer_keys.RotationUnderWay, SignerUnreachable, AnotherNodeLeads, and Refusal by the gate.
    """
    waiting = await open_rotation(gate)
    assert waiting is not None, f"{KeyRotation.__tablename__} {rotation_id} is approved"
    assert waiting["rotation"] == rotation_id
    assert waiting["state"] == RotationState.APPROVED
    async with gate.offices[Office.COMPLIANCE].connect() as connection:
        last_told = await connection.scalar(LAST_TOLD) or 0
    told = keeper.publisher.signer.ring()
    ring = Keyring.parse(told) if told else None
    if ring is None or ring.steps[-1].number <= last_told:
        ring = await keeper.rotate(waiting["overlap"])
    # Crash here: the key has changed and no entry says so yet; carried out again, this goes on from the ring.
    number = ring.steps[-1].number
    command = RotateLog(rotation=rotation_id, number=number, digest=ring.digest(number))
    done = await gate.perform(await service_actor(gate.offices, Office.COMPLIANCE), rotate_log, command)
    await keeper.step()
    return done
