"""Strict reading of the policy's text files: a line that could be read in two ways is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

FILE_BYTES_MAX: Final = 1_000_000
ROWS_MAX: Final = 5_000
LETTERS: Final = frozenset("§ÄÖÜäöüß")  # beyond printable ASCII: what quoting German law takes
NAME: Final = re.compile(r"\A[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")

Word = TypeVar("Word", bound=StrEnum)


class PolicyError(Exception):
    """A policy that does not say exactly one thing; nothing starts with it."""

    def __init__(self, file: str, line: int, what: str) -> None:
        super().__init__(f"{file}, line {line}: {what}")
        self.file = file
        self.line = line
        self.what = what


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a policy file, cut at its commas."""

    file: str
    line: int
    cells: tuple[str, ...]

    def error(self, what: str) -> PolicyError:
        return PolicyError(self.file, self.line, what)

    def expect(self, count: int) -> tuple[str, ...]:
        """Cells of a row that must have exactly ``count`` of them."""
        if len(self.cells) != count:
            raise self.error(f"{len(self.cells)} cells where {count} belong")
        return self.cells

    def word(self, vocabulary: type[Word], cell: str) -> Word:
        """Member of a closed vocabulary that a cell names."""
        try:
            return vocabulary(cell)
        except ValueError:
            raise self.error(f"unknown {vocabulary.__name__.lower()} {cell!r}") from None

    def name(self, what: str, cell: str) -> str:
        """A name of ours: lower-case ASCII words joined by underscores."""
        if NAME.match(cell) is None:
            raise self.error(f"{cell!r} is no name of a {what}")
        return cell

    def words(self, what: str, cell: str) -> tuple[str, ...]:
        """Words of a cell, one blank between two, none twice."""
        words = tuple(cell.split(" "))
        if "" in words:
            raise self.error(f"two blanks in the list of {what}")
        if len(set(words)) != len(words):
            raise self.error(f"the list of {what} names one twice")
        return words


def lines(file: str, content: bytes) -> list[str]:
    """Lines of a policy file, or the first character that does not belong.

    Only printable ASCII and a few German letters pass: an act spelt with a Cyrillic *a* looks
    granted or forbidden to the reader and is neither.
    """
    if len(content) > FILE_BYTES_MAX:
        raise PolicyError(file, 1, f"longer than {FILE_BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise PolicyError(file, number, "not UTF-8") from None
    found = text.split("\n")
    for number, line in enumerate(found, start=1):
        _plain(file, number, line)
    if found.pop():
        raise PolicyError(file, len(found) + 1, "the last line does not end; is the file cut off?")
    return found


def _plain(file: str, number: int, line: str) -> None:
    for column, character in enumerate(line, start=1):
        if not (" " <= character <= "~" or character in LETTERS):
            raise PolicyError(file, number, f"U+{ord(character):04X} in column {column} does not belong here")
    if line.endswith(" "):
        raise PolicyError(file, number, "trailing blank")
    if line.startswith(" "):
        raise PolicyError(file, number, "leading blank")


def rows(file: str, content: bytes, header: tuple[str, ...] | None = None) -> list[Row]:
    """Rows of a policy file without its comments; the first must be ``header`` where one is demanded."""
    found = [
        Row(file, number, _cells(file, number, line))
        for number, line in enumerate(lines(file, content), start=1)
        if line and not line.startswith("#")
    ]
    if len(found) > ROWS_MAX:
        raise found[ROWS_MAX].error(f"more than {ROWS_MAX} rows")
    if header is not None and (not found or found[0].cells != header):
        raise PolicyError(file, found[0].line if found else 1, f"the first row must be: {', '.join(header)}")
    found = found[1:] if header is not None else found
    if not found:
        raise PolicyError(file, 1, "empty: no rows")
    return found


def _cells(file: str, number: int, line: str) -> tuple[str, ...]:
    if '"' in line:
        raise PolicyError(file, number, "quotation mark: cells are neither quoted nor hold a comma")
    first, *others = line.split(",")
    if any(not cell.startswith(" ") for cell in others):
        raise PolicyError(file, number, "a comma is followed by a blank")
    cells = (first, *(cell.lstrip(" ") for cell in others))
    if any(not cell or cell.endswith(" ") for cell in cells):
        raise PolicyError(file, number, "empty cell or blank before a comma")
    return cells
