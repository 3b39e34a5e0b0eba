"""What every office may ask of a deal without knowing its type."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from service.kernel.money import Money
from service.trades.deals.cash import Difference, TermsFinding
from service.trades.deals.deal import (
    MATERIAL,
    TYPES,
    Terms,
    cash_flows,
    check_terms,
    currencies,
    differences,
    exposure,
    findings,
    first_value_date,
    is_material,
    last_value_date,
    nominal,
    type_of,
    wording,
)
from tests.unit.test_fx_forward import FORWARD
from tests.unit.test_fx_spot import TERMS as SPOT
from tests.unit.test_money_market import DEPOSIT, LOAN

ALL: tuple[Terms, ...] = (SPOT, FORWARD, DEPOSIT, LOAN)


def test_every_type_has_its_name_in_json() -> None:
    assert (
        [type_of(terms) for terms in ALL] == list(TYPES) == ["fx_spot", "fx_forward", "mm_deposit", "mm_loan"]
    )
    for terms in ALL:
        stored = msgspec.json.encode(terms)
        assert msgspec.json.decode(stored, type=Terms) == terms
        assert msgspec.json.decode(stored)["type"] == type_of(terms)
        assert type(terms) is TYPES[type_of(terms)]


def test_proper_terms_of_every_type_pass() -> None:
    for terms in ALL:
        check_terms(terms)
        wrong = msgspec.structs.replace(terms, side_agreements="")
        assert [finding.code for finding in findings(wrong)] == ["side_agreements_missing"]
        with pytest.raises(TermsFinding):
            check_terms(wrong)


@pytest.mark.parametrize(
    ("terms", "legs", "paid_in", "first", "last"),
    [
        (SPOT, ["base", "quote"], ("GBP", "USD"), date(2001, 10, 25), date(2001, 10, 25)),
        (FORWARD, ["base", "quote"], ("EUR", "USD"), date(2001, 12, 21), date(2001, 12, 21)),
        (DEPOSIT, ["start", "maturity"], ("CHF",), date(2002, 2, 14), date(2002, 2, 15)),
        (LOAN, ["start", "maturity"], ("CHF",), date(2002, 2, 14), date(2002, 2, 15)),
    ],
)
def test_legs_lie_between_the_first_and_the_last_value_date(
    terms: Terms, legs: list[str], paid_in: tuple[str, ...], first: date, last: date
) -> None:
    flows = cash_flows(terms)

    assert [flow.leg for flow in flows] == legs
    assert currencies(terms) == paid_in
    assert {flow.currency for flow in flows} == set(paid_in)
    assert (first_value_date(terms), last_value_date(terms)) == (first, last)
    assert (min(flow.value_date for flow in flows), max(flow.value_date for flow in flows)) == (first, last)


@pytest.mark.parametrize(
    ("terms", "reserved", "size"),
    [
        (SPOT, "10,000,000.00 GBP", "10,000,000.00 GBP"),
        (msgspec.structs.replace(SPOT, side="sell"), "14,800,000.00 USD", "14,800,000.00 USD"),
        (FORWARD, "10,000,000.00 EUR", "10,000,000.00 EUR"),
        (DEPOSIT, "25,002,777.78 CHF", "25,002,777.78 CHF"),
        (LOAN, "0.00 CHF", "25,000,000.00 CHF"),
    ],
)
def test_a_limit_reserves_what_we_buy_or_get_back_and_nothing_for_what_we_take(
    terms: Terms, reserved: str, size: str
) -> None:
    assert str(exposure(terms)) == reserved
    assert str(nominal(terms)) == size
    assert isinstance(exposure(terms), Money)


def test_every_type_is_said_in_both_languages() -> None:
    starts = [wording(terms, "Bank X").split()[1] for terms in ALL]
    deutsch = [wording(terms, "Bank X", "de").split()[1] for terms in ALL]

    assert starts == ["buy", "buy", "place", "take"]
    assert deutsch == ["kaufen", "kaufen", "legen", "nehmen"]
    assert "(spot 0.913, points +0.0045)" in wording(FORWARD, "Bank X")


def test_changed_terms_are_listed_in_the_order_a_deal_is_read() -> None:
    changed = msgspec.structs.replace(
        FORWARD, value_date=date(2001, 12, 20), spot_rate=Decimal("0.8793"), rate=Decimal("0.8838")
    )

    assert [change.field for change in differences(FORWARD, changed)] == ["rate", "spot_rate", "value_date"]
    assert differences(DEPOSIT, msgspec.structs.replace(DEPOSIT, principal=Decimal("25000000.00"))) == []


def test_another_type_is_a_difference_before_all_others() -> None:
    assert differences(DEPOSIT, LOAN) == [Difference("type", "mm_deposit", "mm_loan")]

    to_forward = differences(SPOT, FORWARD)
    assert to_forward[0] == ("type", "fx_spot", "fx_forward")
    assert ("spot_rate", None, Decimal("0.9130")) in to_forward
    assert ("forward_points", Decimal("0.0045"), None) in differences(FORWARD, SPOT)


def test_SET_19_every_agreed_term_is_material_and_nothing_else_is() -> None:
    agreed = {field for terms in ALL for field in terms.__struct_fields__}

    assert {*agreed, "type"} == MATERIAL
    assert is_material(differences(SPOT, msgspec.structs.replace(SPOT, side_agreements="a break clause")))
    assert not is_material([Difference("executed_at", "10:00", "10:01")])
    assert not is_material([])
