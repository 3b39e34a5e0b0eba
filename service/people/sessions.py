"""Ending sessions: one's own here or elsewhere, and by the administration those of a person."""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.gate import use_case
from service.kernel.errors import NotFound, Refusal
from service.kernel.letting_in import kept_out
from service.kernel.texts import Reason
from service.people.queries import accounts_of, sessions_of
from service.people.use_cases import must_be_somebody_else

END: Final = text("SELECT public.session_end(:session, :why)")


class NowhereSignedIn(Refusal):
    """409. The person has no session that could be ended."""


class CloseSession(Command, frozen=True, kw_only=True):
    """The caller signs out here, or ends another session of the same account."""

    session: UUID | None = None


class EndSessions(Command, frozen=True, kw_only=True):
    """The sessions of somebody on all their accounts end, or one of them."""

    person: UUID
    reason: Reason
    session: UUID | None = None


@use_case(Action.SESSION_CLOSE)
async def close_session(attempt: Attempt, command: CloseSession) -> Changed:
    """End a session of the caller's account for good; without another one named, the one they act in.

    Whoever is let in for nothing but signing out ends no other. Raises NotFound for a session that is not theirs.
    """
    actor = attempt.actor
    if command.session in (None, actor.session):
        await attempt.session.execute(END, {"session": actor.session, "why": "signed out"})
        return Changed({}, 204)
    if (why := kept_out(actor, Action.POWER_READ)) is not None:
        raise why
    if str(command.session) not in {one["id"] for one in await sessions_of(attempt.session, [actor.account])}:
        raise NotFound("session")
    await attempt.session.execute(END, {"session": command.session, "why": "signed out elsewhere"})
    attempt.note(ended=[str(command.session)])
    return Changed({}, 204)


@use_case(Action.SESSION_END)
async def end_sessions(attempt: Attempt, command: EndSessions) -> Changed:
    """End where somebody else is signed in, one session or all; their rights stay, and they may sign in again."""
    must_be_somebody_else(attempt, command.person)
    accounts = [account.id for account in await accounts_of(attempt.session, command.person)]
    if not accounts:
        raise NotFound("person")
    held = [one["id"] for one in await sessions_of(attempt.session, accounts)]
    ended = held if command.session is None else [one for one in held if one == str(command.session)]
    if command.session is not None and not ended:
        raise NotFound("session")
    if not ended:
        raise NowhereSignedIn("This person is signed in nowhere.")
    for session in ended:
        await attempt.session.execute(END, {"session": session, "why": "ended by the administration"})
    attempt.note(beneficiary=command.person, ended=ended, reason=command.reason)
    return Changed({"person": str(command.person), "ended": ended})
