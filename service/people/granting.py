"""Rights: asked for by one person, answered for by another, put in force by a third; none of them gains by it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import select, text

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.errors import AlreadyExists, NotFound, NotPermitted, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.people.lifecycle import GRANT, GrantState
from service.people.model import Account, Person, RoleGrant
from service.people.queries import accounts_of, owner_of, roles_counting
from service.people.rights import apart_sentence, conflict_of, is_role_of
from service.people.use_cases import Disabled, Identifier, OfAService, RolesConflict
from service.people.withdrawing import END_ALL, warn_of_right

BENEFICIARY = text("SELECT * FROM public.beneficiary_of(:account, CAST(:askers AS uuid[]))")

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class ForeignRole(Unprocessable):
    """422. The account's office has no such role for people."""


class EndInPast(Unprocessable):
    """422. The right would have ended already, or before it begins."""


class OwnRight(NotPermitted):
    """403. Nobody asks for, answers for or puts in force a right of their own (D-13)."""

    rule = "D-13"


class NotTheManager(NotPermitted):
    """403. A right is asked for by whoever answers for its holder's unit today: a manager or a board member (ORG-04)."""

    rule = "ORG-04"


class NoService(Unprocessable):
    """422. Only a service account has an owner; a person's account is the person's."""


class WrongUnit(NotPermitted):
    """403. A role is held only by members of a unit of its own function class (SEG-01)."""

    rule = "SEG-01"


class AssignAccount(Command, frozen=True, kw_only=True):
    """Somebody else answers for a service account."""

    account: UUID
    version: int
    owner: UUID


class RequestGrant(Command, frozen=True, kw_only=True):
    """A role for an account (id or name), at once or from an instant on, for good or until another."""

    account: Identifier
    role: Identifier
    reason: Reason
    valid_from: Instant | None = None
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
    """The administration withdraws a right at once; ``accept_dead_end``: why work may wait for nobody."""

    grant: UUID
    version: int
    reason: Reason
    accept_dead_end: Reason | None = None


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """Whom a right is for: account, person and unit as of today, and how the acting person stands above them.

    ``managed``: they answer for the unit; ``nobody_above``: nobody but the beneficiary does. ``asked``: roles that
    the account holds or waits for.
    """

    account_id: UUID
    person_id: UUID
    office: str
    service: bool
    closed: bool
    left_us: bool
    unit: str
    function_class: str
    managed: bool
    nobody_above: bool
    asked: list[str]


@use_case(Action.ACCOUNT_ASSIGN)
async def assign_account(attempt: Attempt, command: AssignAccount) -> Changed:
    """Name who answers for a service account: what it does counts as theirs, so its role counts beside their own."""
    owner = await locked(attempt, Person, command.owner)
    account = await locked(attempt, Account, command.account, seen=command.version)
    if not account.service:
        raise NoService("This account is a person's; it belongs to them for life.", field="account")
    if owner.id == attempt.actor.person:
        raise OwnRight("Nobody makes themselves the owner of a service account.")
    if owner.disabled or any(one.service for one in await accounts_of(attempt.session, owner.id)):
        raise Disabled("Nobody who works here goes by this id.", field="owner")
    others = await roles_counting(attempt.session, owner.id, attempt.now)
    held = await attempt.session.scalars(select(RoleGrant.role).where(RoleGrant.account_id == account.id))
    for role in held.all():
        if (conflict := conflict_of(attempt.policy, role, others)) is not None:
            raise RolesConflict(apart_sentence(conflict), rule=conflict.control)
    attempt.change(account, owner_id=owner.id)
    return Changed({"id": str(account.id), "version": command.version + 1, "owner": str(owner.id)})


@use_case(Action.GRANT_REQUEST)
async def request_grant(attempt: Attempt, command: RequestGrant) -> Changed:
    """Ask for a role on behalf of its holder, as their manager of today; the first of three people (ORG-04)."""
    if command.valid_until is not None and command.valid_until <= attempt.now:
        raise EndInPast("This right would have ended already.", field="valid_until")
    if command.valid_until is not None and (command.valid_from or attempt.now) >= command.valid_until:
        raise EndInPast("This right would end before it begins.", field="valid_until")
    whose = await beneficiary(attempt, command.account)
    grant = RoleGrant(
        id=uuid7(),
        account_id=whose.account_id,
        role=command.role,
        state=GrantState.REQUESTED.value,
        reason=command.reason,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
    )
    await must_be_grantable(attempt, grant, whose)
    must_be_managed(attempt, whose)
    if grant.role in whose.asked:
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
    warned = await warn_of_right(attempt, grant, command.accept_dead_end)
    attempt.change(grant, state=state.value)
    attempt.close_item(Item.GRANT_EXECUTE, grant.id)
    await attempt.session.execute(END_ALL, {"account": grant.account_id, "why": "right revoked"})
    attempt.note(beneficiary=account.person_id, reason=command.reason)
    return Changed(outcome(grant, command.version + 1) | warned)


async def advanced(attempt: Attempt, grant_id: UUID, version: int) -> RoleGrant:
    """Bring a grant one step further, by another person than at the steps before and than its beneficiary.

    The person is locked first and then the grant, as in every step: what else the person holds or
    waits for cannot change while it is held against this role.
    """
    behind = select(Account.person_id).join(RoleGrant, RoleGrant.account_id == Account.id)
    person_id = await attempt.session.scalar(behind.where(RoleGrant.id == grant_id))
    if person_id is None:
        raise NotFound("grant")
    await locked(attempt, Person, person_id)
    grant = await locked(attempt, RoleGrant, grant_id, seen=version)
    await attempt.admit(related=[(RoleGrant.__tablename__, grant.id)])
    state = GRANT.after(GrantState(grant.state), attempt.action)
    if grant.valid_until is not None and grant.valid_until <= attempt.now:
        raise EndInPast("This right has ended before it began; ask anew.", field="valid_until")
    await must_be_grantable(attempt, grant, await beneficiary(attempt, str(grant.account_id)))
    return attempt.change(grant, state=state.value)


async def beneficiary(attempt: Attempt, account: str) -> Beneficiary:
    """Return who a right is for, locked: what else the person holds or waits for cannot change meanwhile."""
    if (owner := await owner_of(attempt.session, account)) is None:
        raise NotFound("account")
    askers = sorted(attempt.actor.standing().persons(attempt.policy, attempt.action))
    row = (
        await attempt.session.execute(BENEFICIARY, {"account": owner[0], "askers": [*map(UUID, askers)]})
    ).one()
    return Beneficiary(**row._mapping)  # noqa: SLF001 - how SQLAlchemy names a row's columns


def must_be_managed(attempt: Attempt, whose: Beneficiary) -> None:
    """Raise NotTheManager unless the acting person answers for the beneficiary's unit today.

    For somebody who answers for themselves, such as a board member, the rights administration asks.
    """
    alone = whose.nobody_above and attempt.actor.office is Office.ADMINISTRATION
    if not whose.managed and not alone:
        raise NotTheManager("A right is asked for by a manager or board member of its holder's line.")


async def must_be_grantable(attempt: Attempt, grant: RoleGrant, whose: Beneficiary) -> None:
    """Hold the role against office, person, unit and everything else the locked person holds or waits for.

    Raises OwnRight, Disabled, OfAService, ForeignRole, RolesConflict, WrongUnit.
    """
    if whose.person_id == attempt.actor.person:
        raise OwnRight("Nobody asks for, answers for or puts in force a right of their own.")
    if whose.service:
        raise OfAService("No person uses a service account; its rights came with the founding.")
    if whose.closed:
        raise Disabled("This account is closed.", field="account")
    if whose.left_us:
        raise Disabled("This person has left.", field="account")
    if not is_role_of(attempt.policy, grant.role, whose.office):
        raise ForeignRole("The office of this account has no such role for people.", field="role")
    others = await roles_counting(attempt.session, whose.person_id, attempt.now, but=grant.id)
    if (conflict := conflict_of(attempt.policy, grant.role, others)) is not None:
        raise RolesConflict(apart_sentence(conflict), rule=conflict.control)
    if whose.function_class != whose.office:
        raise WrongUnit(f"{whose.unit} is a unit of another office than the one this role belongs to.")
    attempt.note(beneficiary=whose.person_id)


def outcome(grant: RoleGrant, version: int) -> dict[str, object]:
    """Return the answer: the grant and where it stands."""
    return {
        "id": str(grant.id),
        "version": version,
        "state": grant.state,
        "account": str(grant.account_id),
        "role": grant.role,
    }
