"""Whatever terms there are, they come back as they went out; whatever bytes come, they are read or refused."""

import string
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kernel.calendar import spot_date
from service.kernel.money import Money, minor_units, quantize
from service.messages import fpml_confirmation, mt300, mt320
from service.messages.fin_values import as_x
from service.messages.recognise import recognised
from service.messages.terms import (
    ConfirmedTerms,
    InvalidTerms,
    Operation,
    PartyId,
    Product,
    SettlementAccount,
    Unreadable,
    Unwritable,
    as_the_other_sees,
)
from tests.messages import HOUSE, OTHER, REJECTED, deposit, entry, fx, iso, notification, statement

MADE_AT = datetime(2026, 10, 28, 9, 30, tzinfo=UTC)
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF", "SEK")
X = string.ascii_letters + string.digits + "/-?:().,'+ "
references = st.from_regex(r"\A[A-Z0-9][A-Z0-9/\-]{0,14}[A-Z0-9]\Z").filter(lambda text: "//" not in text)
days = st.dates(date(2024, 1, 1), date(2025, 12, 31))
names = st.text(X, min_size=1, max_size=34).map(str.strip).filter(lambda text: text and "  " not in text)
texts = st.text(X, min_size=1, max_size=80).map(lambda text: " ".join(text.split())).filter(bool)
accounts = st.none() | st.builds(
    SettlementAccount,
    bic=st.sampled_from([None, "MARKDEFF", "CAAMES2AXXX"]),
    account=st.from_regex(r"\A[A-Z0-9]{2,34}\Z"),
)
parties = st.builds(
    lambda lei, name, bic: PartyId(bic=bic, lei=lei, name=name),
    st.sampled_from([None, "529900DEMO00TRENNW29"]), st.none() | names, st.sampled_from(["TRWNDEFF", "TRWNDEFFXXX"]),
)  # fmt: skip


def amounts(currency: str, up_to: int = 10**9) -> st.SearchStrategy[Money]:
    step = minor_units(currency)
    return st.integers(1, up_to).map(lambda units: Money(Decimal(units).scaleb(-step), currency))


@st.composite
def shared(draw: Any) -> dict[str, Any]:
    operation = draw(st.sampled_from(Operation))
    return {
        "our_reference": draw(references),
        "their_reference": draw(st.none() | references),
        "operation": operation,
        "previous_reference": None if operation is Operation.NEW else draw(references),
        "party": draw(parties),
        "counterparty": OTHER,
        "trade_date": draw(days),
        "broker": draw(st.none() | st.builds(PartyId, name=names)),
        "our_account": draw(accounts),
        "their_account": draw(accounts),
        "off_market_clause": draw(st.none() | texts),
        "side_agreement": draw(st.none() | texts),
    }


@st.composite
def exchanges(draw: Any) -> ConfirmedTerms:
    facts = draw(shared())
    base, quote = draw(st.permutations(CURRENCIES))[:2]
    rate = draw(st.integers(1, 10**7)) * Decimal("0.0001")
    first = draw(amounts(base).filter(lambda money: quantize(money.amount * rate, quote) > 0))
    second = Money(quantize(first.amount * rate, quote), quote)
    bought, sold = (first, second) if draw(st.booleans()) else (second, first)
    spot = spot_date(base, quote, facts["trade_date"])
    forward = draw(st.booleans())
    return ConfirmedTerms(
        **facts,
        product=Product.FX_FORWARD if forward else Product.FX_SPOT,
        value_date=spot + timedelta(days=draw(st.integers(1, 400))) if forward else spot,
        bought=bought,
        sold=sold,
        rate=rate,
    )


@st.composite
def deposits(draw: Any) -> ConfirmedTerms:
    facts = draw(shared())
    currency = draw(st.sampled_from(CURRENCIES))
    start = facts["trade_date"] + timedelta(days=draw(st.integers(0, 5)))
    percent = draw(st.integers(-(10**5), 10**6)) * Decimal("0.0001")
    interest = draw(amounts(currency))
    return ConfirmedTerms(
        **facts,
        product=draw(st.sampled_from([Product.MM_DEPOSIT, Product.MM_LOAN])),
        start_date=start,
        maturity_date=start + timedelta(days=draw(st.integers(1, 800))),
        principal=draw(amounts(currency)),
        interest=Money((interest.amount if percent else Decimal(0)) * (-1 if percent < 0 else 1), currency),
        rate_percent=percent,
        day_count=draw(st.sampled_from(["ACT/360", "ACT/365", "ACT/ACT", "30/360", "30E/360"])),
    )


@settings(max_examples=60, deadline=None)
@given(exchanges())
def test_an_exchange_comes_back_from_an_mt300_as_it_went_out(terms: ConfirmedTerms) -> None:
    try:
        content = mt300.write(terms)
    except Unwritable as refused:
        must_be_too_long_for_77d(refused)
        return
    assert mt300.read(content) == terms
    assert mt300.read(content).remarks == ()
    assert content.decode("ascii").count("\n") == content.count(b"\r\n")
    assert all(len(line) <= 66 for line in content.decode().split("\r\n")[1:])


@settings(max_examples=60, deadline=None)
@given(deposits())
def test_a_deposit_comes_back_from_an_mt320_as_it_went_out(terms: ConfirmedTerms) -> None:
    try:
        content = mt320.write(terms)
    except Unwritable as refused:
        must_be_too_long_for_77d(refused)
        return
    assert mt320.read(content) == terms


@settings(max_examples=50, deadline=None)
@given(exchanges() | deposits().filter(lambda terms: (terms.rate_percent or 0) > 0))
def test_a_deal_comes_back_from_fpml_as_it_went_out(terms: ConfirmedTerms) -> None:
    silent = fpml_confirmation.silent_on(terms.product) - {"form"}
    content = fpml_confirmation.write(terms, made_at=MADE_AT)
    assert fpml_confirmation.read(content) == replace(terms, **dict.fromkeys(silent))


@settings(max_examples=50, deadline=None)
@given(exchanges() | deposits(), references)
def test_the_other_sides_view_of_the_other_sides_view_is_ones_own(terms: ConfirmedTerms, theirs: str) -> None:
    known = replace(terms, their_reference=theirs)
    assert as_the_other_sees(as_the_other_sees(known)) == known


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_what_is_spelt_for_swift_is_in_its_character_set_or_nothing(text: str) -> None:
    spelt = as_x(text)
    assert spelt is None or set(spelt) <= set(X)


def must_be_too_long_for_77d(refused: Unwritable) -> None:
    assert refused.field in {"off_market_clause", "side_agreement"}


GOOD = (
    mt300.write(fx(off_market_clause="agreed at off-market terms")),
    mt320.write(deposit()),
    fpml_confirmation.write(fx(), made_at=MADE_AT),
    fpml_confirmation.write(deposit(), made_at=MADE_AT),
    iso("pacs.002.001.10", REJECTED),
    iso("camt.054.001.08", notification(entry("<Sts><Cd>BOOK</Cd></Sts>"))),
    statement("2.50"),
)


@st.composite
def broken(draw: Any) -> bytes:
    """A good message with a few pieces cut out, doubled or replaced."""
    content = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        piece = content[start : start + draw(st.integers(0, 40))]
        how = draw(st.sampled_from(["cut", "double", "bytes", "digits", "move"]))
        match how:
            case "cut":
                del content[start : start + len(piece)]
            case "double":
                content[start:start] = piece
            case "bytes":
                content[start : start + 1] = draw(st.binary(max_size=4))
            case "digits":
                content[start : start + 1] = draw(
                    st.sampled_from([b"0", b"9" * 40, b"-", b",", b"NaN", b"1e9", b"\xd9\xa1"])
                )
            case _:
                at = draw(st.integers(0, len(content)))
                content[at:at] = piece
    return bytes(content)


@settings(max_examples=600, deadline=None)
@given(broken() | st.binary(max_size=200), st.text(max_size=20))
def test_whatever_arrives_is_read_or_refused_with_field_and_reason(content: bytes, name: str) -> None:
    try:
        recognised(content, name)
    except Unreadable as refused:
        must_say_where_and_why(refused)


def must_say_where_and_why(refused: Unreadable) -> None:
    assert refused.field
    assert refused.reason
    assert str(refused).isprintable()


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(ConfirmedTerms.__dataclass_fields__)), st.sampled_from([fx(), deposit()]))
def test_terms_without_what_they_need_are_no_terms(field: str, terms: ConfirmedTerms) -> None:
    always = {
        "our_reference",
        "trade_date",
        "party",
        "counterparty",
        "product",
        "operation",
        "form",
        "remarks",
    }
    needed = {"value_date", "bought", "sold", "rate"} if terms.product.exchange else {
        "start_date", "maturity_date", "principal", "rate_percent", "day_count",
    }  # fmt: skip
    if field in needed:
        with pytest.raises(InvalidTerms) as wrong:
            replace(terms, **{field: None})
        assert wrong.value.field == field
    elif field not in always:
        replace(terms, **{field: None})


def test_the_name_of_a_file_decides_nothing() -> None:
    for name in ("", "../../etc/passwd", "a\x00b", "x" * 10_000, "MT320.txt", "\u202egnp.exe", "C:\\con"):
        assert recognised(GOOD[0], name) == recognised(GOOD[0], "MT300.txt")


def test_both_houses_are_somebody() -> None:
    assert not HOUSE.agrees(OTHER)
