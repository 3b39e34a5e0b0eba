"""Sessions and passwords; persons and accounts; rights, which take three people each."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import select, text

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.database import plain_value
from service.kernel.errors import AlreadyExists, Malformed, NotFound, NotPermitted, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Name, Reason
from service.people.authentication import (
    SESSION_IDLE_SECONDS,
    SESSION_SECONDS_MAX,
    hashed,
    new_token,
    one_time_password,
    token_digest,
    weakness,
)
from service.people.lifecycle import GRANT, GrantState
from service.people.model import Account, Person, RoleGrant, Unit
from service.people.queries import accounts_of, owner_of, roles_counting, roles_outside, unit_by
from service.people.rights import WITHOUT_PEOPLE, conflict_of, is_role_of

OPEN = text(
    "SELECT public.session_open(:session, :account, :token, :idle, :lifetime, :restricted, :entry) AS expires_at"
)
END = text("SELECT public.session_end(:session, :why)")
END_ALL = text("SELECT public.sessions_end_of(:account, :why)")
SET_PASSWORD = text("SELECT public.credential_set(:account, :hashed, :temporary, :entry)")

Password = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
AccountName = Annotated[str, msgspec.Meta(max_length=40, pattern=r"\A[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class WeakPassword(Unprocessable):
    """422. The chosen password is too short, too long or too easy to guess."""


class UnknownUnit(Unprocessable):
    """422. The organisation has no such unit."""


class NoPeopleHere(Unprocessable):
    """422. Nobody signs in for this office; only its own service works there."""


class Disabled(Refusal):
    """409. The person has left, or the account is closed."""


class OwnMatter(NotPermitted):
    """403. Nobody disables, moves or resets themselves."""


class OfAService(NotPermitted):
    """403. A service account came with the founding; people neither sign in to it nor change its rights."""


class RightsFirst(Refusal):
    """409. Rights of the old unit are still in force; they are revoked before the person moves."""


class ForeignRole(Unprocessable):
    """422. The account's office has no such role for people."""


class EndInPast(Unprocessable):
    """422. The right would have ended already."""


class OwnRight(NotPermitted):
    """403. Nobody asks for, answers for or puts in force a right of their own (D-13)."""

    rule = "D-13"


class RolesConflict(NotPermitted):
    """403. The person would hold two roles that no natural person holds together, on whatever accounts."""


class WrongUnit(NotPermitted):
    """403. A role is held only by members of a unit of its own function class (SEG-01)."""

    rule = "SEG-01"


class OpenSession(Command, frozen=True, kw_only=True):
    """An account whose password was checked signs in; a one-time password opens a restricted session."""

    restricted: bool


class CloseSession(Command, frozen=True, kw_only=True):
    """The caller signs out."""


class ChangePassword(Command, frozen=True, kw_only=True):
    """The caller chooses a new password; every session of the account ends."""

    secrets: ClassVar[tuple[str, ...]] = ("password",)
    password: Password


class RegisterPerson(Command, frozen=True, kw_only=True):
    """A natural person, once and for life, in a unit (id or name)."""

    name: Name
    unit: Name


class OpenAccount(Command, frozen=True, kw_only=True):
    """A login of a registered person in one office, without rights and without a password."""

    name: AccountName
    person: UUID
    office: Office


class ResetPassword(Command, frozen=True, kw_only=True):
    """Somebody else's account gets a one-time password."""

    account: UUID
    version: int


class DisablePerson(Command, frozen=True, kw_only=True):
    """A leaver: every access ends at once."""

    person: UUID
    version: int
    reason: Reason


class MovePerson(Command, frozen=True, kw_only=True):
    """The person belongs to another unit (id or name) from now on."""

    person: UUID
    version: int
    unit: Name
    reason: Reason


class RequestGrant(Command, frozen=True, kw_only=True):
    """A role for an account (id or name), for good or until an instant."""

    account: Identifier
    role: Identifier
    reason: Reason
    valid_until: Instant | None = None


class ApproveGrant(Command, frozen=True, kw_only=True):
    """The owner of the role answers for it."""

    grant: UUID
    version: int


class RefuseGrant(Command, frozen=True, kw_only=True):
    """The owner of the role turns the request down."""

    grant: UUID
    version: int
    reason: Reason


class ExecuteGrant(Command, frozen=True, kw_only=True):
    """The administration puts an approved right in force."""

    grant: UUID
    version: int


class RevokeGrant(Command, frozen=True, kw_only=True):
    """The administration withdraws a right at once."""

    grant: UUID
    version: int
    reason: Reason


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


@use_case(Action.PASSWORD_RESET)
async def reset_password(attempt: Attempt, command: ResetPassword) -> Changed:
    """Give somebody else's account a one-time password, good only for choosing a real one.

    The answer holds it, so the face passes no idempotency key: what is stored under a key is no secret.
    """
    account = await locked(attempt, Account, command.account, seen=command.version)
    must_be_somebody_else(attempt, account.person_id)
    must_be_usable(account)
    password = one_time_password()
    await set_password(attempt, account.id, password, temporary=True)
    attempt.note(account=account.id)
    return Changed({"account": str(account.id), "version": account.rev, "one_time_password": password})


@use_case(Action.PERSON_REGISTER)
async def register_person(attempt: Attempt, command: RegisterPerson) -> Changed:
    """Give a natural person their one identity; it opens nothing yet."""
    unit = await unit_named(attempt, command.unit)
    person = attempt.add(Person(id=uuid7(), name=command.name, unit_id=unit.id, disabled=False))
    return Changed({"id": str(person.id), "version": 1, "unit": str(unit.id)}, 201)


@use_case(Action.ACCOUNT_OPEN)
async def open_account(attempt: Attempt, command: OpenAccount) -> Changed:
    """Open a login of a registered person; it has neither rights nor a password yet."""
    if command.office in WITHOUT_PEOPLE:
        raise NoPeopleHere(f"Nobody signs in for the office {command.office.value}.", field="office")
    person = await locked(attempt, Person, command.person)
    if person.disabled:
        raise Disabled("This person has left; nothing is opened for them.", field="person")
    if any(account.service for account in await accounts_of(attempt.session, person.id)):
        raise OfAService("This is the service of an office, no natural person.")
    if await owner_of(attempt.session, command.name) is not None:
        raise AlreadyExists(f"There is an account {command.name} already.", field="name")
    account = attempt.add(
        Account(
            id=uuid7(),
            name=command.name,
            person_id=person.id,
            office=command.office.value,
            service=False,
            disabled=False,
        )
    )
    return Changed({"id": str(account.id), "version": 1, "name": account.name, "person": str(person.id)}, 201)


@use_case(Action.PERSON_DISABLE)
async def disable_person(attempt: Attempt, command: DisablePerson) -> Changed:
    """End every access of a person in one transaction: an act of theirs that has begun is refused after it."""
    person = await locked(attempt, Person, command.person, seen=command.version)
    must_be_somebody_else(attempt, person.id)
    if person.disabled:
        raise Disabled("This person has left already.", field="person")
    accounts = await accounts_of(attempt.session, person.id)
    if any(account.service for account in accounts):
        raise OfAService("The service of an office is not disabled; stop its process instead.")
    attempt.change(person, disabled=True)
    for account in accounts:
        if not account.disabled:
            attempt.change(account, disabled=True)
    await end_sessions(attempt, person.id, "person disabled")
    attempt.note(reason=command.reason)
    return Changed({"id": str(person.id), "version": command.version + 1, "disabled": True})


@use_case(Action.PERSON_MOVE)
async def move_person(attempt: Attempt, command: MovePerson) -> Changed:
    """Move a person to another unit, once no right of another office than the new unit's is in force.

    What the person did before stays theirs for ever: apart.csv looks at persons, not at units.
    """
    person = await locked(attempt, Person, command.person, seen=command.version)
    must_be_somebody_else(attempt, person.id)
    if person.disabled:
        raise Disabled("This person has left already.", field="person")
    unit = await unit_named(attempt, command.unit)
    if left := await roles_outside(attempt.session, person.id, unit.function_class, attempt.now):
        raise RightsFirst(
            f"Revoke first what does not belong to {unit.name}: {', '.join(left)}.", field="unit"
        )
    attempt.change(person, unit_id=unit.id)
    await end_sessions(attempt, person.id, "person moved")
    attempt.note(reason=command.reason)
    return Changed({"id": str(person.id), "version": command.version + 1, "unit": str(unit.id)})


@use_case(Action.GRANT_REQUEST)
async def request_grant(attempt: Attempt, command: RequestGrant) -> Changed:
    """Ask for a role on behalf of its holder; the first of three people."""
    if command.valid_until is not None and command.valid_until <= attempt.now:
        raise EndInPast("This right would have ended already.", field="valid_until")
    if (owner := await owner_of(attempt.session, command.account)) is None:
        raise NotFound("account")
    grant = RoleGrant(
        id=uuid7(),
        account_id=owner[0],
        role=command.role,
        state=GrantState.REQUESTED.value,
        reason=command.reason,
        valid_until=command.valid_until,
    )
    await must_be_grantable(attempt, grant, await locked(attempt, Person, owner[1]))
    twin = select(RoleGrant.id).where(
        RoleGrant.account_id == grant.account_id,
        RoleGrant.role == grant.role,
        RoleGrant.state.in_(("requested", "approved", "executed")),
    )
    if await attempt.session.scalar(twin) is not None:
        raise AlreadyExists(
            "The account holds this role or waits for it; revoke an ended right first.", field="role"
        )
    attempt.add(grant)
    attempt.open_item(Item.GRANT_APPROVE, grant)
    return Changed(outcome(grant, 1), 201)


@use_case(Action.GRANT_APPROVE)
async def approve_grant(attempt: Attempt, command: ApproveGrant) -> Changed:
    """Answer for the role; the second of three people (D-13)."""
    grant = await advanced(attempt, command.grant, command.version)
    attempt.close_item(Item.GRANT_APPROVE, grant.id)
    attempt.open_item(Item.GRANT_EXECUTE, grant)
    return Changed(outcome(grant, command.version + 1))


@use_case(Action.GRANT_REFUSE)
async def refuse_grant(attempt: Attempt, command: RefuseGrant) -> Changed:
    """Turn the request down, by another person than who asked (D-13)."""
    grant = await locked(attempt, RoleGrant, command.grant, seen=command.version, what="grant")
    await attempt.admit(related=[(RoleGrant.__tablename__, grant.id)])
    state = GRANT.after(GrantState(grant.state), attempt.action)
    attempt.change(grant, state=state.value)
    attempt.close_item(Item.GRANT_APPROVE, grant.id)
    attempt.note(reason=command.reason)
    return Changed(outcome(grant, command.version + 1))


@use_case(Action.GRANT_EXECUTE)
async def execute_grant(attempt: Attempt, command: ExecuteGrant) -> Changed:
    """Put the right in force from the next sign-in; the third of three people (D-13)."""
    grant = await advanced(attempt, command.grant, command.version)
    attempt.close_item(Item.GRANT_EXECUTE, grant.id)
    await attempt.session.execute(END_ALL, {"account": grant.account_id, "why": "right granted"})
    return Changed(outcome(grant, command.version + 1))


@use_case(Action.GRANT_REVOKE)
async def revoke_grant(attempt: Attempt, command: RevokeGrant) -> Changed:
    """Withdraw a right at once: every session that could still use it ends."""
    grant = await locked(attempt, RoleGrant, command.grant, seen=command.version, what="grant")
    account = await attempt.session.scalar(select(Account).where(Account.id == grant.account_id))
    if account is None or account.service:
        raise OfAService("The rights of a service account came with the founding and stay.")
    state = GRANT.after(GrantState(grant.state), attempt.action)
    attempt.change(grant, state=state.value)
    attempt.close_item(Item.GRANT_EXECUTE, grant.id)
    await attempt.session.execute(END_ALL, {"account": grant.account_id, "why": "right revoked"})
    attempt.note(beneficiary=account.person_id, reason=command.reason)
    return Changed(outcome(grant, command.version + 1))


async def advanced(attempt: Attempt, grant_id: UUID, version: int) -> RoleGrant:
    """Bring a grant one step further, by another person than at the steps before and than its beneficiary.

    The person is locked first and then the grant, as in every step: what else the person holds or
    waits for cannot change while it is held against this role.
    """
    behind = select(Account.person_id).join(RoleGrant, RoleGrant.account_id == Account.id)
    person_id = await attempt.session.scalar(behind.where(RoleGrant.id == grant_id))
    if person_id is None:
        raise NotFound("grant")
    person = await locked(attempt, Person, person_id)
    grant = await locked(attempt, RoleGrant, grant_id, seen=version)
    await attempt.admit(related=[(RoleGrant.__tablename__, grant.id)])
    state = GRANT.after(GrantState(grant.state), attempt.action)
    if grant.valid_until is not None and grant.valid_until <= attempt.now:
        raise EndInPast("This right has ended before it began; ask anew.", field="valid_until")
    await must_be_grantable(attempt, grant, person)
    return attempt.change(grant, state=state.value)


async def must_be_grantable(attempt: Attempt, grant: RoleGrant, person: Person) -> None:
    """Hold the role against office, person, unit and everything else the locked person holds or waits for.

    Raises OwnRight, Disabled, OfAService, ForeignRole, RolesConflict, WrongUnit.
    """
    if person.id == attempt.actor.person:
        raise OwnRight("Nobody asks for, answers for or puts in force a right of their own.")
    account = (await attempt.session.scalars(select(Account).where(Account.id == grant.account_id))).one()
    must_be_usable(account)
    if person.disabled:
        raise Disabled("This person has left.", field="account")
    if not is_role_of(attempt.policy, grant.role, account.office):
        raise ForeignRole(f"The office {account.office} has no role {grant.role!a} for people.", field="role")
    others = await roles_counting(attempt.session, person.id, attempt.now, but=grant.id)
    if (conflict := conflict_of(attempt.policy, grant.role, others)) is not None:
        sides = f"{conflict.left} and {conflict.right} never meet in one person"
        raise RolesConflict(f"{sides}: {conflict.why} ({conflict.control}).", rule=conflict.control)
    unit = await attempt.session.get_one(Unit, person.unit_id)
    if unit.function_class != account.office:
        raise WrongUnit(
            f"{unit.name} is a unit of {unit.function_class}; {grant.role} belongs to {account.office}."
        )
    attempt.note(beneficiary=person.id)


def must_be_somebody_else(attempt: Attempt, person_id: UUID) -> None:
    """Raise OwnMatter if the acting person is the one concerned."""
    if person_id == attempt.actor.person:
        raise OwnMatter("Somebody else must do this for you.")


def must_be_usable(account: Account) -> None:
    """Raise OfAService or Disabled unless a person can use the account."""
    if account.service:
        raise OfAService("No person uses a service account; its rights came with the founding.")
    if account.disabled:
        raise Disabled("This account is closed.", field="account")


async def unit_named(attempt: Attempt, id_or_name: str) -> Unit:
    """Return the unit, or raise UnknownUnit."""
    if (unit := await unit_by(attempt.session, id_or_name)) is None:
        raise UnknownUnit("The organisation has no such unit.", field="unit")
    return unit


async def end_sessions(attempt: Attempt, person_id: UUID, why: str) -> None:
    """End every session on every account of a person."""
    for account in await accounts_of(attempt.session, person_id):
        await attempt.session.execute(END_ALL, {"account": account.id, "why": why})


def outcome(grant: RoleGrant, version: int) -> dict[str, object]:
    """Return the answer: the grant and where it stands."""
    return {
        "id": str(grant.id),
        "version": version,
        "state": grant.state,
        "account": str(grant.account_id),
        "role": grant.role,
    }
