"""Reference rates and desk time as every office may read them."""

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.kernel.money import parse_amount
from service.market.model import Benchmark, DeskTime, FixingSet


async def desk(session: AsyncSession) -> DeskTime | None:
    """Return the recorded desk time, or None in a bank that follows the system clock."""
    return await session.scalar(select(DeskTime))


FIXING_HOUR: Final = time(16)
"""From when on a day's reference is everybody's, in Berlin; the database holds the front office to it."""


def is_published(day: date, business_date: date, clock: time) -> bool:
    """Tell whether everybody may know the reference of a day."""
    return day < business_date or (day == business_date and clock >= FIXING_HOUR)


async def fixings_on(session: AsyncSession, day: date) -> FixingSet | None:
    """Return the rates held for this day with their source."""
    return await session.scalar(select(FixingSet).where(FixingSet.day == day))


async def rates_on(session: AsyncSession, day: date) -> dict[str, Decimal]:
    """Return units of each currency for one euro as fixed on this day; empty where none are held."""
    found = await fixings_on(session, day)
    return {} if found is None else rates_of(found)


async def last_rates(session: AsyncSession, until: date) -> tuple[date, dict[str, Decimal]] | None:
    """Return the newest fixings that are not after ``until``, with their day; None where none are held."""
    found = await session.scalar(
        select(FixingSet).where(FixingSet.day <= until).order_by(FixingSet.day.desc()).limit(1)
    )
    return None if found is None else (found.day, rates_of(found))


def rates_of(fixings: FixingSet) -> dict[str, Decimal]:
    """Return the rates as numbers."""
    return {currency: parse_amount(rate) for currency, rate in fixings.rates.items()}


def fixings_view(fixings: FixingSet) -> dict[str, Any]:
    """Return one day's rates as answers show them."""
    return {
        "id": str(fixings.id),
        "version": fixings.rev,
        "day": fixings.day.isoformat(),
        "source": fixings.source,
        "source_sha256": fixings.source_sha256,
        "rates": dict(sorted(fixings.rates.items())),
    }


async def open_benchmark(session: AsyncSession, thing: Mapping[str, object]) -> UUID | None:
    """Return the id of a proposal about the same thing that nobody has decided yet."""
    wanted = select(Benchmark.id).filter_by(**thing).where(Benchmark.state == "proposed")
    return await session.scalar(wanted.limit(1))


async def benchmarks(
    session: AsyncSession,
    *,
    benchmark: str | None = None,
    state: str | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return tolerances and reference rates, newest first; of a product's tolerances in force the first counts."""
    wanted = select(Benchmark).order_by(Benchmark.id.desc()).limit(limit + 1)
    if benchmark is not None:
        wanted = wanted.where(Benchmark.benchmark == benchmark)
    if state is not None:
        wanted = wanted.where(Benchmark.state == state)
    if cursor is not None:
        wanted = wanted.where(Benchmark.id < cursor)
    found = (await session.scalars(wanted)).all()
    items = [benchmark_view(row) for row in found[:limit]]
    return {"items": items, "next": items[-1]["id"] if len(found) > limit else None}


def benchmark_view(row: Benchmark) -> dict[str, Any]:
    """Return a tolerance or a reference rate as answers show it."""
    names = ("product", "tolerance_bp") if row.benchmark == "tolerance" else RATE_FIELDS
    facts = {name: plain_value(getattr(row, name)) for name in names}
    return {
        "id": str(row.id),
        "version": row.rev,
        "benchmark": row.benchmark,
        **facts,
        "state": row.state,
        "reason": row.reason,
    }


RATE_FIELDS: Final = ("currency", "day", "rate_percent", "source")
