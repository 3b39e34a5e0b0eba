"""Units with their function class, and dated lines: who answers for which unit from when on."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class Unit(Recorded):
    """A unit of the organisation. Its function class (an office) is for life: another function is another unit."""

    __tablename__ = "unit"
    __frozen__: ClassVar[tuple[str, ...]] = ("code", "name", "function_class")
    __table_args__ = (Index("uq_unit_lower_name", text("lower(name)"), unique=True),)

    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    function_class: Mapped[str]


class ReportingLine(Recorded):
    """Who answers for a unit from a day on: never changed, only followed by the next."""

    __tablename__ = "reporting_line"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "unit_id",
        "parent_id",
        "functional_head_id",
        "disciplinary_head_id",
        "board_member_id",
        "valid_from",
        "proposal_id",
    )
    __table_args__ = (
        CheckConstraint("parent_id <> unit_id", name="parent_is_another"),
        Index(None, "unit_id", "valid_from"),
    )

    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"))
    functional_head_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    disciplinary_head_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    board_member_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    valid_from: Mapped[date]
    proposal_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation_proposal.id"))


class OrganisationProposal(Recorded):
    """New units and lines that one person asks for and another decides about."""

    __tablename__ = "organisation_proposal"
    __frozen__: ClassVar[tuple[str, ...]] = ("valid_from", "lines", "reason", "proposed_by")
    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'approved', 'refused')", name="state_known"),
        CheckConstraint("rev > 1 OR state = 'proposed'", name="begins_proposed"),
    )

    valid_from: Mapped[date]
    lines: Mapped[list[Any]]
    reason: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    state: Mapped[str]
    answer: Mapped[str | None]
