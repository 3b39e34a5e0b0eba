"""Somebody as separation sees them: one natural person, and everybody their acts count for.

Pure. The gate, the queues, the pages, the warnings before a dead end and the command line all ask here, so
that what is explained is what is enforced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from policies.apart import Act, ApartRule, refusal
from policies.vocabulary import Action

if TYPE_CHECKING:
    from policies.policy import Decision, Policy


@dataclass(frozen=True, slots=True)
class Standing:
    """``person`` with the roles of one account.

    ``deputy_for``: whose roles these are, for each role that is held for somebody else; such a role is among
    ``roles`` too. ``owner``: who answers for the account, if it is a service's.
    """

    person: str
    roles: frozenset[str]
    deputy_for: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None

    def decide(self, policy: Policy, action: Action) -> Decision:
        """Whether the roles give ``action``; the own roles answer first, and those of others only if need be."""
        own = policy.decide(self.roles - self.deputy_for.keys(), action)
        return own if own.allowed or not self.deputy_for else policy.decide(self.roles, action)

    def acts_for(self, policy: Policy, action: Action) -> str | None:
        """Whose deputy this person is in ``action``; None if the own roles give it, or none does."""
        if not self.deputy_for or policy.decide(self.roles - self.deputy_for.keys(), action).allowed:
            return None
        return next(
            (
                self.deputy_for[role]
                for role in policy.roles
                if role in self.deputy_for and (role, action) in policy.cells
            ),
            None,
        )

    def persons(self, policy: Policy, action: Action) -> frozenset[str]:
        """Everybody that ``action`` would count for (SEG-02): the person, whom they stand in for, the owner."""
        others = (self.acts_for(policy, action), self.owner)
        return frozenset({self.person, *(other for other in others if other is not None)})


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether somebody may do an act to an object, with everything that speaks for or against it."""

    allowed: bool
    decision: Decision
    broken: ApartRule | None  # the rule of apart.csv that refuses it
    used: tuple[Act, ...]  # what was done before that this rule looks at
    acts_for: str | None

    @property
    def rule(self) -> str:
        """The control that refuses it, or the row that gives or does not give it."""
        return self.decision.rule if self.broken is None else self.broken.control

    @property
    def sentence(self) -> str:
        """Why, for people."""
        if self.broken is None:
            return self.decision.reason
        return f"{self.broken.why[0].upper()}{self.broken.why[1:]} ({self.broken.control})."


def judge(
    policy: Policy,
    standing: Standing,
    action: Action,
    history: Sequence[Act],
    now: datetime | None = None,
) -> Judgement:
    """Decide by roles and then by the history of the object: the one answer that is enforced and explained."""
    decision = standing.decide(policy, action)
    acts_for = standing.acts_for(policy, action)
    if not decision.allowed:
        return Judgement(allowed=False, decision=decision, broken=None, used=(), acts_for=acts_for)
    persons = standing.persons(policy, action)
    broken = refusal(policy.apart, action, persons, history, now)
    if broken is None:
        return Judgement(allowed=True, decision=decision, broken=None, used=(), acts_for=acts_for)
    used = tuple(act for act in history if act.person in persons and broken.bars(act, now))
    return Judgement(allowed=False, decision=decision, broken=broken, used=used, acts_for=acts_for)
