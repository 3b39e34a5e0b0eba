"""What accounting writes for a deal of each type."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

import msgspec
import pytest

from service.bookkeeping.posting import (
    CHART,
    FX_SPOT_SETTLE,
    FX_SPOT_TRADE,
    REVERSAL,
    Line,
    NotBooked,
    Posting,
    Rule,
    account_name,
    imbalances,
    mirror,
    part_journal,
    settlement_journals,
    settlement_lines,
    trade_date_journal,
    trade_date_lines,
    transfer_journal,
)
from service.kernel.money import Money
from service.market.ecb import NoFixing, to_eur
from service.trades.deals.deal import Terms, cash_flows, type_of
from tests.unit.test_fx_forward import FORWARD
from tests.unit.test_fx_spot import TERMS
from tests.unit.test_money_market import DEPOSIT, LOAN

FIXINGS = {"GBP": Decimal("0.6258"), "USD": Decimal("0.8887")}
GBP, GBP_EUR = Decimal("10000000.00"), Decimal("15979546.18")
USD, USD_EUR = Decimal("14800000.00"), Decimal("16653538.88")
CHF, INTEREST = Decimal("25000000.00"), Decimal("2777.78")
AT_START, AT_MATURITY = {"CHF": Decimal("1.4780")}, {"CHF": Decimal("1.4765")}
CHF_EUR, INTEREST_EUR = Decimal("16914749.66"), Decimal("1881.33")
ALL: tuple[Terms, ...] = (TERMS, FORWARD, DEPOSIT, LOAN)


def test_dealing_books_a_claim_on_what_we_bought_and_a_debt_of_what_we_sold() -> None:
    lines = trade_date_lines(TERMS, FIXINGS)

    assert lines == (
        Line("9010", "GBP", GBP, GBP_EUR),
        Line("FXP-GBP", "GBP", -GBP, -GBP_EUR),
        Line("FXP-USD", "USD", USD, USD_EUR),
        Line("9020", "USD", -USD, -USD_EUR),
    )
    assert sum(line.eur_amount for line in lines if line.account[0] == "9") == Decimal("-673992.70")
    assert imbalances(lines) == {}


def test_a_sale_of_the_base_books_the_other_way_round() -> None:
    lines = trade_date_lines(msgspec.structs.replace(TERMS, side="sell"), FIXINGS)

    assert lines[0] == Line("9010", "USD", USD, USD_EUR)
    assert lines[3] == Line("9020", "GBP", -GBP, -GBP_EUR)


def test_settling_both_legs_leaves_nostro_and_position_and_nothing_in_between() -> None:
    booked = trade_date_lines(TERMS, FIXINGS)
    received = settlement_lines(TERMS, "GBP", booked)
    paid = settlement_lines(TERMS, "USD", booked)

    assert received == (Line("1010", "GBP", GBP, GBP_EUR), Line("9010", "GBP", -GBP, -GBP_EUR))
    assert paid == (Line("9020", "USD", USD, USD_EUR), Line("1010", "USD", -USD, -USD_EUR))
    left = [line for line in (*booked, *received, *paid) if line.account in {"9010", "9020"}]
    assert imbalances(left) == {}


def test_a_leg_that_was_not_booked_cannot_be_settled() -> None:
    booked = trade_date_lines(TERMS, FIXINGS)

    for leg, journal in (("CHF", booked), ("GBP", ()), ("GBP", booked[1:]), ("USD", mirror(booked))):
        with pytest.raises(NotBooked):
            settlement_lines(TERMS, leg, journal)


def test_a_reversal_is_the_exact_mirror() -> None:
    lines = trade_date_lines(TERMS, FIXINGS)

    assert [line.account for line in mirror(lines)] == [line.account for line in lines]
    assert mirror(mirror(lines)) == lines


def test_a_lopsided_journal_is_found() -> None:
    assert imbalances(trade_date_lines(TERMS, FIXINGS)[:3]) == {"USD": (USD, USD_EUR)}
    assert imbalances([Line("1010", "EUR", Decimal(0), Decimal("0.01"))]) == {
        "EUR": (Decimal(0), Decimal("0.01"))
    }


def test_without_a_fixing_nothing_is_booked() -> None:
    with pytest.raises(NoFixing, match="USD"):
        trade_date_lines(TERMS, {"GBP": Decimal("0.6258")})


def life(terms: Terms) -> list[Posting]:
    """Every journal of a deal that runs to its end, each leg at its own day's fixings."""
    journals = [trade_date_journal(terms, FIXINGS | AT_START)]
    for flow, rates in zip(cash_flows(terms), (AT_START, AT_MATURITY), strict=True):
        booked = [line for _, lines in journals for line in lines]
        journals += settlement_journals(terms, flow.leg, booked, rates)
    return journals


def left_open(journals: Iterable[Posting]) -> dict[str, tuple[Decimal, Decimal]]:
    """Balance in currency and euro of each account that is not closed; FXP counts per currency."""
    sums: defaultdict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for _, lines in journals:
        for line in lines:
            amount, eur_amount = sums[line.account]
            sums[line.account] = (amount + line.amount, eur_amount + line.eur_amount)
    return {account: both for account, both in sums.items() if any(both)}


def test_a_forward_is_booked_as_spot_is_on_accounts_of_its_own() -> None:
    trade, *legs = life(FORWARD)

    assert [str(rule) for rule, _ in (trade, *legs)] == [
        *("FX-FORWARD-TRADE/1", "FX-FORWARD-SETTLE/1", "FX-FORWARD-SETTLE/1")
    ]
    assert [(line.account, line.amount) for line in trade[1]] == [
        ("9110", Decimal("10000000.00")),
        ("FXP-EUR", Decimal("-10000000.00")),
        ("FXP-USD", Decimal("9175000.00")),
        ("9120", Decimal("-9175000.00")),
    ]
    assert [[line.account for line in lines] for _, lines in legs] == [["1010", "9110"], ["9120", "1010"]]


def test_a_spot_deal_is_booked_the_same_by_its_leg() -> None:
    booked = trade_date_lines(TERMS, FIXINGS)

    assert trade_date_journal(TERMS, FIXINGS) == (FX_SPOT_TRADE, booked)
    for leg, currency in (("base", "GBP"), ("quote", "USD")):
        assert settlement_journals(TERMS, leg, booked, {}) == [
            (FX_SPOT_SETTLE, settlement_lines(TERMS, currency, booked))
        ]


def test_a_deposit_is_committed_placed_and_repaid_with_interest() -> None:
    assert life(DEPOSIT) == [
        (
            Rule("MM-DEPOSIT-TRADE", 1),
            (Line("9210", "CHF", CHF, CHF_EUR), Line("9211", "CHF", -CHF, -CHF_EUR)),
        ),
        (
            Rule("MM-DEPOSIT-START", 1),
            (
                Line("1100", "CHF", CHF, CHF_EUR),
                Line("1010", "CHF", -CHF, -CHF_EUR),
                Line("9211", "CHF", CHF, CHF_EUR),
                Line("9210", "CHF", -CHF, -CHF_EUR),
            ),
        ),
        (
            Rule("MM-DEPOSIT-INTEREST", 1),
            (Line("1410", "CHF", INTEREST, INTEREST_EUR), Line("4010", "CHF", -INTEREST, -INTEREST_EUR)),
        ),
        (
            Rule("MM-DEPOSIT-MATURITY", 1),
            (
                Line("1010", "CHF", Decimal("25002777.78"), Decimal("16916630.99")),
                Line("1100", "CHF", -CHF, -CHF_EUR),
                Line("1410", "CHF", -INTEREST, -INTEREST_EUR),
            ),
        ),
    ]


def test_a_loan_is_the_mirror_of_a_deposit() -> None:
    placed, taken = life(DEPOSIT), life(LOAN)
    mirrored = {
        "1100": "2100",
        "1410": "2410",
        "4010": "5010",
        "9210": "9220",
        "9211": "9221",
        "1010": "1010",
    }

    assert [str(rule) for rule, _ in taken] == [
        *("MM-LOAN-TRADE/1", "MM-LOAN-START/1", "MM-LOAN-INTEREST/1", "MM-LOAN-MATURITY/1")
    ]
    for (_, deposit), (_, loan) in zip(placed, taken, strict=True):
        assert {(mirrored[line.account], -line.amount, -line.eur_amount) for line in deposit} == {
            (line.account, line.amount, line.eur_amount) for line in loan
        }


@pytest.mark.parametrize("terms", ALL, ids=type_of)
def test_after_the_last_leg_only_cash_position_and_result_are_left(terms: Terms) -> None:
    journals = life(terms)

    assert all(imbalances(lines) == {} for _, lines in journals)
    assert set(left_open(journals)) <= {"1010", "4010", "5010", *(f"FXP-{c}" for c in ("GBP", "EUR", "USD"))}
    result = {account: left for account, left in left_open(journals).items() if account in {"4010", "5010"}}
    expected = {
        "mm_deposit": {"4010": (-INTEREST, -INTEREST_EUR)},
        "mm_loan": {"5010": (INTEREST, INTEREST_EUR)},
    }
    assert result == expected.get(type_of(terms), {})


@pytest.mark.parametrize("terms", [DEPOSIT, LOAN], ids=type_of)
def test_without_interest_no_interest_is_booked(terms: Terms) -> None:
    journals = life(msgspec.structs.replace(terms, rate_percent=Decimal(0)))

    assert [rule.id.rpartition("-")[2] for rule, _ in journals] == ["TRADE", "START", "MATURITY"]
    assert [line.account for line in journals[-1][1] if line.account in {"1410", "2410"}] == []
    assert left_open(journals) == {}


def test_negative_interest_lowers_income_and_comes_off_the_repayment() -> None:
    costly = msgspec.structs.replace(DEPOSIT, rate_percent=Decimal(-4))

    assert left_open(life(costly)) == {
        "1010": (-INTEREST, -INTEREST_EUR),
        "4010": (INTEREST, INTEREST_EUR),
    }
    pays = msgspec.structs.replace(LOAN, rate_percent=Decimal(-4))
    assert left_open(life(pays))["5010"] == (-INTEREST, -INTEREST_EUR)


def test_principal_leaves_at_the_euro_worth_it_came_in_with_whatever_the_fixing_is() -> None:
    _, start, _, maturity = life(DEPOSIT)

    assert start[1][0].eur_amount == -maturity[1][1].eur_amount == CHF_EUR
    assert CHF_EUR != to_eur(CHF, "CHF", AT_MATURITY)


@pytest.mark.parametrize("terms", [DEPOSIT, LOAN], ids=type_of)
def test_no_leg_is_booked_before_its_turn_twice_or_after_a_reversal(terms: Terms) -> None:
    (_, trade), (_, start), (_, due), (_, back) = life(terms)

    for leg, booked in (
        ("start", ()),
        ("start", (*trade, *start)),
        ("start", (*trade, *mirror(trade))),
        ("maturity", trade),
        ("maturity", (*trade, *start, *due, *back)),
        ("base", trade),
    ):
        with pytest.raises(NotBooked):
            settlement_journals(terms, leg, booked, AT_START)
    with pytest.raises(NotBooked):
        settlement_journals(TERMS, "start", trade_date_lines(TERMS, FIXINGS), AT_START)


def test_a_leg_of_an_exchange_settles_once() -> None:
    booked = trade_date_lines(TERMS, FIXINGS)

    with pytest.raises(NotBooked, match="account 9010"):
        settlement_lines(TERMS, "GBP", (*booked, *settlement_lines(TERMS, "GBP", booked)))


def test_without_a_fixing_no_principal_and_no_interest_is_booked() -> None:
    (_, trade), (_, start), *_ = life(DEPOSIT)

    with pytest.raises(NoFixing, match="CHF"):
        trade_date_journal(DEPOSIT, {})
    for leg, booked in (("start", trade), ("maturity", (*trade, *start))):
        with pytest.raises(NoFixing, match="CHF"):
            settlement_journals(DEPOSIT, leg, booked, {})


def test_rules_carry_their_version() -> None:
    assert [str(rule) for rule in (FX_SPOT_TRADE, FX_SPOT_SETTLE, REVERSAL)] == [
        *("FX-SPOT-TRADE/1", "FX-SPOT-SETTLE/1", "REVERSAL/1")
    ]


def test_a_transfer_moves_cash_from_one_account_by_its_name_to_another() -> None:
    rule, lines = transfer_journal(
        "own_accounts", Money(Decimal("87.41"), "GBP"), ("LDN", "FFM"), {"GBP": Decimal("0.8741")}
    )
    assert (str(rule), imbalances(lines)) == ("TRANSFER-OWN/1", {})
    assert [(line.account, line.amount, line.eur_amount) for line in lines] == [
        ("1010-FFM", Decimal("87.41"), Decimal("100.00")),
        ("1010-LDN", Decimal("-87.41"), Decimal("-100.00")),
    ]
    margin, lines = transfer_journal("margin", Money(Decimal("5.00"), "EUR"), ("LDN", "CCP"), {})
    assert (str(margin), [line.account for line in lines]) == ("TRANSFER-MARGIN/1", ["1150-CCP", "1010-LDN"])


def test_every_account_has_a_name_in_both_languages() -> None:
    used = {line.account for terms in ALL for _, lines in life(terms) for line in lines}

    moved = [
        transfer_journal(purpose, Money(Decimal("5.00"), "EUR"), ("A", "B-1"), {})
        for purpose in ("own_accounts", "margin")
    ]
    moved += [
        part_journal(Money(Decimal("5.00"), "EUR"), {}, received=received) for received in (True, False)
    ]
    used |= {line.account for _, lines in moved for line in lines}

    assert {account.partition("-")[0] for account in used} == set(CHART)
    assert account_name("FXP-GBP") == "FX position GBP"
    assert account_name("FXP-GBP", "de") == "Devisenposition GBP"
    assert all(account_name(account) != account_name(account, "de") for account in used)
    with pytest.raises(KeyError):
        account_name("1234")
