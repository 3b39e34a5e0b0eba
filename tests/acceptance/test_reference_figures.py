"""Deals that other projects published, and figures worked out without us.

The files stay in the folder named by ACCEPTANCE_DATA (FpML samples, a SWIFT MT300, a table of
Strata); its ORIGIN.md says where each comes from. The rates are the ECB's own.
"""

import csv
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from service.bookkeeping.posting import imbalances, settlement_lines, trade_date_lines
from service.confirmations.matching import as_we_see_it, match, ours
from service.kernel.calendar import is_business_day, spot_date
from service.kernel.identifiers import check_bic, check_lei
from service.kernel.money import quantize
from service.market.ecb import by_day, cross, demo_archive, read_fixings, to_eur
from service.trades.deals.fx_spot import FxSpotTerms, TermsFinding, cash_flows, check_terms
from tests.acceptance.published import read_fpml, read_mt300, swift_amount, swift_date

Rates = dict[date, dict[str, Decimal]]
GBP_USD, EUR_USD, USD_HUF = ("GBP", "USD"), ("EUR", "USD"), ("USD", "HUF")


@pytest.fixture(scope="module")
def rates() -> Rates:
    return by_day(read_fixings(demo_archive()))


def terms_of(side: str, pair: tuple[str, str], amount: Decimal, rate: str, *days: date) -> FxSpotTerms:
    assert side in {"buy", "sell"}
    return FxSpotTerms(
        side="buy" if side == "buy" else "sell",
        base=pair[0],
        quote=pair[1],
        base_amount=amount,
        rate=Decimal(rate),
        trade_date=days[0],
        value_date=days[1],
        counterparty_id=UUID(int=1),
        portfolio_id=UUID(int=2),
        side_agreements="none",
    )


def off_market_bp(rate: Decimal, reference: Decimal) -> int:
    """Deviation from the reference in basis points; positive: above it."""
    return int(((rate / reference - 1) * 10_000).to_integral_value())


def test_ecb_fixing_days_and_target_days_are_the_same_days(rates: Rates) -> None:
    first, last = date(1999, 1, 4), date(2026, 10, 30)
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))

    assert (len(rates), min(rates), max(rates)) == (7126, first, last)
    assert {day for day in every if is_business_day(day, "EUR")} == set(rates)


@pytest.fixture(scope="module")
def gbp_usd(folder: Path) -> FxSpotTerms:
    leg, _ = read_fpml(folder / "fpml/fx-ex01-fx-spot.xml", "fxSingleLeg")
    assert (leg.receives[0], leg.pays) == ("GBP", ("USD", Decimal(14_800_000)))
    return terms_of("buy", GBP_USD, leg.receives[1], str(leg.rate), leg.trade_date, leg.value_date)


def test_fpml_fx_ex01_is_a_proper_spot_deal(gbp_usd: FxSpotTerms, folder: Path) -> None:
    _, leis = read_fpml(folder / "fpml/fx-ex01-fx-spot.xml", "fxSingleLeg")

    check_terms(gbp_usd)
    assert spot_date(*GBP_USD, gbp_usd.trade_date) == gbp_usd.value_date == date(2001, 10, 25)
    assert [flow.amount for flow in cash_flows(gbp_usd)] == [Decimal(10_000_000), Decimal(-14_800_000)]
    assert [check_lei(lei) for lei in leis] == leis
    assert len(leis) == 2


def test_fpml_fx_ex01_lies_422_bp_above_the_market(gbp_usd: FxSpotTerms, rates: Rates) -> None:
    reference = cross(rates[gbp_usd.trade_date], *GBP_USD)

    assert reference.quantize(Decimal("0.00001")) == Decimal("1.42010")
    assert off_market_bp(gbp_usd.rate, reference) == 422


def test_fpml_fx_ex01_is_booked_in_euro_to_the_cent(gbp_usd: FxSpotTerms, rates: Rates) -> None:
    journal = trade_date_lines(gbp_usd, rates[gbp_usd.trade_date])
    off_balance = [line.eur_amount for line in journal if line.account in {"9010", "9020"}]

    assert off_balance == [Decimal("15979546.18"), Decimal("-16653538.88")]
    assert sum(off_balance) == Decimal("-673992.70")
    assert imbalances(journal) == {}
    settled = [settlement_lines(gbp_usd, leg, journal) for leg in GBP_USD]
    left = [line for lines in (journal, *settled) for line in lines if line.account in {"9010", "9020"}]
    assert sum(line.eur_amount for line in left) == 0
    assert imbalances(left) == {}


@pytest.mark.parametrize(
    ("day", "worth"),
    [
        (date(2001, 10, 23), "-673992.70"),
        (date(2001, 10, 24), "-615410.33"),
        (date(2001, 10, 25), "-624150.85"),
    ],
)
def test_fpml_fx_ex01_is_worth_this_in_euro_day_by_day(
    gbp_usd: FxSpotTerms, rates: Rates, day: date, worth: str
) -> None:
    gbp, usd = (flow.amount / rates[day][flow.currency] for flow in cash_flows(gbp_usd))

    assert quantize(gbp + usd, "EUR") == Decimal(worth)
    by_leg = sum(to_eur(flow.amount, flow.currency, rates[day]) for flow in cash_flows(gbp_usd))
    assert abs(by_leg - Decimal(worth)) <= Decimal(
        "0.01"
    )  # accounting rounds each leg, the known figure once


@pytest.mark.parametrize(
    ("file", "leg", "pair", "bp"),
    [
        ("fpml/fx-ex05-fx-fwd-w-ssi.xml", "fxSingleLeg", EUR_USD, 383),
        ("fpml/fx-ex08-fx-swap.xml", "nearLeg", GBP_USD, 366),
    ],
)
def test_other_fpml_deals_lie_off_the_market_as_known(
    folder: Path, rates: Rates, file: str, leg: str, pair: tuple[str, str], bp: int
) -> None:
    deal, _ = read_fpml(folder / file, leg)

    assert off_market_bp(deal.spot_rate or deal.rate, cross(rates[deal.trade_date], *pair)) == bp


@pytest.fixture(scope="module")
def mt300(folder: Path) -> dict[str, str]:
    return read_mt300(folder / "swift/MT300.txt")


@pytest.fixture(scope="module")
def usd_huf(mt300: dict[str, str]) -> FxSpotTerms:
    """The deal as the bank in field 82A sees it: 32B is what it bought."""
    currency, amount = swift_amount(mt300["32B"])
    assert currency == "USD"
    days = swift_date(mt300["30T"]), swift_date(mt300["30V"])
    return terms_of("buy", USD_HUF, amount, mt300["36"].replace(",", "."), *days)


def test_the_mt300_is_due_on_its_spot_date_across_labor_day(usd_huf: FxSpotTerms) -> None:
    check_terms(usd_huf)
    assert not is_business_day(date(2014, 9, 1), "USD")
    assert spot_date(*USD_HUF, usd_huf.trade_date) == usd_huf.value_date == date(2014, 9, 2)


def test_the_mt300_lies_283_bp_below_the_market(usd_huf: FxSpotTerms, rates: Rates) -> None:
    reference = cross(rates[usd_huf.trade_date], *USD_HUF)

    assert reference.quantize(Decimal("0.001")) == Decimal("238.869")
    assert off_market_bp(usd_huf.rate, reference) == -283


def test_the_mt300_matches_the_deal_seen_from_the_other_side(
    mt300: dict[str, str], usd_huf: FxSpotTerms
) -> None:
    their_lei, our_lei = (check_bic(mt300[tag]) for tag in ("82A", "87A"))
    sold_currency, sold_amount = swift_amount(mt300["33B"])
    theirs = ours(usd_huf, their_lei, our_lei, mt300["22C"])
    assert (theirs["sell_currency"], Decimal(theirs["sell_amount"])) == (sold_currency, sold_amount)
    our_terms = terms_of(
        "sell", USD_HUF, usd_huf.base_amount, "232.1", usd_huf.trade_date, usd_huf.value_date
    )

    assert match(ours(our_terms, our_lei, their_lei, "ours"), as_we_see_it(theirs)) == []


@pytest.fixture(scope="module")
def strata(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "strata/fxtrades.csv").open(encoding="utf-8", newline="") as table:
        return {row["Id"]: row for row in csv.DictReader(table)}


def british_date(said: str) -> date:
    day, month, year = said.split("/")
    return date(int(year), int(month), int(day))


@pytest.mark.parametrize(
    ("trade_id", "bp"), [("tradeId1", -59), ("tradeId2", -518), ("tradeId11", -127), ("tradeId12", -51)]
)
def test_stratas_deals_lie_below_the_market_as_known(
    strata: dict[str, dict[str, str]], rates: Rates, trade_id: str, bp: int
) -> None:
    row = strata[trade_id]
    base, quote = row["Convention"].split("/")
    reference = cross(rates[british_date(row["Trade Date"])], base, quote)

    assert off_market_bp(Decimal(row["FX Rate"]), reference) == bp


def test_stratas_christmas_deal_is_due_on_a_saturday_and_would_be_due_on_the_27th(
    strata: dict[str, dict[str, str]],
) -> None:
    row = strata["tradeId2"]
    trade_date, payment_date = british_date(row["Trade Date"]), british_date(row["Payment Date"])
    asked = terms_of(
        "buy", ("EUR", "CZK"), Decimal(row["Notional"]), row["FX Rate"], trade_date, payment_date
    )

    with pytest.raises(TermsFinding, match="EUR cannot be paid on Saturday 2016-12-24") as refused:
        check_terms(asked)
    assert refused.value.code == "value_date_on_holiday"
    assert spot_date("EUR", "CZK", trade_date) == date(2016, 12, 27)
