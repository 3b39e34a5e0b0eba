"""How far work climbs that nobody answers: working hours after its deadline, by kind; data, read strictly."""

import csv
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from service.kernel.items import ROUTES, Item

FILE: Final = Path(__file__).parent / "ladder.csv"
ALL: Final = "*"
RUNGS: Final = frozenset(
    {
        Item.ESCALATED_AUDIT,
        Item.ESCALATED_BOARD,
        Item.ESCALATED_COMPLIANCE,
        Item.ESCALATED_HEAD,
        Item.ESCALATED_RISK,
    }
)
"""The kinds of item by which the own head hears of it, and then those above."""


class Step(NamedTuple):
    """One rung: so much working time after the deadline the office of ``rung`` is told."""

    rung: Item
    after: timedelta
    source: str


@cache
def ladder(path: Path = FILE) -> Mapping[Item, Sequence[Step]]:
    """Return the steps of every kind of work, the nearest first; a kind without rows of its own takes those of all.

    Raises ValueError for a row that names no kind or rung, no hours, or a kind's own rung.
    """
    named: dict[str, list[Step]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True, strict=True):
            rung, hours = Item(row["rung"]), int(row["hours"])
            if row["kind"] != ALL:
                Item(row["kind"])
            if rung not in RUNGS or hours <= 0 or rung.value == row["kind"] or not row["source"]:
                message = f"no rung of a ladder: {row}"
                raise ValueError(message)
            named.setdefault(row["kind"], []).append(Step(rung, timedelta(hours=hours), row["source"]))
    steps = {kind: sorted(found, key=lambda step: (step.after, step.rung)) for kind, found in named.items()}
    ends = RUNGS - {Item(kind) for kind in named if kind != ALL}
    return {
        kind: [
            step
            for step in steps.get(kind.value, [] if kind in ends else steps[ALL])
            if ROUTES[step.rung].office is not ROUTES[kind].office
        ]
        for kind in Item
    }
