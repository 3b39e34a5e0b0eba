"""Payment messages over JSON: what leaves for the banks that keep our accounts, and whether it did."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import (
    DOCUMENT_BYTES_MAX,
    Allows,
    IdempotencyKey,
    Seen,
    SeenWithReason,
    answer,
    checked_key,
)
from service.gate import Gate
from service.kernel.actor import Actor
from service.settlement import queries
from service.settlement.ageing import Bucket
from service.settlement.board import board, penalties
from service.settlement.dispatching import RetryPayment, retry_payment
from service.settlement.lifecycle import PaymentState, PaymentStatusState
from service.settlement.statuses import (
    ClosePaymentStatus,
    ReceivePaymentStatus,
    close_payment_status,
    receive_payment_status,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class PaymentApi(Controller):
    """The messages that tell our banks to pay."""

    path = "/api/payments"
    tags = ("settlement",)

    @get(guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: Annotated[PaymentState | None, QueryParameter(name="state")] = None,
        trade: FromQuery[UUID | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List messages, newest first; ``remark`` says where none but our own check could be made."""
        return await queries.payments(reads, state_, trade, limit, cursor)

    @post("/{payment_id:uuid}/retry", guards=[Allows(Action.PAYMENT_RETRY)], status_code=200)
    async def retry(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        payment_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Have a message written anew that could not leave, or sent again as it is."""
        command = RetryPayment(payment_id=payment_id, version=data.version)
        return answer(await gate.perform(actor, retry_payment, command, key=checked_key(key)))


class PaymentStatusApi(Controller):
    """What our banks say of payments."""

    path = "/api/payment-statuses"
    tags = ("settlement",)

    @get(guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: Annotated[PaymentStatusState | None, QueryParameter(name="state")] = None,
        trade: FromQuery[UUID | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List what came in, newest first, with what came of it or why it waits."""
        return await queries.statuses(reads, state_, trade, limit, cursor)

    @post(guards=[Allows(Action.PAYMENT_STATUS_RECEIVE)], request_max_body_size=DOCUMENT_BYTES_MAX)
    async def receive(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ReceivePaymentStatus],
    ) -> Response[Any]:
        """Take a file in by hand; it closes nothing. ``content`` is base64 of at most ten megabytes."""
        return answer(await gate.perform(actor, receive_payment_status, data, key=checked_key(key)))

    @post("/{status_id:uuid}/closing", guards=[Allows(Action.PAYMENT_STATUS_CLOSE)], status_code=200)
    async def close(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        status_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Say what was done about something that waits."""
        command = ClosePaymentStatus(status_id=status_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, close_payment_status, command, key=checked_key(key)))


class BoardApi(Controller):
    """What is still to be paid, and what being late costs."""

    path = "/api"
    tags = ("settlement",)

    @get("/settlements/board", guards=[Allows(Action.SETTLEMENT_READ)])
    async def board(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        age: FromQuery[Bucket | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List open legs, the next cut-off first, each with its age, why it waits and who can act."""
        return await board(reads, actor, gate.policy, gate.clock.now(), age=age, cursor=cursor, limit=limit)

    @get("/penalties", guards=[Allows(Action.SETTLEMENT_READ)])
    async def penalties(
        self,
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List late legs with what each day costs by the penalty table, and the sum, rounded once (CSDR Art. 7(2))."""
        return await penalties(reads, gate.clock.now(), cursor=cursor, limit=limit)
