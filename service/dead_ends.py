"""Whether anybody is left for an act: asked before work is handed on, and before somebody goes.

The judgement is the one that is enforced (``policies.standing``); what is asked of the database is who holds which
roles now, over all offices, and what was done to the object before.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.apart import Act, Scope, refusal
from policies.duties import ENTER
from policies.policy import Policy
from policies.vocabulary import READS, Action
from service.distance import NOWHERE, Distance, Origin, far_enough, origins_in
from service.kernel.errors import Refusal
from service.kernel.items import ROUTES, Item
from service.roster import Holder, roster

BERLIN = ZoneInfo("Europe/Berlin")
ITEMS_MAX = 500
TOLD_MAX = 20

PASTS = text(
    "SELECT n, fact, unit_id, board, kind, id, act, person, at FROM public.pasts_of("
    "CAST(:trades AS uuid[]), CAST(:kinds AS text[]), CAST(:ids AS uuid[]), CAST(:entering AS text[]))"
)
OPEN = text(
    "SELECT kind, subject_kind, subject_id, trade_id, version FROM public.work_item "
    "WHERE closed_entry_id IS NULL AND kind = ANY(CAST(:kinds AS text[])) ORDER BY due_at LIMIT :most"
)


class DeadEnd(Refusal):
    """409. Nobody would be left for work that waits; say ``accept_dead_end`` with a reason to go on all the same."""

    field = "accept_dead_end"


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


@dataclass(frozen=True, slots=True)
class Bench:
    """Who could do something now: their accounts, how far each person stands from trading, and the day."""

    policy: Policy
    now: datetime
    people: Sequence[Holder]
    where: Mapping[str, Distance]
    near: dict[tuple[Action, Origin], list[tuple[Holder, frozenset[str]]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )  # the same for every object of one origin: found once, however many objects are asked about

    def able(self, action: Action, history: Sequence[Act], origin: Origin) -> list[Holder]:
        """Return who may do ``action`` to an object with this history and origin, now, by every rule of the gate."""
        if (action, origin) not in self.near:
            self.near[action, origin] = self._there(action, origin)
        return [
            holder
            for holder, persons in self.near[action, origin]
            if refusal(self.policy.apart, action, persons, history, self.now) is None
        ]

    def _there(self, action: Action, origin: Origin) -> list[tuple[Holder, frozenset[str]]]:
        """Return who is here, has a role for ``action`` and stands far enough, with everybody they would act for."""
        today = self.now.astimezone(BERLIN).date()
        return [
            (holder, holder.standing.persons(self.policy, action))
            for holder in self.people
            if not holder.away
            and holder.standing.decide(self.policy, action).allowed
            and far_enough(self.policy, action, self.where.get(holder.standing.person), origin, today)
        ]

    def after(self, change: Callable[[Holder], Holder | None]) -> "Bench":
        """Return who is left once ``change`` has come about: what becomes of each account, None if it is closed."""
        return replace(self, people=[left for left in map(change, self.people) if left is not None])


async def bench(
    connection: AsyncConnection,
    policy: Policy,
    now: datetime,
    actions: Collection[Action],
    epoch: int | None = None,
) -> Bench:
    """Return everybody that the roles let do one of ``actions``; ``epoch``: see ``roster``."""
    there = await roster(connection, policy, frozenset(actions), epoch=epoch)
    return Bench(policy, now, there.people, there.where)


@dataclass(frozen=True, slots=True)
class Past:
    """Who did what to an object and its deal, and what it comes from."""

    acts: Sequence[Act] = ()
    origin: Origin = NOWHERE


async def pasts(connection: AsyncConnection, waiting: Sequence[Waiting]) -> list[Past]:
    """Return what lies behind each piece of work, in one statement; takes no locks."""
    return await pasts_of(connection, [(one.trade_id, one.subject_kind, one.subject_id) for one in waiting])


async def pasts_of(
    connection: AsyncConnection, objects: Sequence[tuple[UUID | None, str, UUID]]
) -> list[Past]:
    """Return what lies behind each object, told by its deal, kind and id, in one statement; takes no locks."""
    if not objects:
        return []
    asked = {
        "trades": [trade for trade, _, _ in objects],
        "kinds": [kind for _, kind, _ in objects],
        "ids": [object_id for _, _, object_id in objects],
        "entering": [act.value for act in ENTER],
    }
    rows = (await connection.execute(PASTS, asked)).all()
    came = origins_in([row for row in rows if row.fact != "act"], len(objects))
    acts: list[list[Act]] = [[] for _ in objects]
    for row in rows:
        if row.fact == "act":
            _, kind, object_id = objects[row.n - 1]
            scope: Scope = "object" if (row.kind, row.id) == (kind, object_id) else "trade"
            acts[row.n - 1].append(Act(row.act, row.person, row.at, scope))
    return [Past(done, origin) for done, origin in zip(acts, came, strict=True)]


async def nobody_for(
    connection: AsyncConnection,
    policy: Policy,
    now: datetime,
    waiting: Sequence[Waiting],
    done: Mapping[Waiting, tuple[Sequence[Act], Origin]],
    fresh: Collection[UUID],
    epoch: int | None,
) -> list[Waiting]:
    """Return the work of ``waiting`` that nobody could do now: it is told, and nothing is kept from anybody by it.

    ``done``: what this very act does to the history, and where it is done; ``fresh``: deals it brings into being;
    ``epoch``: how often anything about people had changed when the act began.
    """
    by_hand = [one for one in waiting if not ROUTES[one.kind].automatic]
    if not by_hand:
        return []
    there = await bench(connection, policy, now, {one.action for one in by_hand}, epoch)
    left = [one for one in by_hand if there.able(one.action, *done[one])]
    alone = [one for one in by_hand if one not in left]
    asked = left if any(one.former or one.applied for one in there.where.values()) else []
    old = [one for one in left if one.trade_id not in fresh or one in asked]
    for one, past in zip(old, await pasts(connection, old), strict=True):
        acts, here = done[one]
        origin = Origin(past.origin.entered | here.entered, past.origin.desks)
        if not there.able(one.action, [*past.acts, *acts], origin):
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
    return [
        one
        for one, past in zip(waiting, await pasts(connection, waiting), strict=True)
        if there.able(one.action, past.acts, past.origin)
        and not then.able(one.action, past.acts, past.origin)
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
