"""Two independent proofs that nobody enters a trade and also verifies, confirms, settles or books it.

*Static* looks at separation.csv alone: which roles one natural person may hold. *History* looks at
apart.csv alone and gives every role to everybody: what one person may do to one trade. Either
would do without the other.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from policies.apart import Act, ApartRule, refusal
from policies.duties import ASK, AUTOMATIC_CONTROL, AUTOMATIC_ENTER, CONTROL, ENTER, PROPOSE, STRIKE
from policies.lives import Life
from policies.policy import Policy
from policies.separation import Severity, holders
from policies.vocabulary import Action

HARD: Final[frozenset[Severity]] = frozenset({"H"})
ALL: Final[frozenset[Severity]] = frozenset({"H", "C"})


# Static ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reach:
    """Every set of roles that one natural person may hold under rules of some severities."""

    roles: tuple[str, ...]
    refused: int  # pairs of roles that may not meet
    sets: int  # that may be held, the empty one included
    largest: tuple[frozenset[str], ...]  # each other one is part of one of these

    def meeting(self, left: Iterable[str], right: Iterable[str]) -> frozenset[str] | None:
        """A set that may be held and has a role of each side, or None."""
        lefts, rights = frozenset(left), frozenset(right)
        return next((held for held in self.largest if held & lefts and held & rights), None)


@dataclass(frozen=True, slots=True)
class Static:
    """What the static proof looked at, and the entering and the controlling right that meet, if any do."""

    reach: Reach
    rules: int
    counter_example: tuple[tuple[str, Action], tuple[str, Action]] | None


def prove_static(policy: Policy) -> Static:
    """Hard rules alone, exceptions taken as granted: no role set holds an entering and a controlling act."""
    enter, control = ENTER | AUTOMATIC_ENTER, CONTROL | AUTOMATIC_CONTROL
    reach = reachable(policy, HARD)
    found = reach.meeting(able(policy, enter), able(policy, control))
    pair = None
    if found is not None:
        entering, controlling = found & able(policy, enter), found & able(policy, control)
        both = entering & controlling  # a role that needs no other says more than two that meet
        left, right = min(both or entering), min(both or controlling)
        pair = (
            (left, min(policy.powers_of[left] & enter)),
            (right, min(policy.powers_of[right] & control)),
        )
    return Static(reach, sum(rule.severity in HARD for rule in policy.separation), pair)


def able(policy: Policy, actions: frozenset[Action]) -> frozenset[str]:
    """Roles that may do one of ``actions``."""
    return frozenset(role for role in policy.roles if policy.powers_of[role] & actions)


def reachable(policy: Policy, severities: frozenset[Severity]) -> Reach:
    """Role sets that break no rule of ``severities``.

    A rule names two sides, so a set breaks it exactly if two of its roles do: what may be held are the
    independent sets of the graph of refused pairs. They are counted one by one (in families that share a
    remainder). What a set may do only grows with it, so it is enough to look into the largest.
    """
    roles = policy.roles
    bit = {role: 1 << place for place, role in enumerate(roles)}
    pairs = _refused_pairs(policy, severities)
    foes = dict.fromkeys(bit.values(), 0)
    for left, right in pairs:
        foes[bit[left]] |= bit[right]
    everyone = (1 << len(roles)) - 1
    largest = tuple(
        frozenset(role for role in roles if bit[role] & held) for held in _largest(foes, 0, everyone, 0)
    )
    return Reach(roles, len(pairs) // 2, _count(foes, everyone), largest)


def _refused_pairs(policy: Policy, severities: frozenset[Severity]) -> set[tuple[str, str]]:
    """Pairs of roles that may not meet, each in both orders."""
    found: set[tuple[str, str]] = set()
    for rule in policy.separation:
        if rule.severity in severities:
            for left in holders(policy, rule.left):
                for right in holders(policy, rule.right):
                    found |= {(left, right), (right, left)}
    return found


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield (low := mask & -mask)
        mask ^= low


def _largest(foes: Mapping[int, int], held: int, open_: int, done: int) -> Iterator[int]:
    """Bron and Kerbosch (1973) with a pivot, on the pairs that may meet."""
    if not open_ and not done:
        yield held
        return
    pivot = max(_bits(open_ | done), key=lambda role: (open_ & ~foes[role] & ~role).bit_count())
    for role in _bits(open_ & (foes[pivot] | pivot)):
        friends = ~foes[role] & ~role
        yield from _largest(foes, held | role, open_ & friends, done & friends)
        open_ &= ~role
        done |= role


def _count(foes: Mapping[int, int], everyone: int) -> int:
    @cache
    def sets_within(mask: int) -> int:
        busiest = max(_bits(mask), key=lambda role: (foes[role] & mask).bit_count(), default=0)
        if not foes.get(busiest, 0) & mask:
            return 1 << mask.bit_count()  # no refused pair is left: every subset may be held
        rest = mask & ~busiest
        return sets_within(rest) + sets_within(rest & ~foes[busiest])

    return sets_within(everyone)


# History -----------------------------------------------------------------------------------------


Path = tuple[tuple[int, Action], ...]  # who (0 is somebody outside) did what, in order
State = tuple[frozenset[Action], ...]  # what each person did


@dataclass(frozen=True, slots=True)
class History:
    """What the exploration of one life looked at, and for each goal a path that breaks it."""

    life: Life
    persons: int
    kinds: tuple[tuple[Action, ...], ...]  # acts that every rule and goal treats alike
    states: int
    admitted: int
    refused: int
    alone: int  # different things that one of them can have done
    counter_examples: Mapping[str, Path]


def prove_history(policy: Policy, life: Life, persons: int = 3) -> History:
    """Let ``persons`` who hold every role do everything in every order that apart.csv admits.

    A state is the set of acts each has done; no rule that counts here sees more of a history, since
    those that lapse with time are left out. The order is freer than the real life cycle's, so whatever
    can happen to a real subject is among what was explored. The opening act is done by one of them or
    by somebody outside. Acts that all rules and goals treat alike are explored through one of their kind.
    A rule that serves none of the life's goals is left out: without it more can happen, never less.
    """
    rules = tuple(rule for rule in policy.apart if rule.within_days is None and _serves(rule, life))
    kinds = _kinds(rules, life)
    moves = [kind[0] for kind in kinds if kind[0] not in life.opening]
    paths: dict[State, Path] = {}
    for kind in kinds:
        if (act := kind[0]) in life.opening:
            nobody: State = (frozenset(),) * persons
            paths[nobody] = ((0, act),)
            paths[frozenset({act}), *nobody[1:]] = ((1, act),)
    rules_of = {act: [rule for rule in rules if rule.action == act] for act in moves}
    objects = {object_of(act): act for act in moves}
    known = set(map(_whoever, paths))
    waiting = deque(paths)
    admitted = refused = 0
    while waiting:
        state = waiting.popleft()
        history = [(str(who), act) for who, done in enumerate(state, start=1) for act in done]
        seen_by = {thing: _seen_from(act, history) for thing, act in objects.items()}
        for who in range(1, persons + 1):
            for act in moves:
                if refusal(rules_of[act], act, str(who), seen_by[object_of(act)]) is not None:
                    refused += 1
                    continue
                admitted += 1
                after = (*state[: who - 1], state[who - 1] | {act}, *state[who:])
                if (alike := _whoever(after)) not in known:
                    known.add(alike)
                    paths[after] = (*paths[state], (who, act))
                    waiting.append(after)
    alone = {done for state in paths for done in state}
    return History(life, persons, kinds, len(paths), admitted, refused, len(alone), _broken(life, paths))


def _whoever(state: State) -> frozenset[tuple[frozenset[Action], int]]:
    """What was done by how many, whoever they are."""
    return frozenset(Counter(state).items())


def _serves(rule: ApartRule, life: Life) -> bool:
    """Whether the rule keeps apart what a goal of the life keeps apart."""
    return any(
        (rule.action in left and not right.isdisjoint(rule.differs))
        for goal in life.goals
        for left, right in ((goal.left, goal.right), (goal.right, goal.left))
    )


def _seen_from(action: Action, history: Iterable[tuple[str, Action]]) -> list[Act]:
    """The history as the gate shows it to ``action``: what was done to the same kind of object is on it."""
    thing = object_of(action)
    return [_told(act, who, "object" if object_of(act) == thing else "trade") for who, act in history]


@cache
def _told(act: Action, who: str, scope: str) -> Act:
    return Act(act, who, None, scope)


@cache
def object_of(action: Action) -> str:
    """Kind of object that an act is done to."""
    if action in PROPOSE:
        return "proposal"
    if action in ASK:
        return "request"
    if action in (Action.CONFIRMATION_RECEIVE, Action.INBOUND_DISMISS, Action.INBOUND_SHARE):
        return "inbound message"
    if action == Action.LOG_RECOVER:
        return "recovery"
    return "trade" if action in STRIKE else action.partition(".")[0]


def _kinds(rules: Iterable[ApartRule], life: Life) -> tuple[tuple[Action, ...], ...]:
    """Acts grouped so that exchanging two of a group changes no rule and no goal."""
    groups: dict[tuple[object, ...], list[Action]] = {}
    everything = sorted(life.opening | life.acts)
    for action in everything:
        bars = frozenset(
            (rule.scope, other) for rule in rules if rule.action == action for other in rule.differs
        )
        barred_by = frozenset((rule.scope, rule.action) for rule in rules if action in rule.differs)
        goals = tuple((action in goal.left, action in goal.right) for goal in life.goals)
        by_object = any(scope == "object" for scope, _ in bars | barred_by)
        where = object_of(action) if by_object else ""
        groups.setdefault((bars, barred_by, goals, where, action in life.opening), []).append(action)
    return tuple(tuple(group) for group in groups.values())


def _broken(life: Life, paths: Mapping[State, Path]) -> dict[str, Path]:
    """Shortest path to each goal's breach; the exploration is breadth first."""
    found: dict[str, Path] = {}
    for state, path in paths.items():
        for goal in life.goals:
            if goal.sentence not in found and any(done & goal.left and done & goal.right for done in state):
                found[goal.sentence] = path
    return found
