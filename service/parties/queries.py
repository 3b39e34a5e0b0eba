"""Counterparties, portfolios, payment routes and agreements, and the proposals that led there."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.parties.confirming import channel_view, tolerance_view
from service.parties.model import (
    Agreement,
    ConfirmationChannel,
    Counterparty,
    Instruction,
    MatchTolerance,
    Portfolio,
    Proposal,
)


async def counterparty_by(session: AsyncSession, id_or_lei: str | UUID) -> Counterparty | None:
    """Return the counterparty with this id or legal entity identifier."""
    found = as_uuid(id_or_lei)
    wanted = Counterparty.lei == id_or_lei if found is None else Counterparty.id == found
    return await session.scalar(select(Counterparty).where(wanted))


async def portfolio_by(session: AsyncSession, id_or_name: str | UUID) -> Portfolio | None:
    """Return the portfolio with this id or name; its ``desk_id`` says which unit may trade in it."""
    found = as_uuid(id_or_name)
    wanted = Portfolio.name == id_or_name if found is None else Portfolio.id == found
    return await session.scalar(select(Portfolio).where(wanted))


async def instruction_for(session: AsyncSession, counterparty_id: UUID, currency: str) -> Instruction | None:
    """Return the payment route in force: the one approved last, since two never wait at the same time."""
    return await session.scalar(
        select(Instruction)
        .where(Instruction.counterparty_id == counterparty_id, Instruction.currency == currency)
        .order_by(Instruction.id.desc())
        .limit(1)
    )


async def channel_for(session: AsyncSession, counterparty_id: UUID) -> ConfirmationChannel | None:
    """Return how deals are confirmed with a counterparty: the channel approved last."""
    return await session.scalar(
        select(ConfirmationChannel)
        .where(ConfirmationChannel.counterparty_id == counterparty_id)
        .order_by(ConfirmationChannel.id.desc())
        .limit(1)
    )


async def channels(
    session: AsyncSession, *, counterparty: UUID | None = None, cursor: UUID | None = None, limit: int
) -> list[dict[str, Any]]:
    """Return channels ever approved, oldest first; the last of a counterparty is in force."""
    wanted = select(ConfirmationChannel).order_by(ConfirmationChannel.id).limit(limit + 1)
    if counterparty is not None:
        wanted = wanted.where(ConfirmationChannel.counterparty_id == counterparty)
    if cursor is not None:
        wanted = wanted.where(ConfirmationChannel.id > cursor)
    return [channel_view(row) for row in await session.scalars(wanted)]


async def tolerance_in_force(session: AsyncSession) -> MatchTolerance | None:
    """Return the tolerance approved last, or None while the standard one holds."""
    found: MatchTolerance | None = await session.scalar(
        select(MatchTolerance).order_by(MatchTolerance.number.desc()).limit(1)
    )
    return found


async def next_tolerance(session: AsyncSession) -> int:
    """Return the number of the next version of the tolerances."""
    last = await session.scalar(select(func.max(MatchTolerance.number)))
    return 1 if last is None else last + 1


async def tolerances(session: AsyncSession, *, limit: int) -> list[dict[str, Any]]:
    """Return the versions of the tolerances, newest first."""
    wanted = select(MatchTolerance).order_by(MatchTolerance.number.desc()).limit(limit)
    return [tolerance_view(row) for row in await session.scalars(wanted)]


async def agreement_of(session: AsyncSession, agreement_id: UUID) -> Agreement | None:
    """Return an agreement whatever its state."""
    return await session.get(Agreement, agreement_id)


async def counterparty_names(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the name of each counterparty asked for."""
    rows = await session.execute(select(Counterparty.id, Counterparty.name).where(Counterparty.id.in_(ids)))
    return {row.id: row.name for row in rows}


async def portfolio_names(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the name of each portfolio asked for."""
    rows = await session.execute(select(Portfolio.id, Portfolio.name).where(Portfolio.id.in_(ids)))
    return {row.id: row.name for row in rows}


async def counterparties(
    session: AsyncSession, *, lei: str | None = None, cursor: UUID | None = None, limit: int
) -> list[dict[str, Any]]:
    """Return counterparties in force, oldest first, from behind ``cursor``, one more than ``limit``.

    The bank itself is none of them.
    """
    wanted = select(Counterparty).where(~Counterparty.own).order_by(Counterparty.id).limit(limit + 1)
    if lei is not None:
        wanted = wanted.where(Counterparty.lei == lei)
    if cursor is not None:
        wanted = wanted.where(Counterparty.id > cursor)
    return [counterparty_view(row) for row in await session.scalars(wanted)]


async def portfolios(
    session: AsyncSession,
    *,
    name: str | None = None,
    desk: UUID | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return portfolios in force, oldest first, from behind ``cursor``, one more than ``limit``."""
    wanted = select(Portfolio).order_by(Portfolio.id).limit(limit + 1)
    if name is not None:
        wanted = wanted.where(Portfolio.name == name)
    if desk is not None:
        wanted = wanted.where(Portfolio.desk_id == desk)
    if cursor is not None:
        wanted = wanted.where(Portfolio.id > cursor)
    return [portfolio_view(row) for row in await session.scalars(wanted)]


async def instructions(
    session: AsyncSession,
    *,
    counterparty: UUID | None = None,
    currency: str | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return payment routes ever approved, oldest first; the last of a counterparty and currency is in force."""
    wanted = select(Instruction).order_by(Instruction.id).limit(limit + 1)
    if counterparty is not None:
        wanted = wanted.where(Instruction.counterparty_id == counterparty)
    if currency is not None:
        wanted = wanted.where(Instruction.currency == currency)
    if cursor is not None:
        wanted = wanted.where(Instruction.id > cursor)
    return [instruction_view(row) for row in await session.scalars(wanted)]


async def proposals(
    session: AsyncSession,
    *,
    state: str | None = None,
    kind: str | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return proposals, oldest first, from behind ``cursor``, one more than ``limit``."""
    wanted = select(Proposal).order_by(Proposal.id).limit(limit + 1)
    if state is not None:
        wanted = wanted.where(Proposal.state == state)
    if kind is not None:
        wanted = wanted.where(Proposal.object_kind == kind)
    if cursor is not None:
        wanted = wanted.where(Proposal.id > cursor)
    return [proposal_view(row) for row in await session.scalars(wanted)]


async def agreements(
    session: AsyncSession,
    *,
    counterparty: UUID | None = None,
    state: str | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return agreements, newest first, from behind ``cursor``, one more than ``limit``."""
    wanted = select(Agreement).order_by(Agreement.id.desc()).limit(limit + 1)
    if counterparty is not None:
        wanted = wanted.where(Agreement.counterparty_id == counterparty)
    if state is not None:
        wanted = wanted.where(Agreement.state == state)
    if cursor is not None:
        wanted = wanted.where(Agreement.id < cursor)
    return [agreement_view(row) for row in await session.scalars(wanted)]


async def open_draft(session: AsyncSession, counterparty_id: UUID, name: str) -> UUID | None:
    """Return the id of an agreement of this name that legal has not decided yet."""
    wanted = select(Agreement.id).where(
        Agreement.counterparty_id == counterparty_id, Agreement.name == name, Agreement.state == "draft"
    )
    return await session.scalar(wanted.limit(1))


def waiting(object_kind: str, **facts: str) -> Select[UUID]:
    """Select the proposals of this kind and these facts that nobody has decided yet."""
    return select(Proposal.id).where(
        Proposal.object_kind == object_kind, Proposal.state == "proposed", Proposal.payload.contains(facts)
    )


def counterparty_view(row: Counterparty) -> dict[str, Any]:
    """Return the counterparty as answers show it."""
    return {"id": str(row.id), "version": row.rev, "lei": row.lei, "name": row.name, "bic": row.bic}


def portfolio_view(row: Portfolio) -> dict[str, Any]:
    """Return the portfolio as answers show it."""
    return {"id": str(row.id), "version": row.rev, "name": row.name, "desk": str(row.desk_id)}


def instruction_view(row: Instruction) -> dict[str, Any]:
    """Return the payment route as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "counterparty": str(row.counterparty_id),
        "currency": row.currency,
        "bic": row.bic,
        "account_number": row.account_number,
        "proposal": str(row.proposal_id),
    }


def proposal_view(row: Proposal) -> dict[str, Any]:
    """Return the proposal as answers show it; ``id`` is the future object's."""
    return {
        "proposal": str(row.id),
        "kind": row.object_kind,
        "id": str(row.object_id),
        "version": row.rev,
        "state": row.state,
        "reason": row.reason,
        "terms": plain_value(row.payload),
    }


def agreement_view(row: Agreement) -> dict[str, Any]:
    """Return the agreement as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "counterparty": str(row.counterparty_id),
        "form": row.form,
        "name": row.name,
        "valid_from": row.valid_from.isoformat(),
        "valid_to": None if row.valid_to is None else row.valid_to.isoformat(),
        "state": row.state,
        "reason": row.reason,
    }


def as_uuid(text: str | UUID) -> UUID | None:
    """Return the id that a text spells, or None if it is a name."""
    if isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        return None
