"""Sessions and passwords; persons and accounts."""

from typing import Annotated, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import select, text

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.database import plain_value
from service.kernel.errors import (
    AlreadyExists,
    Malformed,
    NotFound,
    NotPermitted,
    Refusal,
    SecondDevice,
    Unprocessable,
)
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Name, PlainName, Reason
from service.organisation.model import Unit
from service.organisation.queries import today, unit_by
from service.people.authentication import (
    SESSION_IDLE_SECONDS,
    SESSION_SECONDS_MAX,
    hashed,
    new_token,
    one_time_password,
    token_digest,
    weakness,
)
from service.people.model import Account, Membership, Person
from service.people.queries import accounts_of, owner_of, roles_outside
from service.people.rights import WITHOUT_PEOPLE
from service.people.withdrawing import (
    END_ALL,
    hand_over,
    must_lead_nothing_apart,
    warn_of_going,
    withdraw_everything,
)
from service.work.queries import waits

OPEN = text(
    "SELECT public.session_open(:session, :account, :token, :idle, :lifetime, :restricted, :entry, :device) "
    "AS expires_at"
)
ELSEWHERE = text("SELECT public.session_elsewhere(:account, :device)")
CONFLICTS = text("SELECT control, left_role, right_role FROM public.conflicts_counting(:person, :at)")
SET_PASSWORD = text("SELECT public.credential_set(:account, :hashed, :temporary, :entry)")

Password = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
AccountName = Annotated[str, msgspec.Meta(max_length=40, pattern=r"\A[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
StaffNumber = Annotated[str, msgspec.Meta(max_length=20, pattern=r"\A[A-Z0-9]+(-[A-Z0-9]+)*\Z")]


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


class UsedNumber(Refusal):
    """409. A staff number is never given twice, not even after somebody left (ORG-03)."""

    rule = "ORG-03"


class RoleName(Unprocessable):
    """422. An account is not called like a role, an office or a service: it would read like a right."""


class RightsFirst(Refusal):
    """409. Rights of the old unit are still in force; they are revoked before the person moves."""


class RolesConflict(NotPermitted):
    """403. The person would hold two roles that no natural person holds together, on whatever accounts."""


class OpenSession(Command, frozen=True, kw_only=True):
    """An account whose password was checked signs in; a one-time password opens a restricted session.

    ``device``: the machine it is opened at, kept with the session and not in the log; none: the service itself.
    """

    secrets: ClassVar[tuple[str, ...]] = ("device",)
    restricted: bool
    device: str | None = None


class ReviewSession(Command, frozen=True, kw_only=True):
    """What compliance found about an account in use on a second device."""

    account: UUID
    finding: Reason


class ChangePassword(Command, frozen=True, kw_only=True):
    """The caller, whose current password was checked, chooses a new one; every session of the account ends."""

    secrets: ClassVar[tuple[str, ...]] = ("password",)
    password: Password


class RegisterPerson(Command, frozen=True, kw_only=True):
    """A natural person, once and for life, in a unit (id, code or name); a staff number is never given twice."""

    name: PlainName
    unit: Name
    staff_number: StaffNumber | None = None


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


@use_case(Action.SESSION_OPEN)
async def open_session(attempt: Attempt, command: OpenSession) -> Changed:
    """Give the account a new token; only its digest is kept.

    Whoever holds roles that never meet gets none, and whoever is signed in on another device (A-10).
    """
    await must_hold_nothing_that_conflicts(attempt)
    await must_be_nowhere_else(attempt, command.device)
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
            "device": command.device,
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


async def must_hold_nothing_that_conflicts(attempt: Attempt) -> None:
    """Raise RolesConflict if the person behind the account holds, on whatever account, what no one person holds."""
    facts = {"person": attempt.actor.person, "at": attempt.now}
    found = (await attempt.session.execute(CONFLICTS, facts)).first()
    if found is not None:
        sentence = f"{found.left_role} and {found.right_role} never meet in one person ({found.control})."
        raise RolesConflict(sentence, rule=found.control)


async def must_be_nowhere_else(attempt: Attempt, device: str | None) -> None:
    """Raise SecondDevice if the person has a session on another device, on whatever account. Locks the person."""
    found = await attempt.session.scalar(ELSEWHERE, {"account": attempt.actor.account, "device": device})
    if found is not None:
        raise SecondDevice(attempt.actor.account, told=found == "told")


@use_case(Action.SESSION_REVIEW)
async def review_session(attempt: Attempt, command: ReviewSession) -> Changed:
    """Record what came of an identity on two devices; never by the person whose identity it is (D-16)."""
    if not await waits(attempt.session, Item.SECOND_DEVICE, command.account):
        raise NotFound("alert")
    account = await attempt.session.get_one(Account, command.account)
    must_be_somebody_else(attempt, account.person_id)
    attempt.close_item(Item.SECOND_DEVICE, account.id)
    attempt.note(account=account.id, beneficiary=account.person_id, reason=command.finding)
    return Changed({"account": str(account.id), "finding": command.finding})


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
    person = await registered(attempt, command.name, unit, command.staff_number)
    return Changed({"id": str(person.id), "version": 1, "unit": str(unit.id)}, 201)


async def registered(attempt: Attempt, name: str, unit: Unit, staff_number: str | None) -> Person:
    """Store a new person, who belongs to the unit from today on. Raises UsedNumber (ORG-03)."""
    if staff_number is not None:
        used = select(Person.id).where(Person.staff_number == staff_number)
        if await attempt.session.scalar(used) is not None:
            raise UsedNumber("This staff number was given to somebody before.", field="staff_number")
    person = attempt.add(
        Person(id=uuid7(), name=name, staff_number=staff_number, unit_id=unit.id, disabled=False)
    )
    join(attempt, person, unit)
    return person


def join(attempt: Attempt, person: Person, unit: Unit) -> None:
    """Note that a person belongs to a unit from today on."""
    attempt.add(Membership(id=uuid7(), person_id=person.id, unit_id=unit.id, valid_from=today(attempt.now)))


@use_case(Action.ACCOUNT_OPEN)
async def open_account(attempt: Attempt, command: OpenAccount) -> Changed:
    """Open a login of a registered person; it has neither rights nor a password yet."""
    if command.office in WITHOUT_PEOPLE:
        raise NoPeopleHere(f"Nobody signs in for the office {command.office.value}.", field="office")
    if command.name.replace("-", "_") in {*attempt.policy.roles, *Office} or command.name.startswith("svc"):
        raise RoleName(f"{command.name} is what a role, an office or a service is called.", field="name")
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
    warned = await warn_of_going(attempt, person) | await hand_over(attempt, person)
    attempt.change(person, disabled=True)
    for account in accounts:
        if not account.disabled:
            attempt.change(account, disabled=True)
    await end_sessions(attempt, person.id, "person disabled")
    attempt.note(reason=command.reason)
    return Changed({"id": str(person.id), "version": command.version + 1, "disabled": True} | warned)


@use_case(Action.PERSON_MOVE)
async def move_person(attempt: Attempt, command: MovePerson) -> Changed:
    """Move a person to another unit, once no right of another office than the new unit's is in force.

    The rights that fit the new unit end as well, and what was delegated, as when the staff department reports it
    (ORG-04). What the person did before stays theirs for ever: apart.csv looks at persons, not at units.
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
    await must_lead_nothing_apart(attempt, person, unit.id)
    warned = await warn_of_going(attempt, person) | await hand_over(attempt, person, but=unit.id)
    ended = await withdraw_everything(attempt, person, "person moved")
    attempt.change(person, unit_id=unit.id)
    join(attempt, person, unit)
    attempt.note(reason=command.reason)
    answer = {"id": str(person.id), "version": command.version + 1, "unit": str(unit.id)}
    return Changed(answer | {"rights_ended": ended} | warned)


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
