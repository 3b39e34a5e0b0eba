"""A right is requested, approved and put in force by three people, and withdrawn at once."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class GrantState(StrEnum):
    """Where a grant stands; only an executed one gives power."""

    REQUESTED = "requested"
    APPROVED = "approved"
    EXECUTED = "executed"
    REFUSED = "refused"
    REVOKED = "revoked"


GRANT = Lifecycle(
    "grant",
    {
        (GrantState.REQUESTED, Action.GRANT_APPROVE): GrantState.APPROVED,
        (GrantState.REQUESTED, Action.GRANT_REFUSE): GrantState.REFUSED,
        (GrantState.APPROVED, Action.GRANT_EXECUTE): GrantState.EXECUTED,
        (GrantState.APPROVED, Action.GRANT_REVOKE): GrantState.REVOKED,
        (GrantState.EXECUTED, Action.GRANT_REVOKE): GrantState.REVOKED,
    },
)
