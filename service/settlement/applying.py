"""One thing that a bank told, brought to its payment: found by its names, locked, judged, and done where all of it fits."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, locked
from service.confirmations.model import Confirmation
from service.control.holding import hold_trade
from service.kernel.database import plain_value
from service.settlement.fate import Fate, Finding, Target, Word, fate
from service.settlement.legs import Held
from service.settlement.lifecycle import NetState, PaymentState, PaymentStatusState, SettlementState
from service.settlement.model import Net, Payment, PaymentStatus, Settlement
from service.settlement.nets import have_followed
from service.settlement.outcomes import NARRATIVE, completed, failed, partly, returned
from service.settlement.paying import nostro_of
from service.settlement.queries import last_payment
from service.settlement_rules.book import RuleBook
from service.settlement_rules.queries import rule_book


async def applied(attempt: Attempt, row: PaymentStatus) -> None:
    """Do to the payment what its bank says of it, or leave it to a person with the finding."""
    payment = await payment_named(attempt.session, row)
    if isinstance(payment, Finding):
        leave(attempt, row, payment)
        return
    if payment is not None and payment.net_id is not None:
        await applied_to_net(attempt, row, payment.id, payment.net_id)
        return
    leg_id = await receipt_named(attempt.session, row) if payment is None else payment.settlement_id
    if leg_id is None:
        leave(attempt, row, Finding("unknown_payment", "EndToEndId", "It names no payment of ours."))
        return
    found = await held_for_status(attempt, leg_id)
    if payment is not None:
        payment = await locked(attempt, Payment, payment.id)
    links = {
        "settlement_id": leg_id,
        "payment_id": None if payment is None else payment.id,
        "trade_id": found.leg.trade_id,
    }
    judged = fate(
        word_of(row),
        await target_of(attempt.session, found.leg, payment),
        attempt.desk.business_date,
        repeated=await counted_before(attempt.session, row, PaymentStatus.settlement_id == leg_id),
        codes=codes_of(attempt, found.book),
    )
    if isinstance(judged, Finding):
        leave(attempt, row, judged, **links)
        return
    await do(attempt, found, judged)
    state = PaymentStatusState.NOTED if judged.effect == "noted" else PaymentStatusState.APPLIED
    attempt.change(row, state=state.value, effect=judged.effect, **links)


async def applied_to_net(attempt: Attempt, row: PaymentStatus, payment_id: UUID, net_id: UUID) -> None:
    """Do to a whole net what its bank says of its message; its legs follow, each by an act of its own deal."""
    payment = await locked(attempt, Payment, payment_id)
    attempt.concerns(payment.trade_id)
    net = await locked(attempt, Net, net_id)
    links = {"payment_id": payment.id, "trade_id": payment.trade_id}
    known = {NetState.RELEASED: SettlementState.RELEASED, NetState.SETTLED: SettlementState.SETTLED}
    judged = fate(
        word_of(row),
        Target(
            state=known.get(NetState(net.state), SettlementState.FAILED),
            currency=net.currency,
            amount=net.amount,
            paid=abs(net.amount) if net.state == NetState.SETTLED else Decimal(0),
            pay_on=net.pay_on,
            bank=payment.bank,
            account=payment.account,
            sent=payment.state == PaymentState.DELIVERED,
        ),
        attempt.desk.business_date,
        repeated=await counted_before(attempt.session, row, PaymentStatus.payment_id == payment.id),
        codes=codes_of(attempt, await rule_book(attempt.session)),
    )
    if isinstance(judged, Fate) and judged.effect == "part":
        judged = Finding("part_of_net", "Amt", "A net settles as a whole, and a part of it moved.")
    if isinstance(judged, Finding):
        leave(attempt, row, judged, **links)
        return
    if judged.effect != "noted":
        state = {"settled": NetState.SETTLED, "failed": NetState.FAILED}.get(judged.effect, NetState.RETURNED)
        attempt.change(net, state=state.value, failure_code=judged.code, reason=judged.reason)
        await have_followed(attempt, net)
    state_of_row = PaymentStatusState.NOTED if judged.effect == "noted" else PaymentStatusState.APPLIED
    attempt.change(row, state=state_of_row.value, effect=judged.effect, **links)


def codes_of(attempt: Attempt, book: RuleBook) -> set[str]:
    """Return the reason codes of the settlement tables that are in force today."""
    day = attempt.desk.business_date
    return {line.code for line in book.rules if line.code and book.reason(line.code, day)}


async def do(attempt: Attempt, found: Held, judged: Fate) -> None:
    """Settle the leg, in part or whole, or have it paid anew, as people do by acts of their own."""
    code, reason = judged.code or NARRATIVE, judged.reason or ""
    match judged.effect:
        case "settled":
            await completed(attempt, found, Action.SETTLEMENT_COMPLETE)
        case "part":
            assert judged.amount is not None, "a part has an amount"
            await partly(attempt, found, judged.amount, Action.SETTLEMENT_PART)
        case "failed":
            await failed(attempt, found, code, reason, Action.SETTLEMENT_FAIL)
        case "returned":
            await returned(attempt, found, code, reason, Action.SETTLEMENT_RETURN)
        case "noted":
            pass


def leave(attempt: Attempt, row: PaymentStatus, finding: Finding, **links: UUID | None) -> None:
    """Leave it to a person, saying which field and why."""
    attempt.change(
        row,
        state=PaymentStatusState.WAITING.value,
        finding=finding.code,
        field=finding.field,
        reason=finding.reason,
        **links,
    )


async def held_for_status(attempt: Attempt, leg_id: UUID) -> Held:
    """Lock the deal and the leg that a bank speaks of."""
    trade_id = await attempt.session.scalar(select(Settlement.trade_id).where(Settlement.id == leg_id))
    assert trade_id is not None, "the leg was just found"
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    return Held(control, await locked(attempt, Settlement, leg_id), await rule_book(attempt.session))


async def payment_named(session: AsyncSession, row: PaymentStatus) -> Payment | Finding | None:
    """Return the message of ours that is named; by several names it must be one. None: by none of them."""
    named = []
    if (uetr := as_uuid(row.uetr)) is not None:
        named.append(Payment.uetr == uetr)
    if row.end_to_end_id is not None:
        named.append(Payment.end_to_end_id == row.end_to_end_id)
    if row.instruction_id is not None:
        named.append(Payment.reference == row.instruction_id)
    if row.message_id is not None and (own := as_uuid(row.message_id[1:])) is not None:
        named.append(Payment.id == own)
    found: dict[UUID, Payment] = {}
    for name in named:
        for payment in await session.scalars(select(Payment).where(name)):
            found[payment.id] = payment
    if len(found) > 1:
        return Finding("names_differ", "EndToEndId", "Its names belong to different payments of ours.")
    return next(iter(found.values()), None)


def as_uuid(said: str | None) -> UUID | None:
    """Return the identifier that a text spells, or None."""
    try:
        return None if said is None else UUID(said)
    except ValueError:
        return None


async def receipt_named(session: AsyncSession, row: PaymentStatus) -> UUID | None:
    """Return the leg on which we receive, by our reference of its deal; None if there is none, or more than one."""
    said = [name for name in (row.end_to_end_id, row.instruction_id, row.additional) if name]
    if not row.credit or not said:
        return None
    deals = (
        await session.execute(
            select(Confirmation.trade_id, Confirmation.version)
            .where(Confirmation.ours["reference"].astext.in_(said))
            .distinct()
        )
    ).all()
    legs: Sequence[UUID] = []
    for deal in deals:
        wanted = select(Settlement.id).where(
            Settlement.trade_id == deal.trade_id,
            Settlement.version == deal.version,
            Settlement.currency == row.currency,
            Settlement.amount > 0,
            Settlement.state != SettlementState.WITHDRAWN,
        )
        legs = [*legs, *(await session.scalars(wanted)).all()]
    return legs[0] if len(legs) == 1 else None


async def target_of(session: AsyncSession, leg: Settlement, payment: Payment | None) -> Target:
    """Return what the bank's word is held against."""
    if payment is None:
        own = await nostro_of(session, leg.currency)
        bank, account = (None, None) if own is None else (own.bic, own.account_number)
        sent, newest = None, True
    else:
        last = await last_payment(session, leg)
        bank, account = payment.bank, payment.account
        sent, newest = payment.state == PaymentState.DELIVERED, last is not None and last.id == payment.id
    return Target(
        state=SettlementState(leg.state),
        currency=leg.currency,
        amount=leg.amount,
        paid=leg.paid,
        pay_on=leg.pay_on,
        bank=bank,
        account=account,
        sent=sent,
        newest=newest,
    )


def word_of(row: PaymentStatus) -> Word:
    """Return what the bank said."""
    assert row.code is not None, "what cannot be read waits for a person"
    return Word(
        sender=row.sender,
        code=row.code,
        reasons=tuple(str(plain_value(code)) for code in row.reasons),
        additional=row.additional,
        account=row.account,
        currency=row.currency,
        amount=row.amount,
        credit=row.credit,
        servicer_reference=row.servicer_reference,
    )


async def counted_before(session: AsyncSession, row: PaymentStatus, same: ColumnElement[bool]) -> bool:
    """Tell whether the same entry of the same bank moved the same payment already: by its reference, or its bytes."""
    same_entry = and_(
        PaymentStatus.servicer_reference == row.servicer_reference, PaymentStatus.credit == row.credit
    )
    same_bytes = and_(PaymentStatus.sha256 == row.sha256, PaymentStatus.position == row.position)
    wanted = select(PaymentStatus.id).where(
        same,
        PaymentStatus.sender == row.sender,
        or_(same_entry, same_bytes),
        PaymentStatus.state == PaymentStatusState.APPLIED,
    )
    return await session.scalar(wanted.limit(1)) is not None
