"""Signing in and out, and the account's own password."""

from typing import Annotated, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command
from service.gate import use_case
from service.kernel.database import plain_value
from service.kernel.errors import Malformed, Unprocessable
from service.kernel.identifiers import uuid7
from service.people.authentication import (
    SESSION_IDLE_SECONDS,
    SESSION_SECONDS_MAX,
    hashed,
    new_token,
    token_digest,
    weakness,
)

OPEN = text(
    "SELECT public.session_open(:session, :account, :token, :idle, :lifetime, :restricted, :entry) AS expires_at"
)
END = text("SELECT public.session_end(:session, :why)")
END_ALL = text("SELECT public.sessions_end_of(:account, :why)")
SET_PASSWORD = text("SELECT public.credential_set(:account, :hashed, :temporary, :entry)")

Password = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class WeakPassword(Unprocessable):
    """422. The chosen password is too short, too long or too easy to guess."""


class OpenSession(Command, frozen=True, kw_only=True):
    """An account whose password was checked signs in; a one-time password opens a restricted session."""

    restricted: bool


class CloseSession(Command, frozen=True, kw_only=True):
    """The caller signs out."""


class ChangePassword(Command, frozen=True, kw_only=True):
    """The caller chooses a new password; every session of the account ends."""

    secrets: ClassVar[tuple[str, ...]] = ("password",)
    password: Password


@use_case(Action.SESSION_OPEN)
async def open_session(attempt: Attempt, command: OpenSession) -> Changed:
    """Give the account a new token; only its digest is kept."""
    actor, session, token = attempt.actor, uuid7(), new_token(attempt.actor.office)
    expires_at = await attempt.session.scalar(
        OPEN,
        {
            "session": session,
            "account": actor.account,
            "token": token_digest(token),
            "idle": SESSION_IDLE_SECONDS,
            "lifetime": SESSION_SECONDS_MAX,
            "restricted": command.restricted,
            "entry": attempt.entry_id,
        },
    )
    attempt.note(session=session, restricted=command.restricted, origin=actor.origin)
    return Changed(
        {
            "token": token,
            "person": str(actor.person),
            "account": actor.name,
            "roles": sorted(actor.roles),
            "office": actor.office.value,
            "expires_at": plain_value(expires_at),
            "must_change_password": command.restricted,
        },
        201,
    )


@use_case(Action.SESSION_CLOSE)
async def close_session(attempt: Attempt, command: CloseSession) -> Changed:
    """End the caller's session for good."""
    assert command is not None
    await attempt.session.execute(END, {"session": attempt.actor.session, "why": "signed out"})
    return Changed({}, 204)


@use_case(Action.PASSWORD_CHANGE)
async def change_password(attempt: Attempt, command: ChangePassword) -> Changed:
    """Replace the account's password; the log keeps that it happened, never the password."""
    if (why := weakness(command.password, attempt.actor.name)) is not None:
        raise WeakPassword(why, field="password")
    await set_password(attempt, attempt.actor.account, command.password, temporary=False)
    return Changed({}, 204)


async def set_password(attempt: Attempt, account: UUID, password: str, *, temporary: bool) -> None:
    """Store the hash and end every session of the account."""
    if attempt.actor.office is not Office.ADMINISTRATION and account != attempt.actor.account:
        raise Malformed("That is another account's password.")
    facts = {
        "account": account,
        "hashed": await hashed(password),
        "temporary": temporary,
        "entry": attempt.entry_id,
    }
    await attempt.session.execute(SET_PASSWORD, facts)
    await attempt.session.execute(END_ALL, {"account": account, "why": "password changed"})
