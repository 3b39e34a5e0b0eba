"""A second opinion on separation: the rows of the policy's files read naively and held against the signed log.

Nothing here is the engine's. A rule is a line split at its commas; a deed is an entry of the log as bytes; whoever
counts as having done it is read off the entry. What the engine decides in one look at the history is decided here by
comparing every deed with every earlier one.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
SHARED = {"trade", "trade_control"}  # rows of the whole deal: no payment's or proposal's own
Thing = tuple[str, str]
Files = Mapping[str, str]


@dataclass(frozen=True)
class Deed:
    """What one entry says was done: by whom, for whom, to which deal and to which objects."""

    id: str
    act: str
    person: str
    persons: frozenset[str]
    roles: frozenset[str]
    unit: str | None
    board: str | None
    trade: str | None
    things: frozenset[Thing]
    told: Mapping[str, Any]
    at: datetime
    policy: str


def deed_of(content: bytes) -> Deed | None:
    """Return what an entry says was done; None if it is a refusal."""
    entry = json.loads(content)
    if entry["decision"]["outcome"] != "allow":
        return None
    actor = entry["actor"]
    counted = (actor["person"], actor.get("deputy_for"), actor.get("owner"))
    return Deed(
        entry["id"],
        entry["act"],
        actor["person"],
        frozenset(person for person in counted if person),
        frozenset(actor.get("roles", ())),
        actor.get("unit"),
        actor.get("board"),
        entry["links"].get("trade"),
        frozenset((one["kind"], one["id"]) for one in entry.get("eff", ()) if one["kind"] not in SHARED),
        entry["data"].get("rows", {}),
        datetime.fromisoformat(entry["ts"]),
        entry["decision"]["policy"],
    )


@cache
def lines(text: str, columns: int) -> list[list[str]]:
    """Return the rows of a policy file below its header, each split at its first commas."""
    rows = [row for row in text.splitlines() if row and not row.startswith("#")]
    return [row.split(", ", columns - 1) for row in rows[1:]]


@dataclass
class Rules:
    """One version of the policy, by its files."""

    files: Files
    powers: dict[str, set[str]] = field(init=False)  # of each role
    office: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        rows = [row.split(", ") for row in self.files["policy.csv"].splitlines() if row[:2] in ("p,", "g,")]
        above = defaultdict(set)
        for row in rows:
            if row[0] == "g":
                above[row[1]].add(row[2])
        given = defaultdict(set)
        for row in rows:
            if row[0] == "p":
                given[row[1]].add(row[2])
        roles = set(above) | set(given)
        self.powers = {role: set().union(*(given[up] for up in closure(role, above))) for role in roles}
        offices = {name for name, ups in above.items() if "staff" in ups} | {"log"}
        self.office = {role: up for role, ups in above.items() for up in ups if up in offices}
        self.office |= {role: "log" for role in roles if role == "svc_log"}

    @property
    def apart(self) -> list[list[str]]:
        """Return control, action, differs, scope and days of every row of apart.csv."""
        return [row[:5] for row in lines(self.files["apart.csv"], 7)]

    def side(self, word: str, roles: Collection[str]) -> bool:
        """Tell whether one of the roles is on a side of a row of separation.csv."""
        kind, _, name = word.rpartition(":")
        if kind == "role":
            return name in roles
        if kind == "office":
            return any(self.office.get(role) == name for role in roles)
        return any(word in self.powers.get(role, ()) for role in roles)

    def conflict(self, roles: Collection[str]) -> str | None:
        """Return the control that one person breaks by holding these roles together."""
        for control, left, right, *_ in lines(self.files["separation.csv"], 6):
            if self.side(left, roles) and self.side(right, roles):
                return control
        return None


def closure(role: str, above: Mapping[str, set[str]]) -> set[str]:
    """Return a role with everything it inherits from."""
    found, left = set(), [role]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += above.get(one, ())
    return found


@dataclass
class Facts:
    """What the log does not spell out and the bank's tables do: mirrored legs, desks, units and who was where."""

    mirrors: Mapping[str, str] = field(default_factory=dict)  # an accepted leg to the offered one
    desk: Mapping[str, str] = field(default_factory=dict)  # of a deal: the unit whose book it is in
    function: Mapping[str, str] = field(default_factory=dict)  # of a unit
    moves: Mapping[str, list[tuple[date, str]]] = field(default_factory=dict)  # of a person, oldest first

    def family(self, trade: str) -> set[str]:
        """Return a deal with the other leg of it, if it is an internal one."""
        first = self.mirrors.get(trade, trade)
        return {first} | {leg for leg, other in self.mirrors.items() if other == first}


@dataclass
class Oracle:
    """The deeds so far, the policies they were done under, and what the bank's tables say."""

    rules: dict[str, Rules] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    deeds: list[Deed] = field(default_factory=list)
    rests: dict[Thing, set[Thing]] = field(default_factory=lambda: defaultdict(set))
    about: dict[Thing | str, list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )  # a deal or an object

    def learn(self, deed: Deed) -> None:
        """Take a deed into the history, with what its rows say they rest on."""
        for subject in (*deed.things, *([deed.trade] if deed.trade else [])):
            self.about[subject].append(len(self.deeds))
        self.deeds.append(deed)
        for name, row in deed.told.items():
            kind, _, key = name.partition(":")
            changes = {one: value.get("new") for one, value in row.get("change", {}).items()}
            said = row.get("new", {}) | changes
            for column in ("instruction_id", "proposal_id"):
                if said.get(column):
                    self.rests[kind, key].add((column.removesuffix("_id"), said[column]))
            if kind == "call_back" and said.get("subject_id"):
                self.rests[kind, key].add((said["subject_kind"], said["subject_id"]))

    def earlier(self, subjects: Iterable[Thing | str], before: int | None) -> list[Deed]:
        """Return the deeds about deals and objects, oldest first, up to one of them."""
        numbers = sorted({number for subject in subjects for number in self.about.get(subject, ())})
        return [self.deeds[number] for number in numbers if before is None or number < before]

    def resting(self, things: Iterable[Thing]) -> set[Thing]:
        """Return objects with everything they rest on."""
        found: set[Thing] = set()
        left = list(things)
        while left:
            one = left.pop()
            if one not in found:
                found.add(one)
                left += self.rests.get(one, ())
        return found

    def barred(
        self,
        act: str,
        persons: Collection[str],
        trade: str | None,
        things: Iterable[Thing],
        at: datetime,
        policy: str,
        before: int | None = None,
    ) -> str | None:
        """Return the control of apart.csv that keeps these persons from an act, with the deed that it looks at."""
        family = self.facts.family(trade) if trade else set()
        rested = self.resting(things)
        rows = [row for row in self.rules[policy].apart if row[1] == act]
        pasts = self.earlier([*rested, *family], before) if rows else []
        for control, _, differs, scope, days in rows:
            for past in pasts:
                if past.act not in differs.split() or not past.persons & set(persons):
                    continue
                if days != "ever" and at - past.at > timedelta(days=int(days)):
                    continue
                if past.things & rested or (scope == "trade" and past.trade in family):
                    return f"{control} {act} after {past.act} ({past.id})"
        return None

    def cooling(
        self,
        act: str,
        persons: Collection[str],
        trade: str | None,
        at: datetime,
        policy: str,
    ) -> str | None:
        """Return the row of cooling_off.csv that keeps somebody from controlling a deal of the own former desk."""
        files = self.rules[policy].files
        if trade is None or act not in {row[1] for row in lines(files["independence.csv"], 5)}:
            return None
        desks = {self.facts.desk.get(one) for one in self.facts.family(trade)}
        today = at.astimezone(BERLIN).date()
        for person in persons:
            stays = [
                (day, unit)
                for day, unit, *moved_at in self.facts.moves.get(person, [])
                if day <= today and (not moved_at or moved_at[0] <= at)  # not one later on the same day
            ]
            now = stays[-1][1] if stays else None
            for (_, unit), (left, _) in pairwise(stays):
                for control, before, after, months, *_ in lines(files["cooling_off.csv"], 6):
                    fits = (before, after) == (self.facts.function.get(unit), self.facts.function.get(now))
                    close = today < add_months(left, int(months))
                    if control != "A-11" and fits and close and unit != now and unit in desks:
                        return f"{control} {act} within {months} months"
        return None

    def too_close(self, deed: Deed, before: int) -> str | None:
        """Return how whoever did a control stood too near to trading, by the unit and board member in the entry."""
        rows = lines(self.rules[deed.policy].files["independence.csv"], 5)
        level = next((row[2] for row in rows if row[1] == deed.act), "PERSON")
        if level == "PERSON":
            return None
        if self.facts.function.get(deed.unit) == "front_office" or deed.unit is None:
            return f"SEG-04 {deed.act} from a unit of trading"
        family = self.facts.family(deed.trade) if deed.trade else set()
        for past in self.earlier(family, before):
            if past.act in ENTERING and past.trade in family:
                if past.unit == deed.unit:
                    return f"SEG-04 {deed.act} in the unit that entered the deal"
                if level == "AREA" and past.board and past.board == deed.board:
                    return f"SEG-04 {deed.act} under the board member who answers for the desk"
        return None

    def violations(self) -> list[str]:
        """Hold every deed against every row: what no deed of a lawful bank leaves."""
        found = []
        for number, deed in enumerate(self.deeds):
            rules = self.rules[deed.policy]
            powers = set().union(*(rules.powers.get(role, set()) for role in deed.roles))
            wrong = [
                self.barred(
                    deed.act, deed.persons, deed.trade, deed.things, deed.at, deed.policy, before=number
                ),
                self.cooling(deed.act, {deed.person}, deed.trade, deed.at, deed.policy),
                self.too_close(deed, number),
                None if deed.act in powers else f"{deed.act} without a role that gives it",
                rules.conflict(deed.roles) and f"{rules.conflict(deed.roles)} in the roles of one account",
            ]
            found += [f"{deed.id}: {one}" for one in wrong if one]
        return found


ENTERING = {
    "amendment.request",
    "cancellation.request",
    "internal.accept",
    "internal.offer",
    "trade.capture",
    "trade.resubmit",
}


def add_months(day: date, months: int) -> date:
    """Return the same day so many months later, or the last one of a shorter month."""
    month = day.month - 1 + months
    first = date(day.year + month // 12, month % 12 + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))
