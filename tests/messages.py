"""Deals as a confirmation says them, for tests of the formats."""

from datetime import date
from decimal import Decimal
from typing import Any

from service.kernel.money import Money
from service.messages.terms import ConfirmedTerms, PartyId, Product, SettlementAccount

HOUSE = PartyId(bic="TRWNDEFFXXX", lei="529900DEMO00TRENNW29", name="Demo Bank")
OTHER = PartyId(bic="CAAMES2A", lei="529900DTJ5A7S5UCBB52", name="Other Bank")


def fx(**values: Any) -> ConfirmedTerms:
    """A million euros bought for dollars at spot."""
    facts: dict[str, Any] = {
        "product": Product.FX_SPOT,
        "our_reference": "FX-EUR-17",
        "party": HOUSE,
        "counterparty": OTHER,
        "trade_date": date(2026, 10, 28),
        "value_date": date(2026, 10, 30),
        "bought": Money(Decimal("1000000.00"), "EUR"),
        "sold": Money(Decimal("1085000.00"), "USD"),
        "rate": Decimal("1.085"),
        "our_account": SettlementAccount(bic="MARKDEFF", account="DE89370400440532013000"),
        "their_account": SettlementAccount(bic="CAAMES2AXXX"),
    }
    return ConfirmedTerms(**facts | values)


def deposit(**values: Any) -> ConfirmedTerms:
    """Twenty-five million francs placed for a day."""
    facts: dict[str, Any] = {
        "product": Product.MM_DEPOSIT,
        "our_reference": "MM-CHF-3",
        "party": HOUSE,
        "counterparty": OTHER,
        "trade_date": date(2026, 10, 28),
        "start_date": date(2026, 10, 30),
        "maturity_date": date(2026, 11, 2),
        "principal": Money(Decimal("25000000.00"), "CHF"),
        "interest": Money(Decimal("8333.33"), "CHF"),
        "rate_percent": Decimal(4),
        "day_count": "ACT/360",
        "our_account": SettlementAccount(bic="MARKDEFF"),
        "their_account": SettlementAccount(bic="CAAMES2AXXX", account="7/11"),
    }
    return ConfirmedTerms(**facts | values)
