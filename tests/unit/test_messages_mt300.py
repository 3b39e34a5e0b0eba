"""MT300: strict in what is read, exact in what is written, and every refusal names field and reason."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from service.kernel.money import Money
from service.messages import mt300
from service.messages.recognise import recognised
from service.messages.terms import Operation, PartyId, Product, SettlementAccount, Unreadable, Unwritable
from tests.messages import HOUSE, OTHER, fx

WRITTEN = mt300.write(fx()).decode()


def changed(old: str, new: str) -> bytes:
    assert old in WRITTEN
    return WRITTEN.replace(old, new, 1).encode("latin-1")


def refusal(content: bytes) -> tuple[str | None, str]:
    with pytest.raises(Unreadable) as refused:
        recognised(content, "confirmation.txt")
    return refused.value.field, refused.value.reason


def test_what_is_written_is_a_message_of_swift() -> None:
    assert WRITTEN.replace("\r\n", "\n") == (
        "{1:F01TRWNDEFFAXXX0000000000}{2:I300CAAMES2AXXXXN}{4:\n"
        ":15A:\n:20:FX-EUR-17\n:22A:NEWT\n:22C:CAAM2A1085TRWNFF\n"
        ":82J:/ABIC/TRWNDEFFXXX\n/NAME/Demo Bank\n/LEIC/529900DEMO00TRENNW29\n"
        ":87J:/ABIC/CAAMES2A\n/NAME/Other Bank\n/LEIC/529900DTJ5A7S5UCBB52\n"
        ":15B:\n:30T:20261028\n:30V:20261030\n:36:1,085\n"
        ":32B:EUR1000000,\n:57A:/DE89370400440532013000\nMARKDEFF\n"
        ":33B:USD1085000,\n:57A:CAAMES2AXXX\n-}"
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        (":36:1,085", ":36:0,", "36", "is zero"),
        (":36:1,085", ":36:1.085", "36", "is no number"),
        (":36:1,085", ":36:1,0850000000000", "36", "up to 12 characters"),
        (":36:1,085\r\n", "", "36", "missing in sequence B"),
        (":32B:EUR1000000,", ":32B:1000000,", "32B", "its currency is missing"),
        (":32B:EUR1000000,", ":32B:EUR0,", "32B", "is zero"),
        (":32B:EUR1000000,", ":32B:EUR10,001", "32B", "too many decimals"),
        (":32B:EUR1000000,", ":32B:XXQ1000000,", "32B", "is no currency"),
        (":32B:EUR1000000,", ":32B:USD1000000,", "sold", "both amounts are in USD"),
        (":32B:EUR1000000,", ":32B:EUR1000000", "32B", "is no number"),
        (":33B:USD1085000,", ":33B:USD-1085000,", "33B", "is no number"),
        (":33B:USD1085000,\r\n", "", "33B", "missing in sequence B before 57A"),
        (":30V:20261030", ":30V:20260230", "30V", "is no date"),
        (":30V:20261030", ":30V:2026-10-30", "30V", "is no date"),
        (":30T:20261028\r\n", "", "30T", "missing"),
        (":30T:20261028\r\n", ":30T:20261028\r\n:30T:20261028\r\n", "30T", "stands twice"),
        (":22A:NEWT", ":22A:NOVA", "22A", "is none of NEWT, AMND, CANC"),
        (":22A:NEWT", ":22A:CANC", "previous_reference", "names what it changes"),
        (":20:FX-EUR-17", ":20:FX//17", "20", "is no reference"),
        (":20:FX-EUR-17", ":20:FX-EUR-17-IS-TOO-LONG", "20", "is no reference"),
        (":15B:\r\n", ":15B:\r\n:99Z:what is this\r\n", "99Z", "is no field of sequence B"),
        (":15B:", ":15D:", "15D", "split settlement"),
        (":57A:CAAMES2AXXX", ":57A:CAAMES2AXX", "57A", "is no BIC"),
        ("/LEIC/529900DEMO00TRENNW29", "/LEIC/529900DEMO00TRENNW28", "82J", "check digits"),
        ("/NAME/Demo Bank", "/NAME/Demo B\xe4nk", "message", "outside the character set"),
        ("/NAME/Demo Bank", "/NAME/Demo_Bank", "82J", "outside the set x"),
        (":36:1,085\r\n", ":36:1,085\n", "message", "mixes line ends"),
        ("\r\n-}", "", "block 4", "breaks off"),
        ("\r\n-}", "\r\n-}{1:F01TRWNDEFFAXXX0000000000}", "block 1", "a file holds one message"),
        ("{2:I300", "{2:I999", "block 2", "an MT999 is not read here"),
        ("{2:I300CAAMES2AXXXXN}", "", "block 2", "missing"),
    ],
)  # fmt: skip
def test_a_broken_message_is_refused_with_field_and_reason(
    old: str, new: str, field: str, reason: str
) -> None:
    assert (said := refusal(changed(old, new)))[0] == field
    assert reason in said[1]


def test_both_sides_cannot_be_the_same() -> None:
    content = WRITTEN.replace("529900DTJ5A7S5UCBB52", "529900DEMO00TRENNW29").encode()
    assert refusal(content) == ("counterparty", "both sides of the deal are the same")


@pytest.mark.parametrize("flag", ["F", "O"])
def test_a_non_deliverable_forward_is_refused(flag: str) -> None:
    content = WRITTEN.replace("\r\n:15B:", f"\r\n:17{flag}:Y\r\n:15B:").encode()
    assert refusal(content) == (f"17{flag}", "a non-deliverable forward is not dealt here")


def test_a_reference_used_before_is_refused_for_a_new_deal_and_kept_for_a_change() -> None:
    with pytest.raises(Unreadable, match="was used before, for another deal") as refused:
        recognised(WRITTEN.encode(), "", used={"FX-EUR-17"})
    assert refused.value.field == "our_reference"
    recognised(WRITTEN.encode(), "", used={"FX-EUR-18"})
    cancelled = mt300.write(fx(operation=Operation.CANCEL, previous_reference="FX-EUR-17"))
    recognised(cancelled, "", used={"FX-EUR-17"})


def test_lines_may_end_either_way_but_one_way() -> None:
    assert mt300.read(WRITTEN.replace("\r\n", "\n").encode()) == fx()


def test_the_value_date_tells_a_forward_from_a_spot_deal() -> None:
    forward = fx(product=Product.FX_FORWARD, value_date=date(2026, 12, 30))
    assert mt300.read(mt300.write(forward)) == forward


def test_spot_rate_and_points_have_no_place_and_are_said_to_have_none() -> None:
    forward = fx(
        product=Product.FX_FORWARD, value_date=date(2026, 12, 30),
        spot_rate=Decimal("1.08"), forward_points=Decimal("0.005"),
    )  # fmt: skip
    content = mt300.write(forward)
    assert mt300.read(content) == replace(forward, spot_rate=None, forward_points=None)
    assert {"spot_rate", "forward_points"} <= mt300.SILENT_ON


def test_amendment_and_cancellation_name_what_they_change() -> None:
    for operation in (Operation.AMEND, Operation.CANCEL):
        terms = fx(operation=operation, previous_reference="FX-EUR-16", their_reference="THEIRS/1")
        assert mt300.read(mt300.write(terms)) == terms


def test_the_clause_of_a_deal_off_the_market_and_side_agreements_go_into_terms_and_conditions() -> None:
    terms = fx(
        off_market_clause="agreed at off-market terms", side_agreement="early repayment as of 2026-12-01"
    )
    content = mt300.write(terms)
    assert b":77D:/OFFM/agreed at off-market terms\r\n/SIDE/early repayment" in content
    assert mt300.read(content) == terms


def test_free_text_of_the_other_side_is_taken_for_a_side_agreement() -> None:
    content = WRITTEN.replace("\r\n:15B:", "\r\n:77D:SUBJECT TO DRV\r\nAS OF 2024\r\n:15B:").encode()
    assert mt300.read(content).side_agreement == "SUBJECT TO DRV AS OF 2024"


def test_a_clause_too_long_for_the_format_is_refused_and_not_cut() -> None:
    with pytest.raises(Unwritable, match="does not fit into 6 lines") as refused:
        mt300.write(fx(off_market_clause="word " * 60))
    assert refused.value.field == "off_market_clause"


def test_german_names_are_spelt_out() -> None:
    content = mt300.write(fx(party=replace(HOUSE, name="Prüfbank Süd & Cie")))
    assert b"/NAME/Pruefbank Sued + Cie" in content


def test_a_name_no_character_set_of_swift_spells_is_left_to_lei_and_bic() -> None:
    assert b"/NAME/" not in mt300.write(
        fx(party=replace(HOUSE, name="銀行"), counterparty=replace(OTHER, name=None))
    )


def test_a_party_without_bic_gets_another_format() -> None:
    with pytest.raises(Unwritable) as refused:
        mt300.write(fx(counterparty=replace(OTHER, bic=None)))
    assert refused.value.field == "counterparty"


def test_an_account_may_be_unknown_or_a_number_alone() -> None:
    terms = fx(our_account=None, their_account=SettlementAccount(account="12/7"))
    assert mt300.read(mt300.write(terms)) == terms


def test_a_letter_for_debit_or_credit_before_an_account_is_no_part_of_it() -> None:
    content = changed(":57A:/DE89370400440532013000", ":57A:/C/DE89370400440532013000")
    assert mt300.read(content) == fx()


@pytest.mark.parametrize(
    ("rate", "digits"),
    [("232.1", "2321"), ("1", "0001"), ("0.9175", "9175"), ("1.48", "0148"), ("12.34567", "4567"), ("100", "0001")],
)  # fmt: skip
def test_the_common_reference_takes_the_last_digits_of_the_rate(rate: str, digits: str) -> None:
    assert f":22C:CAAM2A{digits}TRWNFF" in mt300.write(fx(rate=Decimal(rate))).decode()


def test_a_common_reference_that_does_not_fit_is_remarked_and_the_terms_stay_clear() -> None:
    terms = mt300.read(changed("CAAM2A1085TRWNFF", "CAAM2A1086TRWNFF"))
    assert terms == fx()
    assert terms.remarks == ("22C is CAAM2A1086TRWNFF; parties and rate make it CAAM2A1085TRWNFF",)


def test_a_message_that_somebody_else_sent_says_so() -> None:
    terms = mt300.read(changed("{1:F01TRWNDEFFA", "{1:F01ABCDDEFFA"))
    assert terms.remarks == ("sent by ABCDDEFFXXX, which is not party A (TRWNDEFFXXX)",)


def test_which_currency_is_priced_follows_from_the_amounts() -> None:
    assert fx().quoted == ("EUR", "USD")
    turned = fx(bought=Money(Decimal(1085000), "USD"), sold=Money(Decimal(1000000), "EUR"))
    assert turned.quoted == ("EUR", "USD")
    even = fx(bought=Money(Decimal(1000000), "USD"), rate=Decimal(1), sold=Money(Decimal(1000000), "EUR"))
    assert even.quoted == ("EUR", "USD")


def test_a_party_is_known_by_lei_then_by_bank_never_by_name() -> None:
    assert PartyId(bic="CAAMES2A").agrees(OTHER)
    assert not PartyId(name="Other Bank").agrees(OTHER)
    assert not replace(OTHER, lei=HOUSE.lei).agrees(OTHER)
