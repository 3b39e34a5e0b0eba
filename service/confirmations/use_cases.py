"""Saying what we dealt, hearing what the counterparty says, and laying both side by side."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.confirmations.clusters import look_for_clusters, look_for_rebooking
from service.confirmations.deadlines import confirm_by
from service.confirmations.documenting import TYPED, await_papers, drop_papers
from service.confirmations.lifecycle import CONFIRMATION, ConfirmationState
from service.confirmations.matching import BROKER, CLAUSE, REFERENCE, TYPE, fields_of, match, ours
from service.confirmations.model import Confirmation
from service.confirmations.queries import AND, CURRENCIES, view
from service.confirmations.receiving import agreed, follow, tolerance
from service.confirmations.sending import drop, must_have_channel, queue_confirmation, take_back
from service.confirmations.standing import is_past, must_be_undone, must_have_been_verified
from service.confirmations.told import beyond
from service.conformity.standing import Standing, must_stand_within_the_market, standing_of
from service.control.holding import hold_trade, must_be_verified
from service.control.lifecycle import ControlState
from service.gate import use_case
from service.kernel.errors import NotFound, Refusal
from service.kernel.identifiers import uuid7
from service.kernel.items import ROUTES, Item
from service.kernel.texts import Reason
from service.parties.model import Counterparty, Portfolio
from service.parties.queries import channel_for
from service.trades.deals.deal import type_of
from service.trades.model import Trade, TradeVersion
from service.trades.versions import terms_of, version_of
from service.work.model import WorkItem
from service.work.queries import waits
from service.work.worker import Handlers

FieldName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z_]{1,40}\Z")]
Said = Annotated[str, msgspec.Meta(max_length=200, pattern=r"\A[ -~]*\Z")]
Fields = Annotated[dict[FieldName, Said], msgspec.Meta(min_length=1, max_length=20)]


class NoCounter(Refusal):
    """409. The counterparty has said nothing yet; silence is no agreement."""

    rule = "SET-05"


class DraftFirst(Refusal):
    """409. The confirmation is still to be drafted; it is withdrawn afterwards."""


class NoClause(Refusal):
    """409. A confirmation of a deal off the market says so, or does not go out."""

    rule = "TRD-05"


class Incomplete(Refusal):
    """409. A confirmation says everything its deal type asks for, or does not go out."""

    rule = "SET-03"


class DraftConfirmation(Command, frozen=True, kw_only=True):
    """Write down what we say about a verified version of a deal."""

    trade_id: UUID
    version: int


class DispatchConfirmation(Command, frozen=True, kw_only=True):
    """Send our side to the counterparty."""

    confirmation_id: UUID
    version: int


class RedraftConfirmation(Command, frozen=True, kw_only=True):
    """Have the draft made anew from the deal as it stands, saying why."""

    confirmation_id: UUID
    version: int
    reason: Reason


class RecordCounter(Command, frozen=True, kw_only=True):
    """Keep what the counterparty says, in the fields of ``matching`` and from our point of view."""

    confirmation_id: UUID
    version: int
    fields: Fields


class MatchConfirmation(Command, frozen=True, kw_only=True):
    """Compare both sides field by field."""

    confirmation_id: UUID
    version: int


class WithdrawConfirmation(Command, frozen=True, kw_only=True):
    """Take back what was said about a version of a deal that no longer counts."""

    trade_id: UUID
    version: int


@use_case(Action.CONFIRMATION_DRAFT)
async def draft_confirmation(attempt: Attempt, command: DraftConfirmation) -> Changed:
    """Our side comes from the verified version and from nobody's hands (SET-01)."""
    session = attempt.session
    attempt.concerns(command.trade_id)
    control = await hold_trade(attempt, command.trade_id)
    attempt.close_item(Item.DRAFT_CONFIRMATION, command.trade_id)
    if is_past(control, command.version):
        return Changed({"trade": str(command.trade_id), "confirmation": None})
    control = await must_have_been_verified(attempt, control)
    trade = await session.get_one(Trade, command.trade_id)
    confirmation = await draft(attempt, trade, control.version, number=1)
    await look_for_rebooking(attempt, trade)
    return await shown(attempt, confirmation, 201)


async def draft(attempt: Attempt, trade: Trade, version: int, *, number: int) -> Confirmation:
    """Write our side from the version of the deal, and ask for its dispatch."""
    session = attempt.session
    entered = await version_of(session, trade.id, version)
    terms = await terms_of(session, trade.id, version)
    standing = await standing_of(session, trade, version)
    counterparty = await session.get_one(Counterparty, terms.counterparty_id)
    book = await session.get_one(Portfolio, trade.portfolio_id)
    channel = await channel_for(session, counterparty.id)
    party_class = "financial" if channel is None else channel.party_class
    said = ours(
        terms,
        attempt.entity_lei,
        counterparty.lei,
        reference=await reference_for(session, book, trade),
        clause=clause_for(standing),
        side_agreement=beyond(terms.side_agreements) or "",
        broker=await broker_lei(session, entered),
    )
    confirmation = attempt.add(
        Confirmation(
            id=uuid7(),
            trade_id=trade.id,
            version=version,
            draft=number,
            state=ConfirmationState.DUE,
            ours=said,
            traded_on=terms.trade_date,
            currencies=AND.join(said[name] for name in CURRENCIES if name in said),
            confirm_by=confirm_by(type_of(terms), party_class, terms.trade_date, entered.executed_at),
        )
    )
    attempt.open_item(Item.CONFIRM, confirmation, trade_id=trade.id, version=version)
    return confirmation


@use_case(Action.CONFIRMATION_DISPATCH)
async def dispatch_confirmation(attempt: Attempt, command: DispatchConfirmation) -> Changed:
    """Our side goes out; from now on the counterparty's is awaited."""
    confirmation = await held(attempt, command.confirmation_id, command.version)
    trade = await attempt.session.get_one(Trade, confirmation.trade_id)
    await must_stand_within_the_market(attempt.session, trade)  # a better reference may have come meanwhile
    clause = clause_for(await standing_of(attempt.session, trade, confirmation.version))
    if clause and confirmation.ours.get(CLAUSE) != clause:
        raise NoClause("This deal is off the market, and its confirmation does not say so.")
    entered = await version_of(attempt.session, trade.id, confirmation.version)
    must_say_everything(confirmation, brokered=entered.broker_id is not None)
    terms = await terms_of(attempt.session, trade.id, confirmation.version)
    counterparty = await attempt.session.get_one(Counterparty, terms.counterparty_id)
    attempt.change(confirmation, state=after(attempt, confirmation), sent_at=attempt.now)
    if not counterparty.own:  # between books of the bank nothing leaves the house
        channel = await must_have_channel(attempt, counterparty.id)
        await queue_confirmation(attempt, confirmation, terms, counterparty, channel)
        await await_papers(attempt, confirmation, short=channel.long_form)
    attempt.close_item(Item.CONFIRM, confirmation.id)
    attempt.open_item(
        Item.MATCH,
        confirmation,
        trade_id=confirmation.trade_id,
        version=confirmation.version,
        due=attempt.now + time_until(confirmation.confirm_by, attempt.desk.business_date),
    )
    return await shown(attempt, confirmation)


@use_case(Action.CONFIRMATION_REDRAFT)
async def redraft_confirmation(attempt: Attempt, command: RedraftConfirmation) -> Changed:
    """Withdraw a draft that does not say what it must, and write the next one from the same version (TRD-05)."""
    confirmation = await held(attempt, command.confirmation_id, command.version)
    trade = await attempt.session.get_one(Trade, confirmation.trade_id)
    attempt.change(confirmation, state=after(attempt, confirmation))
    await drop(attempt, confirmation.id)
    await drop_papers(attempt, confirmation.id)
    for item in (Item.CONFIRM, Item.MATCH):
        attempt.close_item(item, confirmation.id)
    attempt.note(reason=command.reason)
    again = await draft(attempt, trade, confirmation.version, number=confirmation.draft + 1)
    return await shown(attempt, again, 201)


@use_case(Action.CONFIRMATION_COUNTER)
async def record_counter(attempt: Attempt, command: RecordCounter) -> Changed:
    """Their side comes straight to the back office, never through the hands that dealt (SET-05)."""
    confirmation = await held(attempt, command.confirmation_id, command.version)
    attempt.change(
        confirmation,
        state=after(attempt, confirmation),
        counter=dict(command.fields),
        counter_at=attempt.now,
        counter_source=TYPED,
    )
    return await shown(attempt, confirmation)


@use_case(Action.CONFIRMATION_MATCH)
async def match_confirmation(attempt: Attempt, command: MatchConfirmation) -> Changed:
    """Both sides agree in every field, or each break is named and waits for the counterparty's next word."""
    confirmation = await held(attempt, command.confirmation_id, command.version)
    matched = after(attempt, confirmation)
    if confirmation.counter is None:
        raise NoCounter("The counterparty has said nothing yet; record their side first.")
    allowed = await tolerance(attempt.session)
    breaks = match(confirmation.ours, confirmation.counter, allowed)
    attempt.change(
        confirmation,
        state=ConfirmationState.MISMATCHED if breaks else matched,
        breaks=msgspec.to_builtins(breaks),
        agreed_by=None if breaks else agreed(attempt, "person", tolerance=allowed.number),
    )
    if not breaks:
        await follow(attempt, confirmation)
    return await shown(attempt, confirmation)


@use_case(Action.CONFIRMATION_WITHDRAW)
async def withdraw_confirmation(attempt: Attempt, command: WithdrawConfirmation) -> Changed:
    """What was said about a cancelled deal or an amended version is withdrawn."""
    attempt.concerns(command.trade_id)
    control = await hold_trade(attempt, command.trade_id)
    must_be_undone(control, command.version)
    if await waits(attempt.session, Item.DRAFT_CONFIRMATION, command.trade_id, version=command.version):
        raise DraftFirst("The confirmation of this deal is still to be drafted.")
    found = await attempt.session.scalars(
        select(Confirmation)
        .where(
            Confirmation.trade_id == command.trade_id,
            Confirmation.version <= command.version,
            Confirmation.state != ConfirmationState.WITHDRAWN,
        )
        .with_for_update()
    )
    confirmations = list(found)
    for confirmation in confirmations:
        attempt.change(confirmation, state=after(attempt, confirmation))
        attempt.close_item(Item.CONFIRM, confirmation.id)
        attempt.close_item(Item.MATCH, confirmation.id)
        await drop(attempt, confirmation.id)
        await drop_papers(attempt, confirmation.id)
    if control.state == ControlState.CANCELLED:
        await take_back(attempt, command.trade_id)
    await look_for_clusters(attempt, command.trade_id)
    attempt.close_item(Item.WITHDRAW_CONFIRMATION, command.trade_id)
    await attempt.session.flush()
    return Changed({"trade": str(command.trade_id), "confirmations": [view(one) for one in confirmations]})


async def reference_for(session: AsyncSession, book: Portfolio, trade: Trade) -> str:
    """Return the reference of the deal's next confirmation; each has its own, so that a later one can name it."""
    told = select(func.count()).select_from(Confirmation).where(Confirmation.trade_id == trade.id)
    before = await session.scalar(told) or 0
    return f"{book.name}/{trade.number}" + (f"-{before + 1}" if before else "")


async def broker_lei(session: AsyncSession, entered: TradeVersion) -> str:
    """Return who brought a version of a deal about; empty where nobody did."""
    if entered.broker_id is None:
        return ""
    return (await session.get_one(Counterparty, entered.broker_id)).lei


def clause_for(standing: Standing) -> str:
    """Return the clause that a confirmation of a deal off the market carries (TRD-05); empty within the market."""
    if standing.check.state != "alert" or standing.justification is None:
        return ""
    return "agreed at off-market terms"


def must_say_everything(confirmation: Confirmation, *, brokered: bool) -> None:
    """Raise Incomplete, naming the field, unless our side says all its deal type asks for (SET-03, SET-04)."""
    said = confirmation.ours
    for field in (TYPE, *fields_of(said), REFERENCE, *((BROKER,) if brokered else ())):
        if not str(said.get(field, "")).strip():
            raise Incomplete("A confirmation does not go out without everything it must say.", field=field)


def time_until(day: date, today: date) -> timedelta:
    """Return how long an item may wait that is due on a business day; one that is late is due as soon as any."""
    return max(timedelta(days=(day - today).days), ROUTES[Item.CONFIRM].within)


async def held(attempt: Attempt, confirmation_id: UUID, seen: int) -> Confirmation:
    """Lock the deal and then its confirmation, for somebody whom the deal's history admits.

    Raises NotFound, StaleVersion, KeptApart, NotVerified.
    """
    trade_id = await attempt.session.scalar(
        select(Confirmation.trade_id).where(Confirmation.id == confirmation_id)
    )
    if trade_id is None:
        raise NotFound("confirmation")
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    confirmation = await locked(attempt, Confirmation, confirmation_id, seen=seen)
    await attempt.admit(trade_id)
    must_be_verified(control, confirmation.version)
    return confirmation


def after(attempt: Attempt, confirmation: Confirmation) -> ConfirmationState:
    """Return the state the attempted act leads to. Raises IllegalTransition."""
    return CONFIRMATION.after(ConfirmationState(confirmation.state), attempt.action)


async def shown(attempt: Attempt, confirmation: Confirmation, status: int = 200) -> Changed:
    """Answer with the confirmation at its new version."""
    await attempt.session.flush()
    return Changed(view(confirmation), status)


def _version(item: WorkItem) -> int:
    assert item.version is not None, "work that follows from a deal names its version"
    return item.version


AUTOMATIC: Handlers = {
    Item.DRAFT_CONFIRMATION: lambda item: (
        draft_confirmation,
        DraftConfirmation(trade_id=item.subject_id, version=_version(item)),
    ),
    Item.WITHDRAW_CONFIRMATION: lambda item: (
        withdraw_confirmation,
        WithdrawConfirmation(trade_id=item.subject_id, version=_version(item)),
    ),
}
"""How the back office's own account does what waits for it here."""
