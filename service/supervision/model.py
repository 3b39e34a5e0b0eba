"""A day's report on a desk, and the receipt of whoever supervised the desk when it was given."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class DeskReport(Recorded):
    """What a desk did on a day. It names no recipient: that is whoever supervises the desk when it is read."""

    __tablename__ = "desk_report"
    __frozen__: ClassVar[tuple[str, ...]] = ("unit_id", "day", "facts", "issued_at")
    __table_args__ = (UniqueConstraint("unit_id", "day"),)

    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    day: Mapped[date]
    facts: Mapped[dict[str, Any]]
    issued_at: Mapped[datetime]


class DeskReceipt(Recorded):
    """The supervisor has taken notice of a report; a remark is never changed."""

    __tablename__ = "desk_receipt"
    __frozen__: ClassVar[tuple[str, ...]] = ("report_id", "received_by", "received_at", "remark")

    report_id: Mapped[UUID] = mapped_column(ForeignKey("desk_report.id"), unique=True)
    received_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    received_at: Mapped[datetime]
    remark: Mapped[str | None]
