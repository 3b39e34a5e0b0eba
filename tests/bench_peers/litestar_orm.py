"""What the Litestar peers share: engine, session lookup, and the application around one handler."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import Litestar, Request, post
from litestar.exceptions import NotAuthorizedException
from sqlalchemy import DateTime, Text, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.bench_peers.given import ACCOUNT, POOL, ROLE, SCHEMA, TOKEN, URL, digest, expiry, settle_down

engine = create_async_engine(
    URL, pool_size=POOL, max_overflow=0, connect_args={"server_settings": {"search_path": SCHEMA}}
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map = {str: Text(), datetime: DateTime(timezone=True)}  # noqa: RUF012 - as SQLAlchemy documents it


class SignedIn(Base):
    """A session, found by the digest of its token."""

    __tablename__ = "signed_in"

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[UUID]
    role: Mapped[str]
    expires_at: Mapped[datetime]


async def signed_in(request: Request[Any, Any, Any], session: AsyncSession) -> SignedIn:
    """Return who calls. Raises NotAuthorizedException."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    query = select(SignedIn).where(SignedIn.token_sha256 == digest(token))
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None or found.expires_at < datetime.now(UTC):
        raise NotAuthorizedException
    return found


async def begin() -> None:
    """Make the tables and the one session that is open."""
    async with engine.begin() as connection:
        await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        await connection.run_sync(Base.metadata.create_all)
    async with sessions() as session:
        await session.merge(
            SignedIn(token_sha256=digest(TOKEN), account_id=ACCOUNT, role=ROLE, expires_at=expiry())
        )
        await session.commit()
    settle_down()


def served(handler: Callable[..., Awaitable[Any]], *first: Callable[[], Awaitable[None]]) -> Litestar:
    """Return the application."""
    route = post("/trades")(handler)
    return Litestar(
        [route],
        on_startup=[begin, *first],
        on_shutdown=[engine.dispose],
        openapi_config=None,
        logging_config=None,
    )
