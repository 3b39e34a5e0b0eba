"""What independent sources say, what risk control fixes about it, and the bank's business date."""

from datetime import date, time
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class DeskTime(Recorded):
    """The entity's business date and, where it does not follow the system clock, its time of day (Berlin)."""

    __tablename__ = "desk_time"

    business_date: Mapped[date]
    desk_clock: Mapped[time | None]


class FixingSet(Recorded):
    """One day's reference rates, units of the currency per 1 EUR as decimal strings, with their source."""

    __tablename__ = "fixing_set"

    day: Mapped[date] = mapped_column(unique=True)
    source: Mapped[str]
    source_sha256: Mapped[str]
    rates: Mapped[dict[str, Any]]


class Benchmark(Recorded):
    """What risk control fixes with two people: a product's tolerance, or a money-market reference rate of a day."""

    __tablename__ = "benchmark"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "benchmark",
        "product",
        "tolerance_bp",
        "currency",
        "day",
        "rate_percent",
        "source",
        "proposed_by",
    )
    __table_args__ = (
        CheckConstraint("benchmark IN ('tolerance', 'reference_rate')", name="benchmark_known"),
        CheckConstraint("state IN ('proposed', 'in_force', 'refused')", name="state_known"),
        CheckConstraint("rev > 1 OR state = 'proposed' OR proposed_by IS NULL", name="begins_as_proposed"),
        CheckConstraint(
            "benchmark <> 'tolerance' OR (product IS NOT NULL AND tolerance_bp >= 0)", name="tolerance_whole"
        ),
        CheckConstraint(
            "benchmark <> 'reference_rate' OR (currency IS NOT NULL AND day IS NOT NULL "
            "AND rate_percent IS NOT NULL AND source IS NOT NULL)",
            name="reference_rate_whole",
        ),
        Index(None, "benchmark", "state"),
    )

    benchmark: Mapped[str]
    product: Mapped[str | None]
    tolerance_bp: Mapped[Decimal | None]
    currency: Mapped[str | None]
    day: Mapped[date | None]
    rate_percent: Mapped[Decimal | None]
    source: Mapped[str | None]
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))  # none: the founding's
    state: Mapped[str]
    reason: Mapped[str | None]


DESK_TIME_ID = UUID("00000000-0000-7000-8000-0000000000d1")
