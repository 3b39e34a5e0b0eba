"""The back office's own state of a deal and of what trading asked for."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Recorded


class TradeControl(Recorded):
    """What the back office decided about a deal; ``id`` is the trade's, no row means due."""

    __tablename__ = "trade_control"
    __table_args__ = (Index(None, "state"),)

    version: Mapped[int]  # the deal's version that the state speaks of
    state: Mapped[str]
    reason: Mapped[str | None]


class RequestDecision(Recorded):
    """The answer to a request of trading, given outside trading."""

    __tablename__ = "request_decision"

    request_id: Mapped[UUID] = mapped_column(ForeignKey("change_request.id"), unique=True)
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("trade.id"), index=True)
    outcome: Mapped[str]
    reason: Mapped[str]
