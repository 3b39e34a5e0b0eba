"""Persons, their units and accounts, and who holds which right."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.people.lifecycle import COUNTING, GrantState
from service.people.model import Account, Person, RoleGrant, Unit


async def unit_by(session: AsyncSession, id_or_name: str) -> Unit | None:
    """Return the unit with this id or name."""
    named = or_(Unit.name == id_or_name, cast(Unit.id, Text) == id_or_name)
    return await session.scalar(select(Unit).where(named))


async def owner_of(session: AsyncSession, account_id_or_name: str) -> tuple[UUID, UUID] | None:
    """Return the ids of the account with this id or name and of the natural person behind it."""
    named = or_(Account.name == account_id_or_name, cast(Account.id, Text) == account_id_or_name)
    found = (await session.execute(select(Account.id, Account.person_id).where(named))).one_or_none()
    return None if found is None else (found.id, found.person_id)


async def accounts_of(session: AsyncSession, person_id: UUID) -> Sequence[Account]:
    """Return every account of a natural person, disabled ones included."""
    return (
        await session.scalars(select(Account).where(Account.person_id == person_id).order_by(Account.id))
    ).all()


async def account_names(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the name of each account asked for."""
    rows = await session.execute(select(Account.id, Account.name).where(Account.id.in_(ids)))
    return {row.id: row.name for row in rows}


async def roles_counting(
    session: AsyncSession, person_id: UUID, now: datetime, *, but: UUID | None = None
) -> frozenset[str]:
    """Return the roles that count for a natural person: of all accounts, in force or on their way.

    ``but`` is a grant to leave out. A grant past its end counts no more.
    """
    wanted = (
        select(RoleGrant.role)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(
            Account.person_id == person_id,
            RoleGrant.state.in_(COUNTING),
            or_(RoleGrant.valid_until.is_(None), RoleGrant.valid_until > now),
        )
    )
    if but is not None:
        wanted = wanted.where(RoleGrant.id != but)
    return frozenset(await session.scalars(wanted))


async def roles_outside(
    session: AsyncSession, person_id: UUID, function_class: str, now: datetime
) -> list[str]:
    """Return the roles in force that a natural person holds in other offices than ``function_class``."""
    wanted = (
        select(RoleGrant.role)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(
            Account.person_id == person_id,
            Account.office != function_class,
            RoleGrant.state == GrantState.EXECUTED,
            or_(RoleGrant.valid_until.is_(None), RoleGrant.valid_until > now),
        )
        .order_by(RoleGrant.role)
    )
    return list(await session.scalars(wanted))


async def units(session: AsyncSession) -> list[dict[str, Any]]:
    """Return the organisation: every unit with its function class and board line."""
    return [unit_view(row) for row in await session.scalars(select(Unit).order_by(Unit.id))]


async def persons(
    session: AsyncSession,
    *,
    unit: UUID | None = None,
    disabled: bool | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of persons with their accounts, oldest first; ``next`` is the cursor of the page after it."""
    wanted = select(Person).order_by(Person.id).limit(limit + 1)
    if unit is not None:
        wanted = wanted.where(Person.unit_id == unit)
    if disabled is not None:
        wanted = wanted.where(Person.disabled == disabled)
    if cursor is not None:
        wanted = wanted.where(Person.id > cursor)
    found = (await session.scalars(wanted)).all()
    here = [row.id for row in found[:limit]]
    accounts: dict[UUID, list[Account]] = {person: [] for person in here}
    for account in await session.scalars(
        select(Account).where(Account.person_id.in_(here)).order_by(Account.id)
    ):
        accounts[account.person_id].append(account)
    return {
        "items": [person_view(row, accounts[row.id]) for row in found[:limit]],
        "next": str(here[-1]) if len(found) > limit else None,
    }


async def grants(
    session: AsyncSession,
    *,
    person: UUID | None = None,
    account: UUID | None = None,
    role: str | None = None,
    state: GrantState | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of grants, oldest first; ``next`` is the cursor of the page after it."""
    wanted = (
        select(RoleGrant, Account)
        .join(Account, Account.id == RoleGrant.account_id)
        .order_by(RoleGrant.id)
        .limit(limit + 1)
    )
    for column, value in (
        (Account.person_id, person),
        (RoleGrant.account_id, account),
        (RoleGrant.role, role),
        (RoleGrant.state, state),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    if cursor is not None:
        wanted = wanted.where(RoleGrant.id > cursor)
    found = (await session.execute(wanted)).all()
    return {
        "items": [grant_view(grant, holder) for grant, holder in found[:limit]],
        "next": str(found[limit - 1][0].id) if len(found) > limit else None,
    }


def unit_view(row: Unit) -> dict[str, Any]:
    """Return the unit as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "name": row.name,
        "function_class": row.function_class,
        "board_line": row.board_line,
        "parent": None if row.parent_id is None else str(row.parent_id),
    }


def person_view(row: Person, accounts: Sequence[Account]) -> dict[str, Any]:
    """Return the person with their accounts as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "name": row.name,
        "unit": str(row.unit_id),
        "disabled": row.disabled,
        "accounts": [
            {
                "id": str(account.id),
                "version": account.rev,
                "name": account.name,
                "office": account.office,
                "service": account.service,
                "disabled": account.disabled,
            }
            for account in accounts
        ],
    }


def grant_view(row: RoleGrant, holder: Account) -> dict[str, Any]:
    """Return the grant as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "account": str(row.account_id),
        "account_name": holder.name,
        "person": str(holder.person_id),
        "office": holder.office,
        "role": row.role,
        "state": row.state,
        "reason": row.reason,
        "valid_until": None if row.valid_until is None else plain_value(row.valid_until),
    }
