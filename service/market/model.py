"""Reference data from independent sources: fixings, the back office's cut-offs, the bank's business date."""

from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class DeskTime(Recorded):
    """The entity's business date and, where it does not follow the system clock, its time of day (Berlin)."""

    __tablename__ = "desk_time"

    business_date: Mapped[date]
    desk_clock: Mapped[time | None]


class CutOff(Recorded):
    """From when on a deal of a product counts as late; owned by the back office. Time of day in Berlin."""

    __tablename__ = "cut_off"

    product: Mapped[str] = mapped_column(unique=True)
    at: Mapped[time]


class FixingSet(Recorded):
    """One day's reference rates, units of the currency per 1 EUR as decimal strings, with their source."""

    __tablename__ = "fixing_set"

    day: Mapped[date] = mapped_column(unique=True)
    source: Mapped[str]
    source_sha256: Mapped[str]
    rates: Mapped[dict[str, Any]]


DESK_TIME_ID = UUID("00000000-0000-7000-8000-0000000000d1")
