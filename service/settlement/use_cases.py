"""Money moves in four hands: one prepares, another releases, above an amount a third signs as well, a last attests."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.confirmations.lifecycle import AGREED, ConfirmationState
from service.confirmations.queries import confirmation_of
from service.confirmations.standing import UNDONE, is_past, must_be_undone
from service.control.holding import hold_trade, mark_settling, must_be_verified
from service.gate import use_case
from service.kernel.calendar import is_business_day, next_business_day
from service.kernel.errors import Refusal
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import AMOUNT_PATTERN, parse_amount
from service.kernel.texts import Reason
from service.parties.model import Instruction
from service.settlement.legs import (
    Held,
    NotMatched,
    after,
    ask_for,
    counterparty_of,
    handed_on,
    held,
    held_apart,
    is_confirmed,
    is_fresh,
    is_late,
    made_at,
    must_be_ready,
    takes_two,
)
from service.settlement.lifecycle import SettlementState
from service.settlement.model import Net, Settlement
from service.settlement.nets import leave_net, let_net_go, must_be_composed, must_be_free, net_of
from service.settlement.outcomes import NARRATIVE, completed, failed, partly, returned
from service.settlement.paying import order_payment
from service.settlement.queries import payment_view, route_of, view
from service.settlement.selection import RULE, Deviation, Selection, Standing, selected
from service.settlement_rules.book import RuleBook, desk_instant
from service.settlement_rules.queries import rule_book
from service.trades.deals.deal import cash_flows
from service.trades.versions import terms_of
from service.work.model import WorkItem
from service.work.queries import waits
from service.work.worker import Handlers

STANDING_MAX = 50
Amount = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN, description="A decimal string, never a number.")]
Code = Annotated[
    str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9]{3}\Z", description="Four signs, as in ISO 20022.")
]


class NoInstruction(Refusal):
    """409. No approved payment route of the counterparty exists for this currency."""

    rule = "X07"


class AlreadyPrepared(Refusal):
    """409. The leg is prepared on the payment route in force; another person releases it."""


class NotLate(Refusal):
    """409. The payment can still go on its day; the back office moves no day that was agreed without need."""

    rule = "CSD-03"


class ProjectFirst(Refusal):
    """409. The legs of this deal are still to be projected; they are withdrawn afterwards."""


class ProjectLegs(Command, frozen=True, kw_only=True):
    """Lay out the two payments of a matched version of a deal."""

    trade_id: UUID
    version: int


class PrepareLeg(Command, frozen=True, kw_only=True):
    """Pick the payment route of a leg."""

    settlement_id: UUID
    version: int


class ReleaseLeg(Command, frozen=True, kw_only=True):
    """Let a prepared leg go."""

    settlement_id: UUID
    version: int


class CountersignLeg(Command, frozen=True, kw_only=True):
    """Let a leg go that another person signed before."""

    settlement_id: UUID
    version: int


class PostponeLeg(Command, frozen=True, kw_only=True):
    """Decide that a late payment goes on the next day."""

    settlement_id: UUID
    version: int
    reason: Reason


class CompleteLeg(Command, frozen=True, kw_only=True):
    """Attest that a released leg settled."""

    settlement_id: UUID
    version: int


class PartLeg(Command, frozen=True, kw_only=True):
    """Attest that a part of a released leg settled."""

    settlement_id: UUID
    version: int
    amount: Amount


class FailLeg(Command, frozen=True, kw_only=True):
    """Attest that a released leg failed, and why."""

    settlement_id: UUID
    version: int
    reason: Reason
    code: Code = NARRATIVE


class ReturnLeg(Command, frozen=True, kw_only=True):
    """Attest that the money of a leg came back, and why."""

    settlement_id: UUID
    version: int
    reason: Reason
    code: Code = NARRATIVE


class WithdrawLegs(Command, frozen=True, kw_only=True):
    """Take back the legs of a version of a deal that no longer counts."""

    trade_id: UUID
    version: int


@use_case(Action.SETTLEMENT_PROJECT)
async def project_legs(attempt: Attempt, command: ProjectLegs) -> Changed:
    """Both legs come from the terms that were matched; one cancelled meanwhile gets legs to withdraw."""
    session, trade_id = attempt.session, command.trade_id
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    attempt.close_item(Item.PROJECT, trade_id)
    if is_past(control, command.version):
        return Changed({"trade": str(trade_id), "settlements": []})
    confirmation = await confirmation_of(session, trade_id, control.version)
    agreed = set(AGREED)
    if control.state in UNDONE:
        agreed.add(ConfirmationState.WITHDRAWN)
    if confirmation is None or confirmation.state not in agreed:
        raise NotMatched("The deal's confirmation is not matched.")
    terms = await terms_of(session, trade_id, control.version)
    await tell_moved_dates(attempt, trade_id, control.version)
    book = await rule_book(session)
    legs = [
        attempt.add(
            Settlement(
                id=uuid7(),
                trade_id=trade_id,
                version=control.version,
                leg=flow.leg,
                currency=flow.currency,
                amount=flow.amount,
                value_date=flow.value_date,
                pay_on=flow.value_date,
                paid=Decimal(0),
                state=SettlementState.PROJECTED,
            )
        )
        for flow in cash_flows(terms)
    ]
    for leg in legs:
        ask_for(attempt, Held(control, leg, book), Item.PREPARE)
    return await answered(attempt, trade_id, legs, 201)


async def tell_moved_dates(attempt: Attempt, trade_id: UUID, version: int) -> None:
    """Tell in the entry which settlement dates an amendment moved: what those who watch for clusters count (CSD-03)."""
    if version == 1:
        return
    before, now = [
        {flow.leg: flow.value_date for flow in cash_flows(await terms_of(attempt.session, trade_id, number))}
        for number in (version - 1, version)
    ]
    moved = {
        leg: {"from": before[leg], "to": day}
        for leg, day in now.items()
        if leg in before and before[leg] != day
    }
    if moved:
        attempt.note(settlement_dates_moved=moved)


@use_case(Action.SETTLEMENT_PREPARE)
async def prepare_leg(attempt: Attempt, command: PrepareLeg) -> Changed:
    """The route comes from approved master data, for what we receive as for what we pay, and says why (SET-17)."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    leg = found.leg
    must_be_verified(found.control, leg.version)
    state = after(attempt, leg)
    selection = await select_route(attempt.session, leg)
    chosen = selection.chosen
    if chosen is None:
        raise NoInstruction(
            f"The counterparty has no approved settlement instruction for {leg.currency}; master data must add one."
        )
    await must_be_free(attempt, leg)
    prepared = leg.state in (SettlementState.PREPARED, SettlementState.SIGNED) and leg.net_id is None
    if prepared and leg.instruction_id == chosen.instruction:
        raise AlreadyPrepared(
            "The leg is prepared on the payment route in force; another person releases it."
        )
    told = selection.view(leg.currency)
    why = next(one["sentence"] for one in told if one["chosen"])
    attempt.change(
        leg,
        state=state,
        instruction_id=chosen.instruction,
        selection=told,
        prepared_by=attempt.actor.account,
        signed_by=None,
        net_id=None,
    )
    route = (
        None if chosen.instruction is None else await attempt.session.get_one(Instruction, chosen.instruction)
    )
    attempt.note(
        instruction=chosen.instruction,
        proposal=None if route is None else route.proposal_id,
        why=why,
        route_rule=RULE,
    )
    await ask_for_call_back(attempt, found)
    await handed_on(attempt, found, (Item.PREPARE, Item.RELEASE, Item.COUNTERSIGN), Item.RELEASE)
    return Changed(view(leg) | {"route": route_of(leg, route) | {"why": why}})


async def select_route(session: AsyncSession, leg: Settlement) -> Selection:
    """Return which route is taken, from all that could be, and why."""
    counterparty = await counterparty_of(session, leg)
    standing = await session.scalars(
        select(Instruction.id)
        .where(Instruction.counterparty_id == counterparty, Instruction.currency == leg.currency)
        .order_by(Instruction.id.desc())
        .limit(STANDING_MAX)
    )
    deviation = None
    if leg.deviation is not None:
        deviation = Deviation(confirmed=await is_confirmed(session, "settlement", leg.id))
    return selected([Standing(one, made_at(one)) for one in standing], deviation)


async def ask_for_call_back(attempt: Attempt, found: Held) -> None:
    """Ask for the call to the counterparty where the route is fresh and nobody made one yet."""
    instruction = found.leg.instruction_id
    if instruction is None or not await is_fresh(attempt, found.book, instruction):
        return
    if await is_confirmed(attempt.session, "instruction", instruction):
        return
    for item in (Item.CALL_BACK, Item.CHECK_CALL_BACK):
        if await waits(attempt.session, item, instruction):
            return
    attempt.open_item_about(Item.CALL_BACK, "instruction", instruction, reason=found.leg.currency)


@use_case(Action.SETTLEMENT_RELEASE)
async def release_leg(attempt: Attempt, command: ReleaseLeg) -> Changed:
    """A second person lets the money go, or signs first of two where the amount asks for it (D-04)."""
    found = await held_to_release(attempt, command.settlement_id, command.version)
    leg = found.leg
    must_be_verified(found.control, leg.version)
    state = after(attempt, leg)
    await must_be_ready(attempt, found)
    if (net := await net_of(attempt, leg)) is not None:
        must_be_composed(net)
    if await takes_two(attempt, found, net):
        attempt.change(leg, state=SettlementState.SIGNED, signed_by=attempt.actor.account)
        return await handed_on(attempt, found, (Item.RELEASE,), Item.COUNTERSIGN)
    return await let_go(attempt, found, state, net)


@use_case(Action.SETTLEMENT_COUNTERSIGN)
async def countersign_leg(attempt: Attempt, command: CountersignLeg) -> Changed:
    """A third person signs what one prepared and another signed before, and lets the money go (D-04)."""
    found = await held_to_release(attempt, command.settlement_id, command.version)
    must_be_verified(found.control, found.leg.version)
    state = after(attempt, found.leg)
    await must_be_ready(attempt, found)
    if (net := await net_of(attempt, found.leg)) is not None:
        must_be_composed(net)
    return await let_go(attempt, found, state, net)


async def held_to_release(attempt: Attempt, settlement_id: UUID, seen: int) -> Held:
    """Lock a leg for somebody who had no hand in it, its deal's change, or the making of its route."""
    found = await held(attempt, settlement_id, seen)
    leg = found.leg
    rests_on = [("settlement", leg.id)]
    if leg.instruction_id is not None:
        route = await attempt.session.get_one(Instruction, leg.instruction_id)
        rests_on += [("instruction", route.id), ("proposal", route.proposal_id)]
        attempt.note(instruction=route.id, proposal=route.proposal_id)
    await attempt.admit(leg.trade_id, related=rests_on)
    return found


async def let_go(attempt: Attempt, found: Held, state: SettlementState, net: Net | None) -> Changed:
    """Let the money go, a net with its last leg; from here on the deal cannot be cancelled."""
    mark_settling(attempt, found.control)
    done = (Item.RELEASE, Item.COUNTERSIGN, Item.POSTPONE)
    if net is None:
        attempt.change(found.leg, state=state, released_by=attempt.actor.account)
        payment = await order_payment(attempt, found.leg)
        told = await handed_on(attempt, found, done, Item.COMPLETE)
    else:
        attempt.change(found.leg, state=SettlementState.NETTED, released_by=attempt.actor.account)
        payment = await let_net_go(attempt, net, found.leg, found.book)
        told = await handed_on(attempt, found, done, None)
    return Changed(dict(told.answer) | {"payment": None if payment is None else payment_view(payment)})


@use_case(Action.SETTLEMENT_POSTPONE)
async def postpone_leg(attempt: Attempt, command: PostponeLeg) -> Changed:
    """Whoever releases decides that a late payment goes on the next day it can; the agreed day stays told (X18)."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    leg = found.leg
    state = after(attempt, leg)
    if not is_late(leg, found.book, attempt.desk):
        raise NotLate(f"This payment can still go on {leg.pay_on}.")
    day = next_day(found.book, leg, attempt.desk.business_date, attempt)
    await leave_net(attempt, leg, command.reason)
    attempt.change(leg, state=state, pay_on=day, failure=command.reason, signed_by=None, net_id=None)
    if leg.state == SettlementState.PREPARED:
        for item in (Item.RELEASE, Item.COUNTERSIGN):
            attempt.close_item(item, leg.id)
        ask_for(attempt, found, Item.RELEASE, command.reason)
    return await handed_on(attempt, found, (Item.POSTPONE,), None)


def next_day(book: RuleBook, leg: Settlement, today: date, attempt: Attempt) -> date:
    """Return the first day after the missed one on which the currency can still be paid."""
    cut_off = book.cut_off(leg.currency, today)
    still_open = cut_off is None or desk_instant(today, attempt.desk.clock) <= cut_off
    if today > leg.pay_on and still_open and is_business_day(today, leg.currency):
        return today
    return next_business_day(today, leg.currency)


@use_case(Action.SETTLEMENT_COMPLETE)
async def complete_leg(attempt: Attempt, command: CompleteLeg) -> Changed:
    """The money arrived or left, on its value date or later; accounting books it."""
    return await completed(attempt, await held_apart(attempt, command.settlement_id, command.version))


@use_case(Action.SETTLEMENT_PART)
async def part_leg(attempt: Attempt, command: PartLeg) -> Changed:
    """A part of the money arrived or left; the rest stays due."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    return await partly(attempt, found, parse_amount(command.amount))


@use_case(Action.SETTLEMENT_FAIL)
async def fail_leg(attempt: Attempt, command: FailLeg) -> Changed:
    """The money stayed; the leg is prepared anew."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    return await failed(attempt, found, command.code, command.reason)


@use_case(Action.SETTLEMENT_RETURN)
async def return_leg(attempt: Attempt, command: ReturnLeg) -> Changed:
    """The money came back; the books follow, and the leg is prepared anew."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    return await returned(attempt, found, command.code, command.reason)


@use_case(Action.SETTLEMENT_WITHDRAW)
async def withdraw_legs(attempt: Attempt, command: WithdrawLegs) -> Changed:
    """A cancelled deal or an amended version moves no money; what was projected or prepared for it is taken back."""
    trade_id = command.trade_id
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    must_be_undone(control, command.version)
    if await waits(attempt.session, Item.PROJECT, trade_id, version=command.version):
        raise ProjectFirst("The legs of this deal are still to be projected.")
    found = await attempt.session.scalars(
        select(Settlement)
        .where(
            Settlement.trade_id == trade_id,
            Settlement.version <= command.version,
            Settlement.state != SettlementState.WITHDRAWN,
        )
        .order_by(Settlement.id)
        .with_for_update()
    )
    legs = list(found)
    for leg in legs:
        await leave_net(attempt, leg, f"the deal of a leg is {control.state}")
        attempt.change(leg, state=after(attempt, leg), net_id=None)
        for item in (Item.PREPARE, Item.RELEASE, Item.COUNTERSIGN, Item.FREE, Item.POSTPONE, Item.CALL_BACK):
            attempt.close_item(item, leg.id)
    attempt.close_item(Item.WITHDRAW_SETTLEMENT, trade_id)
    return await answered(attempt, trade_id, legs)


async def answered(attempt: Attempt, trade_id: UUID, legs: list[Settlement], status: int = 200) -> Changed:
    """Answer with the legs of one deal at their new versions."""
    await attempt.session.flush()
    return Changed({"trade": str(trade_id), "settlements": [view(leg) for leg in legs]}, status)


def _version(item: WorkItem) -> int:
    assert item.version is not None, "work that follows from a deal names its version"
    return item.version


AUTOMATIC: Handlers = {
    Item.PROJECT: lambda item: (
        project_legs,
        ProjectLegs(trade_id=item.subject_id, version=_version(item)),
    ),
    Item.WITHDRAW_SETTLEMENT: lambda item: (
        withdraw_legs,
        WithdrawLegs(trade_id=item.subject_id, version=_version(item)),
    ),
}
"""How the back office's own account does what waits for it here."""
