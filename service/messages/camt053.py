"""camt.053, statement of an account: balances and the booked movements between them."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from service.importing.xml_tree import Node
from service.messages.iso20022 import (
    Account,
    Document,
    Entry,
    account,
    body_of,
    day,
    direction,
    entries,
    instant,
    iso_document,
    money,
    must,
    short,
)
from service.messages.terms import Unreadable
from service.messages.xml_messages import maybe, read_root, the

KIND: Final = "camt.053"
_NEWEST: Final = 13
_BOOKED: Final = "BOOK"
OPENING: Final = ("OPBD", "PRCD")
CLOSING: Final = "CLBD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What stood on the account: positive in the owner's favour. ``kind`` by its code: OPBD, CLBD and others."""

    kind: str
    amount: Decimal
    currency: str
    on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of one account."""

    id: str
    number: str | None
    """The legal or electronic sequence number: a gap means a statement is missing."""
    account: Account
    balances: tuple[Balance, ...]
    entries: tuple[Entry, ...]

    def balance(self, *kinds: str) -> Balance | None:
        """Return the balance of the first of the kinds that is stated."""
        return next((one for kind in kinds for one in self.balances if one.kind == kind), None)

    @property
    def difference(self) -> Decimal | None:
        """Closing balance less opening balance and booked entries: zero if the statement foots; None if it cannot."""
        opening, closing = self.balance(*OPENING), self.balance(CLOSING)
        if opening is None or closing is None:
            return None
        booked = [entry for entry in self.entries if entry.status == _BOOKED]
        currencies = {opening.currency, closing.currency, *(entry.amount.currency for entry in booked)}
        if len(currencies) != 1:
            return None
        return closing.amount - opening.amount - sum((entry.signed for entry in booked), Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementReport:
    """A message with its statements, in the order they stand."""

    message_id: str
    created_at: datetime | None
    statements: tuple[Statement, ...]


def read(content: bytes) -> StatementReport:
    """Read a camt.053. Raises Unreadable."""
    document = iso_document(read_root(content))
    if document is None:
        raise Unreadable("document", "is no message of ISO 20022")
    return read_document(document)


def read_document(document: Document) -> StatementReport:
    """Read a camt.053 that was taken apart. Raises Unreadable."""
    body = body_of(document, KIND, "BkToCstmrStmt", _NEWEST)
    header = the(body, "GrpHdr")
    statements = tuple(_statement(one) for one in body.all("Stmt"))
    if not statements:
        raise Unreadable("Stmt", "missing: the message holds no statement")
    return StatementReport(
        message_id=must(header, "MsgId"), created_at=instant(header, "CreDtTm"), statements=statements
    )


def _statement(node: Node) -> Statement:
    balances = tuple(_balance(one) for one in node.all("Bal"))
    for kind, times in Counter(one.kind for one in balances).items():
        if times > 1 and kind in {*OPENING, CLOSING}:
            raise Unreadable("Bal", f"{kind} stands {times} times in one statement")
    return Statement(
        id=must(node, "Id"),
        number=short(node, "LglSeqNb") or short(node, "ElctrncSeqNb"),
        account=account(the(node, "Acct")),
        balances=balances,
        entries=entries(node),
    )


def _balance(node: Node) -> Balance:
    stated = money(the(node, "Amt"))
    return Balance(
        kind=short(node, "Tp", "CdOrPrtry", "Cd") or must(node, "Tp", "CdOrPrtry", "Prtry"),
        amount=stated.amount if direction(node) else -stated.amount,
        currency=stated.currency,
        on=day(maybe(node, "Dt")),
    )
