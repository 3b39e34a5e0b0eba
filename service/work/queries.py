"""What waits for an office, and who of it may act."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, column, select, table, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from policies.apart import Act, refusal
from policies.policy import Policy
from policies.vocabulary import Action
from service.attempt import ACTS_OF
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.items import ROUTES, Item
from service.work.model import WorkItem

ACCOUNTS = text("SELECT account_id, name, person_id, service, roles FROM public.office_accounts()")
TRADE = table(
    "trade", *(column(name, Uuid()) for name in ("id", "portfolio_id")), column("number"), schema="public"
)
PORTFOLIO = table("portfolio", column("id", Uuid()), column("name"), schema="public")


@dataclass(frozen=True, slots=True)
class Colleague:
    """An enabled account of the office."""

    name: str
    person: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Judge:
    """Who may act on which item: roles first, then the history of its deal and its subject."""

    policy: Policy
    colleagues: Sequence[Colleague]
    now: datetime

    def who_can(self, action: Action, history: Sequence[Act]) -> list[str]:
        """Return the names of the accounts that may do ``action`` now."""
        return [
            colleague.name
            for colleague in self.colleagues
            if self.why_not(colleague.roles, colleague.person, action, history) is None
        ]

    def why_not(
        self, roles: Iterable[str], person: str, action: Action, history: Sequence[Act]
    ) -> str | None:
        """Say in a sentence why somebody may not do ``action``; None if they may."""
        decision = self.policy.decide(roles, action)
        if not decision.allowed:
            return f"None of your roles may do this: {decision.reason}."
        broken = refusal(self.policy.apart, action, person, history, self.now)
        return None if broken is None else f"{broken.why[0].upper()}{broken.why[1:]} ({broken.control})."


async def waits(session: AsyncSession, kind: Item, subject_id: UUID, *, version: int | None = None) -> bool:
    """Tell whether an item of this kind about the subject is still open; of no later version, if one is given."""
    wanted = select(WorkItem.id).where(
        WorkItem.subject_id == subject_id, WorkItem.kind == kind, WorkItem.closed_entry_id.is_(None)
    )
    if version is not None:
        wanted = wanted.where(WorkItem.version <= version)
    return await session.scalar(wanted.limit(1)) is not None


async def open_items(
    session: AsyncSession,
    actor: Actor,
    policy: Policy,
    now: datetime,
    *,
    kind: Item | None,
    after: Place | None,
    limit: int,
) -> dict[str, Any]:
    """Return the open items of the caller's office, the most urgent first; five statements for any page."""
    wanted = select(WorkItem).where(WorkItem.office == actor.office.value, WorkItem.closed_entry_id.is_(None))
    if kind is not None:
        wanted = wanted.where(WorkItem.kind == kind.value)
    if after is not None:
        wanted = wanted.where(tuple_(WorkItem.due_at, WorkItem.id) > tuple_(after.at, after.id))
    items = (await session.scalars(wanted.order_by(WorkItem.due_at, WorkItem.id).limit(limit))).all()
    judge = Judge(policy, await colleagues(session), now)
    histories = await histories_of(session, items)
    deals = await deals_of(session, {item.trade_id for item in items if item.trade_id is not None})
    return {
        "items": [view_of(item, actor, judge, histories[item.id], deals) for item in items],
        "next": cursor_of(items[-1].due_at, items[-1].id) if len(items) == limit else None,
    }


async def colleagues(session: AsyncSession) -> list[Colleague]:
    """Return the enabled accounts of the caller's office."""
    rows = await session.execute(ACCOUNTS)
    return [Colleague(row.name, str(row.person_id), frozenset(row.roles)) for row in rows]


async def histories_of(session: AsyncSession, items: Sequence[WorkItem]) -> dict[UUID, list[Act]]:
    """Return for each item who did what to its deal and its subject, read at once for the whole page."""
    if not items:
        return {}
    found = await session.execute(
        ACTS_OF,
        {
            "trades": list({item.trade_id for item in items if item.trade_id is not None}),
            "kinds": [item.subject_kind for item in items],
            "ids": [item.subject_id for item in items],
        },
    )
    by_trade: dict[UUID, list[Any]] = defaultdict(list)
    by_subject: dict[tuple[str, UUID], list[Any]] = defaultdict(list)
    for row in found:
        by_subject[row.kind, row.id].append(row)
        if row.trade_id is not None:
            by_trade[row.trade_id].append(row)
    histories: dict[UUID, list[Act]] = {}
    for item in items:
        subject = (item.subject_kind, item.subject_id)
        trade = [] if item.trade_id is None else by_trade[item.trade_id]
        elsewhere = [row for row in trade if (row.kind, row.id) != subject]
        histories[item.id] = [Act(row.act, row.person, row.at, "object") for row in by_subject[subject]]
        histories[item.id] += [Act(row.act, row.person, row.at, "trade") for row in elsewhere]
    return histories


async def deals_of(session: AsyncSession, trades: Collection[UUID]) -> Mapping[UUID, Any]:
    """Return number and book of each deal; only offices that read deals have items about them."""
    if not trades:
        return {}
    rows = await session.execute(
        select(TRADE.c.id, TRADE.c.number, PORTFOLIO.c.name)
        .join(PORTFOLIO, PORTFOLIO.c.id == TRADE.c.portfolio_id)
        .where(TRADE.c.id.in_(trades))
    )
    return {row.id: row for row in rows}


def view_of(
    item: WorkItem, actor: Actor, judge: Judge, history: Sequence[Act], deals: Mapping[UUID, Any]
) -> dict[str, Any]:
    """Return an item as answers show it."""
    route = ROUTES[Item(item.kind)]
    deal = None if item.trade_id is None else deals.get(item.trade_id)
    return {
        "id": str(item.id),
        "kind": item.kind,
        "action": route.action.value,
        "automatic": route.automatic,
        "subject": {"kind": item.subject_kind, "id": str(item.subject_id)},
        "trade": None if item.trade_id is None else str(item.trade_id),
        "deal_number": None if deal is None else deal.number,
        "portfolio": None if deal is None else deal.name,
        "version": item.version,
        "reason": item.reason,
        "opened_at": plain_value(item.opened_at),
        "due_at": plain_value(item.due_at),
        "overdue": item.due_at < judge.now,
        "who_can_act": judge.who_can(route.action, history),
        "why_not_me": judge.why_not(actor.roles, str(actor.person), route.action, history),
    }
