"""The checks of deals against the market with their figures and justifications, and what the board was told."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    Uuid,
    and_,
    case,
    exists,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from service.conformity.lifecycle import CheckState, Finding, NoticeState
from service.conformity.model import Justification, MarketCheck, Notice
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.items import Item
from service.parties.model import Portfolio
from service.people.model import Account
from service.trades.model import Trade, TradeVersion
from service.work.model import WorkItem

FIGURES = ("dealt", "deviation_bp", "reference", "reference_day", "source", "tolerance_bp")
COUNTED_MAX = 2_000
"""Never more checks than that are counted for one answer."""
STATE = case((Justification.id.is_not(None), CheckState.JUSTIFIED.value), else_=MarketCheck.state)
"""What stands about a check: what it found, or that this is justified."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which checks: of one deal, in a state, by what was found, of deals dealt in a period.

    ``beyond_bp``: dealt further from the reference than so many basis points, up or down. ``first_day`` and
    ``last_day``: the trade date, both included.
    """

    trade: UUID | None = None
    state: CheckState | None = None
    finding: Finding | None = None
    beyond_bp: Decimal | None = None
    first_day: date | None = None
    last_day: date | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a check has to meet; of one deal, any check it ever had."""
        found = [MarketCheck.trade_id == self.trade] if self.trade is not None else [*in_force()]
        if self.state is not None:
            found += stands(self.state)
        if self.finding is not None:
            found.append(MarketCheck.why == self.finding.value)
        if self.beyond_bp is not None:
            found.append(func.abs(MarketCheck.deviation_bp) > self.beyond_bp)
        if self.first_day is not None or self.last_day is not None:
            dealt = select(TradeVersion.trade_id).where(
                TradeVersion.trade_id == MarketCheck.trade_id,
                TradeVersion.version == MarketCheck.version,
                TradeVersion.trade_date.between(self.first_day or date.min, self.last_day or date.max),
            )
            found.append(dealt.exists())
        return found


ANY = Wanted()


def justified() -> ColumnElement[bool]:
    """Return the condition that joins a check and the justification that covers it."""
    return Justification.id == func.public.justification_for(MarketCheck.id, type_=Uuid())


def stands(state: CheckState) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a check stands so: the same as ``STATE``, looking only where it can be."""
    covering = func.public.justification_for(MarketCheck.id, type_=Uuid())
    if state is CheckState.JUSTIFIED:
        return MarketCheck.trade_id.in_(select(Justification.trade_id)), covering.is_not(None)
    return MarketCheck.state == literal_column(f"'{state.value}'"), covering.is_(None)


async def checks(
    session: AsyncSession, wanted: Wanted = ANY, *, after: Place | None = None, limit: int
) -> dict[str, Any]:
    """Return the last check of each deal's version in force; of one deal, every check it ever had. Newest first."""
    account = aliased(Account)
    newest = (MarketCheck.checked_at.desc(), MarketCheck.id.desc())
    page = select(MarketCheck.id).join(Trade, Trade.id == MarketCheck.trade_id).order_by(*newest).limit(limit)
    page = page.where(*wanted.conditions())
    if after is not None:
        page = page.where(tuple_(MarketCheck.checked_at, MarketCheck.id) < tuple_(after.at, after.id))
    picked = page.subquery("picked")
    rows = (
        select(
            MarketCheck,
            Justification,
            STATE.label("state"),
            Trade.number,
            Portfolio.name.label("portfolio"),
            account.name.label("by"),
        )
        .join(picked, picked.c.id == MarketCheck.id)
        .join(Trade, Trade.id == MarketCheck.trade_id)
        .join(Portfolio, Portfolio.id == Trade.portfolio_id)
        .outerjoin(Justification, justified())
        .outerjoin(account, account.id == Justification.justified_by)
        .order_by(*newest)
    )
    found = (await session.execute(rows)).all()
    items = [
        check_view(row.MarketCheck)
        | {
            "state": row.state,
            "deal_number": row.number,
            "portfolio": row.portfolio,
            "justification": None
            if row.Justification is None
            else justification_view(row.Justification) | {"by": row.by},
        }
        for row in found
    ]
    last = found[-1].MarketCheck if len(found) == limit else None
    return {"items": items, "next": None if last is None else cursor_of(last.checked_at, last.id)}


async def kinds(session: AsyncSession) -> list[dict[str, Any]]:
    """Count the deals that are not simply within the market, by what was found and what became of it."""
    found = (
        select(MarketCheck.why, STATE.label("state"))
        .select_from(MarketCheck)
        .join(Trade, Trade.id == MarketCheck.trade_id)
        .outerjoin(Justification, justified())
        .where(*in_force(), MarketCheck.state != CheckState.OK.value)
        .limit(COUNTED_MAX)
        .subquery()
    )
    count = func.count()
    rows = await session.execute(
        select(found.c.why, found.c.state, count.label("deals"))
        .group_by(found.c.why, found.c.state)
        .order_by(count.desc(), found.c.why, found.c.state)
    )
    return [{"finding": row.why, "state": row.state, "deals": row.deals} for row in rows]


def in_force() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on the last check of the version in force."""
    later = aliased(MarketCheck)
    same = and_(later.trade_id == MarketCheck.trade_id, later.version == MarketCheck.version)
    return MarketCheck.version == Trade.version, ~exists().where(same, later.seq > MarketCheck.seq)


def check_view(row: MarketCheck) -> dict[str, Any]:
    """Return a check as answers show it: ``check`` is what it found."""
    figures = {name: getattr(row, name) for name in FIGURES}
    return {
        "id": str(row.id),
        "trade": str(row.trade_id),
        "version": row.version,
        "seq": row.seq,
        "check": row.state,
        "why": row.why,
        "inverted": row.inverted,
        **{name: None if figure is None else plain_value(figure) for name, figure in figures.items()},
        "checked_at": plain_value(row.checked_at),
    }


def justification_view(row: Justification) -> dict[str, Any]:
    """Return a justification as answers show it."""
    return {
        "ground": row.ground,
        "reason": row.reason,
        "document_sha256": row.document_sha256,
        "justified_at": plain_value(row.justified_at),
    }


async def notices(
    session: AsyncSession, *, state: NoticeState, after: Place | None = None, limit: int
) -> dict[str, Any]:
    """Return what the board was told of deals and has not taken note of, or its receipts; newest first."""
    told = (waiting if state is NoticeState.OPEN else receipts)(after, limit)
    found = (
        await session.execute(
            select(told, Trade.version, Trade.number, Portfolio.name.label("portfolio"))
            .join(Trade, Trade.id == told.c.trade_id)
            .join(Portfolio, Portfolio.id == Trade.portfolio_id)
            .order_by(told.c.at.desc(), told.c.id.desc())
        )
    ).all()
    items = [
        {
            "id": str(row.id),
            "state": state.value,
            "trade": str(row.trade_id),
            "version": row.version,
            "deal_number": row.number,
            "portfolio": row.portfolio,
            "told_at": plain_value(row.told_at),
            "why": row.why,
            **({} if state is NoticeState.OPEN else receipt_in(row)),
        }
        for row in found
    ]
    return {"items": items, "next": cursor_of(found[-1].at, found[-1].id) if len(found) == limit else None}


def receipt_in(row: Any) -> dict[str, Any]:
    """Return who took notice, when, and what they said."""
    return {"taken_at": plain_value(row.at), "taken_by": row.by, "note": row.note}


def waiting(after: Place | None, limit: int) -> Subquery:
    """Select what the board has not taken note of."""
    page = select(
        WorkItem.id,
        WorkItem.trade_id,
        WorkItem.opened_at.label("at"),
        WorkItem.opened_at.label("told_at"),
        WorkItem.reason.label("why"),
    ).where(
        WorkItem.kind == Item.TAKE_NOTICE.value,
        WorkItem.subject_kind == Trade.__tablename__,
        WorkItem.closed_entry_id.is_(None),
    )
    return a_page(page, WorkItem.opened_at, WorkItem.id, after, limit)


def receipts(after: Place | None, limit: int) -> Subquery:
    """Select the board's receipts, each with what it was told last before."""
    told = (
        select(WorkItem.opened_at, WorkItem.reason)
        .where(
            WorkItem.subject_id == Notice.subject_id,
            WorkItem.kind == Item.TAKE_NOTICE.value,
            WorkItem.opened_at <= Notice.taken_at,
        )
        .order_by(WorkItem.opened_at.desc())
        .limit(1)
        .lateral("told")
    )
    page = (
        select(
            Notice.id,
            Notice.subject_id.label("trade_id"),
            Notice.taken_at.label("at"),
            told.c.opened_at.label("told_at"),
            told.c.reason.label("why"),
            Account.name.label("by"),
            Notice.note,
        )
        .join(Account, Account.id == Notice.taken_by)
        .join(told, told.c.opened_at <= Notice.taken_at)
        .where(Notice.subject_kind == Trade.__tablename__)
    )
    return a_page(page, Notice.taken_at, Notice.id, after, limit)


def a_page(
    rows: Select[*tuple[Any, ...]],
    at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[UUID],
    after: Place | None,
    limit: int,
) -> Subquery:
    """Return one page of rows, newest first."""
    if after is not None:
        rows = rows.where(tuple_(at, row_id) < tuple_(after.at, after.id))
    return rows.order_by(at.desc(), row_id.desc()).limit(limit).subquery("told_to_the_board")


def notice_view(row: Notice) -> dict[str, Any]:
    """Return a receipt as answers show it."""
    return {
        "id": str(row.id),
        "trade" if row.subject_kind == Trade.__tablename__ else "limit": str(row.subject_id),
        "taken_at": plain_value(row.taken_at),
        "note": row.note,
    }
