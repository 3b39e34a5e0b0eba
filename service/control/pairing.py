"""The two legs of an internal deal beside each other: neither is agreed or paid without the other (TRD-03)."""

from collections import defaultdict
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.control.lifecycle import ControlState
from service.control.model import TradeControl
from service.kernel.errors import IllegalTransition
from service.parties.model import Counterparty
from service.people.model import Account
from service.trades.deals.deal import cash_flows
from service.trades.desk_times import Mark
from service.trades.model import Trade, TradeVersion
from service.trades.versions import terms_of

AGREED = (ControlState.VERIFIED, ControlState.SETTLING)


class OneLegged(IllegalTransition):
    """409. The other leg of this internal deal is missing, cancelled, or does not mirror this one."""

    rule = "TRD-03"


async def must_have_both_legs(session: AsyncSession, trade: Trade, *, both_agreed: bool = False) -> None:
    """Raise OneLegged for an internal deal whose other leg is missing, cancelled or no mirror of it.

    ``both_agreed``: the back office must have verified the other leg as well, as before money moves.
    Asked after the history was, which keeps acts on either leg one behind the other.
    """
    if not await is_internal(session, trade):
        return
    other = await other_leg(session, trade)
    if other is None:
        raise OneLegged("The owner of the other book has not accepted this internal deal.")
    state = await state_of(session, other.id)
    if state == ControlState.CANCELLED:
        raise OneLegged("The other leg of this internal deal is cancelled; have this one cancelled too.")
    if both_agreed and state not in AGREED:
        raise OneLegged("The other leg of this internal deal is not verified.")
    if not await mirror_each_other(session, trade, other):
        raise OneLegged("The two legs of this internal deal do not mirror each other; have both cancelled.")


async def must_not_leave_a_paid_leg(session: AsyncSession, trade: Trade) -> None:
    """Raise OneLegged if money of the other leg was released, so that this one must follow and not go."""
    other = await other_leg(session, trade)
    if other is not None and await state_of(session, other.id) == ControlState.SETTLING:
        raise OneLegged("Money of the other leg was released; this leg can no longer be cancelled.")


async def is_internal(session: AsyncSession, trade: Trade) -> bool:
    """Tell whether the deal is one with the bank itself, whatever it is marked as."""
    if Mark.INTERNAL in trade.marks:
        return True
    own = await session.scalar(
        select(Counterparty.own)
        .join(TradeVersion, TradeVersion.counterparty_id == Counterparty.id)
        .where(TradeVersion.trade_id == trade.id, TradeVersion.version == trade.version)
    )
    return bool(own)


async def other_leg(session: AsyncSession, trade: Trade) -> Trade | None:
    """Return the other leg of an internal deal, if there is one."""
    other = Trade.id == trade.mirrors_id if trade.mirrors_id is not None else Trade.mirrors_id == trade.id
    return await session.scalar(select(Trade).where(other))


async def state_of(session: AsyncSession, trade_id: UUID) -> str | None:
    """Return what the back office says about a leg, or None while it has said nothing."""
    return await session.scalar(select(TradeControl.state).where(TradeControl.id == trade_id))


async def mirror_each_other(session: AsyncSession, one: Trade, other: Trade) -> bool:
    """Tell whether two legs join two books, were entered by two people, and leave nothing open between them."""
    persons = set(
        await session.scalars(
            select(Account.person_id).where(Account.id.in_((one.captured_by, other.captured_by)))
        )
    )
    if len(persons) != 2 or one.portfolio_id == other.portfolio_id:  # noqa: PLR2004
        return False
    left: dict[tuple[str, object], Decimal] = defaultdict(Decimal)
    for leg in (one, other):
        for flow in cash_flows(await terms_of(session, leg.id)):
            left[flow.currency, flow.value_date] += flow.amount
    return not any(left.values())
