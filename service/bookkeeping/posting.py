"""Double entry for FX spot: which accounts, which amounts, by which rule.

Sign: positive is a debit. Each line carries the amount in its currency and its worth in euro at
booking. Every currency balances for itself in both, because the position account FXP takes the
other side; what FXP holds is the open position that revaluation later works on.

Settlement moves each leg at the euro worth its trade-date line was booked with, whatever the
fixing of the value date is. So 9010 and 9020 close to nothing in euro too, and the whole exchange
result stays on FXP, where revaluation finds it: settling a deal earns and loses nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec

from service.market.ecb import to_eur
from service.trades.deals.fx_spot import FxSpotTerms, bought, sold

NOSTRO: Final = "1010"
FX_PURCHASE_RECEIVABLE: Final = "9010"
FX_SALE_PAYABLE: Final = "9020"
FX_POSITION: Final = "FXP"


class AccountName(msgspec.Struct, frozen=True):
    """How an account is called in the office's two languages."""

    en: str
    de: str


CHART: Final[Mapping[str, AccountName]] = {
    NOSTRO: AccountName("Nostro accounts", "Nostrokonten"),
    FX_PURCHASE_RECEIVABLE: AccountName("FX spot purchases receivable", "Forderungen aus Devisenkassakäufen"),
    FX_SALE_PAYABLE: AccountName("FX spot sales payable", "Verbindlichkeiten aus Devisenkassaverkäufen"),
    FX_POSITION: AccountName("FX position", "Devisenposition"),
}
"""The accounts an FX spot deal touches; FXP is kept once per currency, as ``FXP-GBP``."""


class Rule(msgspec.Struct, frozen=True):
    """The posting rule a journal was made by; a changed rule gets a new version."""

    id: str
    version: int

    def __str__(self) -> str:
        """Write it as journals carry it: ``FX-SPOT-TRADE/1``."""
        return f"{self.id}/{self.version}"


FX_SPOT_TRADE: Final = Rule("FX-SPOT-TRADE", 1)
FX_SPOT_SETTLE: Final = Rule("FX-SPOT-SETTLE", 1)
REVERSAL: Final = Rule("REVERSAL", 1)


class Line(msgspec.Struct, frozen=True):
    """One side of a posting; positive: debit."""

    account: str
    currency: str
    amount: Decimal
    eur_amount: Decimal
    """Worth in euro at booking, same sign, rounded to the cent."""


class NotBooked(LookupError):
    """The deal's trade-date journal does not hold the leg that is to be settled."""


def position_account(currency: str) -> str:
    """Name the position account of a currency: ``FXP-GBP``."""
    return f"{FX_POSITION}-{currency}"


def account_name(account: str, language: Literal["en", "de"] = "en") -> str:
    """Name an account for people; raises KeyError for one that is not in the chart."""
    base, _, currency = account.partition("-")
    name = getattr(CHART[base], language)
    return f"{name} {currency}".rstrip()


def trade_date_lines(terms: FxSpotTerms, rates: Mapping[str, Decimal]) -> tuple[Line, ...]:
    """Book what was dealt: a claim on what we bought, a debt of what we sold.

    ``rates``: the ECB's fixings of the trade date, units for one euro.

    Rule FX-SPOT-TRADE/1. Raises NoFixing, UnknownCurrency.
    """
    buy, sell = bought(terms), sold(terms)
    buy_eur = to_eur(buy.amount, buy.currency, rates)
    sell_eur = to_eur(sell.amount, sell.currency, rates)
    return (
        *_pair(
            FX_PURCHASE_RECEIVABLE,
            position_account(buy.currency),
            buy.currency,
            buy.amount,
            buy_eur,
        ),
        *_pair(position_account(sell.currency), FX_SALE_PAYABLE, sell.currency, sell.amount, sell_eur),
    )


def settlement_lines(terms: FxSpotTerms, leg_currency: str, booked: Iterable[Line]) -> tuple[Line, ...]:
    """Book a leg's payment on its value date: money in against the claim, or out against the debt.

    ``booked``: the deal's trade-date journal in force. The leg leaves 9010 or 9020 at the euro
    worth it entered with, so both close to nothing (see this module).

    Rule FX-SPOT-SETTLE/1. Raises NotBooked if that journal lacks the leg or books another amount.
    """
    buy, sell = bought(terms), sold(terms)
    if leg_currency == buy.currency:
        claim = _booked_line(booked, FX_PURCHASE_RECEIVABLE, leg_currency, buy.amount)
        return _pair(NOSTRO, claim.account, leg_currency, claim.amount, claim.eur_amount)
    debt = _booked_line(booked, FX_SALE_PAYABLE, leg_currency, sell.amount.copy_negate())
    return _pair(debt.account, NOSTRO, leg_currency, -debt.amount, -debt.eur_amount)


def mirror(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Undo a journal exactly: same accounts, same order, opposite signs. Rule REVERSAL/1."""
    return tuple(Line(line.account, line.currency, -line.amount, -line.eur_amount) for line in lines)


def imbalances(lines: Iterable[Line]) -> dict[str, tuple[Decimal, Decimal]]:
    """Name the currencies whose debits and credits differ, with the sums (amount, euro).

    An empty answer means the journal balances, per currency and in euro per currency.
    """
    sums: defaultdict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for line in lines:
        amount, eur_amount = sums[line.currency]
        sums[line.currency] = (amount + line.amount, eur_amount + line.eur_amount)
    return {currency: both for currency, both in sums.items() if any(both)}


def _pair(debit: str, credit: str, currency: str, amount: Decimal, eur_amount: Decimal) -> tuple[Line, Line]:
    """Post one amount on two accounts; ``amount`` is positive and its euro worth not negative."""
    assert amount > 0
    assert eur_amount >= 0
    return (
        Line(debit, currency, amount, eur_amount),
        Line(credit, currency, -amount, -eur_amount),
    )


def _booked_line(booked: Iterable[Line], account: str, currency: str, amount: Decimal) -> Line:
    for line in booked:
        if (line.account, line.currency, line.amount) == (account, currency, amount):
            return line
    raise NotBooked(f"no trade-date line of {amount} {currency} on account {account}")
