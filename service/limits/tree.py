"""Limits as a tree: all counterparties and all desks, the limits under each, and the desks that use one of them.

What a sum shows is a sum and no limit: what may be open is decided limit by limit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.kernel.actor import Actor
from service.kernel.database import plain_value
from service.kernel.items import Item
from service.limits.lifecycle import LimitState
from service.limits.model import LimitReservation, TradingLimit
from service.limits.queries import TRADE, owner_names, used_view, with_room
from service.organisation.model import Unit
from service.parties.model import Portfolio
from service.work.model import WorkItem

LIMITS_MAX: Final = 400
USED_MOST: Final[ColumnElement[Any]] = literal_column(
    "room.used_eur / nullif(trading_limit.amount_eur, 0) DESC NULLS FIRST"
)
COUNTERPARTIES, DESKS = "counterparties", "desks"


async def tree(session: AsyncSession, actor: Actor, opened: UUID | None = None) -> dict[str, Any]:
    """Return the limits that count now as a tree, the most used first; ``opened``: whose use is told by desk.

    Each node says what is used of which amount, and how many excesses of it are open.
    """
    counting = with_room(counting=True).where(TradingLimit.state == LimitState.IN_FORCE.value)
    rows = (await session.execute(counting.order_by(USED_MOST, TradingLimit.id).limit(LIMITS_MAX))).all()
    names = await owner_names(session, {row.TradingLimit.owner_id for row in rows})
    cases = await open_cases(session, [row.TradingLimit.id for row in rows])
    limits = [used_view(row, names) | {"excesses": cases.get(row.TradingLimit.id, 0)} for row in rows]
    desks = await desks_of(session, [one["owner"] for one in limits if one["scope"] == "portfolio"])
    shares = [] if opened is None else await used_by_desk(session, actor, opened)
    of_counterparties = [
        limit_node(one, shares if one["owner"] == str(opened) else [])
        for one in limits
        if one["scope"] == "counterparty"
    ]
    by_desk: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in limits:
        if one["scope"] == "portfolio":
            by_desk[desks[one["owner"]]].append(limit_node(one, []))
    of_desks = [sum_node("desk", books, id=desk, name=name) for (desk, name), books in by_desk.items()]
    return {
        "items": [sum_node(COUNTERPARTIES, of_counterparties), sum_node(DESKS, of_desks)],
        "limits_max": LIMITS_MAX,
        "next": None,
    }


def limit_node(limit: Mapping[str, Any], shares: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one limit with the desks that use it."""
    told = ("id", "scope", "owner", "amount_eur", "used_eur", "headroom_eur", "counts_now", "excesses")
    name = limit["owner_name"] or limit["owner"]
    return {"node": "limit", "name": name, **{field: limit[field] for field in told}, "children": [*shares]}


def sum_node(node: str, children: list[dict[str, Any]], **named: str) -> dict[str, Any]:
    """Return what stands above others: their sums."""
    amount, used = (
        sum((Decimal(child[field]) for child in children), Decimal(0)) for field in ("amount_eur", "used_eur")
    )
    return {
        "node": node,
        **named,
        "amount_eur": plain_value(amount),
        "used_eur": plain_value(used),
        "headroom_eur": plain_value(amount - used),
        "excesses": sum(child["excesses"] for child in children),
        "children": children,
    }


async def open_cases(session: AsyncSession, limits: list[UUID]) -> dict[UUID, int]:
    """Return how many excesses of each limit nobody closed yet."""
    rows = await session.execute(
        select(WorkItem.subject_id, func.count().label("open"))
        .where(
            WorkItem.kind == Item.EXCESS.value,
            WorkItem.closed_entry_id.is_(None),
            WorkItem.subject_id.in_(limits),
        )
        .group_by(WorkItem.subject_id)
    )
    return {row.subject_id: row.open for row in rows}


async def desks_of(session: AsyncSession, portfolios: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the desk of each portfolio, by id and name."""
    rows = await session.execute(
        select(Portfolio.id, Unit.id.label("desk"), Unit.name)
        .join(Unit, Unit.id == Portfolio.desk_id)
        .where(Portfolio.id.in_([UUID(one) for one in portfolios]))
    )
    return {str(row.id): (str(row.desk), row.name) for row in rows}


async def used_by_desk(session: AsyncSession, actor: Actor, counterparty: UUID) -> list[dict[str, Any]]:
    """Return what each desk uses of a counterparty's limit; to a desk, the others are one."""
    held = LimitReservation
    rows = await session.execute(
        select(Unit.id, Unit.name, func.sum(held.eur_amount).label("eur"))
        .join(TRADE, TRADE.c.id == held.trade_id)
        .join(Portfolio, Portfolio.id == TRADE.c.portfolio_id)
        .join(Unit, Unit.id == Portfolio.desk_id)
        .where(held.scope == "counterparty", held.owner_id == counterparty)
        .group_by(Unit.id, Unit.name)
        .having(func.sum(held.eur_amount) != 0)
    )
    used: dict[tuple[str | None, str | None], Decimal] = defaultdict(Decimal)
    for row in rows:
        hidden = actor.office is Office.FRONT_OFFICE and row.id != actor.unit
        used[(None, None) if hidden else (str(row.id), row.name)] += row.eur
    return [
        {"node": "share", "id": desk, "name": name, "used_eur": plain_value(eur)}
        for (desk, name), eur in sorted(used.items(), key=lambda pair: -pair[1])
    ]
