"""One journal written with its lines, once: what every act that books ends in."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from service.attempt import Attempt
from service.bookkeeping.model import Journal, JournalLine
from service.bookkeeping.posting import Line, Rule
from service.bookkeeping.queries import journal_by_key, line_view, lines_digest
from service.kernel.errors import Refusal
from service.kernel.identifiers import uuid7
from service.market.ecb import NoFixing


class AlreadyPosted(Refusal):
    """409. This event is in the books; it is booked once."""


class NoReferenceRate(Refusal):
    """409. No reference rate is known for a currency of the deal, so that its worth in euro is unknown."""


def no_rate(unknown: NoFixing, day: date) -> NoReferenceRate:
    """Return the refusal that says whose rate is missing."""
    return NoReferenceRate(
        f"No reference rate of {unknown.currency} is held for {day}; risk control must import it."
    )


async def book(
    attempt: Attempt,
    *,
    trade: tuple[UUID, int] | None,
    event_key: str,
    rule: Rule,
    lines: Sequence[Line],
    reverses: Journal | None = None,
    booked_on: date | None = None,
) -> Journal:
    """Write one journal with its lines; the entry tells them all. Raises AlreadyPosted.

    ``trade``: the deal and its version, if it is about one. ``booked_on``: where it is not the business date.
    """
    if await journal_by_key(attempt.session, event_key) is not None:
        raise AlreadyPosted("This is in the books already.")
    journal = attempt.add(
        Journal(
            id=uuid7(),
            event_key=event_key,
            trade_id=None if trade is None else trade[0],
            version=None if trade is None else trade[1],
            rule=str(rule),
            booked_on=booked_on or attempt.desk.business_date,
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
