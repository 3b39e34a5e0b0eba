"""How long records of a class are kept: what the law asks for, and what the house keeps.

Periods count from the end of the calendar year. Sources: § 257 HGB, § 147 AO, § 25a(1) KWG (AT 6 Tz. 1),
§ 9(4) WpDVerOV.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Retention(StrEnum):
    """The classes of records."""

    BOOKS = "books"
    LETTERS = "letters"
    RECORDS = "records"
    VOUCHERS = "vouchers"


class Kept(NamedTuple):
    """Years from the end of the calendar year; what the law demands of such records, and where it says so."""

    years: int
    demanded_years: int
    source: str


CLASSES: Final[Mapping[str, Kept]] = {
    Retention.BOOKS.value: Kept(10, 10, "HGB 257(4), AO 147(3)"),
    Retention.LETTERS.value: Kept(10, 6, "HGB 257(4)"),
    Retention.RECORDS.value: Kept(10, 5, "KWG 25a(1), MaRisk AT 6 Tz. 1"),
    Retention.VOUCHERS.value: Kept(10, 10, "HGB 257(4) s. 2"),
}
