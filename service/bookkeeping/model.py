"""Double entry: journals that are reversed, never changed."""

from datetime import date
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Base, Moved, Recorded


class Journal(Recorded):
    """The posting of one accounting event by a named rule; ``event_key`` makes it happen once."""

    __tablename__ = "journal"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "event_key",
        "trade_id",
        "version",
        "rule",
        "booked_on",
        "lines_digest",
    )

    event_key: Mapped[str] = mapped_column(unique=True)
    trade_id: Mapped[UUID | None] = mapped_column(ForeignKey("trade.id"), index=True)  # none: of no deal
    version: Mapped[int | None]
    rule: Mapped[str]
    booked_on: Mapped[date]
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("journal.id"), unique=True)
    lines_digest: Mapped[str]


class JournalLine(Moved):
    """One side of a posting. Positive: debit. ``eur_amount`` is the EUR value at booking."""

    __tablename__ = "journal_line"
    __table_args__ = (
        Index("ix_journal_line_clearing", "journal_id", postgresql_where=text("account IN ('1900', '2900')")),
    )

    journal_id: Mapped[UUID] = mapped_column(ForeignKey("journal.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[Decimal]
    eur_amount: Mapped[Decimal]


class BalanceTotal(Base):
    """What is booked on an account in a currency on a day, debits and credits apart: up to the mark of the totals."""

    __tablename__ = "balance_total"

    booked_on: Mapped[date] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    debit: Mapped[Decimal]
    credit: Mapped[Decimal]
    eur_amount: Mapped[Decimal]
