"""A deal told as a message tells it, and a message told in the fields that are matched."""

from datetime import date

from service.confirmations.matching import BROKER, CLAUSE, REFERENCE, SIDE_AGREEMENT, TYPE
from service.kernel.money import Money, plain
from service.messages.terms import (
    ConfirmedTerms,
    Form,
    Operation,
    PartyId,
    Product,
    SettlementAccount,
)
from service.trades.deals.deal import Terms, type_of
from service.trades.deals.fx import FxTerms, bought, sold
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.deals.money_market import interest, principal

NONE = "none"
"""What a ticket says where nothing was agreed beyond the terms."""


def confirmed_terms(
    terms: Terms,
    *,
    us: PartyId,
    them: PartyId,
    reference: str,
    previous: str | None = None,
    void: bool = False,
    our_account: SettlementAccount | None = None,
    their_account: SettlementAccount | None = None,
    clause: str = "",
    short: bool = False,
    broker: PartyId | None = None,
) -> ConfirmedTerms:
    """Say what we confirm, as we see it.

    ``previous``: the reference of the message that this one replaces, or takes back where it is ``void``.
    """
    said: dict[str, object]
    if isinstance(terms, FxTerms):
        said = {
            "value_date": terms.value_date,
            "bought": bought(terms),
            "sold": sold(terms),
            "rate": terms.rate,
        }
        if isinstance(terms, FxForwardTerms):
            said |= {"spot_rate": terms.spot_rate, "forward_points": terms.forward_points}
    else:
        lent = principal(terms)
        said = {
            "start_date": terms.start_date,
            "maturity_date": terms.end_date,
            "principal": lent,
            "interest": Money(interest(terms), lent.currency),
            "rate_percent": terms.rate_percent,
            "day_count": terms.day_count,
        }
    return ConfirmedTerms(
        product=Product(type_of(terms)),
        our_reference=reference,
        previous_reference=previous,
        operation=_operation(previous, void=void),
        party=us,
        counterparty=them,
        trade_date=terms.trade_date,
        our_account=our_account,
        their_account=their_account,
        form=Form.SHORT if short else Form.LONG,
        off_market_clause=clause or None,
        side_agreement=beyond(terms.side_agreements),
        broker=broker,
        **said,  # type: ignore[arg-type]  # the fields of the product, each of its type
    )


def _operation(previous: str | None, *, void: bool) -> Operation:
    if void:
        return Operation.CANCEL
    return Operation.NEW if previous is None else Operation.AMEND


def beyond(side_agreements: str) -> str | None:
    """Return what was agreed beyond the terms, or None where nothing was."""
    said = side_agreements.strip()
    return None if said.casefold().rstrip(".") in (NONE, "keine") else said


def fields_told(terms: ConfirmedTerms, sender_lei: str, receiver_lei: str) -> dict[str, str]:
    """Return what a message says in the fields that are matched, from its sender's point of view.

    A message that exchanges currencies does not say whether its sender calls that a spot deal or a forward.
    """
    fields = {"our_lei": sender_lei, "their_lei": receiver_lei, "trade_date": terms.trade_date.isoformat()}
    if terms.product.exchange:
        fields |= _exchange(terms)
    else:
        lends = terms.product is Product.MM_DEPOSIT
        fields |= _loan(terms) | {
            TYPE: terms.product.value,
            "lender_lei": sender_lei if lends else receiver_lei,
            "borrower_lei": receiver_lei if lends else sender_lei,
        }
    fields[REFERENCE] = terms.our_reference
    if terms.broker is not None:
        fields[BROKER] = terms.broker.lei or str(terms.broker)
    if terms.off_market_clause is not None:
        fields[CLAUSE] = terms.off_market_clause
    if terms.side_agreement is not None:
        fields[SIDE_AGREEMENT] = terms.side_agreement
    return {name: said for name, said in fields.items() if said}


def _exchange(terms: ConfirmedTerms) -> dict[str, str]:
    fields = {"value_date": _day(terms.value_date)}
    for side, money in (("buy", terms.bought), ("sell", terms.sold)):
        if money is not None:
            fields |= {f"{side}_currency": money.currency, f"{side}_amount": plain(money.amount)}
    for name in ("rate", "spot_rate", "forward_points"):
        said = getattr(terms, name)
        if said is not None:
            fields[name] = plain(said)
    return fields


def _loan(terms: ConfirmedTerms) -> dict[str, str]:
    fields = {
        "start_date": _day(terms.start_date),
        "end_date": _day(terms.maturity_date),
        "day_count": terms.day_count or "",
    }
    if terms.principal is not None:
        fields |= {"currency": terms.principal.currency, "principal": plain(terms.principal.amount)}
    if terms.interest is not None:
        fields["interest"] = plain(terms.interest.amount)
    if terms.rate_percent is not None:
        fields["rate_percent"] = plain(terms.rate_percent)
    return fields


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
