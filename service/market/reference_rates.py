"""What a day's reference rates must be before they are taken: readable, positive, known currencies."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from service.kernel.money import CURRENCIES, UnreadableAmount, parse_amount

BASE: Final = "EUR"


class UnusableRate(ValueError):
    """One of the rates cannot be used; ``currency`` says which."""

    def __init__(self, currency: str, sentence: str) -> None:
        super().__init__(sentence)
        self.currency = currency


def checked_rates(rates: Mapping[str, str]) -> dict[str, Decimal]:
    """Return units of each currency for one euro as numbers.

    Raises UnusableRate for the first that is no positive number, or of a currency nobody pays in.
    """
    checked = {}
    for currency, written in sorted(rates.items()):
        if currency == BASE or currency not in CURRENCIES:
            raise UnusableRate(currency, f"{currency[:12]!a} is no currency with a rate against the euro")
        try:
            rate = parse_amount(written)
        except UnreadableAmount as unreadable:
            raise UnusableRate(currency, str(unreadable)) from unreadable
        if rate <= 0:
            raise UnusableRate(currency, f"a rate of {written} is not positive")
        checked[currency] = rate
    return checked
