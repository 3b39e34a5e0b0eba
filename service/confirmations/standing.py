"""Where a deal stands with the back office, for acts that a cancellation does not stop or that it calls for."""

from policies.vocabulary import Action
from service.attempt import ACTS_OF, Attempt
from service.control.holding import NotVerified
from service.control.lifecycle import ControlState
from service.control.model import TradeControl
from service.kernel.errors import Refusal

STANDS = (ControlState.VERIFIED, ControlState.SETTLING)
UNDONE = (ControlState.CANCELLED, ControlState.SUPERSEDED)


class DealStands(Refusal):
    """409. Only what belongs to a cancelled deal or an amended version is taken back."""


def must_be_undone(control: TradeControl | None, version: int) -> None:
    """Let an act pass that takes back what a version left behind that no longer counts. Raises DealStands."""
    if control is not None:
        superseded = control.version > version
        if superseded or (control.version == version and control.state in UNDONE):
            return
    raise DealStands("This version of the deal stands; nothing of it is taken back.")


def is_past(control: TradeControl | None, version: int) -> bool:
    """Tell whether a later version was decided on meanwhile, so that nothing more follows from this one."""
    return control is not None and control.version > version


async def must_have_been_verified(attempt: Attempt, control: TradeControl | None) -> TradeControl:
    """Let an act pass that follows from the verification, even if the deal was cancelled or amended since.

    A deal may be cancelled before anybody verified it; the log's history tells the two apart.
    Raises NotVerified.
    """
    if control is not None and control.state in STANDS:
        return control
    if control is not None and control.state in UNDONE:
        acts = await attempt.session.execute(ACTS_OF, {"trades": [control.id], "kinds": [], "ids": []})
        if any(act.act == Action.TRADE_VERIFY and act.trade_id == control.id for act in acts):
            return control
    raise NotVerified
