"""Tell what a file from outside is by its content, never by its name, and read it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from service.importing.fpml import NAMESPACE as FPML
from service.importing.rows import shown
from service.importing.xml_tree import Node
from service.messages import camt053, camt054, fpml_confirmation, mt300, mt320, pacs002
from service.messages.camt053 import StatementReport
from service.messages.camt054 import NotificationReport
from service.messages.fin import FinMessage, looks_like_fin, read_fin
from service.messages.iso20022 import Document, iso_document
from service.messages.pacs002 import StatusReport
from service.messages.terms import BYTES_MAX, ConfirmedTerms, Operation, Unreadable
from service.messages.xml_messages import looks_like_xml, namespace_of, read_root


class Format(StrEnum):
    """The formats that confirm a deal."""

    MT300 = "mt300"
    MT320 = "mt320"
    FPML = "fpml"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A confirmation in some format; ``silent_on`` names the terms for which that format has no place."""

    format: Format
    terms: ConfirmedTerms
    silent_on: frozenset[str] = frozenset()


Message = Confirmation | StatusReport | NotificationReport | StatementReport

_FIN: Final[Mapping[str, tuple[Format, Callable[[FinMessage], ConfirmedTerms], frozenset[str]]]] = {
    "300": (Format.MT300, mt300.read_message, mt300.SILENT_ON),
    "320": (Format.MT320, mt320.read_message, mt320.SILENT_ON),
}
_ISO: Final[Mapping[str, Callable[[Document], Message]]] = {
    pacs002.KIND: pacs002.read_document,
    camt054.KIND: camt054.read_document,
    camt053.KIND: camt053.read_document,
}


def recognised(
    content: bytes, name: str, *, sender: str | None = None, used: Collection[str] = ()
) -> Message:
    """Read a message of any known format. ``name`` is for people only: it may be anything, and decides nothing.

    ``sender``: who sent it, by LEI or BIC, where the channel tells; FpML alone may leave it open.
    ``used``: references under which the same sender confirmed other deals; a new deal under one is refused.
    Raises Unreadable with the field and the reason, and nothing else, whatever the bytes.
    """
    del name
    message = _read(content, sender)
    if isinstance(message, Confirmation) and message.terms.operation is Operation.NEW:
        reference = message.terms.our_reference
        if reference in used:
            raise Unreadable("our_reference", f"{shown(reference)} was used before, for another deal")
    return message


def _read(content: bytes, sender: str | None) -> Message:
    if len(content) > BYTES_MAX:
        raise Unreadable("message", f"is larger than {BYTES_MAX:,} bytes")
    if not content.strip():
        raise Unreadable("message", "is empty")
    if looks_like_fin(content):
        return _fin(read_fin(content))
    if looks_like_xml(content):
        return _xml(read_root(content), sender)
    raise Unreadable(
        "message", "is of no known format: MT300, MT320, FpML, pacs.002, camt.053 and camt.054 are read"
    )


def _fin(message: FinMessage) -> Confirmation:
    if message.type not in _FIN:
        raise Unreadable("block 2", f"an MT{message.type} is not read here; MT300 and MT320 are")
    format_, read, silent_on = _FIN[message.type]
    return Confirmation(format_, read(message), silent_on)


def _xml(root: Node, sender: str | None) -> Message:
    namespace, name = namespace_of(root)
    if namespace == FPML:
        terms = fpml_confirmation.read_document(root, sender)
        return Confirmation(Format.FPML, terms, fpml_confirmation.silent_on(terms.product))
    document = iso_document(root)
    if document is None:
        raise Unreadable("document", f"{shown(name)} is the root of no known format")
    if document.kind not in _ISO:
        raise Unreadable("Document", f"a {document.kind} is not read here; {', '.join(_ISO)} are")
    return _ISO[document.kind](document)
