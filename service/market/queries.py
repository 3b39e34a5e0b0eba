"""Reference rates, cut-offs and desk time as every office may read them."""

from datetime import date, time
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.money import parse_amount
from service.market.model import CutOff, DeskTime, FixingSet


async def desk(session: AsyncSession) -> DeskTime | None:
    """Return the recorded desk time, or None in a bank that follows the system clock."""
    return await session.scalar(select(DeskTime))


async def cut_off(session: AsyncSession, product: str) -> time | None:
    """Return from when on a deal of this product is late, time of day in Berlin; None where nobody set one."""
    return await session.scalar(select(CutOff.at).where(CutOff.product == product))


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
