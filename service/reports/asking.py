"""A report asked for: on which day, about which act, for which purpose; the same for every face."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from policies import prose
from policies.policy import Policy
from policies.vocabulary import Action
from service.compliance import evidence
from service.compliance.evidence import Publish, ReportMade, Wish
from service.gate import Done, Gate
from service.kernel.actor import Actor
from service.kernel.database import plain_value
from service.kernel.errors import Malformed
from service.reports import queries
from service.reports.tables import REPORTS, Report, Table, report_named
from service.settings import Settings

ACT = Action.SETTLEMENT_RELEASE
PURPOSE_MIN, PURPOSE_MAX = 3, 500


class NoPurpose(Malformed):
    """400. Whoever reads about persons says what for; it stands in the log (ORG-16)."""

    rule = "ORG-16"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report, until when, about which act."""

    report: Report
    until: datetime
    act: Action


def asked(gate: Gate, name: str, on: str, act: str | None) -> Asked:
    """Return what is asked for. Raises NotFound, BadInstant, DayAhead, Malformed."""
    report = report_named(name)
    if act and act not in {one.value for one in Action}:
        raise Malformed("There is no such act.", field="act")
    return Asked(report, queries.end_of(on, gate.clock.now()), Action(act) if act else ACT)


def must_say_why(purpose: str | None) -> str:
    """Return the purpose. Raises NoPurpose."""
    said = (purpose or "").strip()
    if not PURPOSE_MIN <= len(said) <= PURPOSE_MAX or not said.isprintable():
        raise NoPurpose("Say in 3 to 500 characters what you read this for.", field="purpose")
    return said


async def view(session: AsyncSession, gate: Gate, wish: Asked) -> dict[str, Any]:
    """Return a report as answers show it."""
    table, version, policy = await queries.made(session, gate.policy, wish.report, wish.until, wish.act)
    return told(wish, table, version, policy)


def told(wish: Asked, table: Table, version: str, policy: Policy | None) -> dict[str, Any]:
    """Return a report with what it is about; the access concept as text too, in both languages."""
    about: dict[str, Any] = {"act": wish.act.value} if wish.report.name == "able" else {}
    if wish.report.name == "access-concept" and policy is not None:
        about = {"text": {one: "\n".join(prose.rendered(policy, one)) + "\n" for one in prose.HEADINGS}}
    return {
        "report": wish.report.name,
        "title": wish.report.title,
        "on": plain_value(wish.until),
        "policy": version,
        **about,
        "columns": list(table.columns),
        "rows": [list(row) for row in table.rows],
        "entries": len(table.entries),
    }


async def export(
    session: AsyncSession,
    gate: Gate,
    settings: Settings,
    actor: Actor,
    wish: Asked,
    reason: str,
    *,
    publish: Publish | None = None,
    key: str | None = None,
) -> Done:
    """Make an evidence pack of a report: what it tells, and every entry it stands on with its proof. Raises Refusal."""
    table, version, policy = await queries.made(session, gate.policy, wish.report, wish.until, wish.act)
    content = told(wish, table, version, policy)
    made = ReportMade(wish.report.name, content["on"], content, frozenset(table.entries))
    return await evidence.export(
        gate, settings, actor, Wish("report", reason, report=made), publish=publish, key=key
    )


def listed() -> list[Mapping[str, str]]:
    """Return every report by name with what it answers."""
    return [{"name": report.name, "title": report.title} for report in REPORTS.values()]
