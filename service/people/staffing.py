"""Joiners, movers and leavers as the personnel department reports them, and who applies to which desk."""

from datetime import date
from typing import Any, Literal

from sqlalchemy import select

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.errors import AlreadyExists, NotFound, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.texts import Name, PlainName
from service.organisation.model import Unit
from service.organisation.queries import today
from service.people.model import Person, StaffEvent
from service.people.queries import accounts_of, roles_counting, staff_event_view
from service.people.use_cases import (
    Disabled,
    OfAService,
    StaffNumber,
    join,
    must_be_somebody_else,
    registered,
    unit_named,
)
from service.people.withdrawing import (
    hand_over,
    must_lead_nothing_apart,
    warn_of_going,
    withdraw_everything,
)

Event = Literal["joiner", "mover", "leaver", "applies", "withdraws"]


class NotYetDue(Unprocessable):
    """422. What happens later is reported on its day; rights end on it."""


class PartMissing(Unprocessable):
    """422. This event needs what was left out, or has no use for what was said."""


class NoDesk(Unprocessable):
    """422. One applies to a unit of trading here; other applications are nobody's business."""


class NotApplied(Refusal):
    """409. There is no pending application of this person to this desk."""


class RecordStaffEvent(Command, frozen=True, kw_only=True):
    """What happened to somebody, known by staff number; a joiner has a name, all but leavers a unit."""

    staff_number: StaffNumber
    event: Event
    effective_on: date
    unit: Name | None = None
    name: PlainName | None = None


@use_case(Action.STAFF_EVENT_RECORD)
async def record_staff_event(attempt: Attempt, command: RecordStaffEvent) -> Changed:
    """Take what happened, and end in the same transaction what a mover or leaver may do no more (ORG-04)."""
    must_be_whole(command)
    if command.effective_on > today(attempt.now):
        raise NotYetDue("Report it on the day it takes effect.", field="effective_on")
    unit = None if command.unit is None else await unit_named(attempt, command.unit)
    if command.event == "joiner":
        assert unit is not None
        assert command.name is not None
        person = await registered(attempt, command.name, unit, command.staff_number)
        return told(attempt, command, person, unit, 0)
    person = await somebody(attempt, command.staff_number)
    before = select(StaffEvent.id).where(
        StaffEvent.staff_number == command.staff_number,
        StaffEvent.event == command.event,
        StaffEvent.effective_on == command.effective_on,
        StaffEvent.unit_id.is_not_distinct_from(None if unit is None else unit.id),
    )
    if await attempt.session.scalar(before) is not None:
        raise AlreadyExists("This event was reported before.", field="effective_on")
    ended, warned = 0, dict[str, Any]()
    match command.event:
        case "mover":
            assert unit is not None
            await must_lead_nothing_apart(attempt, person, unit.id)
            warned = await warn_of_going(attempt, person) | await hand_over(attempt, person, but=unit.id)
            ended = await move(attempt, person, unit)
        case "leaver":
            warned = await warn_of_going(attempt, person) | await hand_over(attempt, person)
            ended = await leave(attempt, person)
        case "applies" | "withdraws":
            assert unit is not None
            await must_concern_a_desk(attempt, person, unit, command.event)
    answer = told(attempt, command, person, unit, ended)
    if command.event in ("mover", "leaver"):
        await attempt.session.flush()  # what was delegated ends with the event's own row
        left = await roles_counting(attempt.session, person.id, attempt.now, services=False)
        assert not left, "a mover and a leaver keep no right"
    return Changed({**answer.answer, **warned}, answer.status)


def must_be_whole(command: RecordStaffEvent) -> None:
    """Raise PartMissing unless the event says what its kind needs, and no more."""
    needs = {"joiner": {"unit", "name"}, "leaver": set[str]()}.get(command.event, {"unit"})
    for part in ("unit", "name"):
        if (part in needs) != (getattr(command, part) is not None):
            what = "needs" if part in needs else "has no"
            raise PartMissing(f"A {command.event} {what} {part}.", field=part)


async def somebody(attempt: Attempt, staff_number: str) -> Person:
    """Return the locked person with this number, who works here and is somebody else. Raises what keeps them from it."""
    known = await attempt.session.scalar(select(Person.id).where(Person.staff_number == staff_number))
    if known is None:
        raise NotFound("staff number")
    person = await locked(attempt, Person, known)
    must_be_somebody_else(attempt, person.id)
    if person.disabled:
        raise Disabled("This person has left already.", field="staff_number")
    if any(account.service for account in await accounts_of(attempt.session, person.id)):
        raise OfAService("This is the service of an office, no natural person.")
    return person


async def move(attempt: Attempt, person: Person, unit: Unit) -> int:
    """Let somebody begin anew in another unit: whatever they may do there takes three people again."""
    ended = await withdraw_everything(attempt, person, "moved")
    if unit.id != person.unit_id:
        attempt.change(person, unit_id=unit.id)
        join(attempt, person, unit)
    return ended


async def leave(attempt: Attempt, person: Person) -> int:
    """Let somebody go: nothing of theirs opens anything any more, and their number is never given again."""
    ended = await withdraw_everything(attempt, person, "left")
    attempt.change(person, disabled=True)
    for account in await accounts_of(attempt.session, person.id):
        if not account.disabled:
            attempt.change(account, disabled=True)
    return ended


async def must_concern_a_desk(attempt: Attempt, person: Person, unit: Unit, event: str) -> None:
    """Raise NoDesk or NotApplied unless an application to the desk can begin or end."""
    if unit.function_class != Office.FRONT_OFFICE:
        raise NoDesk(f"{unit.name} is no unit of trading.", field="unit")
    newest = (
        select(StaffEvent.event)
        .where(
            StaffEvent.person_id == person.id,
            StaffEvent.unit_id == unit.id,
            StaffEvent.event.in_(("applies", "withdraws")),
        )
        .order_by(StaffEvent.id.desc())
        .limit(1)
    )
    if event == "withdraws" and await attempt.session.scalar(newest) != "applies":
        raise NotApplied("There is no pending application to this desk.", field="unit")


def told(
    attempt: Attempt, command: RecordStaffEvent, person: Person, unit: Unit | None, ended: int
) -> Changed:
    """Store the event and answer what came of it."""
    row = attempt.add(
        StaffEvent(
            id=uuid7(),
            staff_number=command.staff_number,
            event=command.event,
            person_id=person.id,
            unit_id=None if unit is None else unit.id,
            effective_on=command.effective_on,
            reported_at=attempt.now,
            reported_by=attempt.actor.account,
            rights_ended=ended,
        )
    )
    answer: dict[str, Any] = {**staff_event_view(row), "version": 1}
    return Changed(answer, 201)
