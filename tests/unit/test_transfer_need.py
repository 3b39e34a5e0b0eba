"""What deals need of a transfer, from their terms alone."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from service.market.ecb import NoFixing
from service.trades.deals.fx_spot import FxSpotTerms
from service.transfers.lifecycle import TransferState, derived
from service.transfers.need import Booked, Part, funding_need, judged_parts, margin_need

DEAL, OTHER = UUID(int=1), UUID(int=2)
VALUE_DATE = date(2026, 10, 29)
TERMS = FxSpotTerms(
    side="buy",
    base="EUR",
    quote="USD",
    base_amount=Decimal("1000000.00"),
    rate=Decimal("1.1650"),
    trade_date=date(2026, 10, 27),
    value_date=VALUE_DATE,
    counterparty_id=UUID(int=3),
    portfolio_id=UUID(int=4),
    side_agreements="none",
)
RATES = {"USD": Decimal("1.1652"), "GBP": Decimal("0.8741")}


@pytest.mark.parametrize(
    ("currency", "until", "settled", "need"),
    [
        ("USD", VALUE_DATE, (), "1165000.00"),
        ("USD", date(2026, 10, 28), (), "0"),  # not due yet
        ("USD", VALUE_DATE, ("quote",), "0"),  # paid already
        ("EUR", VALUE_DATE, (), "0"),  # we receive it
        ("GBP", VALUE_DATE, (), "0"),
    ],
)
def test_a_deal_needs_what_its_unsettled_legs_still_pay(
    currency: str, until: date, settled: tuple[str, ...], need: str
) -> None:
    assert funding_need(Booked(TERMS, settled), currency, until) == Decimal(need)


@pytest.mark.parametrize(
    ("currency", "margin"), [("EUR", "50000.00"), ("USD", "58260.00"), ("GBP", "43705.00")]
)
def test_margin_is_five_per_cent_of_the_nominal_in_the_currency_s_worth(currency: str, margin: str) -> None:
    assert margin_need(Booked(TERMS), currency, RATES) == Decimal(margin)
    assert margin_need(Booked(TERMS, ("base", "quote")), currency, RATES) == 0


def test_without_a_rate_nobody_knows_the_margin() -> None:
    with pytest.raises(NoFixing):
        margin_need(Booked(TERMS), "CHF", RATES)


@pytest.mark.parametrize(
    ("parts", "amount", "taken", "findings"),
    [
        ([(DEAL, "60")], "60", {}, []),
        ([(DEAL, "60"), (DEAL, "40")], "100", {}, []),
        ([], "100", {}, ["no_breakdown"]),
        ([(DEAL, "60")], "100", {}, ["breakdown_differs"]),
        ([(DEAL, "60"), (DEAL, "41")], "101", {}, ["exceeds_need"]),
        ([(DEAL, "60")], "60", {DEAL: "41"}, ["exceeds_need"]),
        ([(OTHER, "60")], "60", {}, ["unknown_deal"]),
        ([(OTHER, "1"), (DEAL, "101")], "9", {}, ["breakdown_differs", "unknown_deal", "exceeds_need"]),
    ],
)
def test_A_03_what_is_asked_stands_beside_what_each_deal_needs(
    parts: list[tuple[UUID, str]], amount: str, taken: dict[UUID, str], findings: list[str]
) -> None:
    lines, found = judged_parts(
        [Part(deal, Decimal(part)) for deal, part in parts],
        Decimal(amount),
        {DEAL: Decimal(100)},
        {deal: Decimal(before) for deal, before in taken.items()},
    )
    assert found == findings
    assert len(lines) == len({deal for deal, _ in parts})


@pytest.mark.parametrize(
    ("control", "verdicts", "state"),
    [
        (None, [], "requested"),
        ("prepared", [], "prepared"),
        ("held", [], "held"),
        ("held", ["accept"], "held"),
        ("held", ["accept", "accept"], "accepted"),
        ("held", ["reject"], "refused"),
        ("held", ["accept", "reject"], "refused"),
        ("released", ["accept", "accept"], "released"),
    ],
)
def test_it_takes_two_offices_to_free_what_is_held_and_one_to_end_it(
    control: str | None, verdicts: list[str], state: str
) -> None:
    assert derived(control, verdicts) is TransferState(state)
