"""What becomes of a leg once it was let go: whole, in part, failed, returned; for people and for messages alike.

``act``: what it comes to, where a bank's word and no person's act brings it about.
"""

from decimal import Decimal

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Desk
from service.kernel.errors import Refusal, Unprocessable
from service.kernel.items import Item
from service.limits.reserving import give_back
from service.settlement.legs import Held, after, ask_for, handed_on
from service.settlement.lifecycle import NetState, SettlementState
from service.settlement.model import Settlement
from service.settlement.nets import end_net
from service.settlement.paying import must_have_left, take_back
from service.work.queries import waits

NARRATIVE = "NARR"
"""ISO 20022: the reason is told in words."""


class BeforeValueDate(Refusal):
    """409. Nothing settles before its value date."""


class NotAPart(Unprocessable):
    """422. A part is more than nothing and less than what is missing."""


class UnknownReason(Unprocessable):
    """422. Why a payment fails is told by a code of the settlement tables."""


async def completed(attempt: Attempt, found: Held, act: Action | None = None) -> Changed:
    """The money arrived or left, on its day or later; accounting books it."""
    leg = found.leg
    state = after(attempt, leg, act)
    must_be_due(leg, attempt.desk)
    await must_have_left(attempt, leg)
    attempt.change(leg, state=state, settled_on=attempt.desk.business_date, paid=abs(leg.amount))
    attempt.open_item(Item.POST_SETTLEMENT, leg, trade_id=leg.trade_id, version=leg.version)
    await end_net(attempt, leg, NetState.SETTLED)
    answer = await handed_on(attempt, found, (Item.COMPLETE, Item.FOLLOW), None)
    await give_back(attempt, leg.trade_id)
    return answer


async def partly(attempt: Attempt, found: Held, amount: Decimal, act: Action | None = None) -> Changed:
    """A part of the money arrived or left; the rest is still to come."""
    leg = found.leg
    state = after(attempt, leg, act)
    must_be_due(leg, attempt.desk)
    if not 0 < amount < abs(leg.amount) - leg.paid:
        raise NotAPart(
            f"{abs(leg.amount) - leg.paid} {leg.currency} are missing; a part is less than that.",
            field="amount",
        )
    await must_have_left(attempt, leg)
    attempt.change(leg, state=state, paid=leg.paid + amount)
    if not await waits(attempt.session, Item.POST_PART, leg.id):
        attempt.open_item(Item.POST_PART, leg, trade_id=leg.trade_id, version=leg.version)
    attempt.close_item(Item.COMPLETE, leg.id)
    ask_for(attempt, found, Item.COMPLETE, f"{leg.paid} of {abs(leg.amount)} {leg.currency} so far")
    return await handed_on(attempt, found, (), None)


async def failed(attempt: Attempt, found: Held, code: str, reason: str, act: Action | None = None) -> Changed:
    """The money, or the rest of it, stayed; the leg is prepared anew by other hands."""
    state = after(attempt, found.leg, act)
    must_be_known(attempt, found, code)
    await take_back(attempt, found.leg)
    await end_net(attempt, found.leg, NetState.FAILED, code, reason)
    attempt.change(found.leg, state=state, failure=reason, failure_code=code)
    return await handed_on(attempt, found, (Item.COMPLETE, Item.FOLLOW), Item.PREPARE, reason)


async def returned(
    attempt: Attempt, found: Held, code: str, reason: str, act: Action | None = None
) -> Changed:
    """All that moved came back; what was booked is mirrored, and the leg is prepared anew by other hands."""
    leg = found.leg
    booked = leg.state == SettlementState.SETTLED or leg.paid > 0
    state = after(attempt, leg, act)
    must_be_known(attempt, found, code)
    await take_back(attempt, leg)
    await end_net(attempt, leg, NetState.RETURNED, code, reason)
    attempt.change(leg, state=state, failure=reason, failure_code=code, paid=Decimal(0), settled_on=None)
    if booked:
        attempt.open_item(Item.POST_RETURN, leg, trade_id=leg.trade_id, version=leg.version, reason=reason)
    return await handed_on(attempt, found, (Item.COMPLETE, Item.FOLLOW), Item.PREPARE, reason)


def must_be_due(leg: Settlement, desk: Desk) -> None:
    """Raise BeforeValueDate before the day on which the leg is to be paid."""
    if desk.business_date < leg.pay_on:
        raise BeforeValueDate(
            f"The leg is due on {leg.pay_on}; the bank's business date is {desk.business_date}."
        )


def must_be_known(attempt: Attempt, found: Held, code: str) -> None:
    """Raise UnknownReason for a code that master data does not keep; a reason told in words needs none."""
    if code != NARRATIVE and found.book.reason(code, attempt.desk.business_date) is None:
        raise UnknownReason("Master data keeps no such reason code.", field="code")
