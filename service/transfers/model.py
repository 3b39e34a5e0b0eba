"""Requests to move own cash, and everything done about them outside trading."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class Transfer(Recorded):
    """Cash that trading wants moved between own accounts, or paid as margin."""

    __tablename__ = "transfer"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    purpose: Mapped[str]  # own_accounts or margin
    currency: Mapped[str]
    amount: Mapped[Decimal]
    from_account: Mapped[str]
    to_account: Mapped[str]
    value_date: Mapped[date]
    reason: Mapped[str]
    breakdown: Mapped[list[Any]]  # the deals it is for, each with its part of the amount
    desk_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    requested_at: Mapped[datetime]


class TransferControl(Recorded):
    """What the back office made of a transfer; ``id`` is the transfer's, no row means requested."""

    __tablename__ = "transfer_control"
    __table_args__ = (
        CheckConstraint("state IN ('prepared', 'held', 'released', 'refused')", name="state_known"),
    )

    state: Mapped[str]
    need: Mapped[dict[str, Any]]  # what the booked deals were found to need, deal by deal
    prepared_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str | None]


class TransferSignature(Recorded):
    """One of the two signatures under a transfer."""

    __tablename__ = "transfer_signature"
    __table_args__ = (UniqueConstraint("transfer_id", "person_id"),)

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    signed_at: Mapped[datetime]


class TransferReview(Recorded):
    """What risk control or accounting says about a transfer that was held."""

    __tablename__ = "transfer_review"
    __table_args__ = (UniqueConstraint("transfer_id", "office"),)

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("transfer.id"))
    office: Mapped[str]
    verdict: Mapped[str]  # accept or reject
    reason: Mapped[str]
    reviewed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
