"""Rights that nobody uses: roles long in force, and when their holder last did anything that only the role allows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.vocabulary import READS
from service.compliance.access import people_roles
from service.kernel.database import plain_value

UNUSED_AFTER: Final = timedelta(days=90)
LOOKED_BACK: Final = timedelta(days=400)
"""What was not used for longer than that was not used."""
HELD: Final = text(
    """
    SELECT g.id, a.name AS account, a.id AS account_id, p.name AS person, a.person_id, u.name AS unit, g.role,
           g.valid_until, used.at AS last_used
    FROM public.role_grant g JOIN public.account a ON a.id = g.account_id
    JOIN public.person p ON p.id = a.person_id JOIN public.unit u ON u.id = p.unit_id
    JOIN public.audit_effect begun ON begun.kind = 'role_grant' AND begun.id = g.id AND begun.rev = g.rev
    LEFT JOIN LATERAL (
        SELECT e.recorded_at AS at FROM public.audit_entry e
        JOIN unnest(CAST(:roles AS text[]), CAST(:acts AS text[])) own(role, act)
          ON own.role = g.role AND own.act = e.act
        WHERE e.account = a.id::text AND e.outcome = 'allow' AND e.recorded_at >= :since
        ORDER BY e.recorded_at DESC LIMIT 1
    ) used ON true
    WHERE g.state = 'executed' AND NOT a.service AND NOT a.disabled AND g.role = ANY(CAST(:known AS text[]))
      AND greatest(begun.at, g.valid_from) <= :unused AND (g.valid_until IS NULL OR g.valid_until > :now)
      AND (CAST(:role AS text) IS NULL OR g.role = :role)
      AND (CAST(:after AS uuid) IS NULL OR g.id > CAST(:after AS uuid))
      AND (used.at IS NULL OR used.at < :unused)
    ORDER BY g.id LIMIT :limit
    """
)


def own_acts(policy: Policy) -> dict[str, frozenset[str]]:
    """Return the acts that tell that a role was used: not what every role may; reads where it may nothing else."""
    roles = people_roles(policy)
    common = frozenset.intersection(*(policy.powers_of[role] for role in roles))
    found = {}
    for role in roles:
        own = policy.powers_of[role] - common
        found[role] = frozenset(action.value for action in (own - READS or own))
    return found


async def unused_rights(
    session: AsyncSession,
    policy: Policy,
    now: datetime,
    *,
    role: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return roles held for 90 days and not used in them, each with when they were, if they ever were.

    ``role``: of that role alone.
    """
    pairs = [(named, act) for named, acts in own_acts(policy).items() for act in sorted(acts)]
    facts: Mapping[str, Any] = {
        "roles": [named for named, _ in pairs],
        "acts": [act for _, act in pairs],
        "known": people_roles(policy),
        "now": now,
        "since": now - LOOKED_BACK,
        "unused": now - UNUSED_AFTER,
        "role": role,
        "after": None if after is None else str(after),
        "limit": limit + 1,
    }
    rows = (await session.execute(HELD, facts)).all()
    return {
        "items": [
            {
                "id": str(row.id),
                "account": str(row.account_id),
                "account_name": row.account,
                "person": str(row.person_id),
                "person_name": row.person,
                "unit": row.unit,
                "role": row.role,
                "until": None if row.valid_until is None else plain_value(row.valid_until),
                "last_used_at": None if row.last_used is None else plain_value(row.last_used),
                "days_unused": None if row.last_used is None else (now - row.last_used).days,
            }
            for row in rows[:limit]
        ],
        "next": str(rows[limit - 1].id) if len(rows) > limit else None,
    }
