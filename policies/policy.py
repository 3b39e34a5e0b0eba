"""The policy in force: read strictly, compiled once from Casbin, asked by dictionary.

Casbin alone says what a role inherits; this module is its only caller. An absent row is the denial.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import casbin

from policies import apart, cooling_off, independence, periods, rights, separation, tables, tasks
from policies.apart import ApartRule
from policies.cooling_off import CoolingRule
from policies.independence import IndependenceRule, LineRule
from policies.periods import Periods
from policies.rights import STAFF, Right, Roster
from policies.rows import FILE_BYTES_MAX, PolicyError, lines
from policies.separation import SeparationRule, holders
from policies.tables import TableRow
from policies.tasks import Task
from policies.vocabulary import Action, Office

__all__ = ["Decision", "Policy", "PolicyError", "contents_of", "enforcer", "load", "read"]

HERE: Final = Path(__file__).parent
MODEL: Final = "model.conf"
FILES: Final = (
    MODEL,
    rights.FILE,
    separation.FILE,
    apart.FILE,
    tables.FILE,
    periods.FILE,
    tasks.FILE,
    independence.FILE,
    independence.LINES_FILE,
    cooling_off.FILE,
)
ABSENT: Final = "P:absent"
MODEL_LINES: Final = (
    "[request_definition]",
    "r = sub, act",
    "[policy_definition]",
    "p = sub, act",
    "[role_definition]",
    "g = _, _",
    "[policy_effect]",
    "e = some(where (p.eft == allow))",
    "[matchers]",
    "m = g(r.sub, p.sub) && r.act == p.act",
)
"""Allow-only, exact equality. Casbin takes a misspelt effect or section without a word and then allows or
denies everything, so nothing else is read."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a role set may do an act at all, and on which row that rests."""

    allowed: bool
    action: Action
    office: Office | None  # in whose name the act is done; None if refused
    rule: str
    reason: str
    policy: str


@dataclass(frozen=True, slots=True, repr=False)
class Policy:
    """One version of the policy. Immutable, so any number of threads may ask it; too long to be shown whole."""

    version: str
    roles: tuple[str, ...]
    offices: Mapping[str, Office]
    rights: tuple[Right, ...]
    cells: Mapping[tuple[str, Action], tuple[int, Decision]]  # with the role's place in the file
    powers_of: Mapping[str, frozenset[Action]]
    apart: tuple[ApartRule, ...]
    separation: tuple[SeparationRule, ...]
    table_rows: tuple[TableRow, ...]
    periods: Periods
    tasks: tuple[Task, ...]
    texts: Mapping[str, bytes] = field(
        default_factory=dict
    )  # the files it was read from: what its version hashes
    independence: Mapping[Action, IndependenceRule] = field(default_factory=dict)
    lines: tuple[LineRule, ...] = ()
    cooling_off: tuple[CoolingRule, ...] = ()

    governed: frozenset[Action] = field(init=False, compare=False, default=frozenset())
    """Acts that nobody may perform before the history of their subject, or where they stand, was looked at."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "governed", apart.governed(self.apart) | self.independence.keys())

    def decide(self, roles: Iterable[str], action: Action) -> Decision:
        """Whether one of ``roles`` may do ``action``; of several that may, the first in the file answers.

        A role the policy does not know gives nothing.
        """
        assert not isinstance(roles, str), "a set of roles, not the letters of one"
        held = tuple(roles)
        cells = self.cells
        found = [cell for role in held if (cell := cells.get((role, action))) is not None]
        if found:
            return min(found, key=_place)[1]
        reason = f"no row of {rights.FILE} gives {action} to {', '.join(sorted(held)) or 'nobody'}"
        return Decision(False, action, None, ABSENT, reason, self.version)  # noqa: FBT003  # read by name only

    def powers(self, roles: Iterable[str]) -> frozenset[Action]:
        """Everything that ``roles`` together may do."""
        assert not isinstance(roles, str), "a set of roles, not the letters of one"
        return frozenset[Action]().union(*(self.powers_of.get(role, ()) for role in roles))

    def office_of(self, role: str) -> Office:
        """Office a role belongs to. Raises KeyError for a role the policy does not know."""
        return self.offices[role]

    def actions_of_office(self, office: Office) -> frozenset[Action]:
        """Everything that one or another role of ``office`` may do."""
        return self.powers(role for role in self.roles if self.offices[role] == office)


def _place(cell: tuple[int, Decision]) -> int:
    return cell[0]


def load(directory: Path | None = None) -> Policy:
    """Policy in ``directory``, by default the one shipped with this package.

    Raises PolicyError, naming file and line, for anything that could be read in two ways.
    """
    return read(contents_of(directory or HERE))


def read(contents: Mapping[str, bytes]) -> Policy:
    """Policy that these files say, by their names. Raises PolicyError for one that is missing or too many."""
    for file in FILES:
        if file not in contents:
            raise PolicyError(file, 1, "cannot be read: the policy has no such file")
    for file in sorted(contents):
        if file not in FILES:
            raise PolicyError(
                ascii(file)[1:-1][:80], 1, f"is no file of the policy; those are {', '.join(FILES)}"
            )
    contents = {file: contents[file] for file in FILES}
    roster = rights.parse(contents[rights.FILE])
    judge = _enforcer(contents[MODEL], roster)
    version = _version(contents)
    cells = _compile(judge, roster, version)
    policy = Policy(
        version=version,
        roles=tuple(roster.offices),
        offices=MappingProxyType(dict(roster.offices)),
        rights=roster.rights,
        cells=MappingProxyType(cells),
        powers_of=MappingProxyType(
            {role: frozenset(action for holder, action in cells if holder == role) for role in roster.offices}
        ),
        apart=apart.parse(contents[apart.FILE]),
        separation=separation.parse(contents[separation.FILE], roster.offices),
        table_rows=tables.parse(contents[tables.FILE]),
        periods=periods.parse(contents[periods.FILE]),
        tasks=tasks.parse(contents[tasks.FILE]),
        texts=MappingProxyType(contents),
        independence=MappingProxyType(independence.parse(contents[independence.FILE])),
        lines=independence.parse_lines(contents[independence.LINES_FILE]),
        cooling_off=cooling_off.parse(contents[cooling_off.FILE]),
    )
    _refuse_divided_roles(policy)
    return policy


def enforcer(directory: Path | None = None) -> Any:
    """Casbin's own judge of the policy in ``directory``, to hold the compiled table against.

    It is asked for ``role:NAME`` and an act's value; a name without its prefix means nothing to it.
    """
    contents = contents_of(directory or HERE)
    return _enforcer(contents[MODEL], rights.parse(contents[rights.FILE]))


def contents_of(directory: Path) -> dict[str, bytes]:
    """Bytes of the policy's files in ``directory``; of a file too long to be one, not more than shows that."""
    contents: dict[str, bytes] = {}
    for file in FILES:
        try:
            with (directory / file).open("rb") as stream:
                contents[file] = stream.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise PolicyError(file, 1, f"cannot be read: {error.strerror}") from error
    return contents


def _version(contents: Mapping[str, bytes]) -> str:
    """SHA-256 over names, lengths and bytes of all files: no byte can move from one to the next unseen."""
    digest = hashlib.sha256()
    for file in FILES:
        digest.update(f"{file}\n{len(contents[file])}\n".encode("ascii"))
        digest.update(contents[file])
    return f"sha256:{digest.hexdigest()}"


def _enforcer(model_content: bytes, roster: Roster) -> Any:
    """Casbin over prefixed names, so that nobody called like a role, an office or staff is one."""
    _refuse_other_models(model_content)
    model = casbin.Model()
    model.load_model_from_text(model_content.decode("utf-8"))
    judge = casbin.Enforcer(model)
    judge.add_policies([[_subject(right.holder), right.action.value] for right in roster.rights])
    judge.add_grouping_policies(
        [[f"role:{role}", f"office:{office}"] for role, office in roster.offices.items()]
    )
    judge.add_grouping_policies(
        [[f"office:{office}", f"common:{STAFF}"] for office in sorted(roster.staffed)]
    )
    return judge


def _subject(holder: str) -> str:
    return f"common:{STAFF}" if holder == STAFF else f"role:{holder}"


def _refuse_other_models(content: bytes) -> None:
    expected = iter(MODEL_LINES)
    number = 0
    for number, line in enumerate(lines(MODEL, content), start=1):
        if line and not line.startswith("#") and line != next(expected, None):
            raise PolicyError(MODEL, number, f"{line!r} is not the allow-only model's line")
    if (missing := next(expected, None)) is not None:
        raise PolicyError(MODEL, number, f"the model ends without {missing!r}")


def _compile(judge: Any, roster: Roster, version: str) -> dict[tuple[str, Action], tuple[int, Decision]]:
    """Every cell that Casbin allows, with the row it rests on."""
    stated = {(_subject(right.holder), right.action.value): right for right in roster.rights}
    cells: dict[tuple[str, Action], tuple[int, Decision]] = {}
    for place, (role, office) in enumerate(roster.offices.items()):
        for subject, act in judge.get_implicit_permissions_for_user(f"role:{role}"):
            right = stated[subject, act]
            decision = Decision(True, right.action, office, right.rule, right.reason, version)  # noqa: FBT003
            cells[role, right.action] = (place, decision)
    return cells


def _refuse_divided_roles(policy: Policy) -> None:
    """A role that alone holds both sides of a row could never be granted, so the row or the role is wrong."""
    for rule in policy.separation:
        if both := sorted(holders(policy, rule.left) & holders(policy, rule.right)):
            raise PolicyError(
                separation.FILE, rule.line, f"{both[0]} alone holds both {rule.left} and {rule.right}"
            )
