"""What the deals named in a transfer need, one by one: pure."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from service.kernel.database import plain_value
from service.kernel.money import ARITHMETIC, Money, quantize
from service.market.ecb import NoFixing, to_eur
from service.trades.deals.deal import Terms, cash_flows, nominal

MARGIN_RATE: Final = Decimal("0.05")
"""Margin a deal may call for, as a share of its nominal. A house figure of the demo bank, no regulation's."""

Finding = Literal["no_breakdown", "breakdown_differs", "unknown_deal", "no_rate", "exceeds_need"]


class Booked(msgspec.Struct, frozen=True):
    """A verified deal of the desk with the legs of it that have settled."""

    terms: Terms
    settled: Collection[str] = ()


class Part(msgspec.Struct, frozen=True):
    """The part of a transfer that is for one deal."""

    trade: UUID
    amount: Decimal


def funding_need(deal: Booked, currency: str, until: Any) -> Decimal:
    """Return what the deal's unsettled legs still pay in the currency up to a day; never negative."""
    return sum(
        (
            -flow.amount
            for flow in cash_flows(deal.terms)
            if flow.currency == currency
            and flow.amount < 0
            and flow.value_date <= until
            and flow.leg not in deal.settled
        ),
        Decimal(0),
    )


def margin_need(deal: Booked, currency: str, rates: Mapping[str, Decimal]) -> Decimal:
    """Return the margin of a deal that has not settled to its last leg, in the currency's worth at the fixing.

    Raises NoFixing.
    """
    if all(flow.leg in deal.settled for flow in cash_flows(deal.terms)):
        return Decimal(0)
    return quantize(ARITHMETIC.multiply(worth(nominal(deal.terms), currency, rates), MARGIN_RATE), currency)


def worth(money: Money, currency: str, rates: Mapping[str, Decimal]) -> Decimal:
    """Return an amount in another currency at the fixing, unrounded. Raises NoFixing."""
    if money.currency == currency:
        return money.amount
    in_eur = to_eur(money.amount, money.currency, rates)
    if currency == "EUR":
        return in_eur
    if currency not in rates:
        raise NoFixing(currency)
    return ARITHMETIC.multiply(in_eur, rates[currency])


def judged_parts(
    parts: Sequence[Part],
    amount: Decimal,
    needs: Mapping[UUID, Decimal | None],
    taken: Mapping[UUID, Decimal],
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Lay what is asked for each deal beside what it needs; return the lines and what is wrong, worst first.

    ``needs``: of the booked deals alone; None where no rate is known. ``taken``: what other transfers have for them.
    """
    asked: dict[UUID, Decimal] = {}
    for part in parts:
        asked[part.trade] = asked.get(part.trade, Decimal(0)) + part.amount
    findings: list[Finding] = []
    if not parts:
        findings.append("no_breakdown")
    elif sum(asked.values()) != amount:
        findings.append("breakdown_differs")
    lines = []
    for trade, wanted in asked.items():
        need, before = needs.get(trade), taken.get(trade, Decimal(0))
        line: dict[str, Any] = {"trade": trade, "asked": wanted, "taken": before}
        if trade not in needs:
            line["finding"] = "unknown_deal"
        elif need is None:
            line["finding"] = "no_rate"
        else:
            line["need"] = need
            if wanted > need - before:
                line["finding"] = "exceeds_need"
        findings += [line["finding"]] if "finding" in line else []
        lines.append({name: plain_value(value) for name, value in line.items()})
    return lines, list(dict.fromkeys(findings))
