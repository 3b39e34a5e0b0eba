"""The front office enters deals, corrects what was returned, asks for changes, and carries out what was decided."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.desks.deadlines import report_due_at
from service.gate import UseCase, use_case
from service.kernel.calendar import spot_date
from service.kernel.database import NewRow, plain_value
from service.kernel.direct import fetch, in_json
from service.kernel.errors import IllegalTransition, NotFound, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.limits.reserving import Reserved
from service.market.checking import Checked
from service.market.queries import is_published
from service.parties.model import Portfolio
from service.people.model import Account
from service.trades.deals.deal import type_of, wording
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.deals.fx_spot import FxSpotTerms
from service.trades.desk_times import Mark
from service.trades.entering import (
    Judged,
    add_version,
    beside_the_market,
    broker_of,
    checked_terms,
    judged,
    look_up,
    must_be_changed_alone,
    must_be_seen,
    name_or_id,
    room_for,
    take_out_of_position,
    terms_digest,
)
from service.trades.impact import foreseen
from service.trades.lifecycle import TradeState
from service.trades.model import ChangeRequest, Trade
from service.trades.queries import DECISION, control_of, open_request
from service.trades.tickets import CaptureTrade, RequestAmendment, ResubmitTrade
from service.trades.versions import changed_beside, changes_between, terms_from_version, version_of
from service.work.model import WorkItem
from service.work.worker import Handlers

NUMBERS = "SELECT trade_id, number FROM public.take_deal_numbers($1::text::jsonb)"


class OtherPortfolio(Unprocessable):
    """422. A correction stays in the deal's book; another book is another deal."""


class NotYourDeal(Refusal):
    """403. Only the trader who captured a deal corrects it."""

    status = 403


class NotReturned(IllegalTransition):
    """409. Only a deal that the back office returned is corrected."""


class AlreadyCancelled(IllegalTransition):
    """409. The deal is cancelled; there is nothing left to ask for."""


class RequestOpen(IllegalTransition):
    """409. A request about this deal waits for its decision; one at a time."""


class NotCancelled(IllegalTransition):
    """409. The position keeps a deal until the back office cancelled it."""


class ReturnedAlready(IllegalTransition):
    """409. The back office returned the deal; its trader corrects it instead of asking for an amendment."""


class Settling(IllegalTransition):
    """409. Money of the deal was released; only another deal can offset it now."""


class NotApproved(IllegalTransition):
    """409. No approved request of the version in force asks for this."""


class UnknownDeal(Unprocessable):
    """422. There is no such deal of the desk, or it is not cancelled."""


class RequestCancellation(Command, frozen=True, kw_only=True):
    """Trading asks the back office to cancel a deal."""

    trade_id: UUID
    version: int
    reason: Reason


class AmendTrade(Command, frozen=True, kw_only=True):
    """An approved amendment takes effect."""

    request_id: UUID


class UnwindPosition(Command, frozen=True, kw_only=True):
    """A cancelled deal leaves the position."""

    trade_id: UUID


# Capture --------------------------------------------------------------------------------------------


@use_case(Action.TRADE_CAPTURE, many=True)
async def capture_trades(attempts: list[Attempt], commands: list[CaptureTrade]) -> list[Changed | Refusal]:
    """Enter deals: number, position, limit, check and the back office's item with each, or nothing of it (TRD-13).

    Everything is looked up and judged before the first write, and nothing is written for a refused deal.
    The number of statements does not grow with the number of deals.
    """
    session = attempts[0].session
    known = await look_up(session, commands, attempts[0].desk)
    gone = await cancelled_deals(session, commands)
    outcomes: list[Judged | Refusal] = []
    for attempt, command in zip(attempts, commands, strict=True):
        try:
            must_replace_a_cancelled_deal(attempt, command, gone)
            outcomes.append(judged(attempt, command, known, uuid7()))
        except Refusal as refusal:
            outcomes.append(refusal)
    written = await write_trades(
        session,
        [
            (deal, {"replaces_id": command.replaces})
            for deal, command in zip(outcomes, commands, strict=True)
            if isinstance(deal, Judged)
        ],
    )
    return [written[deal.trade_id] if isinstance(deal, Judged) else deal for deal in outcomes]


async def write_trades(
    session: AsyncSession, deals: Sequence[tuple[Judged, Mapping[str, Any]]]
) -> dict[UUID, Changed | Refusal]:
    """Write deals, each with further facts of its row, their room taken first; a refused one writes nothing."""
    room = await room_for(session, [(deal, 1) for deal, _ in deals])
    covered = [(deal, facts) for deal, facts in deals if isinstance(room[deal.trade_id], Reserved)]
    numbers = await take_numbers(session, [deal for deal, _ in covered])
    trades = [(deal, write_trade(deal, numbers[deal.trade_id], facts)) for deal, facts in covered]
    checks = await beside_the_market(session, trades)
    written: dict[UUID, Changed | Refusal] = {
        deal.trade_id: outcome for deal, _ in deals if isinstance(outcome := room[deal.trade_id], Refusal)
    }
    for deal, trade in trades:
        taken = room[deal.trade_id]
        assert isinstance(taken, Reserved)
        written[trade.id] = Changed(trade_answer(trade, deal, taken, checks[trade.id]), 201)
    return written


async def take_numbers(session: AsyncSession, deals: Sequence[Judged]) -> dict[UUID, int]:
    """Return the next number of its book for each deal, all taken at once."""
    if not deals:
        return {}
    wanted = [
        {
            "book": str(deal.terms.portfolio_id),
            "trade": str(deal.trade_id),
            "entry": str(deal.attempt.entry_id),
        }
        for deal in deals
    ]
    return dict(await fetch(session, NUMBERS, in_json(wanted)))


def write_trade(deal: Judged, number: int, facts: Mapping[str, Any]) -> NewRow:
    """Write the deal, its first version and its position, and hand it to the back office."""
    attempt = deal.attempt
    version = add_version(deal, 1)
    trade = attempt.put(
        Trade,
        id=deal.trade_id,
        type=type_of(deal.terms),
        portfolio_id=deal.terms.portfolio_id,
        number=number,
        captured_by=attempt.actor.account,
        captured_at=attempt.now,
        marks=deal.marks,
        version=1,
        terms_digest=terms_digest(version),
        **facts,
    )
    reason = ", ".join(deal.marks) or None
    attempt.open_item(Item.VERIFY, trade, trade_id=trade.id, version=1, reason=reason)
    if Mark.OFF_PREMISES in deal.marks:
        due = report_due_at(deal.terms.trade_date, attempt.desk.business_date, attempt.now)
        attempt.open_item(
            Item.ACKNOWLEDGE_PREMISES, trade, trade_id=trade.id, version=1, reason=deal.location, due=due
        )
    return trade


def trade_answer(trade: Trade | NewRow, deal: Judged, taken: Reserved, checked: Checked) -> dict[str, Any]:
    """Return what the trader is told about a deal just entered or corrected."""
    terms, desk = deal.terms, deal.attempt.desk
    day = checked.reference_day
    checks: dict[str, Any] = {
        "limit": taken.told(),
        "market": checked.told(
            published=day is not None and is_published(day, desk.business_date, desk.clock)
        ),
    }
    if isinstance(terms, FxSpotTerms | FxForwardTerms):
        spot = spot_date(terms.base, terms.quote, terms.trade_date)
        checks["value_date"] = {"result": "ok", "spot_date": plain_value(spot)}
    return {
        "id": str(trade.id),
        "type": trade.type,
        "deal_number": trade.number,
        "version": trade.version,
        "state": TradeState.CAPTURED.value,
        "captured_at": plain_value(trade.captured_at),
        "marks": trade.marks,
        "checks": checks,
        "wording": wording(terms, deal.counterparty.name),
    }


async def cancelled_deals(session: AsyncSession, commands: Sequence[CaptureTrade]) -> dict[UUID, UUID]:
    """Return the cancelled deals that the commands are booked for anew, with their desks."""
    wanted = {command.replaces for command in commands if command.replaces is not None}
    if not wanted:
        return {}
    rows = await session.execute(
        select(Trade.id, Portfolio.desk_id)
        .join(Portfolio, Portfolio.id == Trade.portfolio_id)
        .where(Trade.id.in_(wanted))
    )
    found: dict[UUID, UUID] = {}
    for row in rows:
        control = await control_of(session, row.id)
        if control is not None and control.state == TradeState.CANCELLED:
            found[row.id] = row.desk_id
    return found


def must_replace_a_cancelled_deal(attempt: Attempt, command: CaptureTrade, gone: Mapping[UUID, UUID]) -> None:
    """Raise UnknownDeal if the deal it is booked for anew is not a cancelled one of the desk."""
    if command.replaces is not None and gone.get(command.replaces) != attempt.actor.unit:
        raise UnknownDeal("Only a cancelled deal of your desk is booked anew.", field="replaces")


# After capture --------------------------------------------------------------------------------------


@use_case(Action.TRADE_RESUBMIT)
async def resubmit_trade(attempt: Attempt, command: ResubmitTrade) -> Changed:
    """Correct a returned deal: a new version beside the old one, position and limit moved from old to new terms."""
    session = attempt.session
    trade = await trade_of_desk(attempt, command.trade_id)
    captured_by = await session.scalar(select(Account.person_id).where(Account.id == trade.captured_by))
    if captured_by != attempt.actor.person:
        raise NotYourDeal("Only the trader who captured this deal corrects it.", rule="TRD-14")
    await attempt.admit(trade.id)
    must_be_seen(trade, command.version)
    control = await control_of(session, trade.id)
    if control is None or (control.state, control.version) != ("returned", trade.version):
        raise NotReturned("Only a deal that the back office returned is corrected.", rule="SET-19")
    await must_have_no_open_request(session, trade.id)
    await must_be_changed_alone(session, trade, command.location)
    deal = judged(attempt, command, await look_up(session, [command], attempt.desk), trade.id)
    must_stay_in_book(deal, trade)
    attempt.note(changes=await changes_of(trade, deal))
    answer = await put_in_force(deal, trade)
    attempt.close_item(Item.CORRECT, trade.id)
    attempt.open_item(Item.VERIFY, trade, trade_id=trade.id, version=trade.version, reason="corrected")
    return Changed(answer)


async def changes_of(trade: Trade, deal: Judged) -> dict[str, Any]:
    """Return everything that the deal as judged changes of the version in force."""
    before = await version_of(deal.attempt.session, trade.id)
    changes = changes_between(terms_from_version(before, trade.portfolio_id), deal.terms)
    return changes | changed_beside(before, deal.broker_id, deal.executed_at)


async def put_in_force(deal: Judged, trade: Trade) -> dict[str, Any]:
    """Write the next version of a deal with its position, limit and check. Raises what the limit says."""
    attempt, version = deal.attempt, trade.version + 1
    taken = (await room_for(attempt.session, [(deal, version)]))[trade.id]
    if isinstance(taken, Refusal):
        raise taken
    await take_out_of_position(attempt, trade, version)
    row = add_version(deal, version)
    attempt.change(trade, version=version, terms_digest=terms_digest(row))
    checks = await beside_the_market(attempt.session, [(deal, trade)])
    return trade_answer(trade, deal, taken, checks[trade.id])


@use_case(Action.AMENDMENT_REQUEST)
async def request_amendment(attempt: Attempt, command: RequestAmendment) -> Changed:
    """Ask the back office to change a deal, with everything that will follow; trading itself changes nothing (SET-19)."""
    session = attempt.session
    trade = await trade_of_desk(attempt, command.trade_id)
    await attempt.admit(trade.id)
    must_be_seen(trade, command.version)
    must_be_changeable(trade, await control_of(session, trade.id))
    await must_have_no_open_request(session, trade.id)
    await must_be_changed_alone(session, trade, command.location)
    deal = judged(attempt, command, await look_up(session, [command], attempt.desk), trade.id)
    must_stay_in_book(deal, trade)
    told = await foreseen(session, trade, deal.terms, attempt.desk, deal.broker_id, deal.executed_at)
    request = attempt.add(
        ChangeRequest(
            id=uuid7(),
            trade_id=trade.id,
            trade_version=trade.version,
            request="amendment",
            reason=command.reason,
            requested_by=attempt.actor.account,
            requested_at=attempt.now,
            terms=ticket_of(command),
            **told,
        )
    )
    attempt.concerns(trade.id)
    attempt.open_item(Item.DECIDE, request, trade_id=trade.id, version=trade.version, reason=command.reason)
    answer = {"id": str(request.id), "version": 1, "trade": str(trade.id), "request": request.request}
    return Changed(answer | {"state": "open", "reason": command.reason} | told, 201)


def ticket_of(command: Any) -> dict[str, Any]:
    """Return the ticket inside a request, as a body for capture has it."""
    fields = msgspec.to_builtins(command)
    return {name: value for name, value in fields.items() if name not in ("trade_id", "version", "reason")}


@use_case(Action.TRADE_AMEND)
async def amend_trade(attempt: Attempt, command: AmendTrade) -> Changed:
    """Put in force what the back office approved, on the very version it approved it for."""
    session = attempt.session
    request = await session.get(ChangeRequest, command.request_id)
    if request is None or request.terms is None:
        raise NotFound("request")
    trade = await locked(attempt, Trade, request.trade_id)
    outcome = await session.scalar(select(DECISION.c.outcome).where(DECISION.c.request_id == request.id))
    if outcome != "approved" or request.trade_version != trade.version:
        raise NotApproved("No approved request of the version in force asks for this.")
    ticket = msgspec.convert(request.terms, CaptureTrade)
    known = await look_up(session, [ticket], attempt.desk)
    counterparty = known.counterparties[name_or_id(ticket.counterparty)]
    terms = checked_terms(ticket, counterparty.id, trade.portfolio_id)
    deal = Judged(
        attempt,
        trade.id,
        terms,
        ticket.executed_at,
        ticket.location,
        counterparty,
        trade.marks,
        broker_id=broker_of(ticket, counterparty, known),
    )
    attempt.note(changes=await changes_of(trade, deal), request=request.id)
    answer = await put_in_force(deal, trade)
    attempt.close_item(Item.AMEND, request.id)
    attempt.open_item(Item.VERIFY, trade, trade_id=trade.id, version=trade.version, reason="amended")
    return Changed(answer)


def must_stay_in_book(deal: Judged, trade: Trade) -> None:
    """Raise OtherPortfolio if the deal would move to another book."""
    if deal.terms.portfolio_id != trade.portfolio_id:
        raise OtherPortfolio("A deal stays in its book; another book is another deal.", field="portfolio")


def must_be_changeable(trade: Trade, control: Any) -> None:
    """Raise the reason why nobody can ask for an amendment of the deal now."""
    if control is None:
        return
    match control.state:
        case "cancelled":
            raise AlreadyCancelled("This deal is cancelled; there is nothing left to ask for.")
        case "settling":
            raise Settling("Money of this deal was released; only another deal can offset it.", rule="SET-19")
        case "returned" if control.version == trade.version:
            raise ReturnedAlready("This deal was returned to its trader; correct it instead.")


@use_case(Action.CANCELLATION_REQUEST)
async def request_cancellation(attempt: Attempt, command: RequestCancellation) -> Changed:
    """Ask the back office to cancel a deal; the front office itself never cancels (SET-19)."""
    trade = await trade_of_desk(attempt, command.trade_id)
    await attempt.admit(trade.id)
    must_be_seen(trade, command.version)
    control = await control_of(attempt.session, trade.id)
    if control is not None and control.state == TradeState.CANCELLED:
        raise AlreadyCancelled("This deal is cancelled; there is nothing left to ask for.")
    await must_have_no_open_request(attempt.session, trade.id)
    request = attempt.add(
        ChangeRequest(
            id=uuid7(),
            trade_id=trade.id,
            trade_version=trade.version,
            request="cancellation",
            reason=command.reason,
            requested_by=attempt.actor.account,
            requested_at=attempt.now,
        )
    )
    attempt.concerns(trade.id)
    attempt.open_item(Item.DECIDE, request, trade_id=trade.id, version=trade.version, reason=command.reason)
    answer = {"id": str(request.id), "version": 1, "trade": str(trade.id), "request": request.request}
    return Changed(answer | {"state": "open", "reason": command.reason}, 201)


@use_case(Action.POSITION_UNWIND)
async def unwind_position(attempt: Attempt, command: UnwindPosition) -> Changed:
    """Take a cancelled deal out of the position; done twice, the second time moves nothing."""
    trade = await locked(attempt, Trade, command.trade_id)
    control = await control_of(attempt.session, trade.id)
    if control is None or control.state != TradeState.CANCELLED:
        raise NotCancelled("The position keeps a deal until the back office cancelled it.")
    attempt.concerns(trade.id)
    moved = await take_out_of_position(attempt, trade, trade.version)
    attempt.note(moved=moved)
    for item in (Item.UNWIND, Item.CORRECT):
        attempt.close_item(item, trade.id)
    return Changed({"id": str(trade.id), "moved": moved})


async def trade_of_desk(attempt: Attempt, trade_id: UUID) -> Trade:
    """Return the deal, locked. Raises NotFound, also for the deal of another desk."""
    trade = await locked(attempt, Trade, trade_id)
    desk = await attempt.session.scalar(select(Portfolio.desk_id).where(Portfolio.id == trade.portfolio_id))
    if desk != attempt.actor.unit:
        raise NotFound("trade")
    return trade


async def must_have_no_open_request(session: AsyncSession, trade_id: UUID) -> None:
    """Raise RequestOpen while the back office has something to decide about the deal."""
    if await open_request(session, trade_id) is not None:
        raise RequestOpen("A request about this deal waits for the back office's decision; one at a time.")


def _amend(item: WorkItem) -> tuple[UseCase, Command]:
    return amend_trade, AmendTrade(request_id=item.subject_id)


AUTOMATIC: Handlers = {
    Item.AMEND: _amend,
    Item.UNWIND: lambda item: (unwind_position, UnwindPosition(trade_id=item.subject_id)),
}
