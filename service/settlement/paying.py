"""What tells our bank to pay a leg: written by the back office from the released leg, filed, taken out of the post again.

Once: a leg has one message until that one was taken back, and what is under way or gone is never taken back.
"""

from typing import Any, Final
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Attempt
from service.confirmations.queries import confirmation_of
from service.documents.filing import file_document
from service.documents.kinds import DocumentKind
from service.kernel.errors import Refusal
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import Money
from service.kernel.retention import Retention
from service.messages import pacs009
from service.messages.pacs009 import PaymentOrder
from service.messages.terms import PartyId, Unwritable
from service.parties.model import Counterparty, Instruction
from service.parties.queries import instruction_for
from service.settlement.lifecycle import NOT_GONE, PAYMENT, PaymentState
from service.settlement.model import Net, Payment, Settlement
from service.settlement.queries import last_payment, of_leg
from service.trades.versions import terms_of

REASON_CHARACTERS_MAX: Final = 300


class PaymentOnItsWay(Refusal):
    """409. The payment message is being sent; whether the payment can still be stopped is known in a moment."""


class PaymentGone(Refusal):
    """409. The payment message has left; the bank that got it can be asked to send the money back."""

    rule = "CSD-02"


class PaymentNotSent(Refusal):
    """409. The payment message has not left; nothing that we pay settles before."""


async def order_payment(attempt: Attempt, leg: Settlement) -> Payment | None:
    """Write the message about a leg that was let go; what we receive, or pay to a book of our own, needs none.

    One that cannot be written waits for a person, and nothing leaves.
    """
    if leg.amount >= 0 or await is_internal(attempt.session, leg):
        return None
    payment = await new_payment(attempt, leg, None)
    attempt.add(payment)
    ask_to_send(attempt, payment, leg)
    return payment


async def new_payment(attempt: Attempt, leg: Settlement, net: Net | None) -> Payment:
    """Return the message over a leg, or over the sum of a net of which this leg was released last; not stored yet."""
    before = None if net is not None else await last_payment(attempt.session, leg)
    row_id = uuid7()
    payment = Payment(
        id=row_id,
        settlement_id=leg.id if net is None else None,
        net_id=None if net is None else net.id,
        trade_id=leg.trade_id,
        number=1 if before is None else before.number + 1,
        reference=f"P{row_id.hex[-15:].upper()}",
        end_to_end_id=f"E{row_id.hex}",
        uetr=uuid4(),
        currency=leg.currency,
        amount=abs(leg.amount) - leg.paid if net is None else -net.amount,
        settle_on=leg.pay_on,
        message_key=f"payment-{row_id}.xml",
        made_at=attempt.now,
        tries=0,
    )
    for name, value in (await written(attempt, payment, leg)).items():
        setattr(payment, name, value)
    return payment


def ask_to_send(attempt: Attempt, payment: Payment, leg: Settlement) -> None:
    """Hand the message to the office's own post, or to a person where it may not leave as it is."""
    blocked = payment.state == PaymentState.BLOCKED
    attempt.open_item(
        Item.REPAIR_PAYMENT if blocked else Item.SEND_PAYMENT,
        payment,
        trade_id=leg.trade_id,
        version=leg.version,
        reason=payment.finding if blocked else None,
    )


async def written(attempt: Attempt, payment: Payment, leg: Settlement) -> dict[str, Any]:
    """Write and file the message from master data as it stands now; return what the row says of it then."""
    nostro = await nostro_of(attempt.session, leg.currency)
    if nostro is None:
        sentence = f"Master data keeps no account of ours in {leg.currency}; it must add one."
        return blocked("no_account", "debtor_account", sentence)
    kept = {"bank": nostro.bic, "account": nostro.account_number}
    try:
        content = pacs009.write(await order_of(attempt, payment, leg, nostro))
    except Unwritable as broken:
        return kept | blocked("unwritable", broken.field or "message", broken.reason)
    document = await file_document(
        attempt,
        kind=DocumentKind.PAYMENT_OUT,
        content=content,
        media_type="application/xml",
        name=payment.message_key,
        retention=Retention.VOUCHERS,
        subject=(Payment.__tablename__, payment.id),
        trade_id=leg.trade_id,
        origin="payment",
    )
    return kept | {
        "state": PaymentState.QUEUED.value,
        "document_id": document.id,
        "sha256": document.sha256,
        **dict.fromkeys(("finding", "field", "reason")),
    }


def blocked(finding: str, field: str, reason: str) -> dict[str, Any]:
    """Return what the row of a message says that may not leave."""
    state = PaymentState.BLOCKED.value
    return {"state": state, "finding": finding, "field": field, "reason": reason[:REASON_CHARACTERS_MAX]}


async def is_internal(session: AsyncSession, leg: Settlement) -> bool:
    """Tell whether the leg goes from one book of the bank to another: then no money leaves."""
    terms = await terms_of(session, leg.trade_id, leg.version)
    return (await session.get_one(Counterparty, terms.counterparty_id)).own


async def nostro_of(session: AsyncSession, currency: str) -> Instruction | None:
    """Return our own account in the currency, as two people of master data put it in force."""
    own = await session.scalar(select(Counterparty).where(Counterparty.own))
    return None if own is None else await instruction_for(session, own.id, currency)


async def order_of(attempt: Attempt, payment: Payment, leg: Settlement, nostro: Instruction) -> PaymentOrder:
    """Return what the message says: our bank pays the counterparty at the account that was chosen and signed."""
    session = attempt.session
    own = (await session.scalars(select(Counterparty).where(Counterparty.own))).one()
    us = PartyId(lei=attempt.entity_lei, bic=own.bic, name=own.name)
    counterparty = await session.get_one(
        Counterparty, (await terms_of(session, leg.trade_id, leg.version)).counterparty_id
    )
    if leg.instruction_id is None:
        assert leg.deviation is not None, "a leg is paid along one of the two"
        bic, account = str(leg.deviation["bic"]), str(leg.deviation["account_number"])
    else:
        route = await session.get_one(Instruction, leg.instruction_id)
        bic, account = route.bic, route.account_number
    confirmation = await confirmation_of(session, leg.trade_id, leg.version)
    return PaymentOrder(
        message_id=f"M{payment.id.hex}",
        instruction_id=payment.reference,
        end_to_end_id=payment.end_to_end_id,
        uetr=payment.uetr,
        created_at=payment.made_at,
        amount=Money(payment.amount, payment.currency),
        settlement_date=payment.settle_on,
        instructing=us,
        instructed=PartyId(bic=nostro.bic),
        debtor=us,
        debtor_account=nostro.account_number,
        creditor_agent=PartyId(bic=bic),
        creditor=PartyId(lei=counterparty.lei, bic=counterparty.bic, name=counterparty.name),
        creditor_account=account,
        remittance=None if confirmation is None else remittance(payment, str(confirmation.ours["reference"])),
    )


def remittance(payment: Payment, reference: str) -> str:
    """Return what the counterparty reads: the deal, or that it is a net, the last deal of which is named."""
    return reference if payment.net_id is None else f"NET {payment.reference} {reference}"


# Stopped, or settled -----------------------------------------------------------------------------------


async def take_back(attempt: Attempt, leg: Settlement) -> None:
    """Take the leg's message out of the post, where it provably lies with us still.

    Raises PaymentOnItsWay while it is being sent, PaymentGone from a hold of what has left.
    """
    payment = await held_payment(attempt, leg)
    must_lie_still(payment)
    if payment is not None and payment.state in NOT_GONE:
        drop(attempt, payment)


def must_lie_still(payment: Payment | None) -> None:
    """Raise PaymentOnItsWay while the message is being sent."""
    if payment is not None and payment.state == PaymentState.UNDER_WAY:
        raise PaymentOnItsWay("The payment message is being sent just now; look again in a moment.")


async def must_have_left(attempt: Attempt, leg: Settlement) -> None:
    """Raise PaymentNotSent where our message still lies here; one that cannot be written was paid another way."""
    payment = await held_payment(attempt, leg)
    must_not_wait(payment)
    if payment is not None and payment.state == PaymentState.BLOCKED:
        drop(attempt, payment)
        attempt.note(paid_otherwise=payment.id)


def must_not_wait(payment: Payment | None) -> None:
    """Raise PaymentNotSent where a message that can be sent has not left."""
    waiting = (PaymentState.QUEUED, PaymentState.UNDER_WAY, PaymentState.FAILED)
    if payment is not None and payment.state in waiting:
        raise PaymentNotSent("The message that tells our bank to pay has not left; nothing settles before.")


async def must_not_have_left(attempt: Attempt, leg: Settlement) -> None:
    """Raise PaymentGone if the leg's message has left: then it can only come back."""
    must_be_here(await held_payment(attempt, leg))


def must_be_here(payment: Payment | None) -> None:
    """Raise PaymentGone if the message has left."""
    if payment is not None and payment.state == PaymentState.DELIVERED:
        raise PaymentGone("The payment message has left; only the bank that got it can send the money back.")


def drop(attempt: Attempt, payment: Payment) -> None:
    """Keep the message here for ever."""
    attempt.change(payment, state=PAYMENT.after(PaymentState(payment.state), attempt.action).value)
    for item in (Item.SEND_PAYMENT, Item.REPAIR_PAYMENT):
        attempt.close_item(item, payment.id)


async def held_payment(attempt: Attempt, leg: Settlement) -> Payment | None:
    """Return the last message about a leg, locked; None if there never was one."""
    found: Payment | None = await attempt.session.scalar(
        select(Payment).where(of_leg(leg)).order_by(Payment.number.desc()).limit(1).with_for_update()
    )
    return found
