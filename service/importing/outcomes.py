"""What became of each row of a file, told row by row as it happens: to a table, to people, as JSON."""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TextIO
from zoneinfo import ZoneInfo

import msgspec

from service.importing.rows import UnreadableFile

Result = Literal["entered", "entered before", "refused", "can be entered"]
DESK_ZONE: Final = ZoneInfo("Europe/Berlin")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet would work out instead of showing it."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one row, or in a preview what would become of it."""

    line: int
    row: str
    result: Result
    deal_number: int | None = None
    id: str | None = None
    market: str | None = None
    """ok, alert or no_reference, and why."""
    marks: tuple[str, ...] = ()
    code: str | None = None
    field: str | None = None
    reason: str | None = None
    decision: str | None = None
    deal: str | None = None
    """The deal in words."""
    notes: tuple[str, ...] = ()
    """What was worked out, moved or left behind on the way."""

    @property
    def is_refused(self) -> bool:
        """Tell whether the row is no deal of the bank's."""
        return self.result == "refused"


class Sink(Protocol):
    """Takes the outcomes of a set, in the order of the file, once they are certain."""

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Write them where they last."""


class Table:
    """A table that a spreadsheet opens without obeying it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rows = csv.writer(stream, lineterminator="\r\n")
        self._rows.writerow(Outcome.__struct_fields__)

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Write one row each, and hand them to the system before the next set begins."""
        for one in outcomes:
            self._rows.writerow([_cell(getattr(one, name)) for name in Outcome.__struct_fields__])
        self._stream.flush()


class Lines:
    """One line for people each, and more where a row leaves something to think of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Write them."""
        for one in outcomes:
            self._stream.write(f"line {one.line}: {seen(_sentence(one))}\n")
        self._stream.flush()


class Objects:
    """The items of a JSON array that somebody else begins and ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._before = "\n"

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Write them, one a line."""
        for one in outcomes:
            told = {name: value for name, value in msgspec.to_builtins(one).items() if value is not None}
            self._stream.write(f"{self._before} {json.dumps(told, ensure_ascii=True)}")
            self._before = ",\n"
        self._stream.flush()


@contextmanager
def table_in(path: Path, beside: Path) -> Iterator[Table]:
    """Open a table of outcomes, readable by its owner alone. Raises UnreadableFile, also for the imported file itself."""
    try:
        if path.exists() and beside.exists() and path.samefile(beside):
            raise UnreadableFile(f"The report cannot take the place of the file itself: {str(path)!a}.")
        path.touch(mode=0o600)
        stream = path.open("w", encoding="utf-8", newline="")
    except OSError as failure:
        raise UnreadableFile(f"The report {str(path)!a} cannot be written: {failure}.") from failure
    with stream:
        yield Table(stream)


def seen(text: str) -> str:
    """Return text as a terminal may show it: nothing of a file can steer the screen."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def moment_or_time(said: str) -> datetime | time:
    """Read when the deals were struck: a moment with its zone, or a time of day, in Berlin unless it has a zone.

    Raises ValueError.
    """
    try:
        of_day = time.fromisoformat(said)
    except ValueError:
        moment = datetime.fromisoformat(said)
        if moment.tzinfo is None:
            sentence = f"{said!r} has no time zone; write for instance 2026-10-28T09:15:00Z"
            raise ValueError(sentence) from None
        return moment
    return of_day if of_day.tzinfo is not None else of_day.replace(tzinfo=DESK_ZONE)


def _sentence(one: Outcome) -> str:
    parts = [one.row, one.result if one.code is None else f"{one.result} as {one.code}"]
    if one.deal_number is not None:
        parts.append(f"deal {one.deal_number}")
    if one.market is not None and not one.market.startswith("ok"):
        parts.append(f"market {one.market}")
    wrong = one.reason if one.field is None else f"{one.field}: {one.reason}"
    parts += [*one.marks, *filter(None, (wrong, one.deal)), *one.notes]
    return " · ".join(parts)


def _cell(value: Any) -> str:
    """Return a cell's text; what a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    text = "; ".join(value) if isinstance(value, tuple) else str(value)
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if text.startswith(_FORMULA) else text
