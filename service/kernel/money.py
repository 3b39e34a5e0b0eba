"""Amounts of money: how they are read, rounded and written. Never a float."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache
from typing import Final

import msgspec
from babel.numbers import get_currency_precision, list_currencies

AMOUNT_PATTERN: Final = r"\A-?[0-9]{1,15}(\.[0-9]{1,8})?\Z"
"""What an amount or a rate may look like when it arrives: ASCII digits, no exponent."""

ARITHMETIC: Final = Context(
    prec=64, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""Two arriving numbers have 23 digits each, so a product of them (46) is exact here.

Python's default of 28 digits would round it without a word.
"""

AMOUNT_MAX: Final = Decimal(10) ** 15
"""Amounts and rates stay below this, so that sums of them are exact in 28 digits."""

RATE_DECIMALS_MAX: Final = 8

_AMOUNT: Final = re.compile(AMOUNT_PATTERN, re.ASCII)

_NOT_DEALT: Final = frozenset(["BOV", "CHE", "CHW", "CLF", "CNH", "COU", "MXV", "USN", "USS", "UYI", "UYW"])
"""Units of account and offshore labels that nobody pays in."""

_SHARED_MONEY: Final = frozenset(["XAF", "XCD", "XCG", "XOF", "XPF"])
"""The X codes that are money; the other ones are metals, baskets and test codes."""

_MINOR_UNITS_ISO: Final = {"IQD": 3} | dict.fromkeys(
    (
        *("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "MRO", "RSD"),
        *("SLL", "SOS", "STD", "SYP", "TMM", "YER", "ZMK", "ZWD"),
    ),
    2,
)
"""Where CLDR (and so Babel) says what is in use and ISO 4217 says what is booked."""

CURRENCIES: Final = frozenset(
    code
    for code in list_currencies()
    if code not in _NOT_DEALT and (not code.startswith("X") or code in _SHARED_MONEY)
)
"""ISO 4217 codes in which money was ever paid, retired ones included: old deals keep theirs."""


class UnreadableAmount(ValueError):
    """The text is not an amount this house accepts."""


class UnknownCurrency(ValueError):
    """The code is no currency of ISO 4217, or nothing is known about it."""


class TooManyDecimals(ValueError):
    """The amount has a fraction smaller than the currency's minor unit."""


class Money(msgspec.Struct, frozen=True):
    """An amount with its currency, for instance ``Money(Decimal("12.50"), "EUR")``."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        """Say it for a sentence: ``1,250.00 EUR``."""
        return f"{self.amount:,f} {self.currency}"


def parse_amount(text: str) -> Decimal:
    """Read an amount or a rate exactly as written; minus zero reads as zero.

    Raises UnreadableAmount for anything ``Decimal`` would take beyond ``AMOUNT_PATTERN``:
    NaN, Infinity, exponents, other scripts' digits, a trailing line break.
    """
    if _AMOUNT.match(text) is None:
        shown = ascii(text[:40])
        raise UnreadableAmount(f"{shown} is no amount: write up to 15 digits, a point and up to 8 decimals")
    amount = Decimal(text)
    return amount or amount.copy_abs()


def plain(amount: Decimal) -> str:
    """Write a number without exponent and with the decimals it carries; zero has no sign.

    Raises ValueError for NaN and Infinity.
    """
    if not amount.is_finite():
        raise ValueError(f"{amount} is not a number that can be written down")
    return format(amount or amount.copy_abs(), "f")


@lru_cache(maxsize=512)
def minor_units(currency: str) -> int:
    """Tell how many decimals the currency is booked in: EUR 2, JPY 0, KWD 3.

    Raises UnknownCurrency. Source: ISO 4217 list one, through CLDR with the differences named.
    """
    if currency not in CURRENCIES:
        raise UnknownCurrency(f"{currency[:12]!a} is no currency of ISO 4217")
    iso = _MINOR_UNITS_ISO.get(currency)
    return iso if iso is not None else get_currency_precision(currency)


def quantize(amount: Decimal, currency: str) -> Decimal:
    """Round to the currency's minor unit, ties away from zero (rule ROUND_HALF_UP).

    Raises UnknownCurrency.
    """
    step = Decimal(1).scaleb(-minor_units(currency))
    rounded = amount.quantize(step, context=ARITHMETIC)
    return rounded or rounded.copy_abs()


def check_decimals(amount: Decimal, currency: str) -> None:
    """Refuse a fraction the currency does not have; zeros behind the point do no harm.

    Raises TooManyDecimals, UnknownCurrency.
    """
    decimals = minor_units(currency)
    if quantize(amount, currency) != amount:
        raise TooManyDecimals(f"{amount} has too many decimals: {currency} has {decimals}")
