"""The plainest service there is: Litestar and SQLAlchemy's ORM, no controls at all. Session looked up, row in, commit."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from litestar import Request
from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from tests.bench_peers.given import Terms
from tests.bench_peers.litestar_orm import Base, served, sessions, signed_in


class Trade(Base):
    __tablename__ = "trade"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    type: Mapped[str]
    side: Mapped[str]
    base: Mapped[str]
    quote: Mapped[str]
    base_amount: Mapped[Decimal]
    rate: Mapped[Decimal]
    trade_date: Mapped[date]
    value_date: Mapped[date]
    counterparty: Mapped[str]
    portfolio: Mapped[str]
    executed_at: Mapped[datetime]
    side_agreements: Mapped[str]
    captured_by: Mapped[UUID]
    captured_at: Mapped[datetime]


def entered(data: Terms, by: UUID) -> Trade:
    """Return the row of a trade."""
    facts = {name: getattr(data, name) for name in data.__struct_fields__}
    return Trade(**facts, captured_by=by, captured_at=datetime.now(UTC))


def told(trade: Trade) -> dict[str, Any]:
    """Return the answer about it."""
    return {"id": trade.id, "number": trade.number, "captured_at": trade.captured_at}


async def capture(request: Request[Any, Any, Any], data: Terms) -> dict[str, Any]:
    """Store a trade."""
    async with sessions() as session:
        caller = await signed_in(request, session)
        trade = entered(data, caller.account_id)
        session.add(trade)
        await session.commit()
    return told(trade)


app = served(capture)
