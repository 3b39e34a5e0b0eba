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
from service.kernel.cursors import Place, cursor_of, place_of
from service.kernel.database import plain_value
from service.kernel.errors import Malformed
from service.kernel.working_hours import day_in_berlin

REFUSALS_MAX: Final = 5_000
PUBLISHED: Final = text(
    "SELECT id, recorded_at FROM public.audit_entry WHERE act = 'policy.publish' AND outcome = 'allow' "
    "ORDER BY recorded_at DESC LIMIT 1"
)
FORMLESS: Final = ("malformed", "foreign_query", "wrong_media_type", "body_too_large")
"""Codes of requests whose form nobody could read: whoever sent them tried nothing in particular."""
DENIED: Final = text(
    """
    WITH newest AS (
        SELECT id, account, act, recorded_at, bytes, row_number() OVER (ORDER BY recorded_at DESC, id DESC) AS place
        FROM public.audit_entry
        WHERE outcome = 'refuse' AND (CAST(:account AS text[]) IS NULL OR account = ANY(:account))
          AND recorded_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
          AND recorded_at < coalesce(CAST(:until AS timestamptz), 'infinity')
          AND (recorded_at, id) <= (coalesce(CAST(:at AS timestamptz), 'infinity'),
                                    coalesce(CAST(:id AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY recorded_at DESC, id DESC LIMIT :newest + 1
    ), told AS (
        SELECT n.*, convert_from(n.bytes, 'UTF8')::jsonb AS body FROM newest n WHERE n.place <= :newest
    ), tried AS (
        SELECT account, act, body #>> '{decision,rules,0}' AS rule, body #>> '{actor,person}' AS person,
               count(*) AS tries, min(recorded_at) AS first, max(recorded_at) AS last,
               (array_agg(id ORDER BY place))[1] AS entry
        FROM told GROUP BY 1, 2, 3, 4
    ), ends AS (
        SELECT count(*) FILTER (WHERE place <= :newest) AS refusals,
               min(recorded_at) FILTER (WHERE place <= :newest) AS oldest_at,
               (array_agg(recorded_at ORDER BY place))[1] AS begins_at, (array_agg(id ORDER BY place))[1] AS begins_id,
               max(recorded_at) FILTER (WHERE place > :newest) AS older_at,
               (array_agg(id) FILTER (WHERE place > :newest))[1] AS older_id
        FROM newest
    )
    SELECT tried.*, ends.* FROM tried CROSS JOIN ends
    ORDER BY CASE WHEN rule ~ '^[A-Z]' THEN 0 WHEN rule = ANY(CAST(:formless AS text[])) THEN 2 ELSE 1 END,
             tries DESC, last DESC, entry
    LIMIT :limit + 1 OFFSET :skip
    """
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
    session: AsyncSession,
    *,
    account: UUID | None = None,
    day: date | None = None,
    since: date | None = None,
    cursor: str | None = None,
    newest: int = REFUSALS_MAX,
    limit: int = 200,
) -> dict[str, Any]:
    """Return refusals grouped by who tried what and which rule refused it, counted among the newest at a time.

    What a right or a control refused comes first, what could not be read last, each the most frequent first.
    ``next`` goes on with the groups left over, and then with older refusals, grouped for themselves;
    ``refusals`` tells how many these groups count, since when, and whether there are ``older`` ones.
    ``day``: of that day in Berlin alone; ``since``: of that day and later. Raises Malformed for a day that no clock
    shows, and for a foreign cursor.
    """
    place, skip = _group_of(cursor)
    begins, ends = (None, None) if day is None else day_in_berlin(day)
    earliest = None if since is None else day_in_berlin(since)[0]
    facts = {
        "account": None if account is None else [str(account), f"anonymous:{account}"],
        "since": max((one for one in (begins, earliest) if one is not None), default=None),
        "until": ends,
        "at": None if place is None else place.at,
        "id": None if place is None else str(place.id),
        "formless": list(FORMLESS),
        "newest": newest,
        "limit": limit,
        "skip": skip,
    }
    found = (await session.execute(DENIED, facts)).all()
    shown = found[:limit]
    names = await names_of(session, {row.account for row in shown})
    return {
        "items": [_tried(row, names.get(row.account)) for row in shown],
        "next": None if not found else _behind(found[0], skip + limit, more=len(found) > limit),
        "refusals": found[0].refusals if found else 0,
        "since": plain_value(found[0].oldest_at) if found else None,
        "older": bool(found) and found[0].older_at is not None,
    }


def _group_of(cursor: str | None) -> tuple[Place | None, int]:
    """Return from which refusal on a page counts, and how many of its groups came before. Raises Malformed."""
    if cursor is None:
        return None, 0
    newest, _, skip = cursor.rpartition(".")
    if not (skip.isascii() and skip.isdigit() and len(skip) <= len(str(REFUSALS_MAX))):
        raise Malformed("This is no cursor of a page that was given out before.", field="cursor")
    return place_of(newest), int(skip)


def _behind(row: Any, skip: int, *, more: bool) -> str | None:
    """Return where the next page begins: among the same refusals while groups are left, then among older ones."""
    if more:
        return f"{cursor_of(row.begins_at, row.begins_id)}.{skip}"
    return None if row.older_at is None else f"{cursor_of(row.older_at, row.older_id)}.0"


def _tried(row: Any, name: str | None) -> dict[str, Any]:
    """Return a group of refusals as answers show it."""
    return {
        "account": row.account,
        "account_name": name,
        "person": row.person,
        "act": row.act,
        "rule": row.rule,
        "tries": row.tries,
        "first_at": plain_value(row.first),
        "last_at": plain_value(row.last),
        "entry": str(row.entry),
    }
