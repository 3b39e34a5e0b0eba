"""Whether anybody is left for an act: asked before work is handed on, and before somebody goes.

The judgement is the one that is enforced (``policies.standing``); what is asked of the database is who holds which
roles now, over all offices, and what was done to the object before.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.apart import Act
from policies.policy import Policy
from policies.standing import Standing, judge
from policies.vocabulary import READS, Action
from service.distance import NOWHERE, Distance, Origin, distances, far_enough, origins
from service.kernel.errors import Refusal
from service.kernel.items import ROUTES, Item

BERLIN = ZoneInfo("Europe/Berlin")
ITEMS_MAX = 500
TOLD_MAX = 20

EVERYBODY = text(
    "SELECT account_id, name, person_id, office, roles, deputy_for, away "
    "FROM public.everybody(CAST(:roles AS text[]))"
)
HISTORY = text(
    "SELECT trade_id, kind, id, act, person, at, entry_id FROM public.history_of("
    "CAST(:trades AS uuid[]), CAST(:kinds AS text[]), CAST(:ids AS uuid[]))"
)
OPEN = text(
    "SELECT kind, subject_kind, subject_id, trade_id, version FROM public.work_item "
    "WHERE closed_entry_id IS NULL AND kind = ANY(CAST(:kinds AS text[])) ORDER BY due_at LIMIT :most"
)


class DeadEnd(Refusal):
    """409. Nobody would be left for work that waits; say ``accept_dead_end`` with a reason to go on all the same."""

    field = "accept_dead_end"


@dataclass(frozen=True, slots=True)
class Holder:
    """An enabled account of a person, with what it can do now."""

    account: UUID
    name: str
    office: str
    standing: Standing
    away: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that waits, or is about to: its kind, what it is about, the deal."""

    kind: Item
    subject_kind: str
    subject_id: UUID
    trade_id: UUID | None
    version: int | None

    @property
    def action(self) -> Action:
        """The act that finishes it."""
        return ROUTES[self.kind].action


async def holders(connection: AsyncConnection, policy: Policy, actions: Collection[Action]) -> list[Holder]:
    """Return every account of a person that the roles let do one of ``actions``, absent people included."""
    roles = sorted({role for role in policy.roles if not policy.powers_of[role].isdisjoint(actions)})
    rows = await connection.execute(EVERYBODY, {"roles": roles})
    return [
        Holder(
            row.account_id,
            row.name,
            row.office,
            Standing(str(row.person_id), frozenset(row.roles), row.deputy_for),
            row.away,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Bench:
    """Who could do something now: their accounts, how far each person stands from trading, and the day."""

    policy: Policy
    now: datetime
    people: Sequence[Holder]
    where: Mapping[str, Distance]

    def able(self, action: Action, history: Sequence[Act], origin: Origin) -> list[Holder]:
        """Return who may do ``action`` to an object with this history and origin, now, by every rule of the gate."""
        today = self.now.astimezone(BERLIN).date()
        return [
            holder
            for holder in self.people
            if not holder.away
            and judge(self.policy, holder.standing, action, history, self.now).allowed
            and far_enough(self.policy, action, self.where.get(holder.standing.person), origin, today)
        ]

    def after(self, change: Callable[[Holder], Holder | None]) -> "Bench":
        """Return who is left once ``change`` has come about: what becomes of each account, None if it is closed."""
        return replace(self, people=[left for left in map(change, self.people) if left is not None])


async def bench(
    connection: AsyncConnection, policy: Policy, now: datetime, actions: Collection[Action]
) -> Bench:
    """Return everybody that the roles let do one of ``actions``."""
    people = await holders(connection, policy, actions)
    persons = {holder.standing.person for holder in people}
    near = await distances(connection, persons) if policy.independence.keys() & set(actions) else {}
    return Bench(policy, now, people, near)


async def origins_of(connection: AsyncConnection, waiting: Sequence[Waiting]) -> dict[Waiting, Origin]:
    """Return what each piece of work comes from."""
    found = await origins(connection, [(one.trade_id, one.subject_kind, one.subject_id) for one in waiting])
    return dict(zip(waiting, found, strict=True))


async def histories(
    connection: AsyncConnection, waiting: Sequence[Waiting]
) -> Mapping[Waiting, Sequence[Act]]:
    """Return for each piece of work who did what to its deal and its subject; takes no locks."""
    if not waiting:
        return {}
    found = (
        await connection.execute(
            HISTORY,
            {
                "trades": list({one.trade_id for one in waiting if one.trade_id is not None}),
                "kinds": [one.subject_kind for one in waiting],
                "ids": [one.subject_id for one in waiting],
            },
        )
    ).all()
    by_trade: dict[UUID, list[Any]] = defaultdict(list)
    by_subject: dict[tuple[str, UUID], list[Any]] = defaultdict(list)
    for row in found:
        by_subject[row.kind, row.id].append(row)
        if row.trade_id is not None:
            by_trade[row.trade_id].append(row)
    told: dict[Waiting, Sequence[Act]] = {}
    for one in waiting:
        subject = (one.subject_kind, one.subject_id)
        trade = [] if one.trade_id is None else by_trade[one.trade_id]
        told[one] = [
            *(Act(row.act, row.person, row.at, "object") for row in by_subject[subject]),
            *(Act(row.act, row.person, row.at, "trade") for row in trade if (row.kind, row.id) != subject),
        ]
    return told


async def nobody_for(
    connection: AsyncConnection,
    policy: Policy,
    now: datetime,
    waiting: Sequence[Waiting],
    done: Mapping[Waiting, tuple[Sequence[Act], Origin]],
    fresh: Collection[UUID],
) -> list[Waiting]:
    """Return the work of ``waiting`` that nobody could do now.

    ``done``: what this very act does to the history, and where it is done; ``fresh``: deals it brings into being.
    """
    by_hand = [one for one in waiting if not ROUTES[one.kind].automatic]
    if not by_hand:
        return []
    there = await bench(connection, policy, now, {one.action for one in by_hand})
    left = [one for one in by_hand if there.able(one.action, *done[one])]
    alone = [one for one in by_hand if one not in left]
    asked = left if any(one.former or one.applied for one in there.where.values()) else []
    old = [one for one in left if one.trade_id not in fresh or one in asked]
    past, came = await histories(connection, old), await origins_of(connection, old)
    for one in old:
        acts, here = done[one]
        origin = Origin(came[one].entered | here.entered, came[one].desks)
        if not there.able(one.action, [*past[one], *acts], origin):
            alone.append(one)
    return alone


async def left_alone(
    connection: AsyncConnection,
    policy: Policy,
    now: datetime,
    roles: Collection[str],
    after: Callable[[Holder], Holder | None],
) -> list[Waiting]:
    """Return the open work that somebody could do now and nobody could once ``after`` has come about.

    ``roles``: what is lost by it; ``after`` gives what becomes of each account, None if it is closed.
    """
    lost = policy.powers(roles)
    kinds = [kind for kind, route in ROUTES.items() if route.action in lost and not route.automatic]
    if not kinds:
        return []
    rows = await connection.execute(OPEN, {"kinds": [kind.value for kind in kinds], "most": ITEMS_MAX})
    waiting = [
        Waiting(Item(row.kind), row.subject_kind, row.subject_id, row.trade_id, row.version) for row in rows
    ]
    if not waiting:
        return []
    there = await bench(connection, policy, now, {one.action for one in waiting})
    then = there.after(after)
    past, came = await histories(connection, waiting), await origins_of(connection, waiting)
    return [
        one
        for one in waiting
        if there.able(one.action, past[one], came[one]) and not then.able(one.action, past[one], came[one])
    ]


async def unmanned(
    connection: AsyncConnection,
    policy: Policy,
    now: datetime,
    roles: Collection[str],
    after: Callable[[Holder], Holder | None],
) -> list[Action]:
    """Return the acts that somebody could do to some object now and nobody could to any, once ``after`` has come about."""
    lost = sorted(policy.powers(roles) - READS)
    if not lost:
        return []
    there = await bench(connection, policy, now, lost)
    then = there.after(after)
    return [act for act in lost if there.able(act, (), NOWHERE) and not then.able(act, (), NOWHERE)]


def must_leave_somebody(alone: Sequence[Waiting]) -> None:
    """Raise DeadEnd naming what would wait for nobody, if anything would."""
    if not alone:
        return
    acts = sorted({one.action.value for one in alone})
    raise DeadEnd(
        f"Nobody would be left for {len(alone)} open items: {', '.join(acts)}. Say why it shall be so all the same."
    )
