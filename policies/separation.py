"""Powers that no natural person may hold together, whatever the accounts, roles or delegations they come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

from policies.rows import Row, rows
from policies.vocabulary import Action, Office

if TYPE_CHECKING:
    from policies.policy import Policy

Severity = Literal["H", "C"]
"""Hard; or by exception: only with a recorded compensating control, an expiry and the board's approval."""

FILE: Final = "separation.csv"
HEADER: Final = ("control", "left", "right", "severity", "source", "why")
CONTROL: Final = re.compile(r"\AS-[0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class SeparationRule:
    """Nobody holds a power of ``left`` and one of ``right``.

    A side is an act (``trade.verify``), all roles of an office (``office:legal``), or one role
    (``role:board_back``) where two roles of one office differ in duty and not in acts.
    """

    control: str
    left: str
    right: str
    severity: Severity
    source: str
    why: str
    line: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two powers met in one person; ``left`` and ``right`` name the rule's sides."""

    control: str
    left: str
    right: str
    severity: Severity
    why: str


def holders(policy: Policy, side: str) -> frozenset[str]:
    """Roles that hold one side of a rule."""
    kind, _, name = side.rpartition(":")
    if kind == "role":
        return frozenset({name})
    if kind == "office":
        return frozenset(role for role, office in policy.offices.items() if office == name)
    return frozenset(role for role in policy.roles if side in policy.powers_of[role])


def conflicts(policy: Policy, roles: Iterable[str]) -> list[Conflict]:
    """Rules that one natural person would break by holding ``roles`` together, in the order of the file.

    Hand in everything that counts for the person: the roles of all accounts, those delegated to
    them, those requested or approved and not yet in force. A role the policy does not know gives no
    power and conflicts with nothing.
    """
    held = frozenset(roles)
    return [
        Conflict(rule.control, rule.left, rule.right, rule.severity, rule.why)
        for rule in policy.separation
        if held & holders(policy, rule.left) and held & holders(policy, rule.right)
    ]


def role_conflicts(policy: Policy) -> dict[tuple[str, str], str]:
    """Every pair of roles that no natural person holds together, in both orders, with the first control that says so."""
    found: dict[tuple[str, str], str] = {}
    for rule in policy.separation:
        for left in sorted(holders(policy, rule.left)):
            for right in sorted(holders(policy, rule.right)):
                found.setdefault((left, right), rule.control)
                found.setdefault((right, left), rule.control)
    return found


def parse(content: bytes, offices: Mapping[str, Office]) -> tuple[SeparationRule, ...]:
    """Rules of ``separation.csv`` in the order of the file; ``offices`` are the known roles'."""
    rules: list[SeparationRule] = []
    seen: set[tuple[str, frozenset[str]]] = set()
    for row in rows(FILE, content, HEADER):
        rule = _rule(row, offices)
        if (key := (rule.control, frozenset({rule.left, rule.right}))) in seen:
            raise row.error(f"second row of {rule.control} for {rule.left} and {rule.right}")
        seen.add(key)
        rules.append(rule)
    return tuple(rules)


def _rule(row: Row, offices: Mapping[str, Office]) -> SeparationRule:
    control, left, right, severity, source, why = row.expect(len(HEADER))
    if CONTROL.match(control) is None:
        raise row.error(f"{control!r} is no control of the form S-01")
    if severity not in {"H", "C"}:
        raise row.error(f"unknown severity {severity!r}; it is H or C")
    for side in (left, right):
        _known(row, offices, side)
    if left == right:
        raise row.error(f"{left} cannot be apart from itself")
    return SeparationRule(control, left, right, cast("Severity", severity), source, why, row.line)


def _known(row: Row, offices: Mapping[str, Office], side: str) -> None:
    kind, colon, name = side.rpartition(":")
    if not colon:
        row.word(Action, side)
    elif kind == "office":
        row.word(Office, name)
    elif kind != "role":
        raise row.error(f"{side!r} is neither an act nor office:… nor role:…")
    elif name not in offices:
        raise row.error(f"unknown role {name!r}")
