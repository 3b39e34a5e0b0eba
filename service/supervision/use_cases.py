"""Risk control's service reports each desk's day; whoever supervises the desk now takes notice (D-21, A-18)."""

from datetime import date
from uuid import UUID

from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.gate import use_case
from service.kernel.errors import AlreadyExists, NotFound, NotPermitted, StaleVersion, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.supervision.days import facts_of
from service.supervision.model import DeskReceipt, DeskReport
from service.supervision.queries import deals_of_the_day, desks, report_view, supervisor_of


class NotTheSupervisor(NotPermitted):
    """403. A desk's report is received by whoever supervises the desk today, and by nobody before or beside (D-21)."""

    rule = "D-21"


class NoSuchDesk(Unprocessable):
    """422. Only a unit of trading has a report."""


class DayNotOver(Unprocessable):
    """422. A day is reported once it is over."""


class IssueDeskReport(Command, frozen=True, kw_only=True):
    """A desk's day is over."""

    unit: UUID
    day: date


class AcknowledgeDeskReport(Command, frozen=True, kw_only=True):
    """The desk's supervisor has read the report; ``remark``: what is done about it."""

    report: UUID
    version: int
    remark: Reason | None = None


@use_case(Action.DESK_REPORT_ISSUE)
async def issue_desk_report(attempt: Attempt, command: IssueDeskReport) -> Changed:
    """Tell a desk's day as the deals of that day stand; it waits for the desk's supervisor, whoever that is."""
    if command.unit not in {desk.unit_id for desk in await desks(attempt.session)}:
        raise NoSuchDesk("Only a unit of trading has a report.", field="unit")
    if command.day >= attempt.desk.business_date:
        raise DayNotOver("This day is not over yet.", field="day")
    twin = select(DeskReport.id).where(DeskReport.unit_id == command.unit, DeskReport.day == command.day)
    if await attempt.session.scalar(twin) is not None:
        raise AlreadyExists("This day of the desk is reported.", field="day")
    report = attempt.add(
        DeskReport(
            id=uuid7(),
            unit_id=command.unit,
            day=command.day,
            facts=dict(facts_of(await deals_of_the_day(attempt.session, command.unit, command.day))),
            issued_at=attempt.now,
        )
    )
    attempt.open_item(Item.ACKNOWLEDGE_DESK_REPORT, report)
    return Changed(report_view(report, 1), 201)


@use_case(Action.DESK_REPORT_ACKNOWLEDGE)
async def acknowledge_desk_report(attempt: Attempt, command: AcknowledgeDeskReport) -> Changed:
    """Take notice as the supervisor of today, or as their deputy; who was it yesterday takes no notice of anything."""
    report = await attempt.session.get(DeskReport, command.report)
    if report is None:
        raise NotFound("report")
    if report.rev != command.version:
        raise StaleVersion(f"This report is at version {report.rev}. Look again.", field="version")
    supervisor = await supervisor_of(attempt.session, report.unit_id)
    if str(supervisor) not in attempt.actor.standing().persons(attempt.policy, attempt.action):
        raise NotTheSupervisor("Somebody else supervises this desk today; the report is theirs.")
    if await attempt.session.scalar(select(DeskReceipt.id).where(DeskReceipt.report_id == report.id)):
        raise AlreadyExists("The receipt of this report is on record.")
    receipt = attempt.add(
        DeskReceipt(
            id=uuid7(),
            report_id=report.id,
            received_by=attempt.actor.account,
            received_at=attempt.now,
            remark=command.remark,
        )
    )
    attempt.close_item(Item.ACKNOWLEDGE_DESK_REPORT, report.id)
    attempt.note(unit=report.unit_id, day=report.day)
    return Changed({"id": str(receipt.id), "report": str(report.id), "version": 1}, 201)
