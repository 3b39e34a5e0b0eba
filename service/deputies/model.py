"""Duties that one person hands to another for a time."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class Delegation(Recorded):
    """Roles of one account that another account of the same office holds for it, between two instants.

    They count among the deputy's roles while ``state`` is approved, it is between the instants, and the account
    itself still holds them: nothing has to be done when a delegation ends.
    """

    __tablename__ = "delegation"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "account_id",
        "deputy_id",
        "roles",
        "reason",
        "valid_from",
        "valid_to",
        "requested_by",
    )
    __table_args__ = (
        CheckConstraint("valid_from < valid_to", name="ends_after_it_begins"),
        CheckConstraint("account_id <> deputy_id", name="to_another_account"),
        CheckConstraint("state IN ('requested', 'approved', 'refused', 'ended')", name="state_known"),
    )

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)  # whose roles
    deputy_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    roles: Mapped[list[Any]]
    reason: Mapped[str]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    state: Mapped[str]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
