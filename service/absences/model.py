"""Blocks of absence, and what was found when an absent trader knocked."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class Absence(Recorded):
    """Days, both included, on which a trader has no access whatever and the substitute answers for the positions.

    While it is accepted and one of its days is the desk's business date, the database lets nobody in who is
    this natural person, on whatever account: no job starts or ends it.
    """

    __tablename__ = "absence"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "person_id",
        "substitute_id",
        "first_day",
        "last_day",
        "planned_by",
        "reason",
    )
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="ends_after_it_begins"),
        CheckConstraint("person_id <> substitute_id", name="another_person"),
        CheckConstraint("state IN ('planned', 'accepted', 'interrupted', 'withdrawn')", name="state_known"),
        CheckConstraint(
            "(state = 'interrupted') = (interrupted_on IS NOT NULL)", name="interrupted_on_a_day"
        ),
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    substitute_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[str]
    state: Mapped[str]
    planned_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    interrupted_on: Mapped[date | None]


class AbsenceReview(Recorded):
    """What an office found about a trader who wanted to get in while absent."""

    __tablename__ = "absence_review"
    __frozen__: ClassVar[tuple[str, ...]] = ("absence_id", "office", "finding", "reviewed_by")

    absence_id: Mapped[UUID] = mapped_column(ForeignKey("absence.id"), index=True)
    office: Mapped[str]
    finding: Mapped[str]
    reviewed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
