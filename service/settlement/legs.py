"""The back office's hold on one leg for an act: locked, judged, handed on to whoever is next."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Desk, locked
from service.confirmations.lifecycle import AGREED
from service.confirmations.queries import confirmation_of
from service.control.holding import hold_trade
from service.control.model import TradeControl
from service.control.pairing import must_have_both_legs
from service.kernel.errors import NotFound, Refusal, Report
from service.kernel.items import Item
from service.kernel.money import quantize
from service.market.ecb import NoFixing, to_eur
from service.market.queries import last_rates
from service.parties.model import Instruction
from service.parties.queries import instruction_for
from service.settlement.lifecycle import BEFORE_RELEASE, SETTLEMENT, CallBackState, SettlementState
from service.settlement.model import CallBack, Net, Settlement
from service.settlement.queries import view
from service.settlement_rules.book import RuleBook, desk_instant, due_at
from service.settlement_rules.queries import rule_book
from service.trades.model import Trade
from service.trades.queries import open_request
from service.trades.versions import terms_of
from service.work.queries import waits


class NotMatched(Refusal):
    """409. The counterparty has not agreed to the deal in writing; no money moves for it."""

    rule = "SET-05"


class InstructionReplaced(Refusal):
    """409. The payment route was replaced after the leg was prepared on it."""

    rule = "SET-17"


class ChangeUndecided(Refusal):
    """409. Trading asked for a change of the deal; no money moves before it is decided."""

    rule = "SET-19"


class CallBackMissing(Refusal):
    """409. The payment route is fresh, and no call to the counterparty, made by one and checked by another, confirmed it."""

    rule = "SET-17"


class CutOffMissed(Refusal):
    """409. The currency's cut-off of the day has passed; whoever releases decides to pay on the next day."""

    rule = "X18"


@dataclass(frozen=True, slots=True)
class Held:
    """A leg with the back office's row of its deal, both locked, and the tables settlement works by."""

    control: TradeControl
    leg: Settlement
    book: RuleBook


async def held(attempt: Attempt, settlement_id: UUID, seen: int) -> Held:
    """Lock the deal and then its leg. Raises NotFound or StaleVersion."""
    trade_id = await attempt.session.scalar(select(Settlement.trade_id).where(Settlement.id == settlement_id))
    if trade_id is None:
        raise NotFound("settlement")
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    leg = await locked(attempt, Settlement, settlement_id, seen=seen)
    return Held(control, leg, await rule_book(attempt.session))


async def held_apart(attempt: Attempt, settlement_id: UUID, seen: int) -> Held:
    """Lock a leg for somebody whom its history admits. Raises KeptApart as well."""
    found = await held(attempt, settlement_id, seen)
    await attempt.admit(found.leg.trade_id, related=[("settlement", found.leg.id)])
    return found


def after(attempt: Attempt, leg: Settlement, act: Action | None = None) -> SettlementState:
    """Return the state that the attempted act, or the act it comes to, leads to. Raises IllegalTransition."""
    return SETTLEMENT.after(SettlementState(leg.state), act or attempt.action)


def ask_for(attempt: Attempt, found: Held, item: Item, reason: str | None = None) -> None:
    """Ask for the next act on the leg, due at the cut-off of the day on which it is to be paid."""
    leg = found.leg
    due = due_at(
        found.book.cut_off(leg.currency, leg.pay_on), leg.pay_on, attempt.desk.business_date, attempt.now
    )
    attempt.open_item(
        item, leg, trade_id=leg.trade_id, version=leg.version, reason=reason, due=max(due, attempt.now)
    )


async def handed_on(
    attempt: Attempt, found: Held, done: tuple[Item, ...], then: Item | None, reason: str | None = None
) -> Changed:
    """Finish steps of the leg, ask for the next and answer with the leg at its new version."""
    for item in done:
        attempt.close_item(item, found.leg.id)
    if then is not None:
        ask_for(attempt, found, then, reason)
    await attempt.session.flush()
    return Changed(view(found.leg))


# Before money goes -----------------------------------------------------------------------------------


async def must_be_ready(attempt: Attempt, found: Held) -> None:
    """Raise the first reason why money of the leg may not go yet, after the history admitted the person."""
    session, leg = attempt.session, found.leg
    confirmation = await confirmation_of(session, leg.trade_id, leg.version)
    if confirmation is None or confirmation.state not in AGREED:
        raise NotMatched("The deal's confirmation is not matched; no money moves before.")
    await must_be_on_the_route_in_force(session, leg)
    await must_have_nothing_undecided(session, leg.trade_id)
    trade = await session.get_one(Trade, leg.trade_id)
    await must_have_both_legs(session, trade, both_agreed=True)
    await must_be_called_back(attempt, found)
    await must_be_in_time(attempt, found)


async def must_be_on_the_route_in_force(session: AsyncSession, leg: Settlement) -> None:
    """Raise InstructionReplaced if another route is in force now; one agreed for this deal alone stays.

    What has not gone yet is asked for anew, so that it waits for whoever prepares.
    """
    if leg.instruction_id is None:
        return
    route = await session.get_one(Instruction, leg.instruction_id)
    current = await instruction_for(session, route.counterparty_id, leg.currency)
    if current is None or current.id != route.id:
        told = leg.state not in BEFORE_RELEASE or await waits(session, Item.PREPARE, leg.id)
        raise InstructionReplaced(
            "The payment route was replaced after the leg was prepared; it must be prepared anew.",
            report=() if told else (Report(Item.PREPARE, "settlement", leg.id),),
        )


async def must_have_nothing_undecided(session: AsyncSession, trade_id: UUID) -> None:
    """Raise ChangeUndecided while the back office has a request about the deal to decide."""
    if await open_request(session, trade_id) is not None:
        raise ChangeUndecided("Trading asked for a change of this deal; decide that first.")


async def must_be_called_back(attempt: Attempt, found: Held) -> None:
    """Raise CallBackMissing if the route is fresh and nobody called the counterparty about it (SET-17, X09)."""
    leg = found.leg
    if leg.instruction_id is None:
        subject: tuple[str, UUID] = ("settlement", leg.id)
    elif not await is_fresh(attempt, found.book, leg.instruction_id):
        return
    else:
        subject = ("instruction", leg.instruction_id)
    if not await is_confirmed(attempt.session, *subject):
        raise CallBackMissing(
            "The payment route is fresh: a call to the counterparty at the number of master data must confirm it, "
            "made by one person and checked by another."
        )


async def is_fresh(attempt: Attempt, book: RuleBook, instruction_id: UUID) -> bool:
    """Tell whether the route was never settled on before, or came into force within so many days."""
    used = select(Settlement.id).where(
        Settlement.instruction_id == instruction_id, Settlement.state == SettlementState.SETTLED
    )
    if await attempt.session.scalar(used.limit(1)) is None:
        return True
    return (attempt.now - made_at(instruction_id)).days < book.fresh_days(attempt.desk.business_date)


async def is_confirmed(session: AsyncSession, kind: str, subject_id: UUID) -> bool:
    """Tell whether the last call about the route that a second person checked says that it is right."""
    last = await session.scalar(
        select(CallBack)
        .where(
            CallBack.subject_kind == kind,
            CallBack.subject_id == subject_id,
            CallBack.state != CallBackState.REJECTED,
        )
        .order_by(CallBack.id.desc())
        .limit(1)
    )
    return last is not None and last.state == CallBackState.CONFIRMED and last.outcome == "confirmed"


def made_at(identifier: UUID) -> datetime:
    """Return when one of our own identifiers was given (UUID version 7, milliseconds)."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, tz=UTC)


def is_late(leg: Settlement, book: RuleBook, desk: Desk) -> bool:
    """Tell whether what we pay can no longer be sent on its day: its cut-off, or the day itself, is over."""
    if leg.amount >= 0 or desk.business_date < leg.pay_on:
        return False
    if desk.business_date > leg.pay_on:
        return True
    cut_off = book.cut_off(leg.currency, leg.pay_on)
    return cut_off is not None and desk_instant(desk.business_date, desk.clock) > cut_off


async def must_be_in_time(attempt: Attempt, found: Held) -> None:
    """Raise CutOffMissed, and tell whoever decides what happens to a late payment; never pay late in silence."""
    if not is_late(found.leg, found.book, attempt.desk):
        return
    told = await waits(attempt.session, Item.POSTPONE, found.leg.id)
    report = () if told else (Report(Item.POSTPONE, "settlement", found.leg.id),)
    raise CutOffMissed(
        f"The cut-off of {found.leg.currency} for {found.leg.pay_on} has passed; decide to pay on the next day.",
        report=report,
    )


async def takes_two(attempt: Attempt, found: Held, net: Net | None = None) -> bool:
    """Tell whether the leg, or the sum of its net, is above the amount of one signature; where none is set, two sign."""
    leg, day = found.leg, attempt.desk.business_date
    sum_ = Decimal(0) if net is None else max(-net.amount, Decimal(0))
    to_pay = max(-leg.amount - leg.paid, sum_)
    if to_pay <= 0:
        return False
    if (limit := found.book.ladder(leg.currency, day)) is not None:
        return to_pay > limit
    if (limit := found.book.ladder(None, day)) is None:
        return True
    rates = await last_rates(attempt.session, day)
    try:
        return to_eur(to_pay, leg.currency, {} if rates is None else rates[1]) > quantize(limit, "EUR")
    except NoFixing:
        return True


async def counterparty_of(session: AsyncSession, leg: Settlement) -> UUID:
    """Return whom the leg is paid to or by."""
    return (await terms_of(session, leg.trade_id, leg.version)).counterparty_id
