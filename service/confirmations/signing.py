"""The acts on the papers of a deal: the broker's statement, the long form, the signature under the checklist."""

from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.confirmations.documenting import papers_of
from service.confirmations.inbound import Encoded, bytes_of
from service.confirmations.lifecycle import (
    CHECKLIST,
    LONG_FORM,
    ChecklistState,
    ConfirmationState,
    LongFormState,
)
from service.confirmations.matching import BROKER, match
from service.confirmations.model import BrokerStatement, Confirmation, DocumentChecklist, LongForm
from service.confirmations.papers import late, missing
from service.confirmations.queries import checklist_view, long_form_view, statement_view
from service.confirmations.receiving import form_of, tolerance
from service.confirmations.use_cases import Fields
from service.control.holding import hold_trade, must_be_verified
from service.documents.filing import file_document
from service.documents.kinds import KEPT_AS, DocumentKind
from service.documents.model import Document
from service.gate import use_case
from service.kernel.errors import IllegalTransition, NotFound, Refusal
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Name, Reason
from service.parties.queries import counterparty_by

Code = Literal["no_message", "counterparty_late", "late_here", "other"]
"""Why a paper was typed by hand or came late (SET-02)."""
CODES: Final = ("no_message", "counterparty_late", "late_here", "other")


class NotBrokered(Refusal):
    """409. No broker brought this deal about, so no broker's statement belongs to it."""

    rule = "SET-04"


class PaperMissing(Refusal):
    """409. A deal is not signed off while one of its papers is missing; the field names the paper."""

    rule = "SET-13"


class Withdrawn(IllegalTransition):
    """409. This confirmation was withdrawn; papers belong to the one that took its place."""


class RecordBrokerStatement(Command, frozen=True, kw_only=True):
    """What the broker says, field by field and from our point of view, with the paper itself."""

    confirmation_id: UUID
    version: int
    fields: Fields
    name: Name
    content: Encoded


class FileLongForm(Command, frozen=True, kw_only=True):
    """The contract that the counterparty drafted."""

    confirmation_id: UUID
    version: Annotated[int, msgspec.Meta(description="The version of the long form.")]
    name: Name
    content: Encoded


class SignChecklist(Command, frozen=True, kw_only=True):
    """A second person saw the papers of a deal, saying why one was typed by hand or came late."""

    confirmation_id: UUID
    version: Annotated[int, msgspec.Meta(description="The version of the checklist.")]
    code: Code
    reason: Reason


@use_case(Action.BROKER_STATEMENT_RECORD)
async def record_broker_statement(attempt: Attempt, command: RecordBrokerStatement) -> Changed:
    """Lay the broker's statement beside our side; one that differs leaves the question open (SET-04, SET-14)."""
    confirmation = await held_with_papers(attempt, command.confirmation_id, seen=command.version)
    if BROKER not in confirmation.ours:
        raise NotBrokered("This deal was dealt between the two sides; no broker says anything about it.")
    broker = await counterparty_by(attempt.session, str(confirmation.ours[BROKER]))
    assert broker is not None, "a broker is a party in force"
    breaks = match(confirmation.ours, command.fields, await tolerance(attempt.session))
    row_id = uuid7()
    document = await file_paper(
        attempt,
        confirmation,
        DocumentKind.STATEMENT,
        command.name,
        command.content,
        (BrokerStatement, row_id),
    )
    row = attempt.add(
        BrokerStatement(
            id=row_id,
            confirmation_id=confirmation.id,
            trade_id=confirmation.trade_id,
            broker_id=broker.id,
            document_id=document.id,
            fields=dict(command.fields),
            breaks=msgspec.to_builtins(breaks),
            received_on=attempt.desk.business_date,
            recorded_by=attempt.actor.account,
        )
    )
    if not breaks:
        attempt.close_item(Item.RECORD_BROKER_STATEMENT, confirmation.id)
    return Changed(statement_view(row), 201)


@use_case(Action.LONG_FORM_FILE)
async def file_long_form(attempt: Attempt, command: FileLongForm) -> Changed:
    """File the contract after the short form; it says no less and is kept as it came (SET-08)."""
    confirmation = await held_with_papers(attempt, command.confirmation_id)
    row = await locked(
        attempt,
        LongForm,
        await paper_id(attempt, LongForm, confirmation.id),
        seen=command.version,
        what="long form",
    )
    state = LONG_FORM.after(LongFormState(row.state), attempt.action)
    document = await file_paper(
        attempt, confirmation, DocumentKind.CONTRACT, command.name, command.content, (LongForm, row.id)
    )
    attempt.change(
        row,
        state=state.value,
        document_id=document.id,
        filed_on=attempt.desk.business_date,
        filed_by=attempt.actor.account,
    )
    attempt.close_item(Item.FILE_LONG_FORM, row.id)
    await attempt.session.flush()
    return Changed(long_form_view(row))


@use_case(Action.CHECKLIST_SIGN)
async def sign_checklist(attempt: Attempt, command: SignChecklist) -> Changed:
    """Sign that the papers of a deal are in order; nobody signs for one that is not there (SET-13)."""
    confirmation = await held_with_papers(attempt, command.confirmation_id)
    row = await locked(
        attempt,
        DocumentChecklist,
        await paper_id(attempt, DocumentChecklist, confirmation.id),
        seen=command.version,
        what="checklist",
    )
    state = CHECKLIST.after(ChecklistState(row.state), attempt.action)
    papers = await papers_of(attempt, confirmation)
    if absent := missing(papers):
        raise PaperMissing("A paper of this deal is missing; it is not signed off.", field=absent[0])
    attempt.note(late=late(papers) or None)
    attempt.change(
        row,
        state=state.value,
        papers=papers,
        code=command.code,
        reason=command.reason,
        signed_by=attempt.actor.account,
        signed_at=attempt.now,
    )
    attempt.close_item(Item.CHECK_DOCUMENTS, row.id)
    await attempt.session.flush()
    return Changed(checklist_view(row))


async def held_with_papers(
    attempt: Attempt, confirmation_id: UUID, *, seen: int | None = None
) -> Confirmation:
    """Lock a deal and its confirmation for an act on its papers, for whoever its history admits.

    Raises NotFound, StaleVersion, KeptApart, NotVerified, Withdrawn.
    """
    found = await attempt.session.get(Confirmation, confirmation_id)
    if found is None:
        raise NotFound("confirmation")
    attempt.concerns(found.trade_id)
    control = await hold_trade(attempt, found.trade_id)
    confirmation = await locked(attempt, Confirmation, confirmation_id, seen=seen)
    await attempt.admit(found.trade_id)
    must_be_verified(control, confirmation.version)
    if confirmation.state == ConfirmationState.WITHDRAWN:
        raise Withdrawn("This confirmation was withdrawn; papers belong to the one in its place.")
    return confirmation


async def paper_id(attempt: Attempt, kind: type[LongForm | DocumentChecklist], confirmation_id: UUID) -> UUID:
    """Return the id of a confirmation's long form or checklist. Raises NotFound."""
    found: UUID | None = await attempt.session.scalar(
        select(kind.id).where(kind.confirmation_id == confirmation_id)
    )
    if found is None:
        raise NotFound("long form" if kind is LongForm else "checklist")
    return found


async def file_paper(
    attempt: Attempt,
    confirmation: Confirmation,
    kind: DocumentKind,
    name: str,
    content: str,
    subject: tuple[type[BrokerStatement | LongForm], UUID],
) -> Document:
    """File a paper of a deal as it came. Raises NotBase64, DocumentTooLarge, EmptyDocument."""
    held = bytes_of(content)
    return await file_document(
        attempt,
        kind=kind,
        content=held,
        media_type=form_of(held),
        name=name,
        retention=KEPT_AS[kind],
        subject=(subject[0].__tablename__, subject[1]),
        trade_id=confirmation.trade_id,
        origin="upload",
    )
