"""Deals over JSON: captured, corrected, asked about, read."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import BodyKwarg, FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, SeenWithReason, answer, checked_key, named_field
from service.gate import BATCH_MAX, Done, Gate, Request
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.errors import Malformed, Refusal
from service.kernel.problems import problem
from service.trades import queries
from service.trades.lifecycle import TradeState
from service.trades.use_cases import (
    CaptureTrade,
    CorrectedTerms,
    RequestCancellation,
    ResubmitTrade,
    capture_trades,
    request_cancellation,
    resubmit_trade,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[TradeState | None, QueryParameter(name="state")]
Batch = Annotated[
    list[dict[str, Any]],
    BodyKwarg(media_type=RequestEncodingType.JSON, min_items=1, max_items=BATCH_MAX),
]


class TradeApi(Controller):
    """Deals."""

    path = "/api/trades"
    tags = ("trades",)

    @post(guards=[Allows(Action.TRADE_CAPTURE)])
    async def capture(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[CaptureTrade],
    ) -> Response[Any]:
        """Enter a deal; number, time, trader and office are set by the service."""
        return answer(await gate.perform(actor, capture_trades, data, key=checked_key(key)))

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
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List deals in sight, newest first."""
        wanted = queries.Wanted(state_, portfolio, counterparty, trade_date, value_date)
        return await queries.trade_list(reads, actor, wanted, place_of(cursor), limit)

    @get("/{trade:uuid}", guards=[Allows(Action.TRADE_READ)])
    async def show(
        self, actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession], trade: FromPath[UUID]
    ) -> dict[str, Any]:
        """Show a deal with its versions, its requests and every office's state beside it."""
        return await queries.trade_view(reads, actor, trade)

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
        command = ResubmitTrade(trade_id=trade, **msgspec.structs.asdict(data))
        return answer(await gate.perform(actor, resubmit_trade, command, key=checked_key(key)))

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
        return await queries.transactions(reads, actor, place_of(cursor), limit)


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


def read_deal(body: dict[str, Any]) -> CaptureTrade | Malformed:
    """Return the deal, read as strictly as a body of its own, or why it cannot be read."""
    try:
        return msgspec.convert(body, CaptureTrade)
    except msgspec.ValidationError as failure:
        return Malformed(str(failure), field=named_field(str(failure)))


def as_item(outcome: Done | Refusal) -> dict[str, Any]:
    """Return an outcome as one item of a list: its status with the answer, or the problem."""
    if isinstance(outcome, Refusal):
        return problem(outcome)
    return {"status": outcome.status, **outcome.answer}


ROUTES = [TradeApi, PositionApi, TransactionApi]
