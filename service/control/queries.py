"""What trading asked for, and what the back office decided."""

from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from service.control.lifecycle import RequestState
from service.control.model import RequestDecision
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.parties.model import Portfolio
from service.people.model import Account
from service.trades.model import ChangeRequest, Trade
from service.trades.queries import in_sight


async def requests(
    session: AsyncSession, actor: Actor, state: RequestState | None, after: Place | None, limit: int
) -> dict[str, Any]:
    """Return requests in sight, newest first."""
    outcome = func.coalesce(RequestDecision.outcome, RequestState.OPEN.value)
    wanted = (
        select(
            ChangeRequest,
            Trade.number,
            Portfolio.name.label("portfolio"),
            Account.name.label("account"),
            outcome.label("state"),
            RequestDecision.reason.label("because"),
        )
        .join(Trade, Trade.id == ChangeRequest.trade_id)
        .join(Portfolio, Portfolio.id == Trade.portfolio_id)
        .join(Account, Account.id == ChangeRequest.requested_by)
        .outerjoin(RequestDecision, RequestDecision.request_id == ChangeRequest.id)
        .where(in_sight(actor))
        .order_by(ChangeRequest.requested_at.desc(), ChangeRequest.id.desc())
        .limit(limit)
    )
    if state is not None:
        wanted = wanted.where(outcome == state.value)
    if after is not None:
        wanted = wanted.where(
            tuple_(ChangeRequest.requested_at, ChangeRequest.id) < tuple_(after.at, after.id)
        )
    found = (await session.execute(wanted)).all()
    items = [
        {
            "id": str(row.ChangeRequest.id),
            "version": row.ChangeRequest.rev,
            "request": row.ChangeRequest.request,
            "trade": str(row.ChangeRequest.trade_id),
            "trade_version": row.ChangeRequest.trade_version,
            "deal_number": row.number,
            "portfolio": row.portfolio,
            "reason": row.ChangeRequest.reason,
            "requested_by": row.account,
            "requested_at": plain_value(row.ChangeRequest.requested_at),
            "state": row.state,
            "decision": row.because,
        }
        for row in found
    ]
    last = found[-1].ChangeRequest if len(found) == limit else None
    return {"items": items, "next": last and cursor_of(last.requested_at, last.id)}
