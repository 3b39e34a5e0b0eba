"""Deals beside the independent reference of their trade date, worked out in the database where nobody dealing can touch it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Attempt
from service.kernel.database import plain_value
from service.kernel.direct import fetch, in_json
from service.kernel.items import Item

CHECK = (
    "SELECT n, id, state, why, inverted, deviation_bp, reference, reference_day, tolerance_bp, checked_at "
    "FROM public.market_check($1::text::jsonb) ORDER BY n"
)
RECHECK = text("SELECT * FROM public.market_recheck(:since, :currency, :entry)")
DIGEST = text("SELECT public.checks_digest(:entry)")
VERDICT = ("checked_at", "inverted", "reference_day", "state", "tolerance_bp", "why")
"""What the entry of a deal tells of its check whoever may see the reference; these are columns of it."""
NEEDLESS = text("""
    SELECT DISTINCT w.subject_id FROM public.work_item w
    JOIN public.trade t ON t.id = w.subject_id
    LEFT JOIN public.trade_control x ON x.id = t.id
    CROSS JOIN LATERAL (
        SELECT m.id, m.state FROM public.market_check m
        WHERE m.trade_id = t.id AND m.version = t.version ORDER BY m.seq DESC LIMIT 1) c
    WHERE w.kind = 'justify' AND w.closed_entry_id IS NULL
      AND (c.state = 'ok' OR x.state = 'cancelled' OR public.justification_for(c.id) IS NOT NULL)
""")
"""Deals whose item waits for a justification that nothing needs any more."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. ``state``: ok, alert, no_reference. A positive deviation: dealt higher than the reference."""

    id: UUID
    state: str
    why: str
    inverted: bool
    deviation_bp: Decimal | None
    reference: Decimal | None
    reference_day: date | None
    tolerance_bp: Decimal | None
    checked_at: datetime

    def verdict(self) -> dict[str, Any]:
        """Return what the entry tells in any case."""
        told = {name: getattr(self, name) for name in VERDICT}
        return {name: plain_value(value) for name, value in told.items() if value is not None}

    def figures(self) -> dict[str, Any]:
        """Return what the entry tells beside it, where the database let trading's own process see it."""
        told = {"reference": self.reference, "deviation_bp": self.deviation_bp}
        return {name: plain_value(value) for name, value in told.items() if value is not None}

    def told(self, *, published: bool) -> dict[str, Any]:
        """Return what the trader is told: the figures only once the reference is everybody's."""
        view: dict[str, Any] = {"result": self.state, "why": self.why, "inverted": self.inverted}
        if published and self.reference is not None:
            view |= {
                "deviation_bp": plain_value(self.deviation_bp),
                "reference": plain_value(self.reference),
                "reference_day": plain_value(self.reference_day),
            }
        return view


async def check_market(
    session: AsyncSession, versions: Iterable[tuple[UUID, int, UUID]]
) -> Mapping[UUID, Checked]:
    """Check versions of deals just written (deal, version, entry of the act); return what was found by deal."""
    wanted = [
        {"n": n, "trade": str(trade), "version": version, "entry": str(entry)}
        for n, (trade, version, entry) in enumerate(versions)
    ]
    if not wanted:
        return {}
    rows = await fetch(session, CHECK, in_json(wanted))
    return {UUID(wanted[n]["trade"]): Checked(*found) for n, *found in rows}


async def recheck(attempt: Attempt, since: date, currency: str | None = None) -> None:
    """Hold again what stands on an older reference than the one of this day, which comes into force with the act.

    ``currency``: money-market deals in it; None: exchanges of currencies. A verified deal stays verified; what
    turns out to stand off the market must be justified all the same, and the board is told at once (SET-21).
    """
    session = attempt.session
    await session.flush()
    facts = {"since": since, "currency": currency, "entry": attempt.entry_id}
    found = (await session.execute(RECHECK, facts)).all()
    turned = [row for row in found if row.state == "alert" and row.before != "alert"]
    for row in found:
        if row.state != "ok" and not row.covered and not row.waits:
            tell(attempt, Item.JUSTIFY, row)
    for row in turned:
        tell(attempt, Item.TAKE_NOTICE, row)
    for trade_id in (await session.scalars(NEEDLESS)).all():
        attempt.close_item(Item.JUSTIFY, trade_id)
    attempt.note(rechecked={"deals": len(found), "turned_alert": len(turned)})
    if found:
        told = {"since": since, "currency": currency, "checked_at": found[0].checked_at}
        attempt.note(checks=told | {"digest": await session.scalar(DIGEST, {"entry": attempt.entry_id})})


def tell(attempt: Attempt, item: Item, found: Row[Any]) -> None:
    """Open an item about a deal that was checked again."""
    attempt.open_item_about(
        item, "trade", found.trade_id, trade_id=found.trade_id, version=found.version, reason=found.why
    )
