"""A leg is projected, prepared by one person, released by another, and then it settles or fails."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class SettlementState(StrEnum):
    """How far a cash leg is."""

    PROJECTED = "projected"
    PREPARED = "prepared"
    RELEASED = "released"
    SETTLED = "settled"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


PROJECTED, PREPARED, RELEASED, SETTLED, FAILED, WITHDRAWN = SettlementState

SETTLEMENT: Lifecycle[SettlementState] = Lifecycle(
    "settlement",
    {
        (PROJECTED, Action.SETTLEMENT_PREPARE): PREPARED,
        (FAILED, Action.SETTLEMENT_PREPARE): PREPARED,
        # Only where the payment route was replaced after it was picked.
        (PREPARED, Action.SETTLEMENT_PREPARE): PREPARED,
        (PREPARED, Action.SETTLEMENT_RELEASE): RELEASED,
        (RELEASED, Action.SETTLEMENT_COMPLETE): SETTLED,
        (RELEASED, Action.SETTLEMENT_FAIL): FAILED,
        (PROJECTED, Action.SETTLEMENT_WITHDRAW): WITHDRAWN,
        (PREPARED, Action.SETTLEMENT_WITHDRAW): WITHDRAWN,
    },
)
