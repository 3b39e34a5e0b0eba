"""The controls that the product knows: paragraph, rule, the tests named after each, and the newest evidence.

What a control demands stands in ``controls.csv``, or beside its rule in the policy in force; which tests are named
after it in ``controls.json``, which scripts/_controls.py writes from the tests and a test holds against them.
"""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies import prose
from policies.cooling_off import WATCHED
from policies.policy import Policy
from policies.vocabulary import Action
from service.kernel.database import plain_value

FILE: Final = Path(__file__).parent / "controls.csv"
TESTS: Final = Path(__file__).parent / "controls.json"
REFUSALS_MAX: Final = 2_000
STATIC_ACTS: Final = frozenset({Action.GRANT_EXECUTE, Action.RIGHT_CHECK})
"""Acts that hold a person's rights against separation.csv."""

REFUSED: Final = text(
    "SELECT DISTINCT ON (r.rule) r.rule, e.id, e.act, e.recorded_at FROM (SELECT id, act, recorded_at, bytes "
    "FROM public.audit_entry WHERE outcome = 'refuse' ORDER BY recorded_at DESC LIMIT :newest) e "
    "CROSS JOIN LATERAL jsonb_array_elements_text(convert_from(e.bytes, 'UTF8')::jsonb #> '{decision,rules}') "
    "AS r(rule) WHERE r.rule NOT LIKE 'P:%' ORDER BY r.rule, e.recorded_at DESC"
)
DONE: Final = text(
    "SELECT a.act, e.id, e.recorded_at FROM unnest(CAST(:acts AS text[])) AS a(act) CROSS JOIN LATERAL (SELECT id, "
    "recorded_at FROM public.audit_entry WHERE act = a.act AND outcome = 'allow' "
    "ORDER BY recorded_at DESC LIMIT 1) e"
)


class Shown(StrEnum):
    """How far a control is shown."""

    SHOWN = "shown"  # a test is named after it, and the log shows it at work
    TESTED = "tested"  # a test is named after it; nothing here has shown it yet
    BARE = "bare"  # no test is named after it


@dataclass(slots=True)
class Control:
    """A control with everything that stands for it in the product."""

    control: str
    demands: dict[prose.Language, str] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    acts: set[Action] = field(default_factory=set)  # whose entries show it at work
    rules: Counter[str] = field(default_factory=Counter)  # rows by the file they stand in
    refusals: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


def known(policy: Policy) -> dict[str, Control]:
    """Return every control by its id, those of the policy in force with its rows."""
    found = {row["control"]: told(row) for row in written()}
    for name, source, why, acts, file in rows_of(policy):
        control = found.setdefault(name, Control(name))
        if not control.demands:
            control.demands = {language: prose.reason(why, language) for language in prose.HEADINGS}
        if not control.sources:
            control.sources.append(source)
        control.acts |= acts
        control.rules[file] += 1
    for name, held in collected().items():
        control = found.setdefault(name, Control(name))
        control.tests, control.refusals = tuple(held["tests"]), tuple(held["refusals"])
    return dict(sorted(found.items()))


def told(row: Mapping[str, str]) -> Control:
    """Return a control as ``controls.csv`` says it."""
    acts = {Action(act) for act in row["acts"].split()}
    return Control(row["control"], {"en": row["demands"], "de": row["verlangt"]}, [row["source"]], acts)


def rows_of(policy: Policy) -> Iterator[tuple[str, str, str, AbstractSet[Action], str]]:
    """Yield every row of the policy that a control stands on: control, source, reason, acts held against it, file."""
    for apart in policy.apart:
        yield apart.control, apart.source, apart.why, {apart.action}, "apart.csv"
    for kept in policy.separation:
        yield kept.control, kept.source, kept.why, STATIC_ACTS, "separation.csv"
    for action, distance in policy.independence.items():
        yield distance.control, distance.source, distance.why, {action}, "independence.csv"
    for line in policy.lines:
        yield line.control, line.source, line.why, STATIC_ACTS, "lines.csv"
    for cooling in policy.cooling_off:
        barred = frozenset() if cooling.control == WATCHED else frozenset(policy.independence)
        yield cooling.control, cooling.source, cooling.why, barred, "cooling_off.csv"


@cache
def written() -> tuple[Mapping[str, str], ...]:
    """Return the rows of ``controls.csv``."""
    with FILE.open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))


@cache
def collected() -> Mapping[str, Mapping[str, list[str]]]:
    """Return the tests and the refusals that are named after each control."""
    return dict(json.loads(TESTS.read_text(encoding="utf-8")))


async def catalogue(session: AsyncSession, policy: Policy) -> list[dict[str, Any]]:
    """Return every control with its newest evidence: a refusal that named it, or an act held against it."""
    controls = known(policy)
    refused = {row.rule: row for row in await session.execute(REFUSED, {"newest": REFUSALS_MAX})}
    acts = sorted({act.value for control in controls.values() for act in control.acts})
    done = {row.act: row for row in await session.execute(DONE, {"acts": acts})}
    rows = []
    for control in controls.values():
        seen: dict[str, list[Any]] = defaultdict(list)
        if control.control in refused:
            seen["refuse"].append(refused[control.control])
        seen["allow"].extend(done[act.value] for act in control.acts if act.value in done)
        newest = max(
            ((one.recorded_at, outcome, one) for outcome, ones in seen.items() for one in ones),
            key=lambda found: found[0],
            default=None,
        )
        rows.append(view(control, newest))
    return rows


def view(control: Control, newest: tuple[Any, str, Any] | None) -> dict[str, Any]:
    """Return a control as answers show it; it is shown only with a test and with evidence."""
    shown = Shown.BARE if not control.tests else Shown.TESTED if newest is None else Shown.SHOWN
    return {
        "control": control.control,
        "sources": control.sources,
        "demands": control.demands,
        "rules": dict(sorted(control.rules.items())),
        "refusals": list(control.refusals),
        "tests": list(control.tests),
        "state": shown.value,
        "evidence": None
        if newest is None
        else {
            "entry": str(newest[2].id),
            "at": plain_value(newest[0]),
            "outcome": newest[1],
            "act": newest[2].act,
        },
    }
