"""Cases in sight, each with its notes; whom a case is about sees nothing of it (D-16)."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.cases.lifecycle import CaseState, NoteKind
from service.cases.model import CaseFile, CaseNote, CaseReceipt
from service.kernel.actor import Actor
from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.kernel.paging import paged
from service.people.model import Person
from service.people.queries import account_names

ENTRY_ACT = text("SELECT public.case_entry(:entry)")
NOTES_MAX = 500


def concerns_another(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a case is not about the reader, nor about anybody they stand in for."""
    about = {actor.person, *(UUID(str(person)) for person in actor.deputy_for.values())}
    return or_(CaseFile.person_id.is_(None), CaseFile.person_id.not_in(about))


async def cases(
    session: AsyncSession,
    actor: Actor,
    *,
    state: CaseState | None = None,
    trade: UUID | None = None,
    person: UUID | None = None,
    open_only: bool = False,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of the cases in sight, newest first; the database shows each office its own.

    ``open_only``: only those that are not closed.
    """
    wanted = select(CaseFile).where(concerns_another(actor)).order_by(CaseFile.id.desc()).limit(limit + 1)
    for column, value in (
        (CaseFile.state, state),
        (CaseFile.trade_id, trade),
        (CaseFile.person_id, person),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    if open_only:
        wanted = wanted.where(CaseFile.state != CaseState.CLOSED.value)
    if cursor is not None:
        wanted = wanted.where(CaseFile.id < cursor)
    found = (await session.scalars(wanted)).all()
    names = await named(session, found)
    return paged([view(row) | names_in(row, names) for row in found], limit)


async def case(session: AsyncSession, actor: Actor, case_id: UUID) -> dict[str, Any]:
    """Return a case with everything noted in it, oldest first. Raises NotFound."""
    row = await session.scalar(select(CaseFile).where(CaseFile.id == case_id, concerns_another(actor)))
    if row is None:
        raise NotFound("case")
    notes = (
        await session.scalars(
            select(CaseNote).where(CaseNote.case_id == case_id).order_by(CaseNote.id).limit(NOTES_MAX)
        )
    ).all()
    receipt = await session.scalar(select(CaseReceipt).where(CaseReceipt.case_id == case_id))
    writers = await account_names(session, {note.noted_by for note in notes})
    names = await named(session, [row])
    return (
        view(row)
        | names_in(row, names)
        | {
            "notes": [note_view(note) | {"by": writers.get(note.noted_by)} for note in notes],
            "told_audit_at": None if receipt is None else plain_value(receipt.received_at),
        }
    )


async def has_evidence(session: AsyncSession, case_id: UUID) -> bool:
    """Tell whether anything but notes and claims stands in the case."""
    wanted = select(CaseNote.id).where(CaseNote.case_id == case_id, CaseNote.note_kind == NoteKind.EVIDENCE)
    return await session.scalar(wanted.limit(1)) is not None


async def audit_has_heard(session: AsyncSession, case_id: UUID) -> bool:
    """Tell whether internal audit has given its receipt."""
    return await session.scalar(select(CaseReceipt.id).where(CaseReceipt.case_id == case_id)) is not None


async def named(session: AsyncSession, rows: Any) -> dict[UUID, str]:
    """Return the names of the accounts and persons in some cases."""
    accounts = {one for row in rows for one in (row.owner_id, row.opened_by, row.decided_by, row.answered_by)}
    persons = {row.person_id for row in rows} - {None}
    found = await session.execute(select(Person.id, Person.name).where(Person.id.in_(persons)))
    return await account_names(session, accounts - {None}) | {row.id: row.name for row in found}


def names_in(row: CaseFile, names: dict[UUID, str]) -> dict[str, Any]:
    """Return what the people of a case are called."""
    return {
        "owner_name": names.get(row.owner_id),
        "opened_by_name": names.get(row.opened_by),
        "decided_by_name": None if row.decided_by is None else names.get(row.decided_by),
        "answered_by_name": None if row.answered_by is None else names.get(row.answered_by),
        "person_name": None if row.person_id is None else names.get(row.person_id),
    }


def view(row: CaseFile) -> dict[str, Any]:
    """Return a case as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "state": row.state,
        "office": row.office,
        "signs": row.signs,
        "owner": str(row.owner_id),
        "title": row.title,
        "reason": row.reason,
        "suspicion": row.suspicion,
        "trade": None if row.trade_id is None else str(row.trade_id),
        "person": None if row.person_id is None else str(row.person_id),
        "subject": None if row.subject_id is None else {"kind": row.subject_kind, "id": str(row.subject_id)},
        "opened_at": plain_value(row.opened_at),
        "outcome": row.outcome,
        "decision": row.decision,
        "answer": row.answer,
    }


def note_view(row: CaseNote) -> dict[str, Any]:
    """Return a note as answers show it."""
    return {
        "id": str(row.id),
        "case": str(row.case_id),
        "kind": row.note_kind,
        "note": row.note,
        "entry": None if row.entry_id is None else str(row.entry_id),
        "document": None if row.document_id is None else str(row.document_id),
        "noted_at": plain_value(row.noted_at),
    }
