"""What is read about cash legs; where a counterparty wants its money only by those who pay along it."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.parties.model import Instruction
from service.settlement.lifecycle import SettlementState
from service.settlement.model import CallBack, Settlement
from service.settlement.selection import RULE


async def settlements(
    session: AsyncSession,
    state: SettlementState | None = None,
    value_date: date | None = None,
    trade: UUID | None = None,
    limit: int = 50,
    cursor: UUID | None = None,
) -> dict[str, Any]:
    """Return a page of legs, oldest first; ``next`` is the cursor of the page after it."""
    query = select(Settlement).order_by(Settlement.id).limit(limit + 1)
    if state is not None:
        query = query.where(Settlement.state == state)
    if value_date is not None:
        query = query.where(Settlement.value_date == value_date)
    if trade is not None:
        query = query.where(Settlement.trade_id == trade)
    if cursor is not None:
        query = query.where(Settlement.id > cursor)
    found = list(await session.scalars(query))
    return {
        "items": [view(leg) for leg in found[:limit]],
        "next": str(found[limit - 1].id) if len(found) > limit else None,
    }


async def settlement_view(session: AsyncSession, settlement_id: UUID, *, with_route: bool) -> dict[str, Any]:
    """Return one leg, with its payment route if the caller may know routes. Raises NotFound."""
    leg = await session.get(Settlement, settlement_id)
    if leg is None:
        raise NotFound("settlement")
    if not with_route or (leg.instruction_id is None and leg.deviation is None):
        return view(leg)
    route = None if leg.instruction_id is None else await session.get_one(Instruction, leg.instruction_id)
    return view(leg) | {"route": route_of(leg, route)}


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
        "selection": None if leg.selection is None else {"rule": RULE, "candidates": leg.selection},
        "prepared_by": leg.prepared_by,
        "signed_by": leg.signed_by,
        "released_by": leg.released_by,
        "settled_on": leg.settled_on,
        "hold_reason": leg.hold_reason,
        "failure": leg.failure,
        "failure_code": leg.failure_code,
    }
    return {name: None if value is None else plain_value(value) for name, value in facts.items()}


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
    return {
        "items": [call_back_view(call) for call in found[:limit]],
        "next": str(found[limit - 1].id) if len(found) > limit else None,
    }


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
    return {name: None if value is None else plain_value(value) for name, value in facts.items()}
