"""FX forward: one currency against another, due later than spot at a rate agreed today."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from service.kernel.money import AMOUNT_MAX, ARITHMETIC, plain
from service.trades.deals import fx
from service.trades.deals.cash import (
    Language,
    TermsFinding,
    raise_first,
    rate_decimal_findings,
    rate_text,
    said_day,
    term_findings,
)
from service.trades.deals.fx import FxTerms


class FxForwardTerms(
    FxTerms,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="fx_forward",
):
    """An exchange due after the pair's spot date; ``rate`` is spot rate plus points, exactly."""

    spot_rate: Decimal
    """Units of ``quote`` for one unit of ``base`` on the spot date; always positive."""
    forward_points: Decimal
    """What the later day adds to the spot rate, in units of the rate and not in pips; may be negative."""


def check_terms(terms: FxForwardTerms) -> None:
    """Refuse terms that are no forward, naming the first thing wrong with them.

    Raises TermsFinding.
    """
    raise_first(findings(terms))


def findings(terms: FxForwardTerms) -> Iterator[TermsFinding]:
    """Name everything wrong with the terms, most basic first (see ``fx.findings``)."""
    return fx.findings(terms, lambda: _rate_findings(terms), lambda spot: _spot_findings(terms, spot))


def _rate_findings(terms: FxForwardTerms) -> Iterator[TermsFinding]:
    wrong = list(_number_findings(terms))
    if not wrong:
        wrong += rate_decimal_findings("spot_rate", terms.spot_rate)
        wrong += rate_decimal_findings("forward_points", terms.forward_points)
    yield from wrong
    if not wrong:
        yield from _sum_findings(terms)


def _sum_findings(terms: FxForwardTerms) -> Iterator[TermsFinding]:
    total = ARITHMETIC.add(terms.spot_rate, terms.forward_points)
    if terms.rate.is_finite() and terms.rate != total:
        sentence = f"spot rate and forward points make {plain(total)}, and the rate says otherwise"
        yield TermsFinding("rate_is_not_the_sum", "rate", sentence)


def _number_findings(terms: FxForwardTerms) -> Iterator[TermsFinding]:
    yield from fx.rate_findings("spot_rate", terms.spot_rate, terms)
    if not (terms.forward_points.is_finite() and abs(terms.forward_points) < AMOUNT_MAX):
        sentence = "forward points have at most 15 digits before the point"
        yield TermsFinding("amount_too_large", "forward_points", sentence)


def _spot_findings(terms: FxForwardTerms, spot: date) -> Iterator[TermsFinding]:
    if terms.value_date <= spot:
        sentence = (
            f"{terms.base}/{terms.quote} dealt on {terms.trade_date} is due spot on {said_day(spot)}; "
            f"value {terms.value_date} is a spot deal"
        )
        yield TermsFinding("value_date_within_spot", "value_date", sentence)
    yield from term_findings("value_date", terms.value_date, spot, terms.base, terms.quote)


def wording(terms: FxForwardTerms, counterparty_name: str, language: Language = "en") -> str:
    """Say the deal in one sentence; spot rate and points stand behind the rate they make."""
    spot = rate_text(terms.spot_rate, language)
    points = rate_text(terms.forward_points, language, signed=True)
    both = (
        f" (Kassakurs {spot}, Swappunkte {points})"
        if language == "de"
        else f" (spot {spot}, points {points})"
    )
    return fx.wording(terms, counterparty_name, language, both)
