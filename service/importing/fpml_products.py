"""The two products of FpML that are dealt here, element by element."""

from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Final, NoReturn

import msgspec

from service.importing.rows import (
    RowRefused,
    amount,
    currency,
    day_count,
    iso_date,
    noted,
    number_text,
    positive,
    shown,
)
from service.importing.xml_tree import Node
from service.kernel.money import ARITHMETIC

_PRODUCT: Final = frozenset(
    {"primaryAssetClass", "secondaryAssetClass", "productType", "productId", "assetClass"}
)
_ACCOUNTS: Final = frozenset({"payerAccountReference", "receiverAccountReference"})
_TENOR: Final = frozenset({"tenorName", "tenorPeriod"})
_PARTIES: Final = frozenset({"payerPartyReference", "receiverPartyReference"})
_FX: Final = (
    _PRODUCT
    | _TENOR
    | {"exchangedCurrency1", "exchangedCurrency2", "dealtCurrency", "valueDate", "exchangeRate"}
)
_PAYMENT: Final = _PARTIES | _ACCOUNTS | {"paymentAmount", "settlementInformation"}
_RATE: Final = frozenset(
    {"quotedCurrencyPair", "rate", "spotRate", "forwardPoints", "pointValue", "crossRate"}
)
_DEPOSIT: Final = (
    _PRODUCT | _TENOR | _PARTIES | _ACCOUNTS
    | {"startDate", "maturityDate", "principal", "fixedRate", "dayCountFraction", "interest"}
)  # fmt: skip
_WHY: Final = {
    "currency1ValueDate": "A deal that pays on two days is not dealt here.",
    "currency2ValueDate": "A deal that pays on two days is not dealt here.",
    "nonDeliverableSettlement": "A non-deliverable forward is not dealt here.",
    "features": "A deposit with an option in it (dual currency) is not dealt here.",
}
_PER_CENT: Final = Decimal(100)


class FxLeg(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange of two currencies, quoted as its rate is: units of quote for one base."""

    base: str
    quote: str
    base_amount: str
    quote_amount: str
    base_received: bool
    rate: str
    spot_rate: str | None
    forward_points: str | None
    """Rate less spot rate; there if and only if the spot rate is."""
    value_date: str
    other: str
    """The id of the party we dealt with."""
    notes: tuple[str, ...]


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """Money placed or taken for a term."""

    placed: bool
    terms: dict[str, str]
    other: str
    notes: tuple[str, ...]


def the(node: Node, name: str) -> Node:
    """Return the element that must stand within another. Raises RowRefused."""
    found = node.one(name)
    if found is None:
        raise RowRefused(name, f"It is missing in {shown(node.name)}.")
    return found


def text_of(node: Node, name: str) -> str:
    """Return the text of an element that must stand within another. Raises RowRefused."""
    return the(node, name).text


def _only(node: Node, known: AbstractSet[str]) -> None:
    for child in node.children:
        if child.name not in known:
            _refuse(child.name)


def _refuse(name: str) -> NoReturn:
    sentence = "The deal has a part that is not understood here."
    raise RowRefused(name, _WHY.get(name, sentence))


def read_fx(leg: Node, we: str) -> FxLeg:
    """Read an ``fxSingleLeg``. Raises RowRefused."""
    _only(leg, _FX)
    flows = [_flow(the(leg, name), we) for name in ("exchangedCurrency1", "exchangedCurrency2")]
    (_, _, first_received, other), (_, _, second_received, other_too) = flows
    if first_received == second_received or other != other_too:
        raise RowRefused(
            "exchangedCurrency2",
            "Of the two currencies one is paid and one received, by the same two parties.",
        )
    exchange = the(leg, "exchangeRate")
    _only(exchange, _RATE)
    base, quote = _pair(the(exchange, "quotedCurrencyPair"))
    by_currency = {flow[0]: flow for flow in flows}
    if set(by_currency) != {base, quote}:
        raise RowRefused(
            "quotedCurrencyPair", f"The rate is of {base} and {quote}, the amounts are of other currencies."
        )
    rate = positive(text_of(exchange, "rate"), "rate")
    spot_rate, points, notes = _parts(exchange, Decimal(rate))
    if any(
        flow.one("settlementInformation")
        for flow in leg.children
        if flow.name.startswith("exchangedCurrency")
    ):
        notes += noted("settlement information left behind: ours comes from the master data")
    return FxLeg(
        base=base,
        quote=quote,
        base_amount=by_currency[base][1],
        quote_amount=by_currency[quote][1],
        base_received=by_currency[base][2],
        rate=rate,
        spot_rate=spot_rate,
        forward_points=points,
        value_date=text_of(leg, "valueDate"),
        other=other,
        notes=notes,
    )


def _flow(payment: Node, we: str) -> tuple[str, str, bool, str]:
    """Return currency, amount, whether we receive it, and the other party."""
    _only(payment, _PAYMENT)
    money = the(payment, "paymentAmount")
    received, other = _direction(payment, we)
    code = currency(text_of(money, "currency"), "currency")
    return code, positive(text_of(money, "amount"), "amount"), received, other


def _direction(node: Node, we: str) -> tuple[bool, str]:
    payer = the(node, "payerPartyReference").attributes.get("href", "")
    receiver = the(node, "receiverPartyReference").attributes.get("href", "")
    if (payer == we) == (receiver == we):
        raise RowRefused(
            "payerPartyReference", "We are neither payer nor receiver, or both: this is no deal of ours."
        )
    return receiver == we, payer if receiver == we else receiver


def _pair(pair: Node) -> tuple[str, str]:
    first, second = (currency(text_of(pair, name), name) for name in ("currency1", "currency2"))
    basis = text_of(pair, "quoteBasis")
    if basis == "Currency2PerCurrency1":
        return first, second
    if basis == "Currency1PerCurrency2":
        return second, first
    raise RowRefused("quoteBasis", f"{shown(basis)} is neither way of quoting a pair.")


def _parts(exchange: Node, rate: Decimal) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return spot rate and points of a forward, in units of the rate, and what was worked out.

    Points stand in units of the rate, or in pips with the size of one beside them.
    """
    spot_node, points_node, pip_node = (
        exchange.one(name) for name in ("spotRate", "forwardPoints", "pointValue")
    )
    if spot_node is None:
        if points_node is not None:
            raise RowRefused("spotRate", "It is missing beside forwardPoints.")
        return None, None, ()
    spot = positive(spot_node.text, "spotRate")
    difference = ARITHMETIC.subtract(rate, Decimal(spot))
    if points_node is None:
        points = number_text(difference, "forwardPoints")
        return spot, points, noted(f"forward points {points} worked out from rate and spot rate")
    points = amount(points_node.text, "forwardPoints")
    if Decimal(points) == difference:
        return spot, points, ()
    if pip_node is not None:
        pip = positive(pip_node.text, "pointValue")
        if ARITHMETIC.multiply(Decimal(points), Decimal(pip)) == difference:
            worth = number_text(difference, "forwardPoints")
            return spot, worth, noted(f"forward points {points} of {pip} each: {worth}")
    raise RowRefused("forwardPoints", f"{spot} and {points} do not make the rate {rate}.")


def read_term_deposit(deposit: Node, we: str) -> Deposit:
    """Read a ``termDeposit``: who pays at the start places the money. Raises RowRefused."""
    _only(deposit, _DEPOSIT)
    received, other = _direction(deposit, we)
    principal = the(deposit, "principal")
    fixed_rate = amount(text_of(deposit, "fixedRate"), "fixedRate")
    percent = number_text(ARITHMETIC.multiply(Decimal(fixed_rate), _PER_CENT), "fixedRate")
    terms = {
        "currency": currency(text_of(principal, "currency"), "currency"),
        "principal": positive(text_of(principal, "amount"), "amount"),
        "rate_percent": percent,
        "day_count": day_count(text_of(deposit, "dayCountFraction"), "dayCountFraction"),
        "start_date": iso_date(text_of(deposit, "startDate"), "startDate").isoformat(),
        "end_date": iso_date(text_of(deposit, "maturityDate"), "maturityDate").isoformat(),
    }
    interest = deposit.one("interest")
    stated = (
        ()
        if interest is None
        else noted(f"the document states interest of {shown(interest.text or _money(interest))}")
    )
    return Deposit(placed=not received, terms=terms, other=other, notes=stated)


def _money(node: Node) -> str:
    return " ".join(child.text for child in node.children)
