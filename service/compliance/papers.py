"""The filed papers: gathered for an evidence pack, and held against the hashes under which they were filed."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.audit_trail.model import AuditEffect, AuditIndex
from service.compliance.selfcheck import SelfCheck
from service.documents.filing import is_unaltered
from service.documents.model import Document, DocumentContent

INDICES_AT_ONCE = 10_000
ROWS_AT_ONCE = 256


async def gather_papers(session: AsyncSession, indices: Collection[int], folder: Path) -> None:
    """Write what the entries at these places filed into ``folder``, by hash, as it is stored now; one at a time."""
    wanted: set[str] = set()
    places = sorted(indices)
    filed = (
        select(Document.sha256)
        .join(AuditEffect, (AuditEffect.kind == Document.__tablename__) & (AuditEffect.id == Document.id))
        .join(AuditIndex, AuditIndex.entry_id == AuditEffect.entry_id)
    )
    for at in range(0, len(places), INDICES_AT_ONCE):
        some = filed.where(AuditIndex.index.in_(places[at : at + INDICES_AT_ONCE]))
        wanted |= set(await session.scalars(some))
    if wanted:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for digest in sorted(wanted):
        query = select(DocumentContent.content).where(DocumentContent.sha256 == digest)
        content = await session.scalar(query)
        if content is not None:  # else the pack's reader is told that it is missing
            await asyncio.to_thread((folder / digest).write_bytes, content)


async def check_papers(session: AsyncSession, check: SelfCheck) -> None:
    """Hash every stored paper here, not in the database, and compare with what its row says; one at a time."""
    last = UUID(int=0)
    while True:
        query = select(Document).where(Document.id > last).order_by(Document.id).limit(ROWS_AT_ONCE)
        rows = (await session.scalars(query)).all()
        for document in rows:
            one = select(DocumentContent.content).where(DocumentContent.sha256 == document.sha256)
            content = await session.scalar(one)
            if content is None:
                check.differs("document", str(document.id), "has lost its bytes.")
            elif not is_unaltered(content, document):
                check.differs("document", str(document.id), "has other bytes than those that were filed.")
        if len(rows) < ROWS_AT_ONCE:
            return
        last = rows[-1].id
        session.expunge_all()
