"""Compliance and internal audit take evidence out of the house; that they did stands in the log."""

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

    scope: Literal["trade", "person", "period"]
    trade: UUID | None = None
    person: UUID | None = None
    since: datetime | None = None
    before: datetime | None = None
    reason: Reason
    pack: dict[str, Any]


@use_case(Action.EVIDENCE_EXPORT)
async def export_evidence(attempt: Attempt, command: ExportEvidence) -> Changed:
    """Record the export with the digest of the pack.

    No link to the deal: whoever reads a deal's history must not learn that it is being examined.
    """
    told = {"kind": command.scope, "trade": command.trade, "person": command.person}
    times = {"from": command.since, "to": command.before}
    attempt.note(scope=plain_value(told | times), reason=command.reason, **command.pack)
    digest = str(command.pack["pack"]).removeprefix("sha256:")
    answer = {
        "id": str(attempt.entry_id),
        "sha256": digest,
        "size": command.pack["bytes"],
        "entries": command.pack["entries"],
        "verdict": command.pack["verdict"],
        "download": f"/api/evidence/{digest}",
    }
    return Changed(answer, 201)
