"""Money market: a sum placed with a bank or taken from one, repaid with interest on one day."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from service.kernel.calendar import NoCalendar, next_business_day
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
    raise_first,
    rate_decimal_findings,
    rate_text,
    side_agreement_findings,
    size_findings,
    term_findings,
    trade_date_findings,
)
from service.trades.deals.day_count import DAY_COUNTS, is_usual, share_of_year

RATE_PERCENT_MIN: Final = Decimal(-5)
RATE_PERCENT_MAX: Final = Decimal(100)


class MoneyMarketTerms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """What was agreed: ``principal`` from ``start_date`` to ``end_date`` at ``rate_percent`` a year."""

    currency: str
    principal: Decimal
    """Always positive; the deal type says who lends it."""
    rate_percent: Decimal
    """Per cent a year; negative where the lender pays for lending."""
    day_count: str
    """One of ``DAY_COUNTS``."""
    start_date: date
    end_date: date
    trade_date: date
    counterparty_id: UUID
    portfolio_id: UUID
    side_agreements: str
    """What was agreed beyond these terms, in words; "none" where nothing was."""


class DepositTerms(
    MoneyMarketTerms,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="mm_deposit",
):
    """We place: the principal leaves us at the start and comes back with interest."""


class LoanTerms(
    MoneyMarketTerms,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="mm_loan",
):
    """We take: the principal comes to us at the start and goes back with interest."""


def interest(terms: MoneyMarketTerms) -> Decimal:
    """Work out what the borrower pays for the money, rounded half up to the minor unit.

    Negative where the rate is: then the lender pays. The product is exact; only the result is
    rounded.

    Raises UnknownCurrency, and KeyError for an unknown day count.
    """
    share = share_of_year(terms.day_count, terms.start_date, terms.end_date)
    a_year = ARITHMETIC.multiply(terms.principal, terms.rate_percent)
    due = ARITHMETIC.divide(
        ARITHMETIC.multiply(a_year, Decimal(share.numerator)), Decimal(100 * share.denominator)
    )
    return quantize(due, terms.currency)


def principal(terms: MoneyMarketTerms) -> Money:
    """Tell what is lent; positive.

    Raises TooManyDecimals, UnknownCurrency.
    """
    check_decimals(terms.principal, terms.currency)
    return Money(quantize(terms.principal, terms.currency), terms.currency)


def repayment(terms: MoneyMarketTerms) -> Money:
    """Tell what is paid back at maturity: principal and interest; positive."""
    lent = principal(terms)
    return Money(lent.amount + interest(terms), lent.currency)


def cash_flows(terms: MoneyMarketTerms) -> tuple[CashFlow, CashFlow]:
    """Split the deal into its two payments, start first; positive: we receive.

    Raises UnknownCurrency, TooManyDecimals.
    """
    lent, back = principal(terms).amount, repayment(terms).amount
    if isinstance(terms, DepositTerms):
        lent = lent.copy_negate()
    else:
        back = back.copy_negate()
    return (
        CashFlow("start", terms.currency, lent, terms.start_date),
        CashFlow("maturity", terms.currency, back, terms.end_date),
    )


def unusual_day_count(terms: MoneyMarketTerms) -> bool:
    """Tell whether somebody should look: the currency's money market counts otherwise.

    A mark and no finding, because two banks may agree on what they like.
    """
    return not is_usual(terms.day_count, terms.currency)


def check_terms(terms: MoneyMarketTerms) -> None:
    """Refuse terms that are no deposit or loan, naming the first thing wrong with them.

    Raises TermsFinding.
    """
    raise_first(findings(terms))


def findings(terms: MoneyMarketTerms) -> Iterator[TermsFinding]:
    """Name everything wrong with the terms, most basic first.

    What cannot be judged without an earlier answer is left out: no amounts and no dates in an
    unknown currency.
    """
    yield from side_agreement_findings(terms.side_agreements)
    currency_wrong = list(currency_findings("currency", terms.currency))
    yield from currency_wrong
    if not currency_wrong:
        yield from _amount_findings(terms)
        yield from _date_findings(terms)


def _amount_findings(terms: MoneyMarketTerms) -> Iterator[TermsFinding]:
    wrong = [*_number_findings(terms), *_day_count_findings(terms.day_count)]
    yield from wrong
    if wrong:
        return
    yield from amount_decimal_findings("principal", terms.principal, terms.currency)
    yield from rate_decimal_findings("rate_percent", terms.rate_percent)
    if terms.principal + interest(terms) >= AMOUNT_MAX:
        sentence = "principal and interest would have more than 15 digits together"
        yield TermsFinding("amount_too_large", "principal", sentence)


def _number_findings(terms: MoneyMarketTerms) -> Iterator[TermsFinding]:
    """Judge principal and rate as numbers, so that the arithmetic after it cannot overflow."""
    sentence = "the principal is always positive; deposit or loan says who lends it"
    yield from size_findings("principal", terms.principal, sentence)
    rate = terms.rate_percent
    if not (rate.is_finite() and RATE_PERCENT_MIN <= rate <= RATE_PERCENT_MAX):
        sentence = f"a rate lies between {RATE_PERCENT_MIN} and {RATE_PERCENT_MAX} per cent a year"
        yield TermsFinding("rate_out_of_range", "rate_percent", sentence)


def _day_count_findings(day_count: str) -> Iterator[TermsFinding]:
    if not day_count.strip():
        sentence = "say how days are counted: without it nobody knows the interest"
        yield TermsFinding("day_count_missing", "day_count", sentence)
    elif day_count not in DAY_COUNTS:
        sentence = f"{day_count[:12]!a} is no day count dealt here; choose {', '.join(DAY_COUNTS)}"
        yield TermsFinding("unknown_day_count", "day_count", sentence)


def _date_findings(terms: MoneyMarketTerms) -> Iterator[TermsFinding]:
    yield from trade_date_findings(terms.trade_date)
    out_of_order = list(_order_findings(terms))
    yield from out_of_order
    if out_of_order:
        return
    try:
        yield from holiday_findings("start_date_on_holiday", "start_date", terms.start_date, terms.currency)
        yield from holiday_findings("end_date_on_holiday", "end_date", terms.end_date, terms.currency)
        tomorrow = next_business_day(terms.trade_date, terms.currency)
        spot = next_business_day(tomorrow, terms.currency)
        yield from term_findings("end_date", terms.end_date, spot, terms.currency)
    except NoCalendar as unknown:
        yield TermsFinding("no_calendar", "end_date", str(unknown))


def _order_findings(terms: MoneyMarketTerms) -> Iterator[TermsFinding]:
    if terms.start_date < terms.trade_date:
        sentence = f"the start date {terms.start_date} lies before the trade date {terms.trade_date}"
        yield TermsFinding("start_date_before_trade_date", "start_date", sentence)
    if terms.end_date <= terms.start_date:
        sentence = f"money lent from {terms.start_date} comes back on a later day, not on {terms.end_date}"
        yield TermsFinding("end_date_not_after_start_date", "end_date", sentence)


def wording(terms: MoneyMarketTerms, counterparty_name: str, language: Language = "en") -> str:
    """Say the deal in one sentence to the person who confirms it.

    The counterparty's name is data and stands as it is; whoever prints it escapes it.

    Raises UnknownCurrency, TooManyDecimals.
    """
    lent, rate = money_text(principal(terms), language), rate_text(terms.rate_percent, language)
    start, end = day_text(terms.start_date, language), day_text(terms.end_date, language)
    due = interest(terms)
    price = money_text(Money(abs(due), terms.currency), language)
    placed = isinstance(terms, DepositTerms)
    if language == "de":
        deal = (
            f"Sie legen {lent} bei {counterparty_name} zu {rate} % {terms.day_count} an"
            if placed
            else f"Sie nehmen {lent} von {counterparty_name} zu {rate} % {terms.day_count} auf"
        )
        who = "Sie zahlen" if placed else "Sie erhalten"
        paid = f"Zinsen {price}" if due >= 0 else f"negative Zinsen: {who} {price}"
        return f"{deal}, von {start} bis {end}, {paid}"
    deal = (
        f"You place {lent} with {counterparty_name}"
        if placed
        else f"You take {lent} from {counterparty_name}"
    )
    who = "you pay" if placed else "you receive"
    paid = f"interest {price}" if due >= 0 else f"negative interest: {who} {price}"
    return f"{deal} at {rate} % {terms.day_count} from {start} to {end}, {paid}"
