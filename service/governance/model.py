"""Drafts of the policy, their files, and who approved them."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Moved, Recorded


class PolicyDraft(Recorded):
    """A whole set of policy files that shall come into force. One waits at a time, and one is active."""

    __tablename__ = "policy_draft"
    __frozen__: ClassVar[tuple[str, ...]] = ("base", "version", "effective_at", "files", "author_id")
    __table_args__ = (
        Index(
            "uq_policy_draft_open",
            text("(true)"),
            unique=True,
            postgresql_where=text("state IN ('drafted', 'endorsed', 'approved')"),
        ),
        Index(
            "uq_policy_draft_active", text("(true)"), unique=True, postgresql_where=text("state = 'active'")
        ),
    )

    state: Mapped[str]
    base: Mapped[str]  # the version it was drafted against
    version: Mapped[str]
    effective_at: Mapped[datetime]
    files: Mapped[dict[str, Any]]  # name -> SHA-256 of its text
    author_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str]  # of the change, or of its refusal


class PolicyText(Moved):
    """The text of one policy file, kept once under its SHA-256."""

    __tablename__ = "policy_text"
    __table_args__ = (
        CheckConstraint("sha256 = encode(sha256(convert_to(content, 'UTF8')), 'hex')", name="is_its_digest"),
        CheckConstraint("octet_length(content) <= 1000000", name="bounded"),
    )

    sha256: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[str]


class PolicyApproval(Recorded):
    """One person's approval of a draft; it takes two, and neither is its author's."""

    __tablename__ = "policy_approval"
    __table_args__ = (UniqueConstraint("draft_id", "person_id"),)

    draft_id: Mapped[UUID] = mapped_column(ForeignKey("policy_draft.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
