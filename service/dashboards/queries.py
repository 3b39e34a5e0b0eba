"""The figures of a desk's first page: counted from the same lists that stand behind them."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from math import ceil, floor
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.vocabulary import Action, Office
from service.attempt import Desk
from service.audit_trail.model import AuditEntry
from service.bookkeeping.queries import trial_balance
from service.brake import Silence
from service.confirmations.lifecycle import ConfirmationState
from service.confirmations.model import Confirmation
from service.confirmations.queries import unconfirmed
from service.conformity.lifecycle import CheckState
from service.conformity.model import Justification, MarketCheck
from service.conformity.queries import STATE, in_force, justified
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.items import Item
from service.kernel.working_hours import BERLIN, Age, age_of
from service.limits.queries import Wanted as WantedLimits
from service.limits.queries import limits
from service.settlement.ageing import bucket
from service.settlement.board import ENDED, late_by
from service.settlement.model import Settlement
from service.trades.lifecycle import TradeState
from service.trades.looking import desk_of
from service.trades.model import Trade, TradeVersion
from service.trades.queries import STATE as DEAL_STATE
from service.trades.queries import trade_rows
from service.work.model import WorkItem
from service.work.queries import Where, of_office

NOTHING: Final = "–"
ROWS_MAX: Final = 2_000
"""Never more rows than that are counted one by one; a figure at its bound says so."""
LIMITS_SHOWN: Final = 8
DAYS_BACK: Final = 7
MONTH: Final = timedelta(days=30)
PERCENT: Final = "percent"
BUCKETS: Final = ("0-1", "2-3", "4-7", ">7")
ESCALATED: Final = tuple(one for one in Item if one.value.startswith("escalated_"))


@dataclass(frozen=True, slots=True)
class Part:
    """One row of a figure's table: what it is, how much of which unit, and where the list behind it stands."""

    name: str
    amount: int | str
    link: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a dashboard: ``name`` is a code that pages have words for.

    ``good`` tells whether it is as it should be; ``unit``: a currency, or ``PERCENT``; none is a count.
    """

    name: str
    value: int | str
    link: str
    good: bool | None = None
    parts: tuple[Part, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """Who looks, when, through which login."""

    reads: AsyncSession
    actor: Actor
    policy: Policy
    desk: Desk
    now: datetime
    silence: Silence
    powers: frozenset[Action] = field(default_factory=frozenset)


Counted = Callable[[Around], Awaitable[list[Figure]]]


async def dashboard(around: Around) -> list[Figure]:
    """Return the figures of the reader's desk: those of their office, as far as their rights reach."""
    found: list[Figure] = []
    for needs, offices, count in FIGURES:
        if needs in around.powers and (not offices or around.actor.office in offices):
            found += await count(around)
    return found


async def figures(gate: Gate, actor: Actor, reads: AsyncSession, silence: Silence) -> list[Figure]:
    """Return the figures of the caller's desk."""
    powers = frozenset() if actor.restricted else gate.policy.powers(actor.roles)
    at = await desk_of(reads, gate)
    return await dashboard(Around(reads, actor, gate.policy, at, gate.clock.now(), silence, powers))


# The queue ------------------------------------------------------------------------------------------


async def of_the_queue(around: Around) -> list[Figure]:
    """Count what waits: due soon, overdue, by age, and what another office offers."""
    opened = select(WorkItem.opened_at, WorkItem.due_at).where(WorkItem.closed_entry_id.is_(None))
    here = opened.where(of_office(around.actor, Where.HERE)).limit(ROWS_MAX)
    rows = (await around.reads.execute(here)).all()
    offered = await around.reads.scalar(
        select(func.count())
        .select_from(WorkItem)
        .where(of_office(around.actor, Where.OFFERED), WorkItem.closed_entry_id.is_(None))
    )
    soon, now = around.now + timedelta(hours=1), around.now
    due = sum(now <= row.due_at < soon for row in rows)
    late = sum(row.due_at < now for row in rows)
    ages = Counter(age_of(row.opened_at, now) for row in rows)
    return [
        Figure("due_within_an_hour", due, "/work", good=due == 0),
        Figure("overdue", late, "/work?overdue=true", good=late == 0),
        Figure("handed_over_to_us", offered or 0, "/work?place=offered"),
        Figure(
            "waiting_by_age",
            len(rows),
            "/work",
            parts=tuple(
                Part(age.value, ages[age], f"/work?age={age.value.replace('+', '%2B')}") for age in Age
            ),
        ),
    ]


# Dealing --------------------------------------------------------------------------------------------


async def of_dealing(around: Around) -> list[Figure]:
    """Count the desk's deals of today, what was returned to the reader, late marks, and the use of limits."""
    today = around.desk.business_date
    deals = trade_rows(around.actor).where(TradeVersion.trade_date == today).limit(ROWS_MAX)
    rows = (await around.reads.execute(deals)).all()
    marks = Counter(mark for row in rows for mark in row.Trade.marks)
    returned = await around.reads.scalar(
        select(func.count()).select_from(
            trade_rows(around.actor)
            .where(DEAL_STATE == TradeState.RETURNED.value, Trade.captured_by == around.actor.account)
            .subquery()
        )
    )
    link = f"/trades?trade_date={today.isoformat()}"
    return [
        Figure("deals_today", len(rows), link),
        Figure("returned_to_me", returned or 0, "/trades?state=returned", good=not returned),
        Figure(
            "marked_today",
            sum(marks.values()),
            link,
            good=not marks,
            parts=tuple(Part(f"mark.{mark}", count, link) for mark, count in sorted(marks.items())),
        ),
    ]


async def of_limits(around: Around) -> list[Figure]:
    """Show the limits that are used most."""
    found = (await limits(around.reads, WantedLimits(), limit=200))["items"]
    used = sorted(
        (
            (Decimal(one["used_eur"]) / Decimal(one["amount_eur"]), one)
            for one in found
            if one["counts_now"] and Decimal(one["amount_eur"]) > 0
        ),
        key=lambda pair: -pair[0],
    )[:LIMITS_SHOWN]
    parts = tuple(
        Part(one["owner_name"] or one["owner"], percent(share), f"/limits/{one['id']}", PERCENT)
        for share, one in used
    )
    most = parts[0].amount if parts else NOTHING
    good = not used or used[0][0] <= 1
    return [Figure("limit_use", most, "/limits", good=good, parts=parts, unit=PERCENT)]


def percent(share: Decimal) -> int:
    """Return a share in whole percent; what passes its limit by a little never reads as 100."""
    return ceil(share * 100) if share > 1 else floor(share * 100)


# Confirming and settling ----------------------------------------------------------------------------


async def of_confirming(around: Around) -> list[Figure]:
    """Count what nobody confirmed yet, by age, and how much went through untouched."""
    today = around.desk.business_date
    rows = await unconfirmed(around.reads, today, over_days=False, limit=ROWS_MAX)
    by_age = Counter(str(row["bucket"]) for row in rows)
    late = by_age[BUCKETS[-1]]
    return [
        Figure(
            "unconfirmed_by_age",
            len(rows),
            "/confirmations/unconfirmed",
            good=late == 0,
            parts=buckets(by_age, "/confirmations/unconfirmed"),
        ),
        await straight_through(around),
    ]


async def straight_through(around: Around) -> Figure:
    """Show how many deals of the last thirty days matched as they were first entered, of all that matched."""
    since = around.now - MONTH
    row = (
        await around.reads.execute(
            select(
                func.count().label("deals"), func.count().filter(Confirmation.version == 1).label("untouched")
            )
            .join(Trade, Trade.id == Confirmation.trade_id)
            .where(Confirmation.state == ConfirmationState.MATCHED, Trade.captured_at >= since)
        )
    ).one()
    share = percent(Decimal(row.untouched) / row.deals) if row.deals else NOTHING
    return Figure("straight_through", share, "/confirmations?state=matched", unit=PERCENT)


async def of_settling(around: Around) -> list[Figure]:
    """Count the legs whose value date has passed and whose money has not moved, by age."""
    today = around.desk.business_date
    rows = await around.reads.execute(
        select(Settlement.currency, Settlement.value_date, func.count().label("legs"))
        .where(Settlement.state.not_in(ENDED), Settlement.value_date < today)
        .group_by(Settlement.currency, Settlement.value_date)
        .limit(ROWS_MAX)
    )
    by_age: Counter[str] = Counter()
    for row in rows:
        by_age[bucket(late_by(row.value_date, today, row.currency))] += row.legs
    link = "/settlements/board"
    total = sum(by_age.values())
    return [Figure("fails_by_age", total, link, good=total == 0, parts=buckets(by_age, link))]


def buckets(by_age: Mapping[str, int], link: str) -> tuple[Part, ...]:
    """Return the same ages everywhere, each with its count."""
    return tuple(Part(age, by_age.get(age, 0), link) for age in BUCKETS)


# Books, risk, oversight -----------------------------------------------------------------------------


async def of_books(around: Around) -> list[Figure]:
    """Prove that the books balance, per currency and in euro."""
    proof = (await trial_balance(around.reads))["proof"]
    parts = tuple(
        Part(one["currency"], one["sum"], "/balances", one["currency"]) for one in proof["currencies"]
    )
    sums = [Decimal(one["sum"]) for one in proof["currencies"]] + [Decimal(proof["eur_sum"])]
    good = not any(sums)
    return [Figure("sums_proof", "0" if good else "≠ 0", "/balances", good=good, parts=parts)]


async def of_risk(around: Around) -> list[Figure]:
    """Count what stands off the market, by what was found, and the excesses nobody closed."""
    found = (
        select(STATE.label("state"))
        .select_from(MarketCheck)
        .join(Trade, Trade.id == MarketCheck.trade_id)
        .outerjoin(Justification, justified())
        .where(*in_force(), MarketCheck.state != CheckState.OK.value)
        .limit(ROWS_MAX)
        .subquery()
    )
    states = Counter((await around.reads.scalars(select(found.c.state))).all())
    open_alerts = states[CheckState.ALERT.value]
    parts = tuple(
        Part(f"state.{state}", count, f"/checks?state={state}") for state, count in sorted(states.items())
    )
    return [
        Figure("off_market", open_alerts, "/checks?state=alert", good=open_alerts == 0, parts=parts),
        await items_open(around, "open_excesses", [Item.EXCESS], "/excesses"),
    ]


async def items_open(around: Around, name: str, kinds: Iterable[Item], link: str) -> Figure:
    """Count open items of these kinds, whatever their office, by age."""
    rows = await around.reads.scalars(
        select(WorkItem.opened_at)
        .where(WorkItem.kind.in_([kind.value for kind in kinds]), WorkItem.closed_entry_id.is_(None))
        .limit(ROWS_MAX)
    )
    ages = Counter(age_of(opened, around.now) for opened in rows)
    total = sum(ages.values())
    return Figure(
        name, total, link, good=total == 0, parts=tuple(Part(age.value, ages[age], link) for age in Age)
    )


async def of_oversight(around: Around) -> list[Figure]:
    """Count denied attempts day by day, and say how log and work that climbed stand."""
    today = around.now.astimezone(BERLIN).date()
    begins = [
        datetime.combine(today - timedelta(days=back), time(), BERLIN).astimezone(UTC)
        for back in reversed(range(DAYS_BACK))
    ]
    rows = await around.reads.scalars(
        select(AuditEntry.recorded_at)
        .where(AuditEntry.outcome == "refuse", AuditEntry.recorded_at >= begins[0])
        .limit(ROWS_MAX)
    )
    per_day = Counter(at.astimezone(BERLIN).date().isoformat() for at in rows)
    days = [begin.astimezone(BERLIN).date().isoformat() for begin in begins]
    status = str(around.silence.status)
    return [
        Figure(
            "denied_attempts",
            sum(per_day.values()),
            "/denials",
            parts=tuple(Part(day, per_day[day], "/denials") for day in days),
        ),
        Figure("log_state", f"log.{status}", "/entries", good=status == "ready"),
        await items_open(around, "escalations", ESCALATED, "/entries"),
    ]


OVERSEERS: Final = (Office.COMPLIANCE, Office.INTERNAL_AUDIT)
FIGURES: Final[tuple[tuple[Action, tuple[Office, ...], Counted], ...]] = (
    (Action.WORK_READ, (), of_the_queue),
    (Action.TRADE_CAPTURE, (Office.FRONT_OFFICE,), of_dealing),
    (Action.CONFIRMATION_READ, (Office.BACK_OFFICE, *OVERSEERS), of_confirming),
    (Action.SETTLEMENT_READ, (Office.BACK_OFFICE, *OVERSEERS), of_settling),
    (Action.BALANCE_READ, (Office.ACCOUNTING,), of_books),
    (Action.CONFORMITY_READ, (Office.RISK_CONTROL, *OVERSEERS), of_risk),
    (Action.LIMIT_READ, (Office.FRONT_OFFICE, Office.RISK_CONTROL, Office.CREDIT), of_limits),
    (Action.ENTRY_READ, OVERSEERS, of_oversight),
)
"""Who counts what: the right that shows the list, the offices it is for (none: all), and how it is counted."""
