"""Signing in: from a name and a password to a session, the same for every face."""

from datetime import UTC
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from policies.vocabulary import Action, Office
from service.attempt import Command
from service.gate import Done, Gate, Request
from service.kernel.actor import Actor
from service.kernel.errors import NotFound, NotPermitted, NotSignedIn, Refusal
from service.kernel.identifiers import uuid7
from service.people.authentication import matches
from service.people.directory import actor_of_account
from service.people.use_cases import ChangePassword, OpenSession, change_password, open_session

OFFICE = text("SELECT id, office, person_id FROM public.account WHERE name = :name AND NOT service")
CREDENTIAL = text("SELECT * FROM public.credential_of(:name)")
FAILED = text("SELECT public.login_failed(:account)")


class WrongPassword(NotSignedIn):
    """401. Account and password do not belong together; which of the two is wrong is not said."""

    def __init__(self) -> None:
        Refusal.__init__(self, "This account and password do not belong together.")


class NotYourPassword(NotPermitted):
    """403. The current password, asked for before it is changed, is missing or is not the account's."""

    def __init__(self) -> None:
        super().__init__("This is not your current password; nothing was changed.", field="current")


class TooManyTries(Refusal):
    """429. Too many failures on this account; the delay grows and ends by itself."""

    status = 429

    def __init__(self, account: UUID) -> None:
        super().__init__("Too many failed sign-ins; wait a little and try again.")
        self.account = account


async def sign_in(gate: Gate, account: str, password: str, *, origin: str, device: str | None = None) -> Done:
    """Open a session at a ``device``, the machine that asks for it.

    Raises WrongPassword or TooManyTries, both recorded if the account exists.
    """
    office = await office_of(gate, account)
    if office is None:
        await matches(None, password)
        raise WrongPassword
    known = await known_at(gate, office, account)
    right = await matches(None if known is None else known.secret, password)
    # Tries sent at the same moment all passed the first look; what failed meanwhile counts for this one too.
    await known_at(gate, office, account)
    actor = None
    if known is not None:
        async with gate.offices[office].connect() as connection:
            actor = await actor_of_account(connection, known.account_id, origin=origin)
    if not right or actor is None or known is None:
        wrong = WrongPassword()
        if known is not None:
            await count_failure(gate, office, known.account_id)
            await record_failure(gate, office, known.account_id, wrong)
        raise wrong
    return await gate.perform(
        actor, open_session, OpenSession(restricted=known.one_time, device=device), opening=True
    )


async def sign_in_to_demo(gate: Gate, account: str, *, origin: str, device: str | None) -> Done:
    """Open a session of a demo bank's account without its password. Raises NotFound for an account there is not.

    Whoever calls has seen to it that this is a demo bank and that nobody but this machine is listening.
    """
    office = await office_of(gate, account)
    actor = None
    if office is not None:
        async with gate.offices[office].connect() as connection:
            found = await connection.scalar(OFFICE, {"name": account})
            actor = await actor_of_account(connection, found, origin=origin)
    if actor is None:
        raise NotFound("account")
    return await gate.perform(actor, open_session, OpenSession(restricted=False, device=device), opening=True)


async def choose_password(gate: Gate, actor: Actor, chosen: str, current: str | None) -> Done:
    """Change the own password. Whoever just came in by a one-time password need not repeat it; a session found open must.

    Tries count like those at the door. Raises NotYourPassword or TooManyTries, both recorded, and what
    ``change_password`` raises.
    """
    command = ChangePassword(password=chosen)
    if not actor.restricted:
        try:
            await must_know(gate, actor, current or "")
        except Refusal as refusal:
            await gate.record_refusal(Request(actor, command), Action.PASSWORD_CHANGE, refusal, None)
            raise
    return await gate.perform(actor, change_password, command, key=str(uuid7()))


async def must_know(gate: Gate, actor: Actor, password: str) -> None:
    """Raise NotYourPassword unless it is the account's, TooManyTries after too many that were not."""
    known = await unless_tried_too_often(gate, actor.office, actor.name)
    right = await matches(None if known is None else known.secret, password)
    await unless_tried_too_often(
        gate, actor.office, actor.name
    )  # as at the door: what failed meanwhile counts
    if not right:
        await count_failure(gate, actor.office, actor.account)
        raise NotYourPassword


async def known_at(gate: Gate, office: Office, account: str) -> Row[Any] | None:
    """Return what is held to check a password with at the door. Raises TooManyTries, recorded."""
    try:
        return await unless_tried_too_often(gate, office, account)
    except TooManyTries as refusal:
        await record_failure(gate, office, refusal.account, refusal)
        raise


async def unless_tried_too_often(gate: Gate, office: Office, account: str) -> Row[Any] | None:
    """Return what is held to check a password with, or None if there is no such account. Raises TooManyTries."""
    async with gate.offices[office].connect() as connection:
        known = (await connection.execute(CREDENTIAL, {"name": account})).one_or_none()
    if known is not None and known.retry_at is not None and known.retry_at.astimezone(UTC) > gate.clock.now():
        raise TooManyTries(known.account_id)
    return known


async def office_of(gate: Gate, account: str) -> Office | None:
    """Return the served office that an account belongs to, or None."""
    office = await office_named(gate, account)
    return office if office is not None and office in gate.offices else None


async def office_named(gate: Gate, account: str) -> Office | None:
    """Return the office that an account belongs to, served here or not; None if no login here can tell."""
    engines = [engine for office, engine in gate.offices.engines.items() if office is not Office.LOG]
    if "\x00" in account or not engines:
        return None
    async with engines[0].connect() as connection:
        row = (await connection.execute(OFFICE, {"name": account})).one_or_none()
    return None if row is None else Office(row.office)


async def count_failure(gate: Gate, office: Office, account: UUID) -> None:
    """Have the next try on an account wait a little longer."""
    async with gate.offices[office].begin() as connection:
        await connection.execute(FAILED, {"account": account})


async def record_failure(gate: Gate, office: Office, account: UUID, refusal: Refusal) -> None:
    """Record a failed sign-in; nobody proved to be the account's person, so the actor is anonymous."""
    nobody = Anonymous(office, account)
    await gate.record_refusal(Request(nobody, Command()), Action.SESSION_OPEN, refusal, None)


class Anonymous(Actor):
    """Somebody who named an account without proving to be its person."""

    __slots__ = ()

    def __init__(self, office: Office, account: UUID) -> None:
        super().__init__(account, account, "anonymous", office, frozenset())

    def frozen_view(self, acts_for: str | None = None) -> dict[str, object]:
        """Return the actor as the log keeps it: no person."""
        assert acts_for is None
        return {
            "account": f"anonymous:{self.account}",
            "office": self.office.value,
            "person": "anonymous",
            "roles": [],
        }
