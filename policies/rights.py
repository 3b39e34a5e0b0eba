"""The rows of ``policy.csv``: which role may do what, which office it belongs to, whose people are staff."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from policies.rows import PolicyError, Row, rows
from policies.vocabulary import Action, Office

FILE: Final = "policy.csv"
STAFF: Final = "staff"  # what every office's people may do, whatever their role
RIGHT_CELLS: Final = 4
MEMBERSHIP_CELLS: Final = 3
SERVICE: Final = "svc_"  # begins the role of an office's automatic account
RESERVED: Final = frozenset({STAFF, *(office.value for office in Office)})


@dataclass(frozen=True, slots=True)
class Right:
    """``holder``, a role or staff, may do ``action``."""

    holder: str
    action: Action
    reason: str  # shown to auditors
    line: int

    @property
    def rule(self) -> str:
        """Name of the row that stays when rows move."""
        return f"P:{self.holder}:{self.action}"


@dataclass(frozen=True, slots=True)
class Roster:
    """All of ``policy.csv``: role to office, one level deep; offices whose people are staff; rights."""

    offices: Mapping[str, Office]
    staffed: frozenset[Office]
    rights: tuple[Right, ...]


def parse(content: bytes) -> Roster:
    """Rights and memberships in the order of the file."""
    found = rows(FILE, content)
    for row in found:
        if row.cells[0] not in {"p", "g"}:
            raise row.error(f"unknown kind {row.cells[0]!r}; a row begins with p or g")
    memberships = [row for row in found if row.cells[0] == "g"]
    _refuse_cycles(memberships)
    offices, staffed = _offices(memberships)
    rights = _rights([row for row in found if row.cells[0] == "p"], offices, staffed)
    _refuse_idle(memberships, rights)
    return Roster(offices, staffed, rights)


def _refuse_cycles(memberships: Iterable[Row]) -> None:
    """Casbin walks a circle of roles without complaint and gives each the rights of all."""
    above: dict[str, set[str]] = {}
    for row in memberships:
        _, member, group = row.expect(MEMBERSHIP_CELLS)
        reached, waiting = set[str](), [group]
        while waiting:
            name = waiting.pop()
            if name == member:
                raise row.error(f"cycle: {group} already belongs to {member}")
            if name not in reached:
                reached.add(name)
                waiting.extend(above.get(name, ()))
        above.setdefault(member, set()).add(group)


def _offices(memberships: Iterable[Row]) -> tuple[dict[str, Office], frozenset[Office]]:
    offices: dict[str, Office] = {}
    staffed: set[Office] = set()
    for row in memberships:
        _, member, group = row.cells
        if group == STAFF:
            office = row.word(Office, member)
            if office in staffed:
                raise row.error(f"second row of {office}")
            staffed.add(office)
            continue
        if member in RESERVED:
            raise row.error(f"{member} is no role and belongs to {STAFF} at most")
        if group not in RESERVED:
            raise row.error(f"{group!r} is no office; a role inherits from its office alone, one level deep")
        if row.name("role", member) in offices:
            raise row.error(f"second office of {member}, which is in {offices[member]}")
        if member.startswith(SERVICE) and member != f"{SERVICE}{group}":
            raise row.error(f"the service role of {group} is {SERVICE}{group}")
        offices[member] = Office(group)
    return offices, frozenset(staffed)


def _rights(
    found: Iterable[Row], offices: Mapping[str, Office], staffed: Iterable[Office]
) -> tuple[Right, ...]:
    rights: dict[tuple[str, Action], Right] = {}
    common = frozenset(staffed)
    for row in found:
        if len(row.cells) > RIGHT_CELLS:
            raise row.error("a right has no effect to state: the policy only allows")
        _, holder, act, reason = row.expect(RIGHT_CELLS)
        if holder != STAFF and holder not in offices:
            raise row.error(f"unknown role {holder!r}: no g row gives it an office")
        action = row.word(Action, act)
        if (holder, action) in rights:
            raise row.error(f"second row for {holder} and {action}")
        if (STAFF, action) in rights and offices.get(holder) in common:
            raise row.error(f"{action} is given to {STAFF} already")
        rights[holder, action] = Right(holder, action, reason, row.line)
    return tuple(rights.values())


def _refuse_idle(memberships: Iterable[Row], rights: Iterable[Right]) -> None:
    """A role without a right of its own is a misspelling of another, or a forgotten one."""
    holders = {right.holder for right in rights}
    if not holders - {STAFF}:
        raise PolicyError(FILE, 1, "empty: no role may do anything")
    for row in memberships:
        member = row.cells[1]
        if member not in RESERVED and member not in holders:
            raise row.error(f"{member} may do nothing")
