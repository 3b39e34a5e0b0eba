"""The limits of a deal once more, by the back office and whatever was checked at the capture (SET-15)."""

from uuid import UUID

from sqlalchemy import text

from service.attempt import Attempt
from service.kernel.errors import Refusal, Report
from service.kernel.items import Item
from service.kernel.money import plain
from service.limits.model import TradingLimit

HELD = text("SELECT * FROM public.limit_held(:deal)")


class LimitNotHeld(Refusal):
    """409. No room of a limit is held for the deal, as if nobody had checked it at the capture."""

    rule = "SET-15"


async def must_be_held(attempt: Attempt, trade_id: UUID) -> None:
    """Raise LimitNotHeld where a deal takes no room of its limits; tell risk control of a limit that is passed.

    What was found stands in the entry, limit by limit. A limit that was passed by others' deals, or cut since, does
    not stop this one: risk control has the case.
    """
    found = (await attempt.session.execute(HELD, {"deal": trade_id})).all()
    if any(not row.held for row in found):
        sentence = "No room of its limits is held for this deal; risk control must look into it first."
        case = [row.limit_id for row in found if row.limit_id is not None and not row.told]
        kind = TradingLimit.__tablename__
        raise LimitNotHeld(sentence, report=tuple(Report(Item.EXCESS, kind, one, sentence) for one in case))
    attempt.note(
        limit_check=[
            {"scope": row.scope, "limit": row.limit_id, "limit_eur": row.limit_eur, "used_eur": row.used_eur}
            for row in found
        ]
    )
    for row in found:
        if row.limit_id is not None and row.used_eur > row.limit_eur and not row.told:
            over = f"EUR {plain(row.used_eur)} are used of EUR {plain(row.limit_eur)}."
            attempt.open_item_about(Item.EXCESS, TradingLimit.__tablename__, row.limit_id, reason=over)
