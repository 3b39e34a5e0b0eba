"""What the back office reads about confirmations; their side never leaves the controlling offices."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.confirmations.lifecycle import ConfirmationState
from service.confirmations.model import Confirmation
from service.kernel.database import plain_value
from service.kernel.errors import NotFound


async def confirmation_of(session: AsyncSession, trade_id: UUID, version: int) -> Confirmation | None:
    """Return the confirmation of one version of a deal, or None before it is drafted."""
    found: Confirmation | None = await session.scalar(
        select(Confirmation).where(Confirmation.trade_id == trade_id, Confirmation.version == version)
    )
    return found


async def confirmations(
    session: AsyncSession,
    state: ConfirmationState | None = None,
    trade: UUID | None = None,
    limit: int = 50,
    cursor: UUID | None = None,
) -> dict[str, Any]:
    """Return a page of confirmations, oldest first; ``next`` is the cursor of the page after it."""
    query = select(Confirmation).order_by(Confirmation.id).limit(limit + 1)
    if state is not None:
        query = query.where(Confirmation.state == state)
    if trade is not None:
        query = query.where(Confirmation.trade_id == trade)
    if cursor is not None:
        query = query.where(Confirmation.id > cursor)
    found = list(await session.scalars(query))
    return {
        "items": [view(one) for one in found[:limit]],
        "next": str(found[limit - 1].id) if len(found) > limit else None,
    }


async def confirmation_view(session: AsyncSession, confirmation_id: UUID) -> dict[str, Any]:
    """Return one confirmation with both sides and the breaks between them. Raises NotFound."""
    found = await session.get(Confirmation, confirmation_id)
    if found is None:
        raise NotFound("confirmation")
    return view(found)


def view(confirmation: Confirmation) -> dict[str, Any]:
    """Return the confirmation as the interface shows it; ``version`` is what the next act must carry."""
    facts = {
        "id": confirmation.id,
        "trade": confirmation.trade_id,
        "trade_version": confirmation.version,
        "version": confirmation.rev,
        "state": confirmation.state,
        "ours": confirmation.ours,
        "sent_at": confirmation.sent_at,
        "counter": confirmation.counter,
        "counter_at": confirmation.counter_at,
    }
    plain = {name: None if value is None else plain_value(value) for name, value in facts.items()}
    return plain | {"breaks": confirmation.breaks}  # which name the side that is silent
