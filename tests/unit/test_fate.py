"""What a bank's word does to a payment: only what fits in every field moves it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from service.settlement.fate import Fate, Finding, Target, Word, fate
from service.settlement.lifecycle import SettlementState

PAID = Target(
    state=SettlementState.RELEASED,
    currency="USD",
    amount=Decimal("-100.00"),
    paid=Decimal(0),
    pay_on=date(2026, 10, 29),
    bank="CHASUS33XXX",
    account="400",
    sent=True,
)
BOOKED = Word(
    sender="CHASUS33",
    code="BOOK",
    account="400",
    currency="USD",
    amount=Decimal("100.00"),
    credit=False,
    servicer_reference="R1",
)
REPORTED = Word(sender="CHASUS33", code="ACSP")
DAY = date(2026, 10, 29)
CODES = {"AC04"}


def judged(word: Word, target: Target = PAID, today: date = DAY, *, repeated: bool = False) -> Fate | Finding:
    return fate(word, target, today, repeated=repeated, codes=CODES)


@pytest.mark.parametrize(
    ("word", "target", "expected"),
    [
        (BOOKED, {}, Fate("settled")),
        (BOOKED, {"paid": Decimal(40), "state": SettlementState.PARTIAL}, "amount"),
        (replace(BOOKED, amount=Decimal(60)), {"paid": Decimal(40), "state": SettlementState.PARTIAL}, Fate("settled")),
        (replace(BOOKED, amount=Decimal(40)), {}, Fate("part", amount=Decimal(40))),
        (replace(BOOKED, credit=True), {"amount": Decimal(100), "sent": None}, Fate("settled")),
        (replace(BOOKED, code="PDNG"), {}, Fate("noted")),
        (replace(REPORTED, code="RCVD"), {}, Fate("noted")),
        (
            replace(REPORTED, code="RJCT", reasons=("XX01", "AC04"), additional="closed"),
            {},
            Fate("failed", code="AC04", reason="rejected by CHASUS33: XX01 AC04 closed"),
        ),
        (
            replace(REPORTED, code="RJCT", reasons=("XX01",)),
            {},
            Fate("failed", reason="rejected by CHASUS33: XX01"),
        ),
    ],
)  # fmt: skip
def test_what_fits_moves_the_payment(word: Word, target: dict[str, Any], expected: Fate | str) -> None:
    found = judged(word, replace(PAID, **target))
    assert (found.code if isinstance(found, Finding) else found) == expected


def test_money_that_came_back_is_returned_whole_or_looked_at() -> None:
    came_back = replace(BOOKED, credit=True)
    settled = replace(PAID, state=SettlementState.SETTLED, paid=Decimal("100.00"))
    found = judged(came_back, settled)
    assert isinstance(found, Fate)
    assert found.effect == "returned"
    less = judged(replace(came_back, amount=Decimal(99)), settled)
    assert isinstance(less, Finding)
    assert (less.code, less.field) == ("amount", "Amt")
    gone = judged(came_back, replace(PAID, state=SettlementState.PROJECTED))
    assert isinstance(gone, Finding)
    assert gone.code == "state"


@pytest.mark.parametrize(
    ("word", "target", "code", "field"),
    [
        ({"sender": "EVILUS33"}, {}, "other_sender", "sender"),
        ({"sender": "EVILUS33"}, {"bank": None}, "other_sender", "sender"),
        ({}, {"sent": False}, "never_sent", "EndToEndId"),
        ({}, {"newest": False}, "superseded", "EndToEndId"),
        ({"account": "401"}, {}, "other_account", "Acct"),
        ({"currency": "EUR"}, {}, "currency", "Amt"),
        ({"code": "WHAT"}, {}, "unknown_code", "Sts"),
        ({"amount": Decimal("100.01")}, {}, "amount", "Amt"),
        ({"amount": Decimal(0)}, {}, "amount", "Amt"),
        ({"amount": Decimal(1), "servicer_reference": None}, {}, "no_reference", "AcctSvcrRef"),
        ({}, {"state": SettlementState.SETTLED, "paid": Decimal(100)}, "duplicate", "EndToEndId"),
        ({}, {"state": SettlementState.HELD}, "state", "Sts"),
        ({}, {"pay_on": date(2026, 10, 30)}, "before_value_date", "BookgDt"),
        ({"credit": None, "code": "NOPE"}, {}, "unknown_code", "TxSts"),
        ({"credit": None, "code": "RJCT"}, {"state": SettlementState.SETTLED}, "state", "TxSts"),
    ],
)  # fmt: skip
def test_what_does_not_fit_waits_for_a_person_with_field_and_reason(
    word: dict[str, Any], target: dict[str, Any], code: str, field: str
) -> None:
    found = judged(replace(BOOKED, **word), replace(PAID, **target))
    assert isinstance(found, Finding)
    assert (found.code, found.field) == (code, field)
    assert found.reason


def test_an_entry_counts_once() -> None:
    found = judged(BOOKED, repeated=True)
    assert isinstance(found, Finding)
    assert (found.code, found.field) == ("duplicate", "AcctSvcrRef")
