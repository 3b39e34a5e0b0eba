"""Who answers for which unit: directly, through the units below, and through the people they lead.

Pure. The guard ``organisation_conflicts`` in ``organisation.sql`` computes the same in the database; a property test
holds both against each other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from policies.independence import LineRule
from policies.vocabulary import Office

CLASS_CODES: Final[Mapping[str, str]] = {
    Office.FRONT_OFFICE: "FO",
    Office.BACK_OFFICE: "BO",
    Office.MASTER_DATA: "MD",
    Office.ACCOUNTING: "ACC",
    Office.RISK_CONTROL: "RC",
    Office.CREDIT: "CBO",
    Office.COMPLIANCE: "COMPL",
    Office.INTERNAL_AUDIT: "IA",
    Office.LEGAL: "LEGAL",
    Office.ADMINISTRATION: "IT",
    Office.MANAGEMENT: "BOARD",
    Office.LOG: "IT",
}
"""What the circular's readers call the function classes."""


@dataclass(frozen=True, slots=True)
class Line:
    """A unit as it stands on a day: its class, the unit above it, and who answers for it."""

    unit: UUID
    function_class: str
    parent: UUID | None
    functional: UUID
    disciplinary: UUID
    board: UUID

    @property
    def answering(self) -> frozenset[UUID]:
        """Everybody who answers for this unit by themselves."""
        return frozenset({self.functional, self.disciplinary, self.board})


@dataclass(frozen=True, slots=True)
class Meeting:
    """One person answers for two units that no one person answers for together."""

    control: str
    person: UUID
    left: UUID
    right: UUID
    why: str


Chart = Mapping[UUID, Line]
Homes = Mapping[UUID, UUID]
"""Where each person who leads something belongs."""


def answering(chart: Chart, homes: Homes) -> dict[UUID, set[UUID]]:
    """Return the units each person answers for.

    Whoever answers for a unit answers for the units below it and for whatever its members lead; only the members of
    a unit of board members are led by nobody but themselves.
    """
    below, led_by_members, leads = defaultdict(set), defaultdict(set), defaultdict(set)
    for line in chart.values():
        if line.parent is not None:
            below[line.parent].add(line.unit)
        for person in line.answering:
            leads[person].add(line.unit)
    for person, units in leads.items():
        home = homes.get(person)
        if home is not None and home in chart and chart[home].function_class != Office.MANAGEMENT:
            led_by_members[home].add((person, frozenset(units)))
    found: dict[UUID, set[UUID]] = {}
    for person, units in leads.items():
        reached, waiting = set[UUID](), list(units)
        while waiting:
            unit = waiting.pop()
            if unit not in reached:
                reached.add(unit)
                waiting += below[unit]
                waiting += [one for member, led in led_by_members[unit] if member != person for one in led]
        found[person] = reached
    return found


def meetings(chart: Chart, homes: Homes, rules: Iterable[LineRule]) -> list[Meeting]:
    """Return everybody who answers for two units that a rule keeps apart, first rule first (SEG-01)."""
    found = []
    units_of = answering(chart, homes)
    for rule in rules:
        for person in sorted(units_of):
            left = _of_class(chart, units_of[person], rule.left)
            right = _of_class(chart, units_of[person], rule.right)
            if left is not None and right is not None:
                found.append(Meeting(rule.control, person, left, right, rule.why))
    return found


def _of_class(chart: Chart, units: Collection[UUID], function_class: Office) -> UUID | None:
    return min((unit for unit in units if chart[unit].function_class == function_class), default=None)


def circle_of_units(chart: Chart) -> UUID | None:
    """Return a unit that stands above itself, or None."""
    for unit in chart:
        seen, above = set[UUID](), chart[unit].parent
        while above is not None and above in chart and above not in seen:
            if above == unit:
                return unit
            seen.add(above)
            above = chart[above].parent
    return None


def circle_of_people(chart: Chart, homes: Homes) -> UUID | None:
    """Return somebody who is their own superior in the functional or the disciplinary line, or None."""
    for kind in ("functional", "disciplinary"):
        for person in homes:
            for superior in superiors(chart, homes, person, kind):
                if superior == person:
                    return person
    return None


def superiors(chart: Chart, homes: Homes, person: UUID, kind: str) -> Iterator[UUID]:
    """Yield who leads a person in one line, and who leads those, until the top or until it goes round."""
    seen = set[UUID]()
    above = superior(chart, homes, person, kind)
    while above is not None and above not in seen:
        yield above
        seen.add(above)
        above = superior(chart, homes, above, kind)


def superior(chart: Chart, homes: Homes, person: UUID, kind: str) -> UUID | None:
    """Return who leads a person: the head of their unit; a head's own is the next one above, at last the board."""
    seen = set[UUID]()
    unit = homes.get(person)
    while unit is not None and unit in chart and unit not in seen:
        line = chart[unit]
        if line.function_class == Office.MANAGEMENT:
            return None
        head: UUID = getattr(line, kind)
        if head != person:
            return head
        seen.add(unit)
        if line.parent is None:
            return line.board if line.board != person else None
        unit = line.parent
    return None
