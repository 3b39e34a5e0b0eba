"""Third-party messages give the figures known for them."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from service.kernel.money import Money
from service.messages.recognise import recognised
from service.messages.terms import Product


def test_the_published_mt300_gives_its_figures(folder: Path) -> None:
    terms = recognised((folder / "swift" / "MT300.txt").read_bytes(), "MT300.txt").terms

    assert (terms.product, terms.trade_date, terms.value_date) == (
        Product.FX_SPOT, date(2014, 8, 29), date(2014, 9, 2),
    )  # fmt: skip
    assert (terms.party.bic, terms.counterparty.bic) == ("ABCDHUH0XXX", "ABCDSKB0XXX")
    assert (terms.bought, terms.sold) == (Money(Decimal(200000), "USD"), Money(Decimal(46420000), "HUF"))
    assert (terms.rate, terms.quoted) == (Decimal("232.1"), ("USD", "HUF"))
    assert terms.remarks == ("22C is FOO12345678; parties and rate make it ABCDB02321ABCDH0",)
