"""The acts on what reaches the bank about its deals: taken in, joined to a deal, put aside, shown to trading."""

import base64
import binascii
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.confirmations.lifecycle import INBOUND, InboundState
from service.confirmations.model import (
    AlertReview,
    AllegedAnswer,
    AllegedDeal,
    Confirmation,
    ForwardedConfirmation,
    InboundMessage,
)
from service.confirmations.queries import inbound_view
from service.confirmations.receiving import Arrival, answer, held_for_answer, take_in
from service.gate import use_case
from service.kernel.errors import AlreadyExists, Malformed, NotFound, Refusal
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import LINE_PATTERN, Name, Reason
from service.trades.model import Trade
from service.work.model import WorkItem

ENCODED_MAX: Final = 14_000_000  # ten megabytes in base64
Sender = Annotated[str, msgspec.Meta(min_length=3, max_length=120, pattern=LINE_PATTERN)]
Encoded = Annotated[str, msgspec.Meta(min_length=4, max_length=ENCODED_MAX)]
Said = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
ALERTS: Final = (Item.EXAMINE_ALERT, Item.REVIEW_ALERT)


class NotBase64(Malformed):
    """400. A file's bytes come in base64."""


class NothingSaid(Refusal):
    """409. What could not be read, or came through trading, says nothing about a deal."""

    rule = "SET-05"


class SharedAlready(AlreadyExists):
    """409. Trading was shown this deal already."""


class CollectConfirmation(Command, frozen=True, kw_only=True):
    """A file of the back office's own inbox; ``sender``: whose folder it lay in.

    ``refused``: why the file was not taken in; then ``content`` says which one it was, and it lies held.
    """

    sender: Sender
    name: Name
    content: Encoded
    refused: Annotated[str, msgspec.Meta(max_length=300)] = ""


class ReceiveConfirmation(Command, frozen=True, kw_only=True):
    """A file that a clerk took in. ``through_trading``: the clerk has it from the desk, so it closes nothing."""

    sender: Sender
    name: Name
    content: Encoded
    through_trading: bool = False


class ForwardConfirmation(Command, frozen=True, kw_only=True):
    """What a trader passes on as the counterparty's word."""

    trade_id: UUID
    sender: Sender
    said: Said


class LinkInbound(Command, frozen=True, kw_only=True):
    """A clerk says which deal a message is about."""

    message_id: UUID
    version: int
    confirmation_id: UUID
    reason: Reason


class DismissInbound(Command, frozen=True, kw_only=True):
    """Another clerk puts a message aside that belongs to no deal."""

    message_id: UUID
    version: int
    reason: Reason


class ShareInbound(Command, frozen=True, kw_only=True):
    """The back office has looked into an alleged deal and asks trading."""

    message_id: UUID
    version: int
    reason: Reason


class AnswerAlleged(Command, frozen=True, kw_only=True):
    """What trading says of it."""

    alleged_id: UUID
    known: bool
    said: Reason


class ReviewAlert(Command, frozen=True, kw_only=True):
    """What was found behind an alert."""

    item_id: UUID
    finding: Reason


def bytes_of(content: str) -> bytes:
    """Return the bytes of a file. Raises NotBase64."""
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise NotBase64("The file's bytes are not in base64.", field="content") from None


@use_case(Action.CONFIRMATION_COLLECT)
async def collect_confirmation(attempt: Attempt, command: CollectConfirmation) -> Changed:
    """Take in a file of the own inbox; crash before the file is moved: it is found here again (SET-05)."""
    content = bytes_of(command.content)
    arrival = Arrival("inbox", command.sender, command.name, content, command.refused)
    message = await take_in(attempt, arrival)
    await attempt.session.flush()
    return Changed(inbound_view(message), 201)


@use_case(Action.CONFIRMATION_RECEIVE)
async def receive_confirmation(attempt: Attempt, command: ReceiveConfirmation) -> Changed:
    """Take in a file by hand; one that came through trading is marked and closes nothing (SET-05)."""
    await attempt.admit()
    source = "trading" if command.through_trading else "upload"
    message = await take_in(attempt, Arrival(source, command.sender, command.name, bytes_of(command.content)))
    await attempt.session.flush()
    return Changed(inbound_view(message), 201)


@use_case(Action.CONFIRMATION_FORWARD)
async def forward_confirmation(attempt: Attempt, command: ForwardConfirmation) -> Changed:
    """Keep what a trader passed on, and have others look at it; the deal stays as open as it was (SET-05, A-09)."""
    trade = await attempt.session.scalar(select(Trade).where(Trade.id == command.trade_id))
    if trade is None:
        raise NotFound("trade")
    attempt.concerns(trade.id)
    row = attempt.add(
        ForwardedConfirmation(
            id=uuid7(),
            trade_id=trade.id,
            said_sender=command.sender,
            said=command.said,
            forwarded_by=attempt.actor.account,
            forwarded_at=attempt.now,
        )
    )
    for item in ALERTS:
        attempt.open_item(item, row, trade_id=trade.id, reason="indirect")
    return Changed({"id": str(row.id), "trade": str(trade.id), "state": "indirect"}, 201)


@use_case(Action.INBOUND_LINK)
async def link_inbound(attempt: Attempt, command: LinkInbound) -> Changed:
    """Join a message to the confirmation it answers; what the two say is matched at once, break by break."""
    message = await locked(attempt, InboundMessage, command.message_id, seen=command.version, what="message")
    state = INBOUND.after(InboundState(message.state), attempt.action)
    if message.fields is None or message.counterparty_id is None:
        await attempt.admit()
        raise NothingSaid("What could not be read says nothing about a deal; have it sent again.")
    if await attempt.session.get(Confirmation, command.confirmation_id) is None:
        raise NotFound("confirmation")
    confirmation = await held_for_answer(attempt, command.confirmation_id)
    if confirmation.ours["their_lei"] != message.fields.get("their_lei"):
        raise NothingSaid(
            "This message is another counterparty's; it says nothing about this deal.", rule="SET-05"
        )
    attempt.change(message, state=state.value, confirmation_id=confirmation.id, reason=command.reason)
    await answer(attempt, message, confirmation, frozenset())
    for item in (Item.EXAMINE_MESSAGE, Item.EXAMINE_ALLEGED):
        attempt.close_item(item, message.id)
    await attempt.session.flush()
    return Changed(inbound_view(message))


@use_case(Action.INBOUND_DISMISS)
async def dismiss_inbound(attempt: Attempt, command: DismissInbound) -> Changed:
    """Put a message aside; whoever took it in or asked trading about it may not (D-08)."""
    message = await locked(attempt, InboundMessage, command.message_id, seen=command.version, what="message")
    await attempt.admit(related=[(InboundMessage.__tablename__, message.id)])
    state = INBOUND.after(InboundState(message.state), attempt.action)
    attempt.change(message, state=state.value, reason=command.reason)
    for item in (Item.EXAMINE_MESSAGE, Item.EXAMINE_ALLEGED):
        attempt.close_item(item, message.id)
    await attempt.session.flush()
    return Changed(inbound_view(message))


@use_case(Action.INBOUND_SHARE)
async def share_inbound(attempt: Attempt, command: ShareInbound) -> Changed:
    """Show an alleged deal to trading; before this act it knows nothing of it."""
    message = await locked(attempt, InboundMessage, command.message_id, seen=command.version, what="message")
    await attempt.admit(related=[(InboundMessage.__tablename__, message.id)])
    INBOUND.after(InboundState(message.state), attempt.action)
    shared = select(AllegedDeal.id).where(AllegedDeal.inbound_id == message.id)
    if await attempt.session.scalar(shared) is not None:
        raise SharedAlready("Trading was asked about this deal already.")
    assert message.counterparty_id is not None, "an alleged deal has a counterparty"
    assert message.fields is not None, "an alleged deal was read"
    attempt.change(message, reason=command.reason)
    deal = attempt.add(
        AllegedDeal(
            id=uuid7(),
            inbound_id=message.id,
            counterparty_id=message.counterparty_id,
            fields=message.fields,
            shared_at=attempt.now,
        )
    )
    attempt.close_item(Item.EXAMINE_ALLEGED, message.id)
    attempt.open_item(Item.ANSWER_ALLEGED, deal, reason="alleged")
    await attempt.session.flush()
    return Changed(inbound_view(message) | {"alleged": str(deal.id)})


@use_case(Action.ALLEGED_ANSWER)
async def answer_alleged(attempt: Attempt, command: AnswerAlleged) -> Changed:
    """Say what the desk knows; it is a claim, and the back office goes on with it (SET-22)."""
    deal = await attempt.session.get(AllegedDeal, command.alleged_id)
    if deal is None:
        raise NotFound("alleged deal")
    row = attempt.add(
        AllegedAnswer(
            id=uuid7(),
            alleged_id=deal.id,
            known=command.known,
            said=command.said,
            answered_by=attempt.actor.account,
            answered_at=attempt.now,
        )
    )
    attempt.close_item(Item.ANSWER_ALLEGED, deal.id)
    attempt.open_item_about(
        Item.EXAMINE_ALLEGED, InboundMessage.__tablename__, deal.inbound_id, reason="answered"
    )
    return Changed({"id": str(row.id), "alleged": str(deal.id), "known": command.known}, 201)


@use_case(Action.ALERT_REVIEW)
async def review_alert(attempt: Attempt, command: ReviewAlert) -> Changed:
    """Say what is behind an alert; whoever dealt may not, and trading cannot (SET-05, SET-10)."""
    item = await attempt.session.scalar(
        select(WorkItem).where(
            WorkItem.id == command.item_id,
            WorkItem.office == attempt.actor.office.value,
            WorkItem.kind.in_([kind.value for kind in ALERTS]),
            WorkItem.closed_entry_id.is_(None),
        )
    )
    if item is None:
        raise NotFound("alert")
    if item.trade_id is not None:
        attempt.concerns(item.trade_id)
    await attempt.admit(item.trade_id)
    row = attempt.add(
        AlertReview(
            id=uuid7(),
            item_id=item.id,
            office=attempt.actor.office.value,
            alert=item.reason or item.kind,
            finding=command.finding,
            reviewed_by=attempt.actor.account,
            reviewed_at=attempt.now,
        )
    )
    attempt.close_item(Item(item.kind), item.subject_id)
    return Changed({"id": str(row.id), "alert": row.alert, "finding": row.finding}, 201)
