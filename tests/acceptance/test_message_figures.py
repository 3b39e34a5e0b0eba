"""Third-party messages give the figures known for them."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from service.kernel.money import Money
from service.messages.camt053 import StatementReport
from service.messages.pacs009 import SCHEMA_FILE, validate, write
from service.messages.recognise import Confirmation, recognised
from service.messages.terms import ConfirmedTerms, Product, Unreadable
from tests.messages import ORDER


def confirmed(file: Path) -> ConfirmedTerms:
    message = recognised(file.read_bytes(), file.name)
    assert isinstance(message, Confirmation)
    return message.terms


def test_the_published_mt300_gives_its_figures(folder: Path) -> None:
    terms = confirmed(folder / "swift" / "MT300.txt")

    assert (terms.product, terms.trade_date, terms.value_date) == (
        Product.FX_SPOT, date(2014, 8, 29), date(2014, 9, 2),
    )  # fmt: skip
    assert (terms.party.bic, terms.counterparty.bic) == ("ABCDHUH0XXX", "ABCDSKB0XXX")
    assert (terms.bought, terms.sold) == (Money(Decimal(200000), "USD"), Money(Decimal(46420000), "HUF"))
    assert (terms.rate, terms.quoted) == (Decimal("232.1"), ("USD", "HUF"))
    assert terms.remarks == ("22C is FOO12345678; parties and rate make it ABCDB02321ABCDH0",)


def test_the_published_mt320_gives_its_figures(folder: Path) -> None:
    terms = confirmed(folder / "swift" / "MT320.txt")

    assert (terms.product, terms.principal) == (Product.MM_DEPOSIT, Money(Decimal("111.00"), "EUR"))
    assert (terms.start_date, terms.maturity_date) == (date(2009, 2, 24), date(2009, 2, 25))
    assert (terms.rate_percent, terms.day_count) == (Decimal(1), "ACT/360")
    assert terms.interest == Money(Decimal("0.00"), "EUR")
    assert terms.remarks == (
        "1978 characters behind the message were left out",
        "57a is missing in sequence C",
        "34E is NEUR0,00: its sign is not that of the rate, which decides",
    )


def test_the_published_fpml_spot_deal_gives_its_figures(folder: Path) -> None:
    terms = confirmed(folder / "fpml" / "fx-ex01-fx-spot.xml")

    assert (terms.product, terms.rate, terms.value_date) == (
        Product.FX_SPOT, Decimal("1.48"), date(2001, 10, 25),
    )  # fmt: skip
    assert (terms.bought, terms.sold) == (Money(Decimal(10000000), "GBP"), Money(Decimal(14800000), "USD"))
    assert (terms.our_reference, terms.their_reference) == ("CITI123", "BARC987")


def test_the_published_fpml_forward_gives_its_figures(folder: Path) -> None:
    terms = confirmed(folder / "fpml" / "fx-ex05-fx-fwd-w-ssi.xml")

    assert (terms.product, terms.value_date) == (Product.FX_FORWARD, date(2001, 12, 21))
    assert (terms.spot_rate, terms.forward_points, terms.rate) == (
        Decimal("0.9130"), Decimal("0.0045"), Decimal("0.9175"),
    )  # fmt: skip


def test_the_published_fpml_deposit_gives_its_figures(folder: Path) -> None:
    terms = confirmed(folder / "fpml" / "td-ex01-simple-term-deposit.xml")

    assert (terms.product, terms.principal) == (Product.MM_DEPOSIT, Money(Decimal("25000000.00"), "CHF"))
    assert (terms.rate_percent, terms.day_count) == (Decimal(4), "ACT/360")
    assert (terms.start_date, terms.maturity_date) == (date(2002, 2, 14), date(2002, 2, 15))


def test_the_published_fpml_swap_waits_for_a_person(folder: Path) -> None:
    with pytest.raises(Unreadable) as refused:
        confirmed(folder / "fpml" / "fx-ex08-fx-swap.xml")
    assert (refused.value.field, refused.value.reason) == (
        "fxSwap", "is not dealt here; fxSingleLeg and termDeposit are read",
    )  # fmt: skip


def test_the_published_statement_foots(folder: Path) -> None:
    report = recognised((folder / "camt" / "FI_camt_053_sample.xml").read_bytes(), "")

    assert isinstance(report, StatementReport)
    (statement,) = report.statements
    opening, closing = statement.balance("OPBD"), statement.balance("CLBD")
    assert opening is not None
    assert closing is not None
    moved = sum(entry.signed for entry in statement.entries)
    assert (opening.amount, moved, closing.amount) == (
        Decimal("10000.00"), Decimal("13644.83"), Decimal("23644.83"),
    )  # fmt: skip
    assert statement.difference == 0


def test_the_true_schema_takes_our_payment(folder: Path) -> None:
    schemas = Path(os.environ.get("TRENNWAND_SCHEMAS", folder / "xsd"))
    if not (schemas / SCHEMA_FILE).exists():
        reason = f"{SCHEMA_FILE} is not in {schemas}: it is not ours to give away (TRENNWAND_SCHEMAS names a folder)"
        print(reason)
        pytest.skip(reason)
    validate(write(ORDER), schemas)
