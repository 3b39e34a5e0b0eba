"""FX spot: one currency against another, due within the market's spot period."""

from collections.abc import Iterator
from datetime import date

from service.trades.deals import fx
from service.trades.deals.cash import (
    CashFlow,
    Difference,
    FindingCode,
    Language,
    TermsFinding,
    differences,
    raise_first,
    said_day,
)
from service.trades.deals.fx import FxTerms, Side, bought, cash_flows, quote_amount, sold, wording

__all__ = [
    "CashFlow",
    "Difference",
    "FindingCode",
    "FxSpotTerms",
    "Language",
    "Side",
    "TermsFinding",
    "bought",
    "cash_flows",
    "check_terms",
    "differences",
    "findings",
    "quote_amount",
    "sold",
    "wording",
]


class FxSpotTerms(
    FxTerms,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="fx_spot",
):
    """An exchange due at the latest on the pair's spot date."""


def check_terms(terms: FxSpotTerms) -> None:
    """Refuse terms that are no spot deal, naming the first thing wrong with them.

    Raises TermsFinding.
    """
    raise_first(findings(terms))


def findings(terms: FxSpotTerms) -> Iterator[TermsFinding]:
    """Name everything wrong with the terms, most basic first (see ``fx.findings``)."""

    def beyond_spot(spot: date) -> Iterator[TermsFinding]:
        if terms.value_date > spot:
            sentence = (
                f"{terms.base}/{terms.quote} dealt on {terms.trade_date} is due spot on {said_day(spot)}; "
                f"a later value date is a forward"
            )
            yield TermsFinding("value_date_beyond_spot", "value_date", sentence)

    return fx.findings(terms, lambda: iter(()), beyond_spot)
