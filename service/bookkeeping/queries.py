"""What is read from the books: journals with their lines, and balances that must prove themselves."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from service.bookkeeping.model import Journal, JournalLine
from service.bookkeeping.posting import Line, account_name
from service.kernel.database import digest, plain_value
from service.kernel.paging import Order, from_end, paged

BALANCES: Final = text(
    "SELECT account, currency, debit, credit, debit - credit AS balance, eur_amount AS eur_balance "
    "FROM public.balances_now(CAST(:as_of AS date)) ORDER BY account, currency"
)
"""From the totals that the database keeps, with what is not in them yet."""


async def journal_by_key(session: AsyncSession, event_key: str) -> Journal | None:
    """Return the journal of one accounting event, or None if it is not booked."""
    found: Journal | None = await session.scalar(select(Journal).where(Journal.event_key == event_key))
    return found


async def journals_of_event(session: AsyncSession, settlement_id: UUID) -> list[tuple[Journal, bool]]:
    """Return what was booked of one leg's payments, oldest first, each with whether it is mirrored."""
    reversal = aliased(Journal)
    mirrored = select(reversal.id).where(reversal.reverses_id == Journal.id).exists()
    events = (f"interest:{settlement_id}", f"settlement:{settlement_id}", f"part:{settlement_id}")
    wanted = select(Journal, mirrored.label("mirrored")).where(
        or_(*(Journal.event_key.startswith(event) for event in events))
    )
    return [(row.Journal, row.mirrored) for row in await session.execute(wanted.order_by(Journal.id))]


async def unreversed(session: AsyncSession, trade_id: UUID, version: int | None = None) -> list[Journal]:
    """Return the journals of a deal that nothing has reversed yet, oldest first; up to ``version`` if it is given."""
    reversal = aliased(Journal)
    wanted = select(Journal).where(
        Journal.trade_id == trade_id,
        Journal.reverses_id.is_(None),
        ~select(reversal.id).where(reversal.reverses_id == Journal.id).exists(),
    )
    if version is not None:
        wanted = wanted.where(Journal.version <= version)
    return list(await session.scalars(wanted.order_by(Journal.id)))


async def lines_of(session: AsyncSession, journals: Iterable[UUID]) -> dict[UUID, list[Line]]:
    """Return the lines of each journal, in the order they were booked."""
    rows = await session.scalars(
        select(JournalLine)
        .where(JournalLine.journal_id.in_(list(journals)))
        .order_by(JournalLine.journal_id, JournalLine.line)
    )
    found: dict[UUID, list[Line]] = {}
    for row in rows:
        line = Line(row.account, row.currency, row.amount, row.eur_amount)
        found.setdefault(row.journal_id, []).append(line)
    return found


async def journals(
    session: AsyncSession,
    trade: UUID | None = None,
    limit: int = 50,
    cursor: UUID | None = None,
    order: Order = Order.OLDEST,
    one: UUID | None = None,
) -> dict[str, Any]:
    """Return a page of journals, the oldest first or the newest; ``next`` is the cursor of the page after it.

    ``one``: that one alone, with what reversed it.
    """
    query = from_end(select(Journal), Journal.id, order, cursor).limit(limit + 1)
    if one is not None:
        query = query.where(or_(Journal.id == one, Journal.reverses_id == one))
    if trade is not None:
        query = query.where(Journal.trade_id == trade)
    found = list(await session.scalars(query))
    lines = await lines_of(session, [journal.id for journal in found[:limit]])
    return paged([journal_view(journal, lines.get(journal.id, [])) for journal in found], limit)


async def reversals(session: AsyncSession, journals: Iterable[UUID]) -> dict[str, str]:
    """Return which of the journals are reversed, each with the journal that did it."""
    wanted = select(Journal.reverses_id, Journal.id).where(Journal.reverses_id.in_(list(journals)))
    return {str(row.reverses_id): str(row.id) for row in await session.execute(wanted)}


async def trial_balance(session: AsyncSession, as_of: date | None = None) -> dict[str, Any]:
    """Return debit, credit and balance of every account and currency, booked up to and on ``as_of``.

    ``proof`` holds the sums that are zero in books that balance: per currency, and in euro over all.
    """
    zero = Decimal(0)
    rows = (await session.execute(BALANCES, {"as_of": as_of})).all()
    currencies: dict[str, tuple[Decimal, Decimal]] = {}
    for row in rows:
        so_far = currencies.get(row.currency, (zero, zero))
        currencies[row.currency] = (so_far[0] + row.balance, so_far[1] + row.eur_balance)
    return {
        "as_of": None if as_of is None else as_of.isoformat(),
        "items": [plain_value({"name": account_name(row.account), **row._mapping}) for row in rows],  # noqa: SLF001
        "proof": {
            "currencies": [
                plain_value({"currency": currency, "sum": sums[0], "eur_sum": sums[1]})
                for currency, sums in sorted(currencies.items())
            ],
            "eur_sum": plain_value(sum((sums[1] for sums in currencies.values()), zero)),
        },
    }


def journal_view(journal: Journal, lines: Iterable[Line]) -> dict[str, Any]:
    """Return the journal as the interface shows it; ``version`` is the deal's, lines are positive for debits."""
    return {
        "id": str(journal.id),
        "event": journal.event_key,
        "trade": None if journal.trade_id is None else str(journal.trade_id),
        "version": journal.version,
        "rule": journal.rule,
        "booked_on": journal.booked_on.isoformat(),
        "reverses": None if journal.reverses_id is None else str(journal.reverses_id),
        "lines_digest": journal.lines_digest,
        "lines": [line_view(line) for line in lines],
    }


def line_view(line: Line) -> dict[str, str]:
    """Return one side of a posting as the interface and the log write it."""
    facts = {
        "account": line.account,
        "currency": line.currency,
        "amount": line.amount,
        "eur_amount": line.eur_amount,
    }
    return {name: str(plain_value(value)) for name, value in facts.items()}


def lines_digest(lines: Iterable[Line]) -> str:
    """Return the digest that the journal's row, and with it the log, keeps of its lines."""
    return digest({"lines": [line_view(line) for line in lines]})
