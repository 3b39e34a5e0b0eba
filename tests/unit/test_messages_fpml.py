"""FpML confirmations: who pays whom is absolute, the sender is named, and a document is only data."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from service.kernel.money import Money
from service.messages import fpml_confirmation as fpml
from service.messages.recognise import Confirmation, recognised
from service.messages.terms import (
    ConfirmedTerms,
    Operation,
    PartyId,
    Product,
    Unreadable,
    Unwritable,
    as_the_other_sees,
)
from tests.messages import HOUSE, OTHER, deposit, fx

MADE_AT = datetime(2026, 10, 28, 9, 30, tzinfo=UTC)
SILENT: dict[str, Any] = {"our_account": None, "their_account": None}


def write(terms: ConfirmedTerms) -> bytes:
    return fpml.write(terms, made_at=MADE_AT)


WRITTEN = write(fx(their_reference="T/9")).decode()


@pytest.mark.parametrize(
    "terms",
    [
        fx(),
        fx(our_account=None, their_reference="THEIRS & CO", broker=PartyId(name="Makler Süd GmbH")),
        fx(off_market_clause="zu marktabweichenden Bedingungen vereinbart", side_agreement="keine <weiteren>"),
        fx(
            product=Product.FX_FORWARD, value_date=date(2026, 12, 30),
            spot_rate=Decimal("1.08"), forward_points=Decimal("0.005"),
        ),
        fx(operation=Operation.AMEND, previous_reference="FX-EUR-16"),
        fx(operation=Operation.CANCEL, previous_reference="FX-EUR-16"),
        deposit(**SILENT),
        deposit(**SILENT, product=Product.MM_LOAN, day_count="ACT/ACT"),
        deposit(**SILENT, counterparty=PartyId(name="Ohne Kennung AG")),
    ],
)  # fmt: skip
def test_what_is_written_is_read_again(terms: ConfirmedTerms) -> None:
    content = write(terms)
    assert fpml.read(content) == terms
    assert fpml.read(content).remarks == ()
    assert write(terms) == content


def test_the_moment_of_making_is_told_in_utc() -> None:
    berlin = MADE_AT.astimezone(timezone(timedelta(hours=1)))
    assert fpml.write(fx(), made_at=berlin) == write(fx())
    assert b"<creationTimestamp>2026-10-28T09:30:00Z<" in write(fx())


def test_the_receiver_of_an_answer_sees_the_deal_from_the_other_side() -> None:
    answer = recognised(WRITTEN.replace('<partyReference href="us"/>\n  </onBehalfOf>', '<partyReference href="them"/>\n  </onBehalfOf>').encode(), "")  # fmt: skip
    assert isinstance(answer, Confirmation)
    assert answer.terms == as_the_other_sees(fx(their_reference="T/9"))
    assert answer.terms.party == OTHER
    assert answer.terms.bought == Money(Decimal("1085000.00"), "USD")


def test_who_sends_may_be_told_by_the_channel() -> None:
    start = WRITTEN.index("  <onBehalfOf>")
    end = WRITTEN.index("  <trade>")
    silent = WRITTEN[:start] + WRITTEN[end:]
    assert fpml.read(silent.encode()).party == HOUSE
    assert fpml.read(silent.encode(), OTHER.lei).party == OTHER
    with pytest.raises(Unreadable, match="is no party of this document"):
        fpml.read(silent.encode(), "529900W18LQJJN6SJ336")


def test_a_document_that_names_no_sender_says_what_was_assumed() -> None:
    body = WRITTEN[WRITTEN.index("  <trade>") : WRITTEN.index("</requestConfirmation>")]
    content = f'<dataDocument xmlns="{fpml.NAMESPACE}" fpmlVersion="5-10">{body}</dataDocument>'.encode()
    terms = fpml.read(content)
    assert terms == fx(their_reference="T/9")
    assert terms.remarks == ("the document does not say which party sends it: taken for 'us'",)


def test_a_rate_below_zero_has_no_place_in_a_term_deposit() -> None:
    with pytest.raises(Unwritable) as refused:
        write(deposit(**SILENT, rate_percent=Decimal("-0.5"), interest=None))
    assert refused.value.field == "rate_percent"


def test_accounts_of_a_deposit_have_no_place_and_are_said_to_have_none() -> None:
    message = recognised(write(deposit()), "")
    assert isinstance(message, Confirmation)
    assert message.terms == replace(deposit(), **SILENT)
    assert {"our_account", "their_account"} <= message.silent_on


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ("<rate>1.085</rate>", "<rate>0</rate>", "rate", "is not more than zero"),
        ("<rate>1.085</rate>", "", "rate", "missing"),
        ("<rate>1.085</rate>", "<rate>1,085</rate>", "rate", "with a comma"),
        ("<currency>EUR</currency>", "", "currency", "missing"),
        ("<currency>EUR</currency>", "<currency>euro</currency>", "currency", ""),
        ("<amount>1000000.00</amount>", "<amount>-1</amount>", "amount", "is not more than zero"),
        ("<amount>1000000.00</amount>", "<amount>0.001</amount>", "bought", "too many decimals"),
        ("<valueDate>2026-10-30<", "<valueDate>30.10.2026<", "valueDate", ""),
        ("<valueDate>", "<strange/><valueDate>", "strange", "is not understood here"),
        ("<fxSingleLeg>", "<fxSwap/><fxSingleLeg>", "fxSwap", "is not dealt here"),
        ("TRENNW29</partyId>", "TRENNW28</partyId>", "partyId", "check digits"),
        ("5-10", "4-9", "fpmlVersion", "5-0 to 5-13"),
        ("FpML-5/confirmation", "FpML-5/reporting", "document", "no known format"),
        ("<trade>", "<trade/><trade>", "trade", "holds 2 trades"),
        ("requestConfirmation", "requestCollateral", "document", "is not read here"),
        ("  <sequenceNumber>", "&lol;", "line 11", "no well-formed XML"),
        ("<requestConfirmation", "<!DOCTYPE x [<!ENTITY a 'b'>]><requestConfirmation", "line 2", "DOCTYPE"),
    ],
)  # fmt: skip
def test_a_broken_document_is_refused_with_field_and_reason(
    old: str, new: str, field: str, reason: str
) -> None:
    assert old in WRITTEN
    with pytest.raises(Unreadable) as refused:
        recognised(WRITTEN.replace(old, new).encode(), "confirmation.xml")
    assert refused.value.field == field
    assert reason in refused.value.reason


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "cp1252"])
def test_another_encoding_is_refused_with_its_name_or_place(encoding: str) -> None:
    text = write(fx(party=replace(HOUSE, name="Prüfbank"))).decode()
    with pytest.raises(Unreadable, match="UTF-8"):
        recognised(text.encode(encoding), "")
    declared = text.replace("UTF-8", "ISO-8859-1", 1)
    with pytest.raises(Unreadable, match="only UTF-8 is read"):
        recognised(declared.encode(), "")


@pytest.mark.parametrize(
    "content",
    [
        b"<a>" * 100_000,
        b"<a>" + b"<b/>" * 250_000 + b"</a>",
        b'<!DOCTYPE a [<!ENTITY x0 "ha">' + b"".join(b'<!ENTITY x%d "&x%d;&x%d;">' % (n, n - 1, n - 1) for n in range(1, 40)) + b"]><a>&x39;</a>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></a>',
        b"<a>" + b"x" * 10_485_760,
        b"<a xmlns:x='" + b"u" * 5_000_000 + b"'>" + b"<x:b/>" * 150_000 + b"</a>",
        b"<a xmlns:x='" + b"u" * 5_000_000 + b"'>" + b"<b x:c='1'/>" * 150_000 + b"</a>",
        b"<",
        b"<?xml version='1.1'?><a/>",
    ],
    ids=["deep", "many", "laughs", "dtd", "include", "large", "names", "attributes", "stub", "version"],
)  # fmt: skip
def test_a_bomb_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        recognised(content, "bomb.xml")
