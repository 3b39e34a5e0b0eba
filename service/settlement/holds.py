"""What stops a payment and lets it go on: a hold with its reason, and a route that was named for one deal alone."""

from typing import Annotated
from uuid import UUID

import msgspec

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.control.holding import must_be_verified
from service.gate import use_case
from service.kernel.errors import Unprocessable
from service.kernel.identifiers import InvalidIdentifier, check_bic
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.parties.account_numbers import check_account_number
from service.settlement.legs import CallBackMissing, after, handed_on, held_apart, is_confirmed
from service.settlement.nets import leave_net
from service.settlement.paying import must_not_have_left, take_back

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
BEFORE = (Item.PREPARE, Item.RELEASE, Item.COUNTERSIGN)


class WrongRoute(Unprocessable):
    """422. A BIC or account number breaks its own standard: shape or check digits."""


class HoldLeg(Command, frozen=True, kw_only=True):
    """Stop a payment that has not gone, saying why."""

    settlement_id: UUID
    version: int
    reason: Reason


class FreeLeg(Command, frozen=True, kw_only=True):
    """Let a payment go on that another person held; it is prepared anew."""

    settlement_id: UUID
    version: int
    reason: Reason


class DeviateLeg(Command, frozen=True, kw_only=True):
    """Name the route that was agreed for this deal alone; the payment is held until a call confirmed it."""

    settlement_id: UUID
    version: int
    bic: Identifier
    account_number: Identifier
    reason: Reason


@use_case(Action.SETTLEMENT_HOLD)
async def hold_leg(attempt: Attempt, command: HoldLeg) -> Changed:
    """Stop the payment, released or not, as long as its message has not left; somebody else frees it (CSD-02)."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    state = after(attempt, found.leg)
    await leave_net(attempt, found.leg, command.reason)
    await must_not_have_left(attempt, found.leg)
    await take_back(attempt, found.leg)
    attempt.change(found.leg, state=state, hold_reason=command.reason, signed_by=None, net_id=None)
    return await handed_on(attempt, found, (*BEFORE, Item.COMPLETE), Item.FREE, command.reason)


@use_case(Action.SETTLEMENT_DEVIATE)
async def deviate_leg(attempt: Attempt, command: DeviateLeg) -> Changed:
    """A route for one deal alone is never taken on somebody's word: held, called back by two, freed by a third (SET-17)."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    leg = found.leg
    must_be_verified(found.control, leg.version)
    try:
        check_bic(command.bic)
        check_account_number(command.account_number, leg.currency)
    except InvalidIdentifier as invalid:
        raise WrongRoute(f"{invalid}.", field="account_number") from invalid
    route = {"bic": command.bic, "account_number": command.account_number, "reason": command.reason}
    state = after(attempt, leg)
    await leave_net(attempt, leg, command.reason)
    attempt.change(
        leg,
        state=state,
        net_id=None,
        deviation=route,
        hold_reason=command.reason,
        instruction_id=None,
        selection=None,
        signed_by=None,
    )
    attempt.open_item(Item.CALL_BACK, leg, trade_id=leg.trade_id, version=leg.version, reason=command.reason)
    return await handed_on(attempt, found, BEFORE, Item.FREE, command.reason)


@use_case(Action.SETTLEMENT_FREE)
async def free_leg(attempt: Attempt, command: FreeLeg) -> Changed:
    """Whoever neither held nor prepared the payment lets it go on; a route of its own only once it was called back."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    leg = found.leg
    state = after(attempt, leg)
    if leg.deviation is not None and not await is_confirmed(attempt.session, "settlement", leg.id):
        raise CallBackMissing(
            "The route was named for this deal alone: a call to the counterparty at the number of master data must "
            "confirm it, made by one person and checked by another."
        )
    attempt.change(leg, state=state, hold_reason=None)
    attempt.note(reason=command.reason)
    return await handed_on(attempt, found, (Item.FREE,), Item.PREPARE, command.reason)
