"""What is still to be paid, the next cut-off first, how long it is late, why, who can act, and what being late costs."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.vocabulary import Office
from service.confirmations.queries import business_date
from service.kernel.actor import Actor
from service.kernel.calendar import NoCalendar
from service.kernel.database import plain_facts, plain_value
from service.kernel.items import ROUTES
from service.settlement.ageing import BUCKETS, Bucket, bucket, business_days_after, late_days, total_of
from service.settlement.lifecycle import SettlementState
from service.settlement.model import Settlement
from service.settlement_rules.book import BERLIN, RuleBook
from service.settlement_rules.queries import rule_book
from service.work.model import WorkItem
from service.work.queries import COUNTERPARTY, TERMS, items_for, views_of

ENDED: Final = (SettlementState.SETTLED, SettlementState.WITHDRAWN)
OPEN: Final = tuple(state for state in SettlementState if state not in ENDED)
FAILING: Final = (SettlementState.FAILED, SettlementState.RETURNED)
LATE_MAX: Final = 2_000
"""Never more late legs than that are counted by counterparty."""
INSTRUMENT: Final = "cash"
"""The type of instrument in the penalty table; securities have lines of their own."""
OFFICE_ITEMS: Final = tuple(
    kind.value for kind, route in ROUTES.items() if route.office is Office.BACK_OFFICE
)


async def board(
    session: AsyncSession,
    actor: Actor,
    policy: Policy,
    now: datetime,
    *,
    age: Bucket | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of open legs, the day to be paid first and on it the next cut-off, with a summary of all of them.

    ``age``: only legs that are late by so much.
    """
    today = await business_date(session, now.astimezone(BERLIN).date())
    book = await rule_book(session)
    wanted = (
        select(Settlement)
        .where(Settlement.state.in_(OPEN))
        .order_by(Settlement.pay_on, Settlement.id)
        .limit(limit + 1)
    )
    if age is not None:
        wanted = wanted.where(
            tuple_(Settlement.currency, Settlement.value_date).in_(await days_of(session, age, today))
        )
    if cursor is not None:
        last = select(Settlement.pay_on, Settlement.id).where(Settlement.id == cursor).subquery()
        wanted = wanted.where(
            tuple_(Settlement.pay_on, Settlement.id) > select(last.c.pay_on, last.c.id).scalar_subquery()
        )
    legs = list(await session.scalars(wanted))
    page = legs[:limit]
    work = await work_of(session, actor, policy, now, [leg.id for leg in page])
    names = await counterparties_of(session, page)
    shown = [
        told(leg, book, today, work.get(str(leg.id), []))
        | {"counterparty": names.get((leg.trade_id, leg.version))}
        for leg in page
    ]
    shown.sort(key=lambda row: (row["pay_on"], row["cut_off"] or "~", row["currency"]))
    return {
        "business_date": today.isoformat(),
        "summary": await summary(session, book, today),
        "late_by_counterparty": await late_by_counterparty(session, today),
        "items": shown,
        "next": str(page[-1].id) if len(legs) > limit else None,
    }


async def days_of(session: AsyncSession, age: Bucket, today: date) -> list[tuple[str, date]]:
    """Return the agreed days, by currency, of legs that are open and late by so much."""
    rows = await session.execute(
        select(Settlement.currency, Settlement.value_date)
        .where(Settlement.state.not_in(ENDED), Settlement.value_date < today)
        .distinct()
    )
    return [
        (row.currency, row.value_date)
        for row in rows
        if bucket(late_by(row.value_date, today, row.currency)) == age
    ]


def told(leg: Settlement, book: RuleBook, today: date, work: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the board says of a leg."""
    cut_off = book.cut_off(leg.currency, leg.pay_on)
    days = late_by(leg.value_date, today, leg.currency)
    facts = {
        "id": leg.id,
        "trade": leg.trade_id,
        "state": leg.state,
        "currency": leg.currency,
        "amount": leg.amount,
        "missing": abs(leg.amount) - leg.paid,
        "value_date": leg.value_date,
        "pay_on": leg.pay_on,
        "cut_off": cut_off,
        "failing": leg.value_date < today or leg.state in FAILING,
        "days_late": days,
        "bucket": bucket(days),
        "code": leg.failure_code,
        "reason": leg.hold_reason if leg.state == SettlementState.HELD else leg.failure,
    }
    plain = plain_facts(facts)
    kept = ("id", "kind", "due_at", "overdue", "who_can_act", "why_not_me", "owner")
    return plain | {"work": [{name: item[name] for name in kept} for item in work]}


def late_by(value_date: date, until: date, currency: str) -> int:
    """Count the business days since the agreed day; those of the euro where a currency has no calendar."""
    return len(late_on(value_date, until, currency))


def late_on(value_date: date, until: date, currency: str) -> list[date]:
    """Return the business days after the agreed day."""
    try:
        return business_days_after(value_date, until, currency)
    except NoCalendar:
        return business_days_after(value_date, until, "EUR")


async def work_of(
    session: AsyncSession, actor: Actor, policy: Policy, now: datetime, legs: Sequence[UUID]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return what waits for somebody about each leg, and who that is; of interest to the office that does it."""
    if actor.office is not Office.BACK_OFFICE or not legs:
        return {}
    wanted = items_for(policy, actor.office).where(
        WorkItem.subject_id.in_(legs), WorkItem.kind.in_(OFFICE_ITEMS), WorkItem.closed_entry_id.is_(None)
    )
    items = (await session.execute(wanted.order_by(WorkItem.due_at))).all()
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in await views_of(session, actor, policy, now, items):
        found[item["subject"]["id"]].append(item)
    return found


async def summary(session: AsyncSession, book: RuleBook, today: date) -> list[dict[str, Any]]:
    """Return how many legs are open and over how much, per currency, age and direction."""
    pays = Settlement.amount < 0
    rows = await session.execute(
        select(
            Settlement.currency,
            Settlement.value_date,
            pays.label("pays"),
            func.count().label("legs"),
            func.sum(func.abs(Settlement.amount) - Settlement.paid).label("missing"),
        )
        .where(Settlement.state.in_(OPEN))
        .group_by(Settlement.currency, Settlement.value_date, pays)
    )
    sums: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for row in rows:
        age = bucket(late_by(row.value_date, today, row.currency)) if row.value_date < today else "not due"
        key = (row.currency, age, "we pay" if row.pays else "we receive")
        count, missing = sums.get(key, (0, Decimal(0)))
        sums[key] = count + row.legs, missing + row.missing
    return [
        {
            "currency": currency,
            "bucket": age,
            "direction": direction,
            "legs": count,
            "missing": plain_value(missing),
            "cut_off_today": None if (at := book.cut_off(currency, today)) is None else plain_value(at),
        }
        for (currency, age, direction), (count, missing) in sorted(sums.items())
    ]


async def counterparties_of(session: AsyncSession, legs: Sequence[Settlement]) -> dict[tuple[UUID, int], str]:
    """Return with whom the deal of each leg is, in the leg's version of it."""
    if not legs:
        return {}
    wanted = (
        select(TERMS.c.trade_id, TERMS.c.version, COUNTERPARTY.c.name)
        .join(COUNTERPARTY, COUNTERPARTY.c.id == TERMS.c.counterparty_id)
        .where(TERMS.c.trade_id.in_({leg.trade_id for leg in legs}))
    )
    return {(row.trade_id, row.version): row.name for row in await session.execute(wanted)}


async def late_by_counterparty(session: AsyncSession, today: date) -> list[dict[str, Any]]:
    """Return how many legs of each counterparty are late, by age, of those that are longest: the most first."""
    late = (
        select(Settlement.trade_id, Settlement.version, Settlement.currency, Settlement.value_date)
        .where(Settlement.state.in_(OPEN), Settlement.value_date < today)
        .order_by(Settlement.value_date)
        .limit(LATE_MAX)
        .subquery()
    )
    rows = await session.execute(
        select(COUNTERPARTY.c.name, late.c.currency, late.c.value_date, func.count().label("legs"))
        .select_from(late)
        .join(TERMS, and_(TERMS.c.trade_id == late.c.trade_id, TERMS.c.version == late.c.version))
        .join(COUNTERPARTY, COUNTERPARTY.c.id == TERMS.c.counterparty_id)
        .group_by(COUNTERPARTY.c.name, late.c.currency, late.c.value_date)
    )
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        sums[row.name][bucket(late_by(row.value_date, today, row.currency))] += row.legs
    return [
        {"counterparty": name, "legs": ages.total(), "by_age": {age: ages[age] for age in BUCKETS}}
        for name, ages in sorted(sums.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    ]


async def penalties(
    session: AsyncSession, now: datetime, *, cursor: UUID | None = None, limit: int
) -> dict[str, Any]:
    """Return what each late leg costs, day by day and in all, by the lines of the settlement tables.

    One that settled late at last keeps what it cost. Source: CSDR Art. 7(2), the rates by their own lines.
    """
    today = await business_date(session, now.astimezone(BERLIN).date())
    book = await rule_book(session)
    wanted = (
        select(Settlement)
        .where(
            Settlement.state != SettlementState.WITHDRAWN,
            Settlement.value_date < today,
            or_(Settlement.settled_on.is_(None), Settlement.settled_on > Settlement.value_date),
        )
        .order_by(Settlement.id)
        .limit(limit + 1)
    )
    if cursor is not None:
        wanted = wanted.where(Settlement.id > cursor)
    legs = list(await session.scalars(wanted))
    items = [cost(leg, book, today) for leg in legs[:limit]]
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for item in items:
        if item["total"] is not None:
            totals[item["currency"]] += Decimal(item["total"])
    return {
        "business_date": today.isoformat(),
        "items": items,
        "totals": {currency: plain_value(sum_) for currency, sum_ in sorted(totals.items())},
        "next": str(legs[limit - 1].id) if len(legs) > limit else None,
    }


def cost(leg: Settlement, book: RuleBook, today: date) -> dict[str, Any]:
    """Return what a late leg costs; nothing is said where a day has no line."""
    days = late_on(leg.value_date, leg.settled_on or today, leg.currency)
    code = leg.failure_code or ""
    lines = [(day, book.penalty(INSTRUMENT, code, day)) for day in days]
    rated = [(day, line.rate_bp) for day, line in lines if line is not None and line.rate_bp is not None]
    missing = len(rated) < len(days)
    each = late_days(leg.amount, rated)
    return {
        "settlement": str(leg.id),
        "trade": str(leg.trade_id),
        "state": leg.state,
        "currency": leg.currency,
        "amount": plain_value(leg.amount),
        "value_date": leg.value_date.isoformat(),
        "settled_on": None if leg.settled_on is None else leg.settled_on.isoformat(),
        "code": leg.failure_code,
        "days": [
            {
                "day": one.day.isoformat(),
                "rate_bp": plain_value(one.rate_bp),
                "amount": plain_value(one.amount),
            }
            for one in each
        ],
        "total": None if missing else plain_value(total_of(each, leg.currency)),
        "remark": "No line of the penalty table is in force for some of these days." if missing else None,
    }
