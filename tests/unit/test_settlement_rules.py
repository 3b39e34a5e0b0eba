"""The settlement tables, the choice of a route, age and penalties: pure calculations."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from service.demo.cast import SETTLEMENT_TABLES
from service.kernel.clock import SystemClock
from service.kernel.identifiers import uuid7
from service.settlement.ageing import Penalty, bucket, business_days, penalty, totals
from service.settlement.legs import made_at
from service.settlement.selection import Deviation, Standing, selected
from service.settlement_rules.book import RuleBook, desk_instant, due_at
from service.settlement_rules.model import SettlementRule

NOON = datetime(2026, 10, 27, 12, tzinfo=UTC)


def line(**columns: Any) -> SettlementRule:
    return SettlementRule(**{"id": uuid7(), "valid_from": date.min, "source": "a test"} | columns)


def founded() -> RuleBook:
    return RuleBook.of([line(**columns) for columns in SETTLEMENT_TABLES])


@pytest.mark.parametrize(
    ("trade_date", "last"),
    [
        (date(2027, 10, 8), date(2027, 10, 12)),  # the last Friday of T+2
        (date(2027, 10, 11), date(2027, 10, 12)),  # the first day of T+1
        (date(2027, 10, 12), date(2027, 10, 13)),
    ],
)
def test_CSD_01_securities_settle_a_day_earlier_from_11_october_2027(trade_date: date, last: date) -> None:
    assert founded().last_settlement_date("security", "EU venue", trade_date) == last


def test_CSD_01_two_days_after_11_october_2027_is_too_late_and_after_the_10th_is_not() -> None:
    book = founded()
    for trade_date, days in ((date(2027, 10, 10), 2), (date(2027, 10, 11), 1)):
        cycle = book.cycle("security", "EU venue", trade_date)
        assert cycle is not None
        assert cycle.days == days
    assert book.last_settlement_date("security", "elsewhere", date(2027, 10, 11)) is None


def test_of_lines_for_the_same_the_latest_begun_counts_whatever_was_approved_later() -> None:
    later, sooner = date(2027, 1, 1), date(2026, 1, 1)
    book = RuleBook.of(
        [
            line(rule="ladder", amount=Decimal(2), valid_from=later),
            line(rule="ladder", amount=Decimal(1), valid_from=sooner),
        ]
    )
    assert book.ladder(None, date(2026, 6, 1)) == 1
    assert book.ladder(None, later) == 2
    assert book.ladder(None, date(2025, 1, 1)) is None
    assert book.ladder("EUR", later) is None


def test_a_cut_off_is_an_instant_of_its_own_zone() -> None:
    book, day = founded(), date(2026, 10, 29)
    new_york, frankfurt = book.cut_off("USD", day), book.cut_off("EUR", day)
    assert new_york is not None
    assert frankfurt is not None
    assert new_york.astimezone(UTC) == datetime(2026, 10, 29, 21, tzinfo=UTC)
    assert desk_instant(day, time(16, 0)) == frankfurt
    assert book.cut_off("JPY", day) is None


def test_work_is_due_at_the_cut_off_as_many_days_ahead_as_the_payment_is() -> None:
    cut_off = founded().cut_off("EUR", date(2026, 10, 29))
    assert due_at(cut_off, date(2026, 10, 29), date(2026, 10, 27), NOON) == datetime(
        2026, 10, 29, 15, tzinfo=UTC
    )
    assert due_at(None, date(2026, 10, 27), date(2026, 10, 27), NOON) == datetime(
        2026, 10, 27, 23, tzinfo=UTC
    )


def test_SET_17_the_route_approved_last_is_taken_and_every_other_says_why_not() -> None:
    old, new = Standing(uuid7(), NOON), Standing(uuid7(), NOON + timedelta(days=1))
    choice = selected([old, new], None)
    assert choice.chosen is not None
    assert choice.chosen.instruction == new.id
    assert [(one.instruction, one.why) for one in choice.candidates] == [
        (new.id, "approved_last"),
        (old.id, "replaced"),
    ]
    assert selected([], None).chosen is None


def test_SET_17_a_route_of_one_deal_alone_counts_only_once_a_call_confirmed_it() -> None:
    standing = Standing(uuid7(), NOON)
    unconfirmed, confirmed = (selected([standing], Deviation(confirmed=said)) for said in (False, True))
    assert unconfirmed.chosen is not None
    assert unconfirmed.chosen.instruction == standing.id
    assert [one.why for one in unconfirmed.candidates] == ["not_confirmed", "approved_last"]
    assert confirmed.chosen is not None
    assert confirmed.chosen.instruction is None
    assert [one.why for one in confirmed.candidates] == ["agreed_for_this_deal", "set_aside_for_this_deal"]
    told = confirmed.view("EUR")
    assert "account" not in str(told)
    assert all(one["sentence"] for one in told)


def test_an_identifier_tells_when_it_was_given() -> None:
    clock = SystemClock()
    before = clock.now() - timedelta(milliseconds=1)
    assert before <= made_at(uuid7()) <= clock.now()
    assert made_at(UUID(int=0)) == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "named"), [(0, "0-1"), (1, "0-1"), (2, "2-3"), (3, "2-3"), (4, "4-7"), (7, "4-7"), (8, ">7")]
)
def test_age_is_told_in_four_buckets(days: int, named: str) -> None:
    assert bucket(days) == named


def test_age_counts_the_business_days_of_the_currency() -> None:
    thursday = date(2026, 10, 29)
    assert business_days(thursday, thursday, "EUR") == 0
    assert business_days(thursday, date(2026, 11, 2), "EUR") == 2  # over a weekend
    assert business_days(date(2026, 12, 24), date(2026, 12, 28), "EUR") == 1  # over Christmas
    assert business_days(date(2026, 11, 2), thursday, "EUR") == 0


def test_CSD_03_a_penalty_is_rounded_once_at_the_end() -> None:
    assert penalty(Decimal("-1165000.00"), Decimal("0.50"), 1, "USD") == Decimal("58.25")
    assert penalty(Decimal("333333.33"), Decimal("0.10"), 3, "EUR") == Decimal("10.00")  # 9.9999999
    assert penalty(Decimal("0.01"), Decimal("0.10"), 1, "EUR") == Decimal("0.00")
    assert penalty(Decimal(150_000), Decimal("1.00"), 1, "JPY") == Decimal(15)


def test_CSD_03_the_rate_of_a_reason_comes_before_that_of_its_type() -> None:
    book, day = founded(), date(2026, 10, 29)
    plain = book.penalty("liquid_share", "AM04", day)
    assert plain is not None
    assert plain.rate_bp == Decimal("1.00")
    own = RuleBook.of(
        [*book.rules, line(rule="penalty", product="liquid_share", code="AM04", rate_bp=Decimal(2))]
    ).penalty("liquid_share", "AM04", day)
    assert own is not None
    assert own.rate_bp == 2


def test_penalties_are_summed_by_currency() -> None:
    found = [
        Penalty(str(number), currency, 1, Decimal(1), Decimal(number))
        for number, currency in ((1, "USD"), (2, "EUR"), (3, "USD"))
    ]
    assert totals(found) == {"EUR": Decimal(2), "USD": Decimal(4)}
