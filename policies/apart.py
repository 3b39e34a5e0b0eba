"""Two acts, two people: what a person once did to a deal bars that person from other acts on it for ever.

Pure. The gate hands in the history of the object; whoever acted is compared as a natural person, not
by account or by present roles, so a change of desk or a second account opens nothing (D-12).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from policies.rows import Row, rows
from policies.vocabulary import READS, Action

Scope = Literal["trade", "object"]

FILE: Final = "apart.csv"
HEADER: Final = ("control", "action", "differs", "scope", "within_days", "source", "why")
CONTROL: Final = re.compile(r"\AD-[0-9]{2}\Z")
EVER: Final = "ever"
DAYS_MAX: Final = 3_660


@dataclass(frozen=True, slots=True)
class Act:
    """Something a natural person did, as the history of the subject tells it."""

    action: str
    person: str
    at: datetime | None
    scope: str  # "object": to this very object or one it rests on; "trade": elsewhere in the deal's history


@dataclass(frozen=True, slots=True)
class ApartRule:
    """``action`` is refused to whoever did one of ``differs``."""

    control: str
    action: Action
    differs: frozenset[Action]
    scope: Scope
    within_days: int | None  # None: for ever
    source: str
    why: str
    line: int

    def bars(self, act: Act, now: datetime | None) -> bool:
        """Whether ``act`` keeps its doer from this rule's action.

        A rule of scope *trade* looks at the whole history, the object included; one of scope
        *object* at the object and what it rests on. An act without a date is never too old.
        """
        if act.action not in self.differs or (self.scope == "object" and act.scope != "object"):
            return False
        if self.within_days is None or now is None or act.at is None:
            return True
        return now - act.at <= timedelta(days=self.within_days)


def refusal(
    rules: Iterable[ApartRule],
    action: Action,
    person: str | Collection[str],
    history: Iterable[Act],
    now: datetime | None = None,
) -> ApartRule | None:
    """First rule that keeps ``person`` from ``action``, in the order of the file; None admits.

    Several persons: everybody whom the act would count for.
    """
    persons = {person} if isinstance(person, str) else person
    own = [act for act in history if act.person in persons]
    if not own:
        return None
    for rule in rules:
        if rule.action == action and any(rule.bars(act, now) for act in own):
            return rule
    return None


def governed(rules: Iterable[ApartRule]) -> frozenset[Action]:
    """Acts that nobody may perform before the history of their subject was looked at."""
    return frozenset(rule.action for rule in rules)


def parse(content: bytes) -> tuple[ApartRule, ...]:
    """Rules of ``apart.csv`` in the order of the file."""
    rules: list[ApartRule] = []
    seen: set[tuple[str, Action, str, int | None]] = set()
    for row in rows(FILE, content, HEADER):
        rule = _rule(row)
        if (key := (rule.control, rule.action, rule.scope, rule.within_days)) in seen:
            raise row.error(f"second row of {rule.control} for {rule.action}, same scope and time")
        seen.add(key)
        rules.append(rule)
    return tuple(rules)


def _rule(row: Row) -> ApartRule:
    control, act, differs, scope, within, source, why = row.expect(len(HEADER))
    if CONTROL.match(control) is None:
        raise row.error(f"{control!r} is no control of the form D-01")
    if scope not in {"trade", "object"}:
        raise row.error(f"unknown scope {scope!r}; it is trade or object")
    action = row.word(Action, act)
    others = frozenset(row.word(Action, word) for word in row.words("acts", differs))
    if action in others:
        raise row.error(f"{action} cannot differ from itself")
    if reads := sorted({action, *others} & READS):
        raise row.error(f"{reads[0]} changes nothing and leaves no history")
    return ApartRule(control, action, others, cast("Scope", scope), _days(row, within), source, why, row.line)


def _days(row: Row, cell: str) -> int | None:
    if cell == EVER:
        return None
    if re.match(r"\A[1-9][0-9]{0,3}\Z", cell) is None or int(cell) > DAYS_MAX:
        raise row.error(f"{cell!r} is neither a number of days up to {DAYS_MAX} nor {EVER!r}")
    return int(cell)
