"""What the messages of ISO 20022 share: the envelope, amounts, dates, and the statement entry of camt.

Versions of a message differ little where we read: ``Sts`` with or without ``Cd`` below it, ``BIC`` or
``BICFI``, a date or a moment. All of them are taken; what is not needed is passed over.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from service.importing.rows import shown
from service.importing.xml_tree import Node
from service.kernel.money import (
    CURRENCIES,
    Money,
    TooManyDecimals,
    UnreadableAmount,
    check_decimals,
    parse_amount,
)
from service.messages.terms import Unreadable
from service.messages.xml_messages import every, maybe, namespace_of, text, the

_NAMESPACE: Final = re.compile(r"\Aurn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.[0-9]{3})\.001\.([0-9]{2})\Z")
_DATE: Final = re.compile(r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?\Z")
_TEXT_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Document:
    """A message of ISO 20022: its kind, such as ``camt.053``, its version, and what is within."""

    kind: str
    version: int
    body: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """By what names a payment is known; the ones that were given."""

    message_id: str | None = None
    instruction_id: str | None = None
    end_to_end_id: str | None = None
    transaction_id: str | None = None
    uetr: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One payment within an entry; ``amount`` None: the entry's own."""

    references: References
    amount: Money | None = None
    remittance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A movement on an account. ``amount`` is positive; ``credit``: the account's owner receives it.

    ``reversal``: it undoes an earlier one, and ``credit`` says already in which direction.
    """

    amount: Money
    credit: bool
    reversal: bool
    status: str
    booked_on: date | None
    value_on: date | None
    servicer_reference: str | None
    additional: str | None
    details: tuple[Detail, ...]

    @property
    def signed(self) -> Decimal:
        """What the entry does to the balance."""
        return self.amount.amount if self.credit else -self.amount.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that is told of: by IBAN or the bank's own number."""

    number: str
    currency: str | None
    servicer_bic: str | None


def iso_document(root: Node) -> Document | None:
    """Return the message of ISO 20022 within a root, with plain names, or None where there is none.

    Raises Unreadable where an envelope holds more than one.
    """
    candidates = [root] if namespace_of(root)[1] == "Document" else []
    candidates += [child for child in root.children if namespace_of(child)[1] == "Document"]
    known = [(node, found) for node in candidates if (found := _NAMESPACE.match(namespace_of(node)[0]))]
    if not known:
        return None
    if len(known) > 1:
        raise Unreadable("Document", "stands twice: a file holds one message")
    node, found = known[0]
    _name_plainly(node, f"{namespace_of(node)[0]} ")
    return Document(found[1], int(found[2]), node)


def _name_plainly(node: Node, prefix: str) -> None:
    node.name = node.name.removeprefix(prefix)
    for child in node.children:
        _name_plainly(child, prefix)


def body_of(document: Document, kind: str, name: str, newest: int) -> Node:
    """Return the message below the envelope, of a kind and a version that is read. Raises Unreadable."""
    if document.kind != kind:
        raise Unreadable("Document", f"is a {document.kind}, not a {kind}")
    if not 2 <= document.version <= newest:  # noqa: PLR2004 - the first version in use
        raise Unreadable("Document", f"{kind}.001.{document.version:02d} is not read; 02 to {newest:02d} are")
    return the(document.body, name)


def short(node: Node, *path: str) -> str | None:
    """Return a text of bounded length, or None. Raises Unreadable."""
    said = text(node, *path)
    if said is not None and len(said) > _TEXT_MAX:
        raise Unreadable(path[-1], f"is longer than {_TEXT_MAX} characters")
    return said


def must(node: Node, *path: str) -> str:
    """Return a text that must stand. Raises Unreadable."""
    said = short(node, *path)
    if said is None:
        raise Unreadable(path[-1], f"missing in {node.name}")
    return said


def money(node: Node) -> Money:
    """Return an amount with its currency: never below zero, in units that the currency has. Raises Unreadable."""
    currency = node.attributes.get("Ccy", "")
    if not currency:
        raise Unreadable(node.name, f"{shown(node.text)} has no currency")
    if currency not in CURRENCIES:
        raise Unreadable(node.name, f"{shown(currency)} is no currency of ISO 4217 that is dealt here")
    try:
        amount = parse_amount(node.text)
    except UnreadableAmount as wrong:
        raise Unreadable(node.name, str(wrong)) from wrong
    try:
        check_decimals(amount, currency)
    except TooManyDecimals as wrong:
        raise Unreadable(node.name, str(wrong)) from wrong
    if amount < 0:
        raise Unreadable(node.name, f"{amount} is below zero; the direction stands beside an amount")
    return Money(amount, currency)


def day(node: Node | None) -> date | None:
    """Return the date in a date-or-moment, or None. Raises Unreadable."""
    if node is None:
        return None
    if (plain := text(node, "Dt")) is not None:
        found = _DATE.match(plain)
        try:
            return date.fromisoformat(found[1] if found else plain)
        except ValueError as wrong:
            raise Unreadable(node.name, f"{shown(plain)} is no date") from wrong
    moment = instant(node, "DtTm")
    return None if moment is None else moment.date()


def instant(node: Node, *path: str) -> datetime | None:
    """Return a moment, or None; one without a zone is taken for UTC. Raises Unreadable."""
    said = text(node, *path)
    if said is None:
        return None
    try:
        read = datetime.fromisoformat(said)
    except ValueError as wrong:
        raise Unreadable(path[-1], f"{shown(said)} is no moment of time") from wrong
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read


# Accounts and entries ---------------------------------------------------------------------------------


def account(node: Node) -> Account:
    """Return the account of a statement or notification. Raises Unreadable."""
    ids = the(node, "Id")
    number = short(ids, "IBAN") or short(ids, "Othr", "Id")
    if number is None:
        raise Unreadable("Acct", "has neither an IBAN nor a number of its own")
    servicer = maybe(node, "Svcr", "FinInstnId")
    return Account(
        number=number,
        currency=short(node, "Ccy"),
        servicer_bic=None if servicer is None else short(servicer, "BICFI") or short(servicer, "BIC"),
    )


def entries(node: Node) -> tuple[Entry, ...]:
    """Return the entries of a statement or notification. Raises Unreadable."""
    return tuple(_entry(one) for one in node.all("Ntry"))


def _entry(node: Node) -> Entry:
    return Entry(
        amount=money(the(node, "Amt")),
        credit=direction(node),
        reversal=_yes(node, "RvslInd"),
        status=_status(node),
        booked_on=day(maybe(node, "BookgDt")),
        value_on=day(maybe(node, "ValDt")),
        servicer_reference=short(node, "AcctSvcrRef"),
        additional=short(node, "AddtlNtryInf"),
        details=tuple(_detail(one) for one in every(node, "NtryDtls", "TxDtls")),
    )


def direction(node: Node) -> bool:
    """Tell whether the account's owner receives. Raises Unreadable."""
    said = must(node, "CdtDbtInd")
    if said not in {"CRDT", "DBIT"}:
        raise Unreadable("CdtDbtInd", f"{shown(said)} is neither CRDT nor DBIT")
    return said == "CRDT"


def _yes(node: Node, name: str) -> bool:
    said = text(node, name) or "false"
    known: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
    if said not in known:
        raise Unreadable(name, f"{shown(said)} is neither true nor false")
    return known[said]


def _status(node: Node) -> str:
    status = the(node, "Sts")
    return status.text or must(status, "Cd")


def _detail(node: Node) -> Detail:
    amount = maybe(node, "Amt") or maybe(node, "AmtDtls", "TxAmt", "Amt")
    lines = [one.text for one in every(node, "RmtInf", "Ustrd") if one.text]
    return Detail(
        references=references(maybe(node, "Refs"), "MsgId", "InstrId", "EndToEndId", "TxId", "UETR"),
        amount=None if amount is None else money(amount),
        remittance=" ".join(lines)[:_TEXT_MAX] or None,
    )


def references(node: Node | None, *names: str) -> References:
    """Return the names of a payment: message, instruction, end to end, transaction, UETR. Raises Unreadable."""
    if node is None:
        return References()
    message, instruction, end_to_end, transaction, uetr = (
        None if (said := short(node, name)) == "NOTPROVIDED" else said for name in names
    )
    return References(
        message_id=message,
        instruction_id=instruction,
        end_to_end_id=end_to_end,
        transaction_id=transaction,
        uetr=uetr,
    )
