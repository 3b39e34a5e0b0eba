"""The terms of an FX spot deal, and what follows from them."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from service.kernel.money import TooManyDecimals
from service.trades.deals.fx_spot import (
    CashFlow,
    FxSpotTerms,
    TermsFinding,
    bought,
    cash_flows,
    check_terms,
    differences,
    findings,
    quote_amount,
    sold,
    wording,
)

TERMS = FxSpotTerms(
    side="buy",
    base="GBP",
    quote="USD",
    base_amount=Decimal(10_000_000),
    rate=Decimal("1.48"),
    trade_date=date(2001, 10, 23),
    value_date=date(2001, 10, 25),
    counterparty_id=UUID(int=1),
    portfolio_id=UUID(int=2),
    side_agreements="none",
)


def but(**changes: Any) -> FxSpotTerms:
    return msgspec.structs.replace(TERMS, **changes)


def test_whoever_buys_the_base_receives_it_and_pays_the_other() -> None:
    assert cash_flows(TERMS) == (
        CashFlow("base", "GBP", Decimal("10000000.00"), TERMS.value_date),
        CashFlow("quote", "USD", Decimal("-14800000.00"), TERMS.value_date),
    )
    assert (str(bought(TERMS)), str(sold(TERMS))) == ("10,000,000.00 GBP", "14,800,000.00 USD")


def test_whoever_sells_the_base_pays_it_and_receives_the_other() -> None:
    assert [flow.amount for flow in cash_flows(but(side="sell"))] == [
        Decimal(-10_000_000),
        Decimal(14_800_000),
    ]
    assert (bought(but(side="sell")), sold(but(side="sell"))) == (sold(TERMS), bought(TERMS))


@pytest.mark.parametrize(
    ("quote", "rate", "amount"),
    [("USD", "1.0000005", "10000005.00"), ("JPY", "0.00000005", "1"), ("USD", "0.0000000005", "0.01")],
)
def test_the_other_amount_is_rounded_half_up_to_its_own_minor_unit(
    quote: str, rate: str, amount: str
) -> None:
    assert quote_amount(but(quote=quote, rate=Decimal(rate))) == Decimal(amount)


def test_a_fraction_of_a_cent_never_becomes_a_cash_flow() -> None:
    with pytest.raises(TooManyDecimals):
        cash_flows(but(base_amount=Decimal("1.001")))


def test_proper_terms_pass() -> None:
    check_terms(TERMS)
    check_terms(but(value_date=TERMS.trade_date))  # due today
    check_terms(but(value_date=date(2001, 10, 24)))  # due tomorrow


@pytest.mark.parametrize(
    ("changes", "code", "field", "sentence"),
    [
        ({"side_agreements": " "}, "side_agreements_missing", "side_agreements", "none"),
        ({"base": "GBX"}, "unknown_currency", "base", "GBX"),
        ({"quote": "usd"}, "unknown_currency", "quote", "usd"),
        ({"quote": "AED"}, "unknown_currency", "quote", "no settlement calendar"),
        ({"quote": "GBP"}, "same_currency", "quote", "GBP"),
        ({"base_amount": Decimal(0)}, "amount_not_positive", "base_amount", "positive"),
        ({"base_amount": Decimal(-1)}, "amount_not_positive", "base_amount", "positive"),
        ({"base_amount": Decimal("NaN")}, "amount_not_positive", "base_amount", "positive"),
        (
            {"base_amount": Decimal("0.01"), "rate": Decimal("0.1")},
            "amount_not_positive",
            "base_amount",
            "nothing",
        ),
        ({"rate": Decimal(0)}, "rate_not_positive", "rate", "USD"),
        ({"rate": Decimal("-1.48")}, "rate_not_positive", "rate", "USD"),
        ({"rate": Decimal("Infinity")}, "rate_not_positive", "rate", "USD"),
        ({"base_amount": Decimal("1E+999999")}, "amount_too_large", "base_amount", "15 digits"),
        ({"rate": Decimal("1E+999999")}, "amount_too_large", "rate", "15 digits"),
        ({"rate": Decimal(900_000_000)}, "amount_too_large", "base_amount", "USD"),
        ({"base_amount": Decimal("1.001")}, "too_many_decimals", "base_amount", "GBP has 2"),
        ({"base_amount": Decimal("1E-999999")}, "too_many_decimals", "base_amount", "GBP has 2"),
        ({"base": "JPY", "base_amount": Decimal("1.5")}, "too_many_decimals", "base_amount", "JPY has 0"),
        ({"rate": Decimal("1.480000001")}, "too_many_decimals", "rate", "8 decimals"),
        ({"trade_date": date(2001, 10, 21)}, "trade_date_on_weekend", "trade_date", "Sunday 2001-10-21"),
        ({"value_date": date(2001, 10, 22)}, "value_date_before_trade_date", "value_date", "2001-10-22"),
        ({"value_date": date(2001, 10, 27)}, "value_date_on_holiday", "value_date", "Saturday 2001-10-27"),
        ({"value_date": date(2001, 12, 25)}, "value_date_on_holiday", "value_date", "GBP .* Christmas Day"),
        (
            {"value_date": date(2001, 11, 22)},
            "value_date_on_holiday",
            "value_date",
            "USD .* Thanksgiving Day",
        ),
        (
            {"value_date": date(2001, 10, 26)},
            "value_date_beyond_spot",
            "value_date",
            "Thursday 2001-10-25.*forward",
        ),
        ({"value_date": date(2101, 1, 3)}, "no_calendar", "value_date", "2099"),
    ],
)
def test_terms_that_are_no_spot_deal_are_refused(
    changes: dict[str, Any], code: str, field: str, sentence: str
) -> None:
    with pytest.raises(TermsFinding, match=sentence) as refused:
        check_terms(but(**changes))

    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.sentence == str(refused.value)


def test_everything_wrong_can_be_shown_at_once() -> None:
    wrong = but(side_agreements="", base_amount=Decimal(0), rate=Decimal(0), value_date=date(2001, 10, 22))

    assert [finding.code for finding in findings(wrong)] == [
        *(
            "side_agreements_missing",
            "amount_not_positive",
            "rate_not_positive",
            "value_date_before_trade_date",
        )
    ]


def test_the_deal_is_said_in_one_sentence_in_both_languages() -> None:
    sale = but(side="sell", base="USD", quote="JPY", base_amount=Decimal(14_800_000), rate=Decimal("122.65"))

    assert wording(sale, "Bank X") == (
        "You sell 14,800,000.00 USD to Bank X against 1,815,220,000 JPY at 122.65, value Thu 25 Oct 2001"
    )
    assert wording(sale, "Bank X", "de") == (
        "Sie verkaufen 14.800.000,00 USD an Bank X gegen 1.815.220.000 JPY zu 122,65, Valuta Do. 25. Okt. 2001"
    )
    assert wording(TERMS, "Bank X").startswith(
        "You buy 10,000,000.00 GBP from Bank X against 14,800,000.00 USD"
    )
    assert wording(TERMS, "Bank X", "de").startswith("Sie kaufen 10.000.000,00 GBP von Bank X gegen")


def test_only_terms_that_changed_are_shown() -> None:
    assert differences(TERMS, but(rate=Decimal("1.4800"))) == []
    assert differences(TERMS, but(rate=Decimal("1.42"), side="sell")) == [
        ("side", "buy", "sell"),
        ("rate", Decimal("1.48"), Decimal("1.42")),
    ]


def test_terms_survive_storage_as_json() -> None:
    stored = msgspec.json.encode(TERMS)

    assert b'"type":"fx_spot"' in stored
    assert b'"rate":"1.48"' in stored
    assert msgspec.json.decode(stored, type=FxSpotTerms) == TERMS
