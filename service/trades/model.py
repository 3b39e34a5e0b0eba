"""What the front office entered: deals, their immutable versions, positions, requests."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Base, Moved, Recorded

OFF_PREMISES = '["off_premises"]'


class Trade(Recorded):
    """A deal the front office struck; its terms stand in ``trade_version``, and number and times never change."""

    __tablename__ = "trade"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "portfolio_id",
        "number",
        "type",
        "captured_by",
        "captured_at",
        "marks",
        "mirrors_id",
        "offered_to_id",
        "purpose",
        "replaces_id",
    )
    __table_args__ = (
        UniqueConstraint("portfolio_id", "number"),
        ForeignKeyConstraint(  # a deal carries the number its book gave it, and no other
            ["portfolio_id", "number", "id"],
            ["deal_number.book_id", "deal_number.number", "deal_number.trade_id"],
            name="fk_trade_number",
            use_alter=True,
        ),
        Index(None, "captured_at"),
        Index("ix_trade_offered", "captured_at", "id", postgresql_where=text("offered_to_id IS NOT NULL")),
        Index("ix_trade_off_premises", "captured_at", postgresql_where=text(f"marks @> '{OFF_PREMISES}'")),
        CheckConstraint("version >= 1", name="version_positive"),
    )

    type: Mapped[str]
    portfolio_id: Mapped[UUID] = mapped_column(ForeignKey("portfolio.id"))
    number: Mapped[int] = mapped_column(BigInteger)
    captured_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    captured_at: Mapped[datetime]
    marks: Mapped[list[Any]]
    version: Mapped[int]
    terms_digest: Mapped[str]
    mirrors_id: Mapped[UUID | None] = mapped_column(ForeignKey("trade.id"), unique=True)
    """The other leg of an internal deal, on the leg that accepted it."""
    offered_to_id: Mapped[UUID | None] = mapped_column(ForeignKey("portfolio.id"))
    """The other book of an internal deal, on the leg that offers it."""
    purpose: Mapped[str | None]  # of an internal deal
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("trade.id"))
    """The cancelled deal that this one was booked for anew."""


FX = "type IN ('fx_spot', 'fx_forward')"
FORWARD = "type = 'fx_forward'"
MONEY_MARKET = "type IN ('mm_deposit', 'mm_loan')"


class TradeVersion(Moved):
    """The economic terms as entered once; a correction is another version. Each type fills columns of its own."""

    __tablename__ = "trade_version"
    __table_args__ = (
        Index(None, "trade_date"),
        Index("ix_trade_version_elsewhere", "trade_id", postgresql_where=text("location <> 'premises'")),
        CheckConstraint(f"{FX} OR {MONEY_MARKET}", name="type_known"),
        CheckConstraint(
            f"({FX}) = ((side IN ('buy', 'sell') AND base IS NOT NULL AND quote IS NOT NULL AND base <> quote "
            "AND base_amount > 0 AND quote_amount > 0 AND rate > 0) IS TRUE)",
            name="fx_whole",
        ),
        CheckConstraint(
            f"({FORWARD}) = ((spot_rate > 0 AND rate = spot_rate + forward_points) IS TRUE)",
            name="forward_whole",
        ),
        CheckConstraint(
            f"({MONEY_MARKET}) = ((currency IS NOT NULL AND principal > 0 AND rate_percent IS NOT NULL "
            "AND day_count IS NOT NULL AND end_date > value_date AND interest IS NOT NULL) IS TRUE)",
            name="money_market_whole",
        ),
    )

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    side: Mapped[str | None]  # buy: we receive the base currency
    base: Mapped[str | None]
    quote: Mapped[str | None]
    base_amount: Mapped[Decimal | None]  # always positive
    quote_amount: Mapped[Decimal | None]  # always positive
    rate: Mapped[Decimal | None]  # quote per 1 base
    spot_rate: Mapped[Decimal | None]
    forward_points: Mapped[Decimal | None]  # rate less spot rate, signed
    currency: Mapped[str | None]
    principal: Mapped[Decimal | None]  # always positive; the type says who lends
    rate_percent: Mapped[Decimal | None]  # a year
    day_count: Mapped[str | None]
    interest: Mapped[Decimal | None]  # at maturity; the sign of the rate
    trade_date: Mapped[date]
    value_date: Mapped[date] = mapped_column(index=True)  # of the first payment
    end_date: Mapped[date | None]  # of the last payment, where it is another day
    counterparty_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"), index=True)
    broker_id: Mapped[UUID | None] = mapped_column(ForeignKey("counterparty.id"))  # who brought it about
    side_agreements: Mapped[str]
    executed_at: Mapped[datetime]
    location: Mapped[str]  # premises, home_office or other, as the trader states it
    entered_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    entered_at: Mapped[datetime]


class PositionMovement(Moved):
    """A change of a portfolio's position. Positive: we receive."""

    __tablename__ = "position_movement"
    __table_args__ = (Index(None, "trade_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    portfolio_id: Mapped[UUID] = mapped_column(ForeignKey("portfolio.id"))
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    version: Mapped[int]
    currency: Mapped[str]
    value_date: Mapped[date]
    amount: Mapped[Decimal]


class PositionTotal(Base):
    """A portfolio's position in a currency: the sum of its movements up to the mark of the totals."""

    __tablename__ = "position_total"

    portfolio_id: Mapped[UUID] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal]


class ChangeRequest(Recorded):
    """What trading asks for after capture and may not do itself; decided outside trading."""

    __tablename__ = "change_request"
    __table_args__ = (Index(None, "trade_id"),)

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    trade_version: Mapped[int]
    request: Mapped[str]
    reason: Mapped[str]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    requested_at: Mapped[datetime]
    terms: Mapped[dict[str, Any] | None]  # of an amendment: the whole deal as it shall be
    changes: Mapped[dict[str, Any] | None]  # each term that changes, old and new
    material: Mapped[bool | None]
    impact: Mapped[dict[str, Any] | None]  # what will follow, as shown to who asked


class DealCounter(Base):
    """The last deal number of a book; only ``take_deal_numbers`` moves it."""

    __tablename__ = "deal_counter"

    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    last_number: Mapped[int] = mapped_column(BigInteger)


class DealNumber(Moved):
    """A number given to a deal; it cannot exist without its deal."""

    __tablename__ = "deal_number"
    __table_args__ = (UniqueConstraint("book_id", "number", "trade_id"),)

    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), unique=True)
