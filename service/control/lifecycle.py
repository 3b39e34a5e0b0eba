"""The back office verifies a captured deal, or returns it; cancels it on request; settles what it verified."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class ControlState(StrEnum):
    """What the back office says about a deal's version in force."""

    DUE = "due"
    RETURNED = "returned"
    VERIFIED = "verified"
    SETTLING = "settling"  # money was released: from here on nothing is cancelled
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"  # an amendment was approved: the next version is on its way


CONTROL = Lifecycle(
    "control",
    {
        (ControlState.DUE, Action.TRADE_VERIFY): ControlState.VERIFIED,
        (ControlState.DUE, Action.TRADE_RETURN): ControlState.RETURNED,
        (ControlState.DUE, Action.REQUEST_APPROVE): ControlState.CANCELLED,
        # The trader's act writes no row of the back office: a newer version of the deal is due by itself.
        (ControlState.RETURNED, Action.TRADE_RESUBMIT): ControlState.DUE,
        (ControlState.RETURNED, Action.REQUEST_APPROVE): ControlState.CANCELLED,
        (ControlState.VERIFIED, Action.REQUEST_APPROVE): ControlState.CANCELLED,
        # An approved amendment: what is known as the act of the front office's own account that follows it.
        (ControlState.DUE, Action.TRADE_AMEND): ControlState.SUPERSEDED,
        (ControlState.VERIFIED, Action.TRADE_AMEND): ControlState.SUPERSEDED,
        (ControlState.VERIFIED, Action.SETTLEMENT_RELEASE): ControlState.SETTLING,
        (ControlState.SETTLING, Action.SETTLEMENT_RELEASE): ControlState.SETTLING,
    },
)


class RequestState(StrEnum):
    """Where a request of trading stands."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"


REQUEST = Lifecycle(
    "request",
    {
        (RequestState.OPEN, Action.REQUEST_APPROVE): RequestState.APPROVED,
        (RequestState.OPEN, Action.REQUEST_REFUSE): RequestState.REFUSED,
    },
)


def state_in_force(stored: str, stored_version: int, version: int) -> ControlState:
    """Return what the back office's row means for a deal at ``version``: a corrected or amended deal is due again."""
    state = ControlState(stored)
    if stored_version != version and state in (ControlState.RETURNED, ControlState.SUPERSEDED):
        return ControlState.DUE
    return state
