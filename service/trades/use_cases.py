"""The front office enters deals, corrects what was returned, asks for cancellations, and unwinds what was cancelled."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.calendar import spot_date
from service.kernel.database import plain_value
from service.kernel.errors import IllegalTransition, NotFound, Refusal, StaleVersion, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.parties.model import Portfolio
from service.people.model import Account
from service.trades.deals.fx_spot import wording
from service.trades.entering import (
    FX_SPOT,
    EnteredTerms,
    Judged,
    add_version,
    judged,
    look_up,
    take_out_of_position,
    terms_digest,
)
from service.trades.lifecycle import TradeState
from service.trades.model import ChangeRequest, Trade
from service.trades.queries import changes_between, control_of, open_request, terms_of
from service.work.worker import Handlers

NUMBERS = text("SELECT trade_id, number FROM public.take_deal_numbers(CAST(:deals AS jsonb))")


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


class CaptureTrade(EnteredTerms, frozen=True, kw_only=True):
    """A deal that was struck."""


class CorrectedTerms(EnteredTerms, frozen=True, kw_only=True):
    """The whole deal anew, and the version the trader saw."""

    version: int


class ResubmitTrade(CorrectedTerms, frozen=True, kw_only=True):
    """The trader corrects a returned deal."""

    trade_id: UUID


class RequestCancellation(Command, frozen=True, kw_only=True):
    """Trading asks the back office to cancel a deal."""

    trade_id: UUID
    version: int
    reason: Reason


class UnwindPosition(Command, frozen=True, kw_only=True):
    """A cancelled deal leaves the position."""

    trade_id: UUID


# Capture --------------------------------------------------------------------------------------------


@use_case(Action.TRADE_CAPTURE, many=True)
async def capture_trades(attempts: list[Attempt], commands: list[CaptureTrade]) -> list[Changed | Refusal]:
    """Enter deals: number, position and the back office's item with each, or nothing of it (TRD-13).

    Everything is looked up and judged before the first write, and nothing is written for a refused deal.
    The number of statements does not grow with the number of deals.
    """
    session = attempts[0].session
    known = await look_up(session, commands)
    outcomes: list[Judged | Refusal] = []
    for attempt, command in zip(attempts, commands, strict=True):
        try:
            outcomes.append(judged(attempt, command, known, uuid7()))
        except Refusal as refusal:
            outcomes.append(refusal)
    numbers = await take_numbers(session, [deal for deal in outcomes if isinstance(deal, Judged)])
    return [
        write_trade(deal, numbers[deal.trade_id]) if isinstance(deal, Judged) else deal for deal in outcomes
    ]


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
    taken = await session.execute(NUMBERS, {"deals": json.dumps(wanted)})
    return {row.trade_id: row.number for row in taken}


def write_trade(deal: Judged, number: int) -> Changed:
    """Write the deal, its first version and its position, and hand it to the back office."""
    attempt = deal.attempt
    version = add_version(deal, 1)
    trade = attempt.add(
        Trade(
            id=deal.trade_id,
            type=FX_SPOT,
            portfolio_id=deal.terms.portfolio_id,
            number=number,
            captured_by=attempt.actor.account,
            captured_at=attempt.now,
            marks=deal.marks,
            version=1,
            terms_digest=terms_digest(version),
        )
    )
    attempt.open_item(Item.VERIFY, trade, trade_id=trade.id, version=1, reason=", ".join(deal.marks) or None)
    return Changed(trade_answer(trade, deal), 201)


def trade_answer(trade: Trade, deal: Judged) -> dict[str, Any]:
    """Return what the trader is told about a deal just entered or corrected."""
    terms = deal.terms
    return {
        "id": str(trade.id),
        "deal_number": trade.number,
        "version": trade.version,
        "state": TradeState.CAPTURED.value,
        "captured_at": plain_value(trade.captured_at),
        "marks": trade.marks,
        "checks": {
            "value_date": {
                "result": "ok",
                "spot_date": plain_value(spot_date(terms.base, terms.quote, terms.trade_date)),
            }
        },
        "wording": wording(terms, deal.counterparty.name),
    }


# After capture --------------------------------------------------------------------------------------


@use_case(Action.TRADE_RESUBMIT)
async def resubmit_trade(attempt: Attempt, command: ResubmitTrade) -> Changed:
    """Correct a returned deal: a new version beside the old one, the position moved from old to new terms."""
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
    deal = judged(attempt, command, await look_up(session, [command]), trade.id)
    if deal.terms.portfolio_id != trade.portfolio_id:
        raise OtherPortfolio(
            "A correction stays in the deal's book; another book is another deal.", field="portfolio"
        )
    attempt.note(changes=changes_between(await terms_of(session, trade.id), deal.terms))
    version = trade.version + 1
    await take_out_of_position(attempt, trade, version)
    row = add_version(deal, version)
    attempt.change(trade, version=version, terms_digest=terms_digest(row))
    attempt.close_item(Item.CORRECT, trade.id)
    attempt.open_item(Item.VERIFY, trade, trade_id=trade.id, version=version, reason="corrected")
    return Changed(trade_answer(trade, deal))


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


def must_be_seen(trade: Trade, version: int) -> None:
    """Raise StaleVersion unless the trader looked at the version in force."""
    if trade.version != version:
        sentence = f"You saw version {version}; it is at version {trade.version} now. Look again."
        raise StaleVersion(sentence, field="version")


async def must_have_no_open_request(session: AsyncSession, trade_id: UUID) -> None:
    """Raise RequestOpen while the back office has something to decide about the deal."""
    if await open_request(session, trade_id) is not None:
        raise RequestOpen("A request about this deal waits for the back office's decision; one at a time.")


AUTOMATIC: Handlers = {
    Item.UNWIND: lambda item: (unwind_position, UnwindPosition(trade_id=item.subject_id)),
}
