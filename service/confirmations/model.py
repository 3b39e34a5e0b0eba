"""What we say about a deal, how it travels, what the counterparty says, and what else shows that a deal stands."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class Confirmation(Recorded):
    """A confirmation of one version of a deal, with the counterparty's side beside ours.

    A draft that must be made anew is withdrawn, and the next one of the same version takes its place.
    """

    __tablename__ = "confirmation"
    __frozen__: ClassVar[tuple[str, ...]] = (
        *("trade_id", "version", "draft", "ours"),
        *("traded_on", "currencies", "confirm_by"),
    )
    __table_args__ = (
        UniqueConstraint("trade_id", "version", "draft"),
        Index(None, "state", "confirm_by"),
        Index(None, "state", "traded_on", "currencies"),
        Index("ix_confirmation_matched", "id", postgresql_where=text("state = 'matched'")),
    )

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    version: Mapped[int]
    draft: Mapped[int]
    state: Mapped[str]
    ours: Mapped[dict[str, Any]]
    traded_on: Mapped[date]  # of ours
    currencies: Mapped[str]  # of ours, as EUR/USD: by whose business days its age is told
    confirm_by: Mapped[date]  # the last day on which both sides may agree, by the counterparty's class
    sent_at: Mapped[datetime | None]
    counter: Mapped[dict[str, Any] | None]
    counter_at: Mapped[datetime | None]
    counter_source: Mapped[str | None]  # "typed" by a clerk, or the message it came in
    breaks: Mapped[list[Any] | None]
    agreed_by: Mapped[dict[str, Any] | None]  # how they agreed: tolerance, message, clause or other evidence


class Transmission(Recorded):
    """A message of ours on its way to a counterparty: what it is, where it goes, and the proof that it went.

    ``message_key`` is its name for ever: the name of the file, the identifier of the mail. However often it is
    sent, the other side can tell that it is one message.
    """

    __tablename__ = "transmission"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "confirmation_id",
        "trade_id",
        "purpose",
        "step",
        "format",
        "document_id",
        "sha256",
        "message_key",
    )
    __table_args__ = (
        UniqueConstraint("confirmation_id", "purpose", "step"),
        CheckConstraint("purpose IN ('cancellation', 'confirmation', 'chaser')", name="purpose_known"),
        CheckConstraint("(state = 'delivered') = (proof IS NOT NULL)", name="delivered_with_proof"),
        Index(None, "trade_id"),
        Index(None, "state"),
    )

    confirmation_id: Mapped[UUID] = mapped_column(ForeignKey("confirmation.id"))
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    purpose: Mapped[str]
    step: Mapped[int]  # of a chaser: business days after the trade date; else 0
    format: Mapped[str]
    document_id: Mapped[UUID] = mapped_column(ForeignKey("document.id"))
    sha256: Mapped[str]
    message_key: Mapped[str] = mapped_column(unique=True)
    channel_id: Mapped[UUID] = mapped_column(ForeignKey("confirmation_channel.id"))
    state: Mapped[str]
    tries: Mapped[int]
    failure: Mapped[str | None]
    proof: Mapped[dict[str, Any] | None]
    delivered_at: Mapped[datetime | None]
    delivered_on: Mapped[date | None]  # by the bank's business date


class InboundMessage(Recorded):
    """What reached the back office from outside, filed as it came, and what was made of it."""

    __tablename__ = "inbound_message"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "source",
        "sender",
        "document_id",
        "sha256",
        "name",
        "format",
        "fields",
        "their_reference",
        "our_reference",
        "counterparty_id",
        "received_at",
    )
    __table_args__ = (
        UniqueConstraint("source", "sender", "name", "sha256"),
        CheckConstraint("source IN ('inbox', 'upload', 'trading')", name="source_known"),
        Index(None, "state"),
        Index(None, "counterparty_id", "their_reference"),
    )

    source: Mapped[str]
    sender: Mapped[str]  # as the channel vouches for it
    document_id: Mapped[UUID] = mapped_column(ForeignKey("document.id"))
    sha256: Mapped[str]
    name: Mapped[str]
    format: Mapped[str | None]
    fields: Mapped[dict[str, Any] | None]  # from our point of view
    their_reference: Mapped[str | None]
    our_reference: Mapped[str | None]
    counterparty_id: Mapped[UUID | None] = mapped_column(ForeignKey("counterparty.id"))
    received_at: Mapped[datetime]
    state: Mapped[str]
    finding: Mapped[str | None]
    field: Mapped[str | None]
    reason: Mapped[str | None]
    confirmation_id: Mapped[UUID | None] = mapped_column(ForeignKey("confirmation.id"))


class ForwardedConfirmation(Recorded):
    """What a trader passed on as the counterparty's word; it closes nothing (SET-05)."""

    __tablename__ = "forwarded_confirmation"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "trade_id",
        "said_sender",
        "said",
        "forwarded_by",
        "forwarded_at",
    )

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), index=True)
    said_sender: Mapped[str]
    said: Mapped[str]
    forwarded_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    forwarded_at: Mapped[datetime]


class BrokerStatement(Recorded):
    """What the broker says of a deal it brought about, laid beside our confirmation (SET-04, SET-14)."""

    __tablename__ = "broker_statement"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "confirmation_id",
        "trade_id",
        "broker_id",
        "document_id",
        "fields",
        "breaks",
        "received_on",
        "recorded_by",
    )
    __table_args__ = (Index(None, "confirmation_id"),)

    confirmation_id: Mapped[UUID] = mapped_column(ForeignKey("confirmation.id"))
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), index=True)
    broker_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"))
    document_id: Mapped[UUID] = mapped_column(ForeignKey("document.id"))
    fields: Mapped[dict[str, Any]]  # from our point of view
    breaks: Mapped[list[Any]]  # empty where the broker says what we say
    received_on: Mapped[date]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))


class LongForm(Recorded):
    """The contract that the counterparty drafts after the short confirmation, with a deadline of its own (SET-08)."""

    __tablename__ = "long_form"
    __frozen__: ClassVar[tuple[str, ...]] = ("confirmation_id", "trade_id", "due_on")
    __table_args__ = (
        CheckConstraint("(state = 'filed') = (document_id IS NOT NULL)", name="filed_with_document"),
    )

    confirmation_id: Mapped[UUID] = mapped_column(ForeignKey("confirmation.id"), unique=True)  # the short one
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), index=True)
    due_on: Mapped[date]
    state: Mapped[str]
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("document.id"))
    filed_on: Mapped[date | None]
    filed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))


class DocumentChecklist(Recorded):
    """Whether the papers of a confirmed deal are there and in time; what is not, a second person signs (SET-13)."""

    __tablename__ = "document_checklist"
    __frozen__: ClassVar[tuple[str, ...]] = ("confirmation_id", "trade_id", "version", "by_hand")
    __table_args__ = (
        CheckConstraint("(state = 'signed') = (signed_by IS NOT NULL)", name="signed_by_somebody"),
        CheckConstraint("(signed_by IS NULL) = (code IS NULL)", name="signed_with_code"),
    )

    confirmation_id: Mapped[UUID] = mapped_column(ForeignKey("confirmation.id"), unique=True)
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), index=True)
    version: Mapped[int]
    by_hand: Mapped[bool]  # a clerk typed what the counterparty says (SET-02)
    state: Mapped[str]
    papers: Mapped[list[Any]]  # each with its due day and the day it came
    code: Mapped[str | None]
    reason: Mapped[str | None]
    signed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    signed_at: Mapped[datetime | None]


class AllegedDeal(Recorded):
    """A deal that a counterparty confirms and we do not have, as the back office shows it to trading."""

    __tablename__ = "alleged_deal"
    __frozen__: ClassVar[tuple[str, ...]] = ("inbound_id", "counterparty_id", "fields", "shared_at")

    inbound_id: Mapped[UUID] = mapped_column(unique=True)
    counterparty_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"))
    fields: Mapped[dict[str, Any]]
    shared_at: Mapped[datetime]


class AllegedAnswer(Recorded):
    """What trading says about a deal that a counterparty alleges: a claim, never evidence (SET-22)."""

    __tablename__ = "alleged_answer"
    __frozen__: ClassVar[tuple[str, ...]] = ("alleged_id", "known", "said", "answered_by", "answered_at")

    alleged_id: Mapped[UUID] = mapped_column(ForeignKey("alleged_deal.id"), unique=True)
    known: Mapped[bool]
    said: Mapped[str]
    answered_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    answered_at: Mapped[datetime]


class SubstituteVerification(Recorded):
    """Another suitable way to see that a deal stands, where no counter-confirmation can be had (SET-07)."""

    __tablename__ = "substitute_verification"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "confirmation_id",
        "trade_id",
        "way",
        "contact",
        "contact_source_id",
        "said",
        "proposed_by",
        "proposed_at",
    )
    __table_args__ = (
        CheckConstraint(
            "way IN ('call_back', 'custodian_statement', 'trade_repository', 'cash_receipt')",
            name="way_known",
        ),
        CheckConstraint("(way = 'call_back') = (contact_source_id IS NOT NULL)", name="contact_has_source"),
        Index(None, "confirmation_id"),
    )

    confirmation_id: Mapped[UUID] = mapped_column(ForeignKey("confirmation.id"))
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    way: Mapped[str]
    contact: Mapped[str]  # the number called, or where the statement is from
    contact_source_id: Mapped[UUID | None] = mapped_column(ForeignKey("confirmation_channel.id"))
    said: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    state: Mapped[str]
    reason: Mapped[str | None]


class AlertReview(Recorded):
    """What somebody outside trading found about an alert; trading can neither see nor close one (SET-05, SET-10)."""

    __tablename__ = "alert_review"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "item_id",
        "office",
        "alert",
        "finding",
        "reviewed_by",
        "reviewed_at",
    )
    __table_args__ = (CheckConstraint("office IN ('back_office', 'compliance')", name="office_known"),)

    item_id: Mapped[UUID] = mapped_column(unique=True)  # the work item that raised it
    office: Mapped[str]
    alert: Mapped[str]
    finding: Mapped[str]
    reviewed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    reviewed_at: Mapped[datetime]
