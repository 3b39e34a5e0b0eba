"""System time: always UTC, never faked outside tests. Desk time is a recorded fact and lives in ``market``."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Return the aware UTC time in microseconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the aware UTC time in microseconds."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock
