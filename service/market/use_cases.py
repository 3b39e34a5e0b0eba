"""References and tolerances come from outside trading, by two people; the bank's business date moves only forward."""

from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select, text

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.calendar import NoCalendar, is_business_day
from service.kernel.errors import AlreadyExists, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import AMOUNT_PATTERN, CURRENCIES, parse_amount, plain
from service.kernel.texts import Name, Reason
from service.market.checking import recheck
from service.market.lifecycle import BENCHMARK, BenchmarkState
from service.market.model import DESK_TIME_ID, Benchmark, DeskTime, FixingSet
from service.market.queries import benchmark_view, fixings_on, open_benchmark, rates_of
from service.market.reference_rates import BASE, UnusableRate, checked_rates

Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
Written = Annotated[str, msgspec.Meta(min_length=1, max_length=25)]
Number = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN, description="A decimal string, never a number.")]
Product = Literal["fx_spot", "fx_forward", "mm_deposit", "mm_loan"]
TOLERANCE_BP_MAX, RATE_PERCENT_MIN, RATE_PERCENT_MAX = Decimal(1000), Decimal(-5), Decimal(100)
ALONE = text("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(:name, 0))")


class UnusableFixing(Unprocessable):
    """422. A rate is no positive number, or of no currency the bank knows."""


class NotABusinessDay(Unprocessable):
    """422. The euro's payment system (T2) is closed on this day."""


class FixingOfTheFuture(Unprocessable):
    """422. Nobody sees a reference rate before its day."""


class FixingKnown(AlreadyExists):
    """409. Exactly these rates are held already; nothing has to be done."""


class OutOfBounds(Unprocessable):
    """422. The figure is beyond anything that could be meant."""


class WrongCurrency(Unprocessable):
    """422. Nobody pays in this currency."""


class RateOfTheFuture(Unprocessable):
    """422. Nobody sees a reference rate before its day."""


class AlreadyProposed(AlreadyExists):
    """409. The same was proposed before and waits for its decision."""


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


class ProposeTolerance(Command, frozen=True, kw_only=True, tag_field="benchmark", tag="tolerance"):
    """How far deals of a type may stand from their reference, in basis points."""

    product: Product
    tolerance_bp: Number


class ProposeReferenceRate(Command, frozen=True, kw_only=True, tag_field="benchmark", tag="reference_rate"):
    """What money in a currency cost on a day, in percent a year, and who says so."""

    currency: Annotated[str, msgspec.Meta(max_length=3)]
    day: date
    rate_percent: Number
    source: Name


ProposeBenchmark = ProposeTolerance | ProposeReferenceRate


class ApproveBenchmark(Command, frozen=True, kw_only=True):
    """A second person puts the benchmark in force."""

    benchmark_id: UUID
    version: int


class RefuseBenchmark(Command, frozen=True, kw_only=True):
    """A second person turns the benchmark down."""

    benchmark_id: UUID
    version: int
    reason: Reason


class SetBusinessDate(Command, frozen=True, kw_only=True):
    """The business date, and the time of day in Berlin, that hold from now on."""

    business_date: date
    desk_clock: TimeOfDay
    version: int


@use_case(Action.FIXING_IMPORT)
async def import_fixings(attempt: Attempt, command: ImportFixings) -> Changed:
    """Take one day's rates from an independent source, once; they are never changed afterwards.

    Exchanges of currencies that were held against an older day's rates are held against these (SET-20).
    """
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
    await recheck(attempt, command.day)
    return Changed(
        {"id": str(row.id), "version": 1, "day": row.day.isoformat(), "currencies": len(rates)}, 201
    )


@use_case(Action.BENCHMARK_PROPOSE)
async def propose_benchmark(attempt: Attempt, command: ProposeBenchmark) -> Changed:
    """Propose a tolerance or a reference rate; nothing is held against it before somebody else approved it."""
    if isinstance(command, ProposeTolerance):
        facts = tolerance_facts(command)
    else:
        facts = reference_rate_facts(command, attempt.desk.business_date)
    thing = {
        name: fact for name, fact in facts.items() if name in ("benchmark", "product", "currency", "day")
    }
    await attempt.session.execute(ALONE, {"name": f"benchmark:{':'.join(map(str, thing.values()))}"})
    if await open_benchmark(attempt.session, thing) is not None:
        raise AlreadyProposed("The same was proposed before; that proposal must be decided first.")
    row = Benchmark(
        id=uuid7(), **facts, proposed_by=attempt.actor.account, state=BenchmarkState.PROPOSED.value
    )
    attempt.open_item(Item.DECIDE_BENCHMARK, attempt.add(row))
    return Changed(benchmark_view(row) | {"version": 1}, 201)


@use_case(Action.BENCHMARK_APPROVE)
async def approve_benchmark(attempt: Attempt, command: ApproveBenchmark) -> Changed:
    """Put it in force; whoever proposed it may not (D-02).

    A tolerance holds for the checks that follow. A reference rate also for the deals of its day and the week
    after that were held against an older one, or none.
    """
    row = await decided(attempt, command.benchmark_id, command.version)
    if row.day is not None:
        await recheck(attempt, row.day, row.currency)
    await attempt.session.flush()
    return Changed(benchmark_view(row))


@use_case(Action.BENCHMARK_REFUSE)
async def refuse_benchmark(attempt: Attempt, command: RefuseBenchmark) -> Changed:
    """Turn it down; whoever proposed it may not (D-02)."""
    row = await decided(attempt, command.benchmark_id, command.version, reason=command.reason)
    await attempt.session.flush()
    return Changed(benchmark_view(row))


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


def tolerance_facts(command: ProposeTolerance) -> dict[str, object]:
    """Return the columns of a tolerance. Raises OutOfBounds."""
    width = parse_amount(command.tolerance_bp)
    if not 0 <= width <= TOLERANCE_BP_MAX:
        raise OutOfBounds("A tolerance is between 0 and 1000 basis points.", field="tolerance_bp")
    return {"benchmark": "tolerance", "product": command.product, "tolerance_bp": width}


def reference_rate_facts(command: ProposeReferenceRate, today: date) -> dict[str, object]:
    """Return the columns of a reference rate. Raises OutOfBounds, WrongCurrency, RateOfTheFuture."""
    if command.currency not in CURRENCIES:
        raise WrongCurrency(f"{command.currency!a} is no currency of ISO 4217.", field="currency")
    if command.day > today:
        raise RateOfTheFuture(f"The bank's business date is {today}.", field="day")
    rate = parse_amount(command.rate_percent)
    if not RATE_PERCENT_MIN <= rate <= RATE_PERCENT_MAX:
        raise OutOfBounds("A reference rate is between -5 and 100 percent a year.", field="rate_percent")
    return {
        "benchmark": "reference_rate",
        "currency": command.currency,
        "day": command.day,
        "rate_percent": rate,
        "source": command.source,
    }


async def decided(attempt: Attempt, benchmark_id: UUID, version: int, **because: str) -> Benchmark:
    """Move the benchmark to the state the act leads to, by another natural person than its proposer."""
    row = await locked(attempt, Benchmark, benchmark_id, seen=version)
    await attempt.admit(related=[(Benchmark.__tablename__, row.id)])
    state = BENCHMARK.after(BenchmarkState(row.state), attempt.action)
    attempt.change(row, state=state.value, **because)
    attempt.close_item(Item.DECIDE_BENCHMARK, row.id)
    return row


def must_be_business_day(day: date, field: str) -> None:
    """Raise NotABusinessDay, naming the field."""
    try:
        good = is_business_day(day, BASE)
    except NoCalendar as unknown:
        raise NotABusinessDay(f"{unknown}.", field=field) from unknown
    if not good:
        raise NotABusinessDay(f"The euro's payment system is closed on {day}.", field=field)
