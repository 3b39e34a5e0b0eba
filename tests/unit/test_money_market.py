"""Money placed and taken: a published deposit of CHF 25m for one day, and its mirror."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from service.kernel.money import TooManyDecimals
from service.trades.deals.cash import CashFlow, TermsFinding
from service.trades.deals.money_market import (
    DepositTerms,
    LoanTerms,
    MoneyMarketTerms,
    cash_flows,
    check_terms,
    findings,
    interest,
    repayment,
    unusual_day_count,
    wording,
)

DEPOSIT = DepositTerms(
    currency="CHF",
    principal=Decimal(25_000_000),
    rate_percent=Decimal(4),
    day_count="ACT/360",
    start_date=date(2002, 2, 14),
    end_date=date(2002, 2, 15),
    trade_date=date(2002, 2, 14),
    counterparty_id=UUID(int=1),
    portfolio_id=UUID(int=2),
    side_agreements="none",
)
LOAN = LoanTerms(**{field: getattr(DEPOSIT, field) for field in DEPOSIT.__struct_fields__})


def but(**changes: Any) -> DepositTerms:
    return msgspec.structs.replace(DEPOSIT, **changes)


def test_what_we_place_comes_back_with_interest() -> None:
    check_terms(DEPOSIT)

    assert interest(DEPOSIT) == Decimal("2777.78")
    assert cash_flows(DEPOSIT) == (
        CashFlow("start", "CHF", Decimal("-25000000.00"), date(2002, 2, 14)),
        CashFlow("maturity", "CHF", Decimal("25002777.78"), date(2002, 2, 15)),
    )


def test_what_we_take_goes_back_with_interest() -> None:
    check_terms(LOAN)

    assert [flow.amount for flow in cash_flows(LOAN)] == [Decimal(25_000_000), Decimal("-25002777.78")]
    assert repayment(LOAN) == repayment(DEPOSIT)


def test_interest_below_half_a_cent_is_nothing() -> None:
    tiny = but(
        currency="EUR",
        principal=Decimal("111.00"),
        rate_percent=Decimal(1),
        start_date=date(2009, 2, 24),
        end_date=date(2009, 2, 25),
        trade_date=date(2009, 2, 24),
    )
    check_terms(tiny)

    assert str(interest(tiny)) == "0.00"
    assert [str(flow.amount) for flow in cash_flows(tiny)] == ["-111.00", "111.00"]


@pytest.mark.parametrize(
    ("day_count", "end", "due"),
    [
        ("ACT/360", date(2002, 8, 14), "502777.78"),  # 181 days
        ("ACT/365", date(2002, 8, 14), "495890.41"),
        ("ACT/ACT", date(2002, 8, 14), "495890.41"),
        ("30/360", date(2002, 8, 14), "500000.00"),
        ("30E/360", date(2002, 8, 14), "500000.00"),
    ],
)
def test_the_day_count_decides_the_interest(day_count: str, end: date, due: str) -> None:
    assert interest(but(day_count=day_count, end_date=end)) == Decimal(due)


def test_half_a_minor_unit_of_interest_is_rounded_away_from_zero() -> None:
    half = but(principal=Decimal(180), rate_percent=Decimal(1))  # 180 * 1 % / 360 = 0.005

    assert interest(half) == Decimal("0.01")
    assert interest(msgspec.structs.replace(half, rate_percent=Decimal(-1))) == Decimal("-0.01")
    assert interest(msgspec.structs.replace(half, currency="JPY", principal=Decimal(18_000))) == 1


def test_a_negative_rate_makes_the_lender_pay() -> None:
    costly = but(rate_percent=Decimal("-0.75"))
    check_terms(costly)

    assert [flow.amount for flow in cash_flows(costly)] == [Decimal(-25_000_000), Decimal("24999479.17")]


def test_a_fraction_of_a_cent_never_becomes_a_cash_flow() -> None:
    with pytest.raises(TooManyDecimals):
        cash_flows(but(principal=Decimal("1.001")))


@pytest.mark.parametrize(
    ("changes", "code", "field", "sentence"),
    [
        ({"side_agreements": " "}, "side_agreements_missing", "side_agreements", "none"),
        ({"currency": "chf"}, "unknown_currency", "currency", "chf"),
        ({"currency": "AED"}, "unknown_currency", "currency", "no settlement calendar"),
        ({"principal": Decimal(0)}, "amount_not_positive", "principal", "positive"),
        ({"principal": Decimal("NaN")}, "amount_not_positive", "principal", "positive"),
        ({"principal": Decimal("1E+999999")}, "amount_too_large", "principal", "15 digits"),
        (
            {"principal": Decimal("999999999999999.00")},
            "amount_too_large",
            "principal",
            "principal and interest",
        ),
        ({"principal": Decimal("1.001")}, "too_many_decimals", "principal", "CHF has 2"),
        ({"rate_percent": Decimal("-5.01")}, "rate_out_of_range", "rate_percent", "-5 and 100"),
        ({"rate_percent": Decimal("100.01")}, "rate_out_of_range", "rate_percent", "-5 and 100"),
        ({"rate_percent": Decimal("NaN")}, "rate_out_of_range", "rate_percent", "-5 and 100"),
        ({"rate_percent": Decimal("4.000000001")}, "too_many_decimals", "rate_percent", "8 decimals"),
        ({"day_count": "BUS/252"}, "unknown_day_count", "day_count", "ACT/360, ACT/365"),
        ({"trade_date": date(2002, 2, 10)}, "trade_date_on_weekend", "trade_date", "Sunday"),
        ({"trade_date": date(2002, 2, 15)}, "start_date_before_trade_date", "start_date", "before"),
        (
            {"end_date": date(2002, 2, 14)},
            "end_date_not_after_start_date",
            "end_date",
            "on a later day",
        ),
        (
            {"start_date": date(2002, 2, 16), "end_date": date(2002, 2, 18)},
            "start_date_on_holiday",
            "start_date",
            "a weekend",
        ),
        ({"end_date": date(2002, 8, 1)}, "end_date_on_holiday", "end_date", "CHF .* National Day"),
        ({"end_date": date(2004, 2, 19)}, "term_too_long", "end_date", "at most 2 years"),
        ({"end_date": date(2101, 1, 3)}, "no_calendar", "end_date", "2099"),
    ],
)
@pytest.mark.parametrize("terms", [DEPOSIT, LOAN], ids=["deposit", "loan"])
def test_terms_that_are_no_deposit_or_loan_are_refused(
    terms: MoneyMarketTerms, changes: dict[str, Any], code: str, field: str, sentence: str
) -> None:
    with pytest.raises(TermsFinding, match=sentence) as refused:
        check_terms(msgspec.structs.replace(terms, **changes))

    assert (refused.value.code, refused.value.field) == (code, field)


def test_TRD_01_a_deposit_without_a_day_count_is_not_fully_agreed() -> None:
    assert [(one.code, one.field) for one in findings(but(day_count=""))] == [
        ("day_count_missing", "day_count")
    ]
    fields = msgspec.to_builtins(DEPOSIT)
    del fields["day_count"]
    with pytest.raises(msgspec.ValidationError, match="day_count"):
        msgspec.convert(fields, DepositTerms)


def test_a_deposit_runs_two_years_from_spot() -> None:
    check_terms(but(end_date=date(2004, 2, 18)))


def test_everything_wrong_can_be_shown_at_once() -> None:
    wrong = but(principal=Decimal(0), rate_percent=Decimal(101), day_count="", end_date=date(2002, 2, 13))

    assert [finding.code for finding in findings(wrong)] == [
        *("amount_not_positive", "rate_out_of_range", "day_count_missing", "end_date_not_after_start_date")
    ]


def test_an_unusual_day_count_is_a_mark_and_no_refusal() -> None:
    unusual = but(day_count="30/360")
    check_terms(unusual)

    assert unusual_day_count(unusual)
    assert not unusual_day_count(DEPOSIT)


def test_the_deal_is_said_in_one_sentence_in_both_languages() -> None:
    assert wording(DEPOSIT, "Bank X") == (
        "You place 25,000,000.00 CHF with Bank X at 4 % ACT/360 "
        "from Thu 14 Feb 2002 to Fri 15 Feb 2002, interest 2,777.78 CHF"
    )
    assert wording(DEPOSIT, "Bank X", "de") == (
        "Sie legen 25.000.000,00 CHF bei Bank X zu 4 % ACT/360 an, "
        "von Do. 14. Feb. 2002 bis Fr. 15. Feb. 2002, Zinsen 2.777,78 CHF"
    )
    assert wording(LOAN, "Bank X") == (
        "You take 25,000,000.00 CHF from Bank X at 4 % ACT/360 "
        "from Thu 14 Feb 2002 to Fri 15 Feb 2002, interest 2,777.78 CHF"
    )
    assert wording(LOAN, "Bank X", "de") == (
        "Sie nehmen 25.000.000,00 CHF von Bank X zu 4 % ACT/360 auf, "
        "von Do. 14. Feb. 2002 bis Fr. 15. Feb. 2002, Zinsen 2.777,78 CHF"
    )


def test_the_sentence_says_who_pays_negative_interest() -> None:
    changes = {"rate_percent": Decimal("-0.75")}
    deposit, loan = (msgspec.structs.replace(terms, **changes) for terms in (DEPOSIT, LOAN))

    assert wording(deposit, "Bank X").endswith("negative interest: you pay 520.83 CHF")
    assert wording(loan, "Bank X").endswith("negative interest: you receive 520.83 CHF")
    assert wording(deposit, "Bank X", "de").endswith("negative Zinsen: Sie zahlen 520,83 CHF")
    assert wording(loan, "Bank X", "de").endswith("negative Zinsen: Sie erhalten 520,83 CHF")
