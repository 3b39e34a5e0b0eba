"""Cases: opened and led apart from trading, decided on evidence by one person, signed by another office (SET-22)."""

from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import select

from policies.apart import Act
from policies.standing import judge
from policies.vocabulary import Action, Office
from service.attempt import ACTS_OF, Attempt, Changed, Command, locked
from service.cases.lifecycle import CASE, SIGNS, STATEMENTS, CaseOutcome, CaseState, NoteKind
from service.cases.model import CaseFile, CaseNote, CaseReceipt
from service.cases.queries import ENTRY_ACT, audit_has_heard, concerns_another, has_evidence, note_view, view
from service.documents.model import Document
from service.gate import use_case
from service.kernel.errors import AlreadyExists, Malformed, NotFound, NotPermitted, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Name, Reason
from service.people.model import Person
from service.roster import roster
from service.trades.model import Trade
from service.work.model import WorkItem


class UnfitOwner(NotPermitted):
    """403. A case is led outside trading, by somebody with no hand in the deal and whom it is not about (SET-22)."""

    rule = "SET-22"


class AnotherOffice(NotPermitted):
    """403. The office that leads a case decides it, and the other one signs (SET-22)."""

    rule = "SET-22"


class NoEvidence(Unprocessable):
    """422. A case is not decided on notes and claims alone (SET-22, A-12)."""

    rule = "SET-22"


class OnlySaid(Unprocessable):
    """422. What trading said is a claim, whatever entry holds it (SET-22)."""

    rule = "SET-22"


class AuditNotTold(Refusal):
    """409. A suspicion is not closed before internal audit has heard of it (SET-27)."""

    rule = "SET-27"


class CaseClosed(Refusal):
    """409. Nothing is added to a case that is closed."""


class OpenCase(Command, frozen=True, kw_only=True):
    """Something does not look right. ``item`` or ``entry``: what it was seen in; ``person``: whom it is about."""

    title: Name
    reason: Reason
    suspicion: bool = False
    trade: UUID | None = None
    person: UUID | None = None
    item: UUID | None = None
    entry: UUID | None = None


class NoteInCase(Command, frozen=True, kw_only=True):
    """Something to be kept in a case; evidence says where it is: an entry of the log or a filed document."""

    case: UUID
    kind: NoteKind
    note: Reason
    entry: UUID | None = None
    document: UUID | None = None


class AssignCase(Command, frozen=True, kw_only=True):
    """Somebody else of the same office leads the case from here on."""

    case: UUID
    version: int
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class DecideCase(Command, frozen=True, kw_only=True):
    """What the case came to, and why."""

    case: UUID
    version: int
    outcome: CaseOutcome
    reason: Reason


class AnswerCase(Command, frozen=True, kw_only=True):
    """What the other office says to the decision."""

    case: UUID
    version: int
    reason: Reason


class CloseCase(AnswerCase, frozen=True, kw_only=True):
    """The second signature."""


class ReturnCase(AnswerCase, frozen=True, kw_only=True):
    """The decision does not hold yet."""


class AcknowledgeCase(Command, frozen=True, kw_only=True):
    """Internal audit has heard of the suspicion."""

    case: UUID
    version: int


@use_case(Action.CASE_OPEN)
async def open_case(attempt: Attempt, command: OpenCase) -> Changed:
    """Begin to look into something; whoever opens it leads it, and internal audit hears of a suspicion at once."""
    subject = await subject_of(attempt, command)
    if command.trade is not None:
        if await attempt.session.scalar(select(Trade.id).where(Trade.id == command.trade)) is None:
            raise NotFound("trade")
        attempt.concerns(command.trade)
    await attempt.admit(command.trade)
    if command.person is not None:
        if await attempt.session.scalar(select(Person.id).where(Person.id == command.person)) is None:
            raise NotFound("person")
        if str(command.person) in attempt.actor.standing().persons(attempt.policy, attempt.action):
            raise UnfitOwner("A case about you is led by somebody else.", field="person")
    row = attempt.add(
        CaseFile(
            id=uuid7(),
            state=CaseState.OPEN.value,
            office=attempt.actor.office.value,
            signs=SIGNS[attempt.actor.office].value,
            owner_id=attempt.actor.account,
            title=command.title,
            reason=command.reason,
            suspicion=command.suspicion,
            trade_id=command.trade,
            person_id=command.person,
            subject_kind=None if subject is None else subject[0],
            subject_id=None if subject is None else subject[1],
            opened_by=attempt.actor.account,
            opened_at=attempt.now,
        )
    )
    ask(attempt, Item.EXAMINE_CASE, row, attempt.actor.office)
    if command.suspicion:
        ask(attempt, Item.CASE_NOTICE, row, Office.INTERNAL_AUDIT)
    return Changed(view_of_new(row), 201)


@use_case(Action.CASE_NOTE)
async def note_in_case(attempt: Attempt, command: NoteInCase) -> Changed:
    """Keep something in a case; what trading says is kept as a claim and never counts as evidence."""
    row = await case_in_sight(attempt, command.case)
    if row.state == CaseState.CLOSED:
        raise CaseClosed("This case is closed; open another one.")
    await must_be_what_it_says(attempt, command)
    note = attempt.add(
        CaseNote(
            id=uuid7(),
            case_id=row.id,
            note_kind=command.kind.value,
            note=command.note,
            entry_id=command.entry,
            document_id=command.document,
            noted_by=attempt.actor.account,
            noted_at=attempt.now,
        )
    )
    return Changed(note_view(note), 201)


@use_case(Action.CASE_ASSIGN)
async def assign_case(attempt: Attempt, command: AssignCase) -> Changed:
    """Hand a case to a colleague of the office that leads it; never to who dealt, nor to whom it is about."""
    row = await locked_case(attempt, command.case, command.version)
    must_lead(attempt, row)
    if row.state == CaseState.CLOSED:
        raise CaseClosed("This case is closed; open another one.")
    connection = await attempt.session.connection()
    able = (await roster(connection, attempt.policy, frozenset({Action.CASE_DECIDE}))).people
    named = (one for one in able if command.account in (one.name, str(one.account)))
    other = next((one for one in named if one.office == row.office), None)
    if other is None:
        sentence = "Whoever leads a case works in the office that leads it and may decide it."
        raise UnfitOwner(sentence, field="account")
    if str(row.person_id) in other.standing.persons(attempt.policy, Action.CASE_DECIDE):
        raise UnfitOwner("A case is not led by whom it is about.", field="account")
    asked = {"trades": [row.trade_id] if row.trade_id else [], "kinds": [], "ids": []}
    history = [
        Act(one.act, one.person, one.at, "trade") for one in await attempt.session.execute(ACTS_OF, asked)
    ]
    judged = judge(attempt.policy, other.standing, Action.CASE_DECIDE, history, attempt.now)
    if judged.broken is not None:
        raise UnfitOwner("Whoever had a hand in the deal does not lead a case about it.", field="account")
    attempt.change(row, owner_id=other.account)
    return Changed(view(row))


@use_case(Action.CASE_DECIDE)
async def decide_case(attempt: Attempt, command: DecideCase) -> Changed:
    """Say what the case came to, on evidence; another office signs it or returns it."""
    row = await locked_case(attempt, command.case, command.version)
    state = CASE.after(CaseState(row.state), Action.CASE_DECIDE)
    must_lead(attempt, row)
    if not await has_evidence(attempt.session, row.id):
        raise NoEvidence("Link an entry or a document first: notes and claims are no evidence.")
    attempt.change(
        row,
        state=state.value,
        outcome=command.outcome.value,
        decision=command.reason,
        decided_by=attempt.actor.account,
    )
    attempt.close_item(Item.EXAMINE_CASE, row.id)
    ask(attempt, Item.SIGN_CASE, row, Office(row.signs))
    return Changed(view(row))


@use_case(Action.CASE_CLOSE)
async def close_case(attempt: Attempt, command: CloseCase) -> Changed:
    """Sign the decision as the second person, of another office; a suspicion only once audit has heard of it."""
    row = await locked_case(attempt, command.case, command.version)
    state = CASE.after(CaseState(row.state), Action.CASE_CLOSE)
    must_sign(attempt, row)
    if row.suspicion and not await audit_has_heard(attempt.session, row.id):
        raise AuditNotTold("Internal audit has not yet taken notice of this suspicion.")
    attempt.change(row, state=state.value, answer=command.reason, answered_by=attempt.actor.account)
    attempt.close_item(Item.SIGN_CASE, row.id)
    return Changed(view(row))


@use_case(Action.CASE_RETURN)
async def return_case(attempt: Attempt, command: ReturnCase) -> Changed:
    """Send the decision back to the office that leads the case."""
    row = await locked_case(attempt, command.case, command.version)
    state = CASE.after(CaseState(row.state), Action.CASE_RETURN)
    must_sign(attempt, row)
    attempt.change(row, state=state.value, answer=command.reason, answered_by=attempt.actor.account)
    attempt.close_item(Item.SIGN_CASE, row.id)
    ask(attempt, Item.EXAMINE_CASE, row, Office(row.office))
    return Changed(view(row))


@use_case(Action.CASE_ACKNOWLEDGE)
async def acknowledge_case(attempt: Attempt, command: AcknowledgeCase) -> Changed:
    """Give internal audit's receipt of a suspicion; the line that leads the case cannot recall it (SET-27)."""
    row = await attempt.session.scalar(
        select(CaseFile).where(CaseFile.id == command.case, concerns_another(attempt.actor))
    )
    if row is None or not row.suspicion:
        raise NotFound("case")
    if await audit_has_heard(attempt.session, row.id):
        raise AlreadyExists("The receipt of this case is on record.")
    if row.trade_id is not None:
        attempt.concerns(row.trade_id)
    receipt = attempt.add(
        CaseReceipt(id=uuid7(), case_id=row.id, received_by=attempt.actor.account, received_at=attempt.now)
    )
    attempt.close_item(Item.CASE_NOTICE, row.id)
    return Changed({"id": str(receipt.id), "case": str(row.id), "version": 1}, 201)


# What the acts have in common ---------------------------------------------------------------------


def ask(attempt: Attempt, item: Item, row: CaseFile, office: Office) -> None:
    """Open work about a case for an office."""
    attempt.open_item_about(item, CaseFile.__tablename__, row.id, trade_id=row.trade_id, office=office)


def view_of_new(row: CaseFile) -> dict[str, object]:
    """Return a case that was just opened as answers show it."""
    return view(row) | {"version": 1}


async def subject_of(attempt: Attempt, command: OpenCase) -> tuple[str, UUID] | None:
    """Return what a case is opened from. Raises Malformed, NotFound."""
    if command.item is not None and command.entry is not None:
        raise Malformed("A case is opened from an alert or from an entry, not from both.", field="entry")
    if command.item is not None:
        seen = await attempt.session.scalar(select(WorkItem.id).where(WorkItem.id == command.item))
        if seen is None:
            raise NotFound("alert")
        return WorkItem.__tablename__, command.item
    if command.entry is not None:
        if await attempt.session.scalar(ENTRY_ACT, {"entry": command.entry}) is None:
            raise NotFound("entry in the log")
        return "audit_entry", command.entry
    return None


async def must_be_what_it_says(attempt: Attempt, command: NoteInCase) -> None:
    """Raise Malformed, NotFound or OnlySaid unless evidence is somewhere, and nothing else claims to be."""
    where = [one for one in (command.entry, command.document) if one is not None]
    if len(where) != (command.kind is NoteKind.EVIDENCE):
        raise Malformed(
            "Evidence names one entry or one document; a note or a claim names none.", field="entry"
        )
    if command.entry is not None:
        act = await attempt.session.scalar(ENTRY_ACT, {"entry": command.entry})
        if act is None:
            raise NotFound("entry in the log")
        if act in STATEMENTS:
            raise OnlySaid("That entry tells what trading said: note it as a claim.", field="entry")
    if command.document is not None:
        known = select(Document.id).where(Document.id == command.document)
        if await attempt.session.scalar(known) is None:
            raise NotFound("document")


async def case_in_sight(attempt: Attempt, case_id: UUID) -> CaseFile:
    """Return a case that is not about the actor, its history asked. Raises NotFound, KeptApart."""
    row = await attempt.session.scalar(
        select(CaseFile).where(CaseFile.id == case_id, concerns_another(attempt.actor))
    )
    if row is None:
        raise NotFound("case")
    await follow(attempt, row)
    return row


async def locked_case(attempt: Attempt, case_id: UUID, seen: int) -> CaseFile:
    """Lock a case that is not about the actor, its history asked. Raises NotFound, StaleVersion, KeptApart."""
    row = await locked(attempt, CaseFile, case_id, seen=seen, what="case")
    if str(row.person_id) in attempt.actor.standing().persons(attempt.policy, attempt.action):
        raise NotFound("case")
    await follow(attempt, row)
    return row


async def follow(attempt: Attempt, row: CaseFile) -> None:
    """Name the case's deal and hold the actor against the history of both."""
    if row.trade_id is not None:
        attempt.concerns(row.trade_id)
    await attempt.admit(row.trade_id, related=[(CaseFile.__tablename__, row.id)])


def must_lead(attempt: Attempt, row: CaseFile) -> None:
    """Raise AnotherOffice unless the actor's office leads the case."""
    if attempt.actor.office.value != row.office:
        raise AnotherOffice("Another office leads this case.")


def must_sign(attempt: Attempt, row: CaseFile) -> None:
    """Raise AnotherOffice unless the actor's office is the one that signs."""
    if attempt.actor.office.value != row.signs:
        raise AnotherOffice("Another office signs the decision of this case.")
