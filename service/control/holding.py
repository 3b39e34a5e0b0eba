"""The back office's hold on a deal, for its own later acts: lock it, ask whether it is verified, begin to settle."""

from uuid import UUID

from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt
from service.control.lifecycle import CONTROL, ControlState
from service.control.model import TradeControl
from service.kernel.errors import IllegalTransition


class NotVerified(IllegalTransition):
    """409. The back office has not verified this version of the deal, so nothing follows from it."""

    def __init__(self) -> None:
        super().__init__("The back office has not verified this version of the deal.")


async def hold_trade(attempt: Attempt, trade_id: UUID) -> TradeControl:
    """Return the back office's row of a deal, locked until the act ends, whatever its state.

    All acts of the back office on one deal that take this lock happen one after the other.
    Raises NotVerified if the back office has said nothing about the deal yet.
    """
    control = await attempt.session.scalar(
        select(TradeControl).where(TradeControl.id == trade_id).with_for_update()
    )
    if control is None:
        raise NotVerified
    return control


def must_be_verified(control: TradeControl, version: int) -> None:
    """Raise NotVerified unless this version of the deal is verified or settling."""
    states = (ControlState.VERIFIED, ControlState.SETTLING)
    if control.version != version or control.state not in states:
        raise NotVerified


def mark_settling(attempt: Attempt, control: TradeControl) -> None:
    """Note that money of the deal was released; from here on it cannot be cancelled.

    Raises IllegalTransition if the deal is not verified, for instance cancelled meanwhile.
    """
    state = CONTROL.after(ControlState(control.state), Action.SETTLEMENT_RELEASE)
    if control.state != state:
        attempt.change(control, state=state.value)
