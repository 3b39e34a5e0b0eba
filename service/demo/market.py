"""What the demo bank knows of the market: the European Central Bank's own rates, and the days they were fixed on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from service.market.ecb import by_day, demo_archive, read_fixings

FIXING_DAYS_BEFORE_LAST = 3
TRADING_DAYS = 2


@dataclass(frozen=True, slots=True)
class Market:
    """The archive as it was handed over, and the rates of every day from the opening on."""

    archive: bytes
    opening: date
    rates: Mapping[date, Mapping[str, Decimal]]

    @property
    def days(self) -> Sequence[date]:
        """The fixing days at hand from the opening on, in order."""
        return sorted(self.rates)

    @property
    def trading_days(self) -> Sequence[date]:
        """The days on which the demo bank deals: none if the archive ends too early."""
        return self.days[:TRADING_DAYS] if len(self.rates) >= TRADING_DAYS else []


def open_market(opening: date | None) -> Market:
    """Return the market from ``opening`` on, which is three fixing days before the last one at hand unless told.

    Raises DemoArchiveMissing.
    """
    archive = demo_archive()
    fixed = by_day(read_fixings(archive, since=opening))
    first = opening or sorted(fixed)[-1 - FIXING_DAYS_BEFORE_LAST]
    return Market(archive, first, {day: rates for day, rates in fixed.items() if day >= first})
