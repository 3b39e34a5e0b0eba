"""Cancellations and corrections that pile up: at a person, a book, a counterparty or a clerk (SET-10, A-05).

What is found goes to the back office and to compliance, never to the desk.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Attempt
from service.confirmations.model import Confirmation
from service.control.model import RequestDecision
from service.kernel.items import Item
from service.trades.model import ChangeRequest, Trade, TradeVersion

CANCELLATIONS: Final = 5
WITHIN: Final = timedelta(hours=24)
"""So many cancellations of one trader's unconfirmed deals within a day are no accident any more (SET-10)."""
MONTH_END_DAYS: Final = 3


async def look_for_clusters(attempt: Attempt, trade_id: UUID) -> None:
    """Raise an alert where a trader's cancellations before confirmation pile up; trading can neither see nor close it."""
    request = await attempt.session.scalar(
        select(ChangeRequest)
        .join(RequestDecision, RequestDecision.request_id == ChangeRequest.id)
        .where(
            ChangeRequest.trade_id == trade_id,
            ChangeRequest.terms.is_(None),
            RequestDecision.outcome == "approved",
        )
        .order_by(ChangeRequest.id.desc())
        .limit(1)
    )
    if request is None:
        return
    cancelled = (
        select(func.count(func.distinct(ChangeRequest.trade_id)))
        .join(RequestDecision, RequestDecision.request_id == ChangeRequest.id)
        .where(
            ChangeRequest.requested_by == request.requested_by,
            ChangeRequest.terms.is_(None),
            ChangeRequest.requested_at > attempt.now - WITHIN,
            RequestDecision.outcome == "approved",
            ~was_confirmed(),
        )
    )
    count = await attempt.session.scalar(cancelled) or 0
    if count >= CANCELLATIONS:
        for item in (Item.EXAMINE_ALERT, Item.REVIEW_ALERT):
            attempt.open_item_about(
                item, "change_request", request.id, trade_id=trade_id, reason="cancellations_cluster"
            )
        attempt.note(cancellations_within_a_day=count)


def was_confirmed() -> Any:
    """Return the condition that the request's deal had been agreed with the counterparty before."""
    return exists().where(
        Confirmation.trade_id == ChangeRequest.trade_id, Confirmation.agreed_by.is_not(None)
    )


async def corrections(session: AsyncSession) -> dict[str, Any]:
    """Return what was changed and cancelled per trader, book, counterparty and clerk: count, share, timing."""
    asked = await session.execute(
        select(
            ChangeRequest.id,
            ChangeRequest.request,
            ChangeRequest.requested_by,
            ChangeRequest.requested_at,
            Trade.portfolio_id,
            TradeVersion.counterparty_id,
            RequestDecision.id.label("decision"),
            was_confirmed().label("confirmed"),
        )
        .join(Trade, Trade.id == ChangeRequest.trade_id)
        .join(
            TradeVersion,
            and_(
                TradeVersion.trade_id == ChangeRequest.trade_id,
                TradeVersion.version == ChangeRequest.trade_version,
            ),
        )
        .join(RequestDecision, RequestDecision.request_id == ChangeRequest.id)
        .where(RequestDecision.outcome == "approved")
        .order_by(ChangeRequest.id.desc())
        .limit(10_000)
    )
    rows = asked.all()
    deals = await session.scalar(select(func.count()).select_from(Trade)) or 0
    return {
        "deals": deals,
        "corrections": len(rows),
        "by": {
            "trader": grouped(rows, "requested_by", deals),
            "portfolio": grouped(rows, "portfolio_id", deals),
            "counterparty": grouped(rows, "counterparty_id", deals),
        },
    }


def grouped(rows: Any, column: str, deals: int) -> list[dict[str, Any]]:
    """Return the figures per value of a column, the largest first."""
    groups: dict[UUID, list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    told = [
        {
            "id": str(key),
            "count": len(found),
            "cancellations": sum(row.request == "cancellation" for row in found),
            "before_confirmation": sum(not row.confirmed for row in found),
            "at_month_end": sum(
                (row.requested_at + timedelta(days=MONTH_END_DAYS)).month != row.requested_at.month
                for row in found
            ),
            "share_percent": f"{100 * len(found) / deals:.1f}" if deals else "0.0",
        }
        for key, found in groups.items()
    ]
    return sorted(told, key=lambda one: (-int(one["count"]), one["id"]))
