"""What a recovery leaves in the database: that it happened, and which rows could not be made what the log says."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Moved, Recorded


class Recovery(Recorded):
    """The log is brought forward to ``size`` entries: asked for by one person, done by another. One at a time."""

    __tablename__ = "recovery"
    __frozen__: ClassVar[tuple[str, ...]] = ("found_size", "size", "root", "reason")
    __table_args__ = (
        Index(
            "uq_recovery_open",
            "state",
            unique=True,
            postgresql_where=text("state = 'requested'"),
        ),
    )

    state: Mapped[str]  # requested, then recovered
    found_size: Mapped[int] = mapped_column(BigInteger)  # entries the database gave places to
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[str]  # of the first ``size`` entries, in hexadecimal digits
    reason: Mapped[str]


class LaggingRow(Moved):
    """A row that is not what its last entry left; nobody acts on it until people have put it right."""

    __tablename__ = "lagging_row"
    __mutable__: ClassVar[tuple[str, ...]] = ("righted_at",)

    recovery_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[UUID] = mapped_column(primary_key=True)
    rev: Mapped[int]  # the revision that the log ends at
    why: Mapped[str]
    righted_at: Mapped[datetime | None]
