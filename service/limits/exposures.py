"""What is open towards each counterparty, by when it falls due: the sums that the limits hold, spread over time."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Uuid, column, func, select, table, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.limits.model import LimitReservation
from service.parties.queries import counterparty_names

COUNTERPARTIES_MAX: Final = 200
BUCKETS: Final = ((0, "due"), (7, "week"), (30, "month"), (90, "quarter"), (365, "year"))
BEYOND: Final = "beyond"
NAMES: Final = (*(name for _, name in BUCKETS), BEYOND)
TODAY: Final = text("SELECT public.desk_day()")
TRADE: Final = table("trade", column("id", Uuid()), column("version"), schema="public")
TERMS: Final = table(
    "trade_version",
    column("trade_id", Uuid()),
    column("version"),
    column("value_date"),
    column("end_date"),
    schema="public",
)


def bucket_of(due: date, today: date) -> str:
    """Return in which span of days from today a deal falls due; what is due already counts as due."""
    days = (due - today).days
    return next((name for most, name in BUCKETS if days <= most), BEYOND)


async def exposures(session: AsyncSession) -> dict[str, Any]:
    """Return what is open in EUR by counterparty and by span until the last payment, the largest first."""
    today: date = (await session.execute(TODAY)).scalar_one()
    held = LimitReservation
    due = func.coalesce(TERMS.c.end_date, TERMS.c.value_date)
    wanted = (
        select(held.owner_id, due.label("due"), func.sum(held.eur_amount).label("eur"))
        .join(TRADE, TRADE.c.id == held.trade_id)
        .join(TERMS, (TERMS.c.trade_id == TRADE.c.id) & (TERMS.c.version == TRADE.c.version))
        .where(held.scope == "counterparty")
        .group_by(held.owner_id, due)
        .having(func.sum(held.eur_amount) != 0)
    )
    by_owner: dict[Any, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(NAMES, Decimal(0)))
    for row in await session.execute(wanted):
        by_owner[row.owner_id][bucket_of(row.due, today)] += row.eur
    largest = sorted(by_owner.items(), key=lambda pair: -sum(pair[1].values()))[:COUNTERPARTIES_MAX]
    names = await counterparty_names(session, {owner for owner, _ in largest})
    totals = {name: sum((spread[name] for spread in by_owner.values()), Decimal(0)) for name in NAMES}
    return {
        "as_of": today.isoformat(),
        "spans": list(NAMES),
        "items": [
            {
                "counterparty": str(owner),
                "name": names.get(owner, str(owner)),
                "open_eur": {name: plain_value(amount) for name, amount in spread.items()},
                "total_eur": plain_value(sum(spread.values(), Decimal(0))),
            }
            for owner, spread in largest
        ],
        "total_eur": {name: plain_value(amount) for name, amount in totals.items()},
        "next": None,
    }
