"""FpML confirmations, seen from our side; and documents that would like to be more than data."""

import codecs
from datetime import UTC, datetime

import pytest

from service.importing.reading import read
from service.importing.rows import Defaults, Row, UnreadableFile

OURS, THEIRS = "5493000SCC07UI6DB380", "529900DTJ5A7S5UCBB52"
DEFAULTS = Defaults(portfolio="FX-EUR", executed_at=datetime(2001, 10, 23, 8, tzinfo=UTC), we_are="us")
XMLNS = 'xmlns="http://www.fpml.org/FpML-5/confirmation"'

FX = """
<fxSingleLeg>
  <exchangedCurrency1>
    <payerPartyReference href="them"/><receiverPartyReference href="us"/>
    <paymentAmount><currency>GBP</currency><amount>10000000</amount></paymentAmount>
  </exchangedCurrency1>
  <exchangedCurrency2>
    <payerPartyReference href="us"/><receiverPartyReference href="them"/>
    <paymentAmount><currency>USD</currency><amount>14800000</amount></paymentAmount>
  </exchangedCurrency2>
  <valueDate>2001-10-25</valueDate>
  <exchangeRate>
    <quotedCurrencyPair>
      <currency1>GBP</currency1><currency2>USD</currency2><quoteBasis>Currency2PerCurrency1</quoteBasis>
    </quotedCurrencyPair>
    <rate>1.48</rate>
  </exchangeRate>
</fxSingleLeg>"""
DEPOSIT = """
<termDeposit>
  <payerPartyReference href="us"/><receiverPartyReference href="them"/>
  <startDate>2001-10-25</startDate><maturityDate>2001-11-26</maturityDate>
  <principal><currency>CHF</currency><amount>25000000.00</amount></principal>
  <fixedRate>0.0425</fixedRate><dayCountFraction>ACT/365.FIXED</dayCountFraction>
</termDeposit>"""
HEADER = """
<tradeHeader>
  <partyTradeIdentifier><partyReference href="us"/><tradeId>T1</tradeId></partyTradeIdentifier>
  <tradeDate>2001-10-23</tradeDate>
</tradeHeader>"""
PARTIES = f"""
<party id="us"><partyId partyIdScheme="http://www.fpml.org/coding-scheme/external/iso17442">{OURS}</partyId></party>
<party id="them"><partyId partyIdScheme="http://www.fpml.org/coding-scheme/external/iso17442">{THEIRS}</partyId></party>"""
SPOT_DEAL = {
    "type": "fx_spot", "side": "buy", "base": "GBP", "quote": "USD", "base_amount": "10000000", "rate": "1.48",
    "trade_date": "2001-10-23", "value_date": "2001-10-25", "counterparty": THEIRS, "portfolio": "FX-EUR",
    "executed_at": "2001-10-23T08:00:00Z", "side_agreements": "none",
}  # fmt: skip


def document(*products: str, root: str = "dataDocument", before: str = "", parties: str = PARTIES) -> str:
    trades = "".join(f"<trade>{HEADER}{product}</trade>" for product in products)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{root} {XMLNS} fpmlVersion="5-10">{before}{trades}{parties}</{root}>'


def rows(text: str | bytes, defaults: Defaults = DEFAULTS) -> list[Row]:
    return list(read(text.encode() if isinstance(text, str) else text, defaults))


def row(product: str, defaults: Defaults = DEFAULTS) -> Row:
    (found,) = rows(document(product), defaults)
    return found


def deal(product: str, defaults: Defaults = DEFAULTS) -> dict[str, str]:
    found = row(product, defaults)
    assert found.deal is not None, found.refusal
    return dict(found.deal)


def with_rate(parts: str, *, value: str = "2001-12-21") -> str:
    return FX.replace("<rate>1.48</rate>", f"<rate>1.48</rate>{parts}").replace("2001-10-25", value)


def as_them() -> Defaults:
    return Defaults(portfolio="FX-EUR", executed_at=DEFAULTS.executed_at, we_are=THEIRS)


def test_a_spot_deal_is_read_from_our_side_and_from_theirs() -> None:
    assert deal(FX) == SPOT_DEAL
    assert deal(FX, as_them()) == SPOT_DEAL | {"side": "sell", "counterparty": OURS}


def test_a_rate_quoted_the_other_way_round_turns_the_pair() -> None:
    turned = FX.replace(
        "<currency1>GBP</currency1><currency2>USD</currency2>",
        "<currency1>USD</currency1><currency2>GBP</currency2>",
    )

    assert deal(turned.replace("Currency2PerCurrency1", "Currency1PerCurrency2")) == SPOT_DEAL
    inverted = deal(
        FX.replace("Currency2PerCurrency1", "Currency1PerCurrency2")
        .replace("<rate>1.48</rate>", "<rate>0.67567568</rate>")
        .replace("10000000", "10000000.06")
    )
    assert inverted == SPOT_DEAL | {
        "side": "sell", "base": "USD", "quote": "GBP", "base_amount": "14800000", "rate": "0.67567568",
    }  # fmt: skip


def test_a_forward_has_spot_rate_and_points() -> None:
    forward = SPOT_DEAL | {"type": "fx_forward", "value_date": "2001-12-21", "spot_rate": "1.4900"}
    spot = "<spotRate>1.4900</spotRate>"

    assert deal(with_rate(f"{spot}<forwardPoints>-0.0100</forwardPoints>")) == forward | {
        "forward_points": "-0.0100"
    }
    in_pips = row(with_rate(f"{spot}<forwardPoints>-100</forwardPoints><pointValue>0.0001</pointValue>"))
    assert in_pips.deal == forward | {"forward_points": "-0.01"}
    assert in_pips.notes == ("forward points -100 of 0.0001 each: -0.01",)
    worked_out = row(with_rate(spot))
    assert worked_out.deal == forward | {"forward_points": "-0.01"}
    assert worked_out.notes == ("forward points -0.01 worked out from rate and spot rate",)


def test_a_spot_deal_may_repeat_its_rate_as_spot_rate() -> None:
    assert deal(with_rate("<spotRate>1.48</spotRate>", value="2001-10-25")) == SPOT_DEAL


def test_points_that_do_not_add_up_are_refused() -> None:
    found = row(with_rate("<spotRate>1.49</spotRate><forwardPoints>0.01</forwardPoints>"))

    assert (found.field, found.refusal) == (
        "forwardPoints",
        "1.49 and 0.01 do not make the rate 1.48.",
    )


def test_a_value_date_beyond_spot_needs_a_spot_rate() -> None:
    found = row(with_rate(""))

    assert found.field == "spotRate"
    assert "due spot on Thursday 2001-10-25; value 2001-12-21 makes it an FX forward" in (found.refusal or "")


def test_placing_and_taking_money_depend_on_who_pays_first() -> None:
    placed = deal(DEPOSIT)

    assert placed == {
        "type": "mm_deposit", "currency": "CHF", "principal": "25000000.00", "rate_percent": "4.25", "day_count": "ACT/365",
        "start_date": "2001-10-25", "end_date": "2001-11-26", "trade_date": "2001-10-23", "counterparty": THEIRS,
        "portfolio": "FX-EUR", "executed_at": "2001-10-23T08:00:00Z", "side_agreements": "none",
    }  # fmt: skip
    assert deal(DEPOSIT, as_them()) == placed | {"type": "mm_loan", "counterparty": OURS}


def test_a_document_with_several_trades_gives_several_rows() -> None:
    found = rows(
        document(
            FX, "<fxSwap/>", DEPOSIT, root="requestConfirmation", before="<isCorrection>false</isCorrection>"
        )
    )

    assert [(one.number, one.source, one.deal is None) for one in found] == [
        (1, "fxSingleLeg T1", False),
        (2, "fxSwap T1", True),
        (3, "termDeposit T1", False),
    ]


def test_a_correction_is_no_new_deal() -> None:
    (found,) = rows(document(FX, root="requestConfirmation", before="<isCorrection>true</isCorrection>"))

    assert found.deal is None
    assert found.field == "isCorrection"


def test_the_time_of_execution_is_ours_where_the_document_has_one() -> None:
    said = """<partyTradeInformation><partyReference href="{}"/>
        <executionDateTime>2001-10-23T11:{}:00+02:00</executionDateTime></partyTradeInformation>"""
    header = HEADER.replace(
        "<tradeDate>", said.format("them", "00") + said.format("us", "30") + "<tradeDate>"
    )
    (found,) = rows(document(FX).replace(HEADER, header))

    assert found.deal == SPOT_DEAL | {"executed_at": "2001-10-23T09:30:00Z"}


def test_what_describes_a_trade_is_left_behind_and_said() -> None:
    (found,) = rows(document(FX + "<otherPartyPayment/><collateral/>"))

    assert found.deal == SPOT_DEAL
    assert found.notes == ("not taken over: otherPartyPayment, collateral",)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("<rate>1.48</rate>", "<rate>1.49</rate>", "amount"),
        ("<rate>1.48</rate>", "<rate>1.48</rate><rate>1.48</rate>", "rate"),
        ("<rate>1.48</rate>", "", "rate"),
        ("<amount>10000000</amount>", "<amount>1e7</amount>", "amount"),
        ("<amount>10000000</amount>", "<amount>-10000000</amount>", "amount"),
        ("<valueDate>2001-10-25</valueDate>", "<currency1ValueDate>2001-10-25</currency1ValueDate>", "currency1ValueDate"),
        ("</fxSingleLeg>", "<nonDeliverableSettlement/></fxSingleLeg>", "nonDeliverableSettlement"),
        ("</fxSingleLeg>", '<x:more xmlns:x="urn:else"/></fxSingleLeg>', "urn:else more"),
        ("Currency2PerCurrency1", "Either", "quoteBasis"),
        ("<currency1>GBP</currency1>", "<currency1>EUR</currency1>", "quotedCurrencyPair"),
        ('<payerPartyReference href="them"/>', '<payerPartyReference href="us"/>', "payerPartyReference"),
        ('<payerPartyReference href="them"/>', '<payerPartyReference href="third"/>', "exchangedCurrency2"),
        ('href="them"', 'href="third"', "receiverPartyReference"),
        ("2001-10-25", "25/10/2001", "valueDate"),
        ("USD", "usd", "currency"),
    ],
)  # fmt: skip
def test_a_leg_that_is_not_understood_is_refused_by_its_element(old: str, new: str, field: str) -> None:
    assert old in FX
    found = row(FX.replace(old, new))

    assert found.deal is None
    assert found.field == field


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("ACT/365.FIXED", "BUS/252", "dayCountFraction"),
        ("</termDeposit>", "<features><dualCurrency/></features></termDeposit>", "features"),
        ("<fixedRate>0.0425</fixedRate>", "<fixedRate>0.04251234567</fixedRate>", "fixedRate"),
        ("2001-11-26", "later", "maturityDate"),
    ],
)
def test_a_deposit_that_is_not_understood_is_refused_by_its_element(old: str, new: str, field: str) -> None:
    assert row(DEPOSIT.replace(old, new)).field == field


@pytest.mark.parametrize("said", [None, "somebody", "party1"])
def test_who_we_are_is_not_guessed(said: str | None) -> None:
    found = row(FX, Defaults(portfolio="FX-EUR", executed_at=DEFAULTS.executed_at, we_are=said))

    assert found.deal is None
    assert found.field == "we_are"


def test_a_party_without_an_lei_needs_to_be_named_by_the_caller() -> None:
    nameless = document(
        FX,
        parties=PARTIES.replace(f">{THEIRS}<", ">BARCGB2L<")
        .replace("iso17442", "iso9362", 2)
        .replace("iso9362", "iso17442", 1),
    )
    named = Defaults(
        portfolio="FX-EUR", executed_at=DEFAULTS.executed_at, we_are="us", counterparty={"BARCGB2L": THEIRS}
    )

    assert rows(nameless)[0].field == "partyId"
    assert rows(nameless, named)[0].deal == SPOT_DEAL


@pytest.mark.parametrize("version", ["5-0", "5-13"])
def test_versions_of_fpml_5_are_read(version: str) -> None:
    assert rows(document(FX).replace("5-10", version))[0].deal == SPOT_DEAL


@pytest.mark.parametrize(
    "text",
    [
        document(FX).replace("5-10", "5-14"),
        document(FX).replace("5-10", "4-9"),
        document(FX).replace("FpML-5/confirmation", "FpML-5/reporting"),
        document(FX, root="executionNotification"),
        document(),
        document(FX, parties=PARTIES + '<party id="us"/>'),
        document(FX).replace("</trade>", ""),
        document(FX)[:200],
        "<",
        "<a>&nbsp;</a>",
    ],
)
def test_a_document_of_another_kind_is_refused_whole(text: str) -> None:
    with pytest.raises(UnreadableFile) as unreadable:
        rows(text)

    assert unreadable.value.line is not None


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE dataDocument [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE dataDocument [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE dataDocument [<!ENTITY % e SYSTEM "http://127.0.0.1:9/x"> %e;]>',
        '<!DOCTYPE dataDocument SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE dataDocument PUBLIC "x" "http://127.0.0.1:9/x.dtd">',
        "<!DOCTYPE dataDocument>",
    ],
    ids=["billion laughs", "external entity", "parameter entity", "system", "public", "empty"],
)
def test_a_document_type_is_refused_before_anything_of_it_is_read(doctype: str) -> None:
    hostile = document(FX).replace("?>\n", f"?>\n{doctype}", 1).replace("1.48", "&e;&l9;")

    with pytest.raises(UnreadableFile, match="document type"):
        rows(hostile)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"])
@pytest.mark.parametrize("declared", ["utf-8", "utf-16", "utf-7"])
def test_another_encoding_hides_nothing(encoding: str, declared: str) -> None:
    hostile = (
        document(FX).replace("utf-8", declared, 1).replace("?>\n", '?>\n<!DOCTYPE d [<!ENTITY e "1">]>', 1)
    )

    with pytest.raises(UnreadableFile):
        rows(hostile.encode(encoding))


def test_an_encoding_that_is_declared_but_not_used_is_refused() -> None:
    for declared in ("ISO-8859-1", "UTF-16", "UTF-7", "windows-1252"):
        with pytest.raises(UnreadableFile):
            rows(document(FX).replace("utf-8", declared, 1))
    assert rows(codecs.BOM_UTF8 + document(FX).encode())[0].deal == SPOT_DEAL


def test_size_depth_and_number_of_elements_are_bounded() -> None:
    for hostile in (
        document(FX, before="<x>" * 70 + "</x>" * 70),
        document(FX, before="<x/>" * 20_000),
        document(FX, before=f"<!--{'x' * 1_050_000}-->"),
        document(FX, before="<x>" * 300_000),
    ):
        with pytest.raises(UnreadableFile, match=r"larger than|too large"):
            rows(hostile)


def test_nothing_that_is_included_is_fetched() -> None:
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'

    assert rows(document(FX, before=include))[0].deal == SPOT_DEAL
    assert row(FX.replace("</fxSingleLeg>", f"{include}</fxSingleLeg>")).deal is None
