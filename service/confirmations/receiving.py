"""What reaches the back office: filed as it came, read, held against who sent it and what we dealt.

Nothing is lost and nothing is believed: what cannot be read, whose sender is not known, which names somebody
else or comes twice waits for a person with the reason. What came through trading closes nothing (SET-05).
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import String, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Attempt, locked
from service.confirmations.documenting import check_papers
from service.confirmations.lifecycle import AWAITED, ConfirmationState, InboundState
from service.confirmations.matching import BROKER, EXACT, REFERENCE, STANDARD, Tolerance, as_we_see_it, match
from service.confirmations.model import Confirmation, InboundMessage
from service.confirmations.told import fields_told
from service.control.holding import hold_trade, must_be_verified
from service.documents.filing import file_document
from service.documents.kinds import DocumentKind
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.retention import Retention
from service.messages.recognise import Confirmation as Received
from service.messages.recognise import Message, recognised
from service.messages.terms import ConfirmedTerms, Operation, PartyId, Unreadable
from service.parties.model import ConfirmationChannel, Counterparty
from service.parties.queries import instruction_for, tolerance_in_force

TEXT_FORMS: Final = ((b"<", "application/xml"), (b"{", "text/plain"), (b"%PDF-", "application/pdf"))
BANK_CHARACTERS: Final = 8  # of a BIC; the rest names a branch
CANDIDATES_MAX: Final = 2000
ALERTING: Final = frozenset({"unknown_sender", "other_counterparty"})
"""Findings that somebody outside the desk looks into at once (A-09)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a message waits for a person: a code, the field it is about, and the sentence."""

    code: str
    field: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file as it came: from which source, by whose hand, under which name."""

    source: str
    sender: str
    name: str
    content: bytes
    refused: str = ""
    """Why the file itself was not taken in; ``content`` then says which file that was."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says, once read and held against master data."""

    format: str | None = None
    fields: dict[str, str] | None = None
    their_reference: str | None = None
    our_reference: str | None = None
    counterparty: Counterparty | None = None
    silent_on: frozenset[str] = frozenset()
    route_differs: bool = False
    finding: Finding | None = None


async def take_in(attempt: Attempt, arrival: Arrival) -> InboundMessage:
    """File what came, read it, and bring it to the deal it is about, or to a person.

    The same bytes under the same name from the same sender are one message: whoever died after filing it and
    before moving the file finds it here.
    """
    digest = hashlib.sha256(arrival.content).hexdigest()
    known = await attempt.session.scalar(
        select(InboundMessage).where(
            InboundMessage.source == arrival.source,
            InboundMessage.sender == arrival.sender,
            InboundMessage.name == arrival.name,
            InboundMessage.sha256 == digest,
        )
    )
    if known is not None:
        return known
    row_id = uuid7()
    document = await file_document(
        attempt,
        kind=DocumentKind.CONFIRMATION_IN,
        content=arrival.content,
        media_type=form_of(arrival.content),
        name=arrival.name,
        retention=Retention.LETTERS,
        subject=(InboundMessage.__tablename__, row_id),
        trade_id=None,
        origin=arrival.source,
    )
    reading = await read(attempt, arrival)
    message = InboundMessage(
        id=row_id,
        source=arrival.source,
        sender=arrival.sender,
        document_id=document.id,
        sha256=digest,
        name=arrival.name,
        format=reading.format,
        fields=reading.fields,
        their_reference=reading.their_reference,
        our_reference=reading.our_reference,
        counterparty_id=None if reading.counterparty is None else reading.counterparty.id,
        received_at=attempt.now,
        state=InboundState.WAITING.value,
    )
    await place(attempt, message, reading)
    if (trade := attempt.links.get("trade")) is not None:
        document.trade_id = UUID(trade)  # known only now that the message was read
    return attempt.add(message)


async def place(attempt: Attempt, message: InboundMessage, reading: Reading) -> None:
    """Bring a message to its confirmation, to the alleged deals, or to a person."""
    if message.source == "trading":
        message.state = InboundState.INDIRECT.value
        message.finding = "indirect"
        alert(attempt, message, "indirect")
        return
    if reading.finding is not None:
        wait(attempt, message, reading.finding)
        return
    found = await candidates(attempt.session, message, reading)
    if not found:
        message.state, message.finding = InboundState.ALLEGED.value, "alleged"
        attempt.open_item_about(
            Item.EXAMINE_ALLEGED, InboundMessage.__tablename__, message.id, reason="alleged"
        )
        review(attempt, message, "alleged", None)
        return
    if len(found) > 1:
        wait(attempt, message, Finding("ambiguous", REFERENCE, "Several deals of ours fit this message."))
        return
    confirmation = await held_for_answer(attempt, found[0])
    corrects = confirmation.state == ConfirmationState.MISMATCHED
    awaits = confirmation.state in AWAITED and confirmation.counter is None
    if not (corrects or awaits):
        sentence = "This deal has its counter-confirmation already."
        wait(attempt, message, Finding("answered_already", REFERENCE, sentence), confirmation)
        return
    if reading.route_differs:
        alert(attempt, message, "payment_route_differs", confirmation.trade_id)
    await answer(attempt, message, confirmation, reading.silent_on)


async def answer(
    attempt: Attempt, message: InboundMessage, confirmation: Confirmation, silent_on: frozenset[str]
) -> None:
    """Put their side beside ours and match it: what agrees exactly stands, a break waits for a person.

    Their word may come before ours has left; then it waits for it.
    """
    assert message.fields is not None, "what could not be read answers nothing"
    message.state, message.confirmation_id = InboundState.LINKED.value, confirmation.id
    counter = {name: said for name, said in message.fields.items() if name not in silent_on}
    if confirmation.state == ConfirmationState.DUE:
        attempt.change(confirmation, counter=counter, counter_at=attempt.now, counter_source=str(message.id))
        return
    allowed = EXACT if attempt.actor.service else await tolerance(attempt.session)
    breaks = match(confirmation.ours, counter, allowed)
    said: dict[str, Any] = {
        "counter": counter,
        "counter_at": attempt.now,
        "counter_source": str(message.id),
        "breaks": msgspec.to_builtins(breaks),
        "state": (ConfirmationState.MISMATCHED if breaks else ConfirmationState.MATCHED).value,
    }
    if not breaks:
        said["agreed_by"] = agreed(attempt, "message", message=str(message.id), tolerance=allowed.number)
    attempt.change(confirmation, **said)
    if not breaks:
        await follow(attempt, confirmation)


def agreed(attempt: Attempt, way: str, **how: Any) -> dict[str, Any]:
    """Return what a confirmation keeps of how both sides came to agree: by which way, on which day, by whose hand."""
    day = attempt.desk.business_date.isoformat()
    return {"way": way, "on": day, "by": str(attempt.actor.account), **how}


async def follow(attempt: Attempt, confirmation: Confirmation) -> None:
    """Hand a deal whose terms stand on to settlement, and look for its papers."""
    await check_papers(attempt, confirmation)
    attempt.close_item(Item.MATCH, confirmation.id)
    attempt.open_item_about(
        Item.PROJECT,
        "trade",
        confirmation.trade_id,
        trade_id=confirmation.trade_id,
        version=confirmation.version,
    )


def wait(
    attempt: Attempt, message: InboundMessage, finding: Finding, confirmation: Confirmation | None = None
) -> None:
    """Leave a message to a person, saying which field and why."""
    message.state, message.finding = InboundState.WAITING.value, finding.code
    message.field, message.reason = finding.field or None, finding.reason or None
    trade_id = None if confirmation is None else confirmation.trade_id
    attempt.open_item_about(
        Item.EXAMINE_MESSAGE, InboundMessage.__tablename__, message.id, trade_id=trade_id, reason=finding.code
    )
    if finding.code in ALERTING:
        review(attempt, message, finding.code, trade_id)


def alert(attempt: Attempt, message: InboundMessage, code: str, trade_id: UUID | None = None) -> None:
    """Tell the back office and compliance; the deal stays open, and the counterparty is called back."""
    attempt.open_item_about(
        Item.EXAMINE_ALERT, InboundMessage.__tablename__, message.id, trade_id=trade_id, reason=code
    )
    review(attempt, message, code, trade_id)


def review(attempt: Attempt, message: InboundMessage, code: str, trade_id: UUID | None) -> None:
    """Tell compliance."""
    attempt.open_item_about(
        Item.REVIEW_ALERT, InboundMessage.__tablename__, message.id, trade_id=trade_id, reason=code
    )


async def read(attempt: Attempt, arrival: Arrival) -> Reading:
    """Read a file and hold it against master data: who sent it, who it says it is from, whether it came before."""
    if arrival.refused:
        return Reading(finding=Finding("not_taken_in", "file", arrival.refused))
    counterparty = await sender_of(attempt.session, arrival.sender)
    lei = None if counterparty is None else counterparty.lei
    try:
        received = as_sent_by(lei, arrival)
    except Unreadable as broken:
        return Reading(finding=Finding("unreadable", broken.field or "", broken.reason))
    if not isinstance(received, Received):
        return Reading(finding=Finding("no_confirmation", "message", "It is no confirmation."))
    terms = received.terms
    told = Reading(
        format=received.format.value,
        their_reference=terms.our_reference,
        our_reference=terms.their_reference,
        silent_on=frozenset(received.silent_on),
    )
    if counterparty is None:
        sentence = "No counterparty's channel names this sender."
        return replace(told, finding=Finding("unknown_sender", "sender", sentence))
    return await held_against(attempt, terms, replace(told, counterparty=counterparty), counterparty)


def as_sent_by(lei: str | None, arrival: Arrival) -> Message:
    """Read a file as its sender's word; one that does not name the sender by LEI is held against it afterwards.

    Raises Unreadable.
    """
    try:
        return recognised(arrival.content, arrival.name, sender=lei)
    except Unreadable as broken:
        if broken.field != "sender":
            raise
        return recognised(arrival.content, arrival.name)


async def held_against(
    attempt: Attempt, terms: ConfirmedTerms, told: Reading, counterparty: Counterparty
) -> Reading:
    """Hold what a message says against who sent it and what came before."""
    them = PartyId(lei=counterparty.lei, bic=counterparty.bic, name=counterparty.name)
    own = await attempt.session.scalar(select(Counterparty).where(Counterparty.own))
    us = PartyId(lei=attempt.entity_lei, bic=None if own is None else own.bic)
    if not terms.party.agrees(them) or not terms.counterparty.agrees(us):
        sentence = f"It is from {counterparty.name} and names {terms.party} and {terms.counterparty}."
        return replace(told, finding=Finding("other_counterparty", "party", sentence))
    fields = as_we_see_it(fields_told(terms, counterparty.lei, attempt.entity_lei))
    if terms.broker is not None and terms.broker.lei is None and terms.broker.bic is not None:
        fields[BROKER] = await lei_of(attempt.session, terms.broker.bic) or fields[BROKER]
    told = replace(told, fields=fields)
    if await came_before(attempt.session, counterparty.id, terms.our_reference):
        sentence = "Another message of this counterparty carries the same reference."
        return replace(told, finding=Finding("duplicate_reference", "their_reference", sentence))
    if terms.operation is not Operation.NEW:
        sentence = "It amends or cancels an earlier message; a person decides what that means."
        return replace(told, finding=Finding("amends_or_cancels", "operation", sentence))
    if terms.our_account is not None and terms.our_account.account is not None:
        currency = fields.get("sell_currency") or fields.get("currency", "")
        route = await instruction_for(attempt.session, counterparty.id, currency)
        told = replace(told, route_differs=route is None or route.account_number != terms.our_account.account)
    return told


async def lei_of(session: AsyncSession, bic: str) -> str | None:
    """Return the LEI of the party with this bank identifier, None if nobody or more than one has it."""
    found = await session.scalars(
        select(Counterparty.lei).where(func.left(Counterparty.bic, BANK_CHARACTERS) == bic[:BANK_CHARACTERS])
    )
    named = list(found)
    return named[0] if len(named) == 1 else None


async def sender_of(session: AsyncSession, sender: str) -> Counterparty | None:
    """Return the counterparty whose channel in force names this sender; None if none does, or more than one."""
    newest = (
        select(func.max(ConfirmationChannel.id.cast(String)).label("id"))
        .group_by(ConfirmationChannel.counterparty_id)
        .scalar_subquery()
    )
    found = await session.scalars(
        select(Counterparty)
        .join(ConfirmationChannel, ConfirmationChannel.counterparty_id == Counterparty.id)
        .where(
            ConfirmationChannel.senders.contains([sender]),
            ConfirmationChannel.id.cast(String).in_(newest),
        )
    )
    named = list(found)
    return named[0] if len(named) == 1 else None


async def came_before(session: AsyncSession, counterparty_id: UUID, reference: str) -> bool:
    """Tell whether a message of this counterparty with this reference stands already, put aside or not."""
    wanted = select(InboundMessage.id).where(
        InboundMessage.counterparty_id == counterparty_id,
        InboundMessage.their_reference == reference,
        InboundMessage.state != InboundState.DISMISSED,
    )
    return await session.scalar(wanted.limit(1)) is not None


async def candidates(session: AsyncSession, message: InboundMessage, reading: Reading) -> list[UUID]:
    """Return the confirmations a message can be about: the one it refers to, else those whose terms are its own."""
    assert reading.counterparty is not None
    open_ones = select(Confirmation).where(
        Confirmation.ours["their_lei"].astext == reading.counterparty.lei,
        Confirmation.state != ConfirmationState.WITHDRAWN,
    )
    if message.our_reference is not None:
        said = open_ones.where(Confirmation.ours[REFERENCE].astext == message.our_reference)
        if found := (await session.scalars(said.order_by(Confirmation.id.desc()).limit(1))).all():
            return [found[0].id]
    awaited = open_ones.where(
        Confirmation.state.in_([state.value for state in AWAITED]), Confirmation.counter.is_(None)
    )
    rows = await session.scalars(awaited.order_by(Confirmation.id).limit(CANDIDATES_MAX))
    told = {name: said for name, said in (message.fields or {}).items() if name not in reading.silent_on}
    return [row.id for row in rows if not match(row.ours, told)]


async def held_for_answer(attempt: Attempt, confirmation_id: UUID) -> Confirmation:
    """Lock a deal and its confirmation for what the counterparty says, for whoever its history admits."""
    trade_id = await attempt.session.scalar(
        select(Confirmation.trade_id).where(Confirmation.id == confirmation_id)
    )
    assert trade_id is not None
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    confirmation = await locked(attempt, Confirmation, confirmation_id)
    await attempt.admit(trade_id)
    must_be_verified(control, confirmation.version)
    return confirmation


async def tolerance(session: AsyncSession) -> Tolerance:
    """Return the tolerance in force; the standard one until master data says otherwise."""
    row = await tolerance_in_force(session)
    return STANDARD if row is None else Tolerance(row.number, row.rates, row.amounts)


def form_of(content: bytes) -> str:
    """Name the form of a file by its first bytes; whatever is not known is bytes."""
    start = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n\x01")
    return next((form for begin, form in TEXT_FORMS if start.startswith(begin)), "application/octet-stream")
