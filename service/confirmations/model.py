"""What we say about a deal and what the counterparty says."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class Confirmation(Recorded):
    """A confirmation of one version of a deal, with the counterparty's side beside ours."""

    __tablename__ = "confirmation"
    __frozen__: ClassVar[tuple[str, ...]] = ("trade_id", "version", "ours")
    __table_args__ = (UniqueConstraint("trade_id", "version"),)

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"))
    version: Mapped[int]
    state: Mapped[str]
    ours: Mapped[dict[str, Any]]
    sent_at: Mapped[datetime | None]
    counter: Mapped[dict[str, Any] | None]
    counter_at: Mapped[datetime | None]
    breaks: Mapped[list[Any] | None]
