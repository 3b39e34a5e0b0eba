"""Who holds what no one person holds, and whose deals are watched after a move from control to a desk."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.cooling_off import WATCHED, until
from policies.policy import Policy
from service.compliance.use_cases import EVERYBODY
from service.kernel.working_hours import BERLIN

MOVED = text(
    "SELECT m.person_id, m.since, b.name AS before_name, b.function_class AS before_class, u.name, u.function_class "
    "FROM (SELECT person_id, unit_id, valid_from AS since, "
    "lag(unit_id) OVER (PARTITION BY person_id ORDER BY valid_from, id) AS before FROM public.membership) m "
    "JOIN public.unit u ON u.id = m.unit_id JOIN public.unit b ON b.id = m.before ORDER BY m.since DESC, m.person_id"
)
DEALS = text(
    "SELECT t.id FROM public.trade t JOIN public.account a ON a.id = t.captured_by "
    "WHERE a.person_id = :person AND t.captured_at >= :since ORDER BY t.captured_at DESC, t.id LIMIT 200"
)


async def monitored(session: AsyncSession, policy: Policy, today: date) -> list[dict[str, Any]]:
    """Return whoever came from control to a desk within the months of cooling_off.csv, with their deals since (A-11)."""
    rules = {(rule.before, rule.after): rule for rule in policy.cooling_off if rule.control == WATCHED}
    found = []
    for row in (await session.execute(MOVED)).all():
        rule = rules.get((row.before_class, row.function_class))
        if rule is None or today >= (over := until(row.since, rule.months)):
            continue
        begins = datetime.combine(row.since, time(), BERLIN)  # the day is Berlin's, moments are UTC's
        deals = await session.scalars(DEALS, {"person": row.person_id, "since": begins})
        found.append(
            {
                "person": str(row.person_id),
                "from": row.before_name,
                "to": row.name,
                "since": row.since.isoformat(),
                "until": over.isoformat(),
                "control": rule.control,
                "deals": [str(deal) for deal in deals],
            }
        )
    return found


async def conflicts(session: AsyncSession) -> list[dict[str, Any]]:
    """Return everybody who now holds, or answers for, what no one person does."""
    return [
        {"person": str(row.person_id), "control": row.control, "left": row.left_side, "right": row.right_side}
        for row in await session.execute(EVERYBODY)
    ]
