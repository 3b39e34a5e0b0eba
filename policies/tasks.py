"""Sensitive tasks of the bank and how many natural persons each takes at least (NIST-03)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from policies.duties import LEAVE
from policies.rows import Row, rows
from policies.vocabulary import READS, Action

FILE: Final = "tasks.csv"
HEADER: Final = ("task", "people", "acts", "source", "why")
TASK: Final = re.compile(r"\AT-[0-9]{2}\Z")
PEOPLE_MIN: Final = 2
PEOPLE_MIN_PAYMENT: Final = 3
ACTS_MAX: Final = 12  # the search grows with them


@dataclass(frozen=True, slots=True)
class Task:
    """``acts`` together take at least ``people``; the first opens the task, the others follow in any order.

    An act that stands twice is done by two persons; that is the use case's own rule (votes, signatures).
    """

    task: str
    people: int
    acts: tuple[Action, ...]
    source: str
    why: str
    line: int


def parse(content: bytes) -> tuple[Task, ...]:
    """Tasks of ``tasks.csv`` in the order of the file."""
    found: list[Task] = []
    for row in rows(FILE, content, HEADER):
        task = _task(row)
        if any(one.task == task.task for one in found):
            raise row.error(f"second row of {task.task}")
        found.append(task)
    return tuple(found)


def _task(row: Row) -> Task:
    name, people, acts_cell, source, why = row.expect(len(HEADER))
    if TASK.match(name) is None:
        raise row.error(f"{name!r} is no task of the form T-01")
    if "  " in acts_cell:
        raise row.error("two blanks in the list of acts")
    acts = tuple(row.word(Action, word) for word in acts_cell.split(" "))
    if not PEOPLE_MIN <= len(acts) <= ACTS_MAX:
        raise row.error(f"a task has {PEOPLE_MIN} to {ACTS_MAX} acts")
    if reads := sorted(set(acts) & READS):
        raise row.error(f"{reads[0]} changes nothing and takes nobody's hand")
    least = PEOPLE_MIN_PAYMENT if LEAVE & set(acts) else PEOPLE_MIN
    if re.match(r"\A[1-9]\Z", people) is None or int(people) < least:
        raise row.error(f"{people!r} people: it takes {least} at least")
    return Task(name, int(people), acts, source, why, row.line)
