"""Money moves in four hands: one prepares, another releases, a third attests what became of it."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.confirmations.lifecycle import ConfirmationState
from service.confirmations.queries import confirmation_of
from service.confirmations.standing import UNDONE, is_past, must_be_undone
from service.control.holding import hold_trade, mark_settling, must_be_verified
from service.control.model import TradeControl
from service.control.pairing import must_have_both_legs
from service.gate import use_case
from service.kernel.errors import NotFound, Refusal
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.limits.reserving import give_back
from service.parties.model import Instruction
from service.parties.queries import instruction_for
from service.settlement.lifecycle import SETTLEMENT, SettlementState
from service.settlement.model import Settlement
from service.settlement.queries import route_view, view
from service.trades.deals.deal import cash_flows
from service.trades.model import Trade
from service.trades.queries import open_request
from service.trades.versions import terms_of
from service.work.model import WorkItem
from service.work.queries import waits
from service.work.worker import Handlers


class NotMatched(Refusal):
    """409. The counterparty has not agreed to the deal in writing; no money moves for it."""

    rule = "SET-05"


class NoInstruction(Refusal):
    """409. No approved payment route of the counterparty exists for this currency."""

    rule = "X07"


class AlreadyPrepared(Refusal):
    """409. The leg is prepared on the payment route in force; another person releases it."""


class InstructionReplaced(Refusal):
    """409. The payment route was replaced after the leg was prepared on it."""

    rule = "SET-17"


class ChangeUndecided(Refusal):
    """409. Trading asked for a change of the deal; no money moves before it is decided."""

    rule = "SET-19"


class BeforeValueDate(Refusal):
    """409. Nothing settles before its value date."""


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


class CompleteLeg(Command, frozen=True, kw_only=True):
    """Attest that a released leg settled."""

    settlement_id: UUID
    version: int


class FailLeg(Command, frozen=True, kw_only=True):
    """Attest that a released leg failed, and why."""

    settlement_id: UUID
    version: int
    reason: Reason


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
    agreed = {ConfirmationState.MATCHED}
    if control.state in UNDONE:
        agreed.add(ConfirmationState.WITHDRAWN)
    if confirmation is None or confirmation.state not in agreed:
        raise NotMatched("The deal's confirmation is not matched.")
    terms = await terms_of(session, trade_id, control.version)
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
                state=SettlementState.PROJECTED,
            )
        )
        for flow in cash_flows(terms)
    ]
    for leg in legs:
        attempt.open_item(Item.PREPARE, leg, trade_id=trade_id, version=leg.version)
    return await answered(attempt, trade_id, legs, 201)


@use_case(Action.SETTLEMENT_PREPARE)
async def prepare_leg(attempt: Attempt, command: PrepareLeg) -> Changed:
    """The route comes from approved master data alone, for what we receive as for what we pay (SET-17)."""
    session = attempt.session
    control, leg = await held(attempt, command.settlement_id, command.version)
    await attempt.admit(leg.trade_id, related=[("settlement", leg.id)])
    must_be_verified(control, leg.version)
    state = after(attempt, leg)
    terms = await terms_of(session, leg.trade_id, leg.version)
    route = await instruction_for(session, terms.counterparty_id, leg.currency)
    if route is None:
        raise NoInstruction(
            f"The counterparty has no approved settlement instruction for {leg.currency}; master data must add one."
        )
    if leg.state == SettlementState.PREPARED and leg.instruction_id == route.id:
        raise AlreadyPrepared(
            "The leg is prepared on the payment route in force; another person releases it."
        )
    why = f"approved last of the counterparty's settlement instructions for {leg.currency}, and so in force"
    attempt.change(leg, state=state, instruction_id=route.id, prepared_by=attempt.actor.account)
    attempt.note(instruction=route.id, proposal=route.proposal_id, why=why)
    for finished in (Item.PREPARE, Item.RELEASE):
        attempt.close_item(finished, leg.id)
    attempt.open_item(Item.RELEASE, leg, trade_id=leg.trade_id, version=leg.version)
    await session.flush()
    return Changed(view(leg) | {"route": route_view(route) | {"why": why}})


@use_case(Action.SETTLEMENT_RELEASE)
async def release_leg(attempt: Attempt, command: ReleaseLeg) -> Changed:
    """A second person lets the money go, and neither of the two made the deal, its change or the route."""
    control, leg = await held(attempt, command.settlement_id, command.version)
    rests_on = [("settlement", leg.id)]
    route = None if leg.instruction_id is None else await attempt.session.get(Instruction, leg.instruction_id)
    if route is not None:
        rests_on += [("instruction", route.id), ("proposal", route.proposal_id)]
    await attempt.admit(leg.trade_id, related=rests_on)
    must_be_verified(control, leg.version)
    state = after(attempt, leg)
    assert route is not None, "a prepared leg has a payment route"
    confirmation = await confirmation_of(attempt.session, leg.trade_id, leg.version)
    if confirmation is None or confirmation.state != ConfirmationState.MATCHED:
        raise NotMatched("The deal's confirmation is not matched; no money moves before.")
    current = await instruction_for(attempt.session, route.counterparty_id, leg.currency)
    if current is None or current.id != route.id:
        raise InstructionReplaced(
            "The payment route was replaced after the leg was prepared; it must be prepared anew."
        )
    await must_have_nothing_undecided(attempt.session, leg.trade_id)
    trade = await attempt.session.get_one(Trade, leg.trade_id)
    await must_have_both_legs(attempt.session, trade, both_agreed=True)
    mark_settling(attempt, control)
    attempt.change(leg, state=state, released_by=attempt.actor.account)
    attempt.note(instruction=route.id, proposal=route.proposal_id)
    return await handed_on(attempt, leg, Item.RELEASE, Item.COMPLETE)


@use_case(Action.SETTLEMENT_COMPLETE)
async def complete_leg(attempt: Attempt, command: CompleteLeg) -> Changed:
    """The money arrived or left, on its value date or later; accounting books it."""
    leg = await held_after_release(attempt, command.settlement_id, command.version)
    state = after(attempt, leg)
    if attempt.desk.business_date < leg.value_date:
        raise BeforeValueDate(
            f"The leg is due on {leg.value_date}; the bank's business date is {attempt.desk.business_date}."
        )
    attempt.change(leg, state=state, settled_on=attempt.desk.business_date)
    answer = await handed_on(attempt, leg, Item.COMPLETE, Item.POST_SETTLEMENT)
    await give_back(attempt, leg.trade_id)
    return answer


@use_case(Action.SETTLEMENT_FAIL)
async def fail_leg(attempt: Attempt, command: FailLeg) -> Changed:
    """The money stayed; the leg is prepared anew."""
    leg = await held_after_release(attempt, command.settlement_id, command.version)
    attempt.change(leg, state=after(attempt, leg), failure=command.reason)
    return await handed_on(attempt, leg, Item.COMPLETE, Item.PREPARE, command.reason)


@use_case(Action.SETTLEMENT_WITHDRAW)
async def withdraw_legs(attempt: Attempt, command: WithdrawLegs) -> Changed:
    """A cancelled deal or an amended version moves no money; what was projected or prepared for it is taken back."""
    trade_id = command.trade_id
    attempt.concerns(trade_id)
    must_be_undone(await hold_trade(attempt, trade_id), command.version)
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
        attempt.change(leg, state=after(attempt, leg))
        attempt.close_item(Item.PREPARE, leg.id)
        attempt.close_item(Item.RELEASE, leg.id)
    attempt.close_item(Item.WITHDRAW_SETTLEMENT, trade_id)
    return await answered(attempt, trade_id, legs)


async def must_have_nothing_undecided(session: AsyncSession, trade_id: UUID) -> None:
    """Raise ChangeUndecided while the back office has a request about the deal to decide."""
    if await open_request(session, trade_id) is not None:
        raise ChangeUndecided("Trading asked for a change of this deal; decide that first.")


async def held(attempt: Attempt, settlement_id: UUID, seen: int) -> tuple[TradeControl, Settlement]:
    """Lock the deal and then its leg. Raises NotFound or StaleVersion."""
    trade_id = await attempt.session.scalar(select(Settlement.trade_id).where(Settlement.id == settlement_id))
    if trade_id is None:
        raise NotFound("settlement")
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    return control, await locked(attempt, Settlement, settlement_id, seen=seen)


async def held_after_release(attempt: Attempt, settlement_id: UUID, seen: int) -> Settlement:
    """Lock a leg for somebody who may attest what became of it. Raises KeptApart as well."""
    _, leg = await held(attempt, settlement_id, seen)
    await attempt.admit(leg.trade_id, related=[("settlement", leg.id)])
    return leg


def after(attempt: Attempt, leg: Settlement) -> SettlementState:
    """Return the state the attempted act leads to. Raises IllegalTransition."""
    return SETTLEMENT.after(SettlementState(leg.state), attempt.action)


async def handed_on(
    attempt: Attempt, leg: Settlement, done: Item, waits: Item, reason: str | None = None
) -> Changed:
    """Finish one step of the leg, ask for the next and answer with the leg at its new version."""
    attempt.close_item(done, leg.id)
    attempt.open_item(waits, leg, trade_id=leg.trade_id, version=leg.version, reason=reason)
    await attempt.session.flush()
    return Changed(view(leg))


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
