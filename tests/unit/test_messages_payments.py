"""Payments out and their status in, and the statement between: ISO 20022."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from service.kernel.money import Money
from service.messages import camt053, camt054, pacs002, pacs009
from service.messages.pacs009 import AgainstSchema, NoSchema
from service.messages.recognise import recognised
from service.messages.terms import PartyId, Unreadable, Unwritable
from service.settings import load
from tests.messages import HEAD, ORDER, REJECTED, entry, iso, notification, statement

# Out -------------------------------------------------------------------------------------------------


def test_a_payment_names_amount_date_and_everybody_on_the_way() -> None:
    text = pacs009.write(ORDER).decode()
    flat = "".join(line.strip() for line in text.splitlines())
    assert flat.endswith(
        "<CdtTrfTxInf><PmtId><InstrId>FX-EUR-17/1</InstrId><EndToEndId>FX-EUR-17</EndToEndId>"
        "<UETR>11111111-2222-4333-8444-555555555555</UETR></PmtId>"
        '<IntrBkSttlmAmt Ccy="USD">1085000.00</IntrBkSttlmAmt><IntrBkSttlmDt>2026-10-30</IntrBkSttlmDt>'
        "<InstgAgt><FinInstnId><BICFI>TRWNDEFFXXX</BICFI></FinInstnId></InstgAgt>"
        "<InstdAgt><FinInstnId><BICFI>CHASUS33</BICFI></FinInstnId></InstdAgt>"
        "<Dbtr><FinInstnId><BICFI>TRWNDEFFXXX</BICFI><LEI>529900DEMO00TRENNW29</LEI></FinInstnId></Dbtr>"
        "<DbtrAcct><Id><Othr><Id>400123456</Id></Othr></Id></DbtrAcct>"
        "<CdtrAgt><FinInstnId><BICFI>BOFAUS3N</BICFI></FinInstnId></CdtrAgt>"
        "<Cdtr><FinInstnId><BICFI>CAAMES2A</BICFI><LEI>529900DTJ5A7S5UCBB52</LEI></FinInstnId></Cdtr>"
        "<CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct>"
        "<RmtInf><Ustrd>FX-EUR-17 VALUE 2026-10-30</Ustrd></RmtInf></CdtTrfTxInf></FICdtTrf></Document>"
    )
    assert pacs009.write(ORDER) == text.encode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": Money(Decimal(0), "USD")}, "amount"),
        ({"amount": Money(Decimal(-1), "USD")}, "amount"),
        ({"amount": Money(Decimal("1.001"), "USD")}, "amount"),
        ({"amount": Money(Decimal("1.5"), "JPY")}, "amount"),
        ({"message_id": "x" * 36}, "message_id"),
        ({"end_to_end_id": "naïve"}, "end_to_end_id"),
        ({"instruction_id": "a\nb"}, "instruction_id"),
        ({"instructed": PartyId(name="Some Bank")}, "instructed"),
        ({"creditor": PartyId(name="Some Bank")}, "creditor"),
        ({"creditor_account": "x" * 35}, "creditor_account"),
        ({"remittance": "<b>" + "x" * 140}, "remittance"),
        ({"created_at": datetime(2026, 10, 28)}, "created_at"),  # noqa: DTZ001 - naive on purpose
    ],
)  # fmt: skip
def test_a_payment_that_no_bank_would_take_is_not_written(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Unwritable) as refused:
        pacs009.write(replace(ORDER, **change))
    assert refused.value.field == field


SMALL_SCHEMA = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{pacs009.NAMESPACE}"
 xmlns="{pacs009.NAMESPACE}" elementFormDefault="qualified">
 <xs:element name="Document"><xs:complexType><xs:sequence><xs:element name="FICdtTrf"><xs:complexType><xs:sequence>
  <xs:element name="GrpHdr"><xs:complexType><xs:sequence>
   <xs:element name="MsgId"><xs:simpleType><xs:restriction base="xs:string"><xs:maxLength value="20"/></xs:restriction></xs:simpleType></xs:element>
   <xs:any maxOccurs="unbounded" processContents="skip"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="CdtTrfTxInf"><xs:complexType><xs:sequence><xs:any maxOccurs="unbounded" processContents="skip"/></xs:sequence></xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
</xs:schema>"""


def test_without_the_schema_it_says_what_to_put_where(tmp_path: Path) -> None:
    for directory in (None, tmp_path):
        with pytest.raises(NoSchema, match=r"iso20022\.org .* put the file under that name into "):
            pacs009.validate(pacs009.write(ORDER), directory)


def test_a_payment_is_held_against_the_schema_that_was_dropped_in(tmp_path: Path) -> None:
    file = tmp_path / pacs009.SCHEMA_FILE
    file.write_text(SMALL_SCHEMA)
    pacs009.validate(pacs009.write(ORDER), tmp_path)
    with pytest.raises(AgainstSchema, match=r"line \d+: .*MsgId"):
        pacs009.validate(pacs009.write(replace(ORDER, message_id="PAY-2026-000017-LONGER")), tmp_path)


def test_the_folder_of_schemas_lies_in_the_data_folder_or_where_the_settings_say(tmp_path: Path) -> None:
    assert load(tmp_path, {}).schema_directory == tmp_path / "schemas"
    (tmp_path / "trennwand.toml").write_text('schemas = "/srv/schemas"')
    assert load(tmp_path, {}).schema_directory == Path("/srv/schemas")
    assert load(tmp_path, {"TRENNWAND_SCHEMAS": "/opt/xsd"}).schema_directory == Path("/opt/xsd")


@pytest.mark.parametrize(
    "schema",
    [
        "no schema at all",
        "<a/>",
        SMALL_SCHEMA.replace('<xs:element name="Document">', '<xs:include schemaLocation="http://127.0.0.1:9/x.xsd"/><xs:element name="Document">'),
        SMALL_SCHEMA.replace('<xs:element name="Document">', '<xs:import namespace="urn:x" schemaLocation="../x.xsd"/><xs:element name="Document">'),
    ],
    ids=["text", "document", "include", "import"],
)  # fmt: skip
def test_what_is_no_schema_of_one_file_is_not_used(tmp_path: Path, schema: str) -> None:
    (tmp_path / pacs009.SCHEMA_FILE).write_text(schema)
    with pytest.raises(NoSchema):
        pacs009.validate(pacs009.write(ORDER), tmp_path)


# In --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["03", "10", "12"])
def test_a_status_report_tells_what_became_of_each_payment(version: str) -> None:
    report = recognised(iso(f"pacs.002.001.{version}", REJECTED), "status.xml")
    assert isinstance(report, pacs002.StatusReport)
    rejected, settled = report.statuses
    assert (rejected.status, rejected.reasons, rejected.additional) == ("RJCT", ("AC04",), "account closed")
    assert (rejected.references.message_id, rejected.references.uetr) == ("PAY-1", "u-1")
    assert (settled.status, settled.references.end_to_end_id) == ("ACSC", None)
    assert settled.accepted_at == datetime(2026, 10, 28, 9, 59, tzinfo=UTC)


def test_a_status_may_be_of_a_whole_message() -> None:
    body = REJECTED[: REJECTED.index("<TxInfAndSts>")].replace(
        "</OrgnlMsgNmId>", "</OrgnlMsgNmId><GrpSts>ACTC</GrpSts>"
    )
    (status,) = pacs002.read(iso("pacs.002.001.10", body + "</FIToFIPmtStsRpt>")).statuses
    assert (status.status, status.references.message_id) == ("ACTC", "PAY-1")


@pytest.mark.parametrize(
    ("version", "status"), [("02", "<Sts>BOOK</Sts>"), ("08", "<Sts><Cd>BOOK</Cd></Sts>")]
)
def test_a_notification_tells_what_moved_on_the_account(version: str, status: str) -> None:
    report = recognised(iso(f"camt.054.001.{version}", notification(entry(status))), "")
    assert isinstance(report, camt054.NotificationReport)
    (found,) = report.notifications
    assert (found.account.number, found.account.servicer_bic) == ("400123456", "CHASUS33")
    (moved,) = found.entries
    assert (moved.signed, moved.amount.currency, moved.status) == (Decimal("12.50"), "EUR", "BOOK")
    assert (moved.booked_on, moved.value_on) == (date(2026, 10, 28), date(2026, 10, 29))
    assert moved.details[0].references.end_to_end_id == "FX-EUR-17"
    assert moved.details[0].remittance == "one two"


def test_an_envelope_around_the_message_is_opened() -> None:
    inner = iso("camt.054.001.08", notification(entry("<Sts>BOOK</Sts>"))).decode().removeprefix(HEAD)
    assert isinstance(
        recognised(f"<Envelope><AppHdr/>{inner}</Envelope>".encode(), ""), camt054.NotificationReport
    )
    with pytest.raises(Unreadable, match="stands twice"):
        recognised(f"<Envelope>{inner}{inner}</Envelope>".encode(), "")


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        (notification(entry("<Sts>BOOK</Sts>", "<Amt>12.50</Amt>")), "Amt", "has no currency"),
        (notification(entry("<Sts>BOOK</Sts>", '<Amt Ccy="XXQ">12.50</Amt>')), "Amt", "is no currency"),
        (notification(entry("<Sts>BOOK</Sts>", '<Amt Ccy="EUR">-1</Amt>')), "Amt", "below zero"),
        (notification(entry("<Sts>BOOK</Sts>", '<Amt Ccy="EUR">1e5</Amt>')), "Amt", "is no amount"),
        (notification(entry("<Sts>BOOK</Sts>", direction="BOTH")), "CdtDbtInd", "neither CRDT nor DBIT"),
        (notification(entry("")), "Sts", "missing"),
        (notification(entry("<Sts>BOOK</Sts>").replace("2026-10-28", "28.10.26")), "BookgDt", "is no date"),
        (notification(entry("<Sts>BOOK</Sts>")).replace("<MsgId>N1</MsgId>", ""), "MsgId", "missing"),
        ("<BkToCstmrDbtCdtNtfctn/>", "GrpHdr", "missing"),
        ("<Strange/>", "BkToCstmrDbtCdtNtfctn", "missing"),
    ],
)  # fmt: skip
def test_a_broken_notification_is_refused_with_field_and_reason(body: str, field: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        recognised(iso("camt.054.001.08", body), "")
    assert refused.value.field == field
    assert reason in refused.value.reason


def test_versions_and_kinds_that_are_not_read_are_named() -> None:
    with pytest.raises(Unreadable, match=r"camt\.054\.001\.99 is not read; 02 to 13 are"):
        recognised(iso("camt.054.001.99", notification()), "")
    with pytest.raises(Unreadable, match=r"a pain\.001 is not read here"):
        recognised(iso("pain.001.001.09", "<CstmrCdtTrfInitn/>"), "")


def test_a_statement_foots_or_says_by_how_much_it_does_not() -> None:
    (foots,) = camt053.read(statement("2.50")).statements
    assert (foots.difference, foots.number) == (Decimal("0.00"), "7")
    (short,) = camt053.read(statement("2.50", "DBIT")).statements
    assert short.difference == Decimal("-5.00")
