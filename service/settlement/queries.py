"""What is read about cash legs; where a counterparty wants its money only by those who pay along it."""

from collections import defaultdict
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_facts
from service.kernel.errors import NotFound
from service.kernel.paging import Order, from_end, paged
from service.parties.model import Instruction
from service.settlement.lifecycle import NetState, PaymentState, PaymentStatusState, SettlementState
from service.settlement.model import CallBack, Net, Payment, PaymentStatus, Settlement
from service.settlement.selection import RULE

NO_SCHEMA: Final = "No schema of this message was at hand: it passed our own check alone."


async def settlements(
    session: AsyncSession,
    state: SettlementState | None = None,
    value_date: date | None = None,
    trade: UUID | None = None,
    limit: int = 50,
    cursor: UUID | None = None,
    order: Order = Order.OLDEST,
    code: str | None = None,
) -> dict[str, Any]:
    """Return a page of legs, the oldest first or the newest; ``next`` is the cursor of the page after it."""
    query = from_end(select(Settlement), Settlement.id, order, cursor).limit(limit + 1)
    if state is not None:
        query = query.where(Settlement.state == state)
    if value_date is not None:
        query = query.where(Settlement.value_date == value_date)
    if trade is not None:
        query = query.where(Settlement.trade_id == trade)
    if code is not None:
        query = query.where(Settlement.failure_code == code)
    found = list(await session.scalars(query))
    return paged([view(leg) for leg in found], limit)


async def settlement_view(session: AsyncSession, settlement_id: UUID, *, with_route: bool) -> dict[str, Any]:
    """Return one leg, with its payment route if the caller may know routes. Raises NotFound."""
    leg = await session.get(Settlement, settlement_id)
    if leg is None:
        raise NotFound("settlement")
    told = view(leg) | {"payments": await payments_of(session, leg)}
    if not with_route or (leg.instruction_id is None and leg.deviation is None):
        return told
    route = None if leg.instruction_id is None else await session.get_one(Instruction, leg.instruction_id)
    return told | {"route": route_of(leg, route)}


def view(leg: Settlement) -> dict[str, Any]:
    """Return the leg as the interface shows it; ``version`` is what the next act must carry."""
    facts = {
        "id": leg.id,
        "trade": leg.trade_id,
        "trade_version": leg.version,
        "version": leg.rev,
        "state": leg.state,
        "leg": leg.leg,
        "currency": leg.currency,
        "amount": leg.amount,
        "value_date": leg.value_date,
        "pay_on": leg.pay_on,
        "paid": leg.paid,
        "instruction": leg.instruction_id,
        "deviates": leg.deviation is not None,
        "net": leg.net_id,
        "selection": None if leg.selection is None else {"rule": RULE, "candidates": leg.selection},
        "prepared_by": leg.prepared_by,
        "signed_by": leg.signed_by,
        "released_by": leg.released_by,
        "settled_on": leg.settled_on,
        "hold_reason": leg.hold_reason,
        "failure": leg.failure,
        "failure_code": leg.failure_code,
    }
    return plain_facts(facts)


def route_of(leg: Settlement, instruction: Instruction | None) -> dict[str, Any]:
    """Return where the money goes or comes from: a standing instruction, or the route of this deal alone."""
    if instruction is None:
        assert leg.deviation is not None, "a leg is paid along one of the two"
        told = {name: leg.deviation[name] for name in ("bic", "account_number")}
        return {"instruction": None, "currency": leg.currency, **told}
    return {
        "instruction": str(instruction.id),
        "currency": instruction.currency,
        "bic": instruction.bic,
        "account_number": instruction.account_number,
    }


def of_leg(leg: Settlement) -> ColumnElement[bool]:
    """Return the condition for the message by which a leg is paid now: its own, or that of its net."""
    return Payment.settlement_id == leg.id if leg.net_id is None else Payment.net_id == leg.net_id


async def last_payment(session: AsyncSession, leg: Settlement) -> Payment | None:
    """Return the last message about a leg, or None; in a net it is the net's."""
    found: Payment | None = await session.scalar(
        select(Payment).where(of_leg(leg)).order_by(Payment.number.desc()).limit(1)
    )
    return found


async def payments_of(session: AsyncSession, leg: Settlement) -> list[dict[str, Any]]:
    """Return the messages by which a leg was to be paid, oldest first."""
    wanted = select(Payment).where(or_(Payment.settlement_id == leg.id, of_leg(leg))).order_by(Payment.id)
    return [payment_view(payment) for payment in await session.scalars(wanted)]


async def nets(
    session: AsyncSession, state: NetState | None = None, limit: int = 50, cursor: UUID | None = None
) -> dict[str, Any]:
    """Return a page of nets, newest first, each with its legs."""
    query = select(Net).order_by(Net.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(Net.state == state)
    if cursor is not None:
        query = query.where(Net.id < cursor)
    found = list(await session.scalars(query))
    legs = await session.scalars(
        select(Settlement)
        .where(Settlement.net_id.in_([net.id for net in found[:limit]]))
        .order_by(Settlement.id)
    )
    of_net: dict[UUID | None, list[dict[str, Any]]] = defaultdict(list)
    for leg in legs:
        of_net[leg.net_id].append(view(leg))
    return paged([net_view(net) | {"components": of_net[net.id]} for net in found], limit)


def net_view(net: Net) -> dict[str, Any]:
    """Return a net as the interface shows it. Positive: we receive."""
    facts = {
        "id": net.id,
        "state": net.state,
        "counterparty": net.counterparty_id,
        "currency": net.currency,
        "pay_on": net.pay_on,
        "instruction": net.instruction_id,
        "amount": net.amount,
        "legs": net.legs,
        "composed_by": net.composed_by,
        "reason": net.reason,
        "failure_code": net.failure_code,
    }
    return plain_facts(facts)


async def payments(
    session: AsyncSession,
    state: PaymentState | None = None,
    trade: UUID | None = None,
    limit: int = 50,
    cursor: UUID | None = None,
) -> dict[str, Any]:
    """Return a page of payment messages, newest first."""
    query = select(Payment).order_by(Payment.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(Payment.state == state)
    if trade is not None:
        query = query.where(Payment.trade_id == trade)
    if cursor is not None:
        query = query.where(Payment.id < cursor)
    found = list(await session.scalars(query))
    return paged([payment_view(payment) for payment in found], limit)


def payment_view(payment: Payment) -> dict[str, Any]:
    """Return a payment message as the interface shows it; the accounts stand in the filed message alone."""
    facts = {
        "id": payment.id,
        "version": payment.rev or 1,
        "state": payment.state,
        "settlement": payment.settlement_id,
        "net": payment.net_id,
        "trade": payment.trade_id,
        "number": payment.number,
        "reference": payment.reference,
        "end_to_end_id": payment.end_to_end_id,
        "uetr": payment.uetr,
        "currency": payment.currency,
        "amount": payment.amount,
        "settle_on": payment.settle_on,
        "bank": payment.bank,
        "message_key": payment.message_key,
        "document": payment.document_id,
        "sha256": payment.sha256,
        "schema": payment.schema,
        "remark": NO_SCHEMA if payment.schema is None and payment.tries else None,
        "finding": payment.finding,
        "field": payment.field,
        "reason": payment.reason,
        "tries": payment.tries,
        "proof": payment.proof,
        "delivered_at": payment.delivered_at,
        "delivered_on": payment.delivered_on,
    }
    return plain_facts(facts)


async def statuses(
    session: AsyncSession,
    state: PaymentStatusState | None = None,
    trade: UUID | None = None,
    limit: int = 50,
    cursor: UUID | None = None,
) -> dict[str, Any]:
    """Return a page of what banks told about payments, newest first."""
    query = select(PaymentStatus).order_by(PaymentStatus.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(PaymentStatus.state == state)
    if trade is not None:
        query = query.where(PaymentStatus.trade_id == trade)
    if cursor is not None:
        query = query.where(PaymentStatus.id < cursor)
    found = list(await session.scalars(query))
    return paged([status_view(row) for row in found], limit)


def status_view(row: PaymentStatus) -> dict[str, Any]:
    """Return one thing that a bank told as the interface shows it; the account stands in the filed file alone."""
    facts = {
        "id": row.id,
        "version": row.rev or 1,
        "state": row.state,
        "source": row.source,
        "sender": row.sender,
        "name": row.name,
        "document": row.document_id,
        "sha256": row.sha256,
        "position": row.position,
        "format": row.format,
        "code": row.code,
        "reasons": row.reasons,
        "additional": row.additional,
        "end_to_end_id": row.end_to_end_id,
        "uetr": row.uetr,
        "currency": row.currency,
        "amount": row.amount,
        "credit": row.credit,
        "value_on": row.value_on,
        "finding": row.finding,
        "field": row.field,
        "reason": row.reason,
        "effect": row.effect,
        "payment": row.payment_id,
        "settlement": row.settlement_id,
        "trade": row.trade_id,
        "received_at": row.received_at,
        "closed_because": row.closed_because,
    }
    return plain_facts(facts)


async def call_backs(
    session: AsyncSession, subject: UUID | None = None, limit: int = 50, cursor: UUID | None = None
) -> dict[str, Any]:
    """Return a page of calls about payment routes, newest first."""
    query = select(CallBack).order_by(CallBack.id.desc()).limit(limit + 1)
    if subject is not None:
        query = query.where(CallBack.subject_id == subject)
    if cursor is not None:
        query = query.where(CallBack.id < cursor)
    found = list(await session.scalars(query))
    return paged([call_back_view(call) for call in found], limit)


def call_back_view(call: CallBack) -> dict[str, Any]:
    """Return a call as the interface shows it."""
    facts = {
        "id": call.id,
        "version": call.rev,
        "state": call.state,
        "subject": {"kind": call.subject_kind, "id": call.subject_id},
        "counterparty": call.counterparty_id,
        "number": call.number,
        "spoke_to": call.spoke_to,
        "outcome": call.outcome,
        "note": call.note,
        "made_by": call.made_by,
        "made_at": call.made_at,
        "checked_by": call.checked_by,
    }
    return plain_facts(facts)
