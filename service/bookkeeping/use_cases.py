"""Accounting books what is proved to have happened, once, and takes back by a mirror, never by a change."""

from collections.abc import Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.bookkeeping.model import Journal, JournalLine
from service.bookkeeping.posting import (
    REVERSAL,
    Line,
    NotBooked,
    Rule,
    mirror,
    settlement_journals,
    trade_date_journal,
)
from service.bookkeeping.queries import (
    journal_by_key,
    journal_view,
    line_view,
    lines_digest,
    lines_of,
    unreversed,
)
from service.confirmations.standing import is_past, must_be_undone, must_have_been_verified
from service.control.model import TradeControl
from service.gate import UseCase, use_case
from service.kernel.errors import Malformed, NotFound, Refusal
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.market.ecb import NoFixing
from service.market.queries import last_rates
from service.settlement.lifecycle import SettlementState
from service.settlement.model import Settlement
from service.trades.deals.deal import Terms
from service.trades.versions import terms_of
from service.work.model import WorkItem
from service.work.worker import Handlers

Event = Literal["trade_date", "settlement"]


class AlreadyPosted(Refusal):
    """409. This event is in the books; it is booked once."""


class NotSettled(Refusal):
    """409. The leg has not settled; there is nothing to book."""


class PostFirst(Refusal):
    """409. The deal's trade-date journal comes before what follows from it."""


class NoReferenceRate(Refusal):
    """409. No reference rate is known for a currency of the deal, so that its worth in euro is unknown."""


class NothingToReverse(Refusal):
    """409. No journal of the deal is left that is not reversed."""


class PostJournal(Command, frozen=True, kw_only=True):
    """Book a verified deal on its trade date, or a leg that settled."""

    event: Event
    trade_id: UUID
    settlement_id: UUID | None = None
    version: int | None = None  # of the deal, where the work that waits was opened for one


class ReverseJournals(Command, frozen=True, kw_only=True):
    """Mirror every journal of a cancelled deal, or of the versions up to an amended one."""

    trade_id: UUID
    version: int | None = None


@use_case(Action.JOURNAL_POST)
async def post_journal(attempt: Attempt, command: PostJournal) -> Changed:
    """Accounting trusts no message: it looks at the deal's control and the leg's state itself."""
    if (command.event == "settlement") != (command.settlement_id is not None):
        raise Malformed(
            "A settlement is named where its payment is booked, and only there.", field="settlement"
        )
    attempt.concerns(command.trade_id)
    control = await attempt.session.get(TradeControl, command.trade_id)
    await attempt.admit(command.trade_id)
    if command.settlement_id is None and command.version is not None and is_past(control, command.version):
        attempt.close_item(Item.POST_TRADE, command.trade_id)
        return Changed({"trade": str(command.trade_id), "journals": []})
    control = await must_have_been_verified(attempt, control)
    terms = await terms_of(attempt.session, control.id, control.version)
    if command.settlement_id is None:
        booked = [await book_trade_date(attempt, control, terms)]
        attempt.close_item(Item.POST_TRADE, control.id)
    else:
        booked = await book_settlement(attempt, control, terms, command.settlement_id)
        attempt.close_item(Item.POST_SETTLEMENT, command.settlement_id)
    await attempt.session.flush()
    journals = [journal_view(journal, lines) for journal, lines in booked]
    return Changed(journals[-1] | {"journals": journals}, 201)


@use_case(Action.JOURNAL_REVERSE)
async def reverse_journals(attempt: Attempt, command: ReverseJournals) -> Changed:
    """A cancelled deal or an amended version leaves nothing in the books; its way in and out stays there for ever."""
    session, trade_id = attempt.session, command.trade_id
    attempt.concerns(trade_id)
    control = await session.get(TradeControl, trade_id)
    await attempt.admit(trade_id)
    version = command.version if command.version is not None else (0 if control is None else control.version)
    must_be_undone(control, version)
    if await posts_first(session, trade_id, version):
        raise PostFirst("The deal's trade-date journal is still to be booked; it is reversed afterwards.")
    open_journals = await unreversed(session, trade_id, version)
    if not open_journals:
        raise NothingToReverse("No journal of this deal is left to reverse.")
    lines = await lines_of(session, [journal.id for journal in open_journals])
    mirrored = [
        await book(
            attempt,
            trade=(trade_id, journal.version),
            event_key=f"reversal:{journal.id}",
            rule=REVERSAL,
            lines=mirror(lines[journal.id]),
            reverses=journal,
        )
        for journal in open_journals
    ]
    attempt.close_item(Item.REVERSE, trade_id)
    await session.flush()
    return Changed(
        {
            "trade": str(trade_id),
            "journals": [
                journal_view(reversal, mirror(lines[journal.id]))
                for reversal, journal in zip(mirrored, open_journals, strict=True)
            ],
        },
        201,
    )


async def posts_first(session: AsyncSession, trade_id: UUID, version: int) -> bool:
    """Tell whether the trade-date journal of this version, or an earlier one, is still to be booked."""
    wanted = select(WorkItem.id).where(
        WorkItem.subject_id == trade_id,
        WorkItem.kind == Item.POST_TRADE,
        WorkItem.closed_entry_id.is_(None),
        WorkItem.version <= version,
    )
    return await session.scalar(wanted.limit(1)) is not None


async def book_trade_date(
    attempt: Attempt, control: TradeControl, terms: Terms
) -> tuple[Journal, Sequence[Line]]:
    """Book what was dealt, at the fixing of the trade date or the last one before it."""
    day, rates = await last_rates(attempt.session, terms.trade_date) or (terms.trade_date, {})
    attempt.note(rates_of=day)
    try:
        rule, lines = trade_date_journal(terms, rates)
    except NoFixing as unknown:
        raise no_rate(unknown, terms.trade_date) from unknown
    event_key = trade_key(control.id, control.version)
    return await book(
        attempt, trade=(control.id, control.version), event_key=event_key, rule=rule, lines=lines
    ), lines


async def book_settlement(
    attempt: Attempt, control: TradeControl, terms: Terms, settlement_id: UUID
) -> list[tuple[Journal, Sequence[Line]]]:
    """Book the payment of one leg, and the interest due with it; see ``settlement_journals``."""
    session, trade = attempt.session, (control.id, control.version)
    leg = await session.get(Settlement, settlement_id)
    if leg is None or (leg.trade_id, leg.version) != trade:
        raise NotFound("settlement")
    if leg.state != SettlementState.SETTLED:
        raise NotSettled(f"The leg is {leg.state}; only a settled leg is booked.")
    if await journal_by_key(session, f"settlement:{leg.id}") is not None:
        raise AlreadyPosted("This is in the books already.")
    in_force = [
        journal.id for journal in await unreversed(session, control.id) if journal.version == control.version
    ]
    if not in_force:
        raise PostFirst("The deal's trade-date journal is still to be booked.")
    held = [line for lines in (await lines_of(session, in_force)).values() for line in lines]
    day = leg.settled_on or leg.value_date
    _, rates = await last_rates(session, day) or (day, {})
    try:
        found = settlement_journals(terms, leg.leg, held, rates)
    except NotBooked as missing:
        raise PostFirst(f"The deal's journals do not hold this leg: {missing}.") from missing
    except NoFixing as unknown:
        raise no_rate(unknown, day) from unknown
    *before, payment = found  # what is due with a payment comes before it, under a key of its own
    keyed = [*((f"interest:{leg.id}", one) for one in before), (f"settlement:{leg.id}", payment)]
    return [
        (await book(attempt, trade=trade, event_key=key, rule=rule, lines=lines), lines)
        for key, (rule, lines) in keyed
    ]


def no_rate(unknown: NoFixing, day: date) -> NoReferenceRate:
    """Return the refusal that says whose rate is missing."""
    return NoReferenceRate(
        f"No reference rate of {unknown.currency} is held for {day}; risk control must import it."
    )


async def book(
    attempt: Attempt,
    *,
    trade: tuple[UUID, int],
    event_key: str,
    rule: Rule,
    lines: Sequence[Line],
    reverses: Journal | None = None,
) -> Journal:
    """Write one journal with its lines; the entry tells them all. Raises AlreadyPosted."""
    if await journal_by_key(attempt.session, event_key) is not None:
        raise AlreadyPosted("This is in the books already.")
    journal = attempt.add(
        Journal(
            id=uuid7(),
            event_key=event_key,
            trade_id=trade[0],
            version=trade[1],
            rule=str(rule),
            booked_on=attempt.desk.business_date,
            reverses_id=None if reverses is None else reverses.id,
            lines_digest=lines_digest(lines),
        )
    )
    for number, line in enumerate(lines, start=1):
        attempt.move(
            JournalLine(
                journal_id=journal.id,
                line=number,
                account=line.account,
                currency=line.currency,
                amount=line.amount,
                eur_amount=line.eur_amount,
            )
        )
    told = attempt.data.get("lines", {})
    attempt.note(lines={**told, str(journal.id): [line_view(line) for line in lines]})
    return journal


def trade_key(trade_id: UUID, version: int) -> str:
    """Name the accounting event of dealing."""
    return f"trade:{trade_id}:{version}"


def _post_settlement(item: WorkItem) -> tuple[UseCase, Command]:
    assert item.trade_id is not None, "a leg belongs to a deal"
    return post_journal, PostJournal(
        event="settlement", trade_id=item.trade_id, settlement_id=item.subject_id
    )


AUTOMATIC: Handlers = {
    Item.POST_SETTLEMENT: _post_settlement,
    Item.POST_TRADE: lambda item: (
        post_journal,
        PostJournal(event="trade_date", trade_id=item.subject_id, version=item.version),
    ),
    Item.REVERSE: lambda item: (
        reverse_journals,
        ReverseJournals(trade_id=item.subject_id, version=item.version),
    ),
}
"""How accounting's own account does what waits for it here."""
