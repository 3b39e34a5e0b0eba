"""How long and until when: the periods that rules of time go by, each with its source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from policies.rows import Row, rows

FILE: Final = "periods.csv"
HEADER: Final = ("period", "value", "source", "why")
NUMBER: Final = re.compile(r"\A[1-9][0-9]{0,3}\Z")
DAY: Final = re.compile(r"\A[0-9]{2}-[0-9]{2}\Z")
LEAP_YEAR: Final = 2000


class Period(StrEnum):
    """Every period that some rule goes by."""

    ABSENCE_DAYS = "absence_days"
    ABSENCE_DEADLINE = "absence_deadline"
    ABSENCE_NOTICE_DAYS = "absence_notice_days"
    DELEGATION_DAYS_MAX = "delegation_days_max"
    RIGHT_NOTICE_DAYS = "right_notice_days"


DAYS_OF_THE_YEAR: Final = frozenset({Period.ABSENCE_DEADLINE})
"""Periods that end on a day of each year; the others are numbers."""


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """``value`` as the file spells it: a number, or month and day."""

    period: Period
    value: str
    source: str
    why: str
    line: int


@dataclass(frozen=True, slots=True)
class Periods:
    """All periods of one policy; each stands in the file exactly once."""

    rows: Mapping[Period, PeriodRow]

    def number(self, period: Period) -> int:
        """A period that is a number."""
        assert period not in DAYS_OF_THE_YEAR
        return int(self.rows[period].value)

    def day_in(self, period: Period, year: int) -> date:
        """The day of ``year`` on which a period ends."""
        assert period in DAYS_OF_THE_YEAR
        return date.fromisoformat(f"{year}-{self.rows[period].value}")


def parse(content: bytes) -> Periods:
    """Periods of the file. Raises PolicyError for one that is unknown, missing, doubled or no such value."""
    found: dict[Period, PeriodRow] = {}
    row: Row | None = None
    for row in rows(FILE, content, HEADER):
        name, value, source, why = row.expect(len(HEADER))
        period = row.word(Period, name)
        if period in found:
            raise row.error(f"second row of {period}")
        _must_fit(row, period, value)
        found[period] = PeriodRow(period, value, source, why, row.line)
    assert row is not None, "rows refuses an empty file"
    if missing := [period for period in Period if period not in found]:
        raise row.error(f"no row of {missing[0]}")
    return Periods(MappingProxyType(found))


def _must_fit(row: Row, period: Period, value: str) -> None:
    if period not in DAYS_OF_THE_YEAR:
        if NUMBER.match(value) is None:
            raise row.error(f"{value!r} is no number of days")
        return
    try:
        day = date.fromisoformat(f"{LEAP_YEAR}-{value}") if DAY.match(value) else None
    except ValueError:
        day = None
    if day is None or (day.month, day.day) == (2, 29):
        raise row.error(f"{value!r} is no month and day of every year")
