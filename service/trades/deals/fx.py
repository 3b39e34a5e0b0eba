"""What FX spot and FX forward share: one currency against another on one day."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from service.kernel.calendar import NoCalendar, spot_date
from service.kernel.money import AMOUNT_MAX, ARITHMETIC, Money, check_decimals, quantize
from service.trades.deals.cash import (
    CashFlow,
    Language,
    TermsFinding,
    amount_decimal_findings,
    currency_findings,
    day_text,
    holiday_findings,
    money_text,
    rate_decimal_findings,
    rate_text,
    side_agreement_findings,
    size_findings,
    trade_date_findings,
)

Side = Literal["buy", "sell"]


class FxTerms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """What was agreed: ``base_amount`` of ``base`` at ``rate`` units of ``quote`` for each."""

    side: Side
    """What we do with the base currency."""
    base: str
    quote: str
    base_amount: Decimal
    """Always positive; ``side`` says who receives it."""
    rate: Decimal
    """Units of ``quote`` for one unit of ``base``, all in; always positive."""
    trade_date: date
    value_date: date
    counterparty_id: UUID
    portfolio_id: UUID
    side_agreements: str
    """What was agreed beyond these terms, in words; "none" where nothing was."""


def quote_amount(terms: FxTerms) -> Decimal:
    """Work out the other side's amount: base amount times rate, rounded half up; positive.

    Raises UnknownCurrency.
    """
    return quantize(ARITHMETIC.multiply(terms.base_amount, terms.rate), terms.quote)


def bought(terms: FxTerms) -> Money:
    """Tell what we receive; positive."""
    base, quote = _both(terms)
    return base if terms.side == "buy" else quote


def sold(terms: FxTerms) -> Money:
    """Tell what we pay; positive."""
    base, quote = _both(terms)
    return quote if terms.side == "buy" else base


def cash_flows(terms: FxTerms) -> tuple[CashFlow, CashFlow]:
    """Split the deal into its two payments, base currency first; positive: we receive.

    Raises UnknownCurrency, TooManyDecimals.
    """
    base, quote = _both(terms)
    if terms.side == "buy":
        base_flow, quote_flow = base.amount, quote.amount.copy_negate()
    else:
        base_flow, quote_flow = base.amount.copy_negate(), quote.amount
    return (
        CashFlow("base", base.currency, base_flow, terms.value_date),
        CashFlow("quote", quote.currency, quote_flow, terms.value_date),
    )


def _both(terms: FxTerms) -> tuple[Money, Money]:
    check_decimals(terms.base_amount, terms.base)
    base_amount = quantize(terms.base_amount, terms.base)
    return Money(base_amount, terms.base), Money(quote_amount(terms), terms.quote)


def findings(
    terms: FxTerms,
    about_rates: Callable[[], Iterator[TermsFinding]],
    about_spot: Callable[[date], Iterator[TermsFinding]],
) -> Iterator[TermsFinding]:
    """Name everything wrong with the terms, most basic first.

    ``about_rates`` judges what the deal type says about its rates beyond ``rate``, once these are
    numbers; ``about_spot`` its value date against the spot date. What cannot be judged without an
    earlier answer is left out: no amounts in an unknown currency, no dates without calendars.
    """
    yield from side_agreement_findings(terms.side_agreements)
    currencies_wrong = list(_currency_findings(terms))
    yield from currencies_wrong
    if not currencies_wrong:
        yield from _amount_findings(terms)
        yield from about_rates()
        yield from _date_findings(terms, about_spot)


def _currency_findings(terms: FxTerms) -> Iterator[TermsFinding]:
    yield from currency_findings("base", terms.base)
    yield from currency_findings("quote", terms.quote)
    if terms.base == terms.quote:
        sentence = f"a deal exchanges two currencies, and both are {terms.base[:12]}"
        yield TermsFinding("same_currency", "quote", sentence)


def _amount_findings(terms: FxTerms) -> Iterator[TermsFinding]:
    wrong = list(_number_findings(terms))
    yield from wrong
    if wrong:
        return
    yield from amount_decimal_findings("base_amount", terms.base_amount, terms.base)
    yield from rate_decimal_findings("rate", terms.rate)
    other_side = quote_amount(terms)
    if other_side >= AMOUNT_MAX:
        sentence = f"the amount in {terms.quote} would have more than 15 digits"
        yield TermsFinding("amount_too_large", "base_amount", sentence)
    if not other_side:
        sentence = f"the amount is so small that its worth in {terms.quote} rounds to nothing"
        yield TermsFinding("amount_not_positive", "base_amount", sentence)


def _number_findings(terms: FxTerms) -> Iterator[TermsFinding]:
    """Judge amount and rate as numbers, so that the arithmetic after it cannot overflow."""
    sentence = "the amount is always positive; the side says who receives it"
    yield from size_findings("base_amount", terms.base_amount, sentence)
    yield from rate_findings("rate", terms.rate, terms)


def rate_findings(field: str, rate: Decimal, terms: FxTerms) -> Iterator[TermsFinding]:
    """Judge a price of one currency in the other as a number."""
    if not (rate.is_finite() and rate > 0):
        sentence = f"the rate is how much {terms.quote} one {terms.base} costs: more than zero"
        yield TermsFinding("rate_not_positive", field, sentence)
    elif rate >= AMOUNT_MAX:
        sentence = "a rate has at most 15 digits before the point"
        yield TermsFinding("amount_too_large", field, sentence)


def _date_findings(
    terms: FxTerms, about_spot: Callable[[date], Iterator[TermsFinding]]
) -> Iterator[TermsFinding]:
    yield from trade_date_findings(terms.trade_date)
    if terms.value_date < terms.trade_date:
        sentence = f"the value date {terms.value_date} lies before the trade date {terms.trade_date}"
        yield TermsFinding("value_date_before_trade_date", "value_date", sentence)
        return
    try:
        yield from holiday_findings(
            "value_date_on_holiday", "value_date", terms.value_date, terms.base, terms.quote
        )
        yield from about_spot(spot_date(terms.base, terms.quote, terms.trade_date))
    except NoCalendar as unknown:
        yield TermsFinding("no_calendar", "value_date", str(unknown))


def wording(terms: FxTerms, counterparty_name: str, language: Language = "en", explained: str = "") -> str:
    """Say the deal in one sentence to the person who confirms it; ``explained`` follows the rate.

    The counterparty's name is data and stands as it is; whoever prints it escapes it.

    Raises UnknownCurrency.
    """
    base, quote = (money_text(money, language) for money in _both(terms))
    rate = f"{rate_text(terms.rate, language)}{explained}"
    due = day_text(terms.value_date, language)
    match language, terms.side:
        case "de", "buy":
            return f"Sie kaufen {base} von {counterparty_name} gegen {quote} zu {rate}, Valuta {due}"
        case "de", _:
            return f"Sie verkaufen {base} an {counterparty_name} gegen {quote} zu {rate}, Valuta {due}"
        case _, "buy":
            return f"You buy {base} from {counterparty_name} against {quote} at {rate}, value {due}"
        case _:
            return f"You sell {base} to {counterparty_name} against {quote} at {rate}, value {due}"
