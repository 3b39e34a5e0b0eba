"""Compliance and internal audit take evidence out of the house, and the books are held against the log: both are entries."""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import text

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.compliance.ending import warn_of_endings
from service.gate import use_case
from service.kernel.database import plain_value
from service.kernel.errors import NotFound, Refusal
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.work.queries import waits
from service.work.worker import Handlers

EVERYBODY = text("SELECT person_id, control, left_side, right_side FROM public.conflicts_of_everybody()")
END_CONFLICTED = text("SELECT public.sessions_end_of_conflicted(:holder)")
TOLD_MAX = 200


class ExportEvidence(Command, frozen=True, kw_only=True):
    """A pack was made: about what, why, and what it is. ``pack`` is the service's own and no part of the request."""

    secrets: ClassVar[tuple[str, ...]] = ("pack",)

    scope: Literal["trade", "person", "period", "rows", "report"]
    trade: UUID | None = None
    person: UUID | None = None
    since: datetime | None = None
    before: datetime | None = None
    report: str | None = None
    on: str | None = None
    reason: Reason
    pack: dict[str, Any]


class CheckLog(Command, frozen=True, kw_only=True):
    """The books were held against what the log tells: so much was compared, so much differs, the first in words."""

    size: int
    deals: int
    rows: int
    differences: int
    found: list[str]


class CheckRights(Command, frozen=True, kw_only=True):
    """What everybody holds is looked at; ``item``: what the work item that asks for it is about."""

    item: UUID | None = None


class CloseConflict(Command, frozen=True, kw_only=True):
    """A conflict of rights is gone: why it came about."""

    person: UUID
    reason: Reason


class ConflictLasts(Refusal):
    """409. The person still holds what no one person holds."""


@use_case(Action.LOG_CHECK)
async def check_log(attempt: Attempt, command: CheckLog) -> Changed:
    """Record the check, above all one that found something."""
    verdict = "differs" if command.differences else "ok"
    attempt.note(
        size=command.size,
        deals=command.deals,
        rows=command.rows,
        differences=command.differences,
        found=command.found or None,
        verdict=verdict,
    )
    return Changed({"verdict": verdict, "differences": command.differences})


@use_case(Action.RIGHT_CHECK)
async def check_rights(attempt: Attempt, command: CheckRights) -> Changed:
    """Hold what everybody holds against separation.csv and lines.csv: sessions of whoever holds too much end (A-30).

    What ends by itself before long and leaves nobody for an act is told to compliance in time.
    """
    found = (await attempt.session.execute(EVERYBODY)).all()
    persons = list(dict.fromkeys(row.person_id for row in found))
    ended = 0
    for person in persons:
        if any(row.person_id == person and row.left_side in attempt.policy.offices for row in found):
            ended += await attempt.session.scalar(END_CONFLICTED, {"holder": person}) or 0
        if not await waits(attempt.session, Item.RESOLVE_CONFLICT, person):
            first = next(row for row in found if row.person_id == person)
            reason = f"{first.control}: {first.left_side}, {first.right_side}"
            attempt.open_item_about(Item.RESOLVE_CONFLICT, "person", person, reason=reason)
    attempt.note(
        persons=len(persons),
        sessions_ended=ended,
        found=[
            f"{row.control} {row.person_id}: {row.left_side}, {row.right_side}" for row in found[:TOLD_MAX]
        ]
        or None,
        verdict="differs" if found else "ok",
        ends_soon=await warn_of_endings(attempt) or None,
    )
    if command.item is not None:
        attempt.close_item(Item.CHECK_RIGHTS, command.item)
    return Changed({"persons": len(persons), "conflicts": len(found), "sessions_ended": ended})


@use_case(Action.CONFLICT_CLOSE)
async def close_conflict(attempt: Attempt, command: CloseConflict) -> Changed:
    """Say why a conflict came about and what was done; while it lasts it stays open."""
    if not await waits(attempt.session, Item.RESOLVE_CONFLICT, command.person):
        raise NotFound("conflict")
    if any(row.person_id == command.person for row in await attempt.session.execute(EVERYBODY)):
        raise ConflictLasts("The conflict is still there; it is closed once the rights have ended.")
    attempt.close_item(Item.RESOLVE_CONFLICT, command.person)
    attempt.note(beneficiary=command.person, reason=command.reason)
    return Changed({"person": str(command.person), "state": "closed"})


AUTOMATIC: Handlers = {
    Item.CHECK_RIGHTS: lambda item: (check_rights, CheckRights(item=item.subject_id)),
}
"""How compliance's own account does what waits for it here."""


@use_case(Action.EVIDENCE_EXPORT)
async def export_evidence(attempt: Attempt, command: ExportEvidence) -> Changed:
    """Record the export with the digest of the pack; nobody takes evidence of what their own former desk did (ORG-11).

    No link to the deal: whoever reads a deal's history must not learn that it is being examined.
    """
    await attempt.admit(command.trade)
    told: dict[str, Any] = {"kind": command.scope, "trade": command.trade, "person": command.person}
    told |= {"report": command.report, "on": command.on}
    times = {"from": command.since, "to": command.before}
    attempt.note(scope=plain_value(told | times), reason=command.reason, **command.pack)
    digest = str(command.pack["pack"]).removeprefix("sha256:")
    answer = {
        "id": str(attempt.entry_id),
        "sha256": digest,
        "size": command.pack["bytes"],
        "entries": command.pack["entries"],
        "download": f"/api/evidence/{digest}",
    }
    if "verdict" in command.pack:
        answer["verdict"] = command.pack["verdict"]
    return Changed(answer, 201)
