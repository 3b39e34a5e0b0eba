"""What is open falls into the span in which its last payment is due."""

from datetime import date, timedelta

import pytest

from service.limits.exposures import NAMES, bucket_of
from service.ui.words import SPANS

TODAY = date(2026, 10, 28)


@pytest.mark.parametrize(
    ("days", "span"),
    [
        (-3, "due"), (0, "due"), (1, "week"), (7, "week"), (8, "month"), (30, "month"), (31, "quarter"),
        (90, "quarter"), (91, "year"), (365, "year"), (366, "beyond"),
    ],
)  # fmt: skip
def test_every_day_has_its_span(days: int, span: str) -> None:
    assert bucket_of(TODAY + timedelta(days=days), TODAY) == span


def test_every_span_has_a_name() -> None:
    assert list(SPANS) == list(NAMES)
