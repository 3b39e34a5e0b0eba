"""A transfer is asked for by trading; the back office prepares it, and two of its people sign it or it is refused."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle

REVIEWERS: Final = 2
"""Risk control and accounting: both must accept what exceeds the need (case A-03)."""


class TransferState(StrEnum):
    """Where a transfer stands."""

    REQUESTED = "requested"
    PREPARED = "prepared"
    HELD = "held"  # it exceeds what the booked deals need, or says not what it is for
    ACCEPTED = "accepted"  # held, and accepted by everybody who had to judge it
    RELEASED = "released"
    REFUSED = "refused"


TRANSFER = Lifecycle(
    "transfer",
    {
        (
            TransferState.REQUESTED,
            Action.TRANSFER_PREPARE,
        ): TransferState.PREPARED,  # or held, as the need says
        (TransferState.REQUESTED, Action.TRANSFER_REFUSE): TransferState.REFUSED,
        (TransferState.PREPARED, Action.TRANSFER_RELEASE): TransferState.RELEASED,
        (TransferState.PREPARED, Action.TRANSFER_REFUSE): TransferState.REFUSED,
        (TransferState.HELD, Action.TRANSFER_REVIEW): TransferState.HELD,
        (TransferState.ACCEPTED, Action.TRANSFER_RELEASE): TransferState.RELEASED,
        (TransferState.ACCEPTED, Action.TRANSFER_REFUSE): TransferState.REFUSED,
    },
)


def derived(control: str | None, verdicts: Collection[str]) -> TransferState:
    """Return the state that the back office's row and the verdicts of those who judge it amount to."""
    if control is None:
        return TransferState.REQUESTED
    if control != TransferState.HELD:
        return TransferState(control)
    if "reject" in verdicts:
        return TransferState.REFUSED
    return TransferState.ACCEPTED if len(verdicts) == REVIEWERS else TransferState.HELD
