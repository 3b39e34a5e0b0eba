"""What waits for an office, and who of it may act."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Uuid,
    and_,
    column,
    exists,
    or_,
    select,
    table,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from policies.apart import Act, refusal
from policies.policy import Policy
from policies.standing import judge as judged_by
from policies.vocabulary import Action
from service.attempt import ACTS_OF
from service.dead_ends import Bench, bench
from service.distance import NOWHERE, Origin, origins
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.kernel.items import ROUTES, Item
from service.kernel.working_hours import Age, age_of, business_days, opened_between
from service.work.heads import Heads, answered_by, heads_today
from service.work.model import WorkItem

ACCOUNTS = text("SELECT account_id, name, person_id, service, roles FROM public.office_accounts()")
TRADE = table(
    "trade",
    *(column(name, Uuid()) for name in ("id", "portfolio_id")),
    column("number"),
    column("version"),
    schema="public",
)
TERMS = table(
    "trade_version",
    *(column(name, Uuid()) for name in ("trade_id", "counterparty_id")),
    *(column(name) for name in ("version", "base", "quote", "currency")),
    schema="public",
)
PORTFOLIO = table("portfolio", column("id", Uuid()), column("name"), schema="public")


class Where(StrEnum):
    """Where an item is, seen from an office."""

    HERE = "here"
    OFFERED = "offered"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Colleague:
    """An enabled account of the office."""

    account: UUID
    name: str
    person: str
    roles: frozenset[str]
    service: bool = False


class WhyNot(NamedTuple):
    """What keeps somebody from an act: a sentence, the rule's control id, and the paragraph it stands on."""

    sentence: str
    rule: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Judge:
    """Who may act on which item, by the judgement that the gate enforces: roles, deputies, history, distance."""

    policy: Policy
    colleagues: Sequence[Colleague]
    now: datetime
    there: Bench | None = None
    heads: Heads = field(default_factory=Heads)
    services: dict[Action, list[Colleague]] = field(default_factory=dict)

    def name_of(self, account: UUID | None) -> str:
        """Return what an account is called; one of another office stays unnamed."""
        return next((one.name for one in self.colleagues if one.account == account), "another office")

    def who_can(
        self,
        action: Action,
        history: Sequence[Act],
        origin: Origin = NOWHERE,
        only: frozenset[str] | None = None,
    ) -> list[str]:
        """Return the names of the office's accounts that may do ``action`` now; whoever is away is not waited for.

        ``only``: the persons it is for, where it is not for all whose roles do such work.
        """
        if (
            action not in self.services
        ):  # the right is the same for every item of the page, the history is not
            self.services[action] = [
                one
                for one in self.colleagues
                if one.service and self.policy.decide(one.roles, action).allowed
            ]
        own = {one.account for one in self.colleagues if only is None or one.person in only}
        people = [] if self.there is None else self.there.able(action, history, origin)
        served = [
            one.name
            for one in self.services[action]
            if only is None and refusal(self.policy.apart, action, one.person, history, self.now) is None
        ]
        return sorted([*(one.name for one in people if one.account in own), *served])

    def why_not(
        self, actor: Actor, action: Action, history: Sequence[Act], origin: Origin = NOWHERE
    ) -> WhyNot | None:
        """Say why somebody may not do ``action``, by which rule and paragraph; None if they may."""
        judged = judged_by(self.policy, actor.standing(), action, history, self.now)
        if not judged.decision.allowed:
            return WhyNot(f"None of your roles may do this: {judged.decision.reason}.", "P:absent", None)
        if (broken := judged.broken) is not None:
            sentence = f"{broken.why[0].upper()}{broken.why[1:]} ({broken.control})."
            return WhyNot(sentence, broken.control, broken.source)
        rule = self.policy.independence.get(action)
        if rule is None or self.there is None or actor.service:
            return None
        if any(one.account == actor.account for one in self.there.able(action, history, origin)):
            return None
        sentence = "You stand too close to trading, or to what you left, for this control."
        return WhyNot(sentence, rule.control, rule.source)


async def waits(session: AsyncSession, kind: Item, subject_id: UUID, *, version: int | None = None) -> bool:
    """Tell whether an item of this kind about the subject is still open; of no later version, if one is given."""
    wanted = select(WorkItem.id).where(
        WorkItem.subject_id == subject_id, WorkItem.kind == kind, WorkItem.closed_entry_id.is_(None)
    )
    if version is not None:
        wanted = wanted.where(WorkItem.version <= version)
    return await session.scalar(wanted.limit(1)) is not None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the queue is asked for; ``place``: what is here, what is offered to us, or what is away."""

    kind: Item | None = None
    place: Where = Where.HERE
    age: Age | None = None
    owner: str | None = None
    overdue: bool | None = None
    currency: str | None = None
    counterparty: UUID | None = None


async def open_items(
    session: AsyncSession,
    actor: Actor,
    policy: Policy,
    now: datetime,
    *,
    wanted: Wanted,
    after: Place | None,
    limit: int,
) -> dict[str, Any]:
    """Return open items of the caller's office, the most urgent first; five statements for any page."""
    staff = await colleagues(session)
    query = asked_for(actor, wanted, staff, now)
    if after is not None:
        query = query.where(tuple_(WorkItem.due_at, WorkItem.id) > tuple_(after.at, after.id))
    items = (await session.scalars(query.order_by(WorkItem.due_at, WorkItem.id).limit(limit))).all()
    return {
        "items": await views_of(session, actor, Judge(policy, staff, now), items),
        "next": cursor_of(items[-1].due_at, items[-1].id) if len(items) == limit else None,
    }


async def open_item(
    session: AsyncSession, actor: Actor, policy: Policy, now: datetime, item_id: UUID
) -> dict[str, Any]:
    """Return one open item that concerns the caller's office. Raises NotFound."""
    item = await session.scalar(
        select(WorkItem).where(
            WorkItem.id == item_id,
            WorkItem.closed_entry_id.is_(None),
            or_(*(of_office(actor, place) for place in Where)),
        )
    )
    if item is None:
        raise NotFound("work item")
    judge = Judge(policy, await colleagues(session), now)
    return (await views_of(session, actor, judge, [item]))[0]


def asked_for(actor: Actor, wanted: Wanted, staff: Sequence[Colleague], now: datetime) -> Select[WorkItem]:
    """Return the query for what is wanted of the queue."""
    query = select(WorkItem).where(of_office(actor, wanted.place), WorkItem.closed_entry_id.is_(None))
    if wanted.kind is not None:
        query = query.where(WorkItem.kind == wanted.kind.value)
    if wanted.overdue is not None:
        query = query.where(WorkItem.due_at < now if wanted.overdue else WorkItem.due_at >= now)
    if wanted.age is not None:
        since, before = opened_between(wanted.age, now)
        query = query.where(WorkItem.opened_at >= since) if since is not None else query
        query = query.where(WorkItem.opened_at < before) if before is not None else query
    if wanted.owner is not None:
        accounts = [one.account for one in staff if one.name == wanted.owner]
        query = query.where(WorkItem.holder_id.in_(accounts), WorkItem.held_until > now)
    if wanted.currency is not None or wanted.counterparty is not None:
        query = query.where(of_deals_in(wanted.currency, wanted.counterparty))
    return query


def of_office(actor: Actor, place: Where) -> ColumnElement[bool]:
    """Return the condition for items that are with the office, offered to it, or away from it."""
    own = actor.office
    if place is Where.OFFERED:
        return WorkItem.offered_to == own.value
    if place is Where.AWAY:
        return and_(WorkItem.home == own.value, WorkItem.office != WorkItem.home)
    return WorkItem.office == own.value


def of_deals_in(currency: str | None, counterparty: UUID | None) -> ColumnElement[bool]:
    """Return the condition that an item's deal, in its version in force, is in a currency or with a counterparty."""
    deal = (TRADE.c.id == WorkItem.trade_id) & (TERMS.c.trade_id == TRADE.c.id)
    found = exists().where(deal, TERMS.c.version == TRADE.c.version)
    if currency is not None:
        found = found.where(or_(*(TERMS.c[name] == currency for name in ("base", "quote", "currency"))))
    if counterparty is not None:
        found = found.where(TERMS.c.counterparty_id == counterparty)
    return found


async def views_of(
    session: AsyncSession, actor: Actor, judge: Judge, items: Sequence[WorkItem]
) -> list[dict[str, Any]]:
    """Return items as answers show them, with whom the history of each keeps from it."""
    histories = await histories_of(session, items)
    deals = await deals_of(session, {item.trade_id for item in items if item.trade_id is not None})
    connection = await session.connection()
    there = await bench(connection, judge.policy, judge.now, {action_of(item, actor) for item in items})
    personal = any(item.kind == Item.ESCALATED_HEAD for item in items)
    judge = replace(judge, there=there, heads=await heads_today(session) if personal else Heads())
    entered = await origins(
        connection, [(item.trade_id, item.subject_kind, item.subject_id) for item in items]
    )
    return [
        view_of(item, actor, judge, histories[item.id], deals, origin)
        for item, origin in zip(items, entered, strict=True)
    ]


async def colleagues(session: AsyncSession) -> list[Colleague]:
    """Return the enabled accounts of the caller's office."""
    rows = await session.execute(ACCOUNTS)
    return [
        Colleague(row.account_id, row.name, str(row.person_id), frozenset(row.roles), row.service)
        for row in rows
    ]


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


def action_of(item: WorkItem, actor: Actor) -> Action:
    """Return what is done with an item next, seen from the actor's office."""
    if item.offered_to == actor.office.value:
        return Action.HANDOVER_ACCEPT
    return ROUTES[Item(item.kind)].action if item.office == item.home else Action.HANDOVER_RETURN


def view_of(
    item: WorkItem,
    actor: Actor,
    judge: Judge,
    history: Sequence[Act],
    deals: Mapping[UUID, Any],
    origin: Origin,
) -> dict[str, Any]:
    """Return an item as answers show it."""
    route = ROUTES[Item(item.kind)]
    deal = None if item.trade_id is None else deals.get(item.trade_id)
    is_held = item.held_until is not None and item.held_until > judge.now
    action = action_of(item, actor)
    only = answered_by(judge.heads, Item(item.kind), item.reason)
    why_not = judge.why_not(actor, action, history, origin)
    if why_not is None and only is not None and str(actor.person) not in only:
        why_not = WhyNot("Somebody else leads this office today; the answer is theirs.", "A-04", None)
    if why_not is None and is_held and item.holder_id != actor.account:
        sentence = "Somebody else has taken this work. Wait until they are done, or until it is free."
        why_not = WhyNot(sentence, None, None)
    return {
        "id": str(item.id),
        "kind": item.kind,
        "action": action.value,
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
        "age": {
            "days": business_days(item.opened_at, judge.now),
            "bucket": age_of(item.opened_at, judge.now).value,
        },
        "office": item.office,
        "home": item.home,
        "offered_to": item.offered_to,
        "owner": judge.name_of(item.holder_id) if is_held else None,
        "held_until": plain_value(item.held_until) if is_held else None,
        "mine": is_held and item.holder_id == actor.account,
        "who_can_act": judge.who_can(action, history, origin, only),
        "why_not_me": None if why_not is None else why_not.sentence,
        "why_not_rule": None if why_not is None else why_not.rule,
        "why_not_source": None if why_not is None else why_not.source,
    }
