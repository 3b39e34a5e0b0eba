"""The checks of deals against the market, their justifications, and the board's notice of them."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Moved, Recorded


class MarketCheck(Moved):
    """One look at a version of a deal beside its reference; the last one counts. Only owner functions write it."""

    __tablename__ = "market_check"
    __table_args__ = (
        UniqueConstraint("trade_id", "version", "seq"),
        CheckConstraint("state IN ('ok', 'alert', 'no_reference')", name="state_known"),
        Index(None, "checked_at", "id"),
        Index("ix_market_check_beside", "checked_at", "id", postgresql_where=text("state <> 'ok'")),
        Index(None, "entry_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    version: Mapped[int]
    seq: Mapped[int]  # 1 at entry; more when a better reference came
    state: Mapped[str]
    why: Mapped[str]  # within, outside, inverted, points, unknown, no_tolerance
    dealt: Mapped[Decimal]  # the rate that was compared: FX spot part, or percent a year
    reference: Mapped[Decimal | None]
    reference_day: Mapped[date | None]
    source: Mapped[str | None]
    deviation_bp: Mapped[Decimal | None]  # positive: dealt higher than the reference
    tolerance_bp: Mapped[Decimal | None]
    inverted: Mapped[bool]
    checked_at: Mapped[datetime]


class Justification(Recorded):
    """Risk control's ground for a deal off the market or without a reference (TRD-04)."""

    __tablename__ = "justification"

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), index=True)
    version: Mapped[int]
    check_id: Mapped[UUID] = mapped_column(ForeignKey("market_check.id"), unique=True)
    ground: Mapped[str]
    reason: Mapped[str]
    document_sha256: Mapped[str | None]
    justified_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    justified_at: Mapped[datetime]


class Notice(Recorded):
    """A board member's receipt for what was told at once (SET-21)."""

    __tablename__ = "notice"

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    taken_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    taken_at: Mapped[datetime]
    note: Mapped[str | None]
