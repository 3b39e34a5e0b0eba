"""A payment message on its way to our bank: that a try begins is an entry before the first byte leaves, and so is its end.

Whoever dies between sending and recording sends the same bytes under the same name again: a folder keeps one file
of that name. What the schema of its message does not allow is never sent.
"""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.control.holding import hold_trade, must_be_verified
from service.gate import use_case
from service.kernel.errors import NotFound
from service.kernel.items import Item
from service.settlement.legs import must_be_on_the_route_in_force, must_have_nothing_undecided
from service.settlement.lifecycle import PAYMENT, PaymentState, SettlementState
from service.settlement.model import Payment, Settlement
from service.settlement.paying import REASON_CHARACTERS_MAX, ask_to_send, blocked, written
from service.settlement.queries import payment_view

TRIES_MAX: Final = 5
Told = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]


class BeginPayment(Command, frozen=True, kw_only=True):
    """A try begins; nothing has left yet. ``schema``: what the message was held against, if a schema was at hand."""

    payment_id: UUID
    version: int
    schema: Told | None = None


class CompletePayment(Command, frozen=True, kw_only=True):
    """The message lies where our bank fetches it. ``repeated``: it lay there before."""

    payment_id: UUID
    version: int
    proof: dict[str, str]
    repeated: bool = False


class FailPayment(Command, frozen=True, kw_only=True):
    """The message did not get through; ``invalid``: its schema does not allow it, so that no other try is made."""

    payment_id: UUID
    version: int
    failure: Told
    invalid: bool = False


class RetryPayment(Command, frozen=True, kw_only=True):
    """Somebody looked at what went wrong: the message is written anew, or sent again as it is."""

    payment_id: UUID
    version: int


@use_case(Action.PAYMENT_BEGIN)
async def begin_payment(attempt: Attempt, command: BeginPayment) -> Changed:
    """Crash after this: the message may or may not have gone, and goes again under the same name."""
    payment = await on_its_way(attempt, command.payment_id, command.version)
    state = after(attempt, payment)
    attempt.change(payment, state=state.value, tries=payment.tries + 1, schema=command.schema)
    return await shown(attempt, payment)


@use_case(Action.PAYMENT_COMPLETE)
async def complete_payment(attempt: Attempt, command: CompletePayment) -> Changed:
    """Keep the proof that the message went, and where."""
    payment = await on_its_way(attempt, command.payment_id, command.version)
    attempt.change(
        payment,
        state=after(attempt, payment).value,
        proof=command.proof | {"repeated": "yes" if command.repeated else "no"},
        delivered_at=attempt.now,
        delivered_on=attempt.desk.business_date,
    )
    attempt.close_item(Item.SEND_PAYMENT, payment.id)
    return await shown(attempt, payment)


@use_case(Action.PAYMENT_FAIL)
async def fail_payment(attempt: Attempt, command: FailPayment) -> Changed:
    """Try again later; after the last try, and at once where the schema says no, a person looks at it."""
    payment = await on_its_way(attempt, command.payment_id, command.version)
    state = after(attempt, payment)
    if command.invalid:
        attempt.change(payment, **blocked("against_schema", "message", command.failure))
    else:
        last = payment.tries >= TRIES_MAX
        state = PaymentState.FAILED if last else state
        attempt.change(payment, state=state.value, finding="not_delivered", reason=command.failure)
    if payment.state != PaymentState.QUEUED:
        attempt.close_item(Item.SEND_PAYMENT, payment.id)
        attempt.open_item(Item.REPAIR_PAYMENT, payment, trade_id=payment.trade_id, reason=payment.finding)
    return await shown(attempt, payment)


@use_case(Action.PAYMENT_RETRY)
async def retry_payment(attempt: Attempt, command: RetryPayment) -> Changed:
    """Write a message anew that could not leave, or send again, byte for byte, one that did not get through.

    Only of a leg that is let go still, on the route that was signed.
    """
    trade_id = await attempt.session.scalar(select(Payment.trade_id).where(Payment.id == command.payment_id))
    if trade_id is None:
        raise NotFound("payment")
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    payment = await locked(attempt, Payment, command.payment_id, seen=command.version)
    leg = await leg_of(attempt, payment)
    await attempt.admit(payment.trade_id, related=[("settlement", leg.id)])
    state = after(attempt, payment)
    let_go = (SettlementState.RELEASED, SettlementState.PARTIAL, SettlementState.NETTED)
    assert leg.state in let_go, "else its message was dropped"
    must_be_verified(control, leg.version)
    await must_be_on_the_route_in_force(attempt.session, leg)
    await must_have_nothing_undecided(attempt.session, leg.trade_id)
    anew = payment.state == PaymentState.BLOCKED
    said = (
        await written(attempt, payment, leg)
        if anew
        else {"state": state.value, "finding": None, "reason": None}
    )
    attempt.change(payment, tries=0, **said)
    attempt.close_item(Item.REPAIR_PAYMENT, payment.id)
    ask_to_send(attempt, payment, leg)
    return await shown(attempt, payment)


async def leg_of(attempt: Attempt, payment: Payment) -> Settlement:
    """Return the leg a message is about, locked; of a net, the one that was released last."""
    of_net = select(Settlement.id).where(
        Settlement.net_id == payment.net_id, Settlement.trade_id == payment.trade_id
    )
    leg_id = payment.settlement_id or (await attempt.session.scalars(of_net.limit(1))).one()
    return await locked(attempt, Settlement, leg_id)


async def on_its_way(attempt: Attempt, payment_id: UUID, seen: int) -> Payment:
    """Lock a payment message. Raises NotFound, StaleVersion."""
    payment = await locked(attempt, Payment, payment_id, seen=seen)
    attempt.concerns(payment.trade_id)
    return payment


def after(attempt: Attempt, payment: Payment) -> PaymentState:
    """Return the state the attempted act leads to. Raises IllegalTransition."""
    return PAYMENT.after(PaymentState(payment.state), attempt.action)


async def shown(attempt: Attempt, payment: Payment) -> Changed:
    """Answer with the message at its new version."""
    await attempt.session.flush()
    return Changed(payment_view(payment))
