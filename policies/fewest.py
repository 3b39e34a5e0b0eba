"""The smallest number of natural persons who can do a task: every set of roles, every order, every deputy.

Three walls are measured one by one and together: what one person may hold (separation.csv), what one person
may have done (apart.csv), and both. A rule that lapses with time counts for nothing here, nor does a service.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

from policies.policy import Policy
from policies.proof import ALL, HARD, object_of, reachable
from policies.rights import SERVICE
from policies.separation import Severity
from policies.tasks import Task
from policies.vocabulary import Action

NOBODY: Final[frozenset[Severity]] = frozenset()

Hands = tuple[int, int]  # what a person's roles must allow, and what counts as the person's: bits of the acts


@dataclass(frozen=True, slots=True)
class Needed:
    """What a task takes: by its row, and as computed under roles alone, history alone, and both.

    ``without_exceptions``: both, where no exception of severity C is granted either.

    None: no number of persons can do it.
    """

    task: Task
    by_roles: int | None
    by_history: int | None
    by_both: int | None
    without_exceptions: int | None
    states: int  # looked at

    @property
    def holds(self) -> bool:
        """Whether the task takes as many people as its row demands, and can be done at all."""
        return self.by_both is not None and self.by_both >= self.task.people


def prove_tasks(policy: Policy) -> list[Needed]:
    """Fewest people for each task of the policy. Exceptions (severity C) are taken as granted."""
    held, everything = powers_together(policy, HARD), powers_together(policy, NOBODY)
    found = []
    for task in policy.tasks:
        searches = (
            Search(task.acts, held, {}),
            Search(task.acts, everything, bars(policy, task.acts)),
            Search(task.acts, held, bars(policy, task.acts)),
        )
        roles, history, both = (search.fewest() for search in searches)
        strictest = fewest_people(policy, task.acts, ALL)
        states = sum(search.states for search in searches)
        found.append(Needed(task, roles, history, both, strictest, states))
    return found


def fewest_people(policy: Policy, acts: tuple[Action, ...], severities: frozenset[Severity]) -> int | None:
    """Smallest number of natural persons who can do ``acts``; None if no number can. History always counts."""
    return Search(acts, powers_together(policy, severities), bars(policy, acts)).fewest()


def powers_together(policy: Policy, severities: frozenset[Severity]) -> tuple[frozenset[Action], ...]:
    """Powers of each largest set of people's roles that one person may hold."""
    sets = {
        policy.powers(role for role in held if not role.startswith(SERVICE))
        for held in reachable(policy, severities).largest
    }
    return tuple(one for one in sets if not any(one < other for other in sets))


def bars(policy: Policy, acts: tuple[Action, ...]) -> dict[Action, frozenset[Action]]:
    """For each act, the acts that keep their doer from it for ever."""
    return {
        act: frozenset(
            other
            for rule in policy.apart
            if rule.action == act and rule.within_days is None
            for other in rule.differs
            if rule.scope == "trade" or object_of(other) == object_of(act)
        )
        for act in acts
    }


class Search:
    """Exhaustive: who does which act in which order, in an own name or as somebody's deputy.

    What a deputy does counts for the deputy and for the person deputised, and both must be able to hold the
    role. States that differ only in who is called first are one.
    """

    def __init__(
        self,
        acts: tuple[Action, ...],
        together: tuple[frozenset[Action], ...],
        barred: dict[Action, frozenset[Action]],
    ) -> None:
        self.acts = acts
        self.together = [sum(1 << place for place, act in enumerate(acts) if act in one) for one in together]
        self.barred = [
            sum(
                1 << place
                for place, other in enumerate(acts)
                if other in barred.get(act, ()) or (other == act and acts.count(act) > 1)
            )
            for act in acts
        ]
        self.states = 0
        self.may_hold = cache(self._may_hold)

    def fewest(self) -> int | None:
        """Return the number, or None if no number of persons can do it: one for each act is always enough."""
        if not all(self.may_hold(1 << place) for place in range(len(self.acts))):
            return None
        return next((people for people in range(1, len(self.acts) + 1) if self.enough(people)), None)

    def enough(self, people: int) -> bool:
        """Tell whether so many persons can do all acts."""
        whole = (1 << len(self.acts)) - 1
        first: tuple[Hands, ...] = ((0, 0),) * people
        waiting, seen = [(0, first)], {(0, first)}
        while waiting:
            done, persons = waiting.pop()
            self.states += 1
            if done == whole:
                return True
            for state in self._steps(done, persons):
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        return False

    def _steps(self, done: int, persons: tuple[Hands, ...]) -> Iterator[tuple[int, tuple[Hands, ...]]]:
        open_ = range(len(self.acts)) if done else (0,)
        for act in open_:
            bit = 1 << act
            if done & bit:
                continue
            for hand, name in product(range(len(persons)), repeat=2):
                after = list(persons)
                for who in {hand, name}:
                    holds, history = persons[who]
                    after[who] = (holds | bit, history | bit)
                if any(persons[who][1] & self.barred[act] for who in (hand, name)):
                    continue
                if all(self.may_hold(after[who][0]) for who in (hand, name)):
                    yield done | bit, tuple(sorted(after))

    def _may_hold(self, powers: int) -> bool:
        return any(powers & ~one == 0 for one in self.together)
