"""Limits, the votes that set them, what deals reserve of them, and what became of excesses."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Base, Moved, Recorded


class TradingLimit(Recorded):
    """How much may be open, in EUR: with a counterparty (set by credit), or gross in a portfolio (by risk control)."""

    __tablename__ = "trading_limit"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "scope",
        "owner_id",
        "amount_eur",
        "valid_from",
        "valid_to",
        "short_term",
        "reason",
        "proposed_by",
    )
    __table_args__ = (
        CheckConstraint("scope IN ('counterparty', 'portfolio')", name="scope_known"),
        CheckConstraint("state IN ('proposed', 'in_force', 'refused')", name="state_known"),
        CheckConstraint("amount_eur >= 0", name="amount_not_negative"),
        CheckConstraint("valid_to >= valid_from", name="valid_for_a_day"),
        CheckConstraint(
            "NOT short_term OR valid_to < valid_from + interval '3 months'", name="short_term_is_short"
        ),
        Index(None, "scope", "owner_id", "state"),
    )

    scope: Mapped[str]
    owner_id: Mapped[UUID]  # a counterparty's or a portfolio's
    amount_eur: Mapped[Decimal]
    valid_from: Mapped[date]
    valid_to: Mapped[date]  # included
    short_term: Mapped[bool]
    reason: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    state: Mapped[str]
    decided_at: Mapped[datetime | None]


class LimitVote(Recorded):
    """One person's vote on a proposed limit; two for it set it, one against it ends it."""

    __tablename__ = "limit_vote"
    __table_args__ = (UniqueConstraint("limit_id", "person_id"),)

    limit_id: Mapped[UUID] = mapped_column(ForeignKey("trading_limit.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    vote: Mapped[str]  # approve or refuse
    reason: Mapped[str]


class LimitReservation(Moved):
    """What a version of a deal takes of a limit, or gives back. Positive: reserved; only owner functions write it."""

    __tablename__ = "limit_reservation"
    __table_args__ = (Index(None, "scope", "owner_id"), Index(None, "trade_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    version: Mapped[int]
    scope: Mapped[str]
    owner_id: Mapped[UUID]
    limit_id: Mapped[UUID | None] = mapped_column(ForeignKey("trading_limit.id"))
    why: Mapped[str]  # reserved, released, replaced, exempt
    currency: Mapped[str]
    amount: Mapped[Decimal]
    eur_amount: Mapped[Decimal]
    fixing_day: Mapped[date | None]  # the fixing the EUR amount was worked out at


class LimitUse(Base):
    """What is reserved of one owner's limit now; the sum of its reservations, and the lock behind which they queue."""

    __tablename__ = "limit_use"

    scope: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    used_eur: Mapped[Decimal]


class ExposureTotal(Base):
    """What a counterparty's deals hold in EUR, by the day their last payment is due: up to the mark of the totals."""

    __tablename__ = "exposure_total"

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    due: Mapped[date] = mapped_column(primary_key=True)
    eur_amount: Mapped[Decimal]


class Excess(Recorded):
    """What risk control found and did about excesses of a limit; trading cannot close them.

    It bears the id of the entry that closed them, and so do the work items it finished.
    """

    __tablename__ = "excess"

    limit_id: Mapped[UUID] = mapped_column(ForeignKey("trading_limit.id"), index=True)
    cause: Mapped[str]
    measure: Mapped[str]
    closed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    closed_at: Mapped[datetime]
