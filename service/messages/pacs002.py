"""pacs.002, payment status report: what became of payments we sent."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from service.importing.xml_tree import Node
from service.messages.iso20022 import (
    Document,
    References,
    body_of,
    instant,
    iso_document,
    must,
    references,
    short,
)
from service.messages.terms import Unreadable
from service.messages.xml_messages import every, read_root, the

KIND: Final = "pacs.002"
_NEWEST: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStatus:
    """The status of one payment, or of all payments of a message, by its code: ACSC, PDNG, RJCT and others."""

    references: References
    status: str
    reasons: tuple[str, ...]
    """Codes why: of ISO 20022's external list, or the bank's own."""
    additional: str | None
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """A report with its statuses, in the order they stand."""

    message_id: str
    created_at: datetime | None
    statuses: tuple[PaymentStatus, ...]


def read(content: bytes) -> StatusReport:
    """Read a pacs.002. Raises Unreadable."""
    document = iso_document(read_root(content))
    if document is None:
        raise Unreadable("document", "is no message of ISO 20022")
    return read_document(document)


def read_document(document: Document) -> StatusReport:
    """Read a pacs.002 that was taken apart. Raises Unreadable."""
    body = body_of(document, KIND, "FIToFIPmtStsRpt", _NEWEST)
    header = the(body, "GrpHdr")
    groups = body.all("OrgnlGrpInfAndSts")
    statuses = [
        _status(group, "GrpSts", References(message_id=must(group, "OrgnlMsgId")))
        for group in groups
        if short(group, "GrpSts") is not None
    ]
    whole = must(groups[0], "OrgnlMsgId") if len(groups) == 1 else None
    for payment in body.all("TxInfAndSts"):
        if short(payment, "TxSts") is None:
            raise Unreadable("TxSts", "missing in TxInfAndSts")
        named = references(payment, "OrgnlMsgId", "OrgnlInstrId", "OrgnlEndToEndId", "OrgnlTxId", "OrgnlUETR")
        message = named.message_id or short(payment, "OrgnlGrpInf", "OrgnlMsgId") or whole
        statuses.append(_status(payment, "TxSts", replace(named, message_id=message)))
    if not statuses:
        raise Unreadable("TxInfAndSts", "missing: the report tells no status")
    return StatusReport(
        message_id=must(header, "MsgId"), created_at=instant(header, "CreDtTm"), statuses=tuple(statuses)
    )


def _status(node: Node, name: str, named: References) -> PaymentStatus:
    codes = [
        one.text for form in ("Cd", "Prtry") for one in every(node, "StsRsnInf", "Rsn", form) if one.text
    ]
    told = " ".join(one.text for one in every(node, "StsRsnInf", "AddtlInf") if one.text)
    return PaymentStatus(
        references=named,
        status=must(node, name),
        reasons=tuple(codes),
        additional=told[:2_000] or None,
        accepted_at=instant(node, "AccptncDtTm"),
    )
