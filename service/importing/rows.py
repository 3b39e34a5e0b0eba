"""What every format of file is read into: one row per deal, or the reason why it is none."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from service.kernel.errors import Malformed
from service.kernel.money import UnreadableAmount, parse_amount, plain
from service.kernel.texts import LINE_PATTERN

Roll = Literal["following"]

_DATE: Final = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_INSTANT: Final = re.compile(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_CURRENCY: Final = re.compile(r"\A[A-Z]{3}\Z")
_LINE: Final = re.compile(LINE_PATTERN)
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_COUNTS: Final = {
    "ACT/360": "ACT/360",
    "ACT/365": "ACT/365",
    "ACT/365F": "ACT/365",
    "ACT/365.FIXED": "ACT/365",
    "ACT/ACT.ISDA": "ACT/ACT",
    "30/360": "30/360",
    "30E/360": "30E/360",
}
SHOWN_MAX: Final = 40
DEPOSIT: Final = "mm_deposit"
LOAN: Final = "mm_loan"


class UnreadableFile(Malformed):
    """400. The file as a whole cannot be read; ``line`` is where reading stopped, where that is known."""

    def __init__(self, sentence: str, *, line: int | None = None, field: str | None = None) -> None:
        super().__init__(sentence, field=field)
        self.sentence = sentence
        self.line = line


class RowRefused(Exception):
    """One row is no deal that can be entered; ``field`` is the column or element to correct, not said in the sentence."""

    def __init__(self, field: str | None, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


class Row(msgspec.Struct, frozen=True):
    """One deal of a file as ``POST /api/trades`` takes it, or the refusal; never both."""

    number: int
    """The line it starts on; in an XML document the place of the trade in it, from 1."""
    source: str
    """What the row was, short: its type and its own name."""
    deal: Mapping[str, Any] | None = None
    refusal: str | None = None
    field: str | None = None
    """What to correct, as the file calls it."""
    notes: tuple[str, ...] = ()
    """What was worked out, moved or left behind on the way: for the person who looks before importing."""
    fingerprint: str = ""
    """SHA-256 of what the row says, in hex: free of quoting, order of columns, and of the defaults."""
    key: str | None = None
    """The caller's own idempotency key, where the format has a place for one."""


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What the foreign formats do not say, said by the person who imports."""

    counterparty: Mapping[str, str] | str | None = None
    """An LEI for every row, or an LEI (or id) for each name the file uses."""
    portfolio: str | None = None
    executed_at: datetime | time | None = None
    """Where the file has no time: one aware moment, or an aware time of day on each trade date."""
    side_agreements: str = "none"
    location: str | None = None
    roll: Roll | None = None
    """Whether a payment date on which nobody pays is moved where the row itself says nothing of it."""
    we_are: str | None = None
    """Which party of a document we are: its id there, or our LEI."""

    def __post_init__(self) -> None:
        if self.executed_at is not None and self.executed_at.tzinfo is None:
            raise ValueError("the time of execution needs a time zone")


def shown(text: str) -> str:
    """Quote a piece of the file for a sentence: short, and nothing in it can break a line or hide."""
    return repr(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…")


def noted(sentence: str) -> tuple[str, ...]:
    """Return the notes of a row with this one: what was worked out, moved or left behind."""
    return (sentence,)


def amount(text: str, field: str) -> str:
    """Return the number as the interface takes it, decimals kept. Raises RowRefused."""
    if "," in text:
        raise RowRefused(
            field,
            f"{shown(text)} is written with a comma; write a point before the decimals "
            "and nothing between the thousands, for instance 1234567.89.",
        )
    try:
        return plain(parse_amount(text))
    except UnreadableAmount as unreadable:
        raise RowRefused(field, f"{unreadable}.") from unreadable


def positive(text: str, field: str) -> str:
    """Return an amount or a rate above zero. Raises RowRefused."""
    read = amount(text, field)
    if Decimal(read) <= 0:
        raise RowRefused(field, f"{read} is not more than zero.")
    return read


def number_text(number: Decimal, field: str) -> str:
    """Write a number that was worked out, without needless zeros. Raises RowRefused."""
    text = plain(number)
    return amount(text.rstrip("0").rstrip(".") if "." in text else text, field)


def iso_date(text: str, field: str) -> date:
    """Return the date, written 2026-10-28. Raises RowRefused."""
    if _DATE.match(text) is not None:
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise RowRefused(field, f"{shown(text)} is no date; write year-month-day, for instance 2026-10-28.")


def instant(text: str, field: str) -> str:
    """Return the moment in UTC as the interface takes it. Raises RowRefused."""
    if _INSTANT.match(text) is not None:
        try:
            return utc_text(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            pass
    raise RowRefused(
        field, f"{shown(text)} is no time with its zone; write for instance 2026-10-28T09:15:00Z."
    )


def utc_text(moment: datetime) -> str:
    """Write an aware moment in UTC: ``2026-10-28T09:15:00Z``. Raises OverflowError at the ends of time."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def currency(text: str, field: str) -> str:
    """Return a currency code; whether anybody pays in it is not asked here. Raises RowRefused."""
    if _CURRENCY.match(text) is None:
        raise RowRefused(field, f"{shown(text)} is no currency; write three capitals, for instance EUR.")
    return text


def line(text: str, field: str, characters_max: int) -> str:
    """Return free text of one line, whatever it looks like: text is data. Raises RowRefused."""
    if _LINE.match(text) is None:
        raise RowRefused(
            field,
            f"{shown(text)} is empty, begins or ends with a blank, or holds a line break or a control character.",
        )
    if len(text) > characters_max:
        raise RowRefused(field, f"At most {characters_max} characters, and these are {len(text)}.")
    return text


def day_count(text: str, field: str) -> str:
    """Return our name of a day count of FpML or Strata. Raises RowRefused."""
    name = _DAY_COUNTS.get(text.upper())
    if name is None:
        known = ", ".join(sorted(set(_DAY_COUNTS.values())))
        raise RowRefused(field, f"The day count {shown(text)} is not dealt here; {known} are.")
    return name


def named_day(day: date) -> str:
    """Write a day so that nobody has to look up its weekday: ``Saturday 2016-12-24``."""
    return f"{_WEEKDAYS[day.weekday()]} {day}"


def executed(defaults: Defaults, trade_date: date, field: str) -> str:
    """Say when the deal was struck, where the row does not. Raises RowRefused."""
    said = defaults.executed_at
    if said is None:
        raise RowRefused(field, "The row has no time of execution, and none was given for the whole file.")
    try:
        return utc_text(said if isinstance(said, datetime) else datetime.combine(trade_date, said))
    except OverflowError as overflow:
        raise RowRefused(field, f"{trade_date} at {said} is no moment of our time.") from overflow


def whole(
    terms: Mapping[str, str], defaults: Defaults, *, counterparty: str, executed_at: str
) -> dict[str, Any]:
    """Complete terms to a body of ``POST /api/trades``. Raises RowRefused."""
    if defaults.portfolio is None:
        raise RowRefused("portfolio", "The file names no portfolio, and none was given for it.")
    deal = {
        **terms,
        "counterparty": counterparty,
        "portfolio": defaults.portfolio,
        "executed_at": executed_at,
        "side_agreements": defaults.side_agreements,
    }
    return deal if defaults.location is None else deal | {"location": defaults.location}


def fingerprint(*content: object) -> str:
    """Return the SHA-256 of content that JSON can hold, the same for the same content in another order."""
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
