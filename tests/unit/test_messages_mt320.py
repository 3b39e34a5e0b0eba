"""MT320: money placed or taken for a term, as the other side's back office writes it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from service.kernel.money import Money
from service.messages import mt300, mt320
from service.messages.recognise import recognised
from service.messages.terms import Operation, PartyId, Product, Unreadable, Unwritable
from tests.messages import deposit, fx

WRITTEN = mt320.write(deposit()).decode()


def changed(old: str, new: str) -> bytes:
    assert old in WRITTEN
    return WRITTEN.replace(old, new, 1).encode()


def test_what_is_written_says_who_lends_and_when_everything_is_due() -> None:
    text = WRITTEN.replace("\r\n", "\n")
    assert (
        ":15B:\n:17R:L\n:30T:20261028\n:30V:20261030\n:30P:20261102\n:32B:CHF25000000,\n"
        ":30X:20261102\n:34E:CHF8333,33\n:37G:4,\n:14D:ACT/360\n"
        ":15C:\n:57A:/7/11\nCAAMES2AXXX\n:15D:\n:57A:MARKDEFF\n-}"
    ) in text
    assert mt320.read(WRITTEN.encode()) == deposit()


def test_a_loan_says_that_the_sender_borrows() -> None:
    loan = deposit(product=Product.MM_LOAN, their_account=None, broker=PartyId(name="Broker Ltd"))
    content = mt320.write(loan)
    assert b":17R:B" in content
    assert mt320.read(content) == loan


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("ACT/365", "AFI/365"), ("ACT/ACT", "ACT/365"), ("30/360", "360/360"), ("30E/360", "30E/360")],
)
def test_the_same_letters_of_a_day_count_mean_other_things(ours: str, theirs: str) -> None:
    content = mt320.write(deposit(day_count=ours))
    assert f":14D:{theirs}\r\n".encode() in content
    assert mt320.read(content).day_count == ours


def test_negative_interest_carries_its_sign_with_the_rate() -> None:
    negative = deposit(rate_percent=Decimal("-0.5"), interest=Money(Decimal("-1041.67"), "CHF"))
    content = mt320.write(negative)
    assert b":34E:NCHF1041,67\r\n:37G:N0,5" in content
    assert mt320.read(content) == negative


def test_the_sign_of_the_rate_decides_and_a_deviating_one_of_the_interest_is_remarked() -> None:
    terms = mt320.read(changed(":34E:CHF8333,33", ":34E:NCHF8333,33"))
    assert terms.interest == Money(Decimal("8333.33"), "CHF")
    assert terms.remarks == ("34E is NCHF8333,33: its sign is not that of the rate, which decides",)


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        (":32B:CHF25000000,", ":32B:CHF0,", "32B", "is zero"),
        (":32B:CHF25000000,", ":32B:25000000,", "32B", "its currency is missing"),
        (":34E:CHF8333,33\r\n", "", "34E", "missing in sequence B"),
        (":34E:CHF8333,33", ":34E:EUR8333,33", "interest", "is not the currency of the principal"),
        (":37G:4,", ":37G:4%", "37G", "outside the set x"),
        (":14D:ACT/360", ":14D:ACT/364", "14D", "is none of"),
        (":30P:20261102", ":30P:20261301", "30P", "is no date"),
        (":30X:20261102", ":30X:20261101", "30X", "interest is due before maturity"),
        (":30P:20261102\r\n:32B:CHF25000000,\r\n:30X:20261102", ":30P:20261030\r\n:32B:CHF25000000,\r\n:30X:20261030",
         "maturity_date", "is not after the start"),
        (":30X:20261102", ":32H:CHF1,", "32H", "an amount to settle"),
        (":22B:CONF", ":22B:ROLL", "22B", "is none of CONF"),
        (":17R:L", ":17R:X", "17R", "is none of L, B"),
        (":15D:\r\n:57A:MARKDEFF\r\n", "", "15D", "sequence D is mandatory"),
        (":15D:", ":15G:", "15G", "tax on interest"),
        (":15C:", ":15B:", "15B", "stands twice"),
    ],
)  # fmt: skip
def test_a_broken_message_is_refused_with_field_and_reason(
    old: str, new: str, field: str, reason: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        recognised(changed(old, new), "x")
    assert refused.value.field == field
    assert reason in refused.value.reason


def test_an_exchange_is_no_deposit_and_the_other_way_round() -> None:
    with pytest.raises(Unwritable):
        mt320.write(fx())
    with pytest.raises(Unwritable):
        mt300.write(deposit())
    with pytest.raises(Unreadable, match="is an MT320, not an MT300"):
        mt300.read(WRITTEN.encode())


def test_a_deposit_without_interest_is_not_confirmed_by_this_format() -> None:
    with pytest.raises(Unwritable, match="states the interest"):
        mt320.write(deposit(interest=None))


def test_an_amendment_names_the_message_before_it() -> None:
    amended = replace(
        deposit(), operation=Operation.AMEND, previous_reference="MM-CHF-2", maturity_date=date(2026, 11, 3)
    )
    assert mt320.read(mt320.write(amended)) == amended
