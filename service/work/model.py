"""Every step that waits for somebody, as a row; opened and closed only by owner-defined functions."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Moved


class WorkItem(Moved):
    """Something an office must do about a subject. It carries the entries that opened and closed it."""

    __tablename__ = "work_item"
    __mutable__: ClassVar[tuple[str, ...]] = (
        "closed_entry_id",
        "closed_at",
        "office",
        "holder_id",
        "held_until",
        "offered_to",
    )
    __table_args__ = (
        ForeignKeyConstraint(
            ["closed_entry_id"],
            ["audit_entry.id"],
            name="fk_work_item_closed_entry",
        ),
        Index(
            "ix_work_item_open",
            *("office", "due_at", "id"),
            postgresql_include=["opened_at"],
            postgresql_where=text("closed_entry_id IS NULL"),
        ),
        Index("ix_work_item_due", "kind", "due_at", "id", postgresql_where=text("closed_entry_id IS NULL")),
        Index("ix_work_item_holder", "holder_id", postgresql_where=text("closed_entry_id IS NULL")),
        Index("ix_work_item_offered", "offered_to", postgresql_where=text("closed_entry_id IS NULL")),
        Index(
            "ix_work_item_away",
            "home",
            "due_at",
            "id",
            postgresql_where=text("closed_entry_id IS NULL AND office <> home"),
        ),
        Index("ix_work_item_subject", "subject_id", "kind"),
        Index("ix_work_item_trade", "trade_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    office: Mapped[str]  # where it is now; the act that finishes it stays with the office it is at home in
    home: Mapped[str]  # the office it was opened for
    kind: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    trade_id: Mapped[UUID | None]
    version: Mapped[int | None]
    reason: Mapped[str | None]
    due_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    closed_entry_id: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    holder_id: Mapped[UUID | None]  # the account that took it
    held_until: Mapped[datetime | None]  # then it is anybody's again, without anybody doing a thing
    offered_to: Mapped[str | None]
