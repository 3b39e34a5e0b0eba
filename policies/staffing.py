"""Whether the people a bank has keep the policy: whose powers conflict, which tasks nobody or too few can do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from policies.fewest import bars
from policies.people import Holder
from policies.policy import Policy
from policies.rights import SERVICE
from policies.separation import Conflict, conflicts
from policies.tasks import Task

State = tuple[tuple[int, int], ...]  # of each person who had a hand in it: what they hold, what they did


@dataclass(frozen=True, slots=True)
class Clash:
    """A person whose powers break rules of separation."""

    person: str
    unit: str
    conflicts: tuple[Conflict, ...]

    @property
    def hard(self) -> bool:
        """Whether no exception could be granted."""
        return any(one.severity == "H" for one in self.conflicts)


@dataclass(frozen=True, slots=True)
class Staffed:
    """How a task stands with the people there are. ``fewest``: who would do it at the least; None if nobody can."""

    task: Task
    holders: Mapping[str, int]  # act -> persons who hold it
    fewest: int | None
    only_with_deputies: bool

    @property
    def wrong(self) -> str | None:
        """What is wrong, in words; None if nothing is."""
        if missing := [act for act, count in self.holders.items() if not count]:
            return f"nobody can {', '.join(missing)}"
        if self.fewest is None:
            return f"too few people: no choice among them can do all of it; it takes {self.task.people}"
        if self.fewest < self.task.people:
            return f"{self.fewest} of these people would do, and it takes {self.task.people}"
        return None

    @property
    def thin(self) -> list[str]:
        """Acts that stand still when one person is away."""
        return [act for act, count in self.holders.items() if count == 1]


def clashes(policy: Policy, people: Iterable[Holder]) -> list[Clash]:
    """Everybody whose roles together break a rule: own, of services they answer for, in another's place."""
    known: dict[frozenset[str], tuple[Conflict, ...]] = {}
    found = []
    for one in people:
        if (roles := one.roles) not in known:
            known[roles] = tuple(conflicts(policy, roles))
        if known[roles]:
            found.append(Clash(one.person, one.unit, known[roles]))
    return found


def staffed(policy: Policy, people: Iterable[Holder]) -> list[Staffed]:
    """Each task of the policy against the people there are.

    Those who hold the same of a task's acts are alike, so a bank of any size is a handful of kinds. Deputies
    count with what they hold in another's place where the fewest are looked for, since that can only make them
    fewer; a task that cannot be done without them is told.
    """
    own: Counter[frozenset[str]] = Counter()
    with_deputies: Counter[frozenset[str]] = Counter()
    for one in people:
        own[frozenset(one.own)] += 1
        with_deputies[frozenset({*one.own, *(role for _, role in one.in_place_of)})] += 1
    return [_staffed(policy, task, own, with_deputies) for task in policy.tasks]


def _staffed(
    policy: Policy, task: Task, own: Counter[frozenset[str]], with_deputies: Counter[frozenset[str]]
) -> Staffed:
    alone, together = _kinds(policy, task, own), _kinds(policy, task, with_deputies)
    barred = _bars(policy, task)
    fewest = _fewest(task, together, barred)
    without = fewest if alone == together else _fewest(task, alone, barred)
    holders = {
        act.value: sum(count for kind, count in together.items() if kind >> place & 1)
        for place, act in enumerate(task.acts)
    }
    return Staffed(task, holders, fewest, fewest is not None and without is None)


def _kinds(policy: Policy, task: Task, held: Counter[frozenset[str]]) -> dict[int, int]:
    """How many people hold which of the task's acts; of one kind no more than there are acts can be of use."""
    kinds: Counter[int] = Counter()
    for roles, count in held.items():
        powers = policy.powers(role for role in roles if not role.startswith(SERVICE))
        if kind := sum(1 << place for place, act in enumerate(task.acts) if act in powers):
            kinds[kind] += count
    return dict(kinds)


def _bars(policy: Policy, task: Task) -> list[int]:
    barred = bars(policy, task.acts)
    return [
        sum(
            1 << place
            for place, other in enumerate(task.acts)
            if other in barred[act] or (other == act and task.acts.count(act) > 1)
        )
        for act in task.acts
    ]


def _fewest(task: Task, kinds: Mapping[int, int], barred: list[int]) -> int | None:
    """Smallest number of these people who can do all acts, whoever is chosen, in any order after the first."""
    count = len(task.acts)
    if not all(any(kind >> place & 1 for kind in kinds) for place in range(count)):
        return None
    useful = {
        kind: there
        for kind, there in kinds.items()
        if not any(kind != other and kind & ~other == 0 and kinds[other] >= count for other in kinds)
    }
    return next((people for people in range(1, count + 1) if _enough(people, count, useful, barred)), None)


def _enough(people: int, count: int, kinds: Mapping[int, int], barred: list[int]) -> bool:
    """Whether so many of these people can do all acts."""
    every = (1 << count) - 1
    states: set[State] = {()}
    for done_before in range(count):
        acts = range(count) if done_before else (0,)
        states = {
            after
            for state in states
            for act in acts
            if not sum(history for _, history in state) >> act & 1
            for after in _next(state, act, kinds, barred[act])
            if len(after) <= people
        }
    return any(sum(history for _, history in state) == every for state in states)


def _next(state: State, act: int, kinds: Mapping[int, int], barred: int) -> set[State]:
    """Who may do ``act`` next: somebody who had a hand in it already, or one more of each kind."""
    bit = 1 << act
    found = set()
    for place, (kind, history) in enumerate(state):
        if kind & bit and not history & barred:
            found.add(tuple(sorted((*state[:place], (kind, history | bit), *state[place + 1 :]))))
    used = Counter(kind for kind, _ in state)
    for kind, count in kinds.items():
        if kind & bit and used[kind] < count:
            found.add(tuple(sorted((*state, (kind, bit)))))
    return found
