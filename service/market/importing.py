"""Bringing in the ECB's rates of one day: from its archive to the gate, the same for every face."""

import hashlib
from datetime import date
from typing import Final

from service.gate import Done, Gate
from service.kernel.actor import Actor
from service.kernel.money import plain
from service.market.ecb import read_fixings
from service.market.use_cases import ImportFixings, import_fixings

ECB: Final = "ECB euro foreign exchange reference rates"


class NotFixed(LookupError):
    """The archive holds no rate of this day: no TARGET day, or a newer one than the archive."""


def fixings_of(archive: bytes, day: date) -> ImportFixings:
    """Return the command that brings in one day of the ECB's archive, with the archive's SHA-256.

    Raises NotFixed, UnreadableFixings.
    """
    fixings = read_fixings(archive, since=day, until=day)
    if not fixings:
        sentence = f"the archive holds no rate of {day}"
        raise NotFixed(sentence)
    return ImportFixings(
        day=day,
        source=ECB,
        source_sha256=hashlib.sha256(archive).hexdigest(),
        rates={fixing.currency: plain(fixing.rate) for fixing in fixings},
    )


async def import_day(gate: Gate, actor: Actor, archive: bytes, day: date, *, key: str | None = None) -> Done:
    """Bring in one day of the ECB's archive. Raises FixingKnown if that was done before."""
    return await gate.perform(actor, import_fixings, fixings_of(archive, day), key=key)
