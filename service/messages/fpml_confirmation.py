"""FpML 5, confirmation view: ``fxSingleLeg`` and ``termDeposit`` as one side confirms them.

Source: FpML 5.10 (``fpml-confirmation-processes``, ``fpml-fx``, ``fpml-doc``); 5.0 to 5.13 share the
namespace. Who pays whom is absolute in FpML; the sender is named by ``onBehalfOf`` or ``sentBy``, else
taken to be the first party of the header, with a remark. A term deposit has no place for accounts.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from lxml.builder import ElementMaker

from service.importing.fpml import DESCRIBING, NAMESPACE, VERSION, plainly_named, without_zone
from service.importing.fpml_products import FxLeg, read_fx, read_term_deposit
from service.importing.rows import RowRefused, iso_date, shown
from service.importing.xml_tree import Node, Repeated
from service.kernel.calendar import NoCalendar, spot_date
from service.kernel.money import ARITHMETIC, Money, UnreadableAmount, parse_amount, plain
from service.messages.terms import (
    ConfirmedTerms,
    InvalidTerms,
    Operation,
    PartyId,
    Product,
    SettlementAccount,
    Unreadable,
    Unwritable,
)
from service.messages.xml_messages import as_unreadable, every, maybe, read_root, text, the, written

ROOTS: Final = ("dataDocument", "requestConfirmation", "requestConfirmationRetracted", "confirmationAgreed")
LEI_SCHEME: Final = "http://www.fpml.org/coding-scheme/external/iso17442"
BIC_SCHEME: Final = "http://www.fpml.org/coding-scheme/external/iso9362"
_OUR_SCHEME: Final = "urn:trennwand:trade-id"
_MESSAGE_SCHEME: Final = "urn:trennwand:message-id"
_PERCENT: Final = Decimal(100)
_CLAUSE: Final = "off-market-clause"
_SIDE: Final = "side-agreement"
_DAY_COUNTS: Final = {
    "ACT/360": "ACT/360",
    "ACT/365": "ACT/365.FIXED",
    "ACT/ACT": "ACT/ACT.ISDA",
    "30/360": "30/360",
    "30E/360": "30E/360",
}


def silent_on(product: Product) -> frozenset[str]:
    """Name the terms for which the format has no place."""
    return frozenset({"form"} if product.exchange else {"form", "our_account", "their_account"})


# Reading ---------------------------------------------------------------------------------------------


def read(content: bytes, sender: str | None = None) -> ConfirmedTerms:
    """Read the one trade of a document as its sender sees it; ``sender``: its LEI, BIC or id, if it is known.

    Raises Unreadable.
    """
    return read_document(read_root(content), sender)


def read_document(root: Node, sender: str | None = None) -> ConfirmedTerms:
    """Read a document that was taken apart. Raises Unreadable."""
    plainly_named(root)
    if root.name not in ROOTS:
        raise Unreadable("document", f"{shown(root.name)} is not read here; {', '.join(ROOTS)} are")
    version = root.attributes.get("fpmlVersion", "")
    if VERSION.match(version) is None:
        raise Unreadable("fpmlVersion", f"{shown(version)} is not read here; 5-0 to 5-13 are")
    trades = root.all("trade")
    if len(trades) != 1:
        raise Unreadable("trade", f"the document holds {len(trades)} trades; a confirmation is of one")
    try:
        return _terms(root, trades[0], sender)
    except (RowRefused, Repeated) as wrong:
        raise as_unreadable(wrong) from wrong
    except InvalidTerms as wrong:
        raise Unreadable(wrong.field, wrong.reason) from wrong


def _terms(root: Node, trade: Node, said: str | None) -> ConfirmedTerms:
    header = the(trade, "tradeHeader")
    parties = _parties(root)
    us, remarks = _sender(root, header, parties, said)
    product = _product(trade)
    trade_date = iso_date(without_zone(the(header, "tradeDate").text), "tradeDate")
    if product.name == "fxSingleLeg":
        leg = read_fx(product, us)
        them, facts = leg.other, _exchange(leg, trade_date, product)
    else:
        them, facts = _deposit(product, us)
    if them == us or them not in parties:
        raise Unreadable("receiverPartyReference", f"{shown(them)} is no other party of the document")
    ours = _trade_id(header, us)
    if ours is None:
        raise Unreadable("tradeId", "missing: the sender's reference of the trade")
    operation = _operation(root)
    return ConfirmedTerms(
        **facts,
        operation=operation,
        our_reference=ours,
        their_reference=_trade_id(header, them),
        previous_reference=None if operation is Operation.NEW else the(root, "correlationId").text,
        party=parties[us],
        counterparty=parties[them],
        trade_date=trade_date,
        broker=_broker(trade, parties),
        off_market_clause=_attached(trade, _CLAUSE),
        side_agreement=_attached(trade, _SIDE),
        remarks=remarks,
    )


def _product(trade: Node) -> Node:
    products = [child for child in trade.children if child.name not in DESCRIBING]
    if not products:
        raise Unreadable("trade", "holds no product")
    product, *others = products
    if product.name not in {"fxSingleLeg", "termDeposit"}:
        raise Unreadable(product.name[:40], "is not dealt here; fxSingleLeg and termDeposit are read")
    if others:
        raise Unreadable(others[0].name[:40], "the trade has a part that is not understood here")
    return product


def _operation(root: Node) -> Operation:
    if root.name == "requestConfirmationRetracted":
        return Operation.CANCEL
    return Operation.AMEND if text(root, "isCorrection") in {"true", "1"} else Operation.NEW


def _parties(root: Node) -> dict[str, PartyId]:
    parties: dict[str, PartyId] = {}
    for node in root.all("party"):
        id_ = node.attributes.get("id", "")
        if not id_ or id_ in parties:
            raise Unreadable("party", f"{shown(id_)} is no id of its own")
        ids = [(one.attributes.get("partyIdScheme", ""), one.text) for one in node.all("partyId")]
        leis = [said for scheme, said in ids if scheme.endswith("iso17442")]
        bics = [said for scheme, said in ids if scheme.endswith("iso9362")]
        others = [said for scheme, said in ids if not scheme.endswith(("iso17442", "iso9362"))]
        if len(leis) > 1 or len(bics) > 1:
            raise Unreadable("partyId", f"{shown(id_)} has more than one LEI or BIC")
        names = [text(node, "partyName"), *([] if leis or bics else others)]
        try:
            parties[id_] = PartyId(
                lei=leis[0] if leis else None,
                bic=bics[0] if bics else None,
                name=next((name for name in names if name), None),
            )
        except InvalidTerms as wrong:
            raise Unreadable("partyId", wrong.reason) from wrong
    return parties


def _sender(
    root: Node, header: Node, parties: Mapping[str, PartyId], said: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return the id of the party that speaks, and what was assumed."""
    behalf = maybe(root, "onBehalfOf", "partyReference")
    if said is None and behalf is not None and behalf.attributes.get("href") in parties:
        return behalf.attributes["href"], ()
    name = said or text(root, "header", "sentBy")
    known = [id_ for id_, party in parties.items() if name in {id_, party.lei, party.bic, party.name}]
    if name is not None and len(known) == 1:
        return known[0], ()
    if said is not None:
        raise Unreadable("sender", f"{shown(said)} is no party of this document")
    first = next(every(header, "partyTradeIdentifier", "partyReference"), None)
    id_ = "" if first is None else first.attributes.get("href", "")
    if id_ not in parties:
        raise Unreadable("partyReference", f"{shown(id_)} is no party of this document")
    return id_, (f"the document does not say which party sends it: taken for {shown(id_)}",)


def _trade_id(header: Node, party: str) -> str | None:
    for part in header.all("partyTradeIdentifier"):
        if the(part, "partyReference").attributes.get("href") == party:
            ids = [*every(part, "tradeId"), *every(part, "versionedTradeId", "tradeId")]
            return ids[0].text if ids else None
    return None


def _exchange(leg: FxLeg, trade_date: date, product: Node) -> dict[str, Any]:
    value_date = iso_date(without_zone(leg.value_date), "valueDate")
    try:
        spot = spot_date(leg.base, leg.quote, trade_date)
    except NoCalendar:
        spot = value_date
    points = Decimal(leg.forward_points or 0)
    forward = value_date > spot or bool(points)
    base, quote = (
        Money(Decimal(leg.base_amount), leg.base),
        Money(Decimal(leg.quote_amount), leg.quote),
    )
    bought, sold = (base, quote) if leg.base_received else (quote, base)
    return {
        "product": Product.FX_FORWARD if forward else Product.FX_SPOT,
        "value_date": value_date,
        "bought": bought,
        "sold": sold,
        "rate": Decimal(leg.rate),
        "spot_rate": Decimal(leg.spot_rate) if forward and leg.spot_rate is not None else None,
        "forward_points": points if forward and leg.spot_rate is not None else None,
        "our_account": _account(product, bought.currency),
        "their_account": _account(product, sold.currency),
    }


def _account(product: Node, currency: str) -> SettlementAccount | None:
    """Return where the receiver of a currency is paid, where the payment says so."""
    for flow in (child for child in product.children if child.name.startswith("exchangedCurrency")):
        if text(flow, "paymentAmount", "currency") == currency:
            instruction = maybe(flow, "settlementInformation", "settlementInstruction")
            return None if instruction is None else _instructed(instruction)
    return None


def _instructed(instruction: Node) -> SettlementAccount | None:
    ids = list(every(instruction, "beneficiaryBank", "routingIds", "routingId"))
    bics = [one.text for one in ids if one.attributes.get("routingIdCodeScheme", "").endswith("iso9362")]
    accounts = [
        node.text
        for form in ("routingExplicitDetails", "routingIdsAndExplicitDetails")
        for node in every(instruction, "beneficiary", form, "routingAccountNumber")
    ]
    if not bics and not accounts:
        return None
    return SettlementAccount(bic=bics[0] if bics else None, account=accounts[0] if accounts else None)


def _deposit(product: Node, us: str) -> tuple[str, dict[str, Any]]:
    read = read_term_deposit(product, us)
    terms = read.terms
    principal = Money(Decimal(terms["principal"]), terms["currency"])
    return read.other, {
        "product": Product.MM_DEPOSIT if read.placed else Product.MM_LOAN,
        "start_date": iso_date(terms["start_date"], "startDate"),
        "maturity_date": iso_date(terms["end_date"], "maturityDate"),
        "principal": principal,
        "interest": _interest(product),
        "rate_percent": Decimal(terms["rate_percent"]),
        "day_count": terms["day_count"],
    }


def _interest(product: Node) -> Money | None:
    node = maybe(product, "interest")
    if node is None:
        return None
    try:
        return Money(parse_amount(the(node, "amount").text), the(node, "currency").text)
    except UnreadableAmount as wrong:
        raise Unreadable("interest", str(wrong)) from wrong


def _broker(trade: Node, parties: Mapping[str, PartyId]) -> PartyId | None:
    node = maybe(trade, "brokerPartyReference")
    if node is None:
        return None
    href = node.attributes.get("href", "")
    if href not in parties:
        raise Unreadable("brokerPartyReference", f"{shown(href)} is no party of this document")
    return parties[href]


def _attached(trade: Node, id_: str) -> str | None:
    for node in every(trade, "documentation", "attachment"):
        if text(node, "resourceId") == id_:
            return text(node, "string")
    return None


# Writing ---------------------------------------------------------------------------------------------

_E: Final = ElementMaker(namespace=NAMESPACE, nsmap={None: NAMESPACE})


def write(terms: ConfirmedTerms, *, made_at: datetime) -> bytes:
    """Write a confirmation; ``made_at``: when it was made, aware. Raises Unwritable."""
    retracted = terms.operation is Operation.CANCEL
    root = _E("requestConfirmationRetracted" if retracted else "requestConfirmation", fpmlVersion="5-10")
    root.append(_message_header(terms, made_at))
    if not retracted:
        root.append(_E("isCorrection", "true" if terms.operation is Operation.AMEND else "false"))
    correlation = terms.previous_reference or terms.our_reference
    root.append(_E("correlationId", correlation, correlationIdScheme=_MESSAGE_SCHEME))
    root.append(_E("sequenceNumber", "1" if terms.operation is Operation.NEW else "2"))
    root.append(_E("onBehalfOf", _reference("partyReference", "us")))
    root.append(_trade(terms))
    root.append(_party("us", terms.party))
    root.append(_party("them", terms.counterparty))
    if terms.broker is not None:
        root.append(_party("broker", terms.broker))
    return written(root)


def _message_header(terms: ConfirmedTerms, made_at: datetime) -> Any:
    moment = made_at.astimezone(UTC)
    return _E(
        "header",
        _E("messageId", f"{terms.our_reference}-{moment:%Y%m%dT%H%M%SZ}", messageIdScheme=_MESSAGE_SCHEME),
        _E("sentBy", _address(terms.party)),
        _E("sendTo", _address(terms.counterparty)),
        _E("creationTimestamp", f"{moment:%Y-%m-%dT%H:%M:%SZ}"),
    )


def _address(party: PartyId) -> str:
    return party.lei or party.bic or party.name or ""


def _reference(name: str, id_: str) -> Any:
    return _E(name, href=id_)


def _trade(terms: ConfirmedTerms) -> Any:
    header = _E("tradeHeader", _identifier("us", terms.our_reference))
    if terms.their_reference is not None:
        header.append(_identifier("them", terms.their_reference))
    header.append(_E("tradeDate", terms.trade_date.isoformat()))
    trade = _E("trade", header, _fx(terms) if terms.product.exchange else _term_deposit(terms))
    if terms.broker is not None:
        trade.append(_reference("brokerPartyReference", "broker"))
    attached = [
        _E("attachment", _E("resourceId", id_), _E("resourceType", "Confirmation"), _E("mimeType", "text/plain"), _E("string", said))
        for id_, said in ((_CLAUSE, terms.off_market_clause), (_SIDE, terms.side_agreement))
        if said is not None
    ]  # fmt: skip
    if attached:
        trade.append(_E("documentation", *attached))
    return trade


def _identifier(party: str, reference: str) -> Any:
    return _E(
        "partyTradeIdentifier",
        _reference("partyReference", party),
        _E("tradeId", reference, tradeIdScheme=_OUR_SCHEME),
    )


def _fx(terms: ConfirmedTerms) -> Any:
    assert terms.bought is not None
    assert terms.sold is not None
    assert terms.rate is not None
    assert terms.value_date is not None
    base, quote = terms.quoted
    exchange = _E(
        "exchangeRate",
        _E("quotedCurrencyPair", _E("currency1", base), _E("currency2", quote), _E("quoteBasis", "Currency2PerCurrency1")),
        _E("rate", plain(terms.rate)),
    )  # fmt: skip
    if terms.spot_rate is not None:
        exchange.append(_E("spotRate", plain(terms.spot_rate)))
        points = terms.forward_points
        exchange.append(
            _E("forwardPoints", plain(terms.rate - terms.spot_rate if points is None else points))
        )
    return _E(
        "fxSingleLeg",
        _flow("exchangedCurrency1", "them", "us", terms.bought, terms.our_account, terms.party),
        _flow("exchangedCurrency2", "us", "them", terms.sold, terms.their_account, terms.counterparty),
        _E("valueDate", terms.value_date.isoformat()),
        exchange,
    )


def _flow(
    name: str, payer: str, receiver: str, money: Money, account: SettlementAccount | None, owner: PartyId
) -> Any:
    flow = _E(
        name,
        _reference("payerPartyReference", payer),
        _reference("receiverPartyReference", receiver),
        _E("paymentAmount", _E("currency", money.currency), _E("amount", plain(money.amount))),
    )
    if account is not None:
        instruction = _E("settlementInstruction")
        if account.bic is not None:
            id_ = _E("routingId", account.bic, routingIdCodeScheme=BIC_SCHEME)
            instruction.append(_E("beneficiaryBank", _E("routingIds", id_)))
        details = _E("routingExplicitDetails", _E("routingName", str(owner)))
        if account.account is not None:
            details.append(_E("routingAccountNumber", account.account))
        instruction.append(_E("beneficiary", details))
        flow.append(_E("settlementInformation", instruction))
    return flow


def _term_deposit(terms: ConfirmedTerms) -> Any:
    assert terms.start_date is not None
    assert terms.maturity_date is not None
    assert terms.principal is not None
    assert terms.rate_percent is not None
    if terms.rate_percent <= 0:
        raise Unwritable("rate_percent", "FpML's term deposit has a rate above zero; send another format")
    if terms.day_count not in _DAY_COUNTS:
        raise Unwritable("day_count", f"{terms.day_count} has no code in FpML")
    placed = terms.product is Product.MM_DEPOSIT
    payer, receiver = ("us", "them") if placed else ("them", "us")
    deposit = _E(
        "termDeposit",
        _reference("payerPartyReference", payer),
        _reference("receiverPartyReference", receiver),
        _E("startDate", terms.start_date.isoformat()),
        _E("maturityDate", terms.maturity_date.isoformat()),
        _amount("principal", terms.principal),
        _E("fixedRate", plain(ARITHMETIC.divide(terms.rate_percent, _PERCENT))),
        _E("dayCountFraction", _DAY_COUNTS[terms.day_count]),
    )
    if terms.interest is not None:
        deposit.append(_amount("interest", terms.interest))
    return deposit


def _amount(name: str, money: Money) -> Any:
    return _E(name, _E("currency", money.currency), _E("amount", plain(money.amount)))


def _party(id_: str, party: PartyId) -> Any:
    node = _E("party", id=id_)
    if party.lei is not None:
        node.append(_E("partyId", party.lei, partyIdScheme=LEI_SCHEME))
    if party.bic is not None:
        node.append(_E("partyId", party.bic, partyIdScheme=BIC_SCHEME))
    if party.lei is None and party.bic is None:
        node.append(_E("partyId", party.name))
    if party.name is not None:
        node.append(_E("partyName", party.name))
    return node
