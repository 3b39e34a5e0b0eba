"""How OpenGamma Strata's files write things: dates, times, directions, days that move.

Source: Strata's own readers, ``LoaderUtils`` and ``CsvLoaderUtils`` in its module ``loader``.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from service.importing.rows import Defaults, RowRefused, executed, named_day, noted, shown, utc_text
from service.kernel.calendar import NoCalendar, is_business_day, next_business_day

Cells = Mapping[str, str]
"""The cells of a row that hold something, by column name in small letters."""

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY: Final = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"\A(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\Z",
        r"\A(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})\Z",
        r"\A(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})\Z",
        r"\A(?P<d>\d{1,2})-(?P<m>[A-Za-z]{3})-(?P<y>\d{4})\Z",
        r"\A(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})\Z",
        r"\A(?P<d>\d{1,2})(?P<m>[A-Za-z]{3})(?P<y>\d{4})\Z",
    )
)
_SHORT_YEAR: Final = re.compile(r"\A\d{1,2}([/-](\d{1,2}|[A-Za-z]{3})[/-]|[A-Za-z]{3})\d{2}\Z", re.ASCII)
_TIME: Final = re.compile(r"\A(\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?)?\Z", re.ASCII)
_OFFSET: Final = re.compile(r"\A(?:UTC|GMT)?([+-]\d{2}:\d{2})\Z", re.ASCII)
_ZONE: Final = re.compile(r"\A[A-Za-z][A-Za-z0-9_+/-]{0,63}\Z")

_CONVENTIONS: Final[Mapping[str, tuple[Literal["next", "previous", "none"], bool]]] = {
    "noadjust": ("none", False),
    "none": ("none", False),
    "following": ("next", False),
    "f": ("next", False),
    "modifiedfollowing": ("next", True),
    "modfollowing": ("next", True),
    "modfoll": ("next", True),
    "mf": ("next", True),
    "preceding": ("previous", False),
    "p": ("previous", False),
    "modifiedpreceding": ("previous", True),
    "modpreceding": ("previous", True),
    "mp": ("previous", True),
}
"""Where a day moves to on which nobody pays, and whether it turns back at the end of the month."""

_ONE_DAY: Final = timedelta(days=1)
_SEARCH_DAYS_MAX: Final = 30


def needed(cells: Cells, column: str) -> str:
    """Return a cell that must say something. Raises RowRefused naming the column."""
    text = cells.get(column.lower())
    if text is None:
        raise RowRefused(column, "The deal needs it, and there is none.")
    return text


def day(cells: Cells, column: str) -> date:
    """Return a date in any of Strata's ways of writing one, the day before the month. Raises RowRefused."""
    text = needed(cells, column)
    for pattern in _DAY:
        found = pattern.match(text)
        if found is None:
            continue
        month = found["m"]
        try:
            number = int(month) if month.isdigit() else _MONTHS.index(month.upper()) + 1
            return date(int(found["y"]), number, int(found["d"]))
        except ValueError:
            break
    if _SHORT_YEAR.match(text) is not None:
        raise RowRefused(column, f"{shown(text)} leaves the century open; write the year with four digits.")
    raise RowRefused(
        column,
        f"{shown(text)} is no date; write day/month/year or year-month-day, for instance 2016-12-06.",
    )


def is_buy(cells: Cells, column: str = "Buy Sell") -> bool:
    """Tell whether we buy. Raises RowRefused."""
    said = needed(cells, column)
    if said.upper() not in {"BUY", "B", "SELL", "S"}:
        raise RowRefused(column, f"{shown(said)} is neither Buy nor Sell.")
    return said.upper().startswith("B")


def is_received(cells: Cells, column: str) -> bool:
    """Tell whether we receive. Raises RowRefused."""
    said = needed(cells, column)
    if said.upper() not in {"PAY", "P", "RECEIVE", "REC", "R"}:
        raise RowRefused(column, f"{shown(said)} is neither Pay nor Receive.")
    return said.upper().startswith("R")


def executed_at(cells: Cells, trade_date: date, defaults: Defaults) -> str:
    """Say when the deal was struck: trade time and zone of the row, else what was given for the file.

    Raises RowRefused.
    """
    said = cells.get("trade time")
    if said is None:
        return executed(defaults, trade_date, "Trade Time")
    found = _TIME.match(said)
    if found is None:
        raise RowRefused("Trade Time", f"{shown(said)} is no time of day; write for instance 09:15:00.")
    try:
        hour, minute, second = (int(part or 0) for part in found.groups())
        of_day = time(hour, minute, second)
        offset = _OFFSET.match(cells.get("trade zone", ""))
        if offset is not None:
            return utc_text(datetime.fromisoformat(f"{trade_date}T{of_day}{offset[1]}"))
        return utc_text(datetime.combine(trade_date, of_day, tzinfo=_zone(cells)))
    except (ValueError, OverflowError) as wrong:
        raise RowRefused("Trade Time", f"{shown(said)} is no time of {trade_date}.") from wrong


def _zone(cells: Cells) -> ZoneInfo:
    said = needed(cells, "Trade Zone")
    if said == "Z":
        said = "UTC"
    try:
        if _ZONE.match(said) is not None:
            return ZoneInfo(said)
    except (KeyError, ValueError, OSError):
        pass
    raise RowRefused("Trade Zone", f"{shown(said)} is no time zone; write for instance Europe/London.")


def pay_day(
    cells: Cells, stated: date, convention_column: str, currencies: tuple[str, ...], defaults: Defaults
) -> tuple[date, tuple[str, ...]]:
    """Return the day of payment, and a note where it was moved because nobody pays on the stated one.

    The row's own convention decides; where it has none, what the caller asked for. The days are
    those of the currencies: a calendar that the row names covers one place, and both sides must pay.

    Raises RowRefused.
    """
    said = cells.get(convention_column.lower())
    convention = said if said is not None else (defaults.roll or "none")
    rule = _CONVENTIONS.get(re.sub(r"[\s_-]", "", convention).lower())
    if rule is None:
        raise RowRefused(
            convention_column,
            f"Days are not moved by {shown(convention)} here; move the date yourself.",
        )
    direction, turns_back = rule
    try:
        if direction == "none" or all(is_business_day(stated, currency) for currency in currencies):
            return stated, ()
        moved = _moved(stated, currencies, forward=direction == "next")
        if turns_back and moved.month != stated.month:
            moved = _moved(stated, currencies, forward=direction != "next")
    except NoCalendar:
        return stated, ()  # the service says which calendar is missing
    return moved, noted(f"payment moved from {named_day(stated)} to {moved}")


def _moved(stated: date, currencies: tuple[str, ...], *, forward: bool) -> date:
    if forward:
        return next_business_day(stated, *currencies)
    found = stated
    for _ in range(_SEARCH_DAYS_MAX):
        found -= _ONE_DAY
        if all(is_business_day(found, currency) for currency in currencies):
            return found
    raise NoCalendar(currencies[0], f"no day to pay {', '.join(currencies)} before {stated}")
