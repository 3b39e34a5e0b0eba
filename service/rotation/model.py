"""What a change of the log's key leaves in the database: who asked, who approved, and the note it became."""

from typing import ClassVar

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class KeyRotation(Recorded):
    """A new key for the log; the old one signs along for ``overlap`` entries. One at a time."""

    __tablename__ = "key_rotation"
    __frozen__: ClassVar[tuple[str, ...]] = ("overlap",)
    __table_args__ = (
        Index(
            "uq_key_rotation_open",
            text("(true)"),
            unique=True,
            postgresql_where=text("state IN ('requested', 'approved')"),
        ),
    )

    state: Mapped[str]
    overlap: Mapped[int]  # entries
    reason: Mapped[str]  # of the request, or of the refusal
    number: Mapped[int | None] = mapped_column(unique=True)  # of the key ring's note, once it is made
    digest: Mapped[str | None]
