"""Counterparties, portfolios, settlement instructions and agreements: by two people outside trading."""

from datetime import date
from decimal import Decimal
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


class ConfirmationChannel(Recorded):
    """How the back office and a counterparty confirm deals: form, way, address, and who speaks for the other side.

    The last one of a counterparty is in force. ``senders``: the names under which its messages arrive.
    """

    __tablename__ = "confirmation_channel"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "counterparty_id",
        "format",
        "medium",
        "address",
        "senders",
        "language",
        "party_class",
        "call_back",
        "long_form",
        "deemed_days",
        "deemed_clause",
        "agreement_id",
        "proposal_id",
    )
    __table_args__ = (
        CheckConstraint("format IN ('swift', 'fpml', 'letter')", name="format_known"),
        CheckConstraint("medium IN ('file', 'mail')", name="medium_known"),
        CheckConstraint(
            "party_class IN ('financial', 'non_financial_plus', 'non_financial')", name="class_known"
        ),
        CheckConstraint(
            "num_nonnulls(deemed_days, deemed_clause, agreement_id) IN (0, 3)", name="deemed_whole"
        ),
        Index(None, "counterparty_id"),
    )

    counterparty_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"))
    format: Mapped[str]
    medium: Mapped[str]
    address: Mapped[str]  # a mail address, or the name of a folder of the outbox
    senders: Mapped[list[Any]]
    language: Mapped[str]  # of letters: de, en
    party_class: Mapped[str]  # by EMIR, which decides the deadline
    call_back: Mapped[str]  # telephone of its control desk, for verification in another way
    long_form: Mapped[bool]  # it drafts a long form after the short one
    deemed_days: Mapped[
        int | None
    ]  # business days of silence after which the agreement takes a deal as confirmed
    deemed_clause: Mapped[str | None]
    agreement_id: Mapped[UUID | None] = mapped_column(ForeignKey("agreement.id"))
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("proposal.id"))


class MatchTolerance(Recorded):
    """How far apart two sides of a confirmation may lie and still agree; the last one is in force."""

    __tablename__ = "match_tolerance"
    __frozen__: ClassVar[tuple[str, ...]] = ("number", "rates", "amounts", "proposal_id")
    __table_args__ = (
        CheckConstraint("rates >= 0 AND rates <= 0.0001", name="rates_narrow"),
        CheckConstraint("amounts >= 0 AND amounts <= 0.05", name="amounts_narrow"),
    )

    number: Mapped[int] = mapped_column(unique=True)
    rates: Mapped[Decimal]
    amounts: Mapped[Decimal]
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("proposal.id"))
