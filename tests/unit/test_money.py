"""Amounts are read, rounded and written by named rules."""

from decimal import Decimal

import pytest

from service.kernel.money import (
    CURRENCIES,
    Money,
    TooManyDecimals,
    UnknownCurrency,
    UnreadableAmount,
    check_decimals,
    minor_units,
    parse_amount,
    plain,
    quantize,
)


@pytest.mark.parametrize(
    "text", ["0", "1", "-1", "14800000.00", "0.00000001", "999999999999999.99999999", "007"]
)
def test_an_amount_is_read_exactly_as_written(text: str) -> None:
    assert parse_amount(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " 1", "1 ", "+1", "1.", ".5", "1,5", "1_000", "1e3", "1E+999999", "NaN", "Infinity", "-"),
        *("1\n", "\n1", "1.0\r", "١٢", "１", "--1", "1000000000000000", "1.000000001", "0x10", "½"),
    ],
)
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(UnreadableAmount, match="is no amount"):
        parse_amount(text)


def test_minus_zero_is_zero() -> None:
    assert str(parse_amount("-0.00")) == "0.00"
    assert plain(Decimal("-0.0")) == "0.0"
    assert str(quantize(Decimal("-0.001"), "EUR")) == "0.00"


def test_a_number_is_written_without_exponent() -> None:
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("1E-8")) == "0.00000001"


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_not_written(number: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        plain(Decimal(number))


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [
        *(("EUR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("ISK", 0), ("HUF", 2), ("IDR", 2), ("KWD", 3)),
        *(("IQD", 3), ("RSD", 2), ("XOF", 0)),
    ],
)
def test_currencies_have_the_decimals_of_iso_4217_and_not_those_of_daily_life(
    currency: str, decimals: int
) -> None:
    assert minor_units(currency) == decimals


@pytest.mark.parametrize("code", ["", "eur", "EURO", "XAU", "XXX", "XTS", "CNH", "CLF", "ZZZ", "EUR\n"])
def test_metals_test_codes_and_misspellings_are_no_currency(code: str) -> None:
    assert code not in CURRENCIES
    with pytest.raises(UnknownCurrency):
        minor_units(code)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "EUR", "0.01"),
        ("-0.005", "EUR", "-0.01"),
        ("0.004999", "EUR", "0.00"),
        ("2.5", "JPY", "3"),
        ("12345678901234567890123456789012345.675", "USD", "12345678901234567890123456789012345.68"),
    ],
)
def test_ties_are_rounded_away_from_zero(amount: str, currency: str, rounded: str) -> None:
    assert str(quantize(Decimal(amount), currency)) == rounded


def test_a_fraction_of_the_minor_unit_is_refused() -> None:
    check_decimals(Decimal("1.00"), "JPY")
    check_decimals(Decimal("1.10"), "EUR")
    with pytest.raises(TooManyDecimals, match="EUR has 2"):
        check_decimals(Decimal("1.101"), "EUR")
    with pytest.raises(TooManyDecimals, match="JPY has 0"):
        check_decimals(Decimal("1.1"), "JPY")


def test_money_reads_well_in_a_sentence() -> None:
    assert f"room for {Money(Decimal('1250000.00'), 'EUR')}" == "room for 1,250,000.00 EUR"
