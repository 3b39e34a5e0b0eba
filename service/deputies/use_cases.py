"""Duties are handed to a deputy for a time: asked for by one person, approved by another, never across a conflict."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import text

from policies.periods import Period
from policies.separation import conflicts
from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.deputies.lifecycle import DELEGATION, DelegationState
from service.deputies.model import Delegation
from service.deputies.queries import overlapping
from service.gate import use_case
from service.kernel.database import plain_value
from service.kernel.errors import AlreadyExists, NotFound, NotPermitted, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.leaving import nobody_left
from service.people.queries import owner_of
from service.people.rights import is_role_of
from service.roster import Holder
from service.work.queries import waits

DUTIES = text("SELECT * FROM public.duties_of(:account)")
ROLES_MAX = 10

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Roles = Annotated[list[Identifier], msgspec.Meta(min_length=1, max_length=ROLES_MAX)]


class NotYourDuties(NotPermitted):
    """403. Everybody gives away duties of their own; the administration does so for those who cannot."""


class DutiesNotHeld(Unprocessable):
    """422. Only a role that the account holds itself can be handed on: no chains of deputies (SEG-02)."""

    rule = "SEG-02"


class UnfitDeputy(Unprocessable):
    """422. The deputy is the same person, a service, has left, or belongs to another office."""

    rule = "SEG-02"


class DutiesConflict(NotPermitted):
    """403. The deputy would hold two powers that no natural person holds together (SEG-02)."""


class WrongPeriod(Unprocessable):
    """422. A delegation has a beginning and an end, ahead and not too far apart."""

    rule = "SEG-02"


class NotIndependent(NotPermitted):
    """403. Whoever gives or takes duties does not approve that they change hands (SEG-02)."""

    rule = "SEG-02"


class NotYoursToEnd(NotPermitted):
    """403. A delegation is ended by whoever gave or took the duties, or by the administration."""


class RequestDelegation(Command, frozen=True, kw_only=True):
    """Roles of the caller's account for another account (id or name), between two instants.

    ``account``: whose roles, where the administration asks for somebody who cannot.
    """

    deputy: Identifier
    roles: Roles
    valid_from: Instant
    valid_to: Instant
    reason: Reason
    account: Identifier | None = None


class ApproveDelegation(Command, frozen=True, kw_only=True):
    """The owner of the roles answers for the deputy."""

    delegation: UUID
    version: int


class RefuseDelegation(Command, frozen=True, kw_only=True):
    """The duties stay where they are."""

    delegation: UUID
    version: int
    reason: Reason


class EndDelegation(Command, frozen=True, kw_only=True):
    """The duties go back at once."""

    delegation: UUID
    version: int
    reason: Reason
    accept_dead_end: Reason | None = None


class CloseDeadEnd(Command, frozen=True, kw_only=True):
    """Compliance says what was done about work that nobody was left for."""

    subject: UUID
    measure: Reason


@dataclass(frozen=True, slots=True)
class Duties:
    """What must be known of an account that gives or takes duties."""

    account_id: UUID
    name: str
    person_id: UUID
    office: str
    service: bool
    enabled: bool
    function_class: str
    own: frozenset[str]
    counting: frozenset[str]  # of the person, on all accounts, those on their way included


@use_case(Action.DELEGATION_REQUEST)
async def request_delegation(attempt: Attempt, command: RequestDelegation) -> Changed:
    """Ask that duties change hands; conflicts are told now and not only to whoever approves."""
    giver = await duties_named(attempt, command.account or str(attempt.actor.account))
    if giver.person_id != attempt.actor.person and attempt.actor.office is not Office.ADMINISTRATION:
        raise NotYourDuties("You hand on duties of your own.", field="account")
    deputy = await duties_named(attempt, command.deputy, "deputy")
    roles = sorted(set(command.roles))
    must_be_a_time(attempt, command)
    must_be_deputisable(attempt, giver, deputy, roles)
    if await overlapping(attempt.session, deputy.account_id, roles, command.valid_from, command.valid_to):
        raise AlreadyExists("The deputy stands in for these duties in that time already.", field="deputy")
    delegation = attempt.add(
        Delegation(
            id=uuid7(),
            account_id=giver.account_id,
            deputy_id=deputy.account_id,
            roles=roles,
            reason=command.reason,
            valid_from=command.valid_from,
            valid_to=command.valid_to,
            state=DelegationState.REQUESTED.value,
            requested_by=attempt.actor.account,
        )
    )
    attempt.note(beneficiary=deputy.person_id, deputised=giver.person_id)
    attempt.open_item(Item.DECIDE_DELEGATION, delegation)
    return Changed(outcome(delegation, 1), 201)


@use_case(Action.DELEGATION_APPROVE)
async def approve_delegation(attempt: Attempt, command: ApproveDelegation) -> Changed:
    """Answer for the deputy, as a person who neither asked nor gives nor takes."""
    delegation, giver, deputy = await decided(attempt, command.delegation, command.version)
    if delegation.valid_to <= attempt.now:
        raise WrongPeriod("This delegation ended before it was approved; ask anew.", field="valid_to")
    must_be_deputisable(attempt, giver, deputy, delegation.roles)
    attempt.note(beneficiary=deputy.person_id, deputised=giver.person_id)
    return Changed(outcome(delegation, command.version + 1))


@use_case(Action.DELEGATION_REFUSE)
async def refuse_delegation(attempt: Attempt, command: RefuseDelegation) -> Changed:
    """Leave the duties where they are."""
    delegation, _, _ = await decided(attempt, command.delegation, command.version)
    attempt.note(reason=command.reason)
    return Changed(outcome(delegation, command.version + 1))


@use_case(Action.DELEGATION_END)
async def end_delegation(attempt: Attempt, command: EndDelegation) -> Changed:
    """Take or give duties back; an act of the deputy that has begun comes first or is refused."""
    delegation = await locked(attempt, Delegation, command.delegation, seen=command.version)
    giver = await duties_named(attempt, str(delegation.account_id))
    deputy = await duties_named(attempt, str(delegation.deputy_id))
    theirs = attempt.actor.person in (giver.person_id, deputy.person_id)
    if not theirs and attempt.actor.office is not Office.ADMINISTRATION:
        raise NotYoursToEnd("This is ended by whoever gave or took the duties, or by the administration.")
    requested = delegation.state == DelegationState.REQUESTED
    state = DELEGATION.after(DelegationState(delegation.state), attempt.action)
    await nobody_left(
        attempt,
        delegation.roles,
        lambda holder: without(holder, delegation, giver.person_id),
        command.accept_dead_end,
    )
    attempt.change(delegation, state=state.value)
    if requested and attempt.actor.office is Office.ADMINISTRATION:
        attempt.close_item(Item.DECIDE_DELEGATION, delegation.id)
    attempt.note(reason=command.reason, beneficiary=deputy.person_id, deputised=giver.person_id)
    return Changed(outcome(delegation, command.version + 1))


@use_case(Action.DEAD_END_CLOSE)
async def close_dead_end(attempt: Attempt, command: CloseDeadEnd) -> Changed:
    """Say what was done where nobody was left for an act."""
    if not await waits(attempt.session, Item.DEAD_END, command.subject):
        raise NotFound("dead end")
    attempt.close_item(Item.DEAD_END, command.subject)
    attempt.note(subject=command.subject, reason=command.measure)
    return Changed({"subject": str(command.subject), "measure": command.measure})


def without(holder: Holder, delegation: Delegation, giver: UUID) -> Holder:
    """Return what the deputy's account holds once this delegation has ended."""
    if holder.account != delegation.deputy_id:
        return holder
    standing = holder.standing
    lost = {
        role
        for role, person in standing.deputy_for.items()
        if person == str(giver) and role in delegation.roles
    }
    kept = {role: person for role, person in standing.deputy_for.items() if role not in lost}
    return replace(holder, standing=replace(standing, roles=standing.roles - lost, deputy_for=kept))


async def decided(attempt: Attempt, delegation_id: UUID, version: int) -> tuple[Delegation, Duties, Duties]:
    """Bring a request to its decision, by a person who has no part in it. Raises NotIndependent."""
    delegation = await locked(attempt, Delegation, delegation_id, seen=version)
    await attempt.admit(related=[(Delegation.__tablename__, delegation.id)])
    giver = await duties_named(attempt, str(delegation.account_id))
    deputy = await duties_named(attempt, str(delegation.deputy_id))
    if attempt.actor.person in (giver.person_id, deputy.person_id):
        raise NotIndependent("You give or take these duties; another person decides.")
    state = DELEGATION.after(DelegationState(delegation.state), attempt.action)
    attempt.change(delegation, state=state.value)
    attempt.close_item(Item.DECIDE_DELEGATION, delegation.id)
    return delegation, giver, deputy


def must_be_a_time(attempt: Attempt, command: RequestDelegation) -> None:
    """Raise WrongPeriod unless the time begins before it ends, lies ahead and is not too long."""
    if not attempt.now < command.valid_to or not command.valid_from < command.valid_to:
        raise WrongPeriod("A delegation ends after it begins, and not in the past.", field="valid_to")
    days_max = attempt.policy.periods.number(Period.DELEGATION_DAYS_MAX)
    if command.valid_to - command.valid_from > timedelta(days=days_max):
        raise WrongPeriod(f"Duties change hands for {days_max} days at most.", field="valid_to")


def must_be_deputisable(attempt: Attempt, giver: Duties, deputy: Duties, roles: list[str]) -> None:
    """Hold the duties against everything the deputy is and has.

    Raises UnfitDeputy, DutiesConflict, DutiesNotHeld.
    """
    if deputy.person_id == giver.person_id or deputy.account_id == giver.account_id:
        raise UnfitDeputy("The deputy is another person.", field="deputy")
    if deputy.service or giver.service:
        raise UnfitDeputy("A service stands in for nobody, and nobody for it.", field="deputy")
    for conflict in conflicts(attempt.policy, {*roles, *deputy.counting}):
        sides = f"{conflict.left} and {conflict.right} never meet in one person"
        raise DutiesConflict(f"{sides}: {conflict.why} ({conflict.control}).", rule=conflict.control)
    if not deputy.enabled:
        raise UnfitDeputy("The deputy has left, or the account is closed.", field="deputy")
    for role in roles:
        if role not in giver.own or not is_role_of(attempt.policy, role, giver.office):
            raise DutiesNotHeld(f"{giver.name} does not hold {role!a} as its own.", field="roles")
        if role in deputy.own:
            raise UnfitDeputy(f"{deputy.name} holds {role} already.", field="deputy")
    if deputy.office != giver.office or deputy.function_class != giver.office:
        raise UnfitDeputy(
            f"The duties belong to {giver.office}; the deputy's account is of {deputy.office} and the deputy's unit "
            f"of {deputy.function_class}.",
            field="deputy",
        )


async def duties_named(attempt: Attempt, account: str, field: str | None = None) -> Duties:
    """Return what counts about an account named by its id or name. Raises NotFound."""
    found = await owner_of(attempt.session, account)
    if found is None:
        refusal: Refusal = NotFound("account")
        refusal.field = field
        raise refusal
    row = (await attempt.session.execute(DUTIES, {"account": found[0]})).one()
    return Duties(
        row.account_id,
        row.name,
        row.person_id,
        row.office,
        row.service,
        row.enabled,
        row.function_class,
        frozenset(row.own),
        frozenset(row.counting),
    )


def outcome(delegation: Delegation, version: int) -> dict[str, object]:
    """Return the answer: the delegation and where it stands."""
    return {
        "id": str(delegation.id),
        "version": version,
        "state": delegation.state,
        "account": str(delegation.account_id),
        "deputy": str(delegation.deputy_id),
        "roles": list(delegation.roles),
        "valid_from": plain_value(delegation.valid_from),
        "valid_to": plain_value(delegation.valid_to),
    }
