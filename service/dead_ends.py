"""Whether anybody is left for an act: asked before work is handed on, and before somebody goes.

The judgement is the one that is enforced (``policies.standing``); what is asked of the database is who holds which
roles now, over all offices, and what was done to the object before.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.apart import Act
from policies.policy import Policy
from policies.standing import Standing, judge
from policies.vocabulary import Action
from service.kernel.errors import Refusal
from service.kernel.items import ROUTES, Item

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


def able(
    policy: Policy, people: Iterable[Holder], action: Action, history: Sequence[Act], now: datetime
) -> list[Holder]:
    """Return who of ``people`` may do ``action`` to an object with this history, now."""
    return [
        holder
        for holder in people
        if not holder.away and judge(policy, holder.standing, action, history, now).allowed
    ]


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
    done: Mapping[Waiting, Sequence[Act]],
    fresh: Collection[UUID],
) -> list[Waiting]:
    """Return the work of ``waiting`` that nobody could do now.

    ``done``: what this very act does to the history; ``fresh``: deals that it brings into being.
    """
    by_hand = [one for one in waiting if not ROUTES[one.kind].automatic]
    if not by_hand:
        return []
    people = await holders(connection, policy, {one.action for one in by_hand})
    left = [one for one in by_hand if able(policy, people, one.action, done[one], now)]
    alone = [one for one in by_hand if one not in left]
    old = [one for one in left if one.trade_id not in fresh]
    past = await histories(connection, old)
    alone += [one for one in old if not able(policy, people, one.action, [*past[one], *done[one]], now)]
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
    now_there = await holders(connection, policy, {one.action for one in waiting})
    then = [holder for holder in map(after, now_there) if holder is not None]
    past = await histories(connection, waiting)
    return [
        one
        for one in waiting
        if able(policy, now_there, one.action, past[one], now)
        and not able(policy, then, one.action, past[one], now)
    ]


def must_leave_somebody(alone: Sequence[Waiting]) -> None:
    """Raise DeadEnd naming what would wait for nobody, if anything would."""
    if not alone:
        return
    acts = sorted({one.action.value for one in alone})
    raise DeadEnd(
        f"Nobody would be left for {len(alone)} open items: {', '.join(acts)}. Say why it shall be so all the same."
    )
