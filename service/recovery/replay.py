"""Rows told again from entries: each entry that the database lost does once more what it did to the rows.

An entry tells of each row what is new or changed, and beside it the terms, the journal lines, the room it took of
limits, what it found beside the market, and the work it handed on. What it does not tell cannot come back: names,
passwords, sessions, answers kept under a key. A row that comes out otherwise than its last entry left it lags, and is
named.

Each entry is held against every constraint before the next: what its act had to leave whole, it leaves whole again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from audit.entry import leaf_hash, parse_timestamp
from policies.vocabulary import Action
from service.audit_trail.model import AuditEffect, AuditIndex
from service.bookkeeping.model import JournalLine
from service.kernel.database import Base, Recorded, digest, row_view
from service.kernel.identifiers import uuid7
from service.kernel.items import ROUTES, Item
from service.kernel.working_hours import later
from service.trades.deals.deal import cash_flows
from service.trades.model import DealNumber, PositionMovement, Trade, TradeVersion
from service.trades.queries import held_positions
from service.trades.versions import terms_from_version
from service.work.model import WorkItem

IMPORT = text("SELECT public.audit_import(:first, CAST(:entries AS bytea[]))")
KNOWN = text("SELECT leaf FROM public.audit_entry WHERE leaf = ANY(CAST(:leaves AS bytea[]))")
COUNT_ON = text(
    "INSERT INTO public.deal_counter (book_id, last_number) VALUES (:book, :number) ON CONFLICT (book_id) "
    "DO UPDATE SET last_number = greatest(deal_counter.last_number, excluded.last_number)"
)
CLOSE = text(
    "UPDATE public.work_item SET closed_entry_id = :entry, closed_at = :at "
    "WHERE kind = :kind AND subject_id = :subject AND closed_entry_id IS NULL"
)
ONLY_TO_CHANGE = text("UPDATE public.credential SET one_time = true WHERE account_id = :account")
NO_LONGER = text("UPDATE public.credential SET secret = '' WHERE account_id = :account")
END_SESSIONS = text(
    "UPDATE public.session SET ended_at = clock_timestamp(), ended_why = 'recovery' "
    "WHERE ended_at IS NULL AND id <> :kept"
)
FLAGGED = text(
    "SELECT true FROM public.lagging_row WHERE kind = :kind AND object_id = :id AND righted_at IS NULL"
)
KINDS = text(
    "SELECT DISTINCT e.kind FROM public.audit_effect e JOIN public.audit_index i ON i.entry_id = e.entry_id "
    "WHERE i.index >= :first ORDER BY e.kind"
)
LAST = (
    select(AuditEffect.id, AuditEffect.rev, AuditEffect.after)
    .join(AuditIndex, AuditIndex.entry_id == AuditEffect.entry_id)
    .where(AuditEffect.kind == bindparam("kind"), AuditIndex.index >= bindparam("first"))
    .ext(distinct_on(AuditEffect.id))
    .order_by(AuditEffect.id, AuditEffect.rev.desc())
    .subquery()
)
ROWS_AT_ONCE = 256
LIMITS = text("SELECT public.limit_retold(:trade, :entry, CAST(:told AS jsonb))")
CHECK = text("SELECT public.market_retold(:trade, :version, :entry, CAST(:told AS jsonb))")
CHECK_AGAIN = text("SELECT public.market_look_again(:since, :currency, :entry, :at)")
CHECKED_OTHERWISE = text(
    "SELECT f.kind, f.id, f.rev FROM public.audit_index i JOIN public.audit_entry e ON e.id = i.entry_id "
    "JOIN public.audit_effect f ON f.entry_id = e.id WHERE i.index >= :first AND e.act = ANY(:acts) "
    "AND convert_from(e.bytes, 'UTF8')::jsonb #>> '{data,checks,digest}' <> public.checks_digest(e.id)"
)
CHECK_NOW, CHECK_LATER = text("SET CONSTRAINTS ALL IMMEDIATE"), text("SET CONSTRAINTS ALL DEFERRED")
CHECKS_AGAIN = [Action.FIXING_IMPORT.value, Action.BENCHMARK_APPROVE.value]
STORED_AS = {"start_date": "value_date"}
"""Members of told terms whose column has another name."""
READ_AS: dict[type, Callable[[str], Any]] = {
    Decimal: Decimal,
    UUID: UUID,
    date: date.fromisoformat,
    datetime: parse_timestamp,
    str: str,
}


@dataclass(frozen=True, slots=True)
class Lagging:
    """A row that is not what its last entry left, and why."""

    kind: str
    id: UUID
    rev: int
    why: str


async def bring_forward(connection: AsyncConnection, owner: str, first: int, entries: Sequence[bytes]) -> int:
    """Take entries at their places and do to the rows what those did that the database did not hold; tell how many.

    One transaction: stopped before its end, nothing of it happened; after it, the next run goes on behind it.
    """
    fresh = 0
    async with AsyncSession(connection, autoflush=False) as session, session.begin():
        await session.execute(text(f"SET LOCAL ROLE {owner}"))
        leaves = [leaf_hash(entry) for entry in entries]
        known = {bytes(leaf) for leaf in await session.scalars(KNOWN, {"leaves": leaves})}
        await session.execute(IMPORT, {"first": first, "entries": list(entries)})
        for leaf, entry in zip(leaves, entries, strict=True):
            if leaf not in known:
                fresh += 1
                await _tell(session, json.loads(entry))
    return fresh


async def _tell(session: AsyncSession, entry: Mapping[str, Any]) -> None:
    data = entry.get("data", {})
    if entry["decision"]["outcome"] != "allow":
        await _hand_on(session, entry, data)  # all that a refusal leaves: who is to hear of it
        await session.flush()
        return
    told = data.get("rows", {})
    for effect in entry.get("eff", ()):
        name = f"{effect['kind']}:{effect['id']}"
        await _write(session, effect["kind"], UUID(effect["id"]), effect["rev"], told.get(name, {}))
    await _tell_deal(session, entry, data)
    await _tell_checks(session, entry, data)
    for journal, lines in data.get("lines", {}).items():
        for number, line in enumerate(lines, start=1):
            amounts = {name: Decimal(line[name]) for name in ("amount", "eur_amount")}
            session.add(
                JournalLine(
                    journal_id=UUID(journal),
                    line=number,
                    account=line["account"],
                    currency=line["currency"],
                    **amounts,
                    entry_id=UUID(entry["id"]),
                )
            )
    await _hand_on(session, entry, data)
    await _forget_password(session, entry, data)
    await session.flush()
    await session.execute(CHECK_NOW)
    await session.execute(CHECK_LATER)


async def _write(
    session: AsyncSession, kind: str, object_id: UUID, rev: int, told: Mapping[str, Any]
) -> None:
    """Make one revision of a row; a name that the log keeps to itself is replaced by the row's id."""
    model = model_of(kind)
    if rev == 1:
        hidden = dict.fromkeys(getattr(model, "__private__", ()), f"unknown-{object_id}")
        values = {**hidden, **told.get("new", {}), "id": str(object_id), "rev": 1}
        columns = ", ".join(attribute.key for attribute in model.__mapper__.column_attrs)
        statement = f"INSERT INTO public.{kind} ({columns}) SELECT {columns}"
        where = ""
    else:
        changed = told.get("change", {})
        values = {**{name: both.get("new") for name, both in changed.items()}, "rev": rev}
        assert set(values) <= {attribute.key for attribute in model.__mapper__.column_attrs}
        columns = ", ".join(values)
        statement = f"UPDATE public.{kind} SET ({columns}) = (SELECT {columns}"  # noqa: S608
        where = ") WHERE id = :id AND rev = :rev - 1"
    source = f" FROM jsonb_populate_record(NULL::public.{kind}, CAST(:view AS jsonb)){where}"
    asked: dict[str, Any] = {"view": json.dumps(values)}
    await session.execute(text(statement + source), asked | ({"id": object_id, "rev": rev} if where else {}))


async def _tell_deal(session: AsyncSession, entry: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Give a deal its number, its terms and its place in the position."""
    trade_id = entry.get("links", {}).get("trade")
    if trade_id is None or not ("terms" in data or entry["act"] == Action.POSITION_UNWIND):
        return
    trade = await session.get(Trade, UUID(trade_id), populate_existing=True)
    if trade is None:
        return
    entry_id = UUID(entry["id"])
    held = await held_positions(session, trade.id)
    _move(session, trade, entry_id, [(row.currency, -row.amount, row.value_date) for row in held])
    if "terms" not in data:
        return
    if trade.version == 1:
        session.add(
            DealNumber(book_id=trade.portfolio_id, number=trade.number, trade_id=trade.id, entry_id=entry_id)
        )
        await session.execute(COUNT_ON, {"book": trade.portfolio_id, "number": trade.number})
    version = _version(trade, entry, data["terms"])
    session.add(version)
    flows = cash_flows(terms_from_version(version, trade.portfolio_id))
    _move(session, trade, entry_id, [(flow.currency, flow.amount, flow.value_date) for flow in flows])


def _version(trade: Trade, entry: Mapping[str, Any], terms: Mapping[str, Any]) -> TradeVersion:
    columns = {attribute.key: attribute.columns[0] for attribute in TradeVersion.__mapper__.column_attrs}
    stored = {STORED_AS.get(name, name): value for name, value in terms.items()}
    values = {name: READ_AS[columns[name].type.python_type](value) for name, value in stored.items()}
    return TradeVersion(
        **values,
        trade_id=trade.id,
        version=trade.version,
        entered_by=UUID(entry["actor"]["account"]),
        entered_at=parse_timestamp(entry["ts"]),
        entry_id=UUID(entry["id"]),
    )


def _move(
    session: AsyncSession, trade: Trade, entry_id: UUID, moved: Sequence[tuple[str, Decimal, date]]
) -> None:
    for currency, amount, value_date in moved:
        session.add(
            PositionMovement(
                id=uuid7(),
                portfolio_id=trade.portfolio_id,
                trade_id=trade.id,
                version=trade.version,
                currency=currency,
                value_date=value_date,
                amount=amount,
                entry_id=entry_id,
            )
        )


async def _tell_checks(session: AsyncSession, entry: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Take and give back room of limits, and hold deals against the market, as the entry did."""
    await session.flush()
    facts = {"trade": entry.get("links", {}).get("trade"), "entry": entry["id"]}
    if "limits" in data:
        await session.execute(LIMITS, facts | {"told": json.dumps(data["limits"])})
    if "check" in data:
        version = await session.scalar(select(Trade.version).where(Trade.id == UUID(facts["trade"])))
        told = json.dumps({**data["check"], **data.get("beside", {})})
        await session.execute(CHECK, facts | {"version": version, "told": told})
    if "checks" in data:
        again = data["checks"]
        asked = {
            "since": date.fromisoformat(again["since"]),
            "currency": again.get("currency"),
            "entry": entry["id"],
            "at": parse_timestamp(again["checked_at"]),
        }
        await session.execute(CHECK_AGAIN, asked)


async def _hand_on(session: AsyncSession, entry: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Close and open the work that the entry closed and opened."""
    at = parse_timestamp(entry["ts"])
    await session.flush()
    for item in data.get("closes", ()):
        asked = {"kind": item["kind"], "subject": UUID(item["subject"]), "entry": UUID(entry["id"]), "at": at}
        await session.execute(CLOSE, asked)
    for item in data.get("opens", ()):
        kind, of_deal = Item(item["kind"]), "subject_kind" not in item
        trade = item.get("trade", item["subject"] if of_deal else None)
        session.add(
            WorkItem(
                id=UUID(item["id"]),
                office=item["office"],
                home=item["office"],
                kind=kind.value,
                subject_kind=item.get("subject_kind", "trade"),
                subject_id=UUID(item["subject"]),
                trade_id=None if trade is None else UUID(trade),
                version=item.get("version"),
                reason=item.get("reason"),
                due_at=parse_timestamp(item["due"]) if "due" in item else later(at, ROUTES[kind].within),
                opened_at=at,
                opened_by=entry["actor"]["office"],
                entry_id=UUID(entry["id"]),
            )
        )


async def _forget_password(session: AsyncSession, entry: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """An older password than the last opens nothing but the choice of a new one; one that was reset, nothing."""
    if entry["act"] == Action.PASSWORD_CHANGE:
        await session.execute(ONLY_TO_CHANGE, {"account": UUID(entry["actor"]["account"])})
    elif entry["act"] == Action.PASSWORD_RESET:
        await session.execute(NO_LONGER, {"account": UUID(data["account"])})


async def lagging(connection: AsyncConnection, first: int) -> list[Lagging]:
    """Return the rows that are not what their last entry left, of all that entries from ``first`` on touched."""
    found = []
    async with AsyncSession(connection, autoflush=False) as session:
        for kind in await session.scalars(KINDS, {"first": first}):
            model = model_of(kind)
            hidden = " and no ".join(getattr(model, "__private__", ()))
            both = select(model, LAST.c.id, LAST.c.rev, LAST.c.after).select_from(
                LAST.outerjoin(model.__table__, model.id == LAST.c.id)
            )
            asked = both.order_by(LAST.c.id).execution_options(yield_per=ROWS_AT_ONCE)
            rows = await session.stream(asked, {"kind": kind, "first": first})
            async for row, object_id, rev, after in rows:
                if row is None:
                    found.append(Lagging(kind, object_id, rev, "it is missing"))
                elif digest({"kind": kind, **row_view(row)}) != after:
                    why = f"the log keeps no {hidden}" if hidden else "its entries do not tell all of it"
                    found.append(Lagging(kind, object_id, rev, why))
        otherwise = await session.execute(CHECKED_OTHERWISE, {"first": first, "acts": CHECKS_AGAIN})
        found += [
            Lagging(row.kind, row.id, row.rev, "the prices it was held against come out otherwise")
            for row in otherwise
        ]
    return found


async def rename(connection: AsyncConnection, owner: str, kind: str, object_id: UUID, name: str) -> bool:
    """Give a flagged row a name, if that makes it what its last entry left; tell whether it did.

    No revision: it is the row that was. The guards of acts rest for this one statement.
    """
    async with AsyncSession(connection, autoflush=False) as session, session.begin():
        await session.execute(text(f"SET LOCAL ROLE {owner}"))
        flagged = await session.scalar(FLAGGED, {"kind": kind, "id": object_id})
        last = select(AuditEffect.after).where(AuditEffect.kind == kind, AuditEffect.id == object_id)
        after = await session.scalar(last.order_by(AuditEffect.rev.desc()).limit(1))
        row = await session.get(model_of(kind), object_id) if flagged else None
        if row is None or "name" not in getattr(type(row), "__private__", ()):
            return False
        if digest({"kind": kind, **row_view(row), "name": name}) != after:
            return False
        for statement in (
            f"ALTER TABLE public.{kind} DISABLE TRIGGER USER",
            f"UPDATE public.{kind} SET name = :name WHERE id = :id",  # noqa: S608 - names of our own tables
            f"ALTER TABLE public.{kind} ENABLE TRIGGER USER",
        ):
            await session.execute(
                text(statement), {"name": name, "id": object_id} if ":id" in statement else {}
            )
    return True


def model_of(kind: str) -> type[Recorded]:
    """Return the table class of a kind of row. Raises StopIteration for one this release does not know."""
    models = (mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Recorded))
    return next(model for model in models if model.__tablename__ == kind)
