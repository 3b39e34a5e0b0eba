"""Which roles an account may hold at all, and which ones no natural person holds together."""

from collections.abc import Iterable

from policies.policy import Policy
from policies.separation import Conflict, conflicts, holders
from policies.vocabulary import Office

WITHOUT_PEOPLE = frozenset({Office.LOG})
"""Offices that only their own service works in."""


def is_role_of(policy: Policy, role: str, office: str) -> bool:
    """Tell whether people of this office can hold the role; its service's role is for no person."""
    return role in policy.roles and policy.office_of(role) == office and role != f"svc_{office}"


def conflict_of(policy: Policy, role: str, others: Iterable[str]) -> Conflict | None:
    """Return the first rule of separation that ``role`` would break beside the person's other roles.

    ``others``: the roles of all the person's accounts, those on their way included. A conflict among
    the others alone does not count here: the role would not make it worse.
    """
    for conflict in conflicts(policy, {role, *others}):
        if role in holders(policy, conflict.left) | holders(policy, conflict.right):
            return conflict
    return None


def apart_sentence(conflict: Conflict) -> str:
    """Return which two powers never meet, and why."""
    return (
        f"{conflict.left} and {conflict.right} never meet in one person: {conflict.why} ({conflict.control})."
    )
