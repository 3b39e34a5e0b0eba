"""The past told again from entries alone: a deal, balances, the use of limits, or rights as of any instant.

An entry tells of each row what is new or changed, and the digest of the row after. So what is rebuilt proves
itself: if every column together hashes to the digest that the last entry states, it is what was stored then.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from audit.entry import parse_timestamp
from audit.tiles import WIDTH, TileReader, width_of
from service.audit_trail.model import AuditEffect, AuditEntry, AuditIndex
from service.bookkeeping.model import JournalLine
from service.bookkeeping.posting import Line
from service.bookkeeping.queries import line_view
from service.compliance.all_rows import FIRST_CHECK, check_of, recorded
from service.compliance.papers import check_papers
from service.compliance.selfcheck import SelfCheck
from service.conformity.model import MarketCheck, Notice
from service.documents.model import Document
from service.kernel.database import Base, Recorded, digest, plain_value, row_view
from service.kernel.errors import NotFound
from service.limits.model import LimitReservation
from service.limits.reserving import reservation_view
from service.market.checking import VERDICT
from service.trades.model import TradeVersion
from service.trades.versions import terms_view

ENTRIES_MAX = 10_000
ROWS_AT_ONCE = 256
TRADES_AT_ONCE = 50_000
OF_DEALS = frozenset({"trade", "trade_control"})  # whose rows bear the deal's own id
MIXED = (Document,)  # some of whose rows belong to a deal
PATIENCE = text("SET LOCAL statement_timeout = '5s'")

Place = tuple[str, str]  # kind and id


@dataclass(slots=True)
class Rebuilt:
    """A row as entries tell it. ``after`` is the digest that the last of them states."""

    kind: str
    id: str
    rev: int = 0
    after: str = ""
    columns: dict[str, Any] = field(default_factory=dict)
    trade: str | None = None

    def view(self) -> dict[str, Any]:
        """Return all columns with the revision."""
        return {**self.columns, "rev": self.rev}

    @property
    def proved(self) -> bool:
        """Whether the columns hash to what the last entry states; false where the log keeps a name to itself."""
        return digest({"kind": self.kind, **self.view()}) == self.after


@dataclass(slots=True)
class Past:
    """Everything the entries have told so far."""

    rows: dict[Place, Rebuilt] = field(default_factory=dict)
    terms: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)  # by deal and version
    lines: dict[str, list[dict[str, str]]] = field(default_factory=dict)  # by journal
    limits: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # taken and given back, by deal
    checks: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)  # by deal and version
    policy: Mapping[str, Any] = field(default_factory=dict)  # as it was published last
    entries: int = 0

    def tell(self, entry: Mapping[str, Any]) -> None:
        """Add what one more entry says; a refusal changed nothing."""
        self.entries += 1
        if entry["decision"]["outcome"] != "allow":
            return
        data, trade = entry.get("data", {}), entry.get("links", {}).get("trade")
        told = data.get("rows", {})
        if entry["act"] == "policy.publish":
            self.policy = data
        for effect in entry.get("eff", ()):
            place = effect["kind"], effect["id"]
            row = self.rows.setdefault(place, Rebuilt(*place))
            row.rev, row.after, row.trade = effect["rev"], effect["after"], trade
            _change(row.columns, told.get(f"{row.kind}:{row.id}", {}))
        if trade is not None and "terms" in data and ("trade", trade) in self.rows:
            version = self.rows["trade", trade].columns["version"]
            self.terms.setdefault(trade, {})[version] = data["terms"]
            self.checks.setdefault(trade, {})[version] = {**data["check"], **data.get("beside", {})}
        if trade is not None:
            self.limits.setdefault(trade, []).extend(data.get("limits", ()))
        self.lines.update(data.get("lines", {}))

    def of_kind(self, kind: str) -> list[Rebuilt]:
        """Return the rows of one kind, oldest first."""
        return sorted((row for (held, _), row in self.rows.items() if held == kind), key=lambda row: row.id)


def _change(columns: dict[str, Any], told: Mapping[str, Any]) -> None:
    columns.update(told.get("new", {}))
    for name, change in told.get("change", {}).items():
        if "new" in change:
            columns[name] = change["new"]
        else:
            columns.pop(name, None)  # an absent value is not written


# From the files ------------------------------------------------------------------------------------


def entries_in(
    directory: Path, until: datetime | None = None, about: bytes = b""
) -> Iterator[dict[str, Any]]:
    """Read the signed entries from the files of a log, up to an instant, and only those in which ``about`` stands."""
    reader = TileReader(directory)
    size = reader.stated_size()
    for number in range(-(-size // WIDTH)):
        for data in reader.bundle(number, width_of(0, number, size)):
            if about in data:
                entry: dict[str, Any] = json.loads(data)
                if until is None or parse_timestamp(entry["ts"]) <= until:
                    yield entry


def replayed(entries: Iterable[Mapping[str, Any]]) -> Past:
    """Tell entries in their order."""
    past = Past()
    for entry in entries:
        past.tell(entry)
    return past


def trade_from_files(directory: Path, trade: UUID, until: datetime) -> dict[str, Any]:
    """Rebuild a deal from the files alone. Raises NotFound if it did not exist at that instant."""
    entries = entries_in(directory, until, str(trade).encode())
    return trade_view(replayed(one for one in entries if _is_of(one, trade)), trade, until)


def balances_from_files(directory: Path, until: datetime) -> dict[str, Any]:
    """Rebuild what stood on every account, in its currency and in euro, from the files alone."""
    sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for entry in entries_in(directory, until, b'"lines":'):
        if entry["decision"]["outcome"] != "allow":
            continue
        for line in (line for lines in entry["data"].get("lines", {}).values() for line in lines):
            place = line["account"], line["currency"]
            amount, eur = sums.get(place, (Decimal(0), Decimal(0)))
            sums[place] = amount + Decimal(line["amount"]), eur + Decimal(line["eur_amount"])
    items = [
        {
            "account": account,
            "currency": currency,
            "balance": plain_value(both[0]),
            "eur_balance": plain_value(both[1]),
        }
        for (account, currency), both in sorted(sums.items())
    ]
    return {"as_of": plain_value(until), "items": items}


def limits_from_files(directory: Path, until: datetime) -> dict[str, Any]:
    """Rebuild what deals held of every limit, in EUR, from the files alone: what they took less what they gave back."""
    sums: dict[tuple[str, str], Decimal] = {}
    for entry in entries_in(directory, until, b'"limits":'):
        if entry["decision"]["outcome"] == "allow":
            for row in entry["data"].get("limits", ()):
                owner = row["scope"], row["owner_id"]
                sums[owner] = sums.get(owner, Decimal(0)) + Decimal(row["eur_amount"])
    items = [
        {"scope": scope, "owner": owner, "used_eur": plain_value(used)}
        for (scope, owner), used in sorted(sums.items())
    ]
    return {"as_of": plain_value(until), "items": items}


def rights_from_files(directory: Path, account: UUID, until: datetime) -> dict[str, Any]:
    """Rebuild which roles an account held and what these allowed, from the files alone; none if it was disabled."""
    past = replayed(_of_rights(directory, until))
    return _rights(past, str(account), until)


def all_rights_from_files(directory: Path, until: datetime) -> dict[str, Any]:
    """Rebuild who could do what: every account that held a role in force then."""
    past = replayed(_of_rights(directory, until))
    holders = sorted({row.columns["account_id"] for row in past.of_kind("role_grant")})
    found = [_rights(past, account, until) for account in holders]
    return {
        "as_of": plain_value(until),
        "policy": past.policy.get("policy"),
        "items": [one for one in found if one["roles"]],
    }


def _of_rights(directory: Path, until: datetime) -> Iterator[dict[str, Any]]:
    """Read what tells of rows that belong to no deal, and of policies."""
    for entry in entries_in(directory, until):
        if "trade" not in entry.get("links", {}):
            yield entry


def _rights(past: Past, account: str, until: datetime) -> dict[str, Any]:
    holder = past.rows.get(("account", account), Rebuilt("account", account))
    disabled = bool(holder.columns.get("disabled"))
    held = [
        {"grant": row.id, "role": row.columns["role"], "valid_until": row.columns.get("valid_until")}
        for row in past.of_kind("role_grant")
        if row.columns["account_id"] == account and _is_in_force(row, until)
    ]
    roles = [] if disabled else sorted({one["role"] for one in held})
    powers = past.policy.get("roles", {})
    return {
        "account": account,
        "as_of": plain_value(until),
        "disabled": disabled,
        "roles": roles,
        "acts": sorted({act for role in roles for act in powers.get(role, ())}),
        "policy": past.policy.get("policy"),
        "grants": held,
    }


def _is_in_force(grant: Rebuilt, at: datetime) -> bool:
    end = grant.columns.get("valid_until")
    return grant.columns["state"] == "executed" and (end is None or parse_timestamp(end) > at)


def _is_of(entry: Mapping[str, Any], trade: UUID) -> bool:
    return bool(entry.get("links", {}).get("trade") == str(trade))


def trade_view(past: Past, trade: UUID, until: datetime) -> dict[str, Any]:
    """Return a deal with everything the offices had said of it. Raises NotFound."""
    row = past.rows.get(("trade", str(trade)))
    if row is None:
        raise NotFound("trade")
    versions = past.terms.get(str(trade), {})
    beside: dict[str, list[dict[str, Any]]] = {}
    for (kind, _), other in sorted(past.rows.items()):
        if kind != "trade":
            lines = {"lines": past.lines[other.id]} if kind == "journal" else {}
            beside.setdefault(kind, []).append({**other.view(), **lines, "proved": other.proved})
    return {
        "id": str(trade),
        "as_of": plain_value(until),
        "entries": past.entries,
        "trade": {**row.view(), "proved": row.proved},
        "terms": versions.get(row.columns["version"]),
        "versions": [{"version": version, **terms} for version, terms in sorted(versions.items())],
        "checks": [
            {"version": version, **check} for version, check in sorted(past.checks[str(trade)].items())
        ],
        "limits": past.limits[str(trade)],
        "rows": beside,
    }


# From the database's own entries -------------------------------------------------------------------


async def trade_as_of(session: AsyncSession, trade: UUID, until: datetime) -> dict[str, Any]:
    """Rebuild a deal from the entries that the database holds of it. Raises NotFound."""
    await session.execute(PATIENCE)
    query = (
        select(AuditEntry.bytes)
        .outerjoin(AuditIndex, AuditIndex.entry_id == AuditEntry.id)
        .where(AuditEntry.trade_id == trade, AuditEntry.recorded_at <= until)
        .order_by(AuditIndex.index.asc().nulls_last(), AuditEntry.recorded_at, AuditEntry.id)
        .limit(ENTRIES_MAX)
    )
    return trade_view(replayed(json.loads(data) for data in await session.scalars(query)), trade, until)


# The self-check ------------------------------------------------------------------------------------


async def self_check(connection: AsyncConnection, log_directory: Path) -> SelfCheck:
    """Rebuild every deal, every balance and every right from the signed files; compare with what is stored now.

    A balance is the sum of journal lines, and these are compared one by one.

    Rows whose last entry is not signed yet are left to the next check. So many deals at a time as memory allows;
    each part reads the log once. ``connection`` may read every table and has not begun a transaction.
    """
    assert not connection.in_transaction(), "the check looks at one moment of its own"
    await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    async with connection.begin(), AsyncSession(connection, autoflush=False) as session:
        size = TileReader(log_directory).stated_size()
        check = SelfCheck(size)
        count = int(await session.scalar(text("SELECT count(*) FROM public.trade")) or 0)
        parts = max(1, -(-count // TRADES_AT_ONCE))
        for part in range(parts):
            await _check_part(session, log_directory, _in_part(part, parts), check)
        await _check_standing(session, log_directory, check)
        await check_papers(session, check)
    return check


def _in_part(part: int, parts: int) -> Callable[[str], bool]:
    return lambda trade: UUID(trade).int % parts == part


async def _check_part(
    session: AsyncSession, directory: Path, mine: Callable[[str], bool], check: SelfCheck
) -> None:
    linked = entries_in(directory, None, b'"trade":')
    past = replayed(
        entry
        for entry in linked
        if (trade := entry.get("links", {}).get("trade")) is not None and mine(trade)
    )
    check.trades += len(past.of_kind("trade"))
    for row in past.rows.values():
        if not row.proved:
            check.differs(row.kind, row.id, "rebuilt does not hash to what its last entry states.")
    unsigned = await _unsigned(session, check.size)
    for kind in sorted({kind for kind, _ in past.rows}):
        left = {row.id for row in past.of_kind(kind)}
        async for stored in _stream(session, kind):
            place = kind, str(stored.id)
            left.discard(place[1])
            trade = _trade_of(stored)
            if place not in unsigned and (place in past.rows or (trade is not None and mine(trade))):
                check.rows += 1
                _compare(past.rows.get(place), stored, place, check)
        for object_id in sorted(left):
            check.differs(kind, object_id, "is told by entries and not stored.")
    await _check_contents(session, past, unsigned, check)


async def _check_standing(session: AsyncSession, directory: Path, check: SelfCheck) -> None:
    """Compare what belongs to no deal: persons, accounts, their rights, master data. A name is compared by digest."""
    past = replayed(entry for entry in entries_in(directory) if "trade" not in entry.get("links", {}))
    unsigned = await _unsigned(session, check.size)
    for kind in standing():
        left = {row.id for row in past.of_kind(kind)}
        async for stored in _stream(session, kind):
            place = kind, str(stored.id)
            left.discard(place[1])
            if place in unsigned or _trade_of(stored) is not None:
                continue
            check.rows += 1
            row, now = past.rows.get(place), row_view(stored)
            if row is None:
                check.differs(*place, "is stored and told by no entry.")
            elif digest({"kind": kind, **now}) != row.after:
                told = {name for name, value in row.view().items() if now.get(name) != value}
                named = (
                    f"differs in {', '.join(sorted(told))}." if told else "is not what its last entry left."
                )
                check.differs(*place, named)
        for object_id in sorted(left):
            check.differs(kind, object_id, "is told by entries and not stored.")


def standing() -> list[str]:
    """Return the kinds of row that belong to no deal, or not all to one."""
    kinds = [model.__tablename__ for model in recorded() if not hasattr(model, "trade_id") or model in MIXED]
    return [kind for kind in kinds if kind not in OF_DEALS]


async def _unsigned(session: AsyncSession, size: int) -> set[Place]:
    """Return the objects whose last entry the signed log does not reach yet."""
    query = select(AuditEffect.kind, AuditEffect.id).outerjoin(
        AuditIndex, AuditIndex.entry_id == AuditEffect.entry_id
    )
    beyond = query.where((AuditIndex.index.is_(None)) | (AuditIndex.index >= size))
    return {(kind, str(object_id)) for kind, object_id in await session.execute(beyond)}


def _trade_of(stored: Recorded) -> str | None:
    """Return the deal that a row belongs to, if it is not the bank's own."""
    if isinstance(stored, Notice):
        return str(stored.subject_id) if stored.subject_kind == "trade" else None
    if stored.__tablename__ in OF_DEALS:
        return str(stored.id)
    trade = getattr(stored, "trade_id", None)
    return None if trade is None else str(trade)


def _compare(row: Rebuilt | None, stored: Recorded, place: Place, check: SelfCheck) -> None:
    if row is None:
        check.differs(*place, "is stored and told by no entry.")
    elif (now := row_view(stored)) != (told := row.view()):
        names = sorted(name for name in now.keys() | told.keys() if now.get(name) != told.get(name))
        check.differs(*place, f"differs in {', '.join(names)}.")


async def _check_contents(session: AsyncSession, past: Past, unsigned: set[Place], check: SelfCheck) -> None:
    """Compare terms and journal lines, which have no revision of their own."""
    versions = await session.stream_scalars(select(TradeVersion).execution_options(yield_per=ROWS_AT_ONCE))
    async for version in versions:
        trade = str(version.trade_id)
        if ("trade", trade) not in past.rows or ("trade", trade) in unsigned:
            continue
        told = past.terms.get(trade, {}).get(version.version)
        if told != terms_view(version) | {"counterparty_id": str(version.counterparty_id)}:
            check.differs("trade", trade, f"has other terms in version {version.version}.")
    ordered = select(JournalLine).order_by(JournalLine.journal_id, JournalLine.line)
    held: dict[str, list[dict[str, str]]] = {}
    async for line in await session.stream_scalars(ordered.execution_options(yield_per=ROWS_AT_ONCE)):
        if str(line.journal_id) in past.lines:
            view = line_view(Line(line.account, line.currency, line.amount, line.eur_amount))
            held.setdefault(str(line.journal_id), []).append(view)
    for journal, lines in past.lines.items():
        if held.get(journal) != lines:
            check.differs("journal", journal, "has other lines.")
    await _check_controls(session, past, check)


def by_content(told: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Order what acts told of one deal by all of it: versions take of the same limits for the same reasons."""
    return sorted(told.items())


async def _check_controls(session: AsyncSession, past: Past, check: SelfCheck) -> None:
    """Compare what deals took of limits and gave back, and what their first checks found."""
    later = select(AuditEntry.trade_id).outerjoin(AuditIndex, AuditIndex.entry_id == AuditEntry.id)
    beyond = later.where((AuditIndex.index.is_(None)) | (AuditIndex.index >= check.size))
    busy = {str(trade) for trade in await session.scalars(beyond)}
    held: dict[str, list[LimitReservation]] = {}
    reserved = select(LimitReservation).execution_options(yield_per=ROWS_AT_ONCE)
    async for row in await session.stream_scalars(reserved):
        if str(row.trade_id) in past.limits:
            held.setdefault(str(row.trade_id), []).append(row)
    for trade, told in past.limits.items():
        stored = [reservation_view(row) for row in held.get(trade, ())]
        if sorted(told, key=by_content) != sorted(stored, key=by_content) and trade not in busy:
            check.differs("trade", trade, "holds other room of the limits.")
    found: dict[tuple[str, int], Any] = {}
    checks = select(MarketCheck).where(FIRST_CHECK).execution_options(yield_per=ROWS_AT_ONCE)
    async for one in await session.stream_scalars(checks):
        if str(one.trade_id) in past.checks:
            found[str(one.trade_id), one.version] = check_of(one).view["check"]
    for trade, versions in past.checks.items():
        for version, said in versions.items():
            verdict = {name: said[name] for name in VERDICT if name in said}
            if found.get((trade, version)) != verdict and trade not in busy:
                check.differs("trade", trade, f"was checked otherwise in version {version}.")


async def _stream(session: AsyncSession, kind: str) -> AsyncIterator[Any]:
    models = (mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Recorded))
    model = next(model for model in models if model.__tablename__ == kind)
    query = select(model).order_by(model.id).execution_options(yield_per=ROWS_AT_ONCE)
    async for row in await session.stream_scalars(query):
        yield row
