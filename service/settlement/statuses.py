"""What our banks say of payments: filed as it came, read, one row for each thing it tells, each brought to its payment.

Nothing is lost and nothing is guessed: what cannot be read, names no payment of ours or says another amount waits for
a person with field and reason. Only what lay in the back office's own inbox moves a payment; what a clerk took in by
hand, or has from trading, is compared by people (SET-05, SET-01).
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.confirmations.inbound import Encoded, Sender, bytes_of
from service.confirmations.receiving import form_of
from service.documents.filing import file_document
from service.documents.kinds import DocumentKind
from service.gate import use_case
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.retention import Retention
from service.kernel.texts import Name, Reason
from service.messages.camt054 import NotificationReport
from service.messages.iso20022 import Account, Detail, Entry, References
from service.messages.pacs002 import PaymentStatus as Told
from service.messages.pacs002 import StatusReport
from service.messages.recognise import recognised
from service.messages.terms import Unreadable
from service.settlement.applying import applied
from service.settlement.lifecycle import PAYMENT_STATUS, PaymentStatusState
from service.settlement.model import PaymentStatus
from service.settlement.queries import status_view
from service.work.worker import Handlers

AT_ONCE: Final = 20
"""So many stand in one entry; a file that tells more is taken in part by part."""
STATUSES_MAX: Final = 500
"""More in one file is looked at by a person: no bank of ours tells so much at once."""
OF_PAYMENTS: Final = (b":pacs.002.", b":camt.054.")
_START: Final = 4096
NAME_MAX, CODE_MAX, SAID_MAX = 140, 35, 500
ALERTING: Final = frozenset({"other_sender", "other_account", "never_sent"})
"""Findings that somebody outside the back office looks into at once (A-09)."""


class CollectPaymentStatus(Command, frozen=True, kw_only=True):
    """A file of the back office's own inbox; ``sender``: whose folder it lay in; ``first``: where this part begins."""

    sender: Sender
    name: Name
    content: Encoded
    first: Annotated[int, msgspec.Meta(ge=0, lt=STATUSES_MAX)] = 0


class ReceivePaymentStatus(Command, frozen=True, kw_only=True):
    """A file that a clerk took in. ``through_trading``: the clerk has it from the desk."""

    sender: Sender
    name: Name
    content: Encoded
    through_trading: bool = False


class ApplyPaymentStatus(Command, frozen=True, kw_only=True):
    """One thing that a bank told is brought to its payment."""

    status_id: UUID


class ClosePaymentStatus(Command, frozen=True, kw_only=True):
    """What a person did about something that a bank told."""

    status_id: UUID
    version: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file as it came: from which source, by whose hand, under which name; ``first``: which part of it."""

    source: str
    sender: str
    name: str
    content: bytes
    first: int = 0


def is_of_payments(content: bytes) -> bool:
    """Tell whether the bytes begin as a message about payments does; only the routing rests on it, never an effect."""
    return any(kind in content[:_START] for kind in OF_PAYMENTS)


def collecting(sender: str, name: str, content: bytes) -> list[Command]:
    """Return the commands that take a file of the inbox in, part by part; none if it is not about payments."""
    if not is_of_payments(content):
        return []
    encoded = base64.b64encode(content).decode("ascii")
    parts = range(0, len(read(content)), AT_ONCE)
    return [CollectPaymentStatus(sender=sender, name=name, content=encoded, first=first) for first in parts]


@use_case(Action.PAYMENT_STATUS_COLLECT)
async def collect_payment_status(attempt: Attempt, command: CollectPaymentStatus) -> Changed:
    """Take in a file of the own inbox; crash before the file is moved: it is found here again (SET-05)."""
    content = bytes_of(command.content)
    return await take_in(
        attempt, Arrival("inbox", command.sender, command.name, content, command.first), read(content)
    )


@use_case(Action.PAYMENT_STATUS_RECEIVE)
async def receive_payment_status(attempt: Attempt, command: ReceivePaymentStatus) -> Changed:
    """Take in a file by hand: it closes nothing, and one that came through trading is looked into by compliance."""
    source, content = "trading" if command.through_trading else "upload", bytes_of(command.content)
    told = read(content)
    if len(told) > AT_ONCE:  # it moves nothing, so a person reads the paper itself
        told = [found("too_many", "message", f"It tells {len(told)} things at once.")]
    return await take_in(attempt, Arrival(source, command.sender, command.name, content), told)


@use_case(Action.PAYMENT_STATUS_APPLY)
async def apply_payment_status(attempt: Attempt, command: ApplyPaymentStatus) -> Changed:
    """Do to the payment what its bank says became of it, where all of it fits; else a person looks at it."""
    row = await locked(attempt, PaymentStatus, command.status_id, what="status")
    attempt.close_item(Item.APPLY_STATUS, row.id)
    PAYMENT_STATUS.after(PaymentStatusState(row.state), attempt.action)
    await applied(attempt, row)
    if row.state == PaymentStatusState.WAITING:
        examine(attempt, row)
    await attempt.session.flush()
    return Changed(status_view(row))


@use_case(Action.PAYMENT_STATUS_CLOSE)
async def close_payment_status(attempt: Attempt, command: ClosePaymentStatus) -> Changed:
    """Say what was done about it; whoever let the payment go may not, nor whoever dealt (D-01, D-08)."""
    row = await locked(attempt, PaymentStatus, command.status_id, seen=command.version, what="status")
    if row.trade_id is not None:
        attempt.concerns(row.trade_id)
    related = [("payment_status", row.id)]
    if row.settlement_id is not None:
        related.append(("settlement", row.settlement_id))
    await attempt.admit(row.trade_id, related=related)
    state = PAYMENT_STATUS.after(PaymentStatusState(row.state), attempt.action)
    attempt.change(row, state=state.value, closed_because=command.reason)
    attempt.close_item(Item.EXAMINE_STATUS, row.id)
    await attempt.session.flush()
    return Changed(status_view(row))


# Taken in --------------------------------------------------------------------------------------------


async def take_in(attempt: Attempt, arrival: Arrival, told: Sequence[dict[str, Any]]) -> Changed:
    """File what came and keep each thing a part of it tells; the same bytes, name and sender are one message."""
    digest = hashlib.sha256(arrival.content).hexdigest()
    same = (
        PaymentStatus.source == arrival.source,
        PaymentStatus.sender == arrival.sender,
        PaymentStatus.name == arrival.name,
        PaymentStatus.sha256 == digest,
    )
    kept = list(await attempt.session.scalars(select(PaymentStatus).where(*same)))
    part = range(arrival.first, min(arrival.first + AT_ONCE, len(told)))
    if known := sorted((row for row in kept if row.position in part), key=lambda row: row.position):
        return Changed({"items": [status_view(row) for row in known]}, 200)
    first = uuid7()
    document_id = next((row.document_id for row in kept), None)
    if document_id is None:
        document = await file_document(
            attempt,
            kind=DocumentKind.STATUS_IN,
            content=arrival.content,
            media_type=form_of(arrival.content),
            name=arrival.name,
            retention=Retention.VOUCHERS,
            subject=(PaymentStatus.__tablename__, first),
            trade_id=None,
            origin=arrival.source,
        )
        document_id = document.id
    rows = []
    for position in part:
        row = attempt.add(
            PaymentStatus(
                id=first if position == arrival.first else uuid7(),
                source=arrival.source,
                sender=arrival.sender,
                name=arrival.name,
                sha256=digest,
                position=position,
                document_id=document_id,
                received_at=attempt.now,
                state=PaymentStatusState.WAITING.value,
                **told[position],
            )
        )
        route(attempt, row)
        rows.append(row)
    await attempt.session.flush()
    return Changed({"items": [status_view(row) for row in rows]}, 201)


def route(attempt: Attempt, row: PaymentStatus) -> None:
    """Hand what was read to the office's own account, and everything else to people."""
    if row.source == "trading":
        row.finding, row.reason = "indirect", "It came through trading and closes nothing."
    elif row.source == "upload" and row.finding is None:
        row.finding, row.reason = "by_hand", "A clerk took it in; people compare it with the payment."
    if row.finding is None:
        row.state = PaymentStatusState.RECEIVED.value
        attempt.open_item(Item.APPLY_STATUS, row)
        return
    examine(attempt, row)
    if row.source == "trading":
        attempt.open_item(Item.REVIEW_ALERT, row, reason="indirect")


def examine(attempt: Attempt, row: PaymentStatus) -> None:
    """Have a person look at it; what can only be a forgery is compliance's business as well."""
    attempt.open_item(Item.EXAMINE_STATUS, row, trade_id=row.trade_id, reason=row.finding)
    if row.finding in ALERTING:
        attempt.open_item(Item.REVIEW_ALERT, row, trade_id=row.trade_id, reason=row.finding)


def read(content: bytes) -> list[dict[str, Any]]:
    """Return what a file tells, one dictionary for each row; what it cannot tell is a finding. At least one."""
    try:
        message = recognised(content, "")
    except Unreadable as broken:
        return [found("unreadable", broken.field, broken.reason)]
    if isinstance(message, StatusReport):
        rows = [told(one, message.message_id) for one in message.statuses]
    elif isinstance(message, NotificationReport):
        rows = [
            row
            for one in message.notifications
            for entry in one.entries
            for row in moved(one.account, entry, message)
        ]
    else:
        return [found("no_status", "message", "It tells nothing about a payment.")]
    if not rows:
        return [found("no_status", "Ntry", "It tells of no movement.")]
    if len(rows) > STATUSES_MAX:
        return [found("too_many", "message", f"It tells more than {STATUSES_MAX} things at once.")]
    return rows


def found(code: str, field: str | None, reason: str) -> dict[str, Any]:
    """Return what the row of a file says that could not be read."""
    return {"finding": code, "field": field or None, "reason": reason[:300], "reasons": []}


def told(status: Told, message_id: str) -> dict[str, Any]:
    """Return what the row of a status says."""
    return {
        "format": "pacs.002",
        "their_message": message_id[:NAME_MAX],
        "code": status.status[:CODE_MAX],
        "reasons": [code[:CODE_MAX] for code in status.reasons[:10]],
        "additional": bounded(status.additional, SAID_MAX),
        **named(status.references),
    }


def moved(account: Account, entry: Entry, message: NotificationReport) -> Iterator[dict[str, Any]]:
    """Yield what the rows of an entry say: one for each payment in it."""
    details = entry.details or (Detail(references=References()),)
    for detail in details:
        amount = detail.amount or (entry.amount if len(details) == 1 else None)
        row: dict[str, Any] = {
            "format": "camt.054",
            "their_message": message.message_id[:NAME_MAX],
            "code": entry.status[:CODE_MAX],
            "reasons": [],
            "additional": bounded(detail.remittance or entry.additional, SAID_MAX),
            "account": account.number[:NAME_MAX],
            "servicer_reference": bounded(entry.servicer_reference, NAME_MAX),
            "credit": entry.credit,
            "reversal": entry.reversal,
            "value_on": entry.value_on,
            **named(detail.references),
        }
        if amount is None:
            yield row | found("no_amount", "TxDtls", "The entry does not say how much of it is this payment.")
        else:
            yield row | {"currency": amount.currency, "amount": amount.amount}


def named(references: References) -> dict[str, str | None]:
    """Return the names by which a bank calls a payment, each bounded."""
    names = {
        name: getattr(references, name) for name in ("message_id", "instruction_id", "end_to_end_id", "uetr")
    }
    return {name: bounded(said, NAME_MAX) for name, said in names.items()}


def bounded(said: str | None, most: int) -> str | None:
    """Return so much of a text as a row keeps; all of it stands in the filed message."""
    return None if said is None else said[:most]


AUTOMATIC: Handlers = {
    Item.APPLY_STATUS: lambda item: (apply_payment_status, ApplyPaymentStatus(status_id=item.subject_id)),
}
"""How the back office's own account does what waits for it here."""
