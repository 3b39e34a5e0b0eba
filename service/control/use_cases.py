"""The back office verifies deals, returns them, and decides what trading asks for."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.conformity.standing import must_stand_within_the_market
from service.control.lifecycle import CONTROL, REQUEST, ControlState, RequestState, state_in_force
from service.control.model import RequestDecision, TradeControl
from service.control.pairing import must_have_both_legs, must_not_leave_a_paid_leg
from service.gate import use_case
from service.kernel.errors import NotFound, StaleVersion
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.limits.held import must_be_held
from service.limits.reserving import give_back
from service.trades.lifecycle import derived
from service.trades.model import ChangeRequest, Trade

AFTER_VERIFICATION = (Item.DRAFT_CONFIRMATION, Item.POST_TRADE)
UNDOING: tuple[Item, ...] = (Item.WITHDRAW_CONFIRMATION, Item.WITHDRAW_SETTLEMENT, Item.REVERSE)


class VerifyTrade(Command, frozen=True, kw_only=True):
    """A clerk agrees the terms of the version they saw."""

    trade_id: UUID
    version: int


class ReturnTrade(Command, frozen=True, kw_only=True):
    """A clerk sends a deal back to its trader, saying why."""

    trade_id: UUID
    version: int
    reason: Reason


class ApproveRequest(Command, frozen=True, kw_only=True):
    """A clerk grants what trading asked for."""

    request_id: UUID
    version: int
    reason: Reason | None = None


class RefuseRequest(Command, frozen=True, kw_only=True):
    """A clerk turns down what trading asked for, saying why."""

    request_id: UUID
    version: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class AtHand:
    """A deal on the clerk's desk: the deal, the back office's locked row if there is one, its state now."""

    trade: Trade
    control: TradeControl | None
    state: ControlState


@use_case(Action.TRADE_VERIFY)
async def verify_trade(attempt: Attempt, command: VerifyTrade) -> Changed:
    """Agree the terms; whoever entered or corrected them may not (D-01)."""
    at_hand = await take_up(attempt, command.trade_id)
    await attempt.admit(command.trade_id)
    must_be_seen(at_hand.trade.version, command.version)
    await must_stand_within_the_market(attempt.session, at_hand.trade)
    await must_have_both_legs(attempt.session, at_hand.trade)
    await must_be_held(attempt, command.trade_id)
    answer = decide(attempt, at_hand, reason=None)
    for item in AFTER_VERIFICATION:
        attempt.open_item(item, at_hand.trade, trade_id=command.trade_id, version=command.version)
    return answer


@use_case(Action.TRADE_RETURN)
async def return_trade(attempt: Attempt, command: ReturnTrade) -> Changed:
    """Send the deal back to its trader; whoever entered it may not judge this (D-01)."""
    at_hand = await take_up(attempt, command.trade_id)
    await attempt.admit(command.trade_id)
    must_be_seen(at_hand.trade.version, command.version)
    answer = decide(attempt, at_hand, reason=command.reason)
    attempt.open_item(
        Item.CORRECT,
        at_hand.trade,
        trade_id=command.trade_id,
        version=command.version,
        reason=command.reason,
    )
    return answer


@use_case(Action.REQUEST_APPROVE)
async def approve_request(attempt: Attempt, command: ApproveRequest) -> Changed:
    """Cancel or amend the deal as trading asked; neither who asked nor who entered it may decide this (SET-19)."""
    request = await request_at_hand(attempt, command.request_id)
    at_hand = await take_up(attempt, request.trade_id)
    trade = at_hand.trade
    await attempt.admit(request.trade_id, related=[("change_request", request.id)])
    must_be_of_version(request, trade)
    answer = await answer_request(attempt, request, command.version, command.reason or "as requested")
    undo = UNDOING if at_hand.state is ControlState.VERIFIED else ()
    if request.terms is None and not undo and trade.version > 1:  # an earlier version was confirmed, perhaps
        undo = UNDOING[:1]
    if request.terms is None:
        await must_not_leave_a_paid_leg(attempt.session, trade)
        decide(attempt, at_hand, reason=request.reason)
        attempt.open_item(Item.UNWIND, trade, trade_id=trade.id, version=trade.version)
        await attempt.session.flush()
        await give_back(attempt, trade.id)
    else:
        decide(attempt, at_hand, reason=request.reason, through=Action.TRADE_AMEND)
        attempt.open_item(Item.AMEND, request, trade_id=trade.id, version=trade.version)
    for item in undo:
        attempt.open_item(item, trade, trade_id=trade.id, version=trade.version)
    return answer


@use_case(Action.REQUEST_REFUSE)
async def refuse_request(attempt: Attempt, command: RefuseRequest) -> Changed:
    """Leave the deal as it is; neither who asked nor who entered it may decide this (SET-19)."""
    request = await request_at_hand(attempt, command.request_id)
    await attempt.admit(request.trade_id, related=[("change_request", request.id)])
    return await answer_request(attempt, request, command.version, command.reason)


async def take_up(attempt: Attempt, trade_id: UUID) -> AtHand:
    """Return the deal with the back office's own row locked. Raises NotFound.

    Two clerks at once: with a row, one waits for the other and sees its outcome; without one, both try to
    write the first row and the unique key lets one of them through.
    """
    control = await attempt.session.scalar(
        select(TradeControl).where(TradeControl.id == trade_id).with_for_update()
    )
    trade = await attempt.session.scalar(select(Trade).where(Trade.id == trade_id))
    if trade is None:
        raise NotFound("trade")
    attempt.concerns(trade.id)
    if control is None:
        return AtHand(trade, None, ControlState.DUE)
    return AtHand(trade, control, state_in_force(control.state, control.version, trade.version))


def must_be_seen(version: int, seen: int) -> None:
    """Raise StaleVersion unless the clerk looked at what is in force."""
    if version != seen:
        sentence = f"You saw version {seen}; it is at version {version} now. Look again."
        raise StaleVersion(sentence, field="version")


def must_be_of_version(request: ChangeRequest, trade: Trade) -> None:
    """Raise StaleVersion if the deal has moved on since trading asked."""
    if request.trade_version != trade.version:
        sentence = f"Trading asked about version {request.trade_version}; the deal is at {trade.version} now. Refuse it."
        raise StaleVersion(sentence, field="version")


def decide(
    attempt: Attempt, at_hand: AtHand, *, reason: str | None, through: Action | None = None
) -> Changed:
    """Write what the act makes of the deal, and finish the own office's item. Raises IllegalTransition.

    ``through``: the act whose transition this one makes, where it is another.
    """
    trade, control = at_hand.trade, at_hand.control
    state = CONTROL.after(at_hand.state, through or attempt.action)
    if control is None:
        attempt.add(TradeControl(id=trade.id, version=trade.version, state=state.value, reason=reason))
    else:
        attempt.change(control, version=trade.version, state=state.value, reason=reason)
    attempt.close_item(Item.VERIFY, trade.id)
    return Changed(
        {
            "id": str(trade.id),
            "deal_number": trade.number,
            "version": trade.version,
            "state": derived(trade.version, state.value, trade.version).value,
            "control": {"state": state.value, "version": trade.version, "reason": reason},
        }
    )


async def request_at_hand(attempt: Attempt, request_id: UUID) -> ChangeRequest:
    """Return a request of trading. Raises NotFound."""
    request = await attempt.session.scalar(select(ChangeRequest).where(ChangeRequest.id == request_id))
    if request is None:
        raise NotFound("request")
    attempt.concerns(request.trade_id)
    return request


async def answer_request(attempt: Attempt, request: ChangeRequest, seen: int, reason: str) -> Changed:
    """Write the decision, once for ever. Raises StaleVersion, or IllegalTransition if it is decided already."""
    must_be_seen(request.rev, seen)
    outcome = await attempt.session.scalar(
        select(RequestDecision.outcome).where(RequestDecision.request_id == request.id)
    )
    state = REQUEST.after(RequestState(outcome or RequestState.OPEN), attempt.action)
    attempt.add(
        RequestDecision(
            id=uuid7(), request_id=request.id, trade_id=request.trade_id, outcome=state.value, reason=reason
        )
    )
    attempt.close_item(Item.DECIDE, request.id)
    facts = {"id": str(request.id), "version": request.rev, "trade": str(request.trade_id)}
    return Changed(facts | {"request": request.request, "state": state.value, "reason": reason})
