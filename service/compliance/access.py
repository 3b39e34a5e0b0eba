"""What each role may do, which roles never meet, and what was tried in vain, grouped by who tried it."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.proof import prove_static
from policies.rights import SERVICE, STAFF
from policies.separation import conflicts
from policies.vocabulary import READS, Action
from service.compliance.queries import names_of
from service.kernel.database import plain_value
from service.kernel.working_hours import day_in_berlin

REFUSALS_MAX: Final = 5_000
PUBLISHED: Final = text(
    "SELECT id, recorded_at FROM public.audit_entry WHERE act = 'policy.publish' AND outcome = 'allow' "
    "ORDER BY recorded_at DESC LIMIT 1"
)
DENIED: Final = text(
    "WITH newest AS (SELECT id, account, act, recorded_at, bytes FROM public.audit_entry "
    "WHERE outcome = 'refuse' AND (CAST(:since AS timestamptz) IS NULL OR recorded_at >= :since) "
    "AND (CAST(:until AS timestamptz) IS NULL OR recorded_at < :until) "
    "ORDER BY recorded_at DESC LIMIT :newest), "
    "told AS (SELECT n.*, convert_from(n.bytes, 'UTF8')::jsonb AS body FROM newest n) "
    "SELECT t.account, t.act, t.body #>> '{decision,rules,0}' AS rule, t.body #>> '{actor,person}' AS person, "
    "count(*) AS tries, min(t.recorded_at) AS first, max(t.recorded_at) AS last, "
    "(array_agg(t.id ORDER BY t.recorded_at DESC))[1] AS entry FROM told t "
    "WHERE CAST(:account AS text[]) IS NULL OR t.account = ANY(:account) "
    "GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC, max(t.recorded_at) DESC LIMIT :limit"
)

KEPT_MAX: Final = 64
About = ParamSpec("About")
Told = TypeVar("Told")


def kept(work: Callable[Concatenate[Policy, About], Told]) -> Callable[Concatenate[Policy, About], Told]:
    """Work out once for a policy what follows from it alone: a policy never changes, another one has another version."""
    told: dict[tuple[object, ...], Told] = {}

    @wraps(work)
    def asked(policy: Policy, /, *about: About.args, **named: About.kwargs) -> Told:
        key = (policy.version, *about, *named.items())
        if key not in told:
            if len(told) >= KEPT_MAX:
                told.clear()
            told[key] = work(policy, *about, **named)
        return told[key]

    return asked


def people_roles(policy: Policy) -> list[str]:
    """Return the roles that people hold, in the order of the policy."""
    return [role for role in policy.roles if not role.startswith(SERVICE) and role != STAFF]


@kept
def may(policy: Policy, *, reads: bool) -> list[dict[str, Any]]:
    """Return every act with the roles that may do it; what everybody on the staff may is left out."""
    roles = people_roles(policy)
    common = frozenset.intersection(*(policy.powers_of[role] for role in roles))
    acts = [action for action in Action if action not in common and (reads or action not in READS)]
    return [
        {
            "act": action.value,
            "roles": [role for role in roles if action in policy.powers_of[role]],
            "automatic": [
                role for role in policy.roles if role.startswith(SERVICE) and action in policy.powers_of[role]
            ],
        }
        for action in acts
    ]


@kept
def apart(policy: Policy) -> dict[str, dict[str, dict[str, Any]]]:
    """Return for every two roles of people that never meet in one person the controls that say so."""
    roles = people_roles(policy)
    found: dict[str, dict[str, dict[str, Any]]] = {role: {} for role in roles}
    for place, left in enumerate(roles):
        for right in roles[place + 1 :]:
            met = conflicts(policy, (left, right))
            if met:
                cell = {
                    "controls": sorted({one.control for one in met}),
                    "hard": any(one.severity == "H" for one in met),
                }
                found[left][right] = found[right][left] = cell
    return found


@kept
def proved(policy: Policy) -> Mapping[str, Any]:
    """Prove that no person can hold an entering and a controlling right of the policy in force."""
    static = prove_static(policy)
    return {
        "ways": 0 if static.counter_example is None else 1,
        "sets": static.reach.sets,
        "pairs": static.reach.refused,
        "rules": static.rules,
        "policy": policy.version,
    }


async def published(session: AsyncSession) -> dict[str, Any] | None:
    """Return the entry by which the policy in force was published."""
    found = (await session.execute(PUBLISHED)).one_or_none()
    return None if found is None else {"entry": str(found.id), "at": plain_value(found.recorded_at)}


async def denied(
    session: AsyncSession, *, account: UUID | None = None, day: date | None = None, limit: int = 200
) -> list[dict[str, Any]]:
    """Return the newest refusals grouped by who tried what and which rule refused it, the most frequent first.

    ``day``: of that day in Berlin alone. Raises Malformed for one that no clock shows.
    """
    accounts = None if account is None else [str(account), f"anonymous:{account}"]
    since, until = (None, None) if day is None else day_in_berlin(day)
    facts = {
        "newest": REFUSALS_MAX,
        "account": accounts,
        "since": since,
        "until": until,
        "limit": limit,
    }
    found = (await session.execute(DENIED, facts)).all()
    names = await names_of(session, {row.account for row in found})
    return [
        {
            "account": row.account,
            "account_name": names.get(row.account),
            "person": row.person,
            "act": row.act,
            "rule": row.rule,
            "tries": row.tries,
            "first_at": plain_value(row.first),
            "last_at": plain_value(row.last),
            "entry": str(row.entry),
        }
        for row in found
    ]
