"""A leg is projected, prepared by one person, released by others, and then it settles, in part or whole, or it does not.

Where money stands still, somebody has an act: what is held is freed, what failed or came back is prepared anew.
"""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class SettlementState(StrEnum):
    """How far a cash leg is."""

    PROJECTED = "projected"
    PREPARED = "prepared"
    SIGNED = "signed"  # above the amount of one signature, and one is given
    HELD = "held"
    NETTED = "netted"  # released into a net that goes as a whole
    RELEASED = "released"
    PARTIAL = "partial"
    SETTLED = "settled"
    FAILED = "failed"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


PROJECTED, PREPARED, SIGNED, HELD, NETTED, RELEASED, PARTIAL, SETTLED, FAILED, RETURNED, WITHDRAWN = (
    SettlementState
)

BEFORE_RELEASE = (PROJECTED, PREPARED, SIGNED)
TO_BE_PAID_AGAIN = (FAILED, RETURNED)

SETTLEMENT: Lifecycle[SettlementState] = Lifecycle(
    "settlement",
    {
        (PROJECTED, Action.SETTLEMENT_PREPARE): PREPARED,
        (FAILED, Action.SETTLEMENT_PREPARE): PREPARED,
        (RETURNED, Action.SETTLEMENT_PREPARE): PREPARED,
        # Only where the payment route was replaced after it was picked.
        (PREPARED, Action.SETTLEMENT_PREPARE): PREPARED,
        (SIGNED, Action.SETTLEMENT_PREPARE): PREPARED,
        (NETTED, Action.SETTLEMENT_PREPARE): PREPARED,  # or its net was broken
        (PREPARED, Action.SETTLEMENT_NET): PREPARED,
        (
            PREPARED,
            Action.SETTLEMENT_RELEASE,
        ): RELEASED,  # or signed, as the amount says; netted, if with others
        (SIGNED, Action.SETTLEMENT_COUNTERSIGN): RELEASED,
        # Released, but its message has not left: it is taken out of the post.
        **{
            (state, Action.SETTLEMENT_HOLD): HELD
            for state in (*BEFORE_RELEASE, *TO_BE_PAID_AGAIN, NETTED, RELEASED)
        },
        **{(state, Action.SETTLEMENT_DEVIATE): HELD for state in (*BEFORE_RELEASE, *TO_BE_PAID_AGAIN)},
        (HELD, Action.SETTLEMENT_FREE): PROJECTED,
        (PROJECTED, Action.SETTLEMENT_POSTPONE): PROJECTED,
        (PREPARED, Action.SETTLEMENT_POSTPONE): PREPARED,
        (SIGNED, Action.SETTLEMENT_POSTPONE): PREPARED,  # signed for another day
        (FAILED, Action.SETTLEMENT_POSTPONE): FAILED,
        (RETURNED, Action.SETTLEMENT_POSTPONE): RETURNED,
        (RELEASED, Action.SETTLEMENT_COMPLETE): SETTLED,
        (RELEASED, Action.SETTLEMENT_PART): PARTIAL,
        (RELEASED, Action.SETTLEMENT_FAIL): FAILED,
        (RELEASED, Action.SETTLEMENT_RETURN): RETURNED,
        (NETTED, Action.SETTLEMENT_COMPLETE): SETTLED,  # never in part: a net settles as a whole
        (NETTED, Action.SETTLEMENT_FAIL): FAILED,
        (NETTED, Action.SETTLEMENT_RETURN): RETURNED,
        (PARTIAL, Action.SETTLEMENT_COMPLETE): SETTLED,
        (PARTIAL, Action.SETTLEMENT_PART): PARTIAL,
        (PARTIAL, Action.SETTLEMENT_FAIL): FAILED,  # what was missing stays away; what came stays here
        (PARTIAL, Action.SETTLEMENT_RETURN): RETURNED,
        (SETTLED, Action.SETTLEMENT_RETURN): RETURNED,
        **{(state, Action.SETTLEMENT_WITHDRAW): WITHDRAWN for state in (*BEFORE_RELEASE, HELD, NETTED)},
    },
)


class NetState(StrEnum):
    """How far a net is. It has no acts of its own: the acts on its legs move it."""

    COMPOSED = "composed"
    RELEASED = "released"
    SETTLED = "settled"
    FAILED = "failed"
    RETURNED = "returned"
    BROKEN = "broken"


class CallBackState(StrEnum):
    """Where a call to the counterparty about a payment route stands."""

    MADE = "made"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


CALL_BACK: Lifecycle[CallBackState] = Lifecycle(
    "call-back",
    {
        (
            CallBackState.MADE,
            Action.CALL_BACK_CHECK,
        ): CallBackState.CONFIRMED,  # or rejected, as the checker says
    },
)


class PaymentState(StrEnum):
    """How far the message is that tells our bank to pay a leg."""

    BLOCKED = "blocked"  # it cannot be written, or is not what its schema allows
    QUEUED = "queued"
    UNDER_WAY = "under_way"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


NOT_GONE = (PaymentState.BLOCKED, PaymentState.QUEUED, PaymentState.FAILED)
"""The message provably lies with us."""

PAYMENT: Lifecycle[PaymentState] = Lifecycle(
    "payment message",
    {
        (PaymentState.QUEUED, Action.PAYMENT_BEGIN): PaymentState.UNDER_WAY,
        # Whoever died on the way begins again, under the same name.
        (PaymentState.UNDER_WAY, Action.PAYMENT_BEGIN): PaymentState.UNDER_WAY,
        (PaymentState.UNDER_WAY, Action.PAYMENT_COMPLETE): PaymentState.DELIVERED,
        # Queued for another try, until the last one; blocked where the schema refuses it.
        (PaymentState.UNDER_WAY, Action.PAYMENT_FAIL): PaymentState.QUEUED,
        (PaymentState.BLOCKED, Action.PAYMENT_RETRY): PaymentState.QUEUED,
        (PaymentState.FAILED, Action.PAYMENT_RETRY): PaymentState.QUEUED,
        # What has not left yet does not leave any more.
        **{
            (state, act): PaymentState.DROPPED
            for state in NOT_GONE
            for act in (Action.SETTLEMENT_HOLD, Action.SETTLEMENT_FAIL, Action.SETTLEMENT_RETURN)
        },
        # Money that left by another way than ours.
        (PaymentState.BLOCKED, Action.SETTLEMENT_COMPLETE): PaymentState.DROPPED,
        (PaymentState.BLOCKED, Action.SETTLEMENT_PART): PaymentState.DROPPED,
    },
)


class PaymentStatusState(StrEnum):
    """What became of something that a bank told about a payment."""

    RECEIVED = "received"
    NOTED = "noted"  # nothing moved: it is on its way
    APPLIED = "applied"
    WAITING = "waiting"
    CLOSED = "closed"


PAYMENT_STATUS: Lifecycle[PaymentStatusState] = Lifecycle(
    "payment status",
    {
        (
            PaymentStatusState.RECEIVED,
            Action.PAYMENT_STATUS_APPLY,
        ): PaymentStatusState.APPLIED,  # or noted, or waiting, as it turns out
        (PaymentStatusState.WAITING, Action.PAYMENT_STATUS_CLOSE): PaymentStatusState.CLOSED,
    },
)
