"""A message of SWIFT's FIN as text: its blocks, and its fields in their sequences.

Source: SWIFT Standards MT, General Information. Strict: what the format does not allow is refused
with the field and the reason, never guessed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.importing.rows import shown
from service.kernel.identifiers import InvalidIdentifier, check_bic
from service.messages.terms import Unreadable

CHARACTERS_MAX: Final = 10_000
"""A FIN message of category 3 has at most 10,000 characters."""
FILE_CHARACTERS_MAX: Final = 65_536
"""With the blocks around the text and what a carrier pads behind it."""

X: Final = r"[A-Za-z0-9/\-?:().,'+ ]"
_TEXT: Final = re.compile(rf"\A{X}*\Z")
_TAG: Final = re.compile(r"\A:([0-9]{2}[A-Z]?):(.*)\Z", re.DOTALL)
_BLOCK_1: Final = re.compile(r"\AF01([A-Z0-9]{12})[0-9]{10}\Z")
_BLOCK_2_IN: Final = re.compile(r"\AI([0-9]{3})([A-Z0-9]{12})[SUN][0-9]?(?:[0-9]{3})?\Z")
_BLOCK_2_OUT: Final = re.compile(r"\AO([0-9]{3})[0-9]{10}([A-Z0-9]{12})[0-9]{20}[SUN]\Z")
_LOGICAL_TERMINAL: Final = 8  # its letter stands between the bank's eight and the branch's three


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the text block: its tag (with the letter), and its lines."""

    tag: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The only line. Raises Unreadable."""
        if len(self.lines) != 1:
            raise Unreadable(self.tag, f"has {len(self.lines)} lines where one can stand")
        return self.lines[0]


@dataclass(frozen=True, slots=True)
class FinMessage:
    """A message taken apart: its type, who sends it to whom, and its fields in order."""

    type: str
    sender: str | None
    receiver: str | None
    fields: tuple[Field, ...]
    remarks: tuple[str, ...] = ()


def looks_like_fin(content: bytes) -> bool:
    """Tell whether the bytes begin as a FIN message does."""
    return content[:64].lstrip().startswith((b"{1:", b"{2:", b"{4:"))


def read_fin(content: bytes) -> FinMessage:
    """Take a message apart. Raises Unreadable."""
    if len(content) > FILE_CHARACTERS_MAX:
        raise Unreadable("message", f"is longer than {FILE_CHARACTERS_MAX:,} bytes")
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as failure:
        raise Unreadable("message", f"byte {failure.start} is outside the character set of FIN") from failure
    blocks, rest = _blocks(_one_kind_of_line_end(text))
    remarks = () if not rest.strip() else (f"{len(rest)} characters behind the message were left out",)
    if "4" not in blocks or "2" not in blocks or "1" not in blocks:
        missing = next(number for number in "124" if number not in blocks)
        raise Unreadable(f"block {missing}", "missing")
    type_, sender, receiver = _headers(blocks["1"], blocks["2"])
    return FinMessage(type_, sender, receiver, tuple(_fields(blocks["4"])), remarks)


def _one_kind_of_line_end(text: str) -> str:
    """Return the text with line feeds; a file that mixes them has been through something."""
    both, feeds, returns = text.count("\r\n"), text.count("\n"), text.count("\r")
    if returns != both or (both and feeds != both):
        raise Unreadable("message", "mixes line ends: every line ends with CR LF, or every line with LF")
    return text.replace("\r\n", "\n")


def _blocks(text: str) -> tuple[dict[str, str], str]:
    """Return the blocks by name and what stands behind the last one."""
    blocks: dict[str, str] = {}
    at = len(text) - len(text.lstrip())
    while at < len(text) and text[at] == "{":
        name, content, at = _block(text, at)
        if name in blocks:
            raise Unreadable(f"block {name}", "stands twice: a file holds one message")
        if blocks and name < max(blocks):
            raise Unreadable(f"block {name}", "stands out of order")
        blocks[name] = content
        behind = len(text) - len(text[at:].lstrip())
        if text[behind : behind + 1] == "{":
            at = behind
    rest = text[at:]
    if not blocks:
        raise Unreadable("block 1", "missing: the text begins with no block")
    if "{" in rest or "}" in rest:
        raise Unreadable("message", "a brace stands behind its last block: a file holds one message")
    return blocks, rest


def _block(text: str, at: int) -> tuple[str, str, int]:
    name, colon = text[at + 1 : at + 2], text[at + 2 : at + 3]
    if name not in {"1", "2", "3", "4", "5", "S"} or colon != ":":
        raise Unreadable("message", f"{shown(text[at : at + 3])} begins no block")
    if name == "4":
        end = text.find("\n-}", at)
        if end < 0:
            raise Unreadable("block 4", "has no end: the message breaks off")
        return name, text[at + 3 : end], end + 3
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return name, text[at + 3 : place], place + 1
    raise Unreadable(f"block {name}", "has no end: the message breaks off")


def _headers(first: str, second: str) -> tuple[str, str | None, str | None]:
    """Return the type, the sender and the receiver; an output message names its sender in block 2."""
    terminal = _BLOCK_1.match(first)
    if terminal is None:
        raise Unreadable("block 1", f"{shown(first)} is no basic header of FIN")
    own = _bic_of(terminal[1], "block 1")
    if (sent := _BLOCK_2_IN.match(second)) is not None:
        return sent[1], own, _bic_of(sent[2], "block 2")
    if (received := _BLOCK_2_OUT.match(second)) is not None:
        return received[1], _bic_of(received[2], "block 2"), own
    raise Unreadable("block 2", f"{shown(second)} is no application header of FIN")


def _bic_of(terminal: str, where: str) -> str:
    """Return the BIC in the address of a terminal, which has a letter of its own in the ninth place."""
    bic = terminal[:_LOGICAL_TERMINAL] + terminal[_LOGICAL_TERMINAL + 1 :]
    try:
        return check_bic(bic)
    except InvalidIdentifier as invalid:
        raise Unreadable(where, str(invalid)) from invalid


def _fields(text: str) -> Iterator[Field]:
    if not text.startswith("\n"):
        raise Unreadable("block 4", "its first field begins on a line of its own")
    if len(text) > CHARACTERS_MAX:
        raise Unreadable("block 4", f"is longer than {CHARACTERS_MAX:,} characters")
    tag, lines = "", list[str]()
    for number, line in enumerate(text[1:].split("\n"), 1):
        begun = _TAG.match(line)
        if begun is not None:
            if tag:
                yield _field(tag, lines)
            tag, lines = begun[1], [begun[2]]
        elif not tag or line.startswith((":", "-")):
            raise Unreadable(
                tag or "block 4", f"line {number} {shown(line)} begins no field and continues none"
            )
        else:
            lines.append(line)
    yield _field(tag, lines)


def _field(tag: str, lines: Sequence[str]) -> Field:
    for line in lines:
        if _TEXT.match(line) is None:
            raise Unreadable(tag, f"{shown(line)} has a character outside the set x of SWIFT")
        if not line and len(lines) > 1:
            raise Unreadable(tag, "has an empty line")
    return Field(tag, tuple(lines))


# Sequences -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A field's place in its sequence: number, the letters it may have, whether it must stand.

    ``must`` False where the standard demands it and the terms do not need it: said in a remark then.
    """

    number: str
    letters: str = ""
    must: bool = False
    wanted: bool = False

    def takes(self, tag: str) -> bool:
        """Tell whether a field of this tag may stand here."""
        return tag[:2] == self.number and (tag[2:] in self.letters if tag[2:] else not self.letters)


@dataclass(frozen=True, slots=True)
class Section:
    """What a sequence may hold: its letter, its places in order, whether it must stand, or why it may not."""

    letter: str
    places: tuple[Place, ...] = ()
    must: bool = False
    refused: str | None = None
    loose: frozenset[str] = frozenset()
    """Tags of a sequence that is not read at all; they may repeat and stand in any order."""


class Sequences:
    """The fields of a message laid into their sequences and places."""

    def __init__(self, message: FinMessage, grammar: Sequence[Section]) -> None:
        self.remarks = list(message.remarks)
        self._found: dict[str, list[Field | None]] = {}
        self._grammar = {sequence.letter: sequence for sequence in grammar}
        for letter, fields in _split(message.fields, self._grammar):
            self._found[letter] = self._laid(self._grammar[letter], fields)
        for sequence in grammar:
            if sequence.must and sequence.letter not in self._found:
                raise Unreadable(f"15{sequence.letter}", f"missing: sequence {sequence.letter} is mandatory")

    def has(self, letter: str) -> bool:
        """Tell whether a sequence stands."""
        return letter in self._found

    def field(self, letter: str, tag: str, nth: int = 0) -> Field | None:
        """Return the field in the ``nth`` place for this tag (its letter left out where several may stand), or None."""
        if letter not in self._found:
            return None
        places = self._grammar[letter].places
        at = [i for i, place in enumerate(places) if tag in {place.number, place.number + place.letters}][nth]
        return self._found[letter][at]

    def the(self, letter: str, tag: str) -> Field:
        """Return a field that the grammar makes mandatory."""
        field = self.field(letter, tag)
        assert field is not None
        return field

    def _laid(self, sequence: Section, fields: Sequence[Field]) -> list[Field | None]:
        laid: list[Field | None] = [None] * len(sequence.places)
        if sequence.refused is not None:
            raise Unreadable(f"15{sequence.letter}", sequence.refused)
        if sequence.loose:
            for field in fields:
                if field.tag not in sequence.loose:
                    raise Unreadable(field.tag, f"is no field of sequence {sequence.letter}")
            return laid
        at = 0
        for field in fields:
            at = _place(sequence, at, field, laid)
            laid[at] = field
            at += 1
        for place, there in zip(sequence.places, laid, strict=True):
            if there is None and place.must:
                raise Unreadable(_named(place), f"missing in sequence {sequence.letter}")
            if there is None and place.wanted:
                self.remarks.append(f"{_named(place)} is missing in sequence {sequence.letter}")
        return laid


def _named(place: Place) -> str:
    return place.number + (place.letters if len(place.letters) == 1 else "a" if place.letters else "")


def _split(fields: Sequence[Field], grammar: Mapping[str, Section]) -> Iterator[tuple[str, list[Field]]]:
    if not fields or fields[0].tag != "15A":
        raise Unreadable("15A", "missing: the text begins with sequence A")
    letter, inside, seen = "", list[Field](), ""
    for field in fields:
        if field.tag[:2] != "15":
            inside.append(field)
            continue
        if letter:
            yield letter, inside
        letter, inside = field.tag[2:], []
        if letter not in grammar or field.lines != ("",):
            raise Unreadable(field.tag, "begins no sequence of this message")
        if letter <= seen:
            raise Unreadable(field.tag, "stands twice" if letter == seen else "stands out of order")
        seen = letter
    yield letter, inside


def _place(sequence: Section, at: int, field: Field, laid: Sequence[Field | None]) -> int:
    """Find the next free place that takes the field, passing only over those that need not stand."""
    for index in range(at, len(sequence.places)):
        place = sequence.places[index]
        if place.takes(field.tag):
            return index
        if place.must:
            break
    takers = [i for i, place in enumerate(sequence.places) if place.takes(field.tag)]
    if not takers:
        raise Unreadable(field.tag, f"is no field of sequence {sequence.letter}")
    if all(laid[i] is not None for i in takers):
        raise Unreadable(field.tag, f"stands twice in sequence {sequence.letter}")
    if at < len(sequence.places) and sequence.places[at].must:
        raise Unreadable(
            _named(sequence.places[at]), f"missing in sequence {sequence.letter} before {field.tag}"
        )
    raise Unreadable(field.tag, f"stands out of order in sequence {sequence.letter}")
