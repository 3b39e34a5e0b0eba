"""A paper filed by an act, and its bytes read again: held against their hash each time."""

import hashlib
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Attempt
from service.documents.kinds import BEGINS, BYTES_MAX, DocumentKind, safe_name
from service.documents.model import Document, DocumentContent
from service.kernel.errors import Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.retention import Retention

KEEP = text("SELECT public.document_keep(:content, :entry)")


class DocumentTooLarge(Refusal):
    """413. A paper has at most ten megabytes."""

    status = 413
    rule = "DOC-03"


class EmptyDocument(Unprocessable):
    """422. A paper without a single byte says nothing."""

    rule = "DOC-03"


class DocumentAltered(Refusal):
    """503. The stored bytes are not those that were filed; nobody is shown them."""

    status = 503
    rule = "DOC-04"


async def file_document(
    attempt: Attempt,
    *,
    kind: DocumentKind,
    content: bytes,
    media_type: str,
    name: str,
    retention: Retention,
    subject: tuple[str, UUID] | None,
    trade_id: UUID | None,
    origin: str,
) -> Document:
    """File a paper with this act: the bytes once under their SHA-256, hash and size in the entry.

    ``subject``: kind and id of what it is about. ``trade_id``: the deal the act concerns; its entry is linked to
    it. ``name``: what a stranger called it is made harmless. Raises DocumentTooLarge, EmptyDocument.
    """
    assert media_type in BEGINS, f"{media_type} is no form that is filed"
    if len(content) > BYTES_MAX:
        raise DocumentTooLarge(f"A document has at most {BYTES_MAX} bytes.", field="content")
    if not content:
        raise EmptyDocument("A document without a byte is none.", field="content")
    if trade_id is not None:
        attempt.concerns(trade_id)
    digest = hashlib.sha256(content).hexdigest()
    kept = await attempt.session.scalar(KEEP, {"content": content, "entry": attempt.entry_id})
    assert kept == digest, "the database hashes otherwise than this process"
    attempt.data.setdefault("documents", []).append({"sha256": digest, "size": len(content)})
    return attempt.add(
        Document(
            id=uuid7(),
            sha256=digest,
            size=len(content),
            media_type=media_type,
            name=safe_name(name),
            document_kind=kind.value,
            retention_class=retention.value,
            origin=origin,
            office=attempt.actor.office.value,
            subject_kind=None if subject is None else subject[0],
            subject_id=None if subject is None else subject[1],
            trade_id=trade_id,
            filed_by=attempt.actor.account,
            filed_at=attempt.now,
        )
    )


async def content_of(session: AsyncSession, document: Document) -> bytes:
    """Return the bytes of a paper. Raises DocumentAltered if they are not those that were filed, or gone."""
    query = select(DocumentContent.content).where(DocumentContent.sha256 == document.sha256)
    content = await session.scalar(query)
    if content is None or not is_unaltered(content, document):
        raise DocumentAltered(
            f"What is stored of document {document.id} is not what was filed. Tell compliance.",
            facts={"document": str(document.id), "sha256": document.sha256},
        )
    return content


def is_unaltered(content: bytes, document: Document) -> bool:
    """Tell whether the bytes are those that the entry of the filing names."""
    return len(content) == document.size and hashlib.sha256(content).hexdigest() == document.sha256
