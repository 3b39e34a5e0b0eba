"""The log searched: entries as they were recorded, newest first, each with the way to its proof."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from datetime import date as day
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select, text, tuple_, union
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from audit.entry import leaf_hash
from policies.vocabulary import Action, Office
from service.audit_trail.model import AuditEffect, AuditEntry, AuditIndex
from service.compliance import rendering, retention
from service.kernel.cursors import cursor_of, place_of
from service.kernel.database import Base, Recorded, plain_value
from service.kernel.errors import Malformed, NotFound, Unprocessable
from service.kernel.failures import sqlstate
from service.kernel.paging import Order
from service.parties.queries import as_uuid
from service.people.model import Account
from service.ui.languages import LANGUAGES

PATIENCE = text("SET LOCAL statement_timeout = '5s'")
CANCELLED = "57014"
ANONYMOUS = "anonymous:"
LEAF = re.compile(r"[0-9a-f]{64}")


class Outcome(StrEnum):
    """What was decided: done, or refused."""

    ALLOW = "allow"
    REFUSE = "refuse"


class UnknownActor(Malformed):
    """400. No account and no person is meant by this name or id."""


class BadInstant(Malformed):
    """400. A time without a time zone, or none at all."""


class TooBroad(Unprocessable):
    """422. The search would read too much of the log."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to show. ``actor``: an account's name or id, or a person's id; times from, and before."""

    actor: str | None = None
    action: Action | None = None
    object_id: UUID | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    before: datetime | None = None
    trade_id: UUID | None = None
    office: Office | None = None


def instant(written: str | None, field: str) -> datetime | None:
    """Return a point in time written with its zone, or the beginning (UTC) of a day. Raises BadInstant."""
    if written is None:
        return None
    try:
        if len(written) == len("2026-10-28"):
            return datetime.combine(day.fromisoformat(written), time(), UTC)
        found = datetime.fromisoformat(written)
        found.astimezone(UTC)  # the first and the last day of the calendar have hours that UTC does not
    except (ValueError, OverflowError):
        found = None
    if found is None or found.tzinfo is None:
        raise BadInstant("Give a date, or a time with its zone such as 2026-10-28T09:15:00Z.", field=field)
    return found


async def entries(
    session: AsyncSession,
    wanted: Wanted,
    limit: int = 50,
    cursor: str | None = None,
    order: Order = Order.NEWEST,
) -> dict[str, Any]:
    """Return a page of entries, the newest first or the oldest; ``next`` is the cursor of the page after it.

    A search that takes longer than five seconds is refused as too broad.
    """
    await session.execute(PATIENCE)
    query = select(AuditEntry, AuditIndex.index).outerjoin(AuditIndex, AuditIndex.entry_id == AuditEntry.id)
    query = narrowed(query, wanted, await accounts_of(session, wanted.actor))
    at, newest = (AuditEntry.recorded_at, AuditEntry.id), order is Order.NEWEST
    if (place := place_of(cursor)) is not None:
        query = query.where(tuple_(*at) < tuple(place) if newest else tuple_(*at) > tuple(place))
    in_order = query.order_by(*(one.desc() if newest else one for one in at)).limit(limit + 1)
    try:
        found = (await session.execute(in_order)).all()
    except DBAPIError as failure:
        if sqlstate(failure) == CANCELLED:
            raise TooBroad("This reads too much of the log. Narrow it by time, actor or action.") from failure
        raise
    shown = found[:limit]
    names = await names_of(session, {entry.account for entry, _ in shown})
    last = shown[-1][0] if shown else None
    return {
        "items": [entry_view(entry, index, names) for entry, index in shown],
        "next": cursor_of(last.recorded_at, last.id) if last is not None and len(found) > limit else None,
    }


async def entry(session: AsyncSession, entry_id: UUID) -> dict[str, Any]:
    """Return one entry. Raises NotFound."""
    query = select(AuditEntry, AuditIndex.index).outerjoin(AuditIndex, AuditIndex.entry_id == AuditEntry.id)
    found = (await session.execute(query.where(AuditEntry.id == entry_id))).one_or_none()
    if found is None:
        raise NotFound("entry in the log")
    return entry_view(found[0], found[1], await names_of(session, {found[0].account}))


async def exports(session: AsyncSession, office: Office, limit: int) -> list[dict[str, Any]]:
    """Return what an office has exported, newest first; fetching it again is no export."""
    query = (
        select(AuditEntry)
        .where(
            AuditEntry.act == Action.EVIDENCE_EXPORT.value,
            AuditEntry.outcome == Outcome.ALLOW.value,
            AuditEntry.office == office.value,
        )
        .order_by(AuditEntry.recorded_at.desc(), AuditEntry.id.desc())
        .limit(limit * 4)
    )
    told = [(entry, json.loads(entry.bytes)["data"]) for entry in await session.scalars(query)]
    return [export_view(entry, data) for entry, data in told if "pack" in data][:limit]


def export_view(entry: AuditEntry, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return an export as its entry tells it."""
    scope = data["scope"]
    return {
        "entry": str(entry.id),
        "at": plain_value(entry.recorded_at),
        "kind": scope["kind"],
        "about": scope.get("trade") or scope.get("person") or scope.get("report"),
        "since": scope.get("from"),
        "before": scope.get("to"),
        "reason": data["reason"],
        "entries": data["entries"],
        "verdict": data.get("verdict"),
        "sha256": data["pack"].removeprefix("sha256:"),
    }


def narrowed(
    query: Select[AuditEntry, int], wanted: Wanted, accounts: Collection[str] | None
) -> Select[AuditEntry, int]:
    """Return the query with only the entries wanted; what an object went through includes refusals on a trade."""
    if accounts is not None:
        query = query.where(AuditEntry.account.in_(accounts))
    if wanted.action is not None:
        query = query.where(AuditEntry.act == wanted.action.value)
    if wanted.object_id is not None:
        kinds = [m.class_.__tablename__ for m in Base.registry.mappers if issubclass(m.class_, Recorded)]
        touched = select(AuditEffect.entry_id).where(
            AuditEffect.kind.in_(kinds), AuditEffect.id == wanted.object_id
        )
        linked = select(AuditEntry.id).where(AuditEntry.trade_id == wanted.object_id)
        query = query.where(AuditEntry.id.in_(union(touched, linked)))
    if wanted.outcome is not None:
        query = query.where(AuditEntry.outcome == wanted.outcome.value)
    if wanted.since is not None:
        query = query.where(AuditEntry.recorded_at >= wanted.since)
    if wanted.before is not None:
        query = query.where(AuditEntry.recorded_at < wanted.before)
    if wanted.trade_id is not None:
        query = query.where(AuditEntry.trade_id == wanted.trade_id)
    if wanted.office is not None:
        query = query.where(AuditEntry.office == wanted.office.value)
    return query


async def story(
    session: AsyncSession, wanted: Wanted, limit: int = 50, cursor: str | None = None
) -> dict[str, Any]:
    """Return what a deal went through in every office, refusals too, oldest first, and how much of each there is."""
    assert wanted.trade_id is not None
    query = select(AuditEntry, AuditIndex.index).outerjoin(AuditIndex, AuditIndex.entry_id == AuditEntry.id)
    query = narrowed(query, wanted, None)
    if (place := place_of(cursor)) is not None:
        query = query.where(tuple_(AuditEntry.recorded_at, AuditEntry.id) > tuple(place))
    oldest_first = query.order_by(AuditEntry.recorded_at, AuditEntry.id).limit(limit + 1)
    found = (await session.execute(oldest_first)).all()
    shown = found[:limit]
    names = await names_of(session, {entry.account for entry, _ in shown})
    counting = (
        select(AuditEntry.office, AuditEntry.outcome, func.count())
        .where(AuditEntry.trade_id == wanted.trade_id)
        .group_by(AuditEntry.office, AuditEntry.outcome)
        .order_by(AuditEntry.office, AuditEntry.outcome)
    )
    last = shown[-1][0] if shown else None
    return {
        "items": [entry_view(entry, index, names) for entry, index in shown],
        "next": cursor_of(last.recorded_at, last.id) if last is not None and len(found) > limit else None,
        "counts": [
            {"office": office, "outcome": outcome, "entries": count}
            for office, outcome, count in (await session.execute(counting)).all()
        ],
    }


async def accounts_of(session: AsyncSession, actor: str | None) -> list[str] | None:
    """Return how the log names the accounts meant, also where somebody only claimed one. Raises UnknownActor."""
    if actor is None:
        return None
    named = as_uuid(actor)
    meant = or_(Account.id == named, Account.person_id == named) if named else Account.name == actor
    found = [str(account) for account in await session.scalars(select(Account.id).where(meant))]
    if not found:
        raise UnknownActor("No account has this name or id, and no person this id.", field="actor")
    return [*found, *(ANONYMOUS + account for account in found)]


async def names_of(session: AsyncSession, accounts: Collection[str]) -> dict[str, str]:
    """Return the names of accounts as the log names them."""
    ids = {account: UUID(account.removeprefix(ANONYMOUS)) for account in accounts}
    found = await session.execute(select(Account.id, Account.name).where(Account.id.in_(ids.values())))
    names: dict[UUID, str] = {row.id: row.name for row in found}
    return {
        account: (ANONYMOUS if account.startswith(ANONYMOUS) else "") + names[account_id]
        for account, account_id in ids.items()
        if account_id in names
    }


def entry_view(entry: AuditEntry, index: int | None, names: dict[str, str]) -> dict[str, Any]:
    """Return an entry as the interface shows it, told by its bytes alone.

    ``leaf`` is computed from the bytes. ``intact`` is false if they are not what was hashed when they were recorded.
    """
    leaf = leaf_hash(entry.bytes)
    told = json.loads(entry.bytes)
    return {
        "id": str(entry.id),
        "index": index,
        "leaf": leaf.hex(),
        "intact": leaf == entry.leaf,
        "at": plain_value(entry.recorded_at),
        "act": told["act"],
        "outcome": told["decision"]["outcome"],
        "office": told["actor"]["office"],
        "account": names.get(entry.account),
        "person": told["actor"]["person"],
        "rules": told["decision"]["rules"],
        "trade": told.get("links", {}).get("trade"),
        "sentence": {language: rendering.sentence(told, language) for language in LANGUAGES},
        "retention": retention.class_of(told["act"]),
        "entry": told,
        "proof": f"/audit/v1/proof/{leaf.hex()}",
    }


async def index_of(session: AsyncSession, leaf: str) -> tuple[int, bytes]:
    """Return the place of the entry that hashes to ``leaf``, and the leaf as bytes.

    Raises Malformed for another spelling than 64 hexadecimal digits, NotFound before it has a place.
    """
    if LEAF.fullmatch(leaf) is None:
        raise Malformed("A leaf hash has 64 hexadecimal digits in lower case.", field="leaf_hash")
    wanted = bytes.fromhex(leaf)
    index = await session.scalar(
        select(AuditIndex.index)
        .join(AuditEntry, AuditEntry.id == AuditIndex.entry_id)
        .where(AuditEntry.leaf == wanted)
    )
    if index is None:
        raise NotFound("entry in the log")
    return index, wanted
