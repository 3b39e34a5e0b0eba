"""What each side says about a deal, laid side by side.

Both sets of fields speak from *our* point of view: ``buy`` is what we receive, ``mm_deposit`` is what
we place. A counterparty's message that says what *they* do is turned round by ``as_we_see_it`` before
it is matched. Amounts must agree exactly, rates to 1e-6; references are each side's own.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from service.kernel.money import UnreadableAmount, parse_amount, plain
from service.trades.deals.deal import Terms, type_of
from service.trades.deals.fx import FxTerms, bought, sold
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.deals.money_market import DepositTerms, MoneyMarketTerms, interest, principal


class Tolerance(msgspec.Struct, frozen=True):
    """How far apart two sides may lie and still agree; ``number`` names the version, 0 the standard one."""

    number: int
    rates: Decimal
    amounts: Decimal


STANDARD: Final = Tolerance(0, Decimal("0.000001"), Decimal(0))
"""What holds until master data says otherwise: amounts exactly, rates to the sixth place."""
EXACT: Final = Tolerance(0, Decimal(0), Decimal(0))
"""Nothing is forgiven: what a machine may agree by itself."""

TYPE: Final = "type"

FIELDS: Final = (
    TYPE,
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
"""What both sides must say about an FX spot deal, in the order a break is shown."""

_MONEY_MARKET: Final = (
    TYPE,
    "our_lei",
    "their_lei",
    "lender_lei",
    "borrower_lei",
    "trade_date",
    "start_date",
    "end_date",
    "currency",
    "principal",
    "rate_percent",
    "day_count",
    "interest",
)

FIELDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "fx_spot": FIELDS,
    "fx_forward": (*FIELDS, "spot_rate", "forward_points"),
    "mm_deposit": _MONEY_MARKET,
    "mm_loan": _MONEY_MARKET,
}
"""What both sides must say about a deal of each type."""

REFERENCE: Final = "reference"
CLAUSE: Final = "off_market_clause"
"""What a confirmation says where the deal was agreed off the market (TRD-05)."""

SIDE_AGREEMENT: Final = "side_agreement"
"""What was agreed beyond the terms, in words."""

BROKER: Final = "broker"
"""Who brought the deal about, by LEI: named where a broker did, and compared where the other side names one (SET-04)."""

TOLD: Final = (REFERENCE, CLAUSE, SIDE_AGREEMENT)
"""What a side may say for the other to know; never compared."""

DERIVED: Final = frozenset({"interest", "spot_rate", "forward_points"})
"""What follows from terms that both sides say in full, or makes one up: compared where it is said, and not every
message says it (FpML leaves the interest of a deposit out where principal, rate, days and day count give it)."""

_AMOUNTS: Final = frozenset({"buy_amount", "sell_amount", "principal", "interest"})
_RATES: Final = frozenset({"rate", "spot_rate", "forward_points", "rate_percent"})

_TURNED_ROUND: Final = {
    "our_lei": "their_lei",
    "their_lei": "our_lei",
    "buy_currency": "sell_currency",
    "buy_amount": "sell_amount",
    "sell_currency": "buy_currency",
    "sell_amount": "buy_amount",
}
_TYPE_TURNED_ROUND: Final = {"mm_deposit": "mm_loan", "mm_loan": "mm_deposit"}
"""What one side places, the other takes. Lender and borrower are who they are, whoever speaks."""


class FieldBreak(msgspec.Struct, frozen=True):
    """One field the two sides do not agree on; None where a side is silent."""

    field: str
    ours: str | None
    theirs: str | None
    why: str


def ours(
    terms: Terms,
    our_lei: str,
    their_lei: str,
    reference: str = "",
    clause: str = "",
    side_agreement: str = "",
    broker: str = "",
) -> dict[str, str]:
    """Say what we confirm, from our point of view; ``clause``: how an off-market deal is disclosed.

    Raises UnknownCurrency, TooManyDecimals.
    """
    said = {
        TYPE: type_of(terms),
        "our_lei": our_lei,
        "their_lei": their_lei,
        "trade_date": terms.trade_date.isoformat(),
        **(_exchange(terms) if isinstance(terms, FxTerms) else _loan(terms, our_lei, their_lei)),
        REFERENCE: reference,
    }
    beside = {BROKER: broker, CLAUSE: clause, SIDE_AGREEMENT: side_agreement}
    return said | {name: text for name, text in beside.items() if text}


def _exchange(terms: FxTerms) -> dict[str, str]:
    """Say what changes hands; both amounts are positive."""
    buy, sell = bought(terms), sold(terms)
    said = {
        "value_date": terms.value_date.isoformat(),
        "buy_currency": buy.currency,
        "buy_amount": plain(buy.amount),
        "sell_currency": sell.currency,
        "sell_amount": plain(sell.amount),
        "rate": plain(terms.rate),
    }
    if isinstance(terms, FxForwardTerms):
        said["spot_rate"] = plain(terms.spot_rate)
        said["forward_points"] = plain(terms.forward_points)
    return said


def _loan(terms: MoneyMarketTerms, our_lei: str, their_lei: str) -> dict[str, str]:
    """Say who lends what to whom; negative interest is paid by the lender."""
    we_lend = isinstance(terms, DepositTerms)
    return {
        "lender_lei": our_lei if we_lend else their_lei,
        "borrower_lei": their_lei if we_lend else our_lei,
        "start_date": terms.start_date.isoformat(),
        "end_date": terms.end_date.isoformat(),
        "currency": terms.currency,
        "principal": plain(principal(terms).amount),
        "rate_percent": plain(terms.rate_percent),
        "day_count": terms.day_count,
        "interest": plain(interest(terms)),
    }


def as_we_see_it(theirs: Mapping[str, str]) -> dict[str, str]:
    """Turn a message of the other side round: what they buy we sell, what they take we place.

    Turning round twice gives the message back.
    """
    seen = {_TURNED_ROUND.get(field, field): said for field, said in theirs.items()}
    if TYPE in seen:
        seen[TYPE] = _TYPE_TURNED_ROUND.get(seen[TYPE], seen[TYPE])
    return seen


def in_order(said: Mapping[str, str]) -> dict[str, str]:
    """Return what a side says in the order a confirmation is read; a store keeps no order."""
    order = (*fields_of(said), BROKER, *TOLD)
    return dict(
        sorted(said.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))
    )


def fields_of(said: Mapping[str, str]) -> tuple[str, ...]:
    """List what must be said about a deal of the type ``said`` names; an unnamed one is taken for FX spot."""
    return FIELDS_OF.get(said.get(TYPE, ""), FIELDS)


def match(
    ours: Mapping[str, str], theirs: Mapping[str, str], tolerance: Tolerance = STANDARD
) -> list[FieldBreak]:
    """Compare field by field what a deal of our type must say; an empty list means matched.

    A field that one side leaves out or leaves blank is a break, and so is a field that is not
    part of such a confirmation. A side that fills in the fields of a type need not name the type.
    References and the off-market clause are not compared.
    """
    fields = tuple(field for field in fields_of(ours) if field != TYPE or theirs.get(TYPE))
    fields += (BROKER,) if ours.get(BROKER) else ()
    strange = sorted((ours.keys() | theirs.keys()) - {*fields, TYPE, *TOLD})
    return [
        FieldBreak(field, ours.get(field), theirs.get(field), why)
        for field in (*fields, *strange)
        if (why := _why_apart(field, fields, ours.get(field, ""), theirs.get(field, ""), tolerance))
        is not None
    ]


def _why_apart(
    field: str, fields: Collection[str], we_say: str, they_say: str, tolerance: Tolerance
) -> str | None:
    if field not in fields:
        return "this is no field of a confirmation"
    if field in (*DERIVED, BROKER) and not they_say.strip():
        return None
    if not we_say.strip() or not they_say.strip():
        return "we do not say it" if they_say.strip() else "they do not say it"
    if field in _AMOUNTS or field in _RATES:
        return _why_numbers_differ(field, we_say, they_say, tolerance)
    return None if we_say == they_say else "the two sides differ"


def _why_numbers_differ(field: str, we_say: str, they_say: str, tolerance: Tolerance) -> str | None:
    try:
        we_mean = parse_amount(we_say)
    except UnreadableAmount:
        return "what we say is no number"
    try:
        they_mean = parse_amount(they_say)
    except UnreadableAmount:
        return "what they say is no number"
    apart = abs(we_mean - they_mean)
    if field in _RATES:
        return None if apart <= tolerance.rates else f"the rates lie {plain(apart)} apart"
    return None if apart <= tolerance.amounts else f"the amounts lie {plain(apart)} apart"
