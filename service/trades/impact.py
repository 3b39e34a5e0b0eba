"""What a change of a deal will set in motion, office by office, before anybody decides it."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Desk
from service.kernel.database import plain_value
from service.kernel.errors import Unprocessable
from service.kernel.money import Money
from service.limits.model import LimitReservation
from service.market.ecb import NoFixing, to_eur
from service.market.model import FixingSet
from service.market.queries import is_published, rates_of
from service.trades.deals.deal import Terms, cash_flows, differences, exposure, is_material
from service.trades.model import Trade
from service.trades.queries import held_positions, states_beside
from service.trades.versions import changed_beside, changes_between, terms_of, version_of

ROOM = text("SELECT * FROM public.limit_room('counterparty', :owner)")
WITHDRAWN, UNSENT = "withdrawn", ("due",)
OVER = ("withdrawn", "settled")


class NothingChanges(Unprocessable):
    """422. The terms are those in force."""


async def foreseen(
    session: AsyncSession,
    trade: Trade,
    new: Terms,
    desk: Desk,
    broker_id: UUID | None,
    executed_at: datetime,
) -> dict[str, Any]:
    """Return what changes, whether that is material, and what will follow. Raises NothingChanges.

    Another broker is material: the confirmation names the broker and goes out anew (SET-04).
    """
    old = await terms_of(session, trade.id)
    found, changes = differences(old, new), changes_between(old, new)
    changes |= changed_beside(await version_of(session, trade.id), broker_id, executed_at)
    if not changes:
        raise NothingChanges("These are the terms in force; nothing would change.")
    material = "broker_id" in changes or is_material(found)
    impact = await impact_of(session, trade, new, desk, material=material)
    return {"changes": changes, "material": material, "impact": impact}


async def impact_of(
    session: AsyncSession, trade: Trade, new: Terms, desk: Desk, *, material: bool
) -> dict[str, Any]:
    """Return what is reversed, confirmed again, instructed again and reserved anew if the deal becomes ``new``."""
    beside = (await states_beside(session, {trade.id: trade.version}))[trade.id]
    confirmation, legs = beside["confirmation"], beside["legs"]
    reversed_ids = {journal["reverses"] for journal in beside["journals"] if journal["reverses"]}
    journals = [
        {"id": journal["id"], "rule": journal["rule"]}
        for journal in beside["journals"]
        if journal["id"] not in reversed_ids and not journal["reverses"]
    ]
    told = None
    if confirmation is not None and confirmation["state"] != WITHDRAWN:
        how = (
            "replaced before it is sent"
            if confirmation["state"] in UNSENT
            else "withdrawn and confirmed anew"
        )
        told = {"id": confirmation["id"], "state": confirmation["state"], "then": how}
    return {
        "verification": "anew, by somebody who neither entered nor requested it",
        "position": await _position(session, trade, new),
        "confirmation": told,
        "settlement": [
            {name: leg[name] for name in ("id", "leg", "currency", "amount", "state")} | {"then": "withdrawn"}
            for leg in legs
            if leg["state"] not in OVER
        ],
        "postings": journals,
        "limit": await _limit(session, trade, new, desk),
        "market": "checked again" if material else "unchanged",
    }


async def _position(session: AsyncSession, trade: Trade, new: Terms) -> list[dict[str, Any]]:
    """Return by how much each position changes, per currency and value date; positive: we receive more."""
    moves: dict[tuple[str, Any], Decimal] = {}
    for row in await held_positions(session, trade.id):
        moves[row.currency, row.value_date] = -row.amount
    for flow in cash_flows(new):
        key = (flow.currency, flow.value_date)
        moves[key] = moves.get(key, Decimal(0)) + flow.amount
    return [
        {"currency": currency, "value_date": plain_value(day), "change": plain_value(amount)}
        for (currency, day), amount in sorted(moves.items())
        if amount
    ]


async def _limit(session: AsyncSession, trade: Trade, new: Terms, desk: Desk) -> dict[str, Any] | None:
    """Return what the deal holds of its counterparty's limit and what it would hold, in EUR."""
    held = await session.scalar(
        select(func.coalesce(func.sum(LimitReservation.eur_amount), 0)).where(
            LimitReservation.trade_id == trade.id,
            LimitReservation.scope == "counterparty",
            LimitReservation.owner_id == new.counterparty_id,
        )
    )
    room = (await session.execute(ROOM, {"owner": new.counterparty_id})).one_or_none()
    needed = await _worth_eur(session, exposure(new), desk)
    if room is None or room.limit_id is None or needed is None or held is None:
        return {"fits": False} if needed is not None else None
    free = room.amount_eur - room.used_eur + held
    return {
        "holds_eur": plain_value(held),
        "needs_eur": plain_value(needed),
        "headroom_eur": plain_value(free),
        "fits": needed <= free,
    }


async def _worth_eur(session: AsyncSession, money: Money, desk: Desk) -> Decimal | None:
    """Return the worth at the last fixing that everybody may know, as the reservation will take it."""
    newest = (
        select(FixingSet).where(FixingSet.day <= desk.business_date).order_by(FixingSet.day.desc()).limit(2)
    )
    for fixing in await session.scalars(newest):
        if is_published(fixing.day, desk.business_date, desk.clock):
            try:
                return to_eur(money.amount, money.currency, rates_of(fixing))
            except NoFixing:
                return None
    return money.amount if money.currency == "EUR" else None
