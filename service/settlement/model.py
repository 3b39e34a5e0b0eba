"""The cash legs of a deal on their way to settled, and the calls that confirmed where they are paid."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class Net(Recorded):
    """Legs with one counterparty, in one currency, on one day and along one route, paid by one message over their sum.

    Its legs name it, so that no leg is in two; the database holds ``amount`` and ``legs`` against them.
    """

    __tablename__ = "net"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "counterparty_id",
        "currency",
        "pay_on",
        "instruction_id",
        "composed_by",
    )
    __table_args__ = (
        CheckConstraint(
            "state IN ('composed', 'released', 'settled', 'failed', 'returned', 'broken')", name="state_known"
        ),
        CheckConstraint("legs BETWEEN 1 AND 50", name="legs_bounded"),
        CheckConstraint("state IN ('composed', 'broken') OR legs >= 2", name="a_net_of_one_is_none"),
        Index(None, "state"),
    )

    counterparty_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"))
    currency: Mapped[str]
    pay_on: Mapped[date]
    instruction_id: Mapped[UUID] = mapped_column(ForeignKey("instruction.id"))
    amount: Mapped[Decimal]  # positive: we receive
    legs: Mapped[int]
    state: Mapped[str]
    composed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str | None]
    failure_code: Mapped[str | None]


class Settlement(Recorded):
    """One leg. ``amount`` positive: we receive; negative: we pay."""

    __tablename__ = "settlement"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "trade_id",
        "version",
        "leg",
        "currency",
        "amount",
        "value_date",
    )
    __table_args__ = (
        UniqueConstraint("trade_id", "version", "leg"),
        CheckConstraint("paid >= 0 AND paid <= abs(amount)", name="paid_within_amount"),
        CheckConstraint("pay_on >= value_date", name="never_early"),
        Index(None, "state", "value_date"),
    )

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    version: Mapped[int]
    leg: Mapped[str]  # base or quote of an exchange; start or maturity of a loan
    currency: Mapped[str]
    amount: Mapped[Decimal]
    value_date: Mapped[date]  # as agreed, for ever
    pay_on: Mapped[date]  # the day it is to be paid; later than agreed only by the back office's decision
    state: Mapped[str]
    paid: Mapped[Decimal]  # how much of it moved so far, never negative
    instruction_id: Mapped[UUID | None] = mapped_column(ForeignKey("instruction.id"))
    selection: Mapped[list[Any] | None]  # why this payment route and no other
    deviation: Mapped[dict[str, Any] | None]  # a route agreed for this deal alone
    prepared_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    signed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    settled_on: Mapped[date | None]
    net_id: Mapped[UUID | None] = mapped_column(ForeignKey("net.id"), index=True)
    hold_reason: Mapped[str | None]
    failure: Mapped[str | None]
    failure_code: Mapped[str | None]


class Payment(Recorded):
    """The message that tells the bank keeping our account to pay a leg: what it says, where it is, the proof that it went.

    ``number``: a leg that is paid again has another message. ``message_key`` is its name for ever, however often it
    is sent.
    """

    __tablename__ = "payment"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "settlement_id",
        "net_id",
        "trade_id",
        "number",
        "reference",
        "end_to_end_id",
        "uetr",
        "currency",
        "amount",
        "settle_on",
        "message_key",
        "made_at",
    )
    __table_args__ = (
        UniqueConstraint("settlement_id", "number"),
        UniqueConstraint("net_id"),
        CheckConstraint("num_nonnulls(settlement_id, net_id) = 1", name="of_a_leg_or_a_net"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(
            "state IN ('blocked', 'queued', 'under_way', 'delivered', 'failed', 'dropped')",
            name="state_known",
        ),
        CheckConstraint("(state = 'delivered') = (proof IS NOT NULL)", name="delivered_with_proof"),
        CheckConstraint("state IN ('blocked', 'dropped') OR document_id IS NOT NULL", name="sent_as_filed"),
        Index(None, "state"),
        Index(None, "trade_id"),
    )

    settlement_id: Mapped[UUID | None] = mapped_column(ForeignKey("settlement.id"))
    net_id: Mapped[UUID | None] = mapped_column(ForeignKey("net.id"))
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))  # of a net: whose release was the last
    number: Mapped[int]
    reference: Mapped[str] = mapped_column(unique=True)
    end_to_end_id: Mapped[str] = mapped_column(unique=True)
    uetr: Mapped[UUID] = mapped_column(unique=True)
    currency: Mapped[str]
    amount: Mapped[Decimal]  # what is to be paid, always positive
    settle_on: Mapped[date]
    message_key: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]
    state: Mapped[str]
    bank: Mapped[str | None]  # BIC of the bank that keeps our account
    account: Mapped[str | None]  # our account there
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("document.id"))
    sha256: Mapped[str | None]
    schema: Mapped[str | None]  # the schema it was held against, with its SHA-256
    finding: Mapped[str | None]
    field: Mapped[str | None]
    reason: Mapped[str | None]
    tries: Mapped[int]
    proof: Mapped[dict[str, Any] | None]
    delivered_at: Mapped[datetime | None]
    delivered_on: Mapped[date | None]  # by the bank's business date


class PaymentStatus(Recorded):
    """One thing that a bank told about a payment: what it said, and what came of it.

    A file that tells several has as many rows; one that cannot be read has one. Only what lay in the back office's
    own inbox moves a payment.
    """

    __tablename__ = "payment_status"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "source",
        "sender",
        "name",
        "sha256",
        "position",
        "document_id",
        "received_at",
        "format",
        "their_message",
        "code",
        "reasons",
        "additional",
        "message_id",
        "instruction_id",
        "end_to_end_id",
        "uetr",
        "account",
        "servicer_reference",
        "currency",
        "amount",
        "credit",
        "reversal",
        "value_on",
    )
    __table_args__ = (
        UniqueConstraint("source", "sender", "name", "sha256", "position"),
        CheckConstraint("source IN ('inbox', 'upload', 'trading')", name="source_known"),
        CheckConstraint("state IN ('received', 'noted', 'applied', 'waiting', 'closed')", name="state_known"),
        CheckConstraint(
            "source = 'inbox' OR state IN ('waiting', 'closed')", name="only_the_inbox_moves_money"
        ),
        CheckConstraint("(state IN ('applied', 'noted')) = (effect IS NOT NULL)", name="applied_with_effect"),
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        Index(None, "state"),
        Index(None, "settlement_id"),
        Index(
            "ix_payment_status_counted_once",
            "settlement_id",
            "sender",
            "servicer_reference",
            "credit",
            unique=True,
            postgresql_where="state = 'applied' AND servicer_reference IS NOT NULL",
        ),
    )

    source: Mapped[str]
    sender: Mapped[str]  # whose folder it lay in
    name: Mapped[str]
    sha256: Mapped[str]
    position: Mapped[int]  # within its file
    document_id: Mapped[UUID] = mapped_column(ForeignKey("document.id"))
    received_at: Mapped[datetime]
    format: Mapped[str | None]
    their_message: Mapped[str | None]
    code: Mapped[str | None]
    reasons: Mapped[list[Any]]
    additional: Mapped[str | None]
    message_id: Mapped[str | None]  # the names by which it calls the payment
    instruction_id: Mapped[str | None]
    end_to_end_id: Mapped[str | None]
    uetr: Mapped[str | None]
    account: Mapped[str | None]
    servicer_reference: Mapped[str | None]
    currency: Mapped[str | None]
    amount: Mapped[Decimal | None]
    credit: Mapped[bool | None]  # none: it speaks of the message, not of the account
    reversal: Mapped[bool | None]
    value_on: Mapped[date | None]
    state: Mapped[str]
    finding: Mapped[str | None]
    field: Mapped[str | None]
    reason: Mapped[str | None]
    effect: Mapped[str | None]
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment.id"))
    settlement_id: Mapped[UUID | None] = mapped_column(ForeignKey("settlement.id"))
    trade_id: Mapped[UUID | None] = mapped_column(ForeignKey("trade.id"))
    closed_because: Mapped[str | None]


class CallBack(Recorded):
    """A call to the counterparty at the number of master data, about a payment route; made by one, checked by another."""

    __tablename__ = "call_back"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "subject_kind",
        "subject_id",
        "counterparty_id",
        "number",
        "spoke_to",
        "outcome",
        "note",
        "made_by",
        "made_at",
    )
    __table_args__ = (
        CheckConstraint("subject_kind IN ('instruction', 'settlement')", name="subject_known"),
        CheckConstraint("outcome IN ('confirmed', 'denied')", name="outcome_known"),
        CheckConstraint("state IN ('made', 'confirmed', 'rejected')", name="state_known"),
        Index(None, "subject_id", "state"),
    )

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    counterparty_id: Mapped[UUID] = mapped_column(ForeignKey("counterparty.id"))
    number: Mapped[str]
    spoke_to: Mapped[str]
    outcome: Mapped[str]  # what the counterparty said
    note: Mapped[str]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]
    state: Mapped[str]
    checked_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
