"""A confirmation goes out, is answered by the counterparty, and both sides agree or they do not."""

from enum import StrEnum
from typing import Final

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class ConfirmationState(StrEnum):
    """How far the two sides are with agreeing in writing."""

    DUE = "due"
    SENT = "sent"
    MATCHED = "matched"
    MISMATCHED = "mismatched"
    WITHDRAWN = "withdrawn"
    DEEMED = "deemed"
    SUBSTITUTED = "substituted"


DUE, SENT, MATCHED, MISMATCHED, WITHDRAWN, DEEMED, SUBSTITUTED = ConfirmationState

AGREED: Final = frozenset({MATCHED, DEEMED, SUBSTITUTED})
"""The terms stand: both sides said the same, the agreement takes silence for it, or two people saw it otherwise."""
AWAITED: Final = frozenset({DUE, SENT, MISMATCHED})
"""Unconfirmed: something is still to be said."""

CONFIRMATION: Lifecycle[ConfirmationState] = Lifecycle(
    "confirmation",
    {
        (DUE, Action.CONFIRMATION_DISPATCH): SENT,
        (SENT, Action.CONFIRMATION_COUNTER): SENT,
        (MISMATCHED, Action.CONFIRMATION_COUNTER): MISMATCHED,
        # Matched as long as there is no break; a break leads to mismatched instead.
        (SENT, Action.CONFIRMATION_MATCH): MATCHED,
        (MISMATCHED, Action.CONFIRMATION_MATCH): MATCHED,
        (SENT, Action.CONFIRMATION_DEEM): DEEMED,
        (SENT, Action.SUBSTITUTE_APPROVE): SUBSTITUTED,
        # Made anew: this draft is withdrawn and another one of the same version is due.
        (DUE, Action.CONFIRMATION_REDRAFT): WITHDRAWN,
        (SENT, Action.CONFIRMATION_REDRAFT): WITHDRAWN,
        (MISMATCHED, Action.CONFIRMATION_REDRAFT): WITHDRAWN,
        (DUE, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
        (SENT, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
        (MISMATCHED, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
        (MATCHED, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
        (DEEMED, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
        (SUBSTITUTED, Action.CONFIRMATION_WITHDRAW): WITHDRAWN,
    },
)


class TransmissionState(StrEnum):
    """How far a message of ours has come."""

    QUEUED = "queued"
    UNDER_WAY = "under_way"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


TRANSMISSION: Lifecycle[TransmissionState] = Lifecycle(
    "transmission",
    {
        (TransmissionState.QUEUED, Action.TRANSMISSION_BEGIN): TransmissionState.UNDER_WAY,
        # Whoever died on the way begins again, under the same name.
        (TransmissionState.UNDER_WAY, Action.TRANSMISSION_BEGIN): TransmissionState.UNDER_WAY,
        (TransmissionState.UNDER_WAY, Action.TRANSMISSION_COMPLETE): TransmissionState.DELIVERED,
        # Queued again for another try, until the last one; then failed, and a person looks at it.
        (TransmissionState.UNDER_WAY, Action.TRANSMISSION_FAIL): TransmissionState.QUEUED,
        (TransmissionState.FAILED, Action.TRANSMISSION_RETRY): TransmissionState.QUEUED,
        # What has not left yet does not leave any more; what is under way ends with its proof.
        (TransmissionState.QUEUED, Action.CONFIRMATION_WITHDRAW): TransmissionState.DROPPED,
        (TransmissionState.FAILED, Action.CONFIRMATION_WITHDRAW): TransmissionState.DROPPED,
        (TransmissionState.QUEUED, Action.CONFIRMATION_REDRAFT): TransmissionState.DROPPED,
        (TransmissionState.FAILED, Action.CONFIRMATION_REDRAFT): TransmissionState.DROPPED,
    },
)


class InboundState(StrEnum):
    """What became of a message from outside."""

    WAITING = "waiting"
    LINKED = "linked"
    ALLEGED = "alleged"
    INDIRECT = "indirect"
    DISMISSED = "dismissed"


INBOUND: Lifecycle[InboundState] = Lifecycle(
    "message",
    {
        (InboundState.WAITING, Action.INBOUND_LINK): InboundState.LINKED,
        (InboundState.ALLEGED, Action.INBOUND_LINK): InboundState.LINKED,
        (InboundState.ALLEGED, Action.INBOUND_SHARE): InboundState.ALLEGED,
        (InboundState.WAITING, Action.INBOUND_DISMISS): InboundState.DISMISSED,
        (InboundState.ALLEGED, Action.INBOUND_DISMISS): InboundState.DISMISSED,
    },
)


class SubstituteState(StrEnum):
    """Whether a second person agreed that a deal was verified in another way."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


SUBSTITUTE: Lifecycle[SubstituteState] = Lifecycle(
    "verification",
    {
        (SubstituteState.PROPOSED, Action.SUBSTITUTE_APPROVE): SubstituteState.APPROVED,
        (SubstituteState.PROPOSED, Action.SUBSTITUTE_REFUSE): SubstituteState.REFUSED,
    },
)


class LongFormState(StrEnum):
    """Whether the contract after the short confirmation is there."""

    DUE = "due"
    FILED = "filed"
    VOID = "void"


LONG_FORM: Lifecycle[LongFormState] = Lifecycle(
    "long form",
    {
        (LongFormState.DUE, Action.LONG_FORM_FILE): LongFormState.FILED,
        (LongFormState.DUE, Action.CONFIRMATION_WITHDRAW): LongFormState.VOID,
        (LongFormState.DUE, Action.CONFIRMATION_REDRAFT): LongFormState.VOID,
    },
)


class ChecklistState(StrEnum):
    """Whether the papers of a deal are in order."""

    COMPLETE = "complete"
    OPEN = "open"
    SIGNED = "signed"
    VOID = "void"


CHECKLIST: Lifecycle[ChecklistState] = Lifecycle(
    "checklist",
    {
        (ChecklistState.OPEN, Action.CHECKLIST_SIGN): ChecklistState.SIGNED,
        (ChecklistState.OPEN, Action.CONFIRMATION_WITHDRAW): ChecklistState.VOID,
        (ChecklistState.OPEN, Action.CONFIRMATION_REDRAFT): ChecklistState.VOID,
    },
)
