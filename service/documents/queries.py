"""Papers as answers show them. Row security lets each office see its own and what it has to work with."""

import base64
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.vocabulary import Action
from service.documents.kinds import DocumentKind
from service.documents.model import Document
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.errors import NotFound


def in_sight(actor: Actor, policy: Policy) -> ColumnElement[bool]:
    """Return the condition beyond row security.

    Papers of a deal only for whoever may see deals, payment messages only for whoever may know payment routes.
    """
    of_deals = policy.decide(actor.roles, Action.TRADE_READ).allowed
    of_routes = policy.decide(actor.roles, Action.INSTRUCTION_READ).allowed
    return and_(
        true() if of_deals else Document.trade_id.is_(None),
        true() if of_routes else Document.document_kind != DocumentKind.PAYMENT_OUT,
    )


async def document_seen(session: AsyncSession, actor: Actor, policy: Policy, document_id: UUID) -> Document:
    """Return a paper. Raises NotFound, also for one the caller may not know of."""
    query = select(Document).where(Document.id == document_id, in_sight(actor, policy))
    found = await session.scalar(query)
    if found is None:
        raise NotFound("document")
    return found


async def documents(
    session: AsyncSession,
    actor: Actor,
    policy: Policy,
    *,
    trade: UUID | None = None,
    subject: UUID | None = None,
    kind: DocumentKind | None = None,
    after: Place | None,
    limit: int,
) -> dict[str, Any]:
    """Return papers, newest first."""
    query = select(Document).where(in_sight(actor, policy))
    if trade is not None:
        query = query.where(Document.trade_id == trade)
    if subject is not None:
        query = query.where(Document.subject_id == subject)
    if kind is not None:
        query = query.where(Document.document_kind == kind.value)
    if after is not None:
        query = query.where(tuple_(Document.filed_at, Document.id) < tuple_(after.at, after.id))
    rows = (
        await session.scalars(query.order_by(Document.filed_at.desc(), Document.id.desc()).limit(limit))
    ).all()
    return {
        "items": [view(row) for row in rows],
        "next": cursor_of(rows[-1].filed_at, rows[-1].id) if len(rows) == limit else None,
    }


def view(document: Document) -> dict[str, Any]:
    """Return a paper as answers show it, without its bytes."""
    subject = {"kind": document.subject_kind, "id": str(document.subject_id)}
    return {
        "id": str(document.id),
        "kind": document.document_kind,
        "name": document.name,
        "media_type": document.media_type,
        "size": document.size,
        "sha256": document.sha256,
        "retention": document.retention_class,
        "origin": document.origin,
        "office": document.office,
        "subject": None if document.subject_kind is None else subject,
        "trade": None if document.trade_id is None else str(document.trade_id),
        "filed_at": plain_value(document.filed_at),
    }


def base64_of(digest: str) -> str:
    """Return a hexadecimal digest as headers write it (RFC 9530)."""
    return base64.b64encode(bytes.fromhex(digest)).decode()
