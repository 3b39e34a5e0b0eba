"""Papers as rows: what each is and whom it concerns, and the bytes, kept once under their own hash."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.documents.kinds import BYTES_MAX
from service.kernel.database import Moved, Recorded


class DocumentContent(Moved):
    """The bytes of a paper under their SHA-256, with the entry they came with first. Only ``document_keep`` writes them.

    No key leads here from ``document``: a recovery brings rows back from the log, which never held the bytes.
    """

    __tablename__ = "document_content"
    __table_args__ = (
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="content_is_its_key"),
        CheckConstraint(f"octet_length(content) BETWEEN 1 AND {BYTES_MAX}", name="size_known"),
    )

    sha256: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Document(Recorded):
    """A paper that was filed; it is never changed and never taken out."""

    __tablename__ = "document"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "sha256",
        "size",
        "media_type",
        "name",
        "document_kind",
        "retention_class",
        "origin",
        "office",
        "subject_kind",
        "subject_id",
        "trade_id",
        "filed_by",
        "filed_at",
    )
    __table_args__ = (
        CheckConstraint("(subject_kind IS NULL) = (subject_id IS NULL)", name="subject_whole"),
        Index(None, "filed_at", "id"),
    )

    sha256: Mapped[str] = mapped_column(index=True)
    size: Mapped[int]  # in bytes
    media_type: Mapped[str]
    name: Mapped[str]
    document_kind: Mapped[str]
    retention_class: Mapped[str]
    origin: Mapped[str]  # by hand, or the channel it left or came by
    office: Mapped[str]  # that filed it
    subject_kind: Mapped[str | None]
    subject_id: Mapped[UUID | None] = mapped_column(index=True)
    trade_id: Mapped[UUID | None] = mapped_column(index=True)
    filed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    filed_at: Mapped[datetime]
