"""Which papers belong to a deal, and by when each is there: data, read strictly (SET-13)."""

import csv
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from service.confirmations.deadlines import business_days_after
from service.trades.deals.deal import TYPES

FILE: Final = Path(__file__).parent / "papers.csv"
ALL: Final = "*"
LEGAL: Final = "legal"
"""Due on the last day on which both sides may agree."""


class Paper(StrEnum):
    """What belongs to a deal."""

    OUR_CONFIRMATION = "our_confirmation"
    COUNTER_CONFIRMATION = "counter_confirmation"
    BROKER_STATEMENT = "broker_statement"
    LONG_FORM = "long_form"


class Applies(StrEnum):
    """To which deals a paper belongs."""

    ALWAYS = "always"
    BROKERED = "brokered"
    SHORT = "short"  # confirmed by a short form, with the long one to follow


class Rule(NamedTuple):
    """A row: a paper, where it belongs and by when; ``days``: business days after the trade date, None: by law."""

    product: str
    paper: Paper
    applies: Applies
    days: int | None
    source: str


class Deal(NamedTuple):
    """What decides which papers belong to a deal."""

    product: str
    trade_date: date
    confirm_by: date
    brokered: bool
    short: bool


@cache
def rules(path: Path = FILE) -> Sequence[Rule]:
    """Return all rows. Raises ValueError for one that names no product, no paper, no days or no source."""
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True, strict=True):
            days = None if row["days"] == LEGAL else int(row["days"])
            one = Rule(row["product"], Paper(row["paper"]), Applies(row["applies"]), days, row["source"])
            known = one.product == ALL or one.product in TYPES
            if not known or (days is not None and days < 1) or not one.source:
                message = f"no row of papers: {row}"
                raise ValueError(message)
            found.append(one)
    return found


def due_days(deal: Deal) -> dict[Paper, date]:
    """Return the papers that belong to a deal with the last day for each; a row of its own product counts first."""
    holds = {Applies.ALWAYS: True, Applies.BROKERED: deal.brokered, Applies.SHORT: deal.short}
    due: dict[Paper, date] = {}
    for product in (ALL, deal.product):
        for rule in rules():
            if rule.product == product and holds[rule.applies]:
                by_law = rule.days is None
                due[rule.paper] = (
                    deal.confirm_by if by_law else business_days_after(deal.trade_date, rule.days or 0)
                )
    return due


def missing(papers: Sequence[dict[str, Any]]) -> list[str]:
    """Name the papers that have not come."""
    return [one["paper"] for one in papers if one["came"] is None]


def late(papers: Sequence[dict[str, Any]]) -> list[str]:
    """Name the papers that came after their day."""
    return [one["paper"] for one in papers if one["came"] is not None and one["came"] > one["due"]]
