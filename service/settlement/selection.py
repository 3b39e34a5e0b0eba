"""Why this payment route: every candidate, the rule, and why the others were passed over. Pure (SET-17)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from service.kernel.database import plain_value

Why = Literal["approved_last", "replaced", "agreed_for_this_deal", "set_aside_for_this_deal", "not_confirmed"]
RULE: Final = "SSI-1"
SENTENCES: Final[dict[Why, str]] = {
    "approved_last": "approved last of the counterparty's settlement instructions for {currency}, and so in force",
    "replaced": "replaced by an instruction that was approved later",
    "agreed_for_this_deal": "agreed for this deal alone, confirmed by a call to the counterparty",
    "set_aside_for_this_deal": "in force, but another route was agreed for this deal alone",
    "not_confirmed": "named for this deal alone, but no call to the counterparty has confirmed it",
}


class Standing(msgspec.Struct, frozen=True):
    """A settlement instruction that two people of master data put in force."""

    id: UUID
    approved_at: datetime


class Deviation(msgspec.Struct, frozen=True):
    """A route that was named for one deal alone; ``confirmed``: a call to the counterparty said so, two people saw to it."""

    confirmed: bool


class Candidate(msgspec.Struct, frozen=True):
    """A route that could have been taken, and why it was or was not."""

    instruction: UUID | None  # none: of this deal alone
    approved_at: datetime | None
    chosen: bool
    why: Why


class Selection(msgspec.Struct, frozen=True):
    """What was chosen, if anything could be."""

    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> Candidate | None:
        """Return the candidate that was chosen."""
        return next((one for one in self.candidates if one.chosen), None)

    def view(self, currency: str) -> list[Any]:
        """Return the reasons as they are stored and shown: no account number among them."""
        told = [
            {
                "instruction": one.instruction,
                "approved_at": one.approved_at,
                "chosen": one.chosen,
                "why": one.why,
                "sentence": SENTENCES[one.why].format(currency=currency),
            }
            for one in self.candidates
        ]
        return [plain_value(one) for one in told]


def selected(standing: Sequence[Standing], deviation: Deviation | None) -> Selection:
    """Choose by rule SSI-1: the confirmed route of this deal alone, else the standing instruction approved last.

    ``standing``: of one counterparty and currency, in any order.
    """
    newest_first = sorted(standing, key=lambda one: (one.approved_at, one.id), reverse=True)
    deal = deviation is not None and deviation.confirmed
    found = [
        Candidate(
            one.id,
            one.approved_at,
            chosen=place == 0 and not deal,
            why="replaced" if place else "set_aside_for_this_deal" if deal else "approved_last",
        )
        for place, one in enumerate(newest_first)
    ]
    if deviation is not None:
        why: Why = "agreed_for_this_deal" if deal else "not_confirmed"
        found.insert(0, Candidate(None, None, chosen=deal, why=why))
    return Selection(tuple(found))
