"""What stands on the clearing accounts: payments that were made or received in part, and how long they stay there."""

from collections import Counter
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.bookkeeping.posting import account_name
from service.kernel.database import plain_value
from service.settlement.ageing import BUCKETS, Bucket, bucket, business_days

OPEN_MAX: Final = 2_000
"""Never more sums than that are looked at for one answer."""
BANK: Final = "EUR"  # the bank works when T2 does
TODAY: Final = text("SELECT public.desk_day()")
OPEN: Final = text(
    """
    SELECT j.trade_id, l.account, l.currency, sum(l.amount) AS amount, sum(l.eur_amount) AS eur_amount,
           min(j.booked_on) AS since
    FROM public.journal_line l JOIN public.journal j ON j.id = l.journal_id
    WHERE l.account IN ('1900', '2900')
    GROUP BY j.trade_id, l.account, l.currency HAVING sum(l.amount) <> 0 OR sum(l.eur_amount) <> 0
    ORDER BY min(j.booked_on), j.trade_id, l.account, l.currency LIMIT :most
    """
)


async def clearing(session: AsyncSession, *, age: Bucket | None = None, limit: int) -> dict[str, Any]:
    """Return what is open on the clearing accounts by deal, the oldest first, with its age in business days.

    ``by_age`` counts all of it, whatever is shown.
    """
    today: date = (await session.execute(TODAY)).scalar_one()
    rows = (await session.execute(OPEN, {"most": OPEN_MAX})).all()
    told = [open_sum(row, today) for row in rows]
    counted = Counter(one["bucket"] for one in told)
    return {
        "as_of": today.isoformat(),
        "by_age": {one: counted[one] for one in BUCKETS},
        "items": [one for one in told if age in (None, one["bucket"])][:limit],
        "next": None,
    }


def open_sum(row: Row[Any], today: date) -> dict[str, Any]:
    """Return one open sum with its age; positive is a debit."""
    trade: UUID | None = row.trade_id
    days = business_days(row.since, today, BANK)
    return {
        "trade": None if trade is None else str(trade),
        "account": row.account,
        "name": account_name(row.account),
        "currency": row.currency,
        "amount": plain_value(row.amount),
        "eur_amount": plain_value(row.eur_amount),
        "since": row.since.isoformat(),
        "days": days,
        "bucket": bucket(days),
    }
