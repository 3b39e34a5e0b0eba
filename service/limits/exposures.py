"""What is open towards each counterparty, by when it falls due: the sums that the limits hold, spread over time."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.parties.queries import counterparty_names

COUNTERPARTIES_MAX: Final = 200
BUCKETS: Final = ((0, "due"), (7, "week"), (30, "month"), (90, "quarter"), (365, "year"))
BEYOND: Final = "beyond"
NAMES: Final = (*(name for _, name in BUCKETS), BEYOND)
TODAY: Final = text("SELECT public.desk_day()")
OPEN: Final = text("SELECT owner_id, due, eur_amount FROM public.exposures_now()")
"""From the totals that the database keeps, with what is not in them yet."""


def bucket_of(due: date, today: date) -> str:
    """Return in which span of days from today a deal falls due; what is due already counts as due."""
    days = (due - today).days
    return next((name for most, name in BUCKETS if days <= most), BEYOND)


async def exposures(session: AsyncSession) -> dict[str, Any]:
    """Return what is open in EUR by counterparty and by span until the last payment, the largest first."""
    today: date = (await session.execute(TODAY)).scalar_one()
    by_owner: dict[Any, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(NAMES, Decimal(0)))
    for row in await session.execute(OPEN):
        by_owner[row.owner_id][bucket_of(row.due, today)] += row.eur_amount
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
        "open_eur": plain_value(sum(totals.values(), Decimal(0))),
        "next": None,
    }
