"""Reference rates come in from outside trading; the bank's business date moves, and only forward."""

from datetime import date, time
from typing import Annotated

import msgspec
from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.calendar import NoCalendar, is_business_day
from service.kernel.errors import AlreadyExists, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.money import plain
from service.kernel.texts import Name
from service.market.model import DESK_TIME_ID, DeskTime, FixingSet
from service.market.queries import fixings_on, rates_of
from service.market.reference_rates import BASE, UnusableRate, checked_rates

Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
Written = Annotated[str, msgspec.Meta(min_length=1, max_length=25)]


class UnusableFixing(Unprocessable):
    """422. A rate is no positive number, or of no currency the bank knows."""


class NotABusinessDay(Unprocessable):
    """422. The euro's payment system (T2) is closed on this day."""


class FixingOfTheFuture(Unprocessable):
    """422. Nobody sees a reference rate before its day."""


class FixingKnown(AlreadyExists):
    """409. Exactly these rates are held already; nothing has to be done."""


class NotForward(Unprocessable):
    """422. Desk time only moves forward."""


class ClockIsReal(Refusal):
    """409. This bank follows the system clock; nobody sets its business date."""


class ImportFixings(Command, frozen=True, kw_only=True):
    """One day's reference rates: units of each currency for one euro, and the file they were read from."""

    day: date
    source: Name
    source_sha256: Digest
    rates: Annotated[
        dict[Annotated[str, msgspec.Meta(max_length=3)], Written], msgspec.Meta(min_length=1, max_length=200)
    ]


class SetBusinessDate(Command, frozen=True, kw_only=True):
    """The business date, and the time of day in Berlin, that hold from now on."""

    business_date: date
    desk_clock: TimeOfDay
    version: int


@use_case(Action.FIXING_IMPORT)
async def import_fixings(attempt: Attempt, command: ImportFixings) -> Changed:
    """Take one day's rates from an independent source, once; they are never changed afterwards."""
    must_be_business_day(command.day, "day")
    if command.day > attempt.desk.business_date:
        raise FixingOfTheFuture(f"The bank's business date is {attempt.desk.business_date}.", field="day")
    try:
        rates = checked_rates(command.rates)
    except UnusableRate as unusable:
        raise UnusableFixing(f"{unusable}.", field=f"rates.{unusable.currency}") from unusable
    if (held := await fixings_on(attempt.session, command.day)) is not None:
        if rates_of(held) == rates:
            raise FixingKnown(
                f"The rates of {command.day} are held already, and they are the same.", field="day"
            )
        raise AlreadyExists(
            f"Other rates are held for {command.day}; a fixing is never changed.", field="day"
        )
    row = attempt.add(
        FixingSet(
            id=uuid7(),
            day=command.day,
            source=command.source,
            source_sha256=command.source_sha256,
            rates={currency: plain(rate) for currency, rate in rates.items()},
        )
    )
    return Changed(
        {"id": str(row.id), "version": 1, "day": row.day.isoformat(), "currencies": len(rates)}, 201
    )


@use_case(Action.BUSINESS_DATE_SET)
async def set_business_date(attempt: Attempt, command: SetBusinessDate) -> Changed:
    """Move desk time of a demo bank: to a later business day, or to a later hour of the same day.

    A bank that was founded without a desk time has none for ever; its login may not insert one.
    """
    if await attempt.session.scalar(select(DeskTime.id)) is None:
        raise ClockIsReal("This bank follows the system clock; its business date is not set by hand.")
    row = await locked(attempt, DeskTime, DESK_TIME_ID, seen=command.version)
    must_be_business_day(command.business_date, "business_date")
    clock = time.fromisoformat(command.desk_clock)
    if (command.business_date, clock) <= (row.business_date, attempt.desk.clock):
        now = f"{row.business_date} {attempt.desk.clock:%H:%M}"
        late = "business_date" if command.business_date < row.business_date else "desk_clock"
        raise NotForward(f"It is {now} already; desk time only moves forward.", field=late)
    attempt.change(row, business_date=command.business_date, desk_clock=clock)
    return Changed(
        {
            "business_date": command.business_date.isoformat(),
            "desk_clock": command.desk_clock,
            "version": command.version + 1,
        }
    )


def must_be_business_day(day: date, field: str) -> None:
    """Raise NotABusinessDay, naming the field."""
    try:
        good = is_business_day(day, BASE)
    except NoCalendar as unknown:
        raise NotABusinessDay(f"{unknown}.", field=field) from unknown
    if not good:
        raise NotABusinessDay(f"The euro's payment system is closed on {day}.", field=field)
