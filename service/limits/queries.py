"""Limits with what is used of them, explained deal by deal; excesses with what became of them.

Deals lie above this slice, so their tables are named here without their models.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, Uuid, column, desc, func, select, table, text, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.kernel.items import Item
from service.kernel.working_hours import day_in_berlin
from service.limits.held import HELD
from service.limits.lifecycle import LimitState
from service.limits.model import Excess, LimitReservation, LimitVote, TradingLimit
from service.parties.model import Portfolio
from service.parties.queries import counterparty_names, portfolio_names
from service.people.model import Account
from service.work.model import WorkItem

Scope = Literal["counterparty", "portfolio"]
TRADE = table(
    "trade", *(column(name, Uuid()) for name in ("id", "portfolio_id")), column("number"), schema="public"
)
STANDING = text(
    """
    WITH RECURSIVE owners AS (
      (SELECT r.scope, r.owner_id FROM public.limit_reservation r ORDER BY r.scope, r.owner_id LIMIT 1)
      UNION ALL
      SELECT following.scope, following.owner_id FROM owners o CROSS JOIN LATERAL (
        SELECT r.scope, r.owner_id FROM public.limit_reservation r WHERE (r.scope, r.owner_id) > (o.scope, o.owner_id)
        ORDER BY r.scope, r.owner_id LIMIT 1) following)
    SELECT o.scope, o.owner_id, room.used_eur, room.limit_id, room.amount_eur
    FROM owners o CROSS JOIN LATERAL public.limit_room(o.scope, o.owner_id) room
    WHERE room.used_eur > coalesce(room.amount_eur, 0) ORDER BY 1, 2
    """
)
"""What passes its limit now, or is open without any: also what no deal and no vote said, as when a limit ended."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which limits a list shows; None: any."""

    scope: Scope | None = None
    owner: UUID | None = None
    state: LimitState | None = None


def limit_view(limit: TradingLimit) -> dict[str, Any]:
    """Return a limit as answers show it; ``version`` is what the next act must carry."""
    return {
        "id": str(limit.id),
        "version": limit.rev,
        "scope": limit.scope,
        "owner": str(limit.owner_id),
        "amount_eur": plain_value(limit.amount_eur),
        "valid_from": limit.valid_from.isoformat(),
        "valid_to": limit.valid_to.isoformat(),
        "short_term": limit.short_term,
        "state": limit.state,
        "reason": limit.reason,
    }


# Limits and their use -------------------------------------------------------------------------------


async def limits(
    session: AsyncSession, wanted: Wanted, *, cursor: UUID | None = None, limit: int
) -> dict[str, Any]:
    """Return limits, newest first, from behind ``cursor``, each with use and headroom now."""
    found = with_room().order_by(TradingLimit.id.desc()).limit(limit + 1)
    if wanted.scope is not None:
        found = found.where(TradingLimit.scope == wanted.scope)
    if wanted.owner is not None:
        found = found.where(TradingLimit.owner_id == wanted.owner)
    if wanted.state is not None:
        found = found.where(TradingLimit.state == wanted.state.value)
    if cursor is not None:
        found = found.where(TradingLimit.id < cursor)
    rows = (await session.execute(found)).all()
    names = await owner_names(session, {row.TradingLimit.owner_id for row in rows})
    items = [used_view(row, names) for row in rows[:limit]]
    return {"items": items, "next": items[-1]["id"] if len(rows) > limit else None}


async def limit_with_votes(session: AsyncSession, limit_id: UUID) -> dict[str, Any]:
    """Return a limit with its use, who proposed it, and every vote on it. Raises NotFound."""
    row = await limit_row(session, limit_id)
    limit: TradingLimit = row.TradingLimit
    votes = await session.execute(
        select(LimitVote, Account.name)
        .join(Account, Account.id == LimitVote.account_id)
        .where(LimitVote.limit_id == limit_id)
        .order_by(LimitVote.id)
    )
    proposer = await session.scalar(select(Account.name).where(Account.id == limit.proposed_by))
    names = await owner_names(session, {limit.owner_id})
    return used_view(row, names) | {
        "proposed_by": proposer,
        "decided_at": shown(limit.decided_at),
        "votes": [
            {"by": one.name, "vote": one.LimitVote.vote, "reason": one.LimitVote.reason} for one in votes
        ],
    }


async def use_of(
    session: AsyncSession, actor: Actor, limit_id: UUID, *, cursor: UUID | None = None, limit: int
) -> dict[str, Any]:
    """Return what the deals hold of a limit, oldest first; over all pages they add up to what is used.

    A deal of another desk keeps its name from the front office; its figures count all the same. Raises NotFound.
    """
    row = await limit_row(session, limit_id)
    owner = row.TradingLimit
    held = LimitReservation
    wanted = (
        select(
            held.trade_id,
            TRADE.c.number,
            Portfolio.name,
            Portfolio.desk_id,
            held.currency,
            func.max(held.version).label("version"),
            func.sum(held.amount).label("amount"),
            func.sum(held.eur_amount).label("eur_amount"),
            func.max(held.fixing_day).filter(held.why == "reserved").label("fixing_day"),
        )
        .join(TRADE, TRADE.c.id == held.trade_id)
        .join(Portfolio, Portfolio.id == TRADE.c.portfolio_id)
        .where(held.scope == owner.scope, held.owner_id == owner.owner_id)
        .group_by(held.trade_id, TRADE.c.number, Portfolio.name, Portfolio.desk_id, held.currency)
        .having(func.sum(held.eur_amount) != 0)
        .order_by(held.trade_id)
        .limit(limit + 1)
    )
    if cursor is not None:
        wanted = wanted.where(held.trade_id > cursor)
    rows = (await session.execute(wanted)).all()
    return {
        "limit": str(limit_id),
        "used_eur": plain_value(row.used_eur),
        "items": [deal_view(one, actor) for one in rows[:limit]],
        "next": str(rows[limit - 1].trade_id) if len(rows) > limit else None,
    }


def with_room(*, counting: bool = False) -> Any:
    """Select limits with what is used of their owner's limit now, and which limit is the one that counts now.

    ``counting``: only those that count now.
    """
    room = (
        func.public.limit_room(TradingLimit.scope, TradingLimit.owner_id)
        .table_valued(column("limit_id", Uuid()), "amount_eur", "used_eur", "valid_to")
        .lateral("room")
    )
    return select(TradingLimit, room.c.used_eur, room.c.limit_id).join(
        room, room.c.limit_id == TradingLimit.id if counting else true()
    )


async def limit_row(session: AsyncSession, limit_id: UUID) -> Row[Any]:
    """Return one limit with its use. Raises NotFound."""
    row: Row[Any] | None = (
        await session.execute(with_room().where(TradingLimit.id == limit_id))
    ).one_or_none()
    if row is None:
        raise NotFound("limit")
    return row


def used_view(row: Row[Any], names: Mapping[UUID, str]) -> dict[str, Any]:
    """Return a limit with its use; one that does not count now has no headroom to speak of."""
    limit: TradingLimit = row.TradingLimit
    counts = row.limit_id == limit.id
    return limit_view(limit) | {
        "owner_name": names.get(limit.owner_id),
        "counts_now": counts,
        "used_eur": plain_value(row.used_eur),
        "headroom_eur": plain_value(limit.amount_eur - row.used_eur) if counts else None,
    }


def deal_view(row: Row[Any], actor: Actor) -> dict[str, Any]:
    """Return what one deal holds."""
    hidden = actor.office is Office.FRONT_OFFICE and row.desk_id != actor.unit
    return {
        "trade": None if hidden else str(row.trade_id),
        "deal_number": None if hidden else row.number,
        "portfolio": None if hidden else row.name,
        "version": None if hidden else row.version,
        "currency": row.currency,
        "amount": plain_value(row.amount),
        "amount_eur": plain_value(row.eur_amount),
        "fixing_day": shown(row.fixing_day),
    }


async def owner_names(session: AsyncSession, owners: Collection[UUID]) -> dict[UUID, str]:
    """Return what counterparties and portfolios are called."""
    if not owners:
        return {}
    return await counterparty_names(session, owners) | await portfolio_names(session, owners)


# Excesses -------------------------------------------------------------------------------------------


async def excesses(
    session: AsyncSession,
    *,
    day: date | None = None,
    of: UUID | None = None,
    open_only: bool = False,
    after: Place | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return the excesses that came up on a day in Berlin, newest first, and what passes its limit just now (RC-05).

    ``of``: only those of this limit; ``open_only``: only those nobody closed yet. Each says what happened, whether the board was told and took notice, and, once
    risk control closed it, cause and measure.
    """
    told = (
        select(WorkItem.entry_id, WorkItem.subject_id, WorkItem.closed_at)
        .where(WorkItem.kind == Item.TAKE_NOTICE.value)
        .subquery()
    )
    wanted = (
        select(
            WorkItem,
            TradingLimit,
            Excess,
            Account.name,
            told.c.entry_id.is_not(None).label("reported"),
            told.c.closed_at.label("noticed_at"),
        )
        .join(TradingLimit, TradingLimit.id == WorkItem.subject_id)
        .outerjoin(Excess, Excess.id == WorkItem.closed_entry_id)
        .outerjoin(Account, Account.id == Excess.closed_by)
        .outerjoin(told, (told.c.entry_id == WorkItem.entry_id) & (told.c.subject_id == WorkItem.subject_id))
        .where(WorkItem.kind == Item.EXCESS.value)
        .order_by(desc(WorkItem.opened_at), desc(WorkItem.id))
        .limit(limit)
    )
    if of is not None:
        wanted = wanted.where(WorkItem.subject_id == of)
    if open_only:
        wanted = wanted.where(WorkItem.closed_entry_id.is_(None))
    if day is not None:
        begins, ends = day_in_berlin(day)
        wanted = wanted.where(WorkItem.opened_at >= begins, WorkItem.opened_at < ends)
    if after is not None:
        wanted = wanted.where(tuple_(WorkItem.opened_at, WorkItem.id) < tuple_(after.at, after.id))
    rows = (await session.execute(wanted)).all()
    standing = (await session.execute(STANDING)).all()
    owners = {row.TradingLimit.owner_id for row in rows} | {row.owner_id for row in standing}
    names = await owner_names(session, owners)
    last = rows[-1].WorkItem if len(rows) == limit else None
    return {
        "standing": [standing_view(row, names) for row in standing],
        "items": [excess_view(row, names) for row in rows],
        "next": None if last is None else cursor_of(last.opened_at, last.id),
    }


def excess_view(row: Any, names: Mapping[UUID, str]) -> dict[str, Any]:
    """Return an excess as answers show it; ``entry`` is the act or the refusal it came from."""
    item: WorkItem = row.WorkItem
    limit: TradingLimit = row.TradingLimit
    closed: Excess | None = row.Excess
    return {
        "id": str(item.id),
        "limit": str(limit.id),
        "scope": limit.scope,
        "owner": str(limit.owner_id),
        "owner_name": names.get(limit.owner_id),
        "amount_eur": plain_value(limit.amount_eur),
        "what": "deal_refused" if item.opened_by == Office.FRONT_OFFICE else "limit_lowered",
        "told": item.reason,
        "opened_at": plain_value(item.opened_at),
        "due_at": plain_value(item.due_at),
        "entry": str(item.entry_id),
        "reported": bool(row.reported),
        "noticed_at": shown(row.noticed_at),
        "state": "open" if closed is None else "closed",
        "cause": None if closed is None else closed.cause,
        "measure": None if closed is None else closed.measure,
        "closed_by": row.name,
        "closed_at": None if closed is None else plain_value(closed.closed_at),
    }


def standing_view(row: Row[Any], names: Mapping[UUID, str]) -> dict[str, Any]:
    """Return an owner whose open deals pass the limit that counts now; without a limit, all of them do."""
    amount: Decimal = row.amount_eur or Decimal(0)
    return {
        "limit": None if row.limit_id is None else str(row.limit_id),
        "scope": row.scope,
        "owner": str(row.owner_id),
        "owner_name": names.get(row.owner_id),
        "amount_eur": shown(row.amount_eur),
        "used_eur": plain_value(row.used_eur),
        "over_eur": plain_value(row.used_eur - amount),
    }


async def rooms_held(session: AsyncSession, trade_id: UUID) -> list[dict[str, Any]]:
    """Return, to the back office, whether each limit of a deal holds room for it and bears what is held."""
    rows = await session.execute(HELD, {"deal": trade_id})
    return [{name: getattr(row, name) for name in ("scope", "limit_eur", "used_eur", "held")} for row in rows]


def shown(value: object) -> object:
    """Return a value as answers show it, where there is one."""
    return None if value is None else plain_value(value)
