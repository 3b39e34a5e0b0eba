"""Compliance and internal audit take evidence out of the house, and the books are held against the log: both are entries."""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.gate import use_case
from service.kernel.database import plain_value
from service.kernel.texts import Reason


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


@use_case(Action.EVIDENCE_EXPORT)
async def export_evidence(attempt: Attempt, command: ExportEvidence) -> Changed:
    """Record the export with the digest of the pack.

    No link to the deal: whoever reads a deal's history must not learn that it is being examined.
    """
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
