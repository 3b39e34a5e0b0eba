"""Accounting books what is proved to have happened, once, and takes back by a mirror, never by a change."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.bookkeeping.booking import AlreadyPosted, book, no_rate
from service.bookkeeping.model import Journal
from service.bookkeeping.posting import (
    NOSTRO,
    REVERSAL,
    Line,
    NotBooked,
    mirror,
    part_journal,
    settlement_journals,
    trade_date_journal,
)
from service.bookkeeping.queries import (
    journal_view,
    journals_of_event,
    lines_of,
    unreversed,
)
from service.confirmations.standing import is_past, must_be_undone, must_have_been_verified
from service.control.model import TradeControl
from service.gate import UseCase, use_case
from service.kernel.errors import Malformed, NotFound, Refusal
from service.kernel.items import Item
from service.kernel.money import Money
from service.market.ecb import NoFixing
from service.market.queries import last_rates
from service.settlement.lifecycle import SettlementState
from service.settlement.model import Settlement
from service.trades.deals.deal import Terms
from service.trades.versions import terms_of
from service.work.model import WorkItem
from service.work.queries import waits
from service.work.worker import Handlers

Event = Literal["trade_date", "settlement", "part", "return"]


class NotReturned(Refusal):
    """409. The money of the leg has not come back; nothing of it is mirrored."""


class NotSettled(Refusal):
    """409. The leg has not settled; there is nothing to book."""


class PostFirst(Refusal):
    """409. The deal's trade-date journal comes before what follows from it."""


class NothingToReverse(Refusal):
    """409. No journal of the deal is left that is not reversed."""


class PostJournal(Command, frozen=True, kw_only=True):
    """Book a verified deal on its trade date, a leg that settled, or that its money came back."""

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
    if (command.event != "trade_date") != (command.settlement_id is not None):
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
    elif command.event == "part":
        booked = await book_part(attempt, control, command.settlement_id)
        attempt.close_item(Item.POST_PART, command.settlement_id)
    elif command.event == "return":
        booked = await mirror_settlement(attempt, control, command.settlement_id)
        attempt.close_item(Item.POST_RETURN, command.settlement_id)
    else:
        booked = await book_settlement(attempt, control, terms, command.settlement_id)
        attempt.close_item(Item.POST_SETTLEMENT, command.settlement_id)
    await attempt.session.flush()
    journals = [journal_view(journal, lines) for journal, lines in booked]
    if not journals:  # what was to be booked has been undone since, or is in the books as a part of more
        return Changed({"trade": str(command.trade_id), "journals": []})
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
            trade=(trade_id, must_have_version(journal)),
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
    before = await journals_of_event(session, leg.id)
    if any(not is_mirrored and not is_part(journal) for journal, is_mirrored in before):
        raise AlreadyPosted("This is in the books already.")
    parts = await mirror_all(attempt, [one for one, is_mirrored in before if not is_mirrored])
    await session.flush()
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
    *due_with_it, payment = found  # what is due with a payment comes before it, under a key of its own
    again = again_key(sum(journal.event_key.startswith("settlement:") for journal, _ in before))
    keyed = [
        *((f"interest:{leg.id}{again}", one) for one in due_with_it),
        (f"settlement:{leg.id}{again}", payment),
    ]
    return parts + [
        (await book(attempt, trade=trade, event_key=key, rule=rule, lines=lines), lines)
        for key, (rule, lines) in keyed
    ]


async def book_part(
    attempt: Attempt, control: TradeControl, settlement_id: UUID
) -> list[tuple[Journal, Sequence[Line]]]:
    """Book what moved of a leg and is not in the books yet; once the leg has settled, the whole of it is booked instead."""
    leg = await attempt.session.get(Settlement, settlement_id)
    if leg is None or leg.trade_id != control.id:
        raise NotFound("settlement")
    if leg.state == SettlementState.SETTLED:
        return []
    parts = [one for one, is_mirrored in await journals_of_event(attempt.session, leg.id) if not is_mirrored]
    lines = await lines_of(attempt.session, [one.id for one in parts])
    in_books = sum(
        (abs(line.amount) for one in parts for line in lines[one.id] if line.account == NOSTRO), Decimal(0)
    )
    if leg.paid <= in_books:
        return []
    day, rates = await last_rates(attempt.session, attempt.desk.business_date) or (leg.value_date, {})
    moved = Money(leg.paid - in_books, leg.currency)
    try:
        rule, posted = part_journal(moved, rates, received=leg.amount > 0)
    except NoFixing as unknown:
        raise no_rate(unknown, day) from unknown
    key = f"part:{leg.id}:{len(await journals_of_event(attempt.session, leg.id)) + 1}"
    trade = (leg.trade_id, leg.version)
    return [(await book(attempt, trade=trade, event_key=key, rule=rule, lines=posted), posted)]


def is_part(journal: Journal) -> bool:
    """Tell whether a journal booked a part of a payment."""
    return journal.event_key.startswith("part:")


async def mirror_all(attempt: Attempt, booked: Sequence[Journal]) -> list[tuple[Journal, Sequence[Line]]]:
    """Mirror journals, the newest first."""
    lines = await lines_of(attempt.session, [journal.id for journal in booked])
    mirrored: list[tuple[Journal, Sequence[Line]]] = []
    for journal in reversed(booked):
        back = mirror(lines[journal.id])
        assert journal.trade_id is not None, "a journal of a leg is of its deal"
        trade, key = (journal.trade_id, must_have_version(journal)), f"reversal:{journal.id}"
        reversal = await book(
            attempt, trade=trade, event_key=key, rule=REVERSAL, lines=back, reverses=journal
        )
        mirrored.append((reversal, back))
    return mirrored


async def mirror_settlement(
    attempt: Attempt, control: TradeControl, settlement_id: UUID
) -> list[tuple[Journal, Sequence[Line]]]:
    """Mirror what was booked of a payment whose money came back; it is booked anew when it is paid again."""
    session = attempt.session
    leg = await session.get(Settlement, settlement_id)
    if leg is None or leg.trade_id != control.id:
        raise NotFound("settlement")
    before = await journals_of_event(session, leg.id)
    booked = [journal for journal, is_mirrored in before if not is_mirrored]
    if not booked:
        if await waits(session, Item.POST_SETTLEMENT, leg.id) or await waits(session, Item.POST_PART, leg.id):
            raise PostFirst("The payment is still to be booked; it is mirrored afterwards.")
        if before or leg.state != SettlementState.RETURNED:
            raise NothingToReverse("No journal of this payment is left to mirror.")
        return []
    if leg.settled_on is not None:
        raise NotReturned("The money of this leg has not come back.")
    return await mirror_all(attempt, booked)


def must_have_version(journal: Journal) -> int:
    """Return of which version of its deal a journal is."""
    assert journal.version is not None, "a journal of a deal is of a version of it"
    return journal.version


def again_key(times: int) -> str:
    """Tell payments of one leg apart: the first has no suffix, one that is paid again is counted."""
    return f":{times + 1}" if times else ""


def trade_key(trade_id: UUID, version: int) -> str:
    """Name the accounting event of dealing."""
    return f"trade:{trade_id}:{version}"


def _post_return(item: WorkItem) -> tuple[UseCase, Command]:
    assert item.trade_id is not None, "a leg belongs to a deal"
    return post_journal, PostJournal(event="return", trade_id=item.trade_id, settlement_id=item.subject_id)


def _post_settlement(item: WorkItem) -> tuple[UseCase, Command]:
    assert item.trade_id is not None, "a leg belongs to a deal"
    return post_journal, PostJournal(
        event="settlement", trade_id=item.trade_id, settlement_id=item.subject_id
    )


def _post_part(item: WorkItem) -> tuple[UseCase, Command]:
    assert item.trade_id is not None, "a leg belongs to a deal"
    return post_journal, PostJournal(event="part", trade_id=item.trade_id, settlement_id=item.subject_id)


AUTOMATIC: Handlers = {
    Item.POST_PART: _post_part,
    Item.POST_RETURN: _post_return,
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
