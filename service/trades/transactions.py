"""Everything the front office entered, in one list: deals, requests about them, transfers of own cash.

Transfers lie in a slice above this one, so their tables are named here without their models.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Subquery,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    null,
    select,
    table,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.parties.model import Portfolio
from service.people.model import Account
from service.trades.model import ChangeRequest, Trade
from service.trades.queries import CONTROL, DECISION, STATE, in_sight

TRANSFER = table(
    "transfer",
    *(column("id", Uuid()), column("rev", Integer()), column("desk_id", Uuid()), column("reason", Text())),
    *(column("requested_by", Uuid()), column("requested_at", DateTime(timezone=True))),
    schema="public",
)
TRANSFER_CONTROL = table(
    "transfer_control",
    *(column("id", Uuid()), column("rev", Integer()), column("state", Text())),
    schema="public",
)
TRANSFER_REVIEW = table(
    "transfer_review", *(column("transfer_id", Uuid()), column("verdict", Text())), schema="public"
)
REVIEWERS = 2  # risk control and accounting


def transfer_state() -> ColumnElement[str]:
    """Return the state of a transfer: what the back office holds is freed or refused by those who judge it."""
    said = TRANSFER_REVIEW.c.transfer_id == TRANSFER.c.id
    accepted = (
        select(func.count()).select_from(TRANSFER_REVIEW).where(said, TRANSFER_REVIEW.c.verdict == "accept")
    )
    held = TRANSFER_CONTROL.c.state == "held"
    return case(
        (TRANSFER_CONTROL.c.state.is_(None), "requested"),
        (and_(held, exists().where(said, TRANSFER_REVIEW.c.verdict == "reject")), "refused"),
        (and_(held, accepted.scalar_subquery() == REVIEWERS), "accepted"),
        else_=TRANSFER_CONTROL.c.state,
    )


async def transactions(
    session: AsyncSession, actor: Actor, after: Place | None, limit: int
) -> dict[str, Any]:
    """Return everything the front office entered, newest first: deals, requests about them, transfers."""
    pages = (deals_entered, requests_entered, transfers_entered)
    entered = union_all(*(select(page(actor, after, limit)) for page in pages)).subquery("entered")
    found = (
        await session.execute(
            select(entered, Portfolio.name.label("portfolio"), Account.name.label("account"))
            .outerjoin(Portfolio, Portfolio.id == entered.c.portfolio_id)
            .join(Account, Account.id == entered.c.by)
            .order_by(entered.c.at.desc(), entered.c.id.desc())
            .limit(limit)
        )
    ).all()
    items = [
        {
            "kind": row.kind,
            "id": str(row.id),
            "version": row.version,
            "trade": None if row.trade_id is None else str(row.trade_id),
            "deal_number": row.number,
            "portfolio": None
            if row.portfolio_id is None
            else {"id": str(row.portfolio_id), "name": row.portfolio},
            "at": plain_value(row.at),
            "by": row.account,
            "state": row.state,
            "reason": row.reason,
        }
        for row in found
    ]
    return {"items": items, "next": cursor_of(found[-1].at, found[-1].id) if len(found) == limit else None}


def deals_entered(actor: Actor, after: Place | None, limit: int) -> Subquery:
    """Select a page of deals in sight in the columns that everything entered has."""
    page = (
        select(
            literal("trade").label("kind"),
            Trade.id,
            Trade.id.label("trade_id"),
            Trade.version,
            Trade.number,
            Trade.portfolio_id,
            Trade.captured_at.label("at"),
            Trade.captured_by.label("by"),
            STATE.label("state"),
            cast(null(), Text()).label("reason"),
        )
        .join(Portfolio, Portfolio.id == Trade.portfolio_id)
        .outerjoin(CONTROL, CONTROL.c.id == Trade.id)
        .where(in_sight(actor))
        .order_by(Trade.captured_at.desc(), Trade.id.desc())
        .limit(limit)
    )
    if after is not None:
        page = page.where(tuple_(Trade.captured_at, Trade.id) < tuple_(after.at, after.id))
    return page.subquery("deals")


def requests_entered(actor: Actor, after: Place | None, limit: int) -> Subquery:
    """Select a page of requests in sight in the columns that everything entered has."""
    at = ChangeRequest.requested_at
    page = (
        select(
            ChangeRequest.request.label("kind"),
            ChangeRequest.id,
            ChangeRequest.trade_id,
            ChangeRequest.rev.label("version"),
            Trade.number,
            Trade.portfolio_id,
            at.label("at"),
            ChangeRequest.requested_by.label("by"),
            func.coalesce(DECISION.c.outcome, "open").label("state"),
            ChangeRequest.reason,
        )
        .join(Trade, Trade.id == ChangeRequest.trade_id)
        .join(Portfolio, Portfolio.id == Trade.portfolio_id)
        .outerjoin(DECISION, DECISION.c.request_id == ChangeRequest.id)
        .where(in_sight(actor))
        .order_by(at.desc(), ChangeRequest.id.desc())
        .limit(limit)
    )
    if after is not None:
        page = page.where(tuple_(at, ChangeRequest.id) < tuple_(after.at, after.id))
    return page.subquery("requests")


def transfers_entered(actor: Actor, after: Place | None, limit: int) -> Subquery:
    """Select a page of transfers in sight in the columns that everything entered has; they belong to no book."""
    at = TRANSFER.c.requested_at
    page = (
        select(
            literal("transfer").label("kind"),
            TRANSFER.c.id,
            cast(null(), Uuid()).label("trade_id"),
            (TRANSFER.c.rev + func.coalesce(TRANSFER_CONTROL.c.rev, 0)).label("version"),
            cast(null(), BigInteger()).label("number"),
            cast(null(), Uuid()).label("portfolio_id"),
            at.label("at"),
            TRANSFER.c.requested_by.label("by"),
            transfer_state().label("state"),
            TRANSFER.c.reason,
        )
        .outerjoin(TRANSFER_CONTROL, TRANSFER_CONTROL.c.id == TRANSFER.c.id)
        .where(TRANSFER.c.desk_id == actor.unit if actor.office is Office.FRONT_OFFICE else true())
        .order_by(at.desc(), TRANSFER.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        page = page.where(tuple_(at, TRANSFER.c.id) < tuple_(after.at, after.id))
    return page.subquery("transfers")
