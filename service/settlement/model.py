"""The cash legs of a deal on their way to settled."""

from datetime import date
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


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
    __table_args__ = (UniqueConstraint("trade_id", "version", "leg"), Index(None, "state", "value_date"))

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    version: Mapped[int]
    leg: Mapped[str]  # base or quote of an exchange; start or maturity of a loan
    currency: Mapped[str]
    amount: Mapped[Decimal]
    value_date: Mapped[date]
    state: Mapped[str]
    instruction_id: Mapped[UUID | None] = mapped_column(ForeignKey("instruction.id"))
    prepared_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    settled_on: Mapped[date | None]
    failure: Mapped[str | None]
