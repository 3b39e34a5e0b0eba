"""Who is there: every account that could do something now, of any office, and all accounts of the own one."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import Pool

from policies.policy import Policy
from policies.standing import Standing
from policies.vocabulary import Action, Office
from service.distance import Distance, distance_of

FRESH_SECONDS: Final = 1.0
"""How long an answer is kept though nothing changed: rights and absences also begin and end by the clock."""
KEPT_MAX: Final = 200
EVERYBODY: Final = text(
    "SELECT account_id, name, person_id, office, service, roles_held, deputy_for, away, unit_id, function_class, "
    "board, trading_line, former, applied FROM public.everybody(CAST(:roles AS text[]), :far)"
)


@dataclass(frozen=True, slots=True)
class Holder:
    """An enabled account of a person, with what it can do now."""

    account: UUID
    name: str
    office: str
    standing: Standing
    away: bool


@dataclass(frozen=True, slots=True)
class Colleague:
    """An enabled account of the own office; ``roles``: those of a service, and of whoever might act."""

    name: str
    person: str
    roles: frozenset[str]
    service: bool


@dataclass(frozen=True, slots=True)
class Roster:
    """Who holds one of the roles asked about, absent people included; the own office's accounts; distances."""

    people: Sequence[Holder]
    colleagues: Mapping[UUID, Colleague]
    where: Mapping[str, Distance]


Asked = tuple[frozenset[str], bool, Office | None]
_KEPT: Final[WeakKeyDictionary[Pool, dict[Asked, tuple[int, float, Roster]]]] = WeakKeyDictionary()


async def roster(
    connection: AsyncConnection,
    policy: Policy,
    actions: frozenset[Action],
    *,
    office: Office | None = None,
    epoch: int | None = None,
) -> Roster:
    """Return who could do one of ``actions``; ``office``: the own one, whose accounts are named.

    ``epoch``: how often anything about people had changed just before; with it, an answer of the last second will do
    if nothing changed since. Only what is shown asks so: what is enforced is asked anew, under locks.
    """
    roles = frozenset(role for role in policy.roles if not policy.powers_of[role].isdisjoint(actions))
    far = not policy.independence.keys().isdisjoint(actions)
    asked = (roles, far, office)
    kept = _KEPT.setdefault(connection.engine.sync_engine.pool, {})  # one office's login to one database
    if epoch is not None and (held := kept.get(asked)) is not None:
        at_epoch, since, found = held
        if at_epoch == epoch and time.monotonic() - since < FRESH_SECONDS:
            return found
    began = time.monotonic()
    found = await _read(connection, roles, far=far, office=office)
    if epoch is not None:
        if len(kept) >= KEPT_MAX:
            kept.clear()
        kept[asked] = (epoch, began, found)
    return found


async def _read(
    connection: AsyncConnection, roles: frozenset[str], *, far: bool, office: Office | None
) -> Roster:
    rows = (await connection.execute(EVERYBODY, {"roles": sorted(roles), "far": far})).all()
    return Roster(
        people=[
            Holder(
                row.account_id,
                row.name,
                row.office,
                Standing(str(row.person_id), frozenset(row.roles_held), row.deputy_for),
                row.away,
            )
            for row in rows
            if not row.service and not roles.isdisjoint(row.roles_held)
        ],
        colleagues={
            row.account_id: Colleague(row.name, str(row.person_id), frozenset(row.roles_held), row.service)
            for row in rows
            if row.office == office
        },
        where={str(row.person_id): distance_of(row) for row in rows if row.unit_id is not None},
    )
