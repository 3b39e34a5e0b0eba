"""Deals as they stand: terms, views, lists, positions.

What later offices keep of a deal is shown beside it as bare states. Their slices lie above this one,
so their tables are named here without their models, with the columns every reader of deals may see;
of the journal not even that: its owner says how far a deal is booked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    column,
    func,
    or_,
    select,
    table,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.kernel.items import Item
from service.parties.model import Counterparty, Portfolio
from service.parties.queries import as_uuid
from service.people.model import Account
from service.trades.deals.deal import Terms, wording
from service.trades.lifecycle import BY_CONTROL, TradeState
from service.trades.model import ChangeRequest, PositionMovement, Trade, TradeVersion
from service.trades.versions import changed_beside, changes_between, terms_from_version, terms_view
from service.work.model import WorkItem

CONTROL = table(
    "trade_control",
    column("id", Uuid()),
    column("version"),
    column("state"),
    column("reason"),
    schema="public",
)
DECISION = table(
    "request_decision",
    column("request_id", Uuid()),
    column("outcome"),
    column("reason"),
    schema="public",
)
CONFIRMATION = table(
    "confirmation",
    *(column("id", Uuid()), column("rev"), column("trade_id", Uuid()), column("version"), column("state")),
    column("sent_at"),
    schema="public",
)
LEG = table(
    "settlement",
    *(column("id", Uuid()), column("rev"), column("trade_id", Uuid()), column("version"), column("state")),
    *(column("leg"), column("currency"), column("amount"), column("value_date"), column("settled_on")),
    schema="public",
)
CHECK = table(
    "market_check",
    *(column("id", Uuid()), column("trade_id", Uuid()), column("version"), column("seq"), column("state")),
    column("inverted"),
    schema="public",
)
THESE = any_(bindparam("trades", type_=ARRAY(Uuid())))
CONTROLS = select(CONTROL).where(CONTROL.c.id == THESE)
CHECKS = select(CHECK).where(CHECK.c.trade_id == THESE).order_by(CHECK.c.version, CHECK.c.seq)
CONFIRMATIONS = select(CONFIRMATION).where(CONFIRMATION.c.trade_id == THESE).order_by(CONFIRMATION.c.version)
LEGS = select(LEG).where(LEG.c.trade_id == THESE).order_by(LEG.c.version, LEG.c.leg)
JOURNALS = text("SELECT * FROM public.journal_states(CAST(:trades AS uuid[]))")
TIMELINE = text("SELECT * FROM public.trade_timeline(:trade)")

STATE: ColumnElement[str] = case(
    (CONTROL.c.state == TradeState.CANCELLED.value, TradeState.CANCELLED.value),
    (
        CONTROL.c.version == Trade.version,
        case(
            {control: state.value for control, state in BY_CONTROL.items()},
            value=CONTROL.c.state,
            else_=TradeState.CAPTURED.value,
        ),
    ),
    else_=TradeState.CAPTURED.value,
)
"""The derived state in SQL; the same as ``lifecycle.derived``."""


class DealOrder(StrEnum):
    """In which order a list shows deals."""

    CAPTURED = "captured"  # the newest first
    VALUE_DATE = "value_date"  # the next to be paid first


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deals a list shows; None: any."""

    state: TradeState | None = None
    portfolio: str | None = None
    counterparty: str | None = None
    trade_date: date | None = None
    value_date: date | None = None
    mark: str | None = None
    captured_by: str | None = None  # the name of an account
    order: DealOrder = DealOrder.CAPTURED


# For acts: rows and terms ---------------------------------------------------------------------------


async def control_of(session: AsyncSession, trade_id: UUID) -> Row[Any, Any, Any] | None:
    """Return ``state``, ``version`` and ``reason`` of the back office's decision, or None while it is due."""
    wanted = select(CONTROL.c.state, CONTROL.c.version, CONTROL.c.reason).where(CONTROL.c.id == trade_id)
    return (await session.execute(wanted)).one_or_none()


async def open_request(session: AsyncSession, trade_id: UUID) -> ChangeRequest | None:
    """Return the request of trading about this deal that nobody has decided yet."""
    return await session.scalar(
        select(ChangeRequest)
        .outerjoin(DECISION, DECISION.c.request_id == ChangeRequest.id)
        .where(ChangeRequest.trade_id == trade_id, DECISION.c.request_id.is_(None))
    )


async def correct_by(session: AsyncSession, trades: Collection[UUID]) -> dict[UUID, datetime]:
    """Return until when each returned deal is to be corrected."""
    rows = await session.execute(
        select(WorkItem.subject_id, WorkItem.due_at).where(
            WorkItem.kind == Item.CORRECT.value,
            WorkItem.subject_id.in_(trades),
            WorkItem.closed_entry_id.is_(None),
        )
    )
    return {row.subject_id: row.due_at for row in rows}


async def held_positions(session: AsyncSession, trade_id: UUID) -> list[Row[str, date, Decimal]]:
    """Return what a deal contributes to the position now, per currency and value date, without zeros."""
    amount = func.sum(PositionMovement.amount)
    wanted = (
        select(PositionMovement.currency, PositionMovement.value_date, amount.label("amount"))
        .where(PositionMovement.trade_id == trade_id)
        .group_by(PositionMovement.currency, PositionMovement.value_date)
        .having(amount != 0)
        .order_by(PositionMovement.value_date, PositionMovement.currency)
    )
    return list((await session.execute(wanted)).all())


# For faces: what a caller may see -------------------------------------------------------------------


def in_sight(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on portfolios: the front office sees its own desk, other offices see every desk."""
    return Portfolio.desk_id == actor.unit if actor.office is Office.FRONT_OFFICE else true()


def trade_rows(actor: Actor) -> Select[Any, Any, Any, Any, Any, Any, Any]:
    """Select deals in sight with their version in force, parties and derived state."""
    return (
        select(
            Trade,
            TradeVersion,
            Portfolio.name.label("portfolio"),
            Counterparty.lei,
            Counterparty.name.label("counterparty"),
            Account.name.label("captured_by"),
            STATE.label("state"),
        )
        .join(TradeVersion, and_(TradeVersion.trade_id == Trade.id, TradeVersion.version == Trade.version))
        .join(Portfolio, Portfolio.id == Trade.portfolio_id)
        .join(Counterparty, Counterparty.id == TradeVersion.counterparty_id)
        .join(Account, Account.id == Trade.captured_by)
        .outerjoin(CONTROL, CONTROL.c.id == Trade.id)
        .where(in_sight(actor))
    )


def in_state(state: TradeState) -> ColumnElement[bool]:
    """Return the condition that deals stand in a state: the same as ``STATE``, in a form that indexes serve."""
    if state is TradeState.CANCELLED:
        return CONTROL.c.state == state.value
    if state is TradeState.CAPTURED:
        return STATE == state.value
    said = [control for control, meant in BY_CONTROL.items() if meant is state]
    return and_(CONTROL.c.state.in_(said), CONTROL.c.version == Trade.version)


def narrowed(
    rows: Select[Any, Any, Any, Any, Any, Any, Any], wanted: Wanted
) -> Select[Any, Any, Any, Any, Any, Any, Any]:
    """Select only the deals that are wanted."""
    if wanted.state is not None:
        rows = rows.where(in_state(wanted.state))
    if wanted.portfolio is not None:
        rows = rows.where(or_(Portfolio.name == wanted.portfolio, Portfolio.id == as_uuid(wanted.portfolio)))
    if wanted.counterparty is not None:
        rows = rows.where(
            or_(Counterparty.lei == wanted.counterparty, Counterparty.id == as_uuid(wanted.counterparty))
        )
    if wanted.trade_date is not None:
        rows = rows.where(TradeVersion.trade_date == wanted.trade_date)
    if wanted.value_date is not None:
        rows = rows.where(TradeVersion.value_date == wanted.value_date)
    if wanted.mark is not None:
        rows = rows.where(Trade.marks.contains([wanted.mark]))
    if wanted.captured_by is not None:
        rows = rows.where(Account.name == wanted.captured_by)
    return rows


async def trade_list(
    session: AsyncSession, actor: Actor, wanted: Wanted, after: Place | None, limit: int
) -> dict[str, Any]:
    """Return deals in sight, newest first, each with the states beside it."""
    by_value = wanted.order is DealOrder.VALUE_DATE
    order = (TradeVersion.value_date, Trade.id) if by_value else (Trade.captured_at.desc(), Trade.id.desc())
    rows = trade_rows(actor).order_by(*order).limit(limit)
    rows = narrowed(rows, wanted)
    if after is not None and by_value:
        rows = rows.where(tuple_(TradeVersion.value_date, Trade.id) > tuple_(after.at.date(), after.id))
    elif after is not None:
        rows = rows.where(tuple_(Trade.captured_at, Trade.id) < tuple_(after.at, after.id))
    found = (await session.execute(rows)).all()
    beside = await states_beside(session, {row.Trade.id: row.Trade.version for row in found})
    items = [view_of(row) | beside[row.Trade.id] for row in found]
    following = None
    if len(found) == limit:
        last, due = found[-1].Trade, found[-1].TradeVersion.value_date
        following = cursor_of(datetime.combine(due, time(), UTC) if by_value else last.captured_at, last.id)
    return {"items": items, "next": following}


async def trade_view(session: AsyncSession, actor: Actor, trade_id: UUID) -> dict[str, Any]:
    """Return one deal with its versions and requests. Raises NotFound, also for another desk's deal."""
    row = (await session.execute(trade_rows(actor).where(Trade.id == trade_id))).one_or_none()
    if row is None:
        raise NotFound("trade")
    terms = terms_from_version(row.TradeVersion, row.Trade.portfolio_id)
    return (
        view_of(row)
        | (await states_beside(session, {trade_id: row.Trade.version}))[trade_id]
        | {
            "wording": wording(terms, row.counterparty),
            "broker": await broker_told(session, row.TradeVersion),
            "versions": await versions(session, row.Trade),
            "requests": await requests_about(session, trade_id),
        }
    )


def view_of(row: Row[Any, Any, Any, Any, Any, Any, Any]) -> dict[str, Any]:
    """Return a deal as answers show it."""
    trade, version = row.Trade, row.TradeVersion
    return {
        "id": str(trade.id),
        "type": trade.type,
        "deal_number": trade.number,
        "version": trade.version,
        "state": row.state,
        "portfolio": {"id": str(trade.portfolio_id), "name": row.portfolio},
        "counterparty": {"id": str(version.counterparty_id), "lei": row.lei, "name": row.counterparty},
        "captured_by": row.captured_by,
        "captured_at": plain_value(trade.captured_at),
        "marks": trade.marks,
        "capture_delay_seconds": int((trade.captured_at - version.executed_at).total_seconds()),
        "mirrors": plain_value(trade.mirrors_id) if trade.mirrors_id else None,
        "purpose": trade.purpose,
        "replaces": plain_value(trade.replaces_id) if trade.replaces_id else None,
        "terms": terms_view(version),
    }


async def broker_told(session: AsyncSession, version: TradeVersion) -> dict[str, str] | None:
    """Return who brought a version of a deal about, None where nobody did."""
    if version.broker_id is None:
        return None
    broker = await session.get_one(Counterparty, version.broker_id)
    return {"id": str(broker.id), "lei": broker.lei, "name": broker.name}


async def states_beside(session: AsyncSession, trades: Mapping[UUID, int]) -> dict[UUID, dict[str, Any]]:
    """Return what each later office says about each deal (id and version in force): states, never contents."""
    due = {"state": "due", "version": None, "reason": None}
    found: dict[UUID, dict[str, Any]] = {
        trade: {"control": due, "check": None, "confirmation": None, "legs": [], "journals": []}
        for trade in trades
    }
    if not trades:
        return found
    these = {"trades": list(trades)}
    for row in await session.execute(CONTROLS, these):
        if row.state != TradeState.RETURNED or row.version == trades[row.id]:  # else corrected, and due again
            found[row.id]["control"] = {"state": row.state, "version": row.version, "reason": row.reason}
    for row in await session.execute(CHECKS, these):
        if row.version == trades[row.trade_id]:
            found[row.trade_id]["check"] = {"state": row.state, "inverted": row.inverted}
    for row in await session.execute(CONFIRMATIONS, these):
        found[row.trade_id]["confirmation"] = {
            "id": str(row.id),
            "version": row.rev,
            "trade_version": row.version,
            "state": row.state,
        }
    for row in await session.execute(LEGS, these):
        leg = {"id": str(row.id), "version": row.rev, "trade_version": row.version, "state": row.state}
        leg |= {"leg": row.leg, "currency": row.currency, "amount": plain_value(row.amount)}
        found[row.trade_id]["legs"].append(leg | {"value_date": plain_value(row.value_date)})
    for row in await session.execute(JOURNALS, these):
        found[row.trade_id]["journals"].append(
            {
                "id": str(row.id),
                "rule": row.rule,
                "trade_version": row.version,
                "state": "reversed" if row.is_reversed else "posted",
                "reverses": None if row.reverses_id is None else str(row.reverses_id),
            }
        )
    return found


async def versions(session: AsyncSession, trade: Trade) -> list[dict[str, Any]]:
    """Return every version of a deal, oldest first, with what each changed."""
    rows = await session.execute(
        select(TradeVersion, Account.name)
        .join(Account, Account.id == TradeVersion.entered_by)
        .where(TradeVersion.trade_id == trade.id)
        .order_by(TradeVersion.version)
    )
    found: list[dict[str, Any]] = []
    before: tuple[TradeVersion, Terms] | None = None
    for version, entered_by in rows:
        terms = terms_from_version(version, trade.portfolio_id)
        view = {"version": version.version, "entered_by": entered_by, "terms": terms_view(version)}
        changes: dict[str, Any] = {}
        if before is not None:
            row, earlier = before
            changes = changes_between(earlier, terms)
            changes |= changed_beside(row, version.broker_id, version.executed_at)
        found.append(view | {"entered_at": plain_value(version.entered_at), "changes": changes})
        before = version, terms
    return found


async def requests_about(session: AsyncSession, trade_id: UUID) -> list[dict[str, Any]]:
    """Return what trading asked for about a deal, oldest first, and what was decided."""
    rows = await session.execute(
        select(ChangeRequest, Account.name, DECISION.c.outcome, DECISION.c.reason.label("because"))
        .join(Account, Account.id == ChangeRequest.requested_by)
        .outerjoin(DECISION, DECISION.c.request_id == ChangeRequest.id)
        .where(ChangeRequest.trade_id == trade_id)
        .order_by(ChangeRequest.requested_at, ChangeRequest.id)
    )
    return [
        {
            "id": str(row.ChangeRequest.id),
            "version": row.ChangeRequest.rev,
            "request": row.ChangeRequest.request,
            "trade_version": row.ChangeRequest.trade_version,
            "reason": row.ChangeRequest.reason,
            "requested_by": row.name,
            "requested_at": plain_value(row.ChangeRequest.requested_at),
            "state": row.outcome or "open",
            "decision": row.because,
            **amendment_in(row.ChangeRequest),
        }
        for row in rows
    ]


def amendment_in(request: ChangeRequest) -> dict[str, Any]:
    """Return what an amendment would change and what would follow; nothing for a cancellation."""
    if request.terms is None:
        return {}
    return {
        "terms": request.terms,
        "changes": request.changes,
        "material": request.material,
        "impact": request.impact,
    }


async def timeline(session: AsyncSession, actor: Actor, trade_id: UUID) -> list[dict[str, Any]]:
    """Return every act on a deal by every office, with its place in the log. Raises NotFound."""
    known = select(Trade.id).join(Portfolio, Portfolio.id == Trade.portfolio_id).where(Trade.id == trade_id)
    if await session.scalar(known.where(in_sight(actor))) is None:
        raise NotFound("trade")
    return [
        {
            "entry": str(row.entry_id),
            "at": plain_value(row.at),
            "act": row.act,
            "office": row.office,
            "account": row.account,
            "index": row.index,
            "leaf": row.leaf.hex(),
            "proof": f"/audit/v1/proof/{row.leaf.hex()}",
        }
        for row in await session.execute(TIMELINE, {"trade": trade_id})
    ]


async def positions(
    session: AsyncSession, actor: Actor, portfolio: str | None = None
) -> list[dict[str, Any]]:
    """Return the position per portfolio and currency; positive: we receive more than we pay."""
    held = func.public.positions_now().table_valued(column("portfolio_id", Uuid()), "currency", "amount")
    rows = (
        select(Portfolio.id, Portfolio.name, held.c.currency, held.c.amount)
        .join(held, held.c.portfolio_id == Portfolio.id)
        .where(in_sight(actor))
        .order_by(Portfolio.name, held.c.currency)
    )
    if portfolio is not None:
        rows = rows.where(or_(Portfolio.name == portfolio, Portfolio.id == as_uuid(portfolio)))
    return [
        {
            "portfolio": {"id": str(row.id), "name": row.name},
            "currency": row.currency,
            "amount": plain_value(row.amount),
        }
        for row in await session.execute(rows)
    ]
