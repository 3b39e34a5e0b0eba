"""Where a deal stands with the back office, for acts that a cancellation does not stop or that it calls for."""

from policies.vocabulary import Action
from service.attempt import ACTS_OF, Attempt
from service.control.holding import NotVerified
from service.control.lifecycle import ControlState
from service.control.model import TradeControl
from service.kernel.errors import Refusal


class DealNotCancelled(Refusal):
    """409. Only what belongs to a cancelled deal is taken back."""


def must_be_cancelled(control: TradeControl | None) -> None:
    """Let an act pass that takes back what a cancelled deal left behind. Raises DealNotCancelled."""
    if control is None or control.state != ControlState.CANCELLED:
        raise DealNotCancelled("The deal is not cancelled; only then is this taken back.")


async def must_have_been_verified(attempt: Attempt, control: TradeControl | None) -> TradeControl:
    """Let an act pass that follows from the verification, even if the deal was cancelled since.

    A deal may be cancelled before anybody verified it; the log's history tells the two apart.
    Raises NotVerified.
    """
    if control is not None and control.state in (ControlState.VERIFIED, ControlState.SETTLING):
        return control
    if control is not None and control.state == ControlState.CANCELLED:
        acts = await attempt.session.execute(ACTS_OF, {"trades": [control.id], "kinds": [], "ids": []})
        if any(act.act == Action.TRADE_VERIFY for act in acts):
            return control
    raise NotVerified
