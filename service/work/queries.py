"""What waits for an office, and who of it may act."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Row,
    Select,
    Uuid,
    and_,
    column,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    table,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from policies.apart import Act, refusal
from policies.policy import Policy
from policies.standing import judge as judged_by
from policies.vocabulary import Action, Office
from service.dead_ends import Bench, Waiting, pasts
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.kernel.items import ROUTES, Item
from service.kernel.working_hours import Age, bucket_of, business_days, opened_between
from service.roster import Colleague, Holder, roster
from service.ui.languages import N_
from service.work.heads import Heads, answered_by, heads_today
from service.work.model import WorkItem

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
    *(column(name, Numeric()) for name in ("base_amount", "principal")),
    schema="public",
)
LEG = table(
    "settlement",
    *(column(name, Uuid()) for name in ("id", "trade_id")),
    column("currency"),
    column("amount", Numeric()),
    schema="public",
)
COUNTERPARTY = table("counterparty", column("id", Uuid()), column("name"), schema="public")
PORTFOLIO = table("portfolio", column("id", Uuid()), column("name"), schema="public")
EPOCH: ColumnElement[int] = literal_column("(SELECT public.people_epoch())").label("people_epoch")
OF_THE_DEAL = ("deal_number", "book", "amount", "currency", "counterparty")
ITEMS = select(
    WorkItem.__table__, EPOCH, *(null().label(name) for name in OF_THE_DEAL)
)  # for offices that read no deals
ITEMS_OF_DEALS = (
    select(
        WorkItem.__table__,
        EPOCH,
        TRADE.c.number.label("deal_number"),
        PORTFOLIO.c.name.label("book"),
        func.coalesce(LEG.c.amount, TERMS.c.base_amount, TERMS.c.principal).label("amount"),
        func.coalesce(LEG.c.currency, TERMS.c.base, TERMS.c.currency).label("currency"),
        COUNTERPARTY.c.name.label("counterparty"),
    )
    .outerjoin(LEG, and_(LEG.c.id == WorkItem.subject_id, WorkItem.subject_kind == "settlement"))
    .outerjoin(TRADE, TRADE.c.id == func.coalesce(WorkItem.trade_id, LEG.c.trade_id))
    .outerjoin(PORTFOLIO, PORTFOLIO.c.id == TRADE.c.portfolio_id)
    .outerjoin(TERMS, and_(TERMS.c.trade_id == TRADE.c.id, TERMS.c.version == TRADE.c.version))
    .outerjoin(COUNTERPARTY, COUNTERPARTY.c.id == TERMS.c.counterparty_id)
)
"""With the leg's own amount where it is about one (positive: we receive), else the one first said in the deal."""


SOON: Final = timedelta(hours=1)
"""What is due within that time stands on the desk's first page."""
ELSEWHERE: Final = N_("another office")
"""Who has taken an item, where it is nobody of the reader's office."""


class Where(StrEnum):
    """Where an item is, seen from an office."""

    HERE = "here"
    OFFERED = "offered"
    AWAY = "away"


class WhyNot(NamedTuple):
    """What keeps somebody from an act: a sentence, the rule's control id, and the paragraph it stands on."""

    sentence: str
    rule: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Judge:
    """Who may act on which item, by the judgement that the gate enforces: roles, deputies, history, distance."""

    policy: Policy
    colleagues: Mapping[UUID, Colleague]
    now: datetime
    heads: Heads = field(default_factory=Heads)
    services: dict[Action, list[Colleague]] = field(default_factory=dict)

    def name_of(self, account: UUID | None) -> str:
        """Return what an account is called; one of another office stays unnamed."""
        found = None if account is None else self.colleagues.get(account)
        return ELSEWHERE if found is None else found.name

    def who_can(
        self, action: Action, history: Sequence[Act], able: Sequence[Holder], only: frozenset[str] | None
    ) -> list[str]:
        """Return the names of the office's accounts that may do ``action`` now; whoever is away is not waited for.

        ``able``: everybody who may, of any office; ``only``: whom it is for, where not all who may do such work.
        """
        if (
            action not in self.services
        ):  # the right is the same for every item of the page, the history is not
            self.services[action] = [
                one
                for one in self.colleagues.values()
                if one.service and self.policy.decide(one.roles, action).allowed
            ]
        served = [
            one.name
            for one in self.services[action]
            if only is None and refusal(self.policy.apart, action, one.person, history, self.now) is None
        ]
        people = [
            one.name
            for one in able
            if one.account in self.colleagues and (only is None or one.standing.person in only)
        ]
        return sorted([*people, *served])

    def why_not(
        self, actor: Actor, action: Action, history: Sequence[Act], able: Sequence[Holder]
    ) -> WhyNot | None:
        """Say why somebody may not do ``action``, by which rule and paragraph; None if they may."""
        if any(one.account == actor.account for one in able):
            return None
        judged = judged_by(self.policy, actor.standing(), action, history, self.now)
        if not judged.decision.allowed:
            return WhyNot(f"None of your roles may do this: {judged.decision.reason}.", "P:absent", None)
        if (broken := judged.broken) is not None:
            sentence = f"{broken.why[0].upper()}{broken.why[1:]} ({broken.control})."
            return WhyNot(sentence, broken.control, broken.source)
        rule = self.policy.independence.get(action)
        if rule is None or actor.service:
            return None
        sentence = "You stand too close to trading, or to what you left, for this control."
        return WhyNot(sentence, rule.control, rule.source)


def taken() -> WhyNot:
    """Say that an item is in other hands."""
    sentence = "Somebody else has taken this work. Wait until they are done, or until it is free."
    return WhyNot(sentence, None, None)


async def why_not_now(
    session: AsyncSession, actor: Actor, kind: Item, subject_id: UUID, now: datetime
) -> WhyNot | None:
    """Say that somebody else has the open item of this kind about the subject in hands; None if nobody has."""
    held = select(WorkItem.id).where(
        WorkItem.subject_id == subject_id,
        WorkItem.kind == kind,
        WorkItem.closed_entry_id.is_(None),
        WorkItem.holder_id != actor.account,
        WorkItem.held_until > now,
    )
    return None if await session.scalar(held.limit(1)) is None else taken()


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
    """What of the queue is asked for; ``place``: what is here, what is offered to us, or what is away.

    ``due_soon``: what is due within ``SOON``; with ``overdue``, what is overdue besides.
    """

    kind: Item | None = None
    place: Where = Where.HERE
    age: Age | None = None
    owner: str | None = None
    overdue: bool | None = None
    due_soon: bool = False
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
    query = asked_for(actor, policy, wanted, await accounts_named(session, actor, policy, wanted.owner), now)
    if after is not None:
        query = query.where(tuple_(WorkItem.due_at, WorkItem.id) > tuple_(after.at, after.id))
    items = (await session.execute(query.order_by(WorkItem.due_at, WorkItem.id).limit(limit))).all()
    return {
        "items": await views_of(session, actor, policy, now, items),
        "next": cursor_of(items[-1].due_at, items[-1].id) if len(items) == limit else None,
    }


async def open_item(
    session: AsyncSession, actor: Actor, policy: Policy, now: datetime, item_id: UUID
) -> dict[str, Any]:
    """Return one open item that concerns the caller's office. Raises NotFound."""
    wanted = items_for(policy, actor.office).where(
        WorkItem.id == item_id,
        WorkItem.closed_entry_id.is_(None),
        or_(*(of_office(actor, place) for place in Where)),
    )
    item = (await session.execute(wanted)).one_or_none()
    if item is None:
        raise NotFound("work item")
    return (await views_of(session, actor, policy, now, [item]))[0]


async def accounts_named(session: AsyncSession, actor: Actor, policy: Policy, name: str | None) -> list[UUID]:
    """Return the account of the own office with this name, if one is asked for."""
    if name is None:
        return []
    there = await roster(await session.connection(), policy, frozenset(), office=actor.office)
    return [account for account, one in there.colleagues.items() if one.name == name]


def items_for(policy: Policy, office: Office) -> Select[Any]:
    """Return the query for work items as ``views_of`` takes them, with their deals for whoever reads deals."""
    return ITEMS_OF_DEALS if reads_deals(policy, office) else ITEMS


def reads_deals(policy: Policy, office: Office) -> bool:
    """Tell whether an office sees deals; one that does not finds no item by what its deal is about either."""
    return Action.TRADE_READ in policy.actions_of_office(office)


def asked_for(
    actor: Actor, policy: Policy, wanted: Wanted, owners: Sequence[UUID], now: datetime
) -> Select[Any]:
    """Return the query for what is wanted of the queue; ``owners``: whose, if it is asked for."""
    query = items_for(policy, actor.office).where(
        of_office(actor, wanted.place), WorkItem.closed_entry_id.is_(None)
    )
    if wanted.kind is not None:
        query = query.where(WorkItem.kind == wanted.kind.value)
    if wanted.due_soon:
        query = query.where(WorkItem.due_at < now + SOON)
    if wanted.overdue is False or (wanted.due_soon and wanted.overdue is None):
        query = query.where(WorkItem.due_at >= now)
    elif wanted.overdue and not wanted.due_soon:
        query = query.where(WorkItem.due_at < now)
    if wanted.age is not None:
        since, before = opened_between(wanted.age, now)
        query = query.where(WorkItem.opened_at >= since) if since is not None else query
        query = query.where(WorkItem.opened_at < before) if before is not None else query
    if wanted.owner is not None:
        query = query.where(WorkItem.holder_id.in_(owners), WorkItem.held_until > now)
    if wanted.currency is not None or wanted.counterparty is not None:
        sees = reads_deals(policy, actor.office)
        query = query.where(of_deals_in(wanted.currency, wanted.counterparty) if sees else false())
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
    found = []
    if currency is not None:
        found.append(or_(*(TERMS.c[name] == currency for name in ("base", "quote", "currency"))))
    if counterparty is not None:
        found.append(TERMS.c.counterparty_id == counterparty)
    return and_(*found)


async def views_of(
    session: AsyncSession, actor: Actor, policy: Policy, now: datetime, items: Sequence[Row[Any]]
) -> list[dict[str, Any]]:
    """Return items as answers show them, with whom the history of each keeps from it."""
    if not items:
        return []
    waiting = [
        Waiting(Item(item.kind), item.subject_kind, item.subject_id, item.trade_id, item.version)
        for item in items
    ]
    actions = [action_of(item, actor) for item in items]
    connection = await session.connection()
    there = await roster(
        connection, policy, frozenset(actions), office=actor.office, epoch=items[0].people_epoch
    )
    here = Bench(policy, now, there.people, there.where)
    personal = any(item.kind == Item.ESCALATED_HEAD for item in items)
    judge = Judge(policy, there.colleagues, now, await heads_today(session) if personal else Heads())
    views = []
    for item, action, past in zip(items, actions, await pasts(connection, waiting), strict=True):
        able = here.able(action, past.acts, past.origin)
        views.append(view_of(item, action, actor, judge, past.acts, able))
    return views


async def deals_of(session: AsyncSession, trades: Collection[UUID]) -> Mapping[UUID, Any]:
    """Return number and book of each deal; for offices that read deals."""
    if not trades:
        return {}
    rows = await session.execute(
        select(TRADE.c.id, TRADE.c.number, PORTFOLIO.c.name)
        .join(PORTFOLIO, PORTFOLIO.c.id == TRADE.c.portfolio_id)
        .where(TRADE.c.id.in_(trades))
    )
    return {row.id: row for row in rows}


def action_of(item: Row[Any], actor: Actor) -> Action:
    """Return what is done with an item next, seen from the actor's office."""
    if item.offered_to == actor.office.value:
        return Action.HANDOVER_ACCEPT
    return ROUTES[Item(item.kind)].action if item.office == item.home else Action.HANDOVER_RETURN


def view_of(
    item: Row[Any],
    action: Action,
    actor: Actor,
    judge: Judge,
    history: Sequence[Act],
    able: Sequence[Holder],
) -> dict[str, Any]:
    """Return an item as answers show it; ``able``: who may do what is next, of any office."""
    route = ROUTES[Item(item.kind)]
    days = business_days(item.opened_at, judge.now)
    is_held = item.held_until is not None and item.held_until > judge.now
    only = answered_by(judge.heads, Item(item.kind), item.reason)
    why_not = judge.why_not(actor, action, history, able)
    if why_not is None and only is not None and str(actor.person) not in only:
        why_not = WhyNot("Somebody else leads this office today; the answer is theirs.", "A-04", None)
    if why_not is None and is_held and item.holder_id != actor.account:
        why_not = taken()
    return {
        "id": str(item.id),
        "kind": item.kind,
        "action": action.value,
        "automatic": route.automatic,
        "subject": {"kind": item.subject_kind, "id": str(item.subject_id)},
        "trade": None if item.trade_id is None else str(item.trade_id),
        "deal_number": item.deal_number,
        "portfolio": item.book,
        "amount": None if item.amount is None else plain_value(item.amount),
        "currency": item.currency,
        "counterparty": item.counterparty,
        "version": item.version,
        "reason": item.reason,
        "opened_at": plain_value(item.opened_at),
        "due_at": plain_value(item.due_at),
        "overdue": item.due_at < judge.now,
        "age": {"days": days, "bucket": bucket_of(days).value},
        "office": item.office,
        "home": item.home,
        "offered_to": item.offered_to,
        "owner": judge.name_of(item.holder_id) if is_held else None,
        "held_until": plain_value(item.held_until) if is_held else None,
        "mine": is_held and item.holder_id == actor.account,
        "who_can_act": judge.who_can(action, history, able, only),
        "why_not_me": None if why_not is None else why_not.sentence,
        "why_not_rule": None if why_not is None else why_not.rule,
        "why_not_source": None if why_not is None else why_not.source,
    }
