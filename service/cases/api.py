"""Cases over JSON: opened, noted in, handed on, decided, signed or returned, heard of."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.cases import queries
from service.cases.lifecycle import CaseOutcome, CaseState, NoteKind
from service.cases.use_cases import (
    AcknowledgeCase,
    AssignCase,
    CloseCase,
    DecideCase,
    NoteInCase,
    OpenCase,
    ReturnCase,
    acknowledge_case,
    assign_case,
    close_case,
    decide_case,
    note_in_case,
    open_case,
    return_case,
)
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Reason

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[CaseState | None, QueryParameter(name="state")]


class Noted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A note, a claim, or evidence with where it is."""

    kind: NoteKind
    note: Reason
    entry: UUID | None = None
    document: UUID | None = None


class Assigned(Seen, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version seen, and who leads the case from here on."""

    account: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Decided(SeenWithReason, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version seen, what the case came to, and why."""

    outcome: CaseOutcome


class CaseApi(Controller):
    """Irregularities looked into apart from trading."""

    path = "/api/cases"
    tags = ("cases",)

    @get(guards=[Allows(Action.CASE_READ)])
    async def index(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        trade: FromQuery[UUID | None] = None,
        person: FromQuery[UUID | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the cases in sight, newest first."""
        return await queries.cases(
            reads, actor, state=state_, trade=trade, person=person, cursor=cursor, limit=limit
        )

    @get("/{case:uuid}", guards=[Allows(Action.CASE_READ)])
    async def show(
        self, actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession], case: FromPath[UUID]
    ) -> dict[str, Any]:
        """Show a case with everything noted in it."""
        return await queries.case(reads, actor, case)

    @post(guards=[Allows(Action.CASE_OPEN)])
    async def open(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[OpenCase],
    ) -> Response[Any]:
        """Begin to look into something."""
        return answer(await gate.perform(actor, open_case, data, key=checked_key(key)))

    @post("/{case:uuid}/notes", guards=[Allows(Action.CASE_NOTE)])
    async def note(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        case: FromPath[UUID],
        data: JSONBody[Noted],
    ) -> Response[Any]:
        """Keep something in a case."""
        command = NoteInCase(
            case=case, kind=data.kind, note=data.note, entry=data.entry, document=data.document
        )
        return answer(await gate.perform(actor, note_in_case, command, key=checked_key(key)))

    @post("/{case:uuid}/owner", guards=[Allows(Action.CASE_ASSIGN)], status_code=200)
    async def assign(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        case: FromPath[UUID],
        data: JSONBody[Assigned],
    ) -> Response[Any]:
        """Hand a case to a colleague."""
        command = AssignCase(case=case, version=data.version, account=data.account)
        return answer(await gate.perform(actor, assign_case, command, key=checked_key(key)))

    @post("/{case:uuid}/decision", guards=[Allows(Action.CASE_DECIDE)], status_code=200)
    async def decide(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        case: FromPath[UUID],
        data: JSONBody[Decided],
    ) -> Response[Any]:
        """Say what a case came to."""
        command = DecideCase(case=case, version=data.version, outcome=data.outcome, reason=data.reason)
        return answer(await gate.perform(actor, decide_case, command, key=checked_key(key)))

    @post("/{case:uuid}/closing", guards=[Allows(Action.CASE_CLOSE)], status_code=200)
    async def close(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        case: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Sign the decision as the second person."""
        command = CloseCase(case=case, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, close_case, command, key=checked_key(key)))

    @post("/{case:uuid}/return", guards=[Allows(Action.CASE_RETURN)], status_code=200)
    async def send_back(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        case: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Send the decision back."""
        command = ReturnCase(case=case, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, return_case, command, key=checked_key(key)))

    @post("/{case:uuid}/receipt", guards=[Allows(Action.CASE_ACKNOWLEDGE)])
    async def acknowledge(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        case: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Take notice of a suspicion as internal audit."""
        command = AcknowledgeCase(case=case, version=data.version)
        return answer(await gate.perform(actor, acknowledge_case, command, key=checked_key(key)))


ROUTES = [CaseApi]
