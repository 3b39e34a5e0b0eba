"""A change of the policy is drafted, endorsed by one approver, approved by a second, and put in force by the service."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class DraftState(StrEnum):
    """Where a change of the policy stands."""

    DRAFTED = "drafted"
    ENDORSED = "endorsed"
    APPROVED = "approved"
    REFUSED = "refused"
    ACTIVE = "active"
    SUPERSEDED = "superseded"


POLICY_DRAFT = Lifecycle(
    "policy draft",
    {
        (DraftState.DRAFTED, Action.POLICY_APPROVE): DraftState.ENDORSED,
        (DraftState.DRAFTED, Action.POLICY_REFUSE): DraftState.REFUSED,
        (DraftState.ENDORSED, Action.POLICY_APPROVE): DraftState.APPROVED,
        (DraftState.ENDORSED, Action.POLICY_REFUSE): DraftState.REFUSED,
        (DraftState.APPROVED, Action.POLICY_REFUSE): DraftState.REFUSED,
        (DraftState.APPROVED, Action.POLICY_PUBLISH): DraftState.ACTIVE,
        (DraftState.ACTIVE, Action.POLICY_PUBLISH): DraftState.SUPERSEDED,
    },
)
