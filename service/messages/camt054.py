"""camt.054, debit and credit notification: movements on an account as they happen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.messages.iso20022 import (
    Account,
    Document,
    Entry,
    account,
    body_of,
    entries,
    instant,
    iso_document,
    must,
)
from service.messages.terms import Unreadable
from service.messages.xml_messages import read_root, the

KIND: Final = "camt.054"
_NEWEST: Final = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Entries on one account."""

    id: str
    account: Account
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationReport:
    """A message with its notifications, in the order they stand."""

    message_id: str
    created_at: datetime | None
    notifications: tuple[Notification, ...]


def read(content: bytes) -> NotificationReport:
    """Read a camt.054. Raises Unreadable."""
    document = iso_document(read_root(content))
    if document is None:
        raise Unreadable("document", "is no message of ISO 20022")
    return read_document(document)


def read_document(document: Document) -> NotificationReport:
    """Read a camt.054 that was taken apart. Raises Unreadable."""
    body = body_of(document, KIND, "BkToCstmrDbtCdtNtfctn", _NEWEST)
    header = the(body, "GrpHdr")
    notifications = tuple(
        Notification(id=must(one, "Id"), account=account(the(one, "Acct")), entries=entries(one))
        for one in body.all("Ntfctn")
    )
    if not notifications:
        raise Unreadable("Ntfctn", "missing: the message notifies of nothing")
    return NotificationReport(
        message_id=must(header, "MsgId"), created_at=instant(header, "CreDtTm"), notifications=notifications
    )
