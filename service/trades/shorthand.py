"""A deal in one line, as it is spoken at a desk: ``S 10M GBPUSD 1.42 CITI SPOT``.

Side, amount, pair and rate come first and in this order; behind them stand the counterparty by LEI or by the
beginnings of words of its name, the value (``SPOT``, a tenor as ``3M``, ``IMM``, a date), and ``@BOOK``. A forward
gives its rate as spot rate and points: ``1.1650+0.0050``. Nothing is guessed: what has two meanings is refused.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from service.kernel.calendar import CALENDARS, NoCalendar, is_business_day, next_business_day, spot_date
from service.kernel.errors import Malformed
from service.kernel.money import ARITHMETIC, UnreadableAmount, parse_amount, plain
from service.ui.formats import typed_number
from service.ui.languages import Language

LINE_MAX: Final = 200
SIDES: Final = {
    **dict.fromkeys(("B", "BUY", "K", "KAUF"), "buy"),
    **dict.fromkeys(("S", "SELL", "V", "VERKAUF"), "sell"),
}
LEADING: Final = 4
MONTHS_MAX: Final = 24
IMM_MONTHS: Final = (3, 6, 9, 12)
WEDNESDAY: Final = 2
_TENOR: Final = re.compile(r"([1-9][0-9]?)([WMY])", re.ASCII)
_IMM: Final = re.compile(r"IMM([1-8]?)", re.ASCII)
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_GERMAN: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", re.ASCII)
_RATES: Final = re.compile(r"([0-9.,]+)([+\-−][0-9.,]+)?", re.ASCII)
_PAIR: Final = re.compile(r"([A-Z]{3})/?([A-Z]{3})", re.ASCII)


class LineUnread(Malformed):
    """400. A word of the line has no meaning where it stands; the sentence names the word and its place."""

    def __init__(self, sentence: str, field: str = "line") -> None:
        super().__init__(sentence, field=field)


class Party(NamedTuple):
    """Somebody a line may name."""

    lei: str
    name: str


@dataclass(frozen=True, slots=True)
class Around:
    """What a line is read against: the reader's language, the day it is dealt on, who and which books there are."""

    language: Language
    trade_date: date
    parties: Sequence[Party] = ()
    books: Sequence[str] = ()


@dataclass(slots=True)
class _Rest:
    """What stands behind the rate, sorted by what it is."""

    value: tuple[int, str] | None = None
    book: str | None = None
    named: list[tuple[int, str]] = field(default_factory=list)


def read_line(line: str, around: Around) -> dict[str, str]:
    """Return the fields of the ticket that a line fills. Raises LineUnread."""
    if len(line) > LINE_MAX or not line.isprintable():
        raise LineUnread(f"A line has at most {LINE_MAX} characters, none of them hidden.")
    words = line.upper().split()
    if len(words) < LEADING:
        raise LineUnread("A line begins with side, amount, pair and rate: S 10M GBPUSD 1.42 CITI SPOT.")
    base, quote = _pair(words[2])
    found = {"side": _side(words[0]), "base_amount": _amount(words[1], around.language)}
    found |= {"base": base, "quote": quote, "trade_date": around.trade_date.isoformat()}
    found |= (rates := _rate(words[3], around.language))
    rest = _sorted(words[LEADING:], around)
    found |= _value(rest.value, base, quote, around.trade_date, forward="spot_rate" in rates)
    if rest.named:
        found["counterparty"] = _party(rest.named, around.parties)
    if rest.book is not None:
        found["portfolio"] = rest.book
    return found


def _side(word: str) -> str:
    side = SIDES.get(word)
    if side is None:
        raise LineUnread(f"Word 1, '{word}', is no side: write B or BUY, S or SELL.")
    return side


def _amount(word: str, language: Language) -> str:
    typed = typed_number(word, language, grouped=True)
    try:
        amount = parse_amount(typed)
    except UnreadableAmount:
        raise LineUnread(f"Word 2, '{word}', is no amount: write 10M, 500K or the whole number.") from None
    if amount <= 0:
        raise LineUnread("Word 2 is the amount, always more than zero: the side says who receives it.")
    return plain(amount)


def _pair(word: str) -> tuple[str, str]:
    found = _PAIR.fullmatch(word)
    if found is None:
        raise LineUnread(f"Word 3, '{word}', is no pair of currencies: write GBPUSD or GBP/USD.")
    for currency in found.groups():
        if currency not in CALENDARS:
            raise LineUnread(f"Word 3 names {currency}, which is no currency that is dealt here.")
    if found[1] == found[2]:
        raise LineUnread(f"Word 3, '{word}', names one currency twice.")
    return found[1], found[2]


def _rate(word: str, language: Language) -> dict[str, str]:
    """Return the rate; for ``spot+points`` the three rates of a forward."""
    found = _RATES.fullmatch(word)
    said = [] if found is None else [one for one in found.groups() if one is not None]
    try:
        numbers = [parse_amount(typed_number(one, language, grouped=False)) for one in said]
    except UnreadableAmount:
        numbers = []
    match numbers:
        case [rate]:
            return {"type": "fx_spot", "rate": plain(rate)}
        case [spot, points]:
            rates = {"spot_rate": plain(spot), "forward_points": plain(points)}
            return {"type": "fx_forward", "rate": plain(ARITHMETIC.add(spot, points)), **rates}
    raise LineUnread(f"Word 4, '{word}', is no rate: write 1.42, or 1.1650+0.0050 for a forward.")


def _sorted(words: Sequence[str], around: Around) -> _Rest:
    """Tell value, book and counterparty apart, each said once at most."""
    rest = _Rest()
    for place, word in enumerate(words, LEADING + 1):
        if word.startswith("@"):
            if rest.book is not None:
                raise LineUnread(f"Word {place}, '{word}', names a second book.")
            rest.book = _book(place, word, around.books)
        elif word == "SPOT" or any(form.fullmatch(word) for form in (_TENOR, _IMM, _ISO, _GERMAN)):
            if rest.value is not None:
                raise LineUnread(f"Word {place}, '{word}', names a second value date.")
            rest.value = (place, word)
        else:
            rest.named.append((place, word))
    return rest


def _book(place: int, word: str, books: Iterable[str]) -> str:
    found = [book for book in books if book.upper() == word[1:]]
    if len(found) != 1:
        raise LineUnread(f"Word {place}, '{word}', is no book of your desk.")
    return found[0]


def _party(named: Sequence[tuple[int, str]], parties: Iterable[Party]) -> str:
    """Return the LEI of the one party whose LEI it is, or whose name has words that begin so, in this order."""
    said = [word for _, word in named]
    shown, place = " ".join(said), named[0][0]
    found = [
        party
        for party in parties
        if said == [party.lei.upper()] or _begins(said, re.findall(r"[^\s,./()-]+", party.name.upper()))
    ]
    if not found:
        raise LineUnread(f"Word {place}, '{shown}', names no counterparty in force.")
    if len(found) > 1:
        names = ", ".join(sorted(party.name for party in found)[:3])
        raise LineUnread(f"Word {place}, '{shown}', could be {names}: write more of the name, or the LEI.")
    return found[0].lei


def _begins(said: Iterable[str], words: Iterable[str]) -> bool:
    """Tell whether each word said begins a word of the name, in the same order."""
    remaining = iter(words)
    return all(any(word.startswith(one) for word in remaining) for one in said)


# Value dates ----------------------------------------------------------------------------------------


def _value(
    said: tuple[int, str] | None, base: str, quote: str, trade_date: date, *, forward: bool
) -> dict[str, str]:
    """Return the value date, which fits the rate: points for a forward, none for spot."""
    try:
        spot = spot_date(base, quote, trade_date)
        if said is None or said[1] == "SPOT":
            day, place = spot, 0 if said is None else said[0]
        else:
            place, word = said
            day = _named_day(place, word, spot, lambda on: next_good(on, base, quote))
    except NoCalendar as unknown:
        raise LineUnread(f"The value date cannot be worked out: {unknown}.") from None
    except (OverflowError, ValueError):
        raise LineUnread("The value date lies beyond the calendar.") from None
    if forward and said is None:
        raise LineUnread("A rate with points is a forward: write its tenor or value date behind it.")
    if forward and day <= spot:
        raise LineUnread(f"Word {place} is a spot date, and word 4 is a rate with points.")
    if not forward and day > spot:
        raise LineUnread(
            f"Word {place} is later than spot {spot}: write the rate of a forward as 1.1650+0.0050."
        )
    return {"value_date": day.isoformat()}


def _named_day(place: int, word: str, spot: date, good: Callable[[date], date]) -> date:
    """Return the day that a word names, tenors counted from spot."""
    if (tenor := _TENOR.fullmatch(word)) is not None:
        return tenor_date(spot, int(tenor[1]), tenor[2], good)
    if (imm := _IMM.fullmatch(word)) is not None:
        return good(imm_date(spot, int(imm[1] or 1)))
    parts = _GERMAN.fullmatch(word)
    iso = word if parts is None else f"{parts[3]}-{parts[2]:0>2}-{parts[1]:0>2}"
    try:
        return date.fromisoformat(iso)
    except ValueError:
        raise LineUnread(f"Word {place}, '{word}', is no date.") from None


def next_good(day: date, *currencies: str) -> date:
    """Return the day itself, or the next one on which all the currencies can be paid. Raises NoCalendar."""
    if all(is_business_day(day, currency) for currency in currencies):
        return day
    return next_business_day(day, *currencies)


def tenor_date(spot: date, count: int, unit: str, good: Callable[[date], date]) -> date:
    """Return the day so many weeks, months or years behind spot.

    The market's rule (modified following): months and years keep to their month, and the last good day of a month
    leads to the last good day of a month. Raises ValueError beyond two years.
    """
    if unit == "W":
        return good(spot + timedelta(weeks=count))
    months = count * (12 if unit == "Y" else 1)
    if months > MONTHS_MAX:
        raise ValueError(f"{count}{unit} is later than {MONTHS_MAX} months")
    first = date(spot.year + (spot.month - 1 + months) // 12, (spot.month - 1 + months) % 12 + 1, 1)
    last = _month_end(first)
    if good(spot + timedelta(days=1)).month != spot.month:
        return _last_good(last, good)
    day = good(min(first.replace(day=min(spot.day, last.day)), last))
    return day if day.month == first.month else _last_good(last, good)


def imm_date(after: date, count: int) -> date:
    """Return the third Wednesday of March, June, September or December, the ``count``-th one after a day."""
    year, found = after.year, 0
    while True:
        for month in IMM_MONTHS:
            first = date(year, month, 1)
            day = first + timedelta(days=(WEDNESDAY - first.weekday()) % 7 + 14)
            found += day > after
            if found == count and day > after:
                return day
        year += 1


def _month_end(first: date) -> date:
    following = first + timedelta(days=31)
    return following.replace(day=1) - timedelta(days=1)


def _last_good(day: date, good: Callable[[date], date]) -> date:
    while good(day) != day:
        day -= timedelta(days=1)
    return day


# What a ticket and a line say together -----------------------------------------------------------------


def filled_in(form: dict[str, str], found: dict[str, str], language: Language) -> dict[str, str]:
    """Return the form with what the line says. Raises LineUnread where the two contradict each other."""
    for name in ("side", "base_amount", "base", "quote", "rate", "counterparty", "value_date"):
        held = form.get(name, "").strip()
        if held and name in found and not _same(name, held, found[name], language):
            raise LineUnread("The line says something else here than the ticket; clear one of the two.", name)
    return {**form, **found, "line": ""}


def _same(name: str, held: str, said: str, language: Language) -> bool:
    if name in ("base_amount", "rate"):
        try:
            typed = parse_amount(typed_number(held, language, grouped=name == "base_amount"))
        except UnreadableAmount:
            return False
        return typed == Decimal(said)
    return held.upper() == said.upper()
