"""Calls to counterparties about payment routes: made by one person at the number of master data, checked by another."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.errors import Malformed, NotFound, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Name, Reason
from service.parties.model import Instruction
from service.settlement.legs import counterparty_of
from service.settlement.lifecycle import CALL_BACK, CallBackState
from service.settlement.model import CallBack, Settlement
from service.settlement.queries import call_back_view
from service.settlement_rules.queries import rule_book

Number = Annotated[str, msgspec.Meta(pattern=r"\A\+[1-9][0-9 ]{5,24}\Z", description="International form.")]


class NoNumber(Refusal):
    """409. Master data keeps no number at which this counterparty is called."""

    rule = "SET-17"


class WrongNumber(Unprocessable):
    """422. A call counts only at the number that two people of master data put in force, never at one given otherwise."""

    rule = "SET-17"


class NoDeviation(Refusal):
    """409. No route was named for this deal alone; there is nothing to call about."""


class MakeCallBack(Command, frozen=True, kw_only=True):
    """What a counterparty said of its settlement instruction, or of the route named for one leg, and who said it."""

    instruction_id: UUID | None = None
    settlement_id: UUID | None = None
    number: Number
    spoke_to: Name
    outcome: Literal["confirmed", "denied"]
    note: Reason


class CheckCallBack(Command, frozen=True, kw_only=True):
    """A second person compares what was noted of the call with its evidence."""

    call_back_id: UUID
    version: int
    verdict: Literal["confirmed", "rejected"]
    reason: Reason | None = None


@use_case(Action.CALL_BACK_MAKE)
async def make_call_back(attempt: Attempt, command: MakeCallBack) -> Changed:
    """Note the call; whoever made or approved the route does not confirm it as well (D-08)."""
    if (command.instruction_id is None) == (command.settlement_id is None):
        raise Malformed("A call is about an instruction or about one leg.", field="instruction_id")
    if command.instruction_id is not None:
        row, counterparty = await instruction(attempt, command.instruction_id)
        related = [("instruction", row.id), ("proposal", row.proposal_id)]
        subject: Instruction | Settlement = row
    else:
        assert command.settlement_id is not None
        subject, counterparty = await leg_named(attempt, command.settlement_id)
        related = [("settlement", subject.id)]
    await attempt.admit(related=related)
    await must_be_the_number(attempt, counterparty, command.number)
    call = attempt.add(
        CallBack(
            id=uuid7(),
            subject_kind=type(subject).__tablename__,
            subject_id=subject.id,
            counterparty_id=counterparty,
            number=command.number,
            spoke_to=command.spoke_to,
            outcome=command.outcome,
            note=command.note,
            made_by=attempt.actor.account,
            made_at=attempt.now,
            state=CallBackState.MADE.value,
        )
    )
    attempt.close_item(Item.CALL_BACK, subject.id)
    attempt.open_item(Item.CHECK_CALL_BACK, call, reason=command.note)
    return Changed(call_back_view(call) | {"version": 1}, 201)


async def instruction(attempt: Attempt, instruction_id: UUID) -> tuple[Instruction, UUID]:
    """Return an instruction and whose it is. Raises NotFound."""
    row = await attempt.session.get(Instruction, instruction_id)
    if row is None:
        raise NotFound("instruction")
    return row, row.counterparty_id


async def leg_named(attempt: Attempt, settlement_id: UUID) -> tuple[Settlement, UUID]:
    """Return a leg with a route of its own, and whose that is. Raises NotFound or NoDeviation."""
    leg = await attempt.session.scalar(select(Settlement).where(Settlement.id == settlement_id))
    if leg is None:
        raise NotFound("settlement")
    if leg.deviation is None:
        raise NoDeviation("No route was named for this deal alone.")
    attempt.concerns(leg.trade_id)
    return leg, await counterparty_of(attempt.session, leg)


async def must_be_the_number(attempt: Attempt, counterparty: UUID, number: str) -> None:
    """Raise NoNumber or WrongNumber unless it is the number of master data, blanks aside."""
    line = (await rule_book(attempt.session)).call_back(counterparty, attempt.desk.business_date)
    if line is None or line.number is None:
        raise NoNumber("Master data keeps no number at which this counterparty is called; it must add one.")
    if line.number.replace(" ", "") != number.replace(" ", ""):
        raise WrongNumber(
            "This is not the number that master data keeps for the counterparty.", field="number"
        )


@use_case(Action.CALL_BACK_CHECK)
async def check_call_back(attempt: Attempt, command: CheckCallBack) -> Changed:
    """Check the call; whoever made it may not (D-08)."""
    call = await locked(attempt, CallBack, command.call_back_id, seen=command.version, what="call-back")
    await attempt.admit(related=[("call_back", call.id), (call.subject_kind, call.subject_id)])
    state = CALL_BACK.after(CallBackState(call.state), attempt.action)
    if command.verdict == "rejected":
        state = CallBackState.REJECTED
    attempt.change(call, state=state.value, checked_by=attempt.actor.account)
    attempt.note(reason=command.reason)
    attempt.close_item(Item.CHECK_CALL_BACK, call.id)
    if state is CallBackState.REJECTED:
        attempt.open_item_about(Item.CALL_BACK, call.subject_kind, call.subject_id, reason=command.reason)
    await attempt.session.flush()
    return Changed(call_back_view(call))
