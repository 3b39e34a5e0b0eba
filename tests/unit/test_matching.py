"""Both sides' words about a deal are laid side by side."""

import msgspec
import pytest

from service.confirmations.matching import (
    FIELDS,
    FIELDS_OF,
    FieldBreak,
    as_we_see_it,
    fields_of,
    match,
    ours,
)
from service.trades.deals.deal import TYPES, Terms, type_of
from service.trades.deals.fx import FxTerms
from service.trades.deals.money_market import DepositTerms, LoanTerms
from tests.unit.test_fx_forward import FORWARD
from tests.unit.test_fx_spot import TERMS
from tests.unit.test_money_market import DEPOSIT, LOAN

OURS = ours(TERMS, "OUR", "THEIR", "T-1")
ALL: tuple[Terms, ...] = (TERMS, FORWARD, DEPOSIT, LOAN)


def counterparty_says(terms: Terms) -> dict[str, str]:
    """The counterparty's own message: it does the opposite, its LEI comes first."""
    if isinstance(terms, FxTerms):
        side = "sell" if terms.side == "buy" else "buy"
        return ours(msgspec.structs.replace(terms, side=side), "THEIR", "OUR", "X-9")
    opposite = LoanTerms if isinstance(terms, DepositTerms) else DepositTerms
    return ours(
        opposite(**{field: getattr(terms, field) for field in terms.__struct_fields__}), "THEIR", "OUR", "X-9"
    )


def test_we_say_what_we_buy_and_what_we_sell() -> None:
    assert OURS == {
        "type": "fx_spot",
        "our_lei": "OUR",
        "their_lei": "THEIR",
        "trade_date": "2001-10-23",
        "value_date": "2001-10-25",
        "buy_currency": "GBP",
        "buy_amount": "10000000.00",
        "sell_currency": "USD",
        "sell_amount": "14800000.00",
        "rate": "1.48",
        "reference": "T-1",
    }


def test_the_counterpartys_view_turned_round_matches_though_references_differ() -> None:
    theirs = counterparty_says(TERMS)

    assert match(OURS, as_we_see_it(theirs)) == []
    assert as_we_see_it(as_we_see_it(theirs)) == theirs
    assert {found.field for found in match(OURS, theirs)} == set(FIELDS) - {
        "type",
        "trade_date",
        "value_date",
        "rate",
    }


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("buy_amount", "10000000"),
        ("sell_amount", "14800000.0000"),
        ("rate", "1.480001"),
        ("rate", "1.479999"),
    ],
)
def test_the_same_number_written_otherwise_matches(field: str, said: str) -> None:
    assert match(OURS, OURS | {field: said}) == []


@pytest.mark.parametrize(
    ("field", "said", "why"),
    [
        ("buy_amount", "10000000.01", "the amounts lie 0.01 apart"),
        ("rate", "1.4800011", "the rates lie 0.0000011 apart"),
        ("rate", "1,48", "what they say is no number"),
        ("value_date", "2001-10-26", "the two sides differ"),
        ("sell_currency", "usd", "the two sides differ"),
        ("their_lei", "OTHER", "the two sides differ"),
        ("trade_date", "  ", "they do not say it"),
    ],
)
def test_what_differs_is_a_break_with_its_reason(field: str, said: str, why: str) -> None:
    assert match(OURS, OURS | {field: said}) == [FieldBreak(field, OURS[field], said, why)]


@pytest.mark.parametrize("field", sorted({*FIELDS} - {"type"}))
def test_what_one_side_leaves_out_is_a_break(field: str) -> None:
    silent = {name: said for name, said in OURS.items() if name != field}

    assert match(OURS, silent) == [FieldBreak(field, OURS[field], None, "they do not say it")]
    assert match(silent, OURS) == [FieldBreak(field, None, OURS[field], "we do not say it")]


@pytest.mark.parametrize("terms", ALL, ids=type_of)
def test_they_need_not_name_the_type_of_a_deal_whose_fields_they_fill_in(terms: Terms) -> None:
    said = ours(terms, "OUR", "THEIR")
    unnamed = {field: words for field, words in said.items() if field != "type"}

    assert match(said, unnamed) == []
    assert match(unnamed, said) != []  # ours is always named
    for other in ALL:
        if type_of(other) != type_of(terms):
            assert match(ours(other, "OUR", "THEIR"), unnamed) != []


def test_two_silences_do_not_match() -> None:
    assert {found.field for found in match({}, {})} == {*FIELDS} - {"type"}


def test_a_field_that_is_no_part_of_a_confirmation_is_a_break() -> None:
    assert match(OURS, OURS | {"side_letter": "call me"}) == [
        FieldBreak("side_letter", None, "call me", "this is no field of a confirmation")
    ]


def test_a_forward_is_confirmed_with_what_its_rate_is_made_of() -> None:
    said = ours(FORWARD, "OUR", "THEIR")

    assert (said["rate"], said["spot_rate"], said["forward_points"]) == ("0.9175", "0.9130", "0.0045")
    assert said["type"] == "fx_forward"
    spot_apart = said | {"spot_rate": "0.9131", "forward_points": "0.0044"}  # the same all in
    assert [found.field for found in match(said, spot_apart)] == ["spot_rate", "forward_points"]
    assert match(said, said | {"forward_points": "0.0045009"}) == []


def test_a_deposit_is_confirmed_with_its_interest_and_who_lends() -> None:
    assert ours(DEPOSIT, "OUR", "THEIR", "T-1") == {
        "type": "mm_deposit",
        "our_lei": "OUR",
        "their_lei": "THEIR",
        "trade_date": "2002-02-14",
        "lender_lei": "OUR",
        "borrower_lei": "THEIR",
        "start_date": "2002-02-14",
        "end_date": "2002-02-15",
        "currency": "CHF",
        "principal": "25000000.00",
        "rate_percent": "4",
        "day_count": "ACT/360",
        "interest": "2777.78",
        "reference": "T-1",
    }
    taken = ours(LOAN, "OUR", "THEIR")
    assert (taken["lender_lei"], taken["borrower_lei"]) == ("THEIR", "OUR")


@pytest.mark.parametrize("terms", ALL, ids=type_of)
def test_the_opposite_of_every_deal_matches_once_turned_round(terms: Terms) -> None:
    said, theirs = ours(terms, "OUR", "THEIR", "T-1"), counterparty_says(terms)

    assert set(said) == {*FIELDS_OF[type_of(terms)], "reference"}
    assert match(said, as_we_see_it(theirs)) == []
    assert as_we_see_it(as_we_see_it(theirs)) == theirs
    assert match(said, theirs) != []


def test_two_banks_that_both_think_they_lend_do_not_match() -> None:
    both_lend = as_we_see_it(ours(DEPOSIT, "THEIR", "OUR"))

    assert [found.field for found in match(ours(DEPOSIT, "OUR", "THEIR"), both_lend)] == [
        *("type", "lender_lei", "borrower_lei")
    ]


@pytest.mark.parametrize(
    ("field", "said", "why"),
    [
        ("interest", "2777.77", "the amounts lie 0.01 apart"),
        ("principal", "25000000.01", "the amounts lie 0.01 apart"),
        ("rate_percent", "4.0000011", "the rates lie 0.0000011 apart"),
        ("day_count", "ACT/365", "the two sides differ"),
        ("end_date", "2002-02-18", "the two sides differ"),
        ("lender_lei", "OTHER", "the two sides differ"),
    ],
)
def test_a_money_market_deal_differs_field_by_field(field: str, said: str, why: str) -> None:
    said_by_us = ours(DEPOSIT, "OUR", "THEIR")

    assert match(said_by_us, said_by_us | {field: said}) == [FieldBreak(field, said_by_us[field], said, why)]


def test_interest_that_the_other_side_leaves_to_be_calculated_breaks_nothing() -> None:
    said = ours(DEPOSIT, "OUR", "THEIR")
    silent = {name: text for name, text in said.items() if name != "interest"}

    assert match(said, silent) == []
    assert [found.field for found in match(said, silent | {"interest": "2777.00"})] == ["interest"]


def test_another_type_of_deal_never_matches() -> None:
    broken = match(ours(FORWARD, "OUR", "THEIR"), ours(TERMS, "OUR", "THEIR"))

    assert [found.why for found in broken if found.field == "type"] == ["the two sides differ"]
    assert {"value_date", "rate"} < {found.field for found in broken}


def test_TRD_05_the_clause_of_an_off_market_deal_is_told_and_not_compared() -> None:
    clause = "Both sides know that the agreed terms are off the market."
    said = ours(DEPOSIT, "OUR", "THEIR", clause=clause)

    assert said["off_market_clause"] == clause
    assert "off_market_clause" not in ours(DEPOSIT, "OUR", "THEIR")
    for theirs in (ours(DEPOSIT, "OUR", "THEIR"), said, said | {"off_market_clause": "agreed"}):
        assert match(said, theirs) == []
    assert match(ours(DEPOSIT, "OUR", "THEIR"), said) == []


def test_what_must_be_said_depends_on_the_type_we_dealt() -> None:
    assert set(FIELDS_OF) == set(TYPES)
    assert fields_of({"type": "mm_loan"})[-1] == "interest"
    assert fields_of({}) == fields_of({"type": "fx_swap"}) == FIELDS
