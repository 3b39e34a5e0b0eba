"""Counterparties, portfolios and settlement instructions: proposed and approved by two people outside trading."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index
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
    """Whom we deal with: legal entity identifier, name, BIC."""

    __tablename__ = "counterparty"

    lei: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    bic: Mapped[str]


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
