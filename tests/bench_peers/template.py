"""The usual template of a controlled service: the ORM, Casbin asked at each request, a hash chain written with each row.

The chain is one for all trades, as such templates have it: each record holds the hash of the one before, so the
last one is locked until the commit. The lock is taken as late as it can be.
"""

import asyncio
import csv
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import casbin
from litestar import Request
from litestar.exceptions import PermissionDeniedException
from sqlalchemy import BigInteger, Identity, select
from sqlalchemy.orm import Mapped, mapped_column

from tests.bench_peers.given import Terms
from tests.bench_peers.litestar_orm import Base, served, sessions, signed_in
from tests.bench_peers.plain_orm import Trade, entered, told

POLICIES = Path(__file__).parents[2] / "policies"
ACTION = "trade.capture"
BEFORE_THE_FIRST = bytes(32)


class AuditRecord(Base):
    """A link of the chain."""

    __tablename__ = "audit_record"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    action: Mapped[str]
    actor: Mapped[UUID]
    at: Mapped[datetime]
    content: Mapped[str]
    previous: Mapped[bytes]
    hash: Mapped[bytes] = mapped_column(unique=True)


class ChainHead(Base):
    """The last link's hash."""

    __tablename__ = "chain_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[bytes]


def enforcer() -> casbin.Enforcer:
    """Return Casbin with the rules that Trennwand has, in the model it has them in."""
    found = casbin.Enforcer(str(POLICIES / "model.conf"), enable_log=False)
    with (POLICIES / "policy.csv").open(encoding="utf-8") as file:
        lines = [line for line in file if line.strip() and not line.startswith("#")]
    for kind, subject, what, *_ in csv.reader(lines, skipinitialspace=True):
        (found.add_policy if kind == "p" else found.add_grouping_policy)(subject, what)
    return found


policy = enforcer()


async def capture(request: Request[Any, Any, Any], data: Terms) -> dict[str, Any]:
    """Decide, store the trade, link its record to the last one."""
    async with sessions() as session:
        caller = await signed_in(request, session)
        if not policy.enforce(caller.role, ACTION):
            raise PermissionDeniedException
        trade = entered(data, caller.account_id)
        session.add(trade)
        await session.flush()
        facts = {column.key: str(getattr(trade, column.key)) for column in Trade.__table__.columns}
        content = json.dumps(facts, sort_keys=True)
        head = (await session.execute(select(ChainHead).with_for_update())).scalar_one()
        record = AuditRecord(
            action=ACTION,
            actor=caller.account_id,
            at=trade.captured_at,
            content=content,
            previous=head.hash,
            hash=hashlib.sha256(head.hash + content.encode()).digest(),
        )
        session.add(record)
        head.hash = record.hash
        await session.commit()
    return told(trade)


async def begin_chain() -> None:
    """Make the place where the chain begins."""
    async with sessions() as session:
        await session.merge(ChainHead(id=1, hash=BEFORE_THE_FIRST))
        await session.commit()


async def is_whole() -> bool:
    """Tell whether every record holds the hash of the one before; the benchmark asks after its rounds."""
    before = BEFORE_THE_FIRST
    async with sessions() as session:
        for record in await session.scalars(select(AuditRecord).order_by(AuditRecord.id)):
            linked = hashlib.sha256(before + record.content.encode()).digest()
            if (record.previous, record.hash) != (before, linked):
                return False
            before = record.hash
    return True


app = served(capture, begin_chain)

if __name__ == "__main__":
    print("whole" if asyncio.run(is_whole()) else "broken")
