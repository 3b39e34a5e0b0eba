"""Files that other projects published, read as ``trennwand import`` reads them."""

from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

from service.importing.reading import read
from service.importing.rows import Defaults, Row

CENTRAL = "529900DTJ5A7S5UCBB52"
MORNING = time(10, tzinfo=ZoneInfo("Europe/Berlin"))
DEFAULTS = Defaults(counterparty={"CME": CENTRAL}, portfolio="FX", executed_at=MORNING, we_are="party1")


def only(path: Path) -> Row:
    (row,) = read(path, DEFAULTS)
    return row


def test_the_spot_deal_of_fpml(folder: Path) -> None:
    row = only(folder / "fpml" / "fx-ex01-fx-spot.xml")

    assert row.source == "fxSingleLeg CITI123 BARC987"
    assert row.deal == {
        "type": "fx_spot", "side": "buy", "base": "GBP", "quote": "USD", "base_amount": "10000000", "rate": "1.48",
        "trade_date": "2001-10-23", "value_date": "2001-10-25", "counterparty": "529900DTJ5A7S5UCBB52", "portfolio": "FX",
        "executed_at": "2001-10-23T08:00:00Z", "side_agreements": "none",
    }  # fmt: skip


def test_the_forward_of_fpml(folder: Path) -> None:
    row = only(folder / "fpml" / "fx-ex05-fx-fwd-w-ssi.xml")

    assert row.deal is not None
    assert dict(row.deal) == {
        "type": "fx_forward", "side": "buy", "base": "EUR", "quote": "USD", "base_amount": "10000000", "rate": "0.9175",
        "spot_rate": "0.9130", "forward_points": "0.0045", "trade_date": "2001-11-19", "value_date": "2001-12-21",
        "counterparty": "213800QILIUD4ROSUO03", "portfolio": "FX", "executed_at": "2001-11-19T09:00:00Z",
        "side_agreements": "none",
    }  # fmt: skip


def test_the_term_deposit_of_fpml(folder: Path) -> None:
    row = only(folder / "fpml" / "td-ex01-simple-term-deposit.xml")

    assert row.deal is not None
    assert dict(row.deal) == {
        "type": "mm_deposit", "currency": "CHF", "principal": "25000000.00", "rate_percent": "4", "day_count": "ACT/360",
        "start_date": "2002-02-14", "end_date": "2002-02-15", "trade_date": "2002-02-14",
        "counterparty": "BFXS5XCH7N0Y05NIXW11", "portfolio": "FX", "executed_at": "2002-02-14T09:00:00Z",
        "side_agreements": "none",
    }  # fmt: skip


def test_the_swap_of_fpml_is_refused_by_its_name(folder: Path) -> None:
    row = only(folder / "fpml" / "fx-ex08-fx-swap.xml")

    assert row.deal is None
    assert row.field == "fxSwap"
    assert row.refusal is not None
    assert "'fxSwap'" in row.refusal


def test_the_table_of_strata(folder: Path) -> None:
    rows = list(read(folder / "strata" / "fxtrades.csv", DEFAULTS))
    deals = [row.deal for row in rows if row.deal is not None]

    assert deals == [
        {
            "type": "fx_spot", "side": "sell", "base": "USD", "quote": "INR", "base_amount": "3850000", "rate": "67.4",
            "trade_date": "2016-12-06", "value_date": "2016-12-08", "counterparty": CENTRAL, "portfolio": "FX",
            "executed_at": "2016-12-06T09:00:00Z", "side_agreements": "none",
        },
        {
            "type": "fx_spot", "side": "buy", "base": "EUR", "quote": "CZK", "base_amount": "1920000", "rate": "25.62",
            "trade_date": "2016-12-22", "value_date": "2016-12-24", "counterparty": CENTRAL, "portfolio": "FX",
            "executed_at": "2016-12-22T09:00:00Z", "side_agreements": "none",
        },
    ]  # fmt: skip
    assert [(row.source, (row.refusal or "").split(";")[0]) for row in rows[2:]] == [
        ("FxSwap OG~tradeId11 USD/CAD", "'FxSwap' is an FX swap, two exchanges in one"),
        ("Fx Swap OG~tradeId12 USD/CAD", "'Fx Swap' is an FX swap, two exchanges in one"),
        ("Bullet OG~tradeId21", "'Bullet' is a single payment"),
        ("BulletPayment OG~tradeId22", "'BulletPayment' is a single payment"),
        ("FxVanillaOption OG~tradeId31 USD/CAD", "'FxVanillaOption' is an FX option"),
    ]


def test_the_saturday_of_strata_moves_to_the_next_target_day_where_asked(folder: Path) -> None:
    rolling = Defaults(counterparty=CENTRAL, portfolio="FX", executed_at=MORNING, roll="following")
    row = list(read(folder / "strata" / "fxtrades.csv", rolling))[1]

    assert row.deal is not None
    assert row.deal["value_date"] == "2016-12-27"
    assert row.notes == ("payment moved from Saturday 2016-12-24 to 2016-12-27",)
