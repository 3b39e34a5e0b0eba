"""The back office's rules for the desks, and its receipts for deals struck off the premises."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class DeskRule(Recorded):
    """A cut-off of a product and desk, or one trader's mandate to deal off the premises; set by two people."""

    __tablename__ = "desk_rule"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "rule",
        "product",
        "desk_id",
        "at",
        "person_id",
        "locations",
        "max_eur",
        "valid_from",
        "valid_to",
        "proposed_by",
    )
    __table_args__ = (
        CheckConstraint("rule IN ('cut_off', 'mandate')", name="rule_known"),
        CheckConstraint("state IN ('proposed', 'in_force', 'refused')", name="state_known"),
        CheckConstraint(
            "rule <> 'cut_off' OR (product IS NOT NULL AND at IS NOT NULL)", name="cut_off_whole"
        ),
        CheckConstraint(
            "rule <> 'mandate' OR (person_id IS NOT NULL AND locations IS NOT NULL AND max_eur > 0)",
            name="mandate_whole",
        ),
        Index(None, "rule", "state"),
    )

    rule: Mapped[str]
    product: Mapped[str | None]  # none: of a mandate, every product
    desk_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"))  # none: every desk
    at: Mapped[time | None]  # time of day in Berlin from which a deal is late
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    locations: Mapped[list[Any] | None]
    max_eur: Mapped[Decimal | None]  # of one deal, at the last fixing
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]  # included; none: until replaced
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))  # none: the founding's
    state: Mapped[str]
    reason: Mapped[str | None]


class PremisesReport(Recorded):
    """The back office's receipt for one deal struck off the premises."""

    __tablename__ = "premises_report"

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), unique=True)
    acknowledged_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    acknowledged_at: Mapped[datetime]
    note: Mapped[str | None]
