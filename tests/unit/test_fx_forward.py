"""The terms of an FX forward: a published deal of EUR 10m at 0.9130 and 45 points."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from service.trades.deals.cash import CashFlow, TermsFinding
from service.trades.deals.deal import cash_flows
from service.trades.deals.fx_forward import FxForwardTerms, check_terms, findings, wording

FORWARD = FxForwardTerms(
    side="buy",
    base="EUR",
    quote="USD",
    base_amount=Decimal(10_000_000),
    rate=Decimal("0.9175"),
    spot_rate=Decimal("0.9130"),
    forward_points=Decimal("0.0045"),
    trade_date=date(2001, 11, 19),
    value_date=date(2001, 12, 21),
    counterparty_id=UUID(int=1),
    portfolio_id=UUID(int=2),
    side_agreements="none",
)


def but(**changes: Any) -> FxForwardTerms:
    return msgspec.structs.replace(FORWARD, **changes)


def test_a_forward_is_paid_at_the_rate_all_in() -> None:
    check_terms(FORWARD)

    assert cash_flows(FORWARD) == (
        CashFlow("base", "EUR", Decimal("10000000.00"), date(2001, 12, 21)),
        CashFlow("quote", "USD", Decimal("-9175000.00"), date(2001, 12, 21)),
    )


@pytest.mark.parametrize(
    ("spot_rate", "points", "rate"),
    [("0.9130", "-0.0045", "0.9085"), ("0.9130", "0", "0.913"), ("0.91300001", "0.00449999", "0.9175")],
)
def test_points_may_be_a_discount_or_nothing_and_are_never_scaled(
    spot_rate: str, points: str, rate: str
) -> None:
    check_terms(but(spot_rate=Decimal(spot_rate), forward_points=Decimal(points), rate=Decimal(rate)))


@pytest.mark.parametrize(
    ("changes", "code", "field", "sentence"),
    [
        ({"forward_points": Decimal(45)}, "rate_is_not_the_sum", "rate", "45.9130"),
        ({"rate": Decimal("0.91750001")}, "rate_is_not_the_sum", "rate", "0.9175"),
        ({"spot_rate": Decimal(0)}, "rate_not_positive", "spot_rate", "USD"),
        ({"spot_rate": Decimal("NaN")}, "rate_not_positive", "spot_rate", "USD"),
        ({"spot_rate": Decimal("1E+999999")}, "amount_too_large", "spot_rate", "15 digits"),
        ({"forward_points": Decimal("-Infinity")}, "amount_too_large", "forward_points", "15 digits"),
        ({"forward_points": Decimal("1E-999999")}, "too_many_decimals", "forward_points", "8 decimals"),
        ({"spot_rate": Decimal("0.913000001")}, "too_many_decimals", "spot_rate", "8 decimals"),
        ({"rate": Decimal("-0.9175")}, "rate_not_positive", "rate", "USD"),
        ({"side_agreements": ""}, "side_agreements_missing", "side_agreements", "none"),
        ({"quote": "EUR"}, "same_currency", "quote", "EUR"),
        ({"value_date": date(2001, 11, 21)}, "value_date_within_spot", "value_date", "is a spot deal"),
        ({"value_date": date(2001, 11, 16)}, "value_date_before_trade_date", "value_date", "before"),
        ({"value_date": date(2001, 12, 25)}, "value_date_on_holiday", "value_date", "Christmas Day"),
        ({"value_date": date(2001, 11, 22)}, "value_date_on_holiday", "value_date", "Thanksgiving Day"),
        ({"value_date": date(2003, 11, 24)}, "term_too_long", "value_date", "at most 2 years"),
        ({"value_date": date(2101, 1, 3)}, "no_calendar", "value_date", "2099"),
    ],
)
def test_terms_that_are_no_forward_are_refused(
    changes: dict[str, Any], code: str, field: str, sentence: str
) -> None:
    with pytest.raises(TermsFinding, match=sentence) as refused:
        check_terms(but(**changes))

    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_forward_runs_two_years_from_spot_to_the_next_good_day() -> None:
    check_terms(but(value_date=date(2003, 11, 21)))

    on_sunday = but(trade_date=date(2001, 11, 20))  # spot skips Thanksgiving to Friday the 23rd
    check_terms(msgspec.structs.replace(on_sunday, value_date=date(2003, 11, 24)))
    late = msgspec.structs.replace(on_sunday, value_date=date(2003, 11, 25))
    assert [finding.code for finding in findings(late)] == ["term_too_long"]


def test_spot_on_a_leap_day_ends_on_the_last_of_february() -> None:
    leap = but(trade_date=date(2024, 2, 27), value_date=date(2026, 3, 2))  # 2026-02-28 is a Saturday
    check_terms(leap)

    late = msgspec.structs.replace(leap, value_date=date(2026, 3, 3))
    assert [finding.code for finding in findings(late)] == ["term_too_long"]


def test_everything_wrong_can_be_shown_at_once() -> None:
    wrong = but(base_amount=Decimal(0), forward_points=Decimal("0.0044"), value_date=date(2001, 11, 21))

    assert [finding.code for finding in findings(wrong)] == [
        *("amount_not_positive", "rate_is_not_the_sum", "value_date_within_spot")
    ]


def test_the_sentence_says_what_the_rate_is_made_of() -> None:
    assert wording(FORWARD, "Bank X") == (
        "You buy 10,000,000.00 EUR from Bank X against 9,175,000.00 USD at 0.9175 "
        "(spot 0.913, points +0.0045), value Fri 21 Dec 2001"
    )
    discount = but(side="sell", rate=Decimal("0.9085"), forward_points=Decimal("-0.0045"))
    assert wording(discount, "Bank X", "de") == (
        "Sie verkaufen 10.000.000,00 EUR an Bank X gegen 9.085.000,00 USD zu 0,9085 "
        "(Kassakurs 0,913, Swappunkte -0,0045), Valuta Fr. 21. Dez. 2001"
    )
