"""Transfers over JSON: asked for, prepared, judged, signed or refused, read."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.transfers import queries
from service.transfers.lifecycle import TransferState
from service.transfers.use_cases import (
    BookTransfer,
    PrepareTransfer,
    RefuseTransfer,
    ReleaseTransfer,
    RequestTransfer,
    ReviewTransfer,
    book_transfer,
    prepare_transfer,
    refuse_transfer,
    release_transfer,
    request_transfer,
    review_transfer,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[TransferState | None, QueryParameter(name="state")]


class Verdict(SeenWithReason, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version seen, the verdict and its reason."""

    verdict: Literal["accept", "reject"]


class TransferApi(Controller):
    """Moving the bank's own cash."""

    path = "/api/transfers"
    tags = ("transfers",)

    @get(guards=[Allows(Action.TRANSFER_READ)])
    async def index(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List transfers in sight, newest first."""
        return await queries.transfer_list(reads, actor, state_, place_of(cursor), limit)

    @get("/{transfer:uuid}", guards=[Allows(Action.TRANSFER_READ)])
    async def show(
        self, actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession], transfer: FromPath[UUID]
    ) -> dict[str, Any]:
        """Show a transfer with the need found, the reviews and the signatures."""
        return await queries.transfer_seen(reads, actor, transfer)

    @post(guards=[Allows(Action.TRANSFER_REQUEST)])
    async def request(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[RequestTransfer],
    ) -> Response[Any]:
        """Ask for cash to be moved between own accounts, or paid as margin, deal by deal."""
        return answer(await gate.perform(actor, request_transfer, data, key=checked_key(key)))

    @post("/{transfer:uuid}/preparation", guards=[Allows(Action.TRANSFER_PREPARE)], status_code=200)
    async def prepare(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        transfer: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Hold the request against what the booked deals need."""
        command = PrepareTransfer(transfer_id=transfer, version=data.version)
        return answer(await gate.perform(actor, prepare_transfer, command, key=checked_key(key)))

    @post("/{transfer:uuid}/refusal", guards=[Allows(Action.TRANSFER_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        transfer: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn a transfer down."""
        command = RefuseTransfer(transfer_id=transfer, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_transfer, command, key=checked_key(key)))

    @post("/{transfer:uuid}/review", guards=[Allows(Action.TRANSFER_REVIEW)], status_code=200)
    async def review(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        transfer: FromPath[UUID],
        data: JSONBody[Verdict],
    ) -> Response[Any]:
        """Judge a transfer that was held."""
        command = ReviewTransfer(
            transfer_id=transfer, version=data.version, verdict=data.verdict, reason=data.reason
        )
        return answer(await gate.perform(actor, review_transfer, command, key=checked_key(key)))

    @post("/{transfer:uuid}/release", guards=[Allows(Action.TRANSFER_RELEASE)], status_code=200)
    async def release(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        transfer: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Sign a transfer; the second person's signature releases it."""
        command = ReleaseTransfer(transfer_id=transfer, version=data.version)
        return answer(await gate.perform(actor, release_transfer, command, key=checked_key(key)))

    @post("/{transfer:uuid}/posting", guards=[Allows(Action.TRANSFER_BOOK)])
    async def book(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        transfer: FromPath[UUID],
    ) -> Response[Any]:
        """Book a transfer that two people signed, where its automatic posting did not."""
        return answer(
            await gate.perform(actor, book_transfer, BookTransfer(transfer_id=transfer), key=checked_key(key))
        )


ROUTES = [TransferApi]
