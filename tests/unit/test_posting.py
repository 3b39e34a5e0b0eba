"""What accounting writes for an FX spot deal."""

from decimal import Decimal

import msgspec
import pytest

from service.bookkeeping.posting import (
    CHART,
    FX_SPOT_SETTLE,
    FX_SPOT_TRADE,
    REVERSAL,
    Line,
    NotBooked,
    account_name,
    imbalances,
    mirror,
    settlement_lines,
    trade_date_lines,
)
from service.market.ecb import NoFixing
from tests.unit.test_fx_spot import TERMS

FIXINGS = {"GBP": Decimal("0.6258"), "USD": Decimal("0.8887")}
GBP, GBP_EUR = Decimal("10000000.00"), Decimal("15979546.18")
USD, USD_EUR = Decimal("14800000.00"), Decimal("16653538.88")


def test_dealing_books_a_claim_on_what_we_bought_and_a_debt_of_what_we_sold() -> None:
    lines = trade_date_lines(TERMS, FIXINGS)

    assert lines == (
        Line("9010", "GBP", GBP, GBP_EUR),
        Line("FXP-GBP", "GBP", -GBP, -GBP_EUR),
        Line("FXP-USD", "USD", USD, USD_EUR),
        Line("9020", "USD", -USD, -USD_EUR),
    )
    assert sum(line.eur_amount for line in lines if line.account[0] == "9") == Decimal("-673992.70")
    assert imbalances(lines) == {}


def test_a_sale_of_the_base_books_the_other_way_round() -> None:
    lines = trade_date_lines(msgspec.structs.replace(TERMS, side="sell"), FIXINGS)

    assert lines[0] == Line("9010", "USD", USD, USD_EUR)
    assert lines[3] == Line("9020", "GBP", -GBP, -GBP_EUR)


def test_settling_both_legs_leaves_nostro_and_position_and_nothing_in_between() -> None:
    booked = trade_date_lines(TERMS, FIXINGS)
    received = settlement_lines(TERMS, "GBP", booked)
    paid = settlement_lines(TERMS, "USD", booked)

    assert received == (Line("1010", "GBP", GBP, GBP_EUR), Line("9010", "GBP", -GBP, -GBP_EUR))
    assert paid == (Line("9020", "USD", USD, USD_EUR), Line("1010", "USD", -USD, -USD_EUR))
    left = [line for line in (*booked, *received, *paid) if line.account in {"9010", "9020"}]
    assert imbalances(left) == {}


def test_a_leg_that_was_not_booked_cannot_be_settled() -> None:
    booked = trade_date_lines(TERMS, FIXINGS)

    for leg, journal in (("CHF", booked), ("GBP", ()), ("GBP", booked[1:]), ("USD", mirror(booked))):
        with pytest.raises(NotBooked):
            settlement_lines(TERMS, leg, journal)


def test_a_reversal_is_the_exact_mirror() -> None:
    lines = trade_date_lines(TERMS, FIXINGS)

    assert [line.account for line in mirror(lines)] == [line.account for line in lines]
    assert mirror(mirror(lines)) == lines


def test_a_lopsided_journal_is_found() -> None:
    assert imbalances(trade_date_lines(TERMS, FIXINGS)[:3]) == {"USD": (USD, USD_EUR)}
    assert imbalances([Line("1010", "EUR", Decimal(0), Decimal("0.01"))]) == {
        "EUR": (Decimal(0), Decimal("0.01"))
    }


def test_without_a_fixing_nothing_is_booked() -> None:
    with pytest.raises(NoFixing, match="USD"):
        trade_date_lines(TERMS, {"GBP": Decimal("0.6258")})


def test_rules_carry_their_version() -> None:
    assert [str(rule) for rule in (FX_SPOT_TRADE, FX_SPOT_SETTLE, REVERSAL)] == [
        *("FX-SPOT-TRADE/1", "FX-SPOT-SETTLE/1", "REVERSAL/1")
    ]


def test_every_account_has_a_name_in_both_languages() -> None:
    used = {line.account for line in trade_date_lines(TERMS, FIXINGS)} | {"1010"}

    assert {account.partition("-")[0] for account in used} == set(CHART)
    assert account_name("FXP-GBP") == "FX position GBP"
    assert account_name("FXP-GBP", "de") == "Devisenposition GBP"
    assert all(account_name(account) != account_name(account, "de") for account in used)
    with pytest.raises(KeyError):
        account_name("1234")
