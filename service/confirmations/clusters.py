"""Cancellations and corrections that pile up: at a person, a book, a counterparty or a clerk (SET-10, A-05).

From how many on they do is data of the back office and compliance. What is found goes to them, never to the desk.
"""

import csv
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from policies.vocabulary import Action
from service.attempt import ACTS_OF, Attempt
from service.confirmations.model import Confirmation
from service.control.model import RequestDecision
from service.kernel.items import Item
from service.trades.model import ChangeRequest, Trade, TradeVersion

FILE: Final = Path(__file__).parent / "clusters.csv"
PER: Final = {
    "trader": "requested_by",
    "clerk": "clerk",
    "portfolio": "portfolio_id",
    "counterparty": "counterparty_id",
}
"""Where changes pile up, and the column that tells it."""
COUNTS: Final = ("cancelled", "corrected", "rebooked")
MONTH_END_DAYS: Final = 3
ROWS_MAX: Final = 10_000


class Rule(NamedTuple):
    """So many of what it counts, at one trader, clerk, book or counterparty within a time, are no accident any more.

    ``counts``: cancelled before both sides agreed, corrected (changed or cancelled), or cancelled before both sides
    agreed and booked anew.
    """

    name: str
    per: str
    counts: str
    at_least: int
    within: timedelta
    source: str


class Change(NamedTuple):
    """A change of a deal that was asked for by trading and approved outside it."""

    id: UUID
    request: str
    requested_by: UUID
    requested_at: datetime
    portfolio_id: UUID
    counterparty_id: UUID
    confirmed: bool
    rebooked: bool
    clerk: str  # the person who approved it


@cache
def rules(path: Path = FILE) -> Sequence[Rule]:
    """Return the thresholds. Raises ValueError for a row that names no place, no count or no source."""
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True, strict=True):
            within = timedelta(hours=int(row["within_hours"]))
            one = Rule(row["rule"], row["per"], row["counts"], int(row["at_least"]), within, row["source"])
            if (
                one.per not in PER
                or one.counts not in COUNTS
                or one.at_least < 1
                or not within
                or not one.source
            ):
                message = f"no threshold: {row}"
                raise ValueError(message)
            found.append(one)
    return found


def counted(rule: Rule, change: Change) -> bool:
    """Tell whether a change is one of those that a rule counts."""
    cancelled = change.request == "cancellation" and not change.confirmed
    match rule.counts:
        case "cancelled":
            return cancelled
        case "rebooked":
            return cancelled and change.rebooked
        case _:
            return True


def reached(
    changes: Sequence[Change], newest: Change, now: datetime, counts: Collection[str] = COUNTS
) -> dict[str, int]:
    """Return the rules that the newest change brings to their threshold or beyond, with the number counted."""
    found = {}
    for rule in (one for one in rules() if one.counts in counts):
        column = PER[rule.per]
        alike = [
            one
            for one in changes
            if counted(rule, one)
            and one.requested_at > now - rule.within
            and getattr(one, column) == getattr(newest, column)
        ]
        if newest in alike and len(alike) >= rule.at_least:
            found[rule.name] = len(alike)
    return found


async def look_for_clusters(
    attempt: Attempt, trade_id: UUID, counts: Collection[str] = ("cancelled", "corrected")
) -> None:
    """Raise an alert where the newest change of a deal is one too many; trading can neither see nor close it."""
    since = attempt.now - max(rule.within for rule in rules())
    changes = await approved_changes(attempt.session, since)
    of_trade = select(ChangeRequest.id).where(ChangeRequest.trade_id == trade_id)
    ids = set(await attempt.session.scalars(of_trade))
    newest = next((one for one in changes if one.id in ids), None)
    if newest is None or not (found := reached(changes, newest, attempt.now, counts)):
        return
    for item in (Item.EXAMINE_ALERT, Item.REVIEW_ALERT):
        attempt.open_item_about(
            item, "change_request", newest.id, trade_id=trade_id, reason=next(iter(found))
        )
    attempt.note(clusters=found)


async def look_for_rebooking(attempt: Attempt, trade: Trade) -> None:
    """Look again at the cancelled deal that this one was booked for anew: only now it is known that it was."""
    if trade.replaces_id is not None:
        await look_for_clusters(attempt, trade.replaces_id, ("rebooked",))


async def approved_changes(session: AsyncSession, since: datetime | None = None) -> list[Change]:
    """Return what trading asked for and somebody outside approved, the newest first, with who approved it."""
    again = aliased(Trade)
    query = (
        select(
            ChangeRequest.id,
            ChangeRequest.request,
            ChangeRequest.requested_by,
            ChangeRequest.requested_at,
            ChangeRequest.trade_id,
            Trade.portfolio_id,
            TradeVersion.counterparty_id,
            RequestDecision.id.label("decision"),
            was_confirmed().label("confirmed"),
            exists().where(again.replaces_id == Trade.id).label("rebooked"),
        )
        .join(Trade, Trade.id == ChangeRequest.trade_id)
        .join(
            TradeVersion,
            and_(
                TradeVersion.trade_id == ChangeRequest.trade_id,
                TradeVersion.version == ChangeRequest.trade_version,
            ),
        )
        .join(RequestDecision, RequestDecision.request_id == ChangeRequest.id)
        .where(RequestDecision.outcome == "approved")
        .order_by(ChangeRequest.id.desc())
        .limit(ROWS_MAX)
    )
    if since is not None:
        query = query.where(ChangeRequest.requested_at > since)
    rows = (await session.execute(query)).all()
    clerks = await who_approved(session, rows)
    names = [name for name in Change._fields if name != "clerk"]
    return [
        Change(**{name: getattr(row, name) for name in names}, clerk=clerks.get(row.decision, ""))
        for row in rows
    ]


async def who_approved(session: AsyncSession, rows: Sequence[Row[Any]]) -> dict[UUID, str]:
    """Return the person behind each decision, as the log knows it."""
    asked = {"trades": list({row.trade_id for row in rows}), "kinds": [], "ids": []}
    acts = await session.execute(ACTS_OF, asked) if rows else ()
    return {act.id: act.person for act in acts if act.act == Action.REQUEST_APPROVE}


def was_confirmed() -> Any:
    """Return the condition that the request's deal had been agreed with the counterparty before."""
    return exists().where(
        Confirmation.trade_id == ChangeRequest.trade_id, Confirmation.agreed_by.is_not(None)
    )


async def corrections(session: AsyncSession) -> dict[str, Any]:
    """Return what was changed and cancelled per trader, book, counterparty and clerk: count, share, timing."""
    changes = await approved_changes(session)
    deals = await session.scalar(select(func.count()).select_from(Trade)) or 0
    return {
        "deals": deals,
        "corrections": len(changes),
        "by": {per: grouped(changes, column, deals) for per, column in PER.items()},
        "thresholds": [
            {
                "rule": rule.name,
                "per": rule.per,
                "counts": rule.counts,
                "at_least": rule.at_least,
                "within_hours": int(rule.within.total_seconds() // 3600),
                "source": rule.source,
            }
            for rule in rules()
        ],
    }


def grouped(changes: Sequence[Change], column: str, deals: int) -> list[dict[str, Any]]:
    """Return the figures per value of a column, the largest first."""
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(str(getattr(change, column)), []).append(change)
    told = [
        {
            "id": key,
            "count": len(found),
            "cancellations": sum(one.request == "cancellation" for one in found),
            "before_confirmation": sum(not one.confirmed for one in found),
            "rebooked": sum(one.rebooked for one in found),
            "at_month_end": sum(
                (one.requested_at + timedelta(days=MONTH_END_DAYS)).month != one.requested_at.month
                for one in found
            ),
            "share_percent": f"{100 * len(found) / deals:.1f}" if deals else "0.0",
        }
        for key, found in groups.items()
    ]
    return sorted(told, key=lambda one: (-int(str(one["count"])), str(one["id"])))
