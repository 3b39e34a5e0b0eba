"""What stands in every row of every list, as markup: amounts, days, times, currencies and states.

Lists write the same ones many times and a page again and again, so they are remembered, and none of them is a macro.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

from service.ui.formats import MINUS, NOTHING, Formats
from service.ui.languages import Language, Words
from service.ui.words import STATES

KEPT: Final = 8192
"""So many cells of a kind are remembered."""
NONE: Final = Markup('<span class="none">{}</span>').format(NOTHING)
TIME: Final = Markup('<time datetime="{}" title="{}">{}</time>')


@dataclass(frozen=True, slots=True)
class Cells:
    """What a list writes in its rows, in one reader's language."""

    language: Language
    say: Words

    def money(self, value: str | Decimal | None, currency: str) -> Markup:
        """Write an amount with the decimals of its currency, marked where it is negative."""
        return _money(None if value is None else str(value), currency, self.language)

    def currency(self, code: str) -> Markup:
        """Write a currency's code, quieter than its amount."""
        return _currency(code)

    def day(self, value: str | date | None, *, weekday: bool = False) -> Markup:
        """Write a day that a machine reads too."""
        return _day(str(value), self.language, weekday=weekday) if value else NONE

    def minute(self, value: str | datetime | None) -> Markup:
        """Write a point in time to the minute that a machine reads too, with UTC behind it."""
        return _minute(value, self.language) if value else NONE

    def when(self, value: str | datetime | None) -> Markup:
        """Write the same to the second."""
        return _when(value, self.language) if value else NONE

    def behind(self, value: str | datetime) -> Markup:
        """Write what stands behind a time that is told in other words: for machines, and on hover here and in UTC."""
        return _behind(value, self.language)

    def status(self, code: str) -> Markup:
        """Write a state with its sign, in words."""
        known = STATES.get(code)
        if known is None:
            return Markup('<span class="status quiet">{}</span>').format(code)
        icon, text = f'<span aria-hidden="true">{known.icon}</span>', escape(self.say(known.text))
        return Markup(f'<span class="status {known.tone}">{icon} {text}</span>')  # noqa: S704 - all ours


@lru_cache(maxsize=KEPT)
def _money(value: str | None, currency: str, language: Language) -> Markup:
    written = Formats(language).amount(value, currency)
    return Markup('<span class="num{}">{}</span>').format(" neg" * written.startswith(MINUS), written)


@lru_cache(maxsize=KEPT)
def _currency(code: str) -> Markup:
    return Markup('<span class="ccy">{}</span>').format(code)


@lru_cache(maxsize=KEPT)
def _day(value: str, language: Language, *, weekday: bool) -> Markup:
    written = Formats(language).day(value, weekday=weekday)
    return Markup('<time datetime="{}">{}</time>').format(value, written)


@lru_cache(maxsize=KEPT)
def _minute(value: str | datetime, language: Language) -> Markup:
    fmt = Formats(language)
    return TIME.format(fmt.machine(value), fmt.utc(value), fmt.minute(value))


@lru_cache(maxsize=KEPT)
def _behind(value: str | datetime, language: Language) -> Markup:
    fmt = Formats(language)
    written = Markup(' datetime="{}" title="{} · {}"')
    return written.format(fmt.machine(value), fmt.moment(value), fmt.utc(value))


@lru_cache(maxsize=KEPT)
def _when(value: str | datetime, language: Language) -> Markup:
    fmt = Formats(language)
    return TIME.format(fmt.machine(value), fmt.utc(value), fmt.moment(value))
