"""A change of the log's key is asked for by one person, approved by another, and then made."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class RotationState(StrEnum):
    """Where a change of the key stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    DONE = "done"


ROTATION = Lifecycle(
    "rotation",
    {
        (RotationState.REQUESTED, Action.ROTATION_APPROVE): RotationState.APPROVED,
        (RotationState.REQUESTED, Action.ROTATION_REFUSE): RotationState.REFUSED,
        (RotationState.APPROVED, Action.ROTATION_REFUSE): RotationState.REFUSED,
        (RotationState.APPROVED, Action.LOG_ROTATE): RotationState.DONE,
    },
)
