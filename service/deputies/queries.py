"""Who stands in for whom."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from policies.vocabulary import Office
from service.deputies.lifecycle import DelegationState
from service.deputies.model import Delegation
from service.kernel.actor import Actor
from service.kernel.database import plain_value
from service.kernel.paging import paged
from service.people.model import Account

SEE_ALL = frozenset({Office.ADMINISTRATION, Office.COMPLIANCE, Office.INTERNAL_AUDIT})
"""Offices that see every office's delegations."""


async def overlapping(
    session: AsyncSession, deputy_id: UUID, roles: Collection[str], since: datetime, until: datetime
) -> bool:
    """Tell whether the deputy holds one of the roles for somebody at some time between the two instants."""
    wanted = select(Delegation.roles).where(
        Delegation.deputy_id == deputy_id,
        Delegation.state.in_((DelegationState.REQUESTED, DelegationState.APPROVED)),
        Delegation.valid_from < until,
        Delegation.valid_to > since,
    )
    return any(not set(held).isdisjoint(roles) for held in await session.scalars(wanted))


async def delegations(
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    *,
    state: DelegationState | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of the delegations in sight, newest first; one past its end is shown as ended."""
    giver, deputy = aliased(Account), aliased(Account)
    wanted = (
        select(Delegation, giver.name, giver.office, deputy.name)
        .join(giver, giver.id == Delegation.account_id)
        .join(deputy, deputy.id == Delegation.deputy_id)
        .order_by(Delegation.id.desc())
        .limit(limit + 1)
    )
    if actor.office not in SEE_ALL:
        wanted = wanted.where(giver.office == actor.office.value)
    if state is not None:
        wanted = wanted.where(stands_at(state, now))
    if cursor is not None:
        wanted = wanted.where(Delegation.id < cursor)
    found = (await session.execute(wanted)).all()
    return paged([view(row, names, now) for row, *names in found], limit)


def stands_at(state: DelegationState, now: datetime) -> ColumnElement[bool]:
    """Return the condition for a delegation that is in this state as people see it."""
    if state is DelegationState.ENDED:
        return or_(
            Delegation.state == state,
            Delegation.state.in_((DelegationState.REQUESTED, DelegationState.APPROVED))
            & (Delegation.valid_to <= now),
        )
    if state is DelegationState.REFUSED:
        return Delegation.state == state
    return (Delegation.state == state) & (Delegation.valid_to > now)


def shown_state(row: Delegation, now: datetime) -> DelegationState:
    """Return the state as people see it: what lies behind its end has ended."""
    state = DelegationState(row.state)
    return DelegationState.ENDED if state is not DelegationState.REFUSED and row.valid_to <= now else state


def view(row: Delegation, names: list[str], now: datetime) -> dict[str, Any]:
    """Return a delegation as answers show it."""
    giver, office, deputy = names
    return {
        "id": str(row.id),
        "version": row.rev,
        "state": shown_state(row, now).value,
        "account": str(row.account_id),
        "account_name": giver,
        "office": office,
        "deputy": str(row.deputy_id),
        "deputy_name": deputy,
        "roles": list(row.roles),
        "reason": row.reason,
        "valid_from": plain_value(row.valid_from),
        "valid_to": plain_value(row.valid_to),
        "begun": row.valid_from <= now,
    }
