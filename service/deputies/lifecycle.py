"""Duties change hands when one person asks for it and another approves, and come back by themselves."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class DelegationState(StrEnum):
    """Where a delegation stands; an approved one gives power from its beginning to its end and no longer."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    ENDED = "ended"


DELEGATION = Lifecycle(
    "delegation",
    {
        (DelegationState.REQUESTED, Action.DELEGATION_APPROVE): DelegationState.APPROVED,
        (DelegationState.REQUESTED, Action.DELEGATION_REFUSE): DelegationState.REFUSED,
        (DelegationState.REQUESTED, Action.DELEGATION_END): DelegationState.ENDED,
        (DelegationState.APPROVED, Action.DELEGATION_END): DelegationState.ENDED,
    },
)
