"""What a deal's state is to everybody: derived from what the back office says about its version in force."""

from enum import StrEnum


class TradeState(StrEnum):
    """The state of a deal as answers show it."""

    CAPTURED = "captured"
    RETURNED = "returned"
    VERIFIED = "verified"
    CANCELLED = "cancelled"


BY_CONTROL = {
    "returned": TradeState.RETURNED,
    "verified": TradeState.VERIFIED,
    "settling": TradeState.VERIFIED,
}
"""What the back office's own state of a deal's version in force makes of the deal; any other one: captured."""


def derived(version: int, control_state: str | None, control_version: int | None) -> TradeState:
    """Return the state of a deal at ``version``; a cancellation holds whatever version it was decided on."""
    if control_state == TradeState.CANCELLED:
        return TradeState.CANCELLED
    if control_state is None or control_version != version:
        return TradeState.CAPTURED
    return BY_CONTROL.get(control_state, TradeState.CAPTURED)
