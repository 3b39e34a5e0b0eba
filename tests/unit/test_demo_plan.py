"""The deals of the demo bank's days."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from service.demo.market import Market, open_market
from service.demo.master_data import BANKS, leis
from service.demo.plan import DEALS, DEALS_MIN, DEVIATION_BP_MAX, Story, make_plan
from service.kernel.identifiers import check_bic, check_iban, check_lei
from service.market.ecb import cross
from service.trades.desk_times import BERLIN

UNDER_CONTROL = (
    Story.FORWARD,
    Story.DEPOSIT,
    Story.LOAN,
    Story.OFF_MARKET,
    Story.UNJUSTIFIED,
    Story.INVERTED,
    Story.AMENDED,
    Story.OFF_PREMISES,
    Story.MESSAGED,
    Story.FORWARDED,
    Story.ALLEGED,
    Story.BANKED,
)
BY_THE_DAY = {
    Story.INTERNAL,
    Story.DEPUTISED,
    Story.NETTED,
}  # struck while the day is played, by more than one person


@pytest.fixture(scope="module")
def market() -> Market:
    return open_market(None)


def test_the_bank_opens_three_fixing_days_before_the_last(market: Market) -> None:
    assert len(market.days) == 4
    assert market.trading_days == market.days[:2]


def test_there_are_enough_deals_in_enough_pairs_and_every_story(market: Market) -> None:
    plan = make_plan(market, leis())

    assert len(plan.deals) == DEALS + len(UNDER_CONTROL) >= 200
    assert (
        len({(deal.terms["base"], deal.terms["quote"]) for deal in plan.deals if "base" in deal.terms}) >= 10
    )
    assert set(Story) - BY_THE_DAY == {deal.story for deal in plan.deals}
    assert [deal.story for deal in plan.deals[-len(UNDER_CONTROL) :]] == list(UNDER_CONTROL)
    paid = {day for deal in plan.deals[:DEALS] for day in deal.value_dates}
    assert max(paid) == market.days[-1]


@pytest.mark.parametrize("deals", [DEALS_MIN, DEALS_MIN + 1, 50, DEALS])
def test_a_small_plan_tells_every_story_too(market: Market, deals: int) -> None:
    plan = make_plan(market, leis(), deals)
    told = Counter(deal.story for deal in plan.deals)

    assert len(plan.deals) == deals + len(UNDER_CONTROL)
    assert all(told[story] for story in set(Story) - BY_THE_DAY)
    assert {deal.late for deal in plan.deals} == {True, False}
    assert sum(deal.dealer.account == "mover-trading" for deal in plan.deals) == 3


def test_two_plans_are_the_same(market: Market) -> None:
    assert make_plan(market, leis()) == make_plan(open_market(None), leis())


def test_deals_are_priced_from_the_fixings_of_their_day(market: Market) -> None:
    for deal in make_plan(market, leis()).deals[:DEALS]:
        fixed = cross(market.rates[market.days[deal.day]], deal.terms["base"], deal.terms["quote"])
        off_bp = abs(Decimal(deal.terms["rate"]) / fixed - 1) * 10_000
        assert off_bp < DEVIATION_BP_MAX + 1


def test_late_deals_were_struck_after_the_cut_off(market: Market) -> None:
    from datetime import datetime

    for deal in make_plan(market, leis()).deals:
        struck = datetime.fromisoformat(deal.terms["executed_at"]).astimezone(BERLIN)
        assert struck.date().isoformat() == deal.terms["trade_date"]
        assert (struck.hour >= 18) is deal.late


@pytest.mark.parametrize(
    "opening", [date(1999, 6, 1), date(2001, 10, 23), date(2008, 12, 30), date(2016, 12, 22)]
)
def test_the_bank_can_open_long_ago(opening: date) -> None:
    plan = make_plan(open_market(opening), leis())
    assert plan.trading_days[0] == opening
    assert len(plan.deals) == DEALS + len(UNDER_CONTROL)


def test_a_bank_that_opens_after_the_last_fixing_has_nothing_to_deal_at() -> None:
    assert make_plan(open_market(date(2090, 1, 2)), leis()).deals == []


def test_the_counterparties_identifiers_keep_to_their_standards() -> None:
    for bank in BANKS:
        check_lei(bank.lei)
        check_bic(bank.bic)
        check_iban(bank.iban)
