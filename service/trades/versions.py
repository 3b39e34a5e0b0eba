"""Versions of deals: terms as stored, and back."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import NewRow, plain_value
from service.kernel.errors import NotFound
from service.trades.deals.deal import Terms, differences, type_of
from service.trades.deals.fx import quote_amount
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.deals.fx_spot import FxSpotTerms
from service.trades.deals.money_market import DepositTerms, LoanTerms, interest
from service.trades.model import Trade, TradeVersion

EXCHANGED = ("side", "base", "quote", "base_amount", "quote_amount", "rate")
AHEAD = ("spot_rate", "forward_points")
LENT = ("currency", "principal", "rate_percent", "day_count", "interest")


def terms_columns(terms: Terms) -> dict[str, Any]:
    """Return the columns of a version that hold these terms."""
    common: dict[str, Any] = {
        "type": type_of(terms),
        "trade_date": terms.trade_date,
        "counterparty_id": terms.counterparty_id,
        "side_agreements": terms.side_agreements,
    }
    if isinstance(terms, FxSpotTerms | FxForwardTerms):
        common |= {
            "side": terms.side,
            "base": terms.base,
            "quote": terms.quote,
            "base_amount": terms.base_amount,
            "quote_amount": quote_amount(terms),
            "rate": terms.rate,
            "value_date": terms.value_date,
        }
        if isinstance(terms, FxForwardTerms):
            common |= {"spot_rate": terms.spot_rate, "forward_points": terms.forward_points}
        return common
    return common | {
        "currency": terms.currency,
        "principal": terms.principal,
        "rate_percent": terms.rate_percent,
        "day_count": terms.day_count,
        "interest": interest(terms),
        "value_date": terms.start_date,
        "end_date": terms.end_date,
    }


def terms_from_version(row: TradeVersion, portfolio_id: UUID) -> Terms:
    """Return the terms that a stored version holds."""
    common: dict[str, Any] = {
        "trade_date": row.trade_date,
        "counterparty_id": row.counterparty_id,
        "portfolio_id": portfolio_id,
        "side_agreements": row.side_agreements,
    }
    if row.type in ("fx_spot", "fx_forward"):
        common |= {
            name: getattr(row, name)
            for name in ("side", "base", "quote", "base_amount", "rate", "value_date")
        }
        if row.type == "fx_spot":
            return FxSpotTerms(**common)
        return FxForwardTerms(**common, **{name: getattr(row, name) for name in AHEAD})
    common |= {
        name: getattr(row, name)
        for name in ("currency", "principal", "rate_percent", "day_count", "end_date")
    }
    common["start_date"] = row.value_date
    return DepositTerms(**common) if row.type == "mm_deposit" else LoanTerms(**common)


def terms_view(version: TradeVersion | NewRow) -> dict[str, Any]:
    """Return the terms of a version as answers and entries show them."""
    view: dict[str, Any] = {"type": version.type}
    if version.side is not None:
        names = EXCHANGED if version.spot_rate is None else EXCHANGED + AHEAD
        view |= {name: plain_value(getattr(version, name)) for name in names}
        view["value_date"] = plain_value(version.value_date)
    else:
        view |= {name: plain_value(getattr(version, name)) for name in LENT}
        view |= {"start_date": plain_value(version.value_date), "end_date": plain_value(version.end_date)}
    if version.broker_id is not None:
        view["broker_id"] = str(version.broker_id)
    return view | {
        "trade_date": plain_value(version.trade_date),
        "executed_at": plain_value(version.executed_at),
        "location": version.location,
        "side_agreements": version.side_agreements,
    }


def changes_between(old: Terms, new: Terms) -> dict[str, Any]:
    """Return each term that changed with its value before and after; a term one side lacks is left out there."""
    return {
        change.field: {
            name: plain_value(value)
            for name, value in (("old", change.old), ("new", change.new))
            if isinstance(value, str | Decimal | date | UUID)
        }
        for change in differences(old, new)
    }


def changed_beside(before: TradeVersion, broker_id: UUID | None, executed_at: datetime) -> dict[str, Any]:
    """Return what changed beside the terms, as ``changes_between`` tells it: the broker, and when it was dealt."""
    stated = {
        "broker_id": (before.broker_id, broker_id),
        "executed_at": (before.executed_at, executed_at),
    }
    return {
        field: {name: plain_value(value) for name, value in (("old", old), ("new", new)) if value is not None}
        for field, (old, new) in stated.items()
        if old != new
    }


async def version_of(session: AsyncSession, trade_id: UUID, version: int | None = None) -> TradeVersion:
    """Return one version of a deal, by default the one in force. Raises NotFound."""
    wanted = select(TradeVersion).join(Trade, Trade.id == TradeVersion.trade_id).where(Trade.id == trade_id)
    row = await session.scalar(
        wanted.where(TradeVersion.version == (Trade.version if version is None else version))
    )
    if row is None:
        raise NotFound("trade")
    return row


async def terms_of(session: AsyncSession, trade_id: UUID, version: int | None = None) -> Terms:
    """Return the terms of one version of a deal, by default the one in force. Raises NotFound."""
    row = await version_of(session, trade_id, version)
    portfolio_id = await session.scalar(select(Trade.portfolio_id).where(Trade.id == trade_id))
    assert portfolio_id is not None
    return terms_from_version(row, portfolio_id)
