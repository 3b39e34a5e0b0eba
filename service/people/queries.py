"""Persons, their units and accounts, and who holds which right."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.kernel.items import Item
from service.kernel.paging import paged
from service.people.lifecycle import GrantState
from service.people.model import Account, Person, RoleGrant, StaffEvent
from service.work.model import WorkItem

EFFECTIVE = text("SELECT role, via, source_id FROM public.roles_counting(:person, :at)")
SESSIONS = text("SELECT * FROM public.sessions_of(:accounts)")


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
    session: AsyncSession, person_id: UUID, now: datetime, *, but: UUID | None = None, services: bool = True
) -> frozenset[str]:
    """Return every role that counts for a natural person: of all accounts, in force, on its way or still to begin,
    of service accounts they own, and what they hold for others.

    ``but`` is a grant to leave out; without ``services`` those of service accounts are. A grant past its end counts
    no more.
    """
    found = await session.execute(EFFECTIVE, {"person": person_id, "at": now})
    return frozenset(row.role for row in found if row.source_id != but and (services or row.via != "service"))


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


async def persons(
    session: AsyncSession,
    *,
    unit: UUID | None = None,
    disabled: bool | None = None,
    named: str | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of persons with their accounts, oldest first; ``next`` is the cursor of the page after it.

    ``named``: a part of the name, of the staff number or of an account's name.
    """
    wanted = select(Person).order_by(Person.id).limit(limit + 1)
    if named is not None:
        accounts_named = select(Account.person_id).where(Account.name.icontains(named, autoescape=True))
        wanted = wanted.where(
            or_(
                Person.name.icontains(named, autoescape=True),
                Person.staff_number == named,
                Person.id.in_(accounts_named),
            )
        )
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


async def person_by(session: AsyncSession, person: UUID) -> dict[str, Any]:
    """Return one person with their accounts. Raises NotFound."""
    found = await session.get(Person, person)
    if found is None:
        raise NotFound("person")
    return person_view(found, await accounts_of(session, person))


async def services_owned(session: AsyncSession) -> list[dict[str, Any]]:
    """Return the service accounts, one an office, each with the person who answers for it."""
    found = await session.execute(
        select(Account, Person.name)
        .join(Person, Person.id == Account.owner_id)
        .where(Account.service, Account.disabled.is_(False))
        .order_by(Account.name)
    )
    return [account_view(account) | {"owner_name": name} for account, name in found.all()]


async def sessions_of(session: AsyncSession, accounts: Collection[UUID]) -> list[dict[str, Any]]:
    """Return the sessions in force of accounts of the own office, or for the administration of any; oldest first.

    ``device``: the machine each was opened at, which nobody but the own office sees.
    """
    found = await session.execute(SESSIONS, {"accounts": list(accounts)})
    return [
        {
            "id": str(row.id),
            "account": str(row.account_id),
            "opened_at": plain_value(row.opened_at),
            "last_seen_at": plain_value(row.last_seen_at),
            "ends_at": plain_value(row.ends_at),
            "restricted": row.restricted,
            "device": row.device,
        }
        for row in found
    ]


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
    return paged([grant_view(grant, holder) for grant, holder in found], limit)


async def staff_events(
    session: AsyncSession,
    *,
    person: UUID | None = None,
    event: str | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of staff events, newest first; ``next`` is the cursor of the page after it."""
    wanted = (
        select(StaffEvent, Person.name)
        .join(Person, Person.id == StaffEvent.person_id)
        .order_by(StaffEvent.id.desc())
        .limit(limit + 1)
    )
    if person is not None:
        wanted = wanted.where(StaffEvent.person_id == person)
    if event is not None:
        wanted = wanted.where(StaffEvent.event == event)
    if cursor is not None:
        wanted = wanted.where(StaffEvent.id < cursor)
    found = (await session.execute(wanted)).all()
    return paged([staff_event_view(row) | {"name": name} for row, name in found], limit)


async def second_devices(session: AsyncSession, *, cursor: UUID | None = None, limit: int) -> dict[str, Any]:
    """Return a page of the identities in use on two devices that nobody has looked into, longest waiting first."""
    wanted = (
        select(
            WorkItem,
            Account.name,
            Account.office,
            Person.id.label("person"),
            Person.name.label("person_name"),
        )
        .join(Account, Account.id == WorkItem.subject_id)
        .join(Person, Person.id == Account.person_id)
        .where(WorkItem.kind == Item.SECOND_DEVICE, WorkItem.closed_entry_id.is_(None))
        .order_by(WorkItem.id)
        .limit(limit + 1)
    )
    if cursor is not None:
        wanted = wanted.where(WorkItem.id > cursor)
    found = (await session.execute(wanted)).all()
    items = [
        {
            "id": str(row.WorkItem.id),
            "account": str(row.WorkItem.subject_id),
            "account_name": row.name,
            "office": row.office,
            "person": str(row.person),
            "person_name": row.person_name,
            "tried_at": plain_value(row.WorkItem.opened_at),
            "due_at": plain_value(row.WorkItem.due_at),
            "entry": str(row.WorkItem.entry_id),
        }
        for row in found
    ]
    return paged(items, limit)


def staff_event_view(row: StaffEvent) -> dict[str, Any]:
    """Return the event as answers show it."""
    return {
        "id": str(row.id),
        "staff_number": row.staff_number,
        "event": row.event,
        "person": str(row.person_id),
        "unit": None if row.unit_id is None else str(row.unit_id),
        "effective_on": row.effective_on.isoformat(),
        "reported_at": plain_value(row.reported_at),
        "rights_ended": row.rights_ended,
    }


def person_view(row: Person, accounts: Sequence[Account]) -> dict[str, Any]:
    """Return the person with their accounts as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "name": row.name,
        "staff_number": row.staff_number,
        "unit": str(row.unit_id),
        "disabled": row.disabled,
        "accounts": [account_view(account) for account in accounts],
    }


def account_view(row: Account) -> dict[str, Any]:
    """Return the account as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "name": row.name,
        "office": row.office,
        "service": row.service,
        "owner": None if row.owner_id is None else str(row.owner_id),
        "disabled": row.disabled,
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
        "valid_from": None if row.valid_from is None else plain_value(row.valid_from),
        "valid_until": None if row.valid_until is None else plain_value(row.valid_until),
    }
