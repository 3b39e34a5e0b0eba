"""What each side says about an FX deal, laid side by side.

Both sets of fields speak from *our* point of view: ``buy`` is what we receive. A counterparty's
message that says what *they* buy is turned round by ``as_we_see_it`` before it is matched.
Amounts must agree exactly, the rate to 1e-6; references are each side's own.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from service.kernel.money import UnreadableAmount, parse_amount, plain
from service.trades.deals.fx_spot import FxSpotTerms, bought, sold

RATE_TOLERANCE: Final = Decimal("0.000001")
"""Largest difference of two rates that still agree."""

FIELDS: Final = (
    "our_lei",
    "their_lei",
    "trade_date",
    "value_date",
    "buy_currency",
    "buy_amount",
    "sell_currency",
    "sell_amount",
    "rate",
)
"""What both sides must say, in the order a break is shown."""

REFERENCE: Final = "reference"

_AMOUNTS: Final = frozenset({"buy_amount", "sell_amount"})

_TURNED_ROUND: Final = {
    "our_lei": "their_lei",
    "their_lei": "our_lei",
    "buy_currency": "sell_currency",
    "buy_amount": "sell_amount",
    "sell_currency": "buy_currency",
    "sell_amount": "buy_amount",
}


class FieldBreak(msgspec.Struct, frozen=True):
    """One field the two sides do not agree on; None where a side is silent."""

    field: str
    ours: str | None
    theirs: str | None
    why: str


def ours(terms: FxSpotTerms, our_lei: str, their_lei: str, reference: str = "") -> dict[str, str]:
    """Say what we confirm, from our point of view; both amounts are positive.

    Raises UnknownCurrency, TooManyDecimals.
    """
    buy, sell = bought(terms), sold(terms)
    return {
        "our_lei": our_lei,
        "their_lei": their_lei,
        "trade_date": terms.trade_date.isoformat(),
        "value_date": terms.value_date.isoformat(),
        "buy_currency": buy.currency,
        "buy_amount": plain(buy.amount),
        "sell_currency": sell.currency,
        "sell_amount": plain(sell.amount),
        "rate": plain(terms.rate),
        REFERENCE: reference,
    }


def as_we_see_it(theirs: Mapping[str, str]) -> dict[str, str]:
    """Turn a message of the other side round: what they buy we sell, their LEI is the other one.

    Turning round twice gives the message back.
    """
    return {_TURNED_ROUND.get(field, field): said for field, said in theirs.items()}


def match(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[FieldBreak]:
    """Compare field by field; an empty list means matched.

    A field that one side leaves out or leaves blank is a break, and so is a field that is not
    part of a confirmation. References are not compared.
    """
    strange = sorted((ours.keys() | theirs.keys()) - {*FIELDS, REFERENCE})
    return [
        FieldBreak(field, ours.get(field), theirs.get(field), why)
        for field in (*FIELDS, *strange)
        if (why := _why_apart(field, ours.get(field, ""), theirs.get(field, ""))) is not None
    ]


def _why_apart(field: str, we_say: str, they_say: str) -> str | None:
    if field not in FIELDS:
        return "this is no field of a confirmation"
    if not we_say.strip() or not they_say.strip():
        return "we do not say it" if they_say.strip() else "they do not say it"
    if field in _AMOUNTS or field == "rate":
        return _why_numbers_differ(field, we_say, they_say)
    return None if we_say == they_say else "the two sides differ"


def _why_numbers_differ(field: str, we_say: str, they_say: str) -> str | None:
    try:
        we_mean = parse_amount(we_say)
    except UnreadableAmount:
        return "what we say is no number"
    try:
        they_mean = parse_amount(they_say)
    except UnreadableAmount:
        return "what they say is no number"
    apart = abs(we_mean - they_mean)
    if field == "rate":
        return None if apart <= RATE_TOLERANCE else f"the rates lie {plain(apart)} apart"
    return None if not apart else f"the amounts lie {plain(apart)} apart"
