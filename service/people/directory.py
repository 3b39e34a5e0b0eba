"""Who an account or a token is, read through the owner's functions on the office's own login."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.vocabulary import Office
from service.kernel.actor import Actor, Away, Elsewhere
from service.kernel.database import Offices
from service.kernel.errors import Misdirected
from service.people.authentication import office_of_token, token_digest

FIND = text("SELECT * FROM public.session_find(:token, :device)")
VIEW = text("SELECT * FROM public.account_view(:account)")
SERVICE = text("SELECT public.service_account()")


def actor_of(
    row: Row[*tuple[Any, ...]], *, session: UUID | None = None, restricted: bool = False, origin: str = "api"
) -> Actor:
    """Return the actor a directory row describes."""
    return Actor(
        person=row.person_id,
        account=row.account_id,
        name=row.name,
        office=Office(row.office),
        roles=frozenset(row.roles),
        unit=row.unit_id,
        board=row.board,
        session=session,
        restricted=restricted,
        service=row.service,
        origin=origin,
        deputy_for=MappingProxyType({role: UUID(person) for role, person in row.deputy_for.items()}),
        owner=row.owner_id,
        away=None if row.absence_id is None else Away(row.absence_id, row.absent_until, row.absence_told),
    )


async def actor_of_token(
    offices: Offices, token: str, *, origin: str = "api", device: str | None = None
) -> Actor | None:
    """Return who signed in with ``token``, or None if nobody did or the session ended.

    ``device``: the machine that the token comes from; on another one than it was given to it opens nothing (A-10).

    Raises Misdirected if another process serves the token's office.
    """
    office = office_of_token(token)
    if office is None:
        return None
    if office not in offices:
        raise Misdirected(office.value)
    async with offices[office].begin() as connection:
        row = (await connection.execute(FIND, {"token": token_digest(token), "device": device})).one_or_none()
    if row is None:
        return None
    actor = actor_of(row, session=row.session_id, restricted=row.restricted, origin=origin)
    elsewhere = Elsewhere(row.told) if row.elsewhere else None
    return replace(actor, session_left=row.seconds_left, elsewhere=elsewhere)


async def actor_of_account(
    connection: AsyncConnection, account: UUID, *, origin: str = "api"
) -> Actor | None:
    """Return the actor behind an enabled account of the connection's office."""
    row = (await connection.execute(VIEW, {"account": account})).one_or_none()
    return None if row is None else actor_of(row, origin=origin)


async def service_actor(offices: Offices, office: Office) -> Actor:
    """Return the office's automatic account. Raises LookupError if the bank has none."""
    async with offices[office].connect() as connection:
        account = await connection.scalar(SERVICE)
        actor = None if account is None else await actor_of_account(connection, account, origin="service")
    if actor is None:
        sentence = f"the bank has no enabled account svc.{office.value}"
        raise LookupError(sentence)
    return actor
