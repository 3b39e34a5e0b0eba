"""Double entry for deals: which accounts, which amounts, by which rule.

Sign: positive is a debit. Each line carries the amount in its currency and its worth in euro at
booking. Every currency balances for itself in both. In an exchange the position account FXP takes
the other side; what FXP holds is the open position that revaluation later works on.

Whatever is closed leaves its account at the euro worth it was booked with, whatever the fixing of
the day is. So the claims and debts of an exchange (9010, 9020, 9110, 9120), the commitments of the
money market (92xx), the principal (1100, 2100) and its interest (1410, 2410) close to nothing in
euro too: settling a deal earns and loses nothing but its interest.

Negative interest stays on the accounts of its kind with the sides exchanged: a deposit that costs
lowers interest income, a loan that pays lowers interest expense.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec

from service.kernel.money import Money
from service.market.ecb import to_eur
from service.trades.deals.deal import Terms
from service.trades.deals.fx import FxTerms, bought, sold
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.deals.money_market import (
    DepositTerms,
    LoanTerms,
    MoneyMarketTerms,
    interest,
    principal,
)

NOSTRO: Final = "1010"
MARGIN_PLACED: Final = "1150"
PLACED: Final = "1100"
INTEREST_RECEIVABLE: Final = "1410"
RECEIVED_IN_PART: Final = "1900"
TAKEN: Final = "2100"
INTEREST_PAYABLE: Final = "2410"
INTEREST_INCOME: Final = "4010"
INTEREST_EXPENSE: Final = "5010"
PAID_IN_PART: Final = "2900"
FX_PURCHASE_RECEIVABLE: Final = "9010"
FX_SALE_PAYABLE: Final = "9020"
FORWARD_PURCHASE_RECEIVABLE: Final = "9110"
FORWARD_SALE_PAYABLE: Final = "9120"
TO_BE_PLACED: Final = "9210"
TO_BE_PLACED_CONTRA: Final = "9211"
TO_BE_TAKEN: Final = "9220"
TO_BE_TAKEN_CONTRA: Final = "9221"
FX_POSITION: Final = "FXP"


class AccountName(msgspec.Struct, frozen=True):
    """How an account is called in the office's two languages."""

    en: str
    de: str


CHART: Final[Mapping[str, AccountName]] = {
    NOSTRO: AccountName("Nostro accounts", "Nostrokonten"),
    MARGIN_PLACED: AccountName("Margin deposits placed", "Geleistete Einschüsse"),
    PLACED: AccountName("Loans to banks", "Forderungen an Kreditinstitute"),
    INTEREST_RECEIVABLE: AccountName("Accrued interest receivable", "Abgegrenzte Zinsforderungen"),
    RECEIVED_IN_PART: AccountName("Settlement clearing, receipts", "Verrechnung Zahlungseingänge"),
    PAID_IN_PART: AccountName("Settlement clearing, payments", "Verrechnung Zahlungsausgänge"),
    TAKEN: AccountName("Deposits from banks", "Verbindlichkeiten gegenüber Kreditinstituten"),
    INTEREST_PAYABLE: AccountName("Accrued interest payable", "Abgegrenzte Zinsverbindlichkeiten"),
    INTEREST_INCOME: AccountName("Interest income", "Zinserträge"),
    INTEREST_EXPENSE: AccountName("Interest expense", "Zinsaufwendungen"),
    FX_PURCHASE_RECEIVABLE: AccountName("FX spot purchases receivable", "Forderungen aus Devisenkassakäufen"),
    FX_SALE_PAYABLE: AccountName("FX spot sales payable", "Verbindlichkeiten aus Devisenkassaverkäufen"),
    FORWARD_PURCHASE_RECEIVABLE: AccountName(
        "FX forward purchases receivable", "Forderungen aus Devisenterminkäufen"
    ),
    FORWARD_SALE_PAYABLE: AccountName(
        "FX forward sales payable", "Verbindlichkeiten aus Devisenterminverkäufen"
    ),
    TO_BE_PLACED: AccountName("Deposits to be placed", "Zugesagte Geldanlagen"),
    TO_BE_PLACED_CONTRA: AccountName("Deposits to be placed, contra", "Zugesagte Geldanlagen, Gegenkonto"),
    TO_BE_TAKEN: AccountName("Loans to be taken", "Zugesagte Geldaufnahmen"),
    TO_BE_TAKEN_CONTRA: AccountName("Loans to be taken, contra", "Zugesagte Geldaufnahmen, Gegenkonto"),
    FX_POSITION: AccountName("FX position", "Devisenposition"),
}
"""The accounts deals touch; FXP is kept once per currency, as ``FXP-GBP``."""


class Rule(msgspec.Struct, frozen=True):
    """The posting rule a journal was made by; a changed rule gets a new version."""

    id: str
    version: int

    def __str__(self) -> str:
        """Write it as journals carry it: ``FX-SPOT-TRADE/1``."""
        return f"{self.id}/{self.version}"


FX_SPOT_TRADE: Final = Rule("FX-SPOT-TRADE", 1)
FX_SPOT_SETTLE: Final = Rule("FX-SPOT-SETTLE", 1)
FX_FORWARD_TRADE: Final = Rule("FX-FORWARD-TRADE", 1)
FX_FORWARD_SETTLE: Final = Rule("FX-FORWARD-SETTLE", 1)
MM_DEPOSIT_TRADE: Final = Rule("MM-DEPOSIT-TRADE", 1)
MM_DEPOSIT_START: Final = Rule("MM-DEPOSIT-START", 1)
MM_DEPOSIT_INTEREST: Final = Rule("MM-DEPOSIT-INTEREST", 1)
MM_DEPOSIT_MATURITY: Final = Rule("MM-DEPOSIT-MATURITY", 1)
MM_LOAN_TRADE: Final = Rule("MM-LOAN-TRADE", 1)
MM_LOAN_START: Final = Rule("MM-LOAN-START", 1)
MM_LOAN_INTEREST: Final = Rule("MM-LOAN-INTEREST", 1)
MM_LOAN_MATURITY: Final = Rule("MM-LOAN-MATURITY", 1)
TRANSFER_OWN: Final = Rule("TRANSFER-OWN", 1)
TRANSFER_MARGIN: Final = Rule("TRANSFER-MARGIN", 1)
SETTLED_IN_PART: Final = Rule("SETTLED-IN-PART", 1)
REVERSAL: Final = Rule("REVERSAL", 1)


class Line(msgspec.Struct, frozen=True):
    """One side of a posting; positive: debit."""

    account: str
    currency: str
    amount: Decimal
    eur_amount: Decimal
    """Worth in euro at booking, same sign, rounded to the cent."""


Posting = tuple[Rule, tuple[Line, ...]]
"""One journal to be: by which rule, with which lines."""


class NotBooked(LookupError):
    """The deal's journals do not hold, or no longer hold, what is to be settled."""


def position_account(currency: str) -> str:
    """Name the position account of a currency: ``FXP-GBP``."""
    return f"{FX_POSITION}-{currency}"


def account_name(account: str, language: Literal["en", "de"] = "en") -> str:
    """Name an account for people; raises KeyError for one that is not in the chart."""
    base, _, currency = account.partition("-")
    name = getattr(CHART[base], language)
    return f"{name} {currency}".rstrip()


def trade_date_journal(terms: Terms, rates: Mapping[str, Decimal]) -> Posting:
    """Book what was dealt, off balance: claim and debt of an exchange, commitment of a loan.

    ``rates``: the ECB's fixings of the trade date, units for one euro.

    Raises NoFixing, UnknownCurrency.
    """
    match terms:
        case FxForwardTerms():
            return FX_FORWARD_TRADE, trade_date_lines(terms, rates)
        case FxTerms():
            return FX_SPOT_TRADE, trade_date_lines(terms, rates)
        case DepositTerms():
            return MM_DEPOSIT_TRADE, _at_fixing(TO_BE_PLACED, TO_BE_PLACED_CONTRA, terms, rates)
        case LoanTerms():
            return MM_LOAN_TRADE, _at_fixing(TO_BE_TAKEN_CONTRA, TO_BE_TAKEN, terms, rates)


def settlement_journals(
    terms: Terms, leg: str, booked: Iterable[Line], rates: Mapping[str, Decimal]
) -> list[Posting]:
    """Book a leg's payment on its value date.

    ``leg``: which payment of ``cash_flows`` it is. ``booked``: the lines of every journal in force of
    this version of the deal, in any order. ``rates``: the ECB's fixings of the value date; an
    exchange does not need them (see this module).

    A money-market maturity gives the journal of its interest, if there is any, and that of the
    repayment. Each journal balances for itself.

    Raises NotBooked if the journals do not hold what the leg settles, NoFixing, UnknownCurrency.
    """
    in_force = tuple(booked)
    match terms, leg:
        case FxForwardTerms(), "base" | "quote":
            return [(FX_FORWARD_SETTLE, settlement_lines(terms, _currency_of(terms, leg), in_force))]
        case FxTerms(), "base" | "quote":
            return [(FX_SPOT_SETTLE, settlement_lines(terms, _currency_of(terms, leg), in_force))]
        case DepositTerms(), "start":
            return [(MM_DEPOSIT_START, _deposit_start(terms, in_force, rates))]
        case DepositTerms(), "maturity":
            return _deposit_maturity(terms, in_force, rates)
        case LoanTerms(), "start":
            return [(MM_LOAN_START, _loan_start(terms, in_force, rates))]
        case LoanTerms(), "maturity":
            return _loan_maturity(terms, in_force, rates)
        case _:
            raise NotBooked(f"a deal of this type has no leg {leg[:20]!a}")


def _currency_of(terms: FxTerms, leg: str) -> str:
    return terms.base if leg == "base" else terms.quote


def trade_date_lines(terms: FxTerms, rates: Mapping[str, Decimal]) -> tuple[Line, ...]:
    """Book what was exchanged: a claim on what we bought, a debt of what we sold.

    Rules FX-SPOT-TRADE/1, FX-FORWARD-TRADE/1. Raises NoFixing, UnknownCurrency.
    """
    claim, debt = _claim_and_debt(terms)
    buy, sell = bought(terms), sold(terms)
    buy_eur = to_eur(buy.amount, buy.currency, rates)
    sell_eur = to_eur(sell.amount, sell.currency, rates)
    return (
        *_pair(claim, position_account(buy.currency), buy.currency, buy.amount, buy_eur),
        *_pair(position_account(sell.currency), debt, sell.currency, sell.amount, sell_eur),
    )


def settlement_lines(terms: FxTerms, leg_currency: str, booked: Iterable[Line]) -> tuple[Line, ...]:
    """Book the payment of a leg: money in against the claim, or out against the debt.

    Rules FX-SPOT-SETTLE/1, FX-FORWARD-SETTLE/1. Raises NotBooked.
    """
    claim, debt = _claim_and_debt(terms)
    buy, sell = bought(terms), sold(terms)
    if leg_currency == buy.currency:
        held = _open_on(claim, leg_currency, buy.amount, booked)
        return _pair(NOSTRO, claim, leg_currency, held.amount, held.eur_amount)
    owed = _open_on(debt, leg_currency, -sell.amount, booked)
    return _pair(debt, NOSTRO, leg_currency, -owed.amount, -owed.eur_amount)


def _claim_and_debt(terms: FxTerms) -> tuple[str, str]:
    if isinstance(terms, FxForwardTerms):
        return FORWARD_PURCHASE_RECEIVABLE, FORWARD_SALE_PAYABLE
    return FX_PURCHASE_RECEIVABLE, FX_SALE_PAYABLE


def _deposit_start(
    terms: DepositTerms, booked: Sequence[Line], rates: Mapping[str, Decimal]
) -> tuple[Line, ...]:
    """Pay the principal out and end the commitment. Rule MM-DEPOSIT-START/1."""
    agreed = _open_on(TO_BE_PLACED, terms.currency, principal(terms).amount, booked)
    return (
        *_at_fixing(PLACED, NOSTRO, terms, rates),
        *_pair(TO_BE_PLACED_CONTRA, TO_BE_PLACED, agreed.currency, agreed.amount, agreed.eur_amount),
    )


def _loan_start(terms: LoanTerms, booked: Sequence[Line], rates: Mapping[str, Decimal]) -> tuple[Line, ...]:
    """Take the principal in and end the commitment. Rule MM-LOAN-START/1."""
    agreed = _open_on(TO_BE_TAKEN, terms.currency, -principal(terms).amount, booked)
    return (
        *_at_fixing(NOSTRO, TAKEN, terms, rates),
        *_pair(TO_BE_TAKEN, TO_BE_TAKEN_CONTRA, agreed.currency, -agreed.amount, -agreed.eur_amount),
    )


def _deposit_maturity(
    terms: DepositTerms, booked: Sequence[Line], rates: Mapping[str, Decimal]
) -> list[Posting]:
    """Earn the interest, then take in both. Rules MM-DEPOSIT-INTEREST/1, MM-DEPOSIT-MATURITY/1."""
    lent = _open_on(PLACED, terms.currency, principal(terms).amount, booked)
    earned = _due(INTEREST_RECEIVABLE, INTEREST_INCOME, terms, rates)
    repaid = (MM_DEPOSIT_MATURITY, _closing(lent, *earned[:1]))
    return [(MM_DEPOSIT_INTEREST, earned), repaid] if earned else [repaid]


def _loan_maturity(terms: LoanTerms, booked: Sequence[Line], rates: Mapping[str, Decimal]) -> list[Posting]:
    """Bear the interest, then pay both back. Rules MM-LOAN-INTEREST/1, MM-LOAN-MATURITY/1."""
    owed = _open_on(TAKEN, terms.currency, -principal(terms).amount, booked)
    borne = _due(INTEREST_EXPENSE, INTEREST_PAYABLE, terms, rates)
    repaid = (MM_LOAN_MATURITY, _closing(owed, *borne[1:]))
    return [(MM_LOAN_INTEREST, borne), repaid] if borne else [repaid]


def _due(debit: str, credit: str, terms: MoneyMarketTerms, rates: Mapping[str, Decimal]) -> tuple[Line, ...]:
    """Book the interest of the whole term; no lines where there is none, sides exchanged where negative."""
    due = interest(terms)
    if not due:
        return ()
    worth = to_eur(due, terms.currency, rates)
    return Line(debit, terms.currency, due, worth), Line(credit, terms.currency, -due, -worth)


def _closing(*held: Line) -> tuple[Line, ...]:
    """Close accounts through the nostro, at what each was booked with."""
    return (
        Line(
            NOSTRO,
            held[0].currency,
            sum((line.amount for line in held), Decimal(0)),
            sum((line.eur_amount for line in held), Decimal(0)),
        ),
        *mirror(held),
    )


def _at_fixing(
    debit: str, credit: str, terms: MoneyMarketTerms, rates: Mapping[str, Decimal]
) -> tuple[Line, Line]:
    """Post the principal at the day's fixing."""
    lent = principal(terms)
    return _pair(debit, credit, lent.currency, lent.amount, to_eur(lent.amount, lent.currency, rates))


def transfer_journal(
    purpose: str, money: Money, accounts: tuple[str, str], rates: Mapping[str, Decimal]
) -> Posting:
    """Book cash moved between own accounts, or paid as margin, each account by its own name.

    ``accounts``: from which, to which. Rules TRANSFER-OWN/1, TRANSFER-MARGIN/1. Raises NoFixing, UnknownCurrency.
    """
    source, target = accounts
    margin = purpose == "margin"
    worth = to_eur(money.amount, money.currency, rates)
    lines = _pair(
        f"{MARGIN_PLACED if margin else NOSTRO}-{target}",
        f"{NOSTRO}-{source}",
        money.currency,
        money.amount,
        worth,
    )
    return TRANSFER_MARGIN if margin else TRANSFER_OWN, lines


def part_journal(money: Money, rates: Mapping[str, Decimal], *, received: bool) -> Posting:
    """Book a part of a payment against clearing, until the whole is booked and the part is mirrored.

    Rule SETTLED-IN-PART/1. Raises NoFixing, UnknownCurrency.
    """
    debit, credit = (NOSTRO, RECEIVED_IN_PART) if received else (PAID_IN_PART, NOSTRO)
    worth = to_eur(money.amount, money.currency, rates)
    return SETTLED_IN_PART, _pair(debit, credit, money.currency, money.amount, worth)


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


def _open_on(account: str, currency: str, amount: Decimal, booked: Iterable[Line]) -> Line:
    """Sum up what is open on an account; it must be ``amount``, neither settled already nor reversed."""
    lines = [line for line in booked if (line.account, line.currency) == (account, currency)]
    found = sum((line.amount for line in lines), Decimal(0))
    if found != amount:
        raise NotBooked(f"{found} {currency} and not {amount} are open on account {account}")
    return Line(account, currency, amount, sum((line.eur_amount for line in lines), Decimal(0)))
