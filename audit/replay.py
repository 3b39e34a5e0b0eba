"""A recorded decision decided again: by the policy it names, from the log alone, to the same verdict.

An entry of `policy.publish` says what each role may do and which acts two people must do. A pack also holds the
texts of the policies, which are read here without any code of ours and must say the same as the entry.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.facts import others_of
from audit.tiles import WIDTH, TileReader, width_of

ABSENT = "P:absent"
STAFF = "staff"
FILE_BYTES_MAX = 1_000_000
_CONTROL = re.compile(r"D-[0-9]{2}")

Rule = tuple[str, str, frozenset[str], str]  # control, act, acts that bar from it, scope


class UnreadableRules(ValueError):
    """A policy does not say what it allows, so that nothing can be decided by it again."""


@dataclass(frozen=True)
class Rules:
    """What one version of the policy allows: the acts of each role, and which acts are kept apart."""

    powers: Mapping[str, frozenset[str]]
    apart: frozenset[Rule]

    def may(self, roles: Iterable[str], act: str) -> bool:
        """Whether one of the roles gives the act."""
        return any(act in self.powers.get(role, ()) for role in roles)

    def controls(self, act: str) -> list[str]:
        """Controls that an act is held against before it is done."""
        return sorted({control for control, governed, _, _ in self.apart if governed == act})

    def bars(self, control: str, act: str, done: Iterable[str]) -> bool:
        """Whether somebody who did all this is kept from the act by this control."""
        acts = set(done)
        return any(one == control and on == act and differs & acts for one, on, differs, _ in self.apart)


@dataclass(frozen=True)
class Decision:
    """What an entry says was decided: about whom, by which rules of which policy."""

    index: int
    act: str
    persons: tuple[str, ...]  # everybody it counts for
    roles: tuple[str, ...]
    allowed: bool
    policy: str
    rules: tuple[str, ...]
    trade: str | None

    @classmethod
    def of(cls, index: int, entry: Mapping[str, Any]) -> "Decision":
        """Read it from an entry that was read strictly before."""
        actor, decision = entry["actor"], entry["decision"]
        return cls(
            index,
            entry["act"],
            (actor["person"], *others_of(actor)),
            tuple(actor["roles"]),
            decision["outcome"] == "allow",
            decision["policy"],
            tuple(decision["rules"]),
            entry.get("links", {}).get("trade"),
        )


def differs(told: Decision, rules: Rules) -> str | None:
    """Decide again; return what comes out otherwise, None if nothing does.

    A refusal for another reason than the want of a right rests on more than roles; it is not judged.
    """
    roles = ", ".join(told.roles) or "nobody"
    may = rules.may(told.roles, told.act)
    if told.allowed and not may:
        return f"{told.act} was allowed to {roles}, and its policy gives it to none of them"
    if not told.allowed:
        return (
            f"{told.act} was refused to {roles}, and its policy gives it"
            if ABSENT in told.rules and may
            else None
        )
    rests_on = [rule for rule in told.rules if rule.startswith("P:")]
    for rule in rests_on:
        holder, _, act = rule[2:].partition(":")
        if act != told.act or (holder != STAFF and holder not in told.roles):
            return f"{told.act} was allowed to {roles} by {rule}, which is no rule about that"
    controls = sorted(rule for rule in told.rules if _CONTROL.fullmatch(rule))
    if rests_on and controls != rules.controls(told.act):
        return f"{told.act} was held against {controls}, and its policy demands {rules.controls(told.act)}"
    return None


def unfounded(decisions: Sequence[Decision], by_policy: Mapping[str, Rules]) -> Iterator[tuple[int, str]]:
    """Find refusals on a trade that nothing its person had done before explains, with their index.

    ``decisions``: everything that was decided on these trades, in the order of the log.
    """
    done: dict[tuple[str, str], set[str]] = {}
    for told in decisions:
        if told.trade is None:
            continue
        hands = [done.setdefault((told.trade, person), set()) for person in told.persons]
        if told.allowed:
            for acts in hands:
                acts.add(told.act)
            continue
        own = set[str]().union(*hands)
        rules = by_policy.get(told.policy)
        scopes = (
            {scope for control, act, _, scope in rules.apart if (control, act) == (told.rules[0], told.act)}
            if (rules is not None and told.rules)
            else set()
        )
        if rules is not None and scopes == {"trade"} and not rules.bars(told.rules[0], told.act, own):
            yield (
                told.index,
                f"{told.act} was refused by {told.rules[0]}, and its person had done nothing it bars",
            )


def published(data: Mapping[str, Any]) -> Rules | None:
    """Read what a publication says; None if it says nothing of roles. Raises UnreadableRules."""
    if "roles" not in data:
        return None
    try:
        powers = {role: frozenset(_words(acts)) for role, acts in data["roles"].items()}
        apart = frozenset(
            (_word(row["rule"]), _word(row["act"]), frozenset(_words(row["differs"])), _word(row["scope"]))
            for row in data["apart"]
        )
    except (AttributeError, KeyError, TypeError, ValueError) as broken:
        raise UnreadableRules(f"The roles of the policy cannot be read: {broken!r:.80}") from broken
    return Rules(powers, apart)


def _words(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r:.40} is no list")
    return [_word(one) for one in value]


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no word")
    return value


def read_texts(folder: Path) -> Rules:
    """Read the texts of a policy. Raises UnreadableRules, FileNotFoundError."""
    offices: dict[str, str] = {}
    rights: list[tuple[str, str]] = []
    for cells in _cells(folder / "policy.csv"):
        if cells[0] == "g" and len(cells) == 3:  # noqa: PLR2004 - kind, member, group
            offices[cells[1]] = cells[2]
        elif cells[0] == "p" and len(cells) == 4:  # noqa: PLR2004 - kind, holder, act, reason
            rights.append((cells[1], cells[2]))
        else:
            raise UnreadableRules(f"policy.csv has a row that is neither right nor membership: {cells!r:.80}")
    staffed = {office for office, group in offices.items() if group == STAFF}
    roles = {member: office for member, office in offices.items() if office != STAFF}
    powers = {
        role: frozenset(
            act for holder, act in rights if holder == role or (holder == STAFF and office in staffed)
        )
        for role, office in roles.items()
    }
    _, *rows = _cells(folder / "apart.csv") or [()]
    if any(len(row) < 4 for row in rows):  # noqa: PLR2004 - control, act, differs, scope
        raise UnreadableRules("apart.csv has a row with too few cells.")
    return Rules(powers, frozenset((row[0], row[1], frozenset(row[2].split()), row[3]) for row in rows))


def _cells(path: Path) -> list[tuple[str, ...]]:
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    try:
        text = content.decode() if len(content) <= FILE_BYTES_MAX else None
    except UnicodeDecodeError as broken:
        raise UnreadableRules(f"{path.name} is not UTF-8.") from broken
    if text is None:
        raise UnreadableRules(f"{path.name} is longer than {FILE_BYTES_MAX} bytes.")
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    return [tuple(cell.strip() for cell in line.split(",")) for line in lines]


# A whole log ---------------------------------------------------------------------------------------


def entries_of(directory: Path, size: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the entries of a log that was verified before. Raises MissingTile, MalformedTile."""
    reader = TileReader(directory)
    for number in range(-(-size // WIDTH)):
        for at, data in enumerate(reader.bundle(number, width_of(0, number, size))):
            yield number * WIDTH + at, json.loads(data)


@dataclass
class Replayed:
    """How many decisions were decided again, and what came out otherwise."""

    decisions: int = 0
    skipped: int = 0  # their policy says nothing of roles
    first: tuple[int, str] | None = None
    differing: int = 0

    def differs(self, index: int, sentence: str) -> None:
        """Note one; only the first is told whole."""
        self.differing += 1
        self.first = self.first or (index, sentence)


def replay(entries: Iterable[tuple[int, Mapping[str, Any]]]) -> Replayed:
    """Decide again what the entries of a whole log say was decided, each by the policy it names.

    ``entries``: with their index, in the order of the log, verified before.
    """
    found, by_policy = Replayed(), dict[str, Rules | None]()
    waiting: list[Decision] = []  # the genesis is decided by a policy that the next entry publishes
    for index, entry in entries:
        told = Decision.of(index, entry)
        if told.allowed and told.act == "policy.publish":
            try:
                by_policy.setdefault(str(entry["data"]["policy"]), published(entry["data"]))
            except (KeyError, UnreadableRules) as broken:
                found.differs(index, f"the policy published there cannot be read: {broken}")
        waiting.append(told)
        while waiting and waiting[0].policy in by_policy:
            one = waiting.pop(0)
            rules = by_policy[one.policy]
            if rules is None:
                found.skipped += 1
                continue
            found.decisions += 1
            if (sentence := differs(one, rules)) is not None:
                found.differs(one.index, sentence)
        if len(waiting) > 1:
            found.skipped += 1
            waiting.pop(0)
    found.skipped += len(waiting)
    return found
