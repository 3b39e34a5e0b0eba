"""Deals over JSON: captured, corrected, asked about, read."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar import Request as Asking
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import BodyKwarg, FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import (
    Allows,
    IdempotencyKey,
    Seen,
    SeenWithReason,
    actor_of,
    answer,
    checked_key,
    named_field,
)
from service.gate import BATCH_MAX, Done, Gate, Request
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.errors import Malformed, Refusal
from service.kernel.problems import problem
from service.trades import queries
from service.trades.entering import UnknownCounterparty, broker_of, checked_terms, look_up, name_or_id
from service.trades.impact import foreseen
from service.trades.internal import (
    AcceptInternal,
    OfferInternal,
    accept_internal,
    internal_deals,
    offer_internal,
)
from service.trades.lifecycle import TradeState
from service.trades.looking import desk_of, look_at
from service.trades.model import Trade
from service.trades.tickets import (
    AmendedTerms,
    CaptureTrade,
    CorrectedTerms,
    Location,
    RequestAmendment,
    ResubmitTrade,
)
from service.trades.transactions import transactions
from service.trades.use_cases import (
    RequestCancellation,
    capture_trades,
    request_amendment,
    request_cancellation,
    resubmit_trade,
)

Past = Callable[[AsyncSession, UUID, str], Awaitable[dict[str, Any]]]
"""How a deal's past is told: by compliance, which alone reads the log."""

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[TradeState | None, QueryParameter(name="state")]
Batch = Annotated[
    list[dict[str, Any]],
    BodyKwarg(media_type=RequestEncodingType.JSON, min_items=1, max_items=BATCH_MAX),
]


class AcceptedFrom(Seen, frozen=True, forbid_unknown_fields=True):
    """The version of the offer seen, and where its acceptor is."""

    location: Location = "premises"


class TradeApi(Controller):
    """Deals."""

    path = "/api/trades"
    tags = ("trades",)

    @post(guards=[Allows(Action.TRADE_CAPTURE)])
    async def capture(
        self, request: Asking[Any, Any, Any], key: IdempotencyKey, data: JSONBody[CaptureTrade]
    ) -> Response[Any]:
        """Enter a deal; number, time, trader and office are set by the service."""
        gate: Gate = request.app.state.gate  # taken directly: dependencies are found in tasks of their own
        return answer(await gate.perform(actor_of(request), capture_trades, data, key=checked_key(key)))

    @post("/preview", guards=[Allows(Action.TRADE_CAPTURE)], status_code=200)
    async def preview(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        data: JSONBody[CaptureTrade],
        reads: NamedDependency[AsyncSession],
    ) -> dict[str, Any]:
        """Say of a deal what it would be: in words, the room it would take, its distance from the market. Enters nothing."""
        return await look_at(gate, actor, reads, data)

    @post("/batch", guards=[Allows(Action.TRADE_CAPTURE)], status_code=200)
    async def capture_batch(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: Batch,
    ) -> list[dict[str, Any]]:
        """Enter up to 128 deals, each like a deal of its own; one outcome each, in order."""
        return [as_item(one) for one in await capture_each(gate, actor, data, checked_key(key))]

    @get(guards=[Allows(Action.TRADE_READ)])
    async def index(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        portfolio: FromQuery[str | None] = None,
        counterparty: FromQuery[str | None] = None,
        trade_date: FromQuery[date | None] = None,
        value_date: FromQuery[date | None] = None,
        mark: FromQuery[str | None] = None,
        captured_by: FromQuery[str | None] = None,
        sort: FromQuery[queries.DealOrder] = queries.DealOrder.CAPTURED,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List deals in sight, newest first, or by ``sort`` the next to be paid first."""
        wanted = queries.Wanted(
            state_, portfolio, counterparty, trade_date, value_date, mark, captured_by, sort
        )
        return await queries.trade_list(reads, actor, wanted, place_of(cursor), limit)

    @get("/{trade:uuid}", guards=[Allows(Action.TRADE_READ)])
    async def show(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        past: NamedDependency[Past],
        trade: FromPath[UUID],
        as_of: Annotated[str | None, QueryParameter(max_length=40)] = None,
    ) -> dict[str, Any]:
        """Show a deal with its versions, its requests and every office's state beside it.

        ``as_of``, an instant with its zone: as it was then, told again from the log, for those who read the log.
        """
        return await (queries.trade_view(reads, actor, trade) if as_of is None else past(reads, trade, as_of))

    @get("/{trade:uuid}/timeline", guards=[Allows(Action.TRADE_READ)])
    async def timeline(
        self, actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession], trade: FromPath[UUID]
    ) -> list[dict[str, Any]]:
        """Show every act on a deal, oldest first; its index is null until the log has given one."""
        return await queries.timeline(reads, actor, trade)

    @post("/{trade:uuid}/resubmission", guards=[Allows(Action.TRADE_RESUBMIT)], status_code=200)
    async def resubmit(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[CorrectedTerms],
    ) -> Response[Any]:
        """Correct a deal that the back office returned."""
        command = about(trade, data, ResubmitTrade)
        return answer(await gate.perform(actor, resubmit_trade, command, key=checked_key(key)))

    @post("/{trade:uuid}/amendments", guards=[Allows(Action.AMENDMENT_REQUEST)])
    async def request_amendment(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[AmendedTerms],
        reads: NamedDependency[AsyncSession],
        preview: FromQuery[bool] = False,  # noqa: FBT002  # a query parameter
    ) -> Response[Any]:
        """Ask the back office to change a deal to the terms given; with ``preview`` only say what would follow."""
        if preview:
            return Response(await previewed(reads, gate, actor, trade, data), status_code=200)
        command = about(trade, data, RequestAmendment)
        return answer(await gate.perform(actor, request_amendment, command, key=checked_key(key)))

    @post("/{trade:uuid}/cancellations", guards=[Allows(Action.CANCELLATION_REQUEST)])
    async def request_cancellation(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Ask the back office to cancel a deal."""
        command = RequestCancellation(trade_id=trade, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, request_cancellation, command, key=checked_key(key)))


class InternalDealApi(Controller):
    """Deals between two books of the bank."""

    path = "/api/internal-deals"
    tags = ("trades",)

    @get(guards=[Allows(Action.TRADE_READ)])
    async def index(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List internal deals by the legs that offered them, newest first; a desk sees both sides of its own."""
        return await internal_deals(reads, actor, place_of(cursor), limit)

    @post(guards=[Allows(Action.INTERNAL_OFFER)])
    async def offer(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[OfferInternal],
    ) -> Response[Any]:
        """Enter the first leg and offer it to the owner of the other book."""
        return answer(await gate.perform(actor, offer_internal, data, key=checked_key(key)))

    @post("/{trade:uuid}/acceptance", guards=[Allows(Action.INTERNAL_ACCEPT)])
    async def accept(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[AcceptedFrom],
    ) -> Response[Any]:
        """Enter the second leg: the mirror of the first, in the other book."""
        command = AcceptInternal(trade_id=trade, version=data.version, location=data.location)
        return answer(await gate.perform(actor, accept_internal, command, key=checked_key(key)))


class PositionApi(Controller):
    """What the deals add up to."""

    path = "/api/positions"
    tags = ("trades",)

    @get(guards=[Allows(Action.POSITION_READ)])
    async def index(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        portfolio: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """List positions in sight per portfolio and currency; positive: we receive more than we pay."""
        return {"items": await queries.positions(reads, actor, portfolio)}


class TransactionApi(Controller):
    """Everything the front office entered."""

    path = "/api/transactions"
    tags = ("trades",)

    @get(guards=[Allows(Action.TRANSACTION_READ)])
    async def index(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List deals and requests in sight, newest first."""
        return await transactions(reads, actor, place_of(cursor), limit)


async def capture_each(
    gate: Gate, actor: Actor, bodies: Sequence[dict[str, Any]], key: str
) -> list[Done | Refusal]:
    """Enter what can be read; a body of the wrong shape is refused alone. Each has its own key under ``key``."""
    read = [read_deal(body) for body in bodies]
    requests = [
        Request(actor, deal, f"{key}:{number}")
        for number, deal in enumerate(read)
        if not isinstance(deal, Malformed)
    ]
    for deal in read:
        if isinstance(deal, Malformed):
            await gate.refuse(actor, Action.TRADE_CAPTURE, deal)
    done = iter(await gate.perform_many(capture_trades, requests) if requests else [])
    return [deal if isinstance(deal, Malformed) else next(done) for deal in read]


async def previewed(
    reads: AsyncSession, gate: Gate, actor: Actor, trade_id: UUID, ticket: Any
) -> dict[str, Any]:
    """Return what an amendment would change and what would follow; nothing is written. Raises NotFound."""
    await queries.trade_view(reads, actor, trade_id)
    trade = await reads.get_one(Trade, trade_id)
    at = await desk_of(reads, gate)
    found = await look_up(reads, [ticket], at)
    known = found.counterparties.get(name_or_id(ticket.counterparty))
    if known is None:
        raise UnknownCounterparty("No counterparty in force has this id or LEI.", field="counterparty")
    terms = checked_terms(ticket, known.id, trade.portfolio_id)
    return await foreseen(reads, trade, terms, at, broker_of(ticket, known, found), ticket.executed_at)


def about(trade: UUID, body: Any, command: Any) -> Any:
    """Return the command of this type that a body amounts to on a deal."""
    return msgspec.convert(msgspec.to_builtins(body) | {"trade_id": trade}, command)


def read_deal(body: dict[str, Any]) -> CaptureTrade | Malformed:
    """Return the deal, read as strictly as a body of its own, or why it cannot be read."""
    try:
        deal: CaptureTrade = msgspec.convert(body, CaptureTrade)
    except msgspec.ValidationError as failure:
        return Malformed(str(failure), field=named_field(str(failure)))
    return deal


def as_item(outcome: Done | Refusal) -> dict[str, Any]:
    """Return an outcome as one item of a list: its status with the answer, or the problem."""
    if isinstance(outcome, Refusal):
        return problem(outcome)
    return {"status": outcome.status, **outcome.answer}


ROUTES = [TradeApi, InternalDealApi, PositionApi, TransactionApi]
