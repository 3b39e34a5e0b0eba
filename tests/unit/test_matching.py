"""Both sides' words about a deal are laid side by side."""

import msgspec
import pytest

from service.confirmations.matching import FIELDS, FieldBreak, as_we_see_it, match, ours
from service.trades.deals.fx_spot import FxSpotTerms
from tests.unit.test_fx_spot import TERMS

OURS = ours(TERMS, "OUR", "THEIR", "T-1")


def counterparty_says(terms: FxSpotTerms) -> dict[str, str]:
    """The counterparty's own message: its side is the opposite, its LEI comes first."""
    side = "sell" if terms.side == "buy" else "buy"
    return ours(msgspec.structs.replace(terms, side=side), "THEIR", "OUR", "X-9")


def test_we_say_what_we_buy_and_what_we_sell() -> None:
    assert OURS == {
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


@pytest.mark.parametrize("field", FIELDS)
def test_what_one_side_leaves_out_is_a_break(field: str) -> None:
    silent = {name: said for name, said in OURS.items() if name != field}

    assert match(OURS, silent) == [FieldBreak(field, OURS[field], None, "they do not say it")]
    assert match(silent, OURS) == [FieldBreak(field, None, OURS[field], "we do not say it")]


def test_two_silences_do_not_match() -> None:
    assert [found.field for found in match({}, {})] == list(FIELDS)


def test_a_field_that_is_no_part_of_a_confirmation_is_a_break() -> None:
    assert match(OURS, OURS | {"side_letter": "call me"}) == [
        FieldBreak("side_letter", None, "call me", "this is no field of a confirmation")
    ]
