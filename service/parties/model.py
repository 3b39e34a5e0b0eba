"""Counterparties, portfolios, settlement instructions and agreements: by two people outside trading."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class Proposal(Recorded):
    """A change of master data that waits for a second person."""

    __tablename__ = "proposal"
    __frozen__: ClassVar[tuple[str, ...]] = ("object_kind", "object_id", "payload")

    object_kind: Mapped[str]
    object_id: Mapped[UUID]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str]
    reason: Mapped[str | None]


class Counterparty(Recorded):
    """Whom we deal with: legal entity identifier, name, BIC. ``own``: the bank itself, for its internal deals."""

    __tablename__ = "counterparty"
    __frozen__: ClassVar[tuple[str, ...]] = ("lei", "own")
    __table_args__ = (Index(None, "own", unique=True, postgresql_where="own"),)

    lei: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    bic: Mapped[str]
    own: Mapped[bool]


class Portfolio(Recorded):
    """A book of deals, owned by the desk (unit) that may trade in it; deal numbers run per portfolio."""

    __tablename__ = "portfolio"

    name: Mapped[str] = mapped_column(unique=True)
    desk_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))


class Instruction(Recorded):
    """Where a counterparty wants its money in one currency (standing settlement instruction)."""

    __tablename__ = "instruction"
    __table_args__ = (Index(None, "counterparty_id", "currency"),)

    counterparty_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"))
    currency: Mapped[str]
    bic: Mapped[str]
    account_number: Mapped[str]
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("proposal.id"))


class Agreement(Recorded):
    """A master agreement with a counterparty, or legal's waiver of one; only legal clears it."""

    __tablename__ = "agreement"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "counterparty_id",
        "form",
        "name",
        "valid_from",
        "valid_to",
        "proposed_by",
    )
    __table_args__ = (
        CheckConstraint("form IN ('master_agreement', 'waiver')", name="form_known"),
        CheckConstraint("state IN ('draft', 'cleared', 'refused')", name="state_known"),
        CheckConstraint("rev > 1 OR state = 'draft'", name="begins_as_draft"),
        CheckConstraint("valid_to >= valid_from", name="valid_for_a_day"),
        Index(None, "counterparty_id", "state"),
    )

    counterparty_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"))
    form: Mapped[str]
    name: Mapped[str]  # DRV, ISDA 2002, ...
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]  # included
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    state: Mapped[str]
    reason: Mapped[str | None]
