"""pacs.009, credit transfer between financial institutions: what tells a nostro bank to pay.

Written by the ISO 20022 message pacs.009.001.08 and valid against its schema, which is not ours to give
away: whoever has it drops it into the folder of schemas, and every payment is held against it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from lxml import etree
from lxml.builder import ElementMaker

from service.importing.rows import shown
from service.kernel.errors import Refusal, Unprocessable
from service.kernel.identifiers import InvalidIdentifier, check_iban
from service.kernel.money import Money, TooManyDecimals, UnknownCurrency, check_decimals, plain
from service.messages.terms import PartyId, Unwritable
from service.messages.xml_messages import written

MESSAGE: Final = "pacs.009.001.08"
NAMESPACE: Final = f"urn:iso:std:iso:20022:tech:xsd:{MESSAGE}"
SCHEMA_FILE: Final = f"{MESSAGE}.xsd"
FINDINGS_MAX: Final = 10
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_ID: Final = re.compile(r"\A(?!/)[A-Za-z0-9/\-?:().,'+ ]{1,35}(?<!/)\Z")
_TEXT: Final = re.compile(r"\A[A-Za-z0-9/\-?:().,'+ ]{1,140}\Z")
_DIGITS_MAX: Final = 18
_ACCOUNT_MAX: Final = 34

SettlementMethod = Literal["INDA", "INGA", "CLRG", "COVE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """One payment between banks, by us.

    ``instructing`` tells ``instructed`` (who keeps ``debtor_account``) to pay ``creditor`` at
    ``creditor_agent``. ``uetr`` follows the payment through every bank.
    """

    message_id: str
    instruction_id: str
    end_to_end_id: str
    uetr: UUID
    created_at: datetime
    amount: Money
    settlement_date: date
    instructing: PartyId
    instructed: PartyId
    debtor: PartyId
    creditor: PartyId
    debtor_account: str | None = None
    creditor_agent: PartyId | None = None
    creditor_account: str | None = None
    remittance: str | None = None
    settlement_method: SettlementMethod = "INDA"


class NoSchema(Refusal):
    """409. The payment cannot be held against the schema of its message: the schema is not there."""


class AgainstSchema(Unprocessable):
    """422. The payment is not what the schema of its message allows."""


_E: Final = ElementMaker(namespace=NAMESPACE, nsmap={None: NAMESPACE})


def write(order: PaymentOrder) -> bytes:
    """Write a payment. Raises Unwritable."""
    _check(order)
    moment = order.created_at.astimezone(UTC)
    return written(
        _E(
            "Document",
            _E(
                "FICdtTrf",
                _E(
                    "GrpHdr",
                    _E("MsgId", order.message_id),
                    _E("CreDtTm", f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"),
                    _E("NbOfTxs", "1"),
                    _E("SttlmInf", _E("SttlmMtd", order.settlement_method)),
                ),
                _transaction(order),
            ),
        )
    )


def _transaction(order: PaymentOrder) -> Any:
    transaction = _E(
        "CdtTrfTxInf",
        _E(
            "PmtId",
            _E("InstrId", order.instruction_id),
            _E("EndToEndId", order.end_to_end_id),
            _E("UETR", str(order.uetr)),
        ),
        _E("IntrBkSttlmAmt", plain(order.amount.amount), Ccy=order.amount.currency),
        _E("IntrBkSttlmDt", order.settlement_date.isoformat()),
        _E("InstgAgt", _institution(order.instructing)),
        _E("InstdAgt", _institution(order.instructed)),
        _E("Dbtr", _institution(order.debtor)),
    )
    if order.debtor_account is not None:
        transaction.append(_E("DbtrAcct", _E("Id", _account(order.debtor_account))))
    if order.creditor_agent is not None:
        transaction.append(_E("CdtrAgt", _institution(order.creditor_agent)))
    transaction.append(_E("Cdtr", _institution(order.creditor)))
    if order.creditor_account is not None:
        transaction.append(_E("CdtrAcct", _E("Id", _account(order.creditor_account))))
    if order.remittance is not None:
        transaction.append(_E("RmtInf", _E("Ustrd", order.remittance)))
    return transaction


def _institution(party: PartyId) -> Any:
    """Write who an institution is: BIC and LEI; the name only where there is no BIC."""
    institution = _E("FinInstnId")
    if party.bic is not None:
        institution.append(_E("BICFI", party.bic))
    if party.lei is not None:
        institution.append(_E("LEI", party.lei))
    if party.bic is None and party.name is not None:
        institution.append(_E("Nm", party.name))
    return institution


def _account(number: str) -> Any:
    try:
        return _E("IBAN", check_iban(number))
    except InvalidIdentifier:
        return _E("Othr", _E("Id", number))


def _check(order: PaymentOrder) -> None:
    for name in ("message_id", "instruction_id", "end_to_end_id"):
        said = getattr(order, name)
        if _ID.match(said) is None or "//" in said or said != said.strip():
            raise Unwritable(name, f"{shown(said)} is no name of up to 35 characters as SWIFT allows them")
    if order.created_at.tzinfo is None:
        raise Unwritable("created_at", "needs a time zone")
    _check_parties(order)
    if order.remittance is not None and _TEXT.match(order.remittance) is None:
        raise Unwritable("remittance", "is longer than 140 characters or has some that SWIFT does not allow")
    amount, currency = order.amount.amount, order.amount.currency
    try:
        check_decimals(amount, currency)
    except (UnknownCurrency, TooManyDecimals) as wrong:
        raise Unwritable("amount", str(wrong)) from wrong
    if amount <= 0 or len(plain(amount).replace(".", "")) > _DIGITS_MAX:
        raise Unwritable("amount", f"{plain(amount)} is not above zero with up to {_DIGITS_MAX} digits")


def _check_parties(order: PaymentOrder) -> None:
    for name in ("instructing", "instructed"):
        if getattr(order, name).bic is None:
            raise Unwritable(name, "has no BIC, and a payment needs one")
    if order.creditor.bic is None and order.creditor.lei is None:
        raise Unwritable("creditor", "has neither BIC nor LEI, and money goes to nobody by a name alone")
    for name in ("debtor_account", "creditor_account"):
        said = getattr(order, name)
        if said is not None and (
            _TEXT.match(said) is None or len(said) > _ACCOUNT_MAX or said != said.strip()
        ):
            raise Unwritable(name, f"{shown(said)} is no account number of up to {_ACCOUNT_MAX} characters")


# Against the schema -----------------------------------------------------------------------------------


def validate(content: bytes, schema_directory: Path | None) -> None:
    """Hold a payment against the schema that was dropped in. Raises NoSchema, AgainstSchema."""
    schema = _schema(schema_directory)
    parser = _parser()
    try:
        document = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as broken:
        raise AgainstSchema(f"The payment is no well-formed document: {broken}") from broken
    if not schema.validate(document):
        findings = [f"line {one.line}: {one.message}" for one in schema.error_log][:FINDINGS_MAX]
        raise AgainstSchema(f"The payment is not what {SCHEMA_FILE} allows: {'; '.join(findings)}")


def _schema(directory: Path | None) -> Any:
    file = None if directory is None else directory / SCHEMA_FILE
    if file is None or not file.is_file():
        raise NoSchema(
            f"Payments are held against {SCHEMA_FILE}, and it is not there. Download the schema of {MESSAGE} from "
            "iso20022.org (message definitions, archive of pacs) and put the file under that name into "
            f"{directory or 'the folder of schemas'}."
        )
    told = file.stat()
    return _compiled(file, told.st_mtime_ns, told.st_size)


@lru_cache(maxsize=4)
def _compiled(file: Path, _changed_at_ns: int, _bytes: int) -> Any:
    """Compile a schema once for each state of its file; nothing beyond the file is read."""
    try:
        tree = etree.parse(file, _parser())
        for kind in ("import", "include", "redefine"):
            if tree.find(f".//{_XSD}{kind}") is not None:
                raise NoSchema(
                    f"{file.name} refers to other files ({kind}); the schema of {MESSAGE} does not"
                )
        return etree.XMLSchema(tree)
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as broken:
        raise NoSchema(f"{file.name} in the folder of schemas is no XML schema: {broken}") from broken


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
