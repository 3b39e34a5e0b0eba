"""CSV as RFC 4180 has it, read one row at a time; what is wrong with a row is said of that row alone.

Columns are parted by commas, by semicolons, or by tabs, as a spreadsheet's cells are when they are copied.
"""

import csv
from collections.abc import Iterator
from typing import Final, TextIO

import msgspec

from service.importing.rows import UnreadableFile, shown

LINE_CHARACTERS_MAX: Final = 65_536
ROW_CHARACTERS_MAX: Final = 1_048_576
COLUMNS_MAX: Final = 500
ROWS_MAX: Final = 1_000_000


class Record(msgspec.Struct, frozen=True):
    """One row of a table: its cells by column, or what is wrong with it."""

    line: int
    cells: dict[str, str]
    """Empty where the row has a problem."""
    problem: str | None = None


class _Lines:
    """Hands out lines of bounded length and counts them, so that no file can fill the memory."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.number = 0
        self.row_characters = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        text = self._stream.readline(LINE_CHARACTERS_MAX + 1)
        if not text:
            raise StopIteration
        self.number += 1
        self.row_characters += len(text)
        if len(text) > LINE_CHARACTERS_MAX or self.row_characters > ROW_CHARACTERS_MAX:
            raise UnreadableFile(
                f"Line {self.number} is longer than any row of deals: this is no table.", line=self.number
            )
        return text


class Table:
    """A table of which the header is read: its columns in order, and its rows as they come."""

    def __init__(self, lines: _Lines, columns: tuple[str, ...], delimiter: str) -> None:
        self.columns = columns
        self._lines = lines
        self._delimiter = delimiter

    def records(self, *, short_rows: bool = False) -> Iterator[Record]:
        """Yield the rows, once. ``short_rows``: cells missing at the end are empty.

        Lines without any text are no rows. After a bad row reading goes on with the next line.

        Raises UnreadableFile.
        """
        lines, width = self._lines, len(self.columns)
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        count = 0
        while True:
            start, lines.row_characters = lines.number + 1, 0
            cells: list[str] = []
            problem: str | None = None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as failure:
                problem = _quoting(failure, start, lines.number)
            if problem is None and not any(cells):
                continue
            count += 1
            if count > ROWS_MAX:
                raise UnreadableFile(f"More than {ROWS_MAX:,} rows; part the file.", line=start)
            problem = problem or _problem(cells, width, short_rows=short_rows)
            if problem is not None:
                yield Record(start, {}, problem)
            else:
                cells += [""] * (width - len(cells))
                yield Record(start, dict(zip(self.columns, cells, strict=True)))


def read_table(stream: TextIO) -> Table:
    """Read the header and stand ready for the rows.

    ``stream`` is opened with ``newline=""`` and ``errors="surrogateescape"``: bytes that are no
    UTF-8 spoil their row, not the file.

    Raises UnreadableFile.
    """
    lines = _Lines(stream)
    header = next((text for text in lines if text.strip()), None)
    if header is None:
        raise UnreadableFile("The file is empty.", line=1)
    if not is_utf8(header) or "\0" in header:
        raise UnreadableFile(
            "The header is no UTF-8 text; save the table as CSV in UTF-8.", line=lines.number
        )
    delimiter = _delimiter(header, lines.number)
    return Table(lines, _columns(header, delimiter, lines.number), delimiter)


def is_utf8(text: str) -> bool:
    """Tell whether the text came from proper UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _delimiter(header: str, number: int) -> str:
    found = [delimiter for delimiter in ",;\t" if delimiter in header]
    if len(found) > 1:
        sentence = (
            "The header has more than one of comma, semicolon and tab; only one of them can part the columns."
        )
        raise UnreadableFile(sentence, line=number)
    return found[0] if found else ","


def _columns(header: str, delimiter: str, number: int) -> tuple[str, ...]:
    try:
        columns = next(csv.reader([header], delimiter=delimiter, strict=True))
    except csv.Error as failure:
        raise UnreadableFile(f"The header is no row of a table: {failure}.", line=number) from failure
    if len(columns) > COLUMNS_MAX:
        raise UnreadableFile(
            f"The header has {len(columns)} columns; a table of deals has at most {COLUMNS_MAX}.", line=number
        )
    for at, column in enumerate(columns):
        if not column.strip():
            raise UnreadableFile(f"Column {at + 1} has no name.", line=number)
        if column in columns[:at]:
            raise UnreadableFile(f"The column {shown(column)} stands twice.", line=number, field=column)
    return tuple(columns)


def _problem(cells: list[str], columns: int, *, short_rows: bool) -> str | None:
    if not all(map(is_utf8, cells)):
        return "The row is not written in UTF-8."
    if len(cells) == columns or (short_rows and len(cells) < columns):
        return None
    return f"The row has {len(cells)} cells where the header names {columns} columns."


def _quoting(failure: csv.Error, start: int, end: int) -> str:
    if start < end:
        return f"The quotes do not close: lines {start} to {end} were taken for one row ({failure})."
    return f"The quoting is wrong ({failure})."
