"""Our messages on their way: written from the deal, released by a person, sent by the office's own account.

Exactly once: a message has one name for ever. That a try begins is an entry before the first byte leaves, and
whoever dies between sending and recording sends the same bytes under the same name again: a folder keeps one
file of that name, and a mailbox two mails with one identifier.
"""

from datetime import date
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.confirmations import writing
from service.confirmations.lifecycle import TRANSMISSION, TransmissionState
from service.confirmations.matching import BROKER
from service.confirmations.model import Confirmation, Transmission
from service.confirmations.queries import transmission_view
from service.confirmations.told import confirmed_terms
from service.documents.filing import file_document
from service.documents.kinds import DocumentKind
from service.gate import use_case
from service.kernel.errors import Refusal
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.retention import Retention
from service.messages.terms import ConfirmedTerms, PartyId, SettlementAccount, Unwritable
from service.parties.model import ConfirmationChannel, Counterparty
from service.parties.queries import channel_for, instruction_for
from service.trades.deals.deal import Terms, cash_flows
from service.trades.versions import terms_of

TRIES_MAX: Final = 5
FAILURE_CHARACTERS_MAX: Final = 300
VOID: Final = "-C"
"""How the reference of a message that takes another one back ends."""
Proof = dict[str, str]
Told = Annotated[str, msgspec.Meta(min_length=1, max_length=FAILURE_CHARACTERS_MAX)]


class NoChannel(Refusal):
    """409. Master data must say first how deals are confirmed with this counterparty."""

    rule = "SET-05"

    def __init__(self) -> None:
        super().__init__("No confirmation channel is in force for this counterparty; master data enters one.")


class BeginTransmission(Command, frozen=True, kw_only=True):
    """A try begins; nothing has left yet."""

    transmission_id: UUID
    version: int


class CompleteTransmission(Command, frozen=True, kw_only=True):
    """The message went: what the folder or the mail server answered. ``repeated``: it had gone before."""

    transmission_id: UUID
    version: int
    proof: Proof
    repeated: bool = False


class FailTransmission(Command, frozen=True, kw_only=True):
    """This try did not get through."""

    transmission_id: UUID
    version: int
    failure: Told


class RetryTransmission(Command, frozen=True, kw_only=True):
    """Somebody looked at what went wrong: send it again, to the address now in force."""

    transmission_id: UUID
    version: int


async def must_have_channel(attempt: Attempt, counterparty_id: UUID) -> ConfirmationChannel:
    """Return how deals are confirmed with a counterparty. Raises NoChannel."""
    channel = await channel_for(attempt.session, counterparty_id)
    if channel is None:
        raise NoChannel
    return channel


async def terms_to_say(
    attempt: Attempt,
    confirmation: Confirmation,
    terms: Terms,
    counterparty: Counterparty,
    previous: str | None,
    *,
    void: bool = False,
    short: bool = False,
) -> ConfirmedTerms:
    """Return what our message says: the terms, who both sides are, and where each wants its money.

    ``short``: the essential data ahead of the contract that the counterparty drafts (SET-08).
    """
    reference = str(confirmation.ours["reference"])
    own = await attempt.session.scalar(select(Counterparty).where(Counterparty.own))
    us = PartyId(
        lei=attempt.entity_lei, bic=None if own is None else own.bic, name=None if own is None else own.name
    )
    them = PartyId(lei=counterparty.lei, bic=counterparty.bic, name=counterparty.name)
    received = next(flow.currency for flow in cash_flows(terms) if flow.amount > 0)
    paid = next(flow.currency for flow in cash_flows(terms) if flow.amount < 0)
    return confirmed_terms(
        terms,
        us=us,
        them=them,
        reference=f"{reference}{VOID}" if void else reference,
        previous=previous,
        void=void,
        our_account=None if own is None else await _account(attempt, own.id, received),
        their_account=await _account(attempt, counterparty.id, paid),
        clause=str(confirmation.ours.get("off_market_clause", "")),
        short=short,
        broker=await _broker(attempt, str(confirmation.ours.get(BROKER, ""))),
    )


async def _broker(attempt: Attempt, lei: str) -> PartyId | None:
    found = await attempt.session.scalar(select(Counterparty).where(Counterparty.lei == lei)) if lei else None
    return None if found is None else PartyId(lei=found.lei, bic=found.bic, name=found.name)


async def _account(attempt: Attempt, party_id: UUID, currency: str) -> SettlementAccount | None:
    route = await instruction_for(attempt.session, party_id, currency)
    return None if route is None else SettlementAccount(bic=route.bic, account=route.account_number)


async def queue_confirmation(
    attempt: Attempt,
    confirmation: Confirmation,
    terms: Terms,
    counterparty: Counterparty,
    channel: ConfirmationChannel,
) -> Transmission:
    """Write our message in the counterparty's format, file it, and hand it to the office's own account.

    Where an earlier one of this deal has left for the same counterparty, this one amends it by its reference;
    one that left for another counterparty is void.
    """
    former, previous = await last_word(attempt, confirmation.trade_id), None
    if former is not None and former.ours["their_lei"] == counterparty.lei:
        previous = str(former.ours["reference"])
    elif former is not None:
        await take_back(attempt, confirmation.trade_id)
    short = channel.long_form
    said = await terms_to_say(attempt, confirmation, terms, counterparty, previous, short=short)
    written = writing.written(said, channel.format, channel.language, attempt.now)
    return await queue(attempt, confirmation, channel, written, purpose="confirmation", step=0)


async def take_back(attempt: Attempt, trade_id: UUID) -> None:
    """Tell the counterparty that our last word on a deal is void, if one has left (SET-19)."""
    former = await last_word(attempt, trade_id)
    if former is None:
        return
    terms = await terms_of(attempt.session, trade_id, former.version)
    counterparty = await attempt.session.get_one(Counterparty, terms.counterparty_id)
    channel = await must_have_channel(attempt, counterparty.id)
    previous = str(former.ours["reference"])
    said = await terms_to_say(attempt, former, terms, counterparty, previous, void=True)
    try:
        written = writing.written(said, channel.format, channel.language, attempt.now)
    except Unwritable:  # a letter has a place for everything
        written = writing.written(said, "letter", channel.language, attempt.now)
    await queue(attempt, former, channel, written, purpose="cancellation", step=0)


async def last_word(attempt: Attempt, trade_id: UUID) -> Confirmation | None:
    """Return the confirmation of a deal that left last and was not taken back, or None."""
    voided = aliased(Transmission)
    found: Confirmation | None = await attempt.session.scalar(
        select(Confirmation)
        .join(Transmission, Transmission.confirmation_id == Confirmation.id)
        .where(
            Confirmation.trade_id == trade_id,
            Transmission.purpose == "confirmation",
            Transmission.state.in_([TransmissionState.UNDER_WAY.value, TransmissionState.DELIVERED.value]),
            ~exists().where(voided.confirmation_id == Confirmation.id, voided.purpose == "cancellation"),
        )
        .order_by(Transmission.id.desc())
        .limit(1)
    )
    return found


async def queue(
    attempt: Attempt,
    confirmation: Confirmation,
    channel: ConfirmationChannel,
    written: writing.Written,
    *,
    purpose: str,
    step: int,
) -> Transmission:
    """File what will be sent, and open the item of whoever sends it; once per confirmation, purpose and step."""
    row_id = uuid7()
    key = f"{purpose}-{row_id}.{written.suffix}"
    document = await file_document(
        attempt,
        kind=DocumentKind.LETTER if purpose == "chaser" else DocumentKind.CONFIRMATION_OUT,
        content=written.content,
        media_type=written.media_type,
        name=key,
        retention=Retention.LETTERS,
        subject=(Transmission.__tablename__, row_id),
        trade_id=confirmation.trade_id,
        origin=channel.medium,
    )
    transmission = attempt.add(
        Transmission(
            id=row_id,
            confirmation_id=confirmation.id,
            trade_id=confirmation.trade_id,
            purpose=purpose,
            step=step,
            format=written.format,
            document_id=document.id,
            sha256=document.sha256,
            message_key=key,
            channel_id=channel.id,
            state=TransmissionState.QUEUED.value,
            tries=0,
        )
    )
    attempt.open_item(
        Item.TRANSMIT, transmission, trade_id=confirmation.trade_id, version=confirmation.version
    )
    return transmission


@use_case(Action.TRANSMISSION_BEGIN)
async def begin_transmission(attempt: Attempt, command: BeginTransmission) -> Changed:
    """Crash after this: the message may or may not have gone, and goes again under the same name."""
    row = await on_its_way(attempt, command.transmission_id, command.version)
    attempt.change(row, state=_after(attempt, row).value, tries=row.tries + 1)
    return await _shown(attempt, row)


@use_case(Action.TRANSMISSION_COMPLETE)
async def complete_transmission(attempt: Attempt, command: CompleteTransmission) -> Changed:
    """Keep the proof that the message went, and where."""
    row = await on_its_way(attempt, command.transmission_id, command.version)
    proof = command.proof | {"repeated": "yes" if command.repeated else "no"}
    attempt.change(
        row, state=_after(attempt, row).value, proof=proof, delivered_at=attempt.now,
        delivered_on=attempt.desk.business_date,
    )  # fmt: skip
    attempt.close_item(Item.TRANSMIT, row.id)
    return await _shown(attempt, row)


@use_case(Action.TRANSMISSION_FAIL)
async def fail_transmission(attempt: Attempt, command: FailTransmission) -> Changed:
    """Try again later; after the last try a person looks at it. Nothing is given up in silence."""
    row = await on_its_way(attempt, command.transmission_id, command.version)
    again = _after(attempt, row)
    last = row.tries >= TRIES_MAX
    state = TransmissionState.FAILED if last else again
    attempt.change(row, state=state.value, failure=command.failure)
    if last:
        attempt.close_item(Item.TRANSMIT, row.id)
        attempt.open_item(Item.RESEND, row, trade_id=row.trade_id, reason="not_delivered")
    return await _shown(attempt, row)


@use_case(Action.TRANSMISSION_RETRY)
async def retry_transmission(attempt: Attempt, command: RetryTransmission) -> Changed:
    """Send the same bytes under the same name to the channel now in force; only the back office can (SET-01)."""
    row = await on_its_way(attempt, command.transmission_id, command.version)
    await attempt.admit(row.trade_id)
    state = _after(attempt, row)
    channel = await attempt.session.get_one(ConfirmationChannel, row.channel_id)
    now = await must_have_channel(attempt, channel.counterparty_id)
    attempt.change(row, state=state.value, channel_id=now.id, tries=0, failure=None)
    attempt.close_item(Item.RESEND, row.id)
    attempt.open_item(Item.TRANSMIT, row, trade_id=row.trade_id)
    return await _shown(attempt, row)


async def on_its_way(attempt: Attempt, transmission_id: UUID, seen: int) -> Transmission:
    """Lock a message of ours. Raises NotFound, StaleVersion."""
    row = await locked(attempt, Transmission, transmission_id, seen=seen)
    attempt.concerns(row.trade_id)
    return row


async def drop(attempt: Attempt, confirmation_id: UUID) -> None:
    """Keep back what has not left of a confirmation that is withdrawn."""
    found = await attempt.session.scalars(
        select(Transmission).where(Transmission.confirmation_id == confirmation_id).with_for_update()
    )
    for row in found:
        if row.state in (TransmissionState.QUEUED, TransmissionState.FAILED):
            attempt.change(row, state=_after(attempt, row).value)
            for item in (Item.TRANSMIT, Item.RESEND):
                attempt.close_item(item, row.id)


async def delivered_on(attempt: Attempt, confirmation_id: UUID) -> date | None:
    """Return the business date on which our confirmation provably went, or None."""
    found: date | None = await attempt.session.scalar(
        select(Transmission.delivered_on).where(
            Transmission.confirmation_id == confirmation_id, Transmission.purpose == "confirmation"
        )
    )
    return found


def _after(attempt: Attempt, row: Transmission) -> TransmissionState:
    return TRANSMISSION.after(TransmissionState(row.state), attempt.action)


async def _shown(attempt: Attempt, row: Transmission) -> Changed:
    await attempt.session.flush()
    return Changed(transmission_view(row))
