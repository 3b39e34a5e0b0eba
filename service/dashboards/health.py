"""How the house stands: whether the log is signed and witnessed, the books balance, the proof holds, and what waits."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from audit.checkpoint import Checkpoint
from audit.cosignature import CosignerKey
from audit.note import Signature, parse
from policies.policy import Policy
from policies.vocabulary import Action, Office
from service.audit_trail.model import AuditEntry, AuditIndex
from service.bookkeeping.posting import PAID_IN_PART, RECEIVED_IN_PART
from service.bookkeeping.queries import trial_balance
from service.brake import Silence
from service.compliance import access, catalogue
from service.confirmations.lifecycle import TransmissionState
from service.confirmations.model import Transmission
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.items import ROUTES
from service.settings import Settings
from service.settlement.lifecycle import PaymentState, SettlementState
from service.settlement.model import Payment, Settlement
from service.work.model import WorkItem

NEWEST: Final = 1_000
"""Of so many items, the newest of all offices, the time until they were done is told."""
BY_HAND: Final = tuple(kind.value for kind, route in ROUTES.items() if not route.automatic)
_tested: dict[str, tuple[int, int]] = {}
"""By version of the policy: it says everything that these two numbers rest on."""
COUNTED_MAX: Final = 10_000
"""Never more items of an office than that are counted."""
BACKLOG: Final = text(
    """
    SELECT o.office, count(*) AS open, count(*) FILTER (WHERE f.due_at < :now) AS overdue, min(f.opened_at) AS oldest
    FROM unnest(CAST(:offices AS text[])) AS o(office)
    CROSS JOIN LATERAL (
      SELECT w.due_at, w.opened_at FROM public.work_item w
      WHERE w.office = o.office AND w.closed_entry_id IS NULL ORDER BY w.due_at LIMIT :most) AS f
    GROUP BY o.office ORDER BY o.office
    """
)
SUSPENSE: Final = frozenset({PAID_IN_PART, RECEIVED_IN_PART})
"""Accounts on which money waits until the whole of a payment is known; the reconciliation's own come with it."""
UNDELIVERED: Final = (TransmissionState.QUEUED, TransmissionState.UNDER_WAY, TransmissionState.FAILED)
UNPAID: Final = (PaymentState.BLOCKED, PaymentState.QUEUED, PaymentState.UNDER_WAY, PaymentState.FAILED)


async def health(
    gate: Gate, actor: Actor, reads: AsyncSession, settings: Settings, silence: Silence
) -> dict[str, Any]:
    """Return how log, books, proof and backlog stand; what the reader may not see is none."""
    powers, now = gate.policy.powers(actor.roles), gate.clock.now()
    told = {
        "at": plain_value(now),
        "log": await log_stands(reads, settings, silence, now),
        "proof": {
            **access.proved(gate.policy),
            "published": await access.published(reads) if Action.ENTRY_READ in powers else None,
        },
        "backlog": await backlog(reads, now),
    }
    leaving = powers >= {Action.CONFIRMATION_READ, Action.SETTLEMENT_READ}
    told["balance"] = await books_stand(reads) if Action.BALANCE_READ in powers else None
    told["effects"] = await effects(reads) if leaving else None
    return told


async def log_stands(
    reads: AsyncSession, settings: Settings, silence: Silence, now: datetime
) -> dict[str, Any]:
    """Return the newest entry, what of the log is signed and by whom, and how long it has been."""
    newest = select(AuditEntry.id, AuditEntry.recorded_at).order_by(AuditEntry.recorded_at.desc()).limit(1)
    last = (await reads.execute(newest)).one_or_none()
    indexed = await reads.scalar(select(func.max(AuditIndex.index)))
    entries = 0 if indexed is None else indexed + 1
    signed = await asyncio.to_thread(checkpoint_in, settings)
    told = {
        "status": str(silence.status),
        "why": None if silence.status == "ready" else silence.sentence(),
        "entries": entries,
        "last_entry": None if last is None else {"id": str(last.id), "at": plain_value(last.recorded_at)},
        "unsigned_seconds": int(silence.unsigned_seconds),
        "signed_by": "a signer of its own" if settings.signer else "this process",
        "checkpoint": None,
        "waiting": entries,
    }
    if signed is not None:
        told["waiting"] = max(entries - signed["size"], 0)
        told["checkpoint"] = signed | {
            "at": plain_value(signed["at"]),
            "age_seconds": max(int((now - signed["at"]).total_seconds()), 0),
        }
    return told


def checkpoint_in(settings: Settings) -> dict[str, Any] | None:
    """Return the checkpoint that is published: its size, when it was, who signed and which witnesses cosigned it."""
    file: Path = settings.log_directory / "checkpoint"
    try:
        note, at = file.read_bytes(), datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    said, lines = parse(note)
    return {
        "at": at,
        "size": Checkpoint.parse(said).size,
        "origin": settings.origin,
        "keys": sorted({line.name for line in lines} - {one.key.name for one in settings.witnesses}),
        "witnesses": [
            {"name": one.key.name, "cosigned": cosigned_at(one.key, said, lines)}
            for one in settings.witnesses
        ],
        "quorum": settings.quorum,
    }


def cosigned_at(key: CosignerKey, text: str, lines: tuple[Signature, ...]) -> str | None:
    """Return when a witness cosigned this checkpoint, or None."""
    for line in lines:
        if key.claimed_by(line):
            return str(plain_value(datetime.fromtimestamp(key.seconds(text, line), UTC)))
    return None


async def books_stand(reads: AsyncSession) -> dict[str, Any]:
    """Return the sums that are zero in books that balance, and what stands on accounts where money only waits."""
    found = await trial_balance(reads)
    waiting = [row for row in found["items"] if row["account"] in SUSPENSE and not is_zero(row["balance"])]
    sums = [one["sum"] for one in found["proof"]["currencies"]] + [found["proof"]["eur_sum"]]
    return {**found["proof"], "balanced": all(is_zero(one) for one in sums), "suspense": waiting}


def is_zero(amount: str) -> bool:
    """Tell whether an amount as answers write it is nothing."""
    return not amount.strip("-0.")


async def backlog(reads: AsyncSession, now: datetime) -> list[dict[str, Any]]:
    """Return for each office how much work waits there, how much of it is late, and since when the oldest waits.

    Of those due first; ``more`` where there may be more of them than are counted.
    """
    asked = {"offices": [office.value for office in Office], "now": now, "most": COUNTED_MAX}
    rows = await reads.execute(BACKLOG, asked)
    return [
        {
            "office": row.office,
            "open": row.open,
            "overdue": row.overdue,
            "oldest": plain_value(row.oldest),
            "more": row.open == COUNTED_MAX,
        }
        for row in rows
    ]


async def effects(reads: AsyncSession) -> dict[str, dict[str, int]]:
    """Return how many messages and payments have not left the house, by their state."""
    messages = select(Transmission.state, func.count().label("number")).where(
        Transmission.state.in_(UNDELIVERED)
    )
    payments = select(Payment.state, func.count().label("number")).where(Payment.state.in_(UNPAID))
    return {
        name: {
            row.state: row.number for row in await reads.execute(query.group_by("state").order_by("state"))
        }
        for name, query in (("messages", messages), ("payments", payments))
    }


async def waiting_in(
    reads: AsyncSession, office: Office, now: datetime, *, overdue: bool, after: Place | None, limit: int
) -> dict[str, Any]:
    """Return what waits in an office, the longest due first."""
    wanted = select(WorkItem).where(WorkItem.office == office, WorkItem.closed_entry_id.is_(None))
    if overdue:
        wanted = wanted.where(WorkItem.due_at < now)
    if after is not None:
        wanted = wanted.where(tuple_(WorkItem.due_at, WorkItem.id) > tuple_(after.at, after.id))
    rows = (await reads.scalars(wanted.order_by(WorkItem.due_at, WorkItem.id).limit(limit + 1))).all()
    items = [
        {
            "id": str(row.id),
            "kind": row.kind,
            "office": row.office,
            "home": row.home,
            "trade": None if row.trade_id is None else str(row.trade_id),
            "reason": row.reason,
            "opened_at": plain_value(row.opened_at),
            "due_at": plain_value(row.due_at),
            "overdue": row.due_at < now,
        }
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return {"items": items, "next": None if last is None else cursor_of(last.due_at, last.id)}


async def seconds_until_done(reads: AsyncSession, office: Office) -> int | None:
    """Return how long the middle one of an office's newest items waited until somebody did it; none if none is done."""
    newest = (
        select(WorkItem.home, WorkItem.kind, WorkItem.opened_at, WorkItem.closed_at)
        .order_by(WorkItem.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    waited = func.extract("epoch", newest.c.closed_at - newest.c.opened_at)
    middle = select(func.percentile_cont(0.5).within_group(waited)).where(
        newest.c.home == office.value, newest.c.kind.in_(BY_HAND), newest.c.closed_at.is_not(None)
    )
    found = await reads.scalar(middle)
    return None if found is None else int(found)


async def failures_by_code(reads: AsyncSession) -> Counter[str]:
    """Return how many legs have failed for which reason, as the settlement tables code it."""
    code = func.coalesce(Settlement.failure_code, "")
    rows = await reads.execute(
        select(code.label("code"), func.count().label("legs"))
        .where(Settlement.state == SettlementState.FAILED)
        .group_by(code)
    )
    return Counter({row.code: row.legs for row in rows})


def checkpoint_age(settings: Settings, now: datetime) -> int | None:
    """Return how many seconds ago the published checkpoint was signed; none while there is none."""
    try:
        signed = (settings.log_directory / "checkpoint").stat().st_mtime
    except FileNotFoundError:
        return None
    return max(int((now - datetime.fromtimestamp(signed, UTC)).total_seconds()), 0)


def controls_tested(policy: Policy) -> tuple[int, int]:
    """Return how many controls have a test named after them, and how many there are."""
    if policy.version not in _tested:
        controls = catalogue.known(policy).values()
        _tested.clear()
        _tested[policy.version] = sum(bool(one.tests) for one in controls), len(controls)
    return _tested[policy.version]
