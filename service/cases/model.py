"""Cases, what was noted in them, and internal audit's receipt of a suspicion."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class CaseFile(Recorded):
    """An irregularity somebody outside trading looks into."""

    __tablename__ = "case_file"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "office",
        "signs",
        "title",
        "reason",
        "suspicion",
        "trade_id",
        "person_id",
        "subject_kind",
        "subject_id",
        "opened_by",
        "opened_at",
    )
    __table_args__ = (
        CheckConstraint("state IN ('open', 'decided', 'returned', 'closed')", name="state_known"),
        CheckConstraint("office <> signs", name="signed_elsewhere"),
        CheckConstraint("(subject_kind IS NULL) = (subject_id IS NULL)", name="subject_whole"),
        Index(None, "trade_id"),
        Index(None, "person_id"),
    )

    state: Mapped[str]
    office: Mapped[str]  # that leads it
    signs: Mapped[str]  # the other office, whose signature closes it
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    title: Mapped[str]
    reason: Mapped[str]
    suspicion: Mapped[bool]  # of irregularities: internal audit is told at once
    trade_id: Mapped[UUID | None] = mapped_column(ForeignKey("trade.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))  # whom it is about
    subject_kind: Mapped[str | None]  # what it was opened from: a work item or an entry
    subject_id: Mapped[UUID | None]
    opened_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    opened_at: Mapped[datetime]
    outcome: Mapped[str | None]
    decision: Mapped[str | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    answer: Mapped[str | None]  # of whoever signed or returned it last
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))


class CaseNote(Recorded):
    """Something noted in a case, never changed: a note, what trading claims, or evidence with where it is."""

    __tablename__ = "case_note"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "case_id",
        "note_kind",
        "note",
        "entry_id",
        "document_id",
        "noted_by",
        "noted_at",
    )
    __table_args__ = (
        CheckConstraint("note_kind IN ('note', 'claim', 'evidence')", name="kind_known"),
        CheckConstraint(
            "num_nonnulls(entry_id, document_id) = CASE note_kind WHEN 'evidence' THEN 1 ELSE 0 END",
            name="evidence_is_somewhere",
        ),
        Index(None, "case_id"),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.id"))
    note_kind: Mapped[str]
    note: Mapped[str]
    entry_id: Mapped[UUID | None]
    document_id: Mapped[UUID | None]
    noted_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    noted_at: Mapped[datetime]


class CaseReceipt(Recorded):
    """Internal audit has heard of a suspicion (SET-27)."""

    __tablename__ = "case_receipt"
    __frozen__: ClassVar[tuple[str, ...]] = ("case_id", "received_by", "received_at")

    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.id"), unique=True)
    received_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    received_at: Mapped[datetime]
