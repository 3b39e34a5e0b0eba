"""A deal of any type: what every office may ask of its terms without knowing the type."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from service.kernel.money import Money, quantize
from service.trades.deals import cash, fx, fx_forward, fx_spot, money_market
from service.trades.deals.cash import CashFlow, Difference, Language, TermsFinding, raise_first
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.deals.fx_spot import FxSpotTerms
from service.trades.deals.money_market import DepositTerms, LoanTerms

Terms = FxSpotTerms | FxForwardTerms | DepositTerms | LoanTerms
DealType = Literal["fx_spot", "fx_forward", "mm_deposit", "mm_loan"]

TYPES: Final[Mapping[DealType, type[Terms]]] = {
    "fx_spot": FxSpotTerms,
    "fx_forward": FxForwardTerms,
    "mm_deposit": DepositTerms,
    "mm_loan": LoanTerms,
}
"""The terms of each deal type, by the ``type`` they carry in JSON."""

TERMS_IN_ORDER: Final = (
    "side",
    "base",
    "quote",
    "base_amount",
    "rate",
    "spot_rate",
    "forward_points",
    "currency",
    "principal",
    "rate_percent",
    "day_count",
    "trade_date",
    "value_date",
    "start_date",
    "end_date",
    "counterparty_id",
    "portfolio_id",
    "side_agreements",
)
"""The terms of all types in the order a deal is read."""

MATERIAL: Final = frozenset({"type", *TERMS_IN_ORDER})
"""Fields whose change is economic: limits, price and confirmation are run again (SET-19).

That is every term. The portfolio is one because result and limit use move with it; side agreements
are because they are part of what was agreed (TRD-01). Not material is what is said about the deal
and not agreed in it, such as when it was struck.
"""


def type_of(terms: Terms) -> DealType:
    """Name the deal's type as JSON, tables and policies do."""
    match terms:
        case FxSpotTerms():
            return "fx_spot"
        case FxForwardTerms():
            return "fx_forward"
        case DepositTerms():
            return "mm_deposit"
        case LoanTerms():
            return "mm_loan"


def check_terms(terms: Terms) -> None:
    """Refuse terms that are no deal of their type, naming the first thing wrong with them.

    Raises TermsFinding.
    """
    raise_first(findings(terms))


def findings(terms: Terms) -> Iterator[TermsFinding]:
    """Name everything wrong with the terms, most basic first."""
    match terms:
        case FxSpotTerms():
            return fx_spot.findings(terms)
        case FxForwardTerms():
            return fx_forward.findings(terms)
        case DepositTerms() | LoanTerms():
            return money_market.findings(terms)


def currencies(terms: Terms) -> tuple[str, ...]:
    """List the currencies the deal pays in, base first."""
    match terms:
        case FxSpotTerms() | FxForwardTerms():
            return terms.base, terms.quote
        case DepositTerms() | LoanTerms():
            return (terms.currency,)


def cash_flows(terms: Terms) -> tuple[CashFlow, ...]:
    """List the deal's payments in the order of its legs; positive: we receive.

    Raises UnknownCurrency, TooManyDecimals.
    """
    match terms:
        case FxSpotTerms() | FxForwardTerms():
            return fx.cash_flows(terms)
        case DepositTerms() | LoanTerms():
            return money_market.cash_flows(terms)


def first_value_date(terms: Terms) -> date:
    """Tell when the deal's first payment is due."""
    match terms:
        case FxSpotTerms() | FxForwardTerms():
            return terms.value_date
        case DepositTerms() | LoanTerms():
            return terms.start_date


def last_value_date(terms: Terms) -> date:
    """Tell when the deal's last payment is due."""
    match terms:
        case FxSpotTerms() | FxForwardTerms():
            return terms.value_date
        case DepositTerms() | LoanTerms():
            return terms.end_date


def exposure(terms: Terms) -> Money:
    """Tell what the counterparty may come to owe us, which its limit reserves; never negative.

    An exchange: what we buy, in full. A placement: principal and interest. A loan taken: nothing.
    """
    match terms:
        case FxSpotTerms() | FxForwardTerms():
            return fx.bought(terms)
        case DepositTerms():
            return money_market.repayment(terms)
        case LoanTerms():
            return Money(quantize(Decimal(0), terms.currency), terms.currency)


def nominal(terms: Terms) -> Money:
    """Tell how large the deal is for a portfolio's gross limit, whoever owes; positive."""
    match terms:
        case FxSpotTerms() | FxForwardTerms():
            return fx.bought(terms)
        case DepositTerms():
            return money_market.repayment(terms)
        case LoanTerms():
            return money_market.principal(terms)


def wording(terms: Terms, counterparty_name: str, language: Language = "en") -> str:
    """Say the deal in one sentence to the person who confirms it.

    The counterparty's name is data and stands as it is; whoever prints it escapes it.
    """
    match terms:
        case FxSpotTerms():
            return fx.wording(terms, counterparty_name, language)
        case FxForwardTerms():
            return fx_forward.wording(terms, counterparty_name, language)
        case DepositTerms() | LoanTerms():
            return money_market.wording(terms, counterparty_name, language)


def differences(old: Terms, new: Terms) -> list[Difference]:
    """List the terms that changed, in the order the deal is read; another type comes first.

    A term only one of the types has stands against None.
    """
    before, after = type_of(old), type_of(new)
    retyped = [] if before == after else [Difference("type", before, after)]
    return [*retyped, *cash.differences(old, new, TERMS_IN_ORDER)]


def is_material(changes: Iterable[Difference]) -> bool:
    """Tell whether a change touches what was agreed, so that limits, price and confirmation run again."""
    return any(change.field in MATERIAL for change in changes)
