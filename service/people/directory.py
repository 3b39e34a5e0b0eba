"""Who an account or a token is, read through the owner's functions on the office's own login."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.vocabulary import Office
from service.kernel.actor import Actor, Away, Elsewhere
from service.kernel.database import Offices
from service.kernel.direct import fetch_alone
from service.kernel.errors import Misdirected
from service.people.authentication import office_of_token, token_digest
from service.together import Together

TOGETHER_MAX = 128
Shown = tuple[bytes, str | None]
"""The digest of a token, and the device that it was shown on."""

FIND = (
    "SELECT q.n, f.* FROM unnest($1::bytea[], $2::text[]) WITH ORDINALITY AS q(token, device, n) "
    "CROSS JOIN LATERAL public.session_find(q.token, q.device) AS f"
)
VIEW = text("SELECT * FROM public.account_view(:account)")
SERVICE = text("SELECT public.service_account()")


def actor_of(
    row: Row[*tuple[Any, ...]] | SimpleNamespace,
    *,
    session: UUID | None = None,
    restricted: bool = False,
    origin: str = "api",
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


class SignIns:
    """Who tokens belong to. Those that ask at the same instant are looked up together, the same one once.

    Nothing is kept from one set to the next: an ended session opens nothing from its end on.
    """

    def __init__(self, offices: Offices) -> None:
        self.offices = offices
        self._sets: dict[Office, Together[Shown, SimpleNamespace | None]] = {}

    async def actor(self, token: str, *, origin: str = "api", device: str | None = None) -> Actor | None:
        """Return who signed in with ``token``, or None if nobody did or the session ended.

        ``device``: the machine that the token comes from; on another one than it was given to it opens nothing (A-10).

        Raises Misdirected if another process serves the token's office.
        """
        office = office_of_token(token)
        if office is None:
            return None
        if office not in self.offices:
            raise Misdirected(office.value)
        if office not in self._sets:
            self._sets[office] = Together(partial(self._find, office), lambda _: None, TOGETHER_MAX)
        row = await self._sets[office].join((token_digest(token), device))
        if row is None:
            return None
        actor = actor_of(row, session=row.session_id, restricted=row.restricted, origin=origin)
        elsewhere = Elsewhere(row.told) if row.elsewhere else None
        return replace(actor, session_left=row.seconds_left, elsewhere=elsewhere)

    async def _find(self, office: Office, shown: Sequence[Shown]) -> list[SimpleNamespace | None]:
        asked = sorted(
            set(shown), key=lambda one: (one[0], one[1] or "")
        )  # sessions are touched in one order
        tokens, devices = zip(*asked, strict=True)
        found = {}
        for record in await fetch_alone(self.offices[office], FIND, tokens, devices):
            row = SimpleNamespace(**record)
            found[asked[row.n - 1]] = row
        return [found.get(one) for one in shown]


async def actor_of_token(
    offices: Offices, token: str, *, origin: str = "api", device: str | None = None
) -> Actor | None:
    """Return who signed in with ``token``; see ``SignIns``, for a process that asks once."""
    return await SignIns(offices).actor(token, origin=origin, device=device)


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
