"""Confirmations in FpML 5, confirmation view: FX single legs and term deposits, seen from our side.

An element that could change what was agreed and is not understood refuses its trade; what only
describes it is left behind. Source: FpML 5.10, ``fpml-fx-5-10.xsd`` (FxCoreDetails, ExchangeRate,
TermDeposit); 5.0 to 5.13 share the namespace.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from service.importing.fpml_products import FxLeg, read_fx, read_term_deposit, text_of, the
from service.importing.rows import (
    DEPOSIT,
    LOAN,
    Defaults,
    Row,
    RowRefused,
    UnreadableFile,
    executed,
    fingerprint,
    instant,
    iso_date,
    named_day,
    noted,
    shown,
    whole,
)
from service.importing.xml_tree import Node, Repeated, read_tree
from service.kernel.calendar import NoCalendar, spot_date
from service.kernel.money import ARITHMETIC, UnknownCurrency, plain, quantize

NAMESPACE: Final = "http://www.fpml.org/FpML-5/confirmation"
ROOTS: Final = ("dataDocument", "requestConfirmation")
VERSION: Final = re.compile(r"\A5-([0-9]|1[0-3])\Z")
LEI_SCHEME: Final = "iso17442"
DESCRIBING: Final = frozenset({"tradeHeader", "documentation", "governingLaw", "brokerPartyReference"})


class _Party(msgspec.Struct, frozen=True):
    id: str
    names: tuple[str, ...]
    leis: tuple[str, ...]


def read_fpml(document: bytes, defaults: Defaults) -> Iterator[Row]:
    """Yield one row per trade of the document. Raises UnreadableFile."""
    root = plainly_named(read_tree(document))
    if root.name not in ROOTS:
        raise UnreadableFile(
            f"The document is {shown(root.name)}; {' and '.join(ROOTS)} of FpML 5 (confirmation view) are read.",
            line=root.line,
        )
    version = root.attributes.get("fpmlVersion", "")
    if VERSION.match(version) is None:
        raise UnreadableFile(f"The document is FpML {shown(version)}; 5-0 to 5-13 are read.", line=root.line)
    parties = _parties(root)
    trades = root.all("trade")
    if not trades:
        raise UnreadableFile("The document holds no trade.", line=root.line)
    corrects = any(node.text in {"true", "1"} for node in root.all("isCorrection"))
    for number, trade in enumerate(trades, 1):
        yield _row(number, trade, parties, defaults, corrects=corrects)


def plainly_named(node: Node) -> Node:
    """Take FpML's namespace off the names; elements of others keep theirs and so match nothing."""
    node.name = node.name.removeprefix(f"{NAMESPACE} ")
    for child in node.children:
        plainly_named(child)
    return node


def _parties(root: Node) -> dict[str, _Party]:
    parties: dict[str, _Party] = {}
    for node in root.all("party"):
        id_ = node.attributes.get("id", "")
        if not id_ or id_ in parties:
            raise UnreadableFile(f"The party {shown(id_)} has no id of its own.", line=node.line)
        named = node.all("partyId")
        parties[id_] = _Party(
            id_,
            tuple(name.text for name in named),
            tuple(
                name.text for name in named if name.attributes.get("partyIdScheme", "").endswith(LEI_SCHEME)
            ),
        )
    return parties


def _row(
    number: int, trade: Node, parties: Mapping[str, _Party], defaults: Defaults, *, corrects: bool
) -> Row:
    product = next((child for child in trade.children if child.name not in DESCRIBING), None)
    header = next(iter(trade.all("tradeHeader")), None)
    ids = (
        []
        if header is None
        else [id_.text for part in header.all("partyTradeIdentifier") for id_ in part.all("tradeId")]
    )
    source = " ".join(["trade" if product is None else product.name, *ids])[:80]
    named = {id_: parties[id_].names for id_ in _references(trade) if id_ in parties}
    mark = fingerprint("fpml", _content(trade), named)
    try:
        deal, notes = _deal(header, product, trade, parties, defaults, corrects=corrects)
    except RowRefused as refused:
        return Row(number, source, refusal=refused.sentence, field=refused.field, fingerprint=mark)
    except Repeated as twice:
        sentence = "It stands twice where one can."
        return Row(number, source, refusal=sentence, field=twice.name, fingerprint=mark)
    return Row(number, source, deal, notes=notes, fingerprint=mark)


def _content(node: Node) -> list[object]:
    """Return what an element says, free of layout and comments."""
    attributes = {name: said for name, said in node.attributes.items() if name != "id"}
    return [node.name, attributes, node.text, [_content(child) for child in node.children]]


def _references(node: Node) -> Iterator[str]:
    if "href" in node.attributes:
        yield node.attributes["href"]
    for child in node.children:
        yield from _references(child)


def _deal(
    header: Node | None,
    product: Node | None,
    trade: Node,
    parties: Mapping[str, _Party],
    defaults: Defaults,
    *,
    corrects: bool,
) -> tuple[dict[str, str], tuple[str, ...]]:
    if corrects:
        raise RowRefused(
            "isCorrection",
            "The document corrects an earlier one; a deal is corrected here, not entered anew.",
        )
    if header is None or product is None:
        raise RowRefused("trade", "The trade has no header or no product.")
    if product.name not in {"fxSingleLeg", "termDeposit"}:
        raise RowRefused(
            product.name,
            f"The product {shown(product.name)} is not dealt here; fxSingleLeg and termDeposit are read from this format.",
        )
    we = _we(parties, defaults)
    trade_date = iso_date(without_zone(text_of(header, "tradeDate")), "tradeDate")
    if product.name == "fxSingleLeg":
        leg = read_fx(product, we.id)
        terms, notes, other = *_fx_terms(leg, trade_date), leg.other
    else:
        deposit = read_term_deposit(product, we.id)
        dates = {"trade_date": trade_date.isoformat()}
        terms = {"type": DEPOSIT if deposit.placed else LOAN, **deposit.terms, **dates}
        notes, other = deposit.notes, deposit.other
    if other == we.id or other not in parties:
        raise RowRefused(
            "receiverPartyReference", f"The other side {shown(other)} is no other party of the document."
        )
    left = [child.name for child in trade.children if child is not product and child.name not in DESCRIBING]
    if left:
        notes += noted(f"not taken over: {', '.join(dict.fromkeys(left))}")
    party, named = _counterparty(parties[other], defaults)
    deal = whole(
        terms, defaults, counterparty=party, executed_at=_executed_at(header, we, trade_date, defaults)
    )
    return deal, notes + named


def _we(parties: Mapping[str, _Party], defaults: Defaults) -> _Party:
    said = defaults.we_are
    if said is None:
        raise RowRefused("we_are", f"Say which party we are: {', '.join(map(shown, parties))}, or our LEI.")
    found = [party for party in parties.values() if said == party.id or said in party.leis]
    if len(found) != 1:
        sentence = (
            f"{shown(said)} is more than one party of this document."
            if found
            else f"{shown(said)} is no party of this document."
        )
        raise RowRefused("we_are", sentence)
    return found[0]


def _counterparty(party: _Party, defaults: Defaults) -> tuple[str, tuple[str, ...]]:
    """Find the counterparty: the LEI of the document, else what the caller gave for its name."""
    if len(party.leis) == 1:
        return party.leis[0], ()
    known = defaults.counterparty
    if isinstance(known, str):
        return known, noted(f"the document has no LEI of {shown(party.id)}: taken as {known}")
    found = {known[name] for name in (party.id, *party.names) if name in known} if known else set()
    if len(found) != 1:
        raise RowRefused(
            "partyId", f"The document has no one LEI of {shown(party.id)}; say which counterparty it is."
        )
    return found.pop(), ()


def _executed_at(header: Node, we: _Party, trade_date: date, defaults: Defaults) -> str:
    """Say when the deal was struck: as our own part of the header has it, else as given for the file."""
    field = "executionDateTime"
    parts = [part for part in header.all("partyTradeInformation") if part.all(field)]
    if len(parts) > 1:
        parts = [part for part in parts if the(part, "partyReference").attributes.get("href") == we.id]
    return instant(text_of(parts[0], field), field) if parts else executed(defaults, trade_date, field)


def without_zone(text: str) -> str:
    """Take the time zone off a date, which XML Schema allows and no deal needs."""
    return re.sub(r"(Z|[+-][0-9]{2}:[0-9]{2})\Z", "", text)


# FX --------------------------------------------------------------------------------------------------


def _fx_terms(leg: FxLeg, trade_date: date) -> tuple[dict[str, str], tuple[str, ...]]:
    """Tell spot from forward, and hold the amounts against the rate."""
    value_date = iso_date(without_zone(leg.value_date), "valueDate")
    _check_amounts(leg)
    terms = {
        "side": "buy" if leg.base_received else "sell",
        "base": leg.base,
        "quote": leg.quote,
        "base_amount": leg.base_amount,
        "rate": leg.rate,
    }
    dates = {"trade_date": trade_date.isoformat(), "value_date": value_date.isoformat()}
    try:
        spot = spot_date(leg.base, leg.quote, trade_date)
    except NoCalendar:
        spot = value_date  # the service says which calendar is missing
    points = Decimal(leg.forward_points or 0)
    if leg.spot_rate is None or (not points and value_date <= spot):
        if value_date > spot:
            raise RowRefused(
                "spotRate",
                f"{leg.base}/{leg.quote} dealt on {trade_date} is due spot on {named_day(spot)}; value {value_date} makes it "
                "an FX forward, and the document states no spot rate.",
            )
        return {"type": "fx_spot", **terms, **dates}, leg.notes
    assert leg.forward_points is not None
    parts = {"spot_rate": leg.spot_rate, "forward_points": leg.forward_points}
    return {"type": "fx_forward", **terms, **parts, **dates}, leg.notes


def _check_amounts(leg: FxLeg) -> None:
    try:
        worth = quantize(ARITHMETIC.multiply(Decimal(leg.base_amount), Decimal(leg.rate)), leg.quote)
    except UnknownCurrency as unknown:
        raise RowRefused("currency", f"{unknown}.") from unknown
    if worth != Decimal(leg.quote_amount):
        raise RowRefused(
            "amount",
            f"{leg.base_amount} {leg.base} at {leg.rate} make {plain(worth)} {leg.quote}, "
            f"and the document says {leg.quote_amount} {leg.quote}.",
        )
