"""A deal's rate beside the independent reference: how far off the market it was struck."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from service.kernel.money import ARITHMETIC
from service.market.ecb import NoFixing, cross


class Reference(msgspec.Struct, frozen=True):
    """The reference rate of a pair on a day, and the deal's distance from it; positive: the deal's rate is higher."""

    day: date
    rate: Decimal
    deviation_bp: Decimal


def beside_reference(
    rate: Decimal, base: str, quote: str, fixings: tuple[date, Mapping[str, Decimal]] | None
) -> Reference | None:
    """Hold a rate against the fixings of a day, to a tenth of a basis point; None where they do not know the pair."""
    if fixings is None:
        return None
    day, rates = fixings
    try:
        reference = cross(rates, base, quote)
    except NoFixing:
        return None
    distance = ARITHMETIC.divide(rate - reference, reference) * 10_000
    return Reference(
        day,
        reference.quantize(Decimal("0.000001"), ROUND_HALF_UP),
        distance.quantize(Decimal("0.1"), ROUND_HALF_UP),
    )
