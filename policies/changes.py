"""What one version of the policy changes against another, and what no change may take away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from policies import apart, fewest, lives, proof, rights, separation, tables, tasks
from policies.apart import ApartRule
from policies.people import Holder
from policies.policy import Policy
from policies.rights import SERVICE
from policies.separation import SeparationRule
from policies.staffing import clashes
from policies.tables import TableRow
from policies.tasks import Task
from policies.vocabulary import READS, Action, Office

Rule = TypeVar("Rule")
OWN = frozenset(
    {rights.FILE, separation.FILE, apart.FILE, tasks.FILE, tables.FILE}
)  # of tables: see _services

KEPT_PROOFS = 16
_PROVED: dict[str, tuple[str, ...]] = {}

PERSONS = 2  # a third opens no further way: tests/policies/test_proof.py


@dataclass(frozen=True, slots=True)
class Powers:
    """What somebody or some role gains and loses."""

    gained: tuple[Action, ...]
    lost: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Rules(Generic[Rule]):
    """Rules of one file that came and that went; one that is worded otherwise did neither."""

    came: tuple[Rule, ...]
    went: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Everything by which two versions decide differently."""

    old: str
    new: str
    roles: Mapping[str, Powers]
    offices: Mapping[str, tuple[Office | None, Office | None]]  # of roles that came, went or moved
    separation: Rules[SeparationRule]
    apart: Rules[ApartRule]
    tasks: Rules[Task]
    tables: Rules[TableRow]
    worded: int  # rights whose reason alone changed


def compared(old: Policy, new: Policy) -> Change:
    """Hold two policies against each other."""
    everyone = dict.fromkeys((*old.roles, *new.roles))
    return Change(
        old=old.version,
        new=new.version,
        roles={role: powers for role in everyone if (powers := _powers(old, new, [role], [role]))},
        offices={
            role: (was, now)
            for role in everyone
            if (was := old.offices.get(role)) != (now := new.offices.get(role))
        },
        separation=_rules(old.separation, new.separation, _parted),
        apart=_rules(old.apart, new.apart, _barring),
        tasks=_rules(old.tasks, new.tasks, lambda task: (task.task, task.people, task.acts)),
        tables=_rules(old.table_rows, new.table_rows, lambda row: row),
        worded=len(
            {(right.rule, right.reason) for right in old.rights}
            - {(right.rule, right.reason) for right in new.rights}
        ),
    )


def of_people(old: Policy, new: Policy, people: Iterable[Holder]) -> dict[str, Powers]:
    """What each person gains and loses by the change, whatever the accounts it comes from."""
    return {one.person: powers for one in people if (powers := _powers(old, new, one.roles, one.roles))}


def raises_powers_of(old: Policy, new: Policy, roles: Iterable[str]) -> frozenset[Action]:
    """Acts and reads that somebody with these roles could do under the new policy and not under the old (D-15)."""
    held = frozenset(roles)
    return new.powers(held) - old.powers(held)


def _powers(old: Policy, new: Policy, before: Iterable[str], after: Iterable[str]) -> Powers | None:
    was, now = old.powers(frozenset(before)), new.powers(frozenset(after))
    return None if was == now else Powers(tuple(sorted(now - was)), tuple(sorted(was - now)))


def _rules(old: Iterable[Rule], new: Iterable[Rule], key: Callable[[Rule], object]) -> Rules[Rule]:
    before, after = {key(rule): rule for rule in old}, {key(rule): rule for rule in new}
    return Rules(
        tuple(rule for name, rule in after.items() if name not in before),
        tuple(rule for name, rule in before.items() if name not in after),
    )


def _parted(rule: SeparationRule) -> tuple[object, ...]:
    return rule.control, frozenset({rule.left, rule.right}), rule.severity


def _barring(rule: ApartRule) -> tuple[object, ...]:
    return rule.control, rule.action, rule.differs, rule.scope, rule.within_days


# What blocks a change ------------------------------------------------------------------------------


def objections(shipped: Policy, old: Policy, new: Policy, people: Iterable[Holder]) -> Iterator[str]:
    """Why the change from ``old`` to ``new`` must not be; nothing is the good answer.

    ``shipped`` is version zero: its hard rules and its rules of history are law here and no bank's to loosen.
    """
    yield from _refutations(new)
    yield from _loosened(shipped, new)
    yield from _crossing(old, new)
    yield from _services(shipped, new)
    yield from _of_release(shipped, new)
    for clash in clashes(new, people):
        if clash.hard:
            rule = next(one for one in clash.conflicts if one.severity == "H")
            yield f"{clash.person} would hold {rule.left} and {rule.right} together ({rule.control})"


def _refutations(new: Policy) -> tuple[str, ...]:
    """What the proofs say; a version is the digest of its files, so one that was proved here is not proved anew."""
    if new.version not in _PROVED:
        if len(_PROVED) >= KEPT_PROOFS:
            _PROVED.clear()
        _PROVED[new.version] = tuple(_refuted(new))
    return _PROVED[new.version]


def _refuted(new: Policy) -> Iterator[str]:
    """The proofs, run again."""
    if pair := proof.prove_static(new).counter_example:
        sides = " and ".join(f"{role} ({action})" for role, action in pair)
        yield f"the static proof is refuted: one person could hold {sides}"
    for life in lives.LIVES:
        for sentence, path in proof.prove_history(new, life, PERSONS).counter_examples.items():
            steps = ", ".join(f"{'outsider' if who == 0 else f'person {who}'} {act}" for who, act in path)
            yield f"the proof by history is refuted ({sentence}): {steps}"
    for needed in fewest.prove_tasks(new):
        if not needed.holds:
            found = "nobody" if needed.by_both is None else needed.by_both
            yield f"{needed.task.task} takes {needed.task.people} people and {found} could do it: {needed.task.why}"


def _loosened(shipped: Policy, new: Policy) -> Iterator[str]:
    """Hard rules, rules of history and numbers of people are kept or made stronger."""
    parted = {_parted(rule) for rule in new.separation}
    for rule in shipped.separation:
        if rule.severity == "H" and _parted(rule) not in parted:
            yield f"the hard rule {rule.control} between {rule.left} and {rule.right} is gone or weaker"
    for barring in shipped.apart:
        if not any(_as_strong(other, barring) for other in new.apart):
            yield f"the rule {barring.control} on {barring.action} is gone or weaker"
    people = {task.task: task for task in new.tasks}
    for task in shipped.tasks:
        kept = people.get(task.task)
        if kept is None or kept.acts != task.acts or kept.people < task.people:
            yield f"the task {task.task} is gone, another one, or demands fewer people"


def _as_strong(other: ApartRule, rule: ApartRule) -> bool:
    as_long = other.within_days is None or (
        rule.within_days is not None and other.within_days >= rule.within_days
    )
    same = (other.control, other.action) == (rule.control, rule.action)
    return same and rule.differs <= other.differs and other.scope in {rule.scope, "trade"} and as_long


def _crossing(old: Policy, new: Policy) -> Iterator[str]:
    """An act is no gift to an office that stands apart from the one whose act it is (ORG-14)."""
    distant = {
        frozenset({rule.left.removeprefix("office:"), rule.right.removeprefix("office:")})
        for rule in (*old.separation, *new.separation)
        if rule.severity == "H" and rule.left.startswith("office:") and rule.right.startswith("office:")
    }
    home = {
        action: {old.offices[role] for role in old.roles if action in old.powers_of[role]}
        for action in Action
    }
    for role in new.roles:
        office = new.offices[role]
        for action in sorted(new.powers_of[role] - READS):
            if office in home[action]:
                continue
            for other in sorted(home[action]):
                if frozenset({office.value, other.value}) in distant:
                    yield f"{role} of {office} would get {action}, an act of {other}, which stands apart from it (ORG-14)"


def _of_release(shipped: Policy, new: Policy) -> Iterator[str]:
    """Files beside rights, rules and tasks say how the release works; they change with it."""
    for file, content in shipped.texts.items():
        if file not in OWN and new.texts.get(file) != content:
            yield f"{file} is the release's and differs"


def _services(shipped: Policy, new: Policy) -> Iterator[str]:
    """What the service itself and every person need stays; nothing else could even undo the change."""
    for right in shipped.rights:
        automatic = right.holder.startswith(SERVICE) or right.holder == "staff"
        kept = any((one.holder, one.action) == (right.holder, right.action) for one in new.rights)
        if automatic and not kept:
            yield f"{right.holder} would lose {right.action}, which the service needs"
    for role in new.roles:
        extra = new.powers_of[role] - shipped.powers([role])
        if role.startswith(SERVICE) and extra:
            yield f"{role} would get {min(extra)}: a service does what the release gives it"
    for row in _rules(shipped.table_rows, new.table_rows, lambda one: one).came:
        yield f"tables.csv would let {row.action} {row.verb} {row.table}: tables are the release's"
    for row in _rules(shipped.table_rows, new.table_rows, lambda one: one).went:
        yield f"tables.csv would no longer let {row.action} {row.verb} {row.table}: tables are the release's"
