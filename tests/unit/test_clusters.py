"""From how many changes on they are no accident any more: data, counted per trader, clerk, book and counterparty."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.confirmations.clusters import Change, reached, rules

NOW = datetime(2026, 10, 27, 12, tzinfo=UTC)


def change(number: int, **other: Any) -> Change:
    facts: dict[str, Any] = {
        "id": UUID(int=number),
        "request": "cancellation",
        "requested_by": UUID(int=100),
        "requested_at": NOW - timedelta(minutes=number),
        "portfolio_id": UUID(int=200),
        "counterparty_id": UUID(int=300),
        "confirmed": False,
        "rebooked": False,
        "clerk": "a clerk",
    }
    return Change(**facts | other)


def names(changes: list[Change]) -> set[str]:
    return set(reached(changes, changes[0], NOW))


@pytest.mark.parametrize(
    ("of_others", "left"),
    [
        ({}, {"cancellations_cluster", "clerk_cluster"}),
        ({"requested_by": UUID(int=101)}, {"clerk_cluster"}),
        ({"clerk": "another clerk"}, {"cancellations_cluster"}),
        ({"confirmed": True}, set()),
        ({"request": "amendment"}, set()),
        ({"requested_at": NOW - timedelta(hours=24)}, set()),
    ],
)
def test_SET_10_five_cancellations_within_a_day_are_one_trader_s_or_one_clerk_s(
    of_others: dict[str, Any], left: set[str]
) -> None:
    assert names([change(number) for number in range(4)]) == set()
    assert names([*(change(number) for number in range(4)), change(4, **of_others)]) == left


def test_SET_10_corrections_pile_up_in_a_book_and_at_a_counterparty_too() -> None:
    many = [
        change(number, request="amendment", requested_by=UUID(int=number), clerk=str(number))
        for number in range(10)
    ]
    assert names(many) == {"portfolio_cluster", "counterparty_cluster"}
    assert names(many[:9]) == set()


def test_A_05_two_deals_cancelled_and_booked_anew_within_thirty_days_are_a_chain() -> None:
    chain = [change(0, rebooked=True), change(1, rebooked=True, requested_at=NOW - timedelta(days=29))]
    assert names(chain) == {"rebooked_twice"}
    assert names([chain[0], chain[1]._replace(requested_at=NOW - timedelta(days=30))]) == set()
    assert names([chain[0], chain[1]._replace(confirmed=True)]) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        "x, desk, cancelled, 5, 24, why",
        "x, clerk, waived, 5, 24, why",
        "x, clerk, cancelled, 0, 24, why",
        "x, clerk, cancelled, 5, 24,",
    ],
)
def test_a_threshold_that_counts_nothing_is_refused(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "clusters.csv"
    file.write_text(f"rule, per, counts, at_least, within_hours, source\n{wrong}\n")
    with pytest.raises(ValueError, match="no threshold"):
        rules(file)
    assert all(rule.source for rule in rules())
