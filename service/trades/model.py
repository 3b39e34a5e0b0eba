"""What the front office entered: deals, their immutable versions, positions, requests."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Base, Moved, Recorded


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


class TradeVersion(Moved):
    """The economic terms as entered once; a correction is another version."""

    __tablename__ = "trade_version"
    __table_args__ = (
        CheckConstraint("base_amount > 0", name="base_amount_positive"),
        CheckConstraint("rate > 0", name="rate_positive"),
        CheckConstraint("side IN ('buy', 'sell')", name="side_known"),
    )

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    side: Mapped[str]  # buy: we receive the base currency
    base: Mapped[str]
    quote: Mapped[str]
    base_amount: Mapped[Decimal]  # always positive
    quote_amount: Mapped[Decimal]  # always positive
    rate: Mapped[Decimal]  # quote per 1 base
    trade_date: Mapped[date]
    value_date: Mapped[date] = mapped_column(index=True)
    counterparty_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"), index=True)
    side_agreements: Mapped[str]
    executed_at: Mapped[datetime]
    entered_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    entered_at: Mapped[datetime]


class PositionMovement(Moved):
    """A change of a portfolio's position. Positive: we receive."""

    __tablename__ = "position_movement"
    __table_args__ = (Index(None, "portfolio_id", "currency"), Index(None, "trade_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    portfolio_id: Mapped[UUID] = mapped_column(ForeignKey("portfolio.id"))
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    version: Mapped[int]
    currency: Mapped[str]
    value_date: Mapped[date]
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
