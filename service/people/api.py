"""Signing in and out, persons and accounts, rights in three steps, over JSON."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import READS, Action
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key, device_of
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.identifiers import uuid7
from service.kernel.texts import Name, Reason
from service.people import queries
from service.people.granting import (
    ApproveGrant,
    AssignAccount,
    ExecuteGrant,
    RefuseGrant,
    RequestGrant,
    RevokeGrant,
    approve_grant,
    assign_account,
    execute_grant,
    refuse_grant,
    request_grant,
    revoke_grant,
)
from service.people.lifecycle import GrantState
from service.people.sessions import CloseSession, EndSessions, close_session, end_sessions
from service.people.signing_in import choose_password, sign_in
from service.people.staffing import RecordStaffEvent, record_staff_event
from service.people.use_cases import (
    DisablePerson,
    MovePerson,
    OpenAccount,
    RegisterPerson,
    ResetPassword,
    ReviewSession,
    disable_person,
    move_person,
    open_account,
    register_person,
    reset_password,
    review_session,
)

NamePart = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[GrantState | None, QueryParameter(name="state")]


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account's name and its password."""

    account: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password to use from now on, and the current one unless the session was opened by a one-time password."""

    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    current: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None


class Move(Seen, frozen=True, forbid_unknown_fields=True):
    """The version seen, where the person belongs from now on (id or name of the unit), and why."""

    unit: Name
    reason: Reason


class Ending(SeenWithReason, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version seen, why, and why work may wait for nobody."""

    accept_dead_end: Reason | None = None


class Owner(Seen, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version seen, and the natural person who answers for the service account."""

    owner: UUID


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found."""

    finding: Reason


class SessionsEnding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why, and the one session that is meant; all of them, if none is named."""

    reason: Reason
    session: UUID | None = None


class SessionApi(Controller):
    """One's own sessions."""

    path = "/api/sessions"
    tags = ("sessions",)

    @post(opt={"public": True, "refusals": (401, 403, 409, 429, 503)})
    async def open(
        self, request: Request[Any, Any, Any], gate: NamedDependency[Gate], data: JSONBody[Credentials]
    ) -> Response[Any]:
        """Sign in on this device; the answer holds the bearer token."""
        device = device_of(request.scope)
        return answer(await sign_in(gate, data.account, data.password, origin="api", device=device))

    @get(guards=[Allows(Action.POWER_READ)])
    async def index(
        self, actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession]
    ) -> dict[str, Any]:
        """List where the own account is signed in, this session marked; oldest first."""
        own = await queries.sessions_of(reads, [actor.account])
        return {"items": [one | {"current": one["id"] == str(actor.session)} for one in own], "next": None}

    @put("/current/password", guards=[Allows(Action.PASSWORD_CHANGE)], status_code=204)
    async def password(
        self, gate: NamedDependency[Gate], actor: NamedDependency[Actor], data: JSONBody[NewPassword]
    ) -> Response[None]:
        """Choose a new password; every session of the account ends."""
        return answer(await choose_password(gate, actor, data.password, data.current))

    @delete("/current", guards=[Allows(Action.SESSION_CLOSE)], status_code=204)
    async def close(self, gate: NamedDependency[Gate], actor: NamedDependency[Actor]) -> Response[None]:
        """Sign out."""
        return answer(await gate.perform(actor, close_session, CloseSession(), key=str(uuid7())))

    @delete("/{session:uuid}", guards=[Allows(Action.SESSION_CLOSE)], status_code=204)
    async def close_other(
        self, gate: NamedDependency[Gate], actor: NamedDependency[Actor], session: FromPath[UUID]
    ) -> Response[None]:
        """End another session of the own account."""
        command = CloseSession(session=session)
        return answer(await gate.perform(actor, close_session, command, key=str(uuid7())))


class SessionReviewApi(Controller):
    """What came of an identity in use on two devices."""

    path = "/api/accounts/{account:uuid}/session-reviews"
    tags = ("sessions",)

    @post(guards=[Allows(Action.SESSION_REVIEW)], status_code=200)
    async def review(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        account: FromPath[UUID],
        data: JSONBody[Finding],
    ) -> Response[Any]:
        """Say who used the identity on a second device, and what was done."""
        command = ReviewSession(account=account, finding=data.finding)
        return answer(await gate.perform(actor, review_session, command, key=checked_key(key)))


class SecondDeviceApi(Controller):
    """Identities in use on two devices that nobody has looked into."""

    path = "/api/session-reviews"
    tags = ("sessions",)

    @get(guards=[Allows(Action.SESSION_REVIEW)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List what waits for a finding, longest waiting first."""
        return await queries.second_devices(reads, cursor=cursor, limit=limit)


class PowerApi(Controller):
    """What the caller may do."""

    path = "/api/powers"
    tags = ("sessions",)

    @get(guards=[Allows(Action.POWER_READ)])
    async def powers(self, gate: NamedDependency[Gate], actor: NamedDependency[Actor]) -> dict[str, Any]:
        """Return the caller's acts and reads under the policy in force."""
        powers = gate.policy.powers(actor.roles)
        return {
            "account": actor.name,
            "person": str(actor.person),
            "office": actor.office.value,
            "roles": sorted(actor.roles),
            "acts": sorted(action.value for action in powers - READS),
            "reads": sorted(action.value for action in powers & READS),
            "policy": gate.policy.version,
        }


class PersonApi(Controller):
    """Natural persons: one identity each, for life."""

    path = "/api/persons"
    tags = ("people",)

    @get(guards=[Allows(Action.PERSON_READ, sensitive=True)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        unit: FromQuery[UUID | None] = None,
        disabled: FromQuery[bool | None] = None,
        named: NamePart = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List persons with their accounts; ``named``: a part of a name, or a staff number."""
        return await queries.persons(
            reads, unit=unit, disabled=disabled, named=named, cursor=cursor, limit=limit
        )

    @post(guards=[Allows(Action.PERSON_REGISTER)])
    async def register(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[RegisterPerson],
    ) -> Response[Any]:
        """Register a natural person."""
        return answer(await gate.perform(actor, register_person, data, key=checked_key(key)))

    @get("/{person:uuid}/sessions", guards=[Allows(Action.SESSION_END, sensitive=True)])
    async def sessions(self, reads: NamedDependency[AsyncSession], person: FromPath[UUID]) -> dict[str, Any]:
        """List where a person is signed in, on all their accounts, oldest first."""
        accounts = [UUID(one["id"]) for one in (await queries.person_by(reads, person))["accounts"]]
        return {"items": await queries.sessions_of(reads, accounts), "next": None}

    @post("/{person:uuid}/session-ending", guards=[Allows(Action.SESSION_END)], status_code=200)
    async def end_sessions(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        person: FromPath[UUID],
        data: JSONBody[SessionsEnding],
    ) -> Response[Any]:
        """Sign somebody out, at one place or everywhere; they may sign in again."""
        command = EndSessions(person=person, reason=data.reason, session=data.session)
        return answer(await gate.perform(actor, end_sessions, command, key=checked_key(key)))

    @post("/{person:uuid}/disablement", guards=[Allows(Action.PERSON_DISABLE)], status_code=200)
    async def disable(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        person: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """End every access of a person at once."""
        command = DisablePerson(person=person, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, disable_person, command, key=checked_key(key)))

    @post("/{person:uuid}/move", guards=[Allows(Action.PERSON_MOVE)], status_code=200)
    async def move(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        person: FromPath[UUID],
        data: JSONBody[Move],
    ) -> Response[Any]:
        """Move a person to another unit, after the rights of the old one were revoked."""
        command = MovePerson(person=person, version=data.version, unit=data.unit, reason=data.reason)
        return answer(await gate.perform(actor, move_person, command, key=checked_key(key)))


class StaffEventApi(Controller):
    """What the personnel department reports."""

    path = "/api/staff-events"
    tags = ("people",)

    @get(guards=[Allows(Action.PERSON_READ, sensitive=True)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        person: FromQuery[UUID | None] = None,
        event: FromQuery[str | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List what was reported, newest first."""
        return await queries.staff_events(reads, person=person, event=event, cursor=cursor, limit=limit)

    @post(guards=[Allows(Action.STAFF_EVENT_RECORD)])
    async def record(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[RecordStaffEvent],
    ) -> Response[Any]:
        """Report a joiner, mover or leaver, or an application; what ends, ends with it."""
        return answer(await gate.perform(actor, record_staff_event, data, key=checked_key(key)))


class AccountApi(Controller):
    """The logins of persons."""

    path = "/api/accounts"
    tags = ("people",)

    @post(guards=[Allows(Action.ACCOUNT_OPEN)])
    async def open(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[OpenAccount],
    ) -> Response[Any]:
        """Open an account; a password reset gives it its first password, grants its roles."""
        return answer(await gate.perform(actor, open_account, data, key=checked_key(key)))

    @post("/{account:uuid}/owner", guards=[Allows(Action.ACCOUNT_ASSIGN)], status_code=200)
    async def assign(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        account: FromPath[UUID],
        data: JSONBody[Owner],
    ) -> Response[Any]:
        """Name who answers for a service account from now on."""
        command = AssignAccount(account=account, version=data.version, owner=data.owner)
        return answer(await gate.perform(actor, assign_account, command, key=checked_key(key)))

    @post("/{account:uuid}/password-reset", guards=[Allows(Action.PASSWORD_RESET)], status_code=200)
    async def reset_password(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        account: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Give an account a one-time password, shown in this answer and nowhere else.

        The key is checked and not used: the answer holds a secret and is never stored. Repeating the
        request makes another password; the one before is worth nothing then.
        """
        checked_key(key)
        command = ResetPassword(account=account, version=data.version)
        return answer(await gate.perform(actor, reset_password, command))


class GrantApi(Controller):
    """Rights: asked for, answered for and put in force by three people."""

    path = "/api/grants"
    tags = ("people",)

    @get(guards=[Allows(Action.GRANT_READ, sensitive=True)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        person: FromQuery[UUID | None] = None,
        account: FromQuery[UUID | None] = None,
        role: FromQuery[str | None] = None,
        state_: StateWanted = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List grants in every state."""
        return await queries.grants(
            reads, person=person, account=account, role=role, state=state_, cursor=cursor, limit=limit
        )

    @post(guards=[Allows(Action.GRANT_REQUEST)])
    async def request(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[RequestGrant],
    ) -> Response[Any]:
        """Ask for a role on behalf of its holder."""
        return answer(await gate.perform(actor, request_grant, data, key=checked_key(key)))

    @post("/{grant:uuid}/approval", guards=[Allows(Action.GRANT_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        grant: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Answer for a role that somebody else asked for."""
        command = ApproveGrant(grant=grant, version=data.version)
        return answer(await gate.perform(actor, approve_grant, command, key=checked_key(key)))

    @post("/{grant:uuid}/refusal", guards=[Allows(Action.GRANT_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        grant: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn a request down."""
        command = RefuseGrant(grant=grant, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_grant, command, key=checked_key(key)))

    @post("/{grant:uuid}/execution", guards=[Allows(Action.GRANT_EXECUTE)], status_code=200)
    async def execute(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        grant: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Put an approved right in force."""
        command = ExecuteGrant(grant=grant, version=data.version)
        return answer(await gate.perform(actor, execute_grant, command, key=checked_key(key)))

    @post("/{grant:uuid}/revocation", guards=[Allows(Action.GRANT_REVOKE)], status_code=200)
    async def revoke(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        grant: FromPath[UUID],
        data: JSONBody[Ending],
    ) -> Response[Any]:
        """Withdraw a right at once."""
        command = RevokeGrant(
            grant=grant,
            version=data.version,
            reason=data.reason,
            accept_dead_end=data.accept_dead_end,
        )
        return answer(await gate.perform(actor, revoke_grant, command, key=checked_key(key)))


ROUTES = [
    SessionApi,
    SessionReviewApi,
    SecondDeviceApi,
    PowerApi,
    PersonApi,
    StaffEventApi,
    AccountApi,
    GrantApi,
]
