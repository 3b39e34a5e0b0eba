"""The yearly block of absence: planned, accepted by another trader, cut short only with a reason (TRD-19, D-11)."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import text

from policies.periods import Period
from policies.vocabulary import Action, Office
from service.absences.lifecycle import ABSENCE, AbsenceState, stands, trading_days
from service.absences.model import Absence, AbsenceReview
from service.absences.queries import blocks_between
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.calendar import NoCalendar
from service.kernel.database import plain_value
from service.kernel.errors import AlreadyExists, NotFound, NotPermitted, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.leaving import nobody_left
from service.people.queries import owner_of

DUTIES = text("SELECT * FROM public.duties_of(:account)")
TOUCHED = text("SELECT public.deals_touched(:trader, :person)")
DAYS_MAX = 92
REVIEWS = {Office.COMPLIANCE: Item.ABSENCE_BREACH, Office.RISK_CONTROL: Item.ABSENCE_BREACH_RISK}

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class NoTrader(Unprocessable):
    """422. A block of absence is a trader's, and so is the substitute: with an id and rights of their own (TRD-19)."""

    rule = "TRD-19"


class TooShort(Unprocessable):
    """422. The block has fewer uninterrupted trading days than it takes (TRD-19)."""

    rule = "TRD-19"


class WrongDays(Unprocessable):
    """422. A block begins after today, ends after it begins, and not a season later."""

    rule = "TRD-19"


class SubstituteAway(Unprocessable):
    """422. The substitute is absent on some of these days."""

    rule = "TRD-19"


class NotYourAbsence(NotPermitted):
    """403. A trader plans for themselves; the head of trading for everybody on the desks."""


class NotTheSubstitute(NotPermitted):
    """403. The hand-over is accepted in person, by the substitute that was named (TRD-19)."""

    rule = "TRD-19"


class PartOfTheAbsence(NotPermitted):
    """403. Neither the absent trader nor the substitute interrupts the absence (TRD-19)."""

    rule = "TRD-19"


class BegunAlready(Refusal):
    """409. What has begun is interrupted, by another person and with a reason; it is not withdrawn."""

    rule = "TRD-19"


class PlanAbsence(Command, frozen=True, kw_only=True):
    """Days, both included, on which another trader answers for the positions; ``trader``: for somebody else's."""

    substitute: Identifier
    first_day: date
    last_day: date
    reason: Reason
    trader: Identifier | None = None


class AcceptAbsence(Command, frozen=True, kw_only=True):
    """The substitute takes the positions over for these days."""

    absence: UUID
    version: int
    accept_dead_end: Reason | None = None


class WithdrawAbsence(Command, frozen=True, kw_only=True):
    """A block that has not begun will not be."""

    absence: UUID
    version: int
    reason: Reason


class InterruptAbsence(Command, frozen=True, kw_only=True):
    """The trader is back before the block ended; the count begins anew."""

    absence: UUID
    version: int
    reason: Reason


class ReviewAbsence(Command, frozen=True, kw_only=True):
    """What an office found about an attempt to get in while absent."""

    absence: UUID
    finding: Reason


@use_case(Action.ABSENCE_PLAN)
async def plan_absence(attempt: Attempt, command: PlanAbsence) -> Changed:
    """Plan a block; it needs the substitute's own word before it begins."""
    trader = await trader_named(attempt, command.trader or str(attempt.actor.account), "trader")
    own = trader == attempt.actor.person
    if own != attempt.actor.standing().decide(attempt.policy, Action.TRADE_CAPTURE).allowed:
        raise NotYourAbsence("A trader plans for themselves, the head of trading for others.", field="trader")
    substitute = await trader_named(attempt, command.substitute, "substitute")
    must_be_a_block(attempt, command.first_day, command.last_day)
    if substitute == trader:
        raise NoTrader("The substitute is another person.", field="substitute")
    await must_be_free(attempt, trader, substitute, command.first_day, command.last_day)
    absence = attempt.add(
        Absence(
            id=uuid7(),
            person_id=trader,
            substitute_id=substitute,
            first_day=command.first_day,
            last_day=command.last_day,
            reason=command.reason,
            state=AbsenceState.PLANNED.value,
            planned_by=attempt.actor.account,
        )
    )
    attempt.open_item(Item.ACCEPT_ABSENCE, absence)
    return Changed(outcome(attempt, absence, 1), 201)


@use_case(Action.ABSENCE_ACCEPT)
async def accept_absence(attempt: Attempt, command: AcceptAbsence) -> Changed:
    """Take the positions over, under an id of one's own; never as somebody who controlled these deals (D-11)."""
    absence = await locked(attempt, Absence, command.absence, seen=command.version)
    touched = await attempt.session.scalar(
        TOUCHED, {"trader": absence.person_id, "person": attempt.actor.person}
    )
    await attempt.admit(trades=touched or [], related=[(Absence.__tablename__, absence.id)])
    if attempt.actor.person != absence.substitute_id:
        raise NotTheSubstitute("The substitute that was named accepts, in person.")
    ABSENCE.after(standing_of(attempt, absence), attempt.action)
    await trader_named(attempt, str(attempt.actor.account), "substitute")
    await must_be_free(
        attempt, absence.person_id, absence.substitute_id, absence.first_day, absence.last_day, but=absence.id
    )
    roles = [role for role in attempt.policy.roles if Action.TRADE_CAPTURE in attempt.policy.powers_of[role]]
    gone = str(absence.person_id)
    await nobody_left(
        attempt,
        roles,
        lambda holder: None if holder.standing.person == gone else holder,
        command.accept_dead_end,
    )
    attempt.change(absence, state=AbsenceState.ACCEPTED.value)
    attempt.close_item(Item.ACCEPT_ABSENCE, absence.id)
    attempt.note(absent=absence.person_id)
    return Changed(outcome(attempt, absence, command.version + 1))


@use_case(Action.ABSENCE_WITHDRAW)
async def withdraw_absence(attempt: Attempt, command: WithdrawAbsence) -> Changed:
    """Take a plan back before its first day."""
    absence = await locked(attempt, Absence, command.absence, seen=command.version)
    head = not attempt.actor.standing().decide(attempt.policy, Action.TRADE_CAPTURE).allowed
    if not head and attempt.actor.person not in (absence.person_id, absence.substitute_id):
        raise NotYourAbsence("This is another trader's absence.")
    state = standing_of(attempt, absence)
    if state in (AbsenceState.RUNNING, AbsenceState.FULFILLED):
        raise BegunAlready("This absence has begun; the head of trading or compliance interrupts it.")
    if state is not AbsenceState.LAPSED:
        ABSENCE.after(state, attempt.action)
    attempt.change(absence, state=AbsenceState.WITHDRAWN.value)
    attempt.close_item(Item.ACCEPT_ABSENCE, absence.id)
    attempt.note(reason=command.reason)
    return Changed(outcome(attempt, absence, command.version + 1))


@use_case(Action.ABSENCE_INTERRUPT)
async def interrupt_absence(attempt: Attempt, command: InterruptAbsence) -> Changed:
    """Let the trader back in before the end, as a person who has no part in it; the count begins anew."""
    absence = await locked(attempt, Absence, command.absence, seen=command.version)
    await attempt.admit(related=[(Absence.__tablename__, absence.id)])
    if attempt.actor.person in (absence.person_id, absence.substitute_id):
        raise PartOfTheAbsence("Neither the absent trader nor the substitute interrupts this.")
    state = ABSENCE.after(standing_of(attempt, absence), attempt.action)
    attempt.change(absence, state=state.value, interrupted_on=attempt.desk.business_date)
    attempt.note(reason=command.reason, absent=absence.person_id)
    return Changed(outcome(attempt, absence, command.version + 1))


@use_case(Action.ABSENCE_REVIEW)
async def review_absence(attempt: Attempt, command: ReviewAbsence) -> Changed:
    """Record what came of an attempt to get in; risk control and compliance each do so for themselves."""
    known = await attempt.session.get(Absence, command.absence)
    if known is None:
        raise NotFound("absence")
    review = attempt.add(
        AbsenceReview(
            id=uuid7(),
            absence_id=known.id,
            office=attempt.actor.office.value,
            finding=command.finding,
            reviewed_by=attempt.actor.account,
        )
    )
    attempt.close_item(REVIEWS[attempt.actor.office], known.id)
    return Changed({"id": str(review.id), "absence": str(known.id), "finding": command.finding}, 201)


async def trader_named(attempt: Attempt, account: str, field: str) -> UUID:
    """Return the person of a trader's account, named by its id or name. Raises NoTrader."""
    found = await owner_of(attempt.session, account)
    row = (
        None
        if found is None
        else (await attempt.session.execute(DUTIES, {"account": found[0]})).one_or_none()
    )
    if row is None or not row.enabled or row.service:
        raise NoTrader("There is no such trader.", field=field)
    if not attempt.policy.decide(row.own, Action.TRADE_CAPTURE).allowed:
        raise NoTrader(f"{row.name} is no trader by a right of their own.", field=field)
    person: UUID = row.person_id
    return person


def must_be_a_block(attempt: Attempt, first: date, last: date) -> None:
    """Raise WrongDays or TooShort unless the days lie ahead and make a whole block."""
    if first <= attempt.desk.business_date or not timedelta() <= last - first < timedelta(days=DAYS_MAX):
        raise WrongDays(f"A block begins after today and ends within {DAYS_MAX} days.", field="first_day")
    if first.year != last.year:
        raise WrongDays("A block counts for one year; plan another for the next.", field="last_day")
    needed = attempt.policy.periods.number(Period.ABSENCE_DAYS)
    try:
        days = trading_days(first, last)
    except NoCalendar as unknown:
        raise WrongDays(f"Nobody knows the trading days of {first.year}.", field="first_day") from unknown
    if days < needed:
        raise TooShort(f"These are {days} trading days; it takes {needed} on end.", field="last_day")


async def must_be_free(
    attempt: Attempt, trader: UUID, substitute: UUID, first: date, last: date, but: UUID | None = None
) -> None:
    """Raise AlreadyExists or SubstituteAway if one of the two is away, or stands in for the other, on these days."""
    for other in await blocks_between(attempt.session, first, last, but):
        if other.person_id == trader:
            raise AlreadyExists("A block of this trader is planned on some of these days.", field="first_day")
        if other.person_id == substitute:
            raise SubstituteAway("The substitute is away on some of these days.", field="substitute")
        if other.substitute_id == trader:
            raise SubstituteAway(
                "This trader stands in for somebody else on some of these days.", field="first_day"
            )


def standing_of(attempt: Attempt, absence: Absence) -> AbsenceState:
    """Return where the block stands on the desk's day."""
    return stands(
        AbsenceState(absence.state),
        absence.first_day,
        absence.last_day,
        absence.interrupted_on,
        attempt.desk.business_date,
        attempt.policy.periods.number(Period.ABSENCE_DAYS),
    )


def outcome(attempt: Attempt, absence: Absence, version: int) -> dict[str, object]:
    """Return the answer: the block and where it stands."""
    return {
        "id": str(absence.id),
        "version": version,
        "state": standing_of(attempt, absence).value,
        "person": str(absence.person_id),
        "substitute": str(absence.substitute_id),
        "first_day": plain_value(absence.first_day),
        "last_day": plain_value(absence.last_day),
        "trading_days": trading_days(absence.first_day, absence.last_day),
    }
