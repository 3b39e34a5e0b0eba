"""Confirmations over JSON: sent, answered, matched, read."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.confirmations import clusters, queries
from service.confirmations.deadlines import AgeOpen
from service.confirmations.inbound import (
    AnswerAlleged,
    DismissInbound,
    ForwardConfirmation,
    LinkInbound,
    ReceiveConfirmation,
    ReviewAlert,
    Said,
    Sender,
    ShareInbound,
    answer_alleged,
    dismiss_inbound,
    forward_confirmation,
    link_inbound,
    receive_confirmation,
    review_alert,
    share_inbound,
)
from service.confirmations.lifecycle import ConfirmationState, InboundState
from service.confirmations.papers_api import ManualApi, PapersApi
from service.confirmations.sending import RetryTransmission, retry_transmission
from service.confirmations.use_cases import (
    DispatchConfirmation,
    Fields,
    MatchConfirmation,
    RecordCounter,
    RedraftConfirmation,
    dispatch_confirmation,
    match_confirmation,
    record_counter,
    redraft_confirmation,
)
from service.confirmations.verifying import (
    ApproveSubstitute,
    ProposeSubstitute,
    RefuseSubstitute,
    Way,
    approve_substitute,
    propose_substitute,
    refuse_substitute,
)
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.paging import Order
from service.kernel.texts import Name, Reason

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class CounterSide(Seen, frozen=True, forbid_unknown_fields=True):
    """What the counterparty says, in our fields and from our point of view."""

    fields: Fields


class Otherwise(Seen, frozen=True, forbid_unknown_fields=True):
    """How a deal was verified in another way."""

    way: Way
    contact: Name
    said: Annotated[str, msgspec.Meta(min_length=10, max_length=500)]


class Belongs(SeenWithReason, frozen=True, forbid_unknown_fields=True):
    """The confirmation that a message answers, and why."""

    confirmation: UUID


class PassedOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody sent to the desk."""

    sender: Sender
    said: Said


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the desk says of an alleged deal."""

    known: bool
    said: Reason


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is behind an alert."""

    finding: Reason


class ConfirmationApi(Controller):
    """What we say about a deal, and what the counterparty says."""

    path = "/api/confirmations"
    tags = ("confirmations",)

    @get(guards=[Allows(Action.CONFIRMATION_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: Annotated[ConfirmationState | None, QueryParameter(name="state")] = None,
        trade: FromQuery[UUID | None] = None,
        sort: FromQuery[Order] = Order.OLDEST,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List confirmations, oldest first or newest first, from behind the cursor."""
        return await queries.confirmations(reads, state_, trade, limit, cursor, sort)

    @get("/{confirmation_id:uuid}", guards=[Allows(Action.CONFIRMATION_READ)])
    async def show(
        self, reads: NamedDependency[AsyncSession], confirmation_id: FromPath[UUID]
    ) -> dict[str, Any]:
        """Show both sides and the breaks between them."""
        return await queries.confirmation_view(reads, confirmation_id)

    @post("/{confirmation_id:uuid}/dispatch", guards=[Allows(Action.CONFIRMATION_DISPATCH)], status_code=200)
    async def dispatch(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Send our side."""
        command = DispatchConfirmation(confirmation_id=confirmation_id, version=data.version)
        return answer(await gate.perform(actor, dispatch_confirmation, command, key=checked_key(key)))

    @post("/{confirmation_id:uuid}/counter", guards=[Allows(Action.CONFIRMATION_COUNTER)], status_code=200)
    async def counter(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[CounterSide],
    ) -> Response[Any]:
        """Record their side, field by field and from our point of view.

        The fields are those of `ours`: `our_lei`, `their_lei`, `trade_date`, `value_date`, `buy_currency`,
        `buy_amount`, `sell_currency`, `sell_amount`, `rate`, `reference`. `buy` is what *we* receive: where the
        counterparty's message says that they sell EUR to us, `buy_currency` is EUR. A later record replaces
        an earlier one; the log keeps both.
        """
        command = RecordCounter(confirmation_id=confirmation_id, version=data.version, fields=data.fields)
        return answer(await gate.perform(actor, record_counter, command, key=checked_key(key)))

    @post("/{confirmation_id:uuid}/match", guards=[Allows(Action.CONFIRMATION_MATCH)], status_code=200)
    async def match(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Compare both sides; the answer is `matched`, or `mismatched` with every break."""
        command = MatchConfirmation(confirmation_id=confirmation_id, version=data.version)
        return answer(await gate.perform(actor, match_confirmation, command, key=checked_key(key)))

    @post("/{confirmation_id:uuid}/redraft", guards=[Allows(Action.CONFIRMATION_REDRAFT)])
    async def redraft(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Have the draft made anew; the answer is the new one."""
        command = RedraftConfirmation(
            confirmation_id=confirmation_id, version=data.version, reason=data.reason
        )
        return answer(await gate.perform(actor, redraft_confirmation, command, key=checked_key(key)))

    @get("/unconfirmed", guards=[Allows(Action.CONFIRMATION_READ)])
    async def unconfirmed(
        self,
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        *,
        over_days: FromQuery[bool] = False,
        age: FromQuery[AgeOpen | None] = None,
        limit: Limit = 200,
    ) -> dict[str, Any]:
        """List deals not agreed yet, the oldest first; `over_days`: open for more than five business days."""
        today = await queries.business_date(reads, gate.clock.now().date())
        found = await queries.unconfirmed(reads, today, over_days=over_days, age=age, limit=limit)
        return {"as_of": today.isoformat(), "items": found}

    @get("/corrections", guards=[Allows(Action.CONFIRMATION_READ)])
    async def corrections(self, reads: NamedDependency[AsyncSession]) -> dict[str, Any]:
        """Report who changes and cancels how much: per trader, book and counterparty."""
        return await clusters.corrections(reads)

    @get("/{confirmation_id:uuid}/transmissions", guards=[Allows(Action.CONFIRMATION_READ)])
    async def transmissions(
        self, reads: NamedDependency[AsyncSession], confirmation_id: FromPath[UUID]
    ) -> dict[str, Any]:
        """List our messages about it with the proof that they went."""
        return {"items": await queries.transmissions(reads, confirmation_id)}

    @get("/{confirmation_id:uuid}/substitutes", guards=[Allows(Action.CONFIRMATION_READ)])
    async def substitutes(
        self, reads: NamedDependency[AsyncSession], confirmation_id: FromPath[UUID]
    ) -> dict[str, Any]:
        """List how the deal was verified in another way."""
        return {"items": await queries.substitutes(reads, confirmation_id)}

    @post("/{confirmation_id:uuid}/substitutes", guards=[Allows(Action.SUBSTITUTE_PROPOSE)])
    async def substitute(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[Otherwise],
    ) -> Response[Any]:
        """Say how the deal was verified in another way."""
        command = ProposeSubstitute(
            confirmation_id=confirmation_id,
            version=data.version,
            way=data.way,
            contact=data.contact,
            said=data.said,
        )
        return answer(await gate.perform(actor, propose_substitute, command, key=checked_key(key)))

    @get("/inbound", guards=[Allows(Action.CONFIRMATION_READ)])
    async def inbound(
        self,
        reads: NamedDependency[AsyncSession],
        state_: Annotated[InboundState | None, QueryParameter(name="state")] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List what reached the back office, oldest first, from behind the cursor."""
        return await queries.inbound(reads, state_, limit, cursor)

    @post("/inbound", guards=[Allows(Action.CONFIRMATION_RECEIVE)])
    async def receive(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ReceiveConfirmation],
    ) -> Response[Any]:
        """Take in a file by hand; `content` is base64."""
        return answer(await gate.perform(actor, receive_confirmation, data, key=checked_key(key)))


class InboundApi(Controller):
    """What is done about messages that wait for a person."""

    path = "/api/inbound"
    tags = ("confirmations",)

    @post("/{message_id:uuid}/link", guards=[Allows(Action.INBOUND_LINK)], status_code=200)
    async def link(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        message_id: FromPath[UUID],
        data: JSONBody[Belongs],
    ) -> Response[Any]:
        """Say which confirmation it answers."""
        command = LinkInbound(
            message_id=message_id,
            version=data.version,
            confirmation_id=data.confirmation,
            reason=data.reason,
        )
        return answer(await gate.perform(actor, link_inbound, command, key=checked_key(key)))

    @post("/{message_id:uuid}/dismissal", guards=[Allows(Action.INBOUND_DISMISS)], status_code=200)
    async def dismiss(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        message_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Put it aside."""
        command = DismissInbound(message_id=message_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, dismiss_inbound, command, key=checked_key(key)))

    @post("/{message_id:uuid}/share", guards=[Allows(Action.INBOUND_SHARE)], status_code=200)
    async def share(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        message_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Ask trading about an alleged deal."""
        command = ShareInbound(message_id=message_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, share_inbound, command, key=checked_key(key)))


class SubstituteApi(Controller):
    """A second person's word on a verification in another way."""

    path = "/api/substitutes"
    tags = ("confirmations",)

    @post("/{substitute_id:uuid}/approval", guards=[Allows(Action.SUBSTITUTE_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        substitute_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Agree that the deal stands."""
        command = ApproveSubstitute(substitute_id=substitute_id, version=data.version)
        return answer(await gate.perform(actor, approve_substitute, command, key=checked_key(key)))

    @post("/{substitute_id:uuid}/refusal", guards=[Allows(Action.SUBSTITUTE_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        substitute_id: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """See no proof in it."""
        command = RefuseSubstitute(substitute_id=substitute_id, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_substitute, command, key=checked_key(key)))


class TransmissionApi(Controller):
    """Our messages that could not be delivered."""

    path = "/api/transmissions"
    tags = ("confirmations",)

    @post("/{transmission_id:uuid}/retry", guards=[Allows(Action.TRANSMISSION_RETRY)], status_code=200)
    async def retry(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        transmission_id: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Send it again, to the address now in force."""
        command = RetryTransmission(transmission_id=transmission_id, version=data.version)
        return answer(await gate.perform(actor, retry_transmission, command, key=checked_key(key)))


class ForwardedApi(Controller):
    """What trading passes on, and what it says of alleged deals."""

    tags = ("confirmations",)

    @post("/api/trades/{trade:uuid}/forwarded-confirmations", guards=[Allows(Action.CONFIRMATION_FORWARD)])
    async def forward(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[PassedOn],
    ) -> Response[Any]:
        """Pass on what a counterparty sent to the desk; the deal stays unconfirmed."""
        command = ForwardConfirmation(trade_id=trade, sender=data.sender, said=data.said)
        return answer(await gate.perform(actor, forward_confirmation, command, key=checked_key(key)))

    @get("/api/alleged-deals", guards=[Allows(Action.ALLEGED_READ)])
    async def alleged(self, reads: NamedDependency[AsyncSession], limit: Limit = 50) -> dict[str, Any]:
        """List the deals that the back office asked trading about, newest first."""
        return {"items": await queries.alleged_deals(reads, limit)}

    @post("/api/alleged-deals/{alleged:uuid}/answer", guards=[Allows(Action.ALLEGED_ANSWER)])
    async def answer(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        alleged: FromPath[UUID],
        data: JSONBody[Claim],
    ) -> Response[Any]:
        """Say what the desk knows of it."""
        command = AnswerAlleged(alleged_id=alleged, known=data.known, said=data.said)
        return answer(await gate.perform(actor, answer_alleged, command, key=checked_key(key)))


class AlertApi(Controller):
    """Alerts about confirmations, and what was found behind them."""

    path = "/api/alerts"
    tags = ("confirmations",)

    @post("/{item_id:uuid}/review", guards=[Allows(Action.ALERT_REVIEW)])
    async def review(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        item_id: FromPath[UUID],
        data: JSONBody[Found],
    ) -> Response[Any]:
        """Say what is behind an alert, named by its work item."""
        command = ReviewAlert(item_id=item_id, finding=data.finding)
        return answer(await gate.perform(actor, review_alert, command, key=checked_key(key)))


ROUTES = [
    ConfirmationApi,
    InboundApi,
    SubstituteApi,
    TransmissionApi,
    ForwardedApi,
    AlertApi,
    ManualApi,
    PapersApi,
]
