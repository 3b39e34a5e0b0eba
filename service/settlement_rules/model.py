"""The tables settlement works by, one line each: from which day, from which source."""

from datetime import date, time
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class SettlementRule(Recorded):
    """One line: which of the columns it needs, its kind says; of lines for the same the latest begun counts."""

    __tablename__ = "settlement_rule"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "rule",
        "product",
        "market",
        "currency",
        "counterparty_id",
        "code",
        "name_en",
        "name_de",
        "number",
        "days",
        "at",
        "zone",
        "amount",
        "rate_bp",
        "allowed",
        "valid_from",
        "source",
        "proposed_by",
    )
    __table_args__ = (
        CheckConstraint(
            "rule IN ('call_back', 'cut_off', 'cycle', 'freshness', 'ladder', 'netting', 'penalty', 'reason')",
            name="rule_known",
        ),
        CheckConstraint("state IN ('proposed', 'in_force', 'refused')", name="state_known"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("days >= 0", name="days_not_negative"),
        CheckConstraint("rate_bp >= 0", name="rate_not_negative"),
        Index(None, "rule", "state"),
    )

    rule: Mapped[str]
    product: Mapped[str | None]  # of a cycle; of a penalty the type of instrument
    market: Mapped[str | None]
    currency: Mapped[str | None]  # whose money, and whose business days
    counterparty_id: Mapped[UUID | None] = mapped_column(ForeignKey("counterparty.id"))
    code: Mapped[str | None]  # why a payment fails
    name_en: Mapped[str | None]
    name_de: Mapped[str | None]
    number: Mapped[str | None]  # where a counterparty is called to confirm its payment routes
    days: Mapped[int | None]
    at: Mapped[time | None]  # local time of the zone
    zone: Mapped[str | None]
    amount: Mapped[Decimal | None]  # up to which one signature is enough
    rate_bp: Mapped[Decimal | None]  # a business day
    allowed: Mapped[bool | None]  # whether payments of the counterparty are netted
    valid_from: Mapped[date]
    source: Mapped[str]
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))  # none: the founding's
    state: Mapped[str]
    reason: Mapped[str | None]
