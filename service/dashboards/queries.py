"""The figures of a desk's first page: counted from the same lists that stand behind them."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil, floor
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Date, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.vocabulary import Action, Office
from service.attempt import Desk
from service.audit_trail.model import AuditEntry
from service.bookkeeping.clearing import clearing
from service.bookkeeping.queries import trial_balance
from service.brake import Silence
from service.cases.lifecycle import CaseState
from service.cases.model import CaseFile
from service.cases.queries import concerns_another
from service.compliance.access import proved
from service.compliance.usage import unused_rights
from service.confirmations.lifecycle import ConfirmationState
from service.confirmations.model import Confirmation
from service.confirmations.queries import unconfirmed_by_age
from service.conformity.lifecycle import CheckState
from service.conformity.queries import kinds
from service.dashboards.escalations import ESCALATED
from service.dashboards.health import checkpoint_age, controls_tested, failures_by_code, seconds_until_done
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.items import Item
from service.kernel.working_hours import BERLIN, Age, age_of, day_in_berlin
from service.limits.queries import Wanted as WantedLimits
from service.limits.queries import limits
from service.settings import Settings
from service.settlement.ageing import BUCKETS, bucket
from service.settlement.board import OPEN, late_by
from service.settlement.model import Settlement
from service.trades.lifecycle import TradeState
from service.trades.looking import desk_of
from service.trades.model import Trade, TradeVersion
from service.trades.queries import in_state, trade_rows
from service.work.model import WorkItem
from service.work.queries import SOON, Where, of_office

NOTHING: Final = "–"
ROWS_MAX: Final = 2_000
"""Never more rows than that are counted one by one; a figure at its bound says so."""
MATCHED_MAX: Final = 500
LIMITS_SHOWN: Final = 8
ROLES_SHOWN: Final = 6
DAYS_BACK: Final = 7
MONTH: Final = timedelta(days=30)
PERCENT, SECONDS = "percent", "seconds"
CAUSES_SHOWN: Final = 6
CHECKPOINT_SECONDS_MAX: Final = 24 * 60 * 60
MATCHED: Final = Confirmation.state == literal_column(f"'{ConfirmationState.MATCHED}'")
"""Written out, so that the index of what is matched serves it."""


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

    ``good`` tells whether it is as it should be; ``unit``: a currency, ``PERCENT`` or ``SECONDS``; none is a count.
    ``of``: how many there are in all, where that says something.
    """

    name: str
    value: int | str
    link: str
    good: bool | None = None
    parts: tuple[Part, ...] = ()
    unit: str = ""
    of: int | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """Who looks, when, through which login."""

    reads: AsyncSession
    actor: Actor
    policy: Policy
    desk: Desk
    now: datetime
    silence: Silence
    settings: Settings
    powers: frozenset[Action] = field(default_factory=frozenset)


Counted = Callable[[Around], Awaitable[list[Figure]]]


async def dashboard(around: Around) -> list[Figure]:
    """Return the figures of the reader's desk: those of their office, as far as their rights reach."""
    found: list[Figure] = []
    for needs, offices, count in FIGURES:
        if needs in around.powers and (not offices or around.actor.office in offices):
            found += await count(around)
    return found


async def figures(
    gate: Gate, actor: Actor, reads: AsyncSession, silence: Silence, settings: Settings
) -> list[Figure]:
    """Return the figures of the caller's desk."""
    powers = frozenset() if actor.restricted else gate.policy.powers(actor.roles)
    at = await desk_of(reads, gate)
    return await dashboard(Around(reads, actor, gate.policy, at, gate.clock.now(), silence, settings, powers))


# The queue ------------------------------------------------------------------------------------------


async def of_the_queue(around: Around) -> list[Figure]:
    """Count what waits: due soon, overdue, by age, and what another office offers."""
    soon, now = around.now + SOON, around.now
    here = (
        select(WorkItem.opened_at, WorkItem.due_at)
        .where(WorkItem.closed_entry_id.is_(None), of_office(around.actor, Where.HERE))
        .order_by(WorkItem.due_at)
        .limit(ROWS_MAX)
        .subquery()
    )
    waiting = select(
        func.array_agg(aggregate_order_by(here.c.opened_at, here.c.opened_at)).label("opened"),
        func.count().filter(here.c.due_at >= now, here.c.due_at < soon).label("due"),
        func.count().filter(here.c.due_at < now).label("late"),
    )
    row = (await around.reads.execute(waiting)).one()
    offered = await around.reads.scalar(
        select(func.count())
        .select_from(WorkItem)
        .where(of_office(around.actor, Where.OFFERED), WorkItem.closed_entry_id.is_(None))
    )
    opened, due, late = row.opened or [], row.due, row.late
    ages = ages_of(opened, now)
    return [
        Figure("due_within_an_hour", due, "/work?soon=1", good=due == 0),
        Figure("overdue", late, "/work?overdue=true", good=late == 0),
        Figure("handed_over_to_us", offered or 0, "/work?place=offered"),
        Figure(
            "waiting_by_age",
            len(opened),
            "/work",
            parts=tuple(Part(age.value, ages[age], f"/work?age={quote(age.value)}") for age in Age),
        ),
    ]


def ages_of(opened: Sequence[datetime], now: datetime) -> Counter[Age]:
    """Count moments in their order by their age; what lies between two of one age has that age too."""
    if not opened:
        return Counter()
    oldest, newest = (age_of(one, now) for one in (opened[0], opened[-1]))
    if oldest is newest:
        return Counter({oldest: len(opened)})
    half = len(opened) // 2
    return ages_of(opened[:half], now) + ages_of(opened[half:], now)


# Dealing --------------------------------------------------------------------------------------------


async def of_dealing(around: Around) -> list[Figure]:
    """Count the desk's deals of today, what was returned to the reader, late marks, and the use of limits."""
    today = around.desk.business_date
    deals = trade_rows(around.actor).with_only_columns(Trade.marks, maintain_column_froms=True)
    rows = (await around.reads.scalars(deals.where(TradeVersion.trade_date == today).limit(ROWS_MAX))).all()
    marks = Counter(mark for marked in rows for mark in marked)
    returned = await around.reads.scalar(
        select(func.count()).select_from(
            trade_rows(around.actor)
            .where(in_state(TradeState.RETURNED), Trade.captured_by == around.actor.account)
            .subquery()
        )
    )
    link = f"/trades?trade_date={today.isoformat()}"
    return [
        Figure("deals_today", len(rows), link),
        Figure(
            "returned_to_me",
            returned or 0,
            f"/trades?state=returned&captured_by={quote(around.actor.name)}",
            good=not returned,
        ),
        Figure(
            "marked_today",
            sum(marks.values()),
            link,
            good=not marks,
            parts=tuple(
                Part(f"mark.{mark}", count, f"{link}&mark={mark}") for mark, count in sorted(marks.items())
            ),
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
    by_age = await unconfirmed_by_age(around.reads, today)
    late = by_age[BUCKETS[-1]]
    return [
        Figure(
            "unconfirmed_by_age",
            by_age.total(),
            "/confirmations/unconfirmed",
            good=late == 0,
            parts=buckets(by_age, "/confirmations/unconfirmed"),
        ),
        await straight_through(around),
    ]


async def straight_through(around: Around) -> Figure:
    """Show how many deals of the last thirty days matched as they were first entered, of the newest that matched."""
    since = around.desk.business_date - MONTH
    newest = (
        select(Confirmation.traded_on, Confirmation.version)
        .where(MATCHED)
        .order_by(Confirmation.id.desc())
        .limit(MATCHED_MAX)
        .subquery()
    )
    counted = select(
        func.count().label("deals"), func.count().filter(newest.c.version == 1).label("untouched")
    )
    row = (await around.reads.execute(counted.where(newest.c.traded_on >= since))).one()
    share = percent(Decimal(row.untouched) / row.deals) if row.deals else NOTHING
    return Figure("straight_through", share, "/confirmations?state=matched", unit=PERCENT)


async def of_settling(around: Around) -> list[Figure]:
    """Count the legs whose value date has passed and whose money has not moved, by age."""
    today = around.desk.business_date
    rows = await around.reads.execute(
        select(Settlement.currency, Settlement.value_date, func.count().label("legs"))
        .where(Settlement.state.in_(OPEN), Settlement.value_date < today)
        .group_by(Settlement.currency, Settlement.value_date)
        .limit(ROWS_MAX)
    )
    by_age: Counter[str] = Counter()
    for row in rows:
        by_age[bucket(late_by(row.value_date, today, row.currency))] += row.legs
    link = "/settlements/board"
    total = sum(by_age.values())
    return [Figure("fails_by_age", total, link, good=total == 0, parts=buckets(by_age, link))]


async def of_working(around: Around) -> list[Figure]:
    """Show how long work waits until it is done, and which reasons payments fail for again and again."""
    seconds = await seconds_until_done(around.reads, around.actor.office)
    causes = await failures_by_code(around.reads)
    link = "/settlements?state=failed"
    parts = tuple(
        Part(f"code.{code}", count, f"{link}&code={quote(code)}" if code else link)
        for code, count in causes.most_common(CAUSES_SHOWN)
    )
    total = causes.total()
    return [
        Figure("time_until_done", NOTHING if seconds is None else seconds, "/work", unit=SECONDS),
        Figure("failure_causes", total, link, good=total == 0, parts=parts),
    ]


def buckets(by_age: Mapping[Any, int], link: str) -> tuple[Part, ...]:
    """Return the same ages everywhere, each with its count and the list of those."""
    return tuple(Part(age, by_age.get(age, 0), f"{link}?age={quote(age)}") for age in BUCKETS)


# Books, risk, oversight -----------------------------------------------------------------------------


async def of_books(around: Around) -> list[Figure]:
    """Prove that the books balance, per currency and in euro; count what is paid in part, by age."""
    proof = (await trial_balance(around.reads))["proof"]
    parts = tuple(
        Part(one["currency"], one["sum"], "/balances", one["currency"]) for one in proof["currencies"]
    )
    sums = [Decimal(one["sum"]) for one in proof["currencies"]] + [Decimal(proof["eur_sum"])]
    good = not any(sums)
    by_age = (await clearing(around.reads, limit=1))["by_age"]
    total = sum(by_age.values())
    return [
        Figure("sums_proof", "0" if good else "≠ 0", "/balances", good=good, parts=parts),
        Figure(
            "clearing_by_age",
            total,
            "/clearing",
            good=by_age[BUCKETS[-1]] == 0,
            parts=buckets(by_age, "/clearing"),
        ),
    ]


async def of_risk(around: Around) -> list[Figure]:
    """Count what stands off the market, by type of alert and what became of it, and the excesses nobody closed."""
    found = await kinds(around.reads)
    alerts = sum(one["deals"] for one in found if one["state"] == CheckState.ALERT)
    parts = tuple(
        Part(
            f"check.{one['state']}.{one['finding']}",
            one["deals"],
            f"/checks?state={one['state']}&finding={one['finding']}",
        )
        for one in found
    )
    link = "/checks?state=alert"
    return [
        Figure("off_market", alerts, link, good=alerts == 0, parts=parts),
        Figure(
            "open_excesses", open_now := await open_excesses(around), "/excesses?open=1", good=not open_now
        ),
    ]


async def open_excesses(around: Around) -> int:
    """Count the excesses that nobody closed yet."""
    wanted = select(func.count()).select_from(WorkItem)
    is_open = (WorkItem.kind == Item.EXCESS.value, WorkItem.closed_entry_id.is_(None))
    return await around.reads.scalar(wanted.where(*is_open)) or 0


async def of_oversight(around: Around) -> list[Figure]:
    """Count denied attempts day by day and what climbed by age, and say how the log stands."""
    per_day = await refused_by_day(around)
    status = str(around.silence.status)
    age = checkpoint_age(around.settings, around.now)
    tested, controls = controls_tested(around.policy)
    return [
        Figure(
            "denied_attempts",
            sum(per_day.values()),
            f"/denials?since={min(per_day)}",
            parts=tuple(Part(day, tries, f"/denials?day={day}") for day, tries in per_day.items()),
        ),
        Figure("log_state", f"log.{status}", "/entries", good=status == "ready"),
        Figure(
            "checkpoint_age",
            NOTHING if age is None else age,
            "/health",
            good=age is not None and age < CHECKPOINT_SECONDS_MAX,
            unit=SECONDS,
        ),
        Figure("controls_tested", tested, "/controls", good=tested == controls, of=controls),
        await climbed(around),
    ]


async def refused_by_day(around: Around) -> dict[str, int]:
    """Count what was refused on each of the last days in Berlin, today's last; the index of refusals serves it."""
    today = around.now.astimezone(BERLIN).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS_BACK))]
    day = cast(func.timezone(BERLIN.key, AuditEntry.recorded_at), Date)
    counted = (
        select(day.label("day"), func.count().label("tries"))
        .where(
            AuditEntry.outcome == literal_column("'refuse'"),
            AuditEntry.recorded_at >= day_in_berlin(days[0])[0],
        )
        .group_by(literal_column("1"))
    )
    tries = {row.day: row.tries for row in await around.reads.execute(counted)}
    return {one.isoformat(): tries.get(one, 0) for one in days}


async def climbed(around: Around) -> Figure:
    """Count what climbed and nobody answered, by age."""
    rows = await around.reads.scalars(
        select(WorkItem.opened_at)
        .where(WorkItem.kind.in_(ESCALATED), WorkItem.closed_entry_id.is_(None))
        .limit(ROWS_MAX)
    )
    ages = ages_of(sorted(rows), around.now)
    total = sum(ages.values())
    parts = tuple(Part(age.value, ages[age], f"/escalations?age={quote(age.value)}") for age in Age)
    return Figure("escalations", total, "/escalations", good=total == 0, parts=parts)


async def of_rights(around: Around) -> list[Figure]:
    """Prove again that no roles lead to both sides of the wall, and count the roles that nobody uses."""
    proof = proved(around.policy)
    unused = await unused_rights(around.reads, around.policy, around.now, limit=ROWS_MAX)
    by_role = Counter(one["role"] for one in unused["items"])
    parts = tuple(
        Part(f"role.{role}", count, f"/unused-rights?role={role}")
        for role, count in by_role.most_common(ROLES_SHOWN)
    )
    return [
        Figure("proof", proof["ways"], "/access", good=proof["ways"] == 0, of=proof["sets"]),
        Figure("unused_rights", len(unused["items"]), "/unused-rights", parts=parts),
    ]


async def of_cases(around: Around) -> list[Figure]:
    """Count the cases in sight that are not closed, by where they stand."""
    rows = await around.reads.execute(
        select(CaseFile.state, func.count().label("cases"))
        .where(concerns_another(around.actor), CaseFile.state != CaseState.CLOSED.value)
        .group_by(CaseFile.state)
    )
    counted = {row.state: row.cases for row in rows}
    states = [state.value for state in CaseState if state is not CaseState.CLOSED]
    parts = tuple(Part(f"state.{state}", counted.get(state, 0), f"/cases?state={state}") for state in states)
    return [Figure("open_cases", sum(counted.values()), "/cases?open=1", parts=parts)]


OVERSEERS: Final = (Office.COMPLIANCE, Office.INTERNAL_AUDIT)
FIGURES: Final[tuple[tuple[Action, tuple[Office, ...], Counted], ...]] = (
    (Action.WORK_READ, (), of_the_queue),
    (Action.TRADE_CAPTURE, (Office.FRONT_OFFICE,), of_dealing),
    (Action.CONFIRMATION_READ, (Office.BACK_OFFICE, *OVERSEERS), of_confirming),
    (Action.SETTLEMENT_READ, (Office.BACK_OFFICE, *OVERSEERS), of_settling),
    (Action.SETTLEMENT_READ, (Office.BACK_OFFICE,), of_working),
    (Action.BALANCE_READ, (Office.ACCOUNTING,), of_books),
    (Action.CONFORMITY_READ, (Office.RISK_CONTROL, *OVERSEERS), of_risk),
    (Action.LIMIT_READ, (Office.FRONT_OFFICE, Office.RISK_CONTROL, Office.CREDIT), of_limits),
    (Action.ENTRY_READ, OVERSEERS, of_oversight),
    (Action.REPORT_READ, OVERSEERS, of_rights),
    (Action.CASE_READ, (), of_cases),
)
"""Who counts what: the right that shows the list, the offices it is for (none: all), and how it is counted."""
