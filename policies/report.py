"""The policy as an auditor reads it: the matrix, who can, what can, what changed, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from policies.apart import Act
from policies.grants import table_grants
from policies.independence import without_level
from policies.policy import Policy
from policies.separation import conflicts, holders
from policies.standing import Standing, judge
from policies.tables import Verb
from policies.vocabulary import READS, Action, Office

ROW_WIDTH = max(len(action) for action in Action) + 1


def matrix(policy: Policy) -> str:
    """Every act against every role, one block per office: *yes*, or a dot for the denial."""
    blocks = (_block(policy, office) for office in Office)
    return "\n".join(block for block in blocks if block)


def _block(policy: Policy, office: Office) -> str:
    roles = [role for role in policy.roles if policy.offices[role] == office]
    if not roles:
        return ""
    head = office.ljust(ROW_WIDTH) + "".join(f"  {role}" for role in roles)
    body = (
        action.ljust(ROW_WIDTH)
        + "".join(f"  {'yes' if action in policy.powers_of[role] else '.':>{len(role)}}" for role in roles)
        for action in Action
    )
    return "\n".join((head, *body, ""))


def who_can(policy: Policy, action: Action) -> Iterator[str]:
    """Roles that may do ``action``, with office and reason."""
    for role in policy.roles:
        decision = policy.decide((role,), action)
        if decision.allowed:
            yield f"{role} ({decision.office}): {decision.reason}"


def what_can(policy: Policy, role: str) -> Iterator[str]:
    """Acts that ``role`` may do, with the row and the reason."""
    for action in sorted(policy.powers_of[role]):
        decision = policy.decide((role,), action)
        yield f"{action}: {decision.reason} [{decision.rule}]"


def explain(policy: Policy, role: str, action: Action) -> Iterator[str]:
    """Why ``role`` may or may not do ``action``, and what else stands in the way."""
    decision = policy.decide((role,), action)
    verdict = "may" if decision.allowed else "may not"
    yield f"{role} ({policy.offices[role]}) {verdict} {action}: {decision.reason} [{decision.rule}]"
    for right in policy.rights:
        if right.rule == decision.rule:
            yield f"  policy.csv, line {right.line}"
    yield from _obstacles(policy, action)
    for rule in policy.separation:
        for own, other in ((rule.left, rule.right), (rule.right, rule.left)):
            if role in holders(policy, own):
                yield f"  {rule.control} ({rule.severity}): never together with {other}; {rule.why}"
    for row in policy.table_rows:
        if row.action == action:
            columns = f" ({', '.join(row.columns)})" if row.columns else ""
            yield f"  database: {row.verb} {row.table}{columns}"


def _obstacles(policy: Policy, action: Action) -> Iterator[str]:
    """What stands in the way of an act even for who may do it: earlier acts, and too little distance from trading."""
    for apart in policy.apart:
        if apart.action == action:
            lapse = "" if apart.within_days is None else f" within {apart.within_days} days"
            done = ", ".join(sorted(apart.differs))
            yield f"  {apart.control}: refused to whoever did {done} on the same {apart.scope}{lapse}; {apart.why}"
    if (level := policy.independence.get(action)) is not None:
        yield f"  {level.control}: level {level.level}; {level.why} [{level.source}]"


def told(said: str) -> Act:
    """An act of a history as the command line takes it. Raises ValueError for what is none."""
    act, _, rest = said.partition(":")
    person, _, scope = rest.partition(":")
    if not person or scope not in {"", "object", "trade"}:
        raise ValueError(f"{said!r} is no ACT:PERSON or ACT:PERSON:trade")
    return Act(Action(act).value, person, None, scope or "object")


def judged(policy: Policy, standing: Standing, action: Action, history: Sequence[Act]) -> Iterator[str]:
    """Whether somebody with this history may do ``action``, by the judgement that is enforced."""
    verdict = judge(policy, standing, action, history)
    yield f"{standing.person} {'may' if verdict.allowed else 'may not'} {action}: {verdict.sentence} [{verdict.rule}]"
    if verdict.broken is not None:
        yield f"  apart.csv, line {verdict.broken.line}: {verdict.broken.source}"
    for act in verdict.used:
        yield f"  because {act.person} did {act.action} on this {act.scope}"
    for conflict in conflicts(policy, standing.roles):
        yield f"  {conflict.control} ({conflict.severity}): nobody holds {conflict.left} and {conflict.right}; {conflict.why}"
    yield f"  policy {policy.version}"


def findings(policy: Policy) -> Iterator[str]:
    """Rows that say nothing and gaps between the files, each a sentence; none is the good answer."""
    held = policy.powers(policy.roles)
    for action in Action:
        if action not in held:
            yield f"nobody may {action}"
    for rule in policy.separation:
        for side in (rule.left, rule.right):
            if not holders(policy, side):
                yield f"separation.csv, line {rule.line}: nobody holds {side}"
    for action in without_level(policy.independence):
        yield f"independence.csv: no level for {action}"
    for office, grants in table_grants(policy).items():
        selects = {grant.table for grant in grants if grant.verb is Verb.SELECT}
        for grant in grants:
            if grant.table not in selects:
                yield f"tables.csv: {office} may {grant.verb} {grant.table} and not read it"


def diff(old: Policy, new: Policy) -> Iterator[str]:
    """What each role gains and loses, and which rules came and went."""
    for role in sorted({*old.roles, *new.roles}):
        before, after = old.powers((role,)), new.powers((role,))
        yield from (f"+ {role} may {action}" for action in sorted(after - before))
        yield from (f"- {role} may {action}" for action in sorted(before - after))
        was, now = old.offices.get(role), new.offices.get(role)
        if was != now:
            yield f"~ {role}: office {was} becomes {now}"
    yield from _came_and_went(_rules(old), _rules(new))


def _rules(policy: Policy) -> list[str]:
    """Rules as sentences, reasons and sources left out: those change no decision."""
    return [
        *(f"{rule.control} ({rule.severity}) {rule.left} x {rule.right}" for rule in policy.separation),
        *(
            f"{rule.control} {rule.action} differs from {' '.join(sorted(rule.differs))}"
            f" ({rule.scope}, {'ever' if rule.within_days is None else f'{rule.within_days} days'})"
            for rule in policy.apart
        ),
        *(f"{rule.control} {rule.action} {rule.level}" for rule in policy.independence.values()),
        *(f"{rule.control} no line joins {rule.left} and {rule.right}" for rule in policy.lines),
        *(
            f"{rule.control} {rule.months} months from {rule.before} to {rule.after}"
            for rule in policy.cooling_off
        ),
        *(
            f"{row.action}: {row.verb} {row.table} ({' '.join(row.columns) or '*'})"
            for row in policy.table_rows
        ),
    ]


def _came_and_went(old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    yield from (f"+ {rule}" for rule in after if rule not in before)
    yield from (f"- {rule}" for rule in before if rule not in after)


def summary(policy: Policy) -> str:
    """One line: version and sizes."""
    return (
        f"policy {policy.version}: {len(policy.roles)} roles, {len(Action)} acts ({len(READS)} reads), "
        f"{len(policy.cells)} of {len(policy.roles) * len(Action)} cells granted, "
        f"{len(policy.separation)} rules of separation, {len(policy.apart)} of acts kept apart, "
        f"{len(policy.table_rows)} table rows"
    )
