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
from service.settlement.model import Settlement


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
    if not with_route or leg.instruction_id is None:
        return view(leg)
    return view(leg) | {"route": route_view(await session.get_one(Instruction, leg.instruction_id))}


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
        "instruction": leg.instruction_id,
        "prepared_by": leg.prepared_by,
        "released_by": leg.released_by,
        "settled_on": leg.settled_on,
        "failure": leg.failure,
    }
    return {name: None if value is None else plain_value(value) for name, value in facts.items()}


def route_view(instruction: Instruction) -> dict[str, Any]:
    """Return where the money goes or comes from."""
    return {
        "instruction": str(instruction.id),
        "currency": instruction.currency,
        "bic": instruction.bic,
        "account_number": instruction.account_number,
    }
