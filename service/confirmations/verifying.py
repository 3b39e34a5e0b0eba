"""What happens when a counterparty stays silent: reminders, the agreed meaning of silence, verification otherwise."""

from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.confirmations.deadlines import CHASED_AFTER, HEARD_BEFORE, business_days_after, chase_steps
from service.confirmations.lifecycle import CONFIRMATION, SUBSTITUTE, ConfirmationState, SubstituteState
from service.confirmations.model import Confirmation, SubstituteVerification
from service.confirmations.queries import heard_in_own_words, substitute_view, transmission_view, view
from service.confirmations.receiving import agreed, follow, held_for_answer
from service.confirmations.sending import delivered_on, must_have_channel, queue
from service.confirmations.writing import reminder
from service.gate import use_case
from service.kernel.errors import IllegalTransition, NotFound, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Name, Reason
from service.parties.lifecycle import AgreementState
from service.parties.model import ConfirmationChannel
from service.parties.queries import agreement_of, counterparty_by
from service.trades.versions import version_of

Way = Literal["call_back", "custodian_statement", "trade_repository", "cash_receipt"]
ESCALATED: Final = {CHASED_AFTER[1]: Item.EXAMINE_ALERT, CHASED_AFTER[2]: Item.REVIEW_ALERT}
"""Who is told with which reminder: the back office's own head, then compliance with the list of the unconfirmed."""


class NotYet(IllegalTransition):
    """409. The day for this has not come."""

    rule = "SET-06"


class AnsweredAlready(IllegalTransition):
    """409. The counterparty has spoken; what it says is matched."""

    rule = "SET-06"


class SilenceSaysNothing(Refusal):
    """409. No clause, no period that is over, no agreement in force, or a new counterparty: silence is no agreement."""

    rule = "SET-09"


class ContactNotFromMasterData(Unprocessable):
    """422. A call-back goes to the number of the counterparty's control desk in master data and to no other."""

    rule = "SET-07"


class ChaseConfirmation(Command, frozen=True, kw_only=True):
    """Remind a counterparty; ``step``: business days after the trade date."""

    confirmation_id: UUID
    version: int
    step: int


class DeemConfirmation(Command, frozen=True, kw_only=True):
    """Take the counterparty's silence for its word, as the agreement says."""

    confirmation_id: UUID
    version: int


class ProposeSubstitute(Command, frozen=True, kw_only=True):
    """How a deal was verified in another way: by which way, with whom, what was said."""

    confirmation_id: UUID
    version: int
    way: Way
    contact: Name
    said: Annotated[str, msgspec.Meta(min_length=10, max_length=500)]


class ApproveSubstitute(Command, frozen=True, kw_only=True):
    """A second person agrees that this shows existence and content of the deal."""

    substitute_id: UUID
    version: int


class RefuseSubstitute(Command, frozen=True, kw_only=True):
    """A second person sees no proof in it."""

    substitute_id: UUID
    version: int
    reason: Reason


@use_case(Action.CONFIRMATION_CHASE)
async def chase_confirmation(attempt: Attempt, command: ChaseConfirmation) -> Changed:
    """Remind a counterparty that has not answered; the later reminders go higher in the house too (SET-06)."""
    confirmation = await awaited(attempt, command.confirmation_id, command.version)
    terms = await version_of(attempt.session, confirmation.trade_id, confirmation.version)
    due = chase_steps(terms.trade_date, attempt.desk.business_date)
    if command.step not in CHASED_AFTER or command.step not in due:
        raise NotYet("This reminder is not due yet.")
    channel = await must_have_channel(attempt, terms.counterparty_id)
    sent = await delivered_on(attempt, confirmation.id)
    reference, traded = str(confirmation.ours["reference"]), terms.trade_date.isoformat()
    text = reminder(reference, traded, sent, command.step, channel.language)
    row = await queue(attempt, confirmation, channel, text, purpose="chaser", step=command.step)
    if (item := ESCALATED.get(command.step)) is not None:
        reason = f"unconfirmed_{command.step}_days"
        attempt.open_item(
            item, row, trade_id=confirmation.trade_id, version=confirmation.version, reason=reason
        )
    await attempt.session.flush()
    return Changed(transmission_view(row), 201)


@use_case(Action.CONFIRMATION_DEEM)
async def deem_confirmation(attempt: Attempt, command: DeemConfirmation) -> Changed:
    """Mark a confirmation as deemed: only by clause and period of a cleared agreement in force (SET-09)."""
    confirmation = await awaited(attempt, command.confirmation_id, command.version)
    state = CONFIRMATION.after(ConfirmationState(confirmation.state), attempt.action)
    terms = await version_of(attempt.session, confirmation.trade_id, confirmation.version)
    channel = await must_have_channel(attempt, terms.counterparty_id)
    await must_mean_something(attempt, channel, confirmation)
    way = agreed(attempt, "deemed", clause=channel.deemed_clause, agreement=str(channel.agreement_id))
    attempt.change(confirmation, state=state.value, agreed_by=way)
    await follow(attempt, confirmation)
    await attempt.session.flush()
    return Changed(view(confirmation))


async def must_mean_something(
    attempt: Attempt, channel: ConfirmationChannel, confirmation: Confirmation
) -> None:
    """Raise SilenceSaysNothing unless the agreement takes this silence for agreement."""
    if channel.deemed_days is None or channel.agreement_id is None:
        raise SilenceSaysNothing("No agreement with this counterparty takes silence for its word.")
    today = attempt.desk.business_date
    agreement = await agreement_of(attempt.session, channel.agreement_id)
    if (
        agreement is None
        or agreement.state != AgreementState.CLEARED
        or not agreement.valid_from <= today <= (agreement.valid_to or today)
    ):
        raise SilenceSaysNothing("The agreement with this clause is not in force.")
    sent = await delivered_on(attempt, confirmation.id)
    if sent is None or business_days_after(sent, channel.deemed_days) >= today:
        raise SilenceSaysNothing("The agreed period is not over: it begins when our confirmation has gone.")
    heard = await heard_in_own_words(attempt.session)
    if heard.get(str(confirmation.ours["their_lei"]), 0) < HEARD_BEFORE:
        raise SilenceSaysNothing(
            "The counterparty is new: it has not confirmed enough deals in its own words."
        )


@use_case(Action.SUBSTITUTE_PROPOSE)
async def propose_substitute(attempt: Attempt, command: ProposeSubstitute) -> Changed:
    """Say how a deal was seen to stand without a counter-confirmation; another person agrees or does not (SET-07)."""
    confirmation = await awaited(attempt, command.confirmation_id, command.version)
    CONFIRMATION.after(ConfirmationState(confirmation.state), Action.SUBSTITUTE_APPROVE)
    counterparty = await counterparty_by(attempt.session, str(confirmation.ours["their_lei"]))
    assert counterparty is not None, "a confirmed deal has a counterparty in force"
    channel = await must_have_channel(attempt, counterparty.id)
    if command.way == "call_back" and plain_number(command.contact) != plain_number(channel.call_back):
        raise ContactNotFromMasterData(
            "Call the counterparty's control desk at the number in master data, not this one.",
            field="contact",
        )
    row = attempt.add(
        SubstituteVerification(
            id=uuid7(),
            confirmation_id=confirmation.id,
            trade_id=confirmation.trade_id,
            way=command.way,
            contact=command.contact,
            contact_source_id=channel.id if command.way == "call_back" else None,
            said=command.said,
            proposed_by=attempt.actor.account,
            proposed_at=attempt.now,
            state=SubstituteState.PROPOSED.value,
        )
    )
    attempt.open_item(Item.APPROVE_SUBSTITUTE, row, trade_id=row.trade_id, version=confirmation.version)
    return Changed(substitute_view(row) | {"version": 1}, 201)


@use_case(Action.SUBSTITUTE_APPROVE)
async def approve_substitute(attempt: Attempt, command: ApproveSubstitute) -> Changed:
    """Agree that the deal stands; whoever called may not (D-08)."""
    row = await to_decide(attempt, command.substitute_id, command.version)
    confirmation = await held_for_answer(attempt, row.confirmation_id)
    await attempt.admit(row.trade_id, related=[(SubstituteVerification.__tablename__, row.id)])
    state = CONFIRMATION.after(ConfirmationState(confirmation.state), attempt.action)
    attempt.change(row, state=SUBSTITUTE.after(SubstituteState(row.state), attempt.action).value)
    told = agreed(attempt, row.way, verification=str(row.id))
    attempt.change(confirmation, state=state.value, agreed_by=told)
    attempt.close_item(Item.APPROVE_SUBSTITUTE, row.id)
    await follow(attempt, confirmation)
    await attempt.session.flush()
    return Changed(substitute_view(row))


@use_case(Action.SUBSTITUTE_REFUSE)
async def refuse_substitute(attempt: Attempt, command: RefuseSubstitute) -> Changed:
    """See no proof in it; the deal stays unconfirmed."""
    row = await to_decide(attempt, command.substitute_id, command.version)
    await attempt.admit(row.trade_id, related=[(SubstituteVerification.__tablename__, row.id)])
    state = SUBSTITUTE.after(SubstituteState(row.state), attempt.action)
    attempt.change(row, state=state.value, reason=command.reason)
    attempt.close_item(Item.APPROVE_SUBSTITUTE, row.id)
    await attempt.session.flush()
    return Changed(substitute_view(row))


async def awaited(attempt: Attempt, confirmation_id: UUID, seen: int) -> Confirmation:
    """Hold a confirmation that went out and was not answered. Raises NotFound, AnsweredAlready."""
    found = await attempt.session.get(Confirmation, confirmation_id)
    if found is None:
        raise NotFound("confirmation")
    confirmation = await held_for_answer(attempt, confirmation_id)
    await locked(attempt, Confirmation, confirmation_id, seen=seen)
    if confirmation.state != ConfirmationState.SENT or confirmation.counter is not None:
        raise AnsweredAlready("This confirmation is not one that waits for an answer.")
    return confirmation


async def to_decide(attempt: Attempt, substitute_id: UUID, seen: int) -> SubstituteVerification:
    """Lock a verification that waits for a second person."""
    row = await locked(attempt, SubstituteVerification, substitute_id, seen=seen, what="verification")
    attempt.concerns(row.trade_id)
    return row


def plain_number(number: str) -> str:
    """Return a telephone number without what only makes it readable."""
    return "".join(one for one in number if one.isdigit())
