"""A confirmation goes out, is answered by the counterparty, and both sides match or they do not."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class ConfirmationState(StrEnum):
    """How far the two sides are with agreeing in writing."""

    DUE = "due"
    SENT = "sent"
    MATCHED = "matched"
    MISMATCHED = "mismatched"
    WITHDRAWN = "withdrawn"


DUE, SENT, MATCHED, MISMATCHED, WITHDRAWN = ConfirmationState

CONFIRMATION: Lifecycle[ConfirmationState] = Lifecycle(
    "confirmation",
    {
        (DUE, Action.CONFIRMATION_DISPATCH): SENT,
        (SENT, Action.CONFIRMATION_COUNTER): SENT,
        (MISMATCHED, Action.CONFIRMATION_COUNTER): MISMATCHED,
        # Matched as long as there is no break; a break leads to mismatched instead.
        (SENT, Action.CONFIRMATION_MATCH): MATCHED,
        (MISMATCHED, Action.CONFIRMATION_MATCH): MATCHED,
        (DUE, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
        (SENT, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
        (MISMATCHED, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
        (MATCHED, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
    },
)
