"""Taking room of the limits for deals about to be written: all of it in the database, behind one lock per limit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Attempt
from service.kernel.database import plain_value
from service.kernel.direct import fetch, in_json
from service.kernel.errors import Refusal, Report, Unprocessable
from service.kernel.items import Item
from service.kernel.money import Money, plain
from service.limits.model import LimitReservation

EXCESS_REPORTED_FROM_EUR: Final = Decimal(1_000_000)
"""From which excess on the responsible board member is told at once (RC-05, BTR 1 Tz. 5); each bank sets its own."""

RESERVE = (
    "SELECT n, verdict, scope, limit_id, limit_eur, used_eur, asked_eur, currency, told "
    "FROM public.limit_reserve($1::text::jsonb) ORDER BY n"
)
RELEASE = text("SELECT public.limit_release(:trade, :entry)")
TOLD = (
    *("amount", "currency", "eur_amount", "fixing_day", "limit_id", "owner_id", "scope", "version", "why"),
)


class NoLimit(Refusal):
    """409. No limit is in force for the counterparty or the book; without one there is no deal."""


class LimitExceeded(Refusal):
    """409. The limit has not enough room left; nothing was reserved. Risk control is told."""


class MandateExceeded(Refusal):
    """403. The deal is larger than the trader's mandate to deal off the premises."""

    status = 403
    rule = "TRD-06"


class NoExchangeRate(Unprocessable):
    """422. The last fixing does not know the currency, so nobody knows what the deal takes of the limit."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a version of a deal needs: exposure to its counterparty, nominal in its book, both positive.

    ``max_eur``: how large it may be at most, where its trader's mandate says so.
    """

    trade_id: UUID
    version: int
    entry_id: UUID
    counterparty_id: UUID
    portfolio_id: UUID
    exposure: Money
    nominal: Money
    max_eur: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    """What was taken of the counterparty's limit, in EUR. ``limit_eur`` is None where none is needed.

    ``rows``: every reservation that was written for the deal, as its entry tells them.
    """

    limit_eur: Decimal | None
    used_eur: Decimal
    asked_eur: Decimal
    rows: Sequence[Mapping[str, Any]]

    def told(self) -> dict[str, Any]:
        """Return what the trader is told."""
        if self.limit_eur is None:
            return {"result": "exempt", "why": "internal deal: nothing is owed from outside"}
        after = self.used_eur + self.asked_eur
        figures = {
            "limit_eur": self.limit_eur,
            "reserved_eur": self.asked_eur,
            "used_eur": after,
            "headroom_eur": self.limit_eur - after,
        }
        return {"result": "ok", **{name: plain_value(figure) for name, figure in figures.items()}}


class Verdict(NamedTuple):
    """What the database says of one deal; ``told``: the reservations written for it."""

    n: int
    verdict: str
    scope: str
    limit_id: UUID
    limit_eur: Decimal
    used_eur: Decimal
    asked_eur: Decimal
    currency: str
    told: Sequence[Mapping[str, Any]]


async def reserve(session: AsyncSession, wanted: Sequence[Wanted]) -> Mapping[UUID, Reserved | Refusal]:
    """Take room for each deal that has it; a refused deal holds nothing, and its earlier version keeps its own."""
    if not wanted:
        return {}
    deals = [
        {
            "n": n,
            "trade": str(one.trade_id),
            "version": one.version,
            "entry": str(one.entry_id),
            "counterparty": str(one.counterparty_id),
            "portfolio": str(one.portfolio_id),
            "currency": one.exposure.currency,
            "amount": plain(one.exposure.amount),
            "nominal": plain(one.nominal.amount),
            "max_eur": None if one.max_eur is None else plain(one.max_eur),
        }
        for n, one in enumerate(wanted)
    ]
    rows = [Verdict(*row) for row in await fetch(session, RESERVE, in_json(deals))]
    return {wanted[row.n].trade_id: outcome(row) for row in rows}


async def give_back(attempt: Attempt, trade_id: UUID) -> None:
    """Give back the room of a deal that is cancelled or settled to its last leg; the entry tells what."""
    given = await attempt.session.scalar(RELEASE, {"trade": trade_id, "entry": attempt.entry_id})
    if given:
        attempt.note(limits=in_order(given))


def in_order(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return reservations of one act in the order in which entries and exports tell them."""
    return sorted(rows, key=lambda row: [row[name] for name in ("scope", "owner_id", "why", "currency")])


def reservation_view(row: LimitReservation) -> dict[str, object]:
    """Return a reservation as its entry tells it."""
    told = {name: getattr(row, name) for name in TOLD}
    return {name: plain_value(value) for name, value in told.items() if value is not None}


def outcome(row: Verdict) -> Reserved | Refusal:
    """Return what the database said of one deal."""
    of_party = row.scope == "counterparty"
    owner, rule = ("counterparty", "RC-03") if of_party else ("portfolio", "RC-06")
    match row.verdict:
        case "ok":
            return Reserved(row.limit_eur, row.used_eur, row.asked_eur, in_order(row.told))
        case "no_limit":
            sentence = "No limit is in force for this portfolio; risk control must set one."
            if of_party:
                sentence = "No limit is in force for this counterparty; the credit back office must set one."
            return NoLimit(sentence, rule=rule, field=owner)
        case "mandate":
            return MandateExceeded(
                f"Off the premises your mandate ends at EUR {plain(row.limit_eur)}; "
                f"this deal is worth EUR {plain(row.asked_eur)}.",
                field="location",
            )
        case "no_rate":
            return NoExchangeRate(f"The last fixing knows no rate for {row.currency}.", field="counterparty")
    assert row.verdict == "excess"
    room = row.limit_eur - row.used_eur
    sentence = (
        f"The limit of this counterparty is EUR {plain(row.limit_eur)}, EUR {plain(row.used_eur)} of it are used: "
        f"there is room for EUR {plain(room)}, and this deal needs EUR {plain(row.asked_eur)}."
        if of_party
        else f"The limit of this portfolio is EUR {plain(row.limit_eur)}, EUR {plain(row.used_eur)} of it are used: "
        f"there is room for EUR {plain(room)}, and this deal needs EUR {plain(row.asked_eur)}."
    )
    told = told_of_excess(row.asked_eur - room)
    return LimitExceeded(
        sentence,
        rule=rule,
        field=owner,
        report=tuple(Report(item, "trading_limit", row.limit_id, sentence) for item in told),
        facts={
            "asked_eur": plain(row.asked_eur),
            "limit": str(row.limit_id),
            "limit_eur": plain(row.limit_eur),
            "used_eur": plain(row.used_eur),
        },
    )


def told_of_excess(over_eur: Decimal) -> tuple[Item, ...]:
    """Return the work that an excess by this much makes: risk control's always, the board's from the threshold on."""
    return (Item.EXCESS, Item.TAKE_NOTICE) if over_eur >= EXCESS_REPORTED_FROM_EUR else (Item.EXCESS,)
