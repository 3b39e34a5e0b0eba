"""After a change of job: how long somebody keeps from what the own former unit did, and whose deals are watched.

Pure. Months are calendar months from the day of the move; the last day of a shorter month stands for a later one.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from policies.rows import rows
from policies.vocabulary import Office

FILE: Final = "cooling_off.csv"
HEADER: Final = ("control", "from", "to", "months", "source", "why")
CONTROL: Final = re.compile(r"\A(D-12|ORG-11|A-11)\Z")
WATCHED: Final = "A-11"
"""The control that bars nothing and has the deals of whoever came from control to a desk watched."""
MONTHS: Final = re.compile(r"\A[1-9][0-9]?\Z")


@dataclass(frozen=True, slots=True)
class CoolingRule:
    """Whoever moved from a unit of ``before`` to one of ``after`` keeps from the former unit's for ``months``."""

    control: str
    before: Office
    after: Office
    months: int
    source: str
    why: str
    line: int


@dataclass(frozen=True, slots=True)
class Former:
    """A unit somebody belonged to, by class, and the day they left it."""

    function_class: str
    left_on: date


def until(left_on: date, months: int) -> date:
    """First day on which the period is over."""
    month = left_on.month - 1 + months
    year, month = left_on.year + month // 12, month % 12 + 1
    return date(year, month, min(left_on.day, monthrange(year, month)[1]))


def barred(
    rules: Iterable[CoolingRule], function_class: str | None, former: Iterable[Former], today: date
) -> tuple[CoolingRule, date] | None:
    """The rule that still keeps somebody of this class from what a former unit of theirs did, and until when.

    ``former``: the units of theirs that the object belongs to, and no others.
    """
    units = list(former)
    for rule in rules:
        if rule.after == function_class and rule.control != WATCHED:
            for unit in units:
                if unit.function_class == rule.before and today < until(unit.left_on, rule.months):
                    return rule, until(unit.left_on, rule.months)
    return None


def parse(content: bytes) -> tuple[CoolingRule, ...]:
    """Rules of ``cooling_off.csv`` in the order of the file."""
    found: list[CoolingRule] = []
    for row in rows(FILE, content, HEADER):
        control, before, after, months, source, why = row.expect(len(HEADER))
        if CONTROL.match(control) is None:
            raise row.error(f"{control!r} is none of D-12, ORG-11 and A-11")
        if MONTHS.match(months) is None:
            raise row.error(f"{months!r} is no number of months from 1 to 99")
        rule = CoolingRule(
            control, row.word(Office, before), row.word(Office, after), int(months), source, why, row.line
        )
        if rule.before == rule.after:
            raise row.error(f"{before} is no other class than {after}")
        if any((rule.before, rule.after) == (one.before, one.after) for one in found):
            raise row.error(f"second row from {before} to {after}")
        found.append(rule)
    return tuple(found)
