"""Business rows exported with a whole log, held against its entries (V22): none missing, none extra, none changed.

The file is lines of canonical JSON: a first that says which log and how much of it, one for each row or movement
(``rows`` says what these are), and a last that counts them. It is read as a stream; what is kept of a line is a record
of fixed length, parted like the records of the log, so that memory stays bounded.

``size``: every entry before it was there when the rows were read. ``reach``: no entry from it on was. What lies
between the two was being written; a row may stand before or after such an entry, and nowhere else.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from audit import rows
from audit.entry import INTEGER_MAX
from audit.pack import canonical
from audit.report import Finding
from audit.rows import MalformedRows, Movement, Row, Rows
from audit.scan import AFTER, VOUCHER, Segment, object_key
from audit.tiles import WIDTH, TileReader, width_of

FORMAT = "trennwand-rows/1"
LINE_BYTES_MAX = 1024 * 1024
UNPLACED_MAX = 1024  # entries that may have waited for their place when the rows were read
FLAWS_MAX = 20  # of each part; the report names the first of all

ROW = struct.Struct(">16sQQ32s")  # object, line, rev, digest
MOVEMENT = struct.Struct(">16sQ32s")  # voucher, line, digest
STREAMS = {"row": ROW, "movement": MOVEMENT}


@dataclass(frozen=True)
class Header:
    """What the first line says: which log, and how much of it the rows have seen."""

    origin: str
    size: int
    reach: int


@dataclass(frozen=True)
class Flaw:
    """A contradiction: the entry (``index``) and the line of the rows that stand against each other."""

    said: str
    index: int | None
    line: int | None
    key: bytes


@dataclass(frozen=True)
class Part:
    """The records of one part of all keys: of the log, and of the rows."""

    after: list[Segment]
    vouchers: list[Segment]
    rows: Segment
    movements: Segment
    size: int


# Writing -------------------------------------------------------------------------------------------


class RowsWriter:
    """Writes a file of rows: the body first, for only at its end is it known how far the log has to reach."""

    def __init__(self, body: BinaryIO) -> None:
        self.body, self.count = body, 0

    def add(self, one: Row | Movement) -> None:
        """Write one row or movement."""
        told = Rows((one,)) if isinstance(one, Row) else Rows((), (one,))
        line = json.loads(told.encode())
        (value,) = line["rows"] or line["movements"]
        self.body.write(canonical(value) + b"\n")
        self.count += 1

    def finish(self, header: Header, target: BinaryIO) -> None:
        """Write the whole file to ``target``; the body is read from its beginning."""
        first = {
            "format": FORMAT,
            "origin": header.origin,
            "reach": header.reach,
            "size": header.size,
        }
        target.write(canonical(first) + b"\n")
        self.body.seek(0)
        while chunk := self.body.read(LINE_BYTES_MAX):
            target.write(chunk)
        target.write(canonical({"count": self.count}) + b"\n")


# Reading -------------------------------------------------------------------------------------------


@dataclass
class Exported:
    """The records of a file of rows, by stream and part."""

    header: Header
    streams: dict[str, list[bytearray]]
    spill: Path | None = None
    offsets: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def segment(self, name: str, part: int) -> Segment:
        """Return the records of one part, from memory or from the file they were put into."""
        if self.spill is None:
            return Segment(bytes(self.streams[name][part]))
        offset, length = self.offsets[name, part]
        return Segment(path=self.spill, offset=offset, length=length)

    def put_away(self, path: Path) -> None:
        """Write the records into a file, and forget them."""
        with path.open("wb") as file:
            for name, parts in self.streams.items():
                for part, data in enumerate(parts):
                    self.offsets[name, part] = file.tell(), len(data)
                    file.write(data)
        self.spill, self.streams = path, {}


def read(path: Path, parts: int) -> Exported:
    """Read a file of rows. Raises MalformedRows, naming the line, and OSError."""
    lines = _lines(path)
    header = _header(next(lines, (0, None))[1])
    streams = {name: [bytearray() for _ in range(parts)] for name in STREAMS}
    count, ended = 0, False
    for number, value in lines:
        if ended:
            raise MalformedRows(f"Line {number} of the rows stands behind their end.")
        if isinstance(value, dict) and value.keys() == {"count"}:
            ended = value["count"] == count and type(value["count"]) is int
            if not ended:
                raise MalformedRows(f"The rows say they are {value['count']!r:.40}; they are {count}.")
            continue
        _keep(number, _one(number, value), streams)
        count += 1
    if not ended:
        raise MalformedRows(f"The rows end after {count} without saying so: the file is cut off.")
    return Exported(header, streams)


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Give each line of the file with its number, from 1, in the one spelling of what it says."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE_BYTES_MAX + 1):
            number += 1
            if not line.endswith(b"\n"):
                raise MalformedRows(
                    f"Line {number} of the rows is cut off, or longer than {LINE_BYTES_MAX} bytes."
                )
            yield number, _value(number, line[:-1])


def _value(number: int, line: bytes) -> Any:
    try:
        value = json.loads(line)
        same = canonical(value) == line
    except (ValueError, RecursionError) as broken:
        raise MalformedRows(f"Line {number} of the rows is not JSON: {broken!s:.80}.") from broken
    if not same:
        raise MalformedRows(f"Line {number} of the rows is not in the one spelling of what it says.")
    return value


def _header(value: Any) -> Header:
    if not isinstance(value, dict) or value.keys() != {"format", "origin", "reach", "size"}:
        raise MalformedRows("The first line of the rows does not say which log they are of.")
    size, reach = value["size"], value["reach"]
    counts = all(type(one) is int and 0 <= one <= INTEGER_MAX for one in (size, reach))
    if value["format"] != FORMAT or not isinstance(value["origin"], str) or not counts or size > reach:
        raise MalformedRows("The first line of the rows has not its form.")
    return Header(value["origin"], size, reach)


def _one(number: int, value: Any) -> Row | Movement:
    name = "movements" if isinstance(value, dict) and "by" in value else "rows"
    try:
        found = rows.parse({"movements": [], "rows": [], name: [value]})
        one: Row | Movement = found.rows[0] if found.rows else found.movements[0]
    except MalformedRows as malformed:
        raise MalformedRows(f"Line {number}: {malformed}") from malformed
    if isinstance(one, Row) and not 1 <= one.rev <= INTEGER_MAX:
        raise MalformedRows(f"Line {number}: a revision is a whole number from 1.")
    return one


def _keep(number: int, one: Row | Movement, streams: Mapping[str, list[bytearray]]) -> None:
    if isinstance(one, Row):
        key, said = object_key(f"{one.kind} {one.id}"), one.digest()
        record = ROW.pack(key, number, one.rev, mark_of(said))
        _part(streams["row"], key).extend(record)
    else:
        key = voucher_key(one.by)
        _part(streams["movement"], key).extend(MOVEMENT.pack(key, number, mark_of(rows.digest(one.view))))


def _part(parts: list[bytearray], key: bytes) -> bytearray:
    return parts[key[-1] % len(parts)]


def voucher_key(by: rows.Voucher) -> bytes:
    """Sixteen bytes that stand for a voucher: an entry, a row and a column of it."""
    return hashlib.sha256("\n".join(by).encode()).digest()[:16]


def mark_of(said: str) -> bytes:
    """Thirty-two bytes that stand for a digest as an entry spells it, whatever that is."""
    return hashlib.sha256(said.encode(errors="surrogatepass")).digest()


# Comparing -----------------------------------------------------------------------------------------


def examine(part: Part) -> list[Flaw]:
    """Hold the rows and movements of one part against the log."""
    return [*_rows_against_log(part), *_movements_against_log(part)]


def _rows_against_log(part: Part) -> list[Flaw]:
    last: dict[bytes, tuple[int, int, bytes]] = {}  # object: index, rev, digest, of what every row has seen
    later: dict[
        bytes, dict[int, tuple[int, bytes]]
    ] = {}  # object: rev to index and digest, of what it may have
    for key, index, rev, after in _records(AFTER, part.after):
        if index < part.size:
            last[key] = index, rev, after
        else:
            later.setdefault(key, {})[rev] = index, after
    flaws: list[Flaw] = []
    held: set[bytes] = set()
    for key, line, rev, digest in ROW.iter_unpack(part.rows.read()):
        if key in held:
            flaws.append(Flaw("stands twice", None, line, key))
        held.add(key)
        index, known, after = last.get(key, (None, 0, b""))
        if rev != known and rev in (others := later.get(key, {})):
            index, known, after = others[rev][0], rev, others[rev][1]
        if index is None:
            flaws.append(Flaw("is in no entry of the log", None, line, key))
        elif rev != known:
            flaws.append(Flaw(f"is at rev {rev}; its last entry left it at rev {known}", index, line, key))
        elif digest != after:
            flaws.append(Flaw("is not what its last entry left behind", index, line, key))
    missing = sorted((last[key][0], key) for key in last.keys() - held)
    flaws += [Flaw("is missing from the rows", index, None, key) for index, key in missing[:FLAWS_MAX]]
    return flaws[:FLAWS_MAX]


def _movements_against_log(part: Part) -> list[Flaw]:
    told = {key: (index, digest) for key, index, digest in _records(VOUCHER, part.vouchers)}
    flaws: list[Flaw] = []
    held: set[bytes] = set()
    for key, line, digest in MOVEMENT.iter_unpack(part.movements.read()):
        if key in held:
            flaws.append(Flaw("stands twice", None, line, key))
        held.add(key)
        if key not in told:
            flaws.append(Flaw("is vouched for by no entry", None, line, key))
        elif told[key][1] != digest:
            flaws.append(Flaw("is not what its entry vouches for", told[key][0], line, key))
    missing = sorted((told[key][0], key) for key in told.keys() - held if told[key][0] < part.size)
    flaws += [Flaw("is missing from the rows", index, None, key) for index, key in missing[:FLAWS_MAX]]
    return flaws[:FLAWS_MAX]


def _records(shape: struct.Struct, segments: Iterable[Segment]) -> Iterator[Any]:
    for segment in segments:
        yield from shape.iter_unpack(segment.read())


# Naming --------------------------------------------------------------------------------------------


def named(flaws: Sequence[Flaw], path: Path, reader: TileReader, log_size: int) -> list[Finding]:
    """Say of each flaw which row it is about: told by its line, or by the entry that knows it."""
    wanted = {flaw.line for flaw in flaws if flaw.line is not None}
    lines = {number: value for number, value in _lines(path) if number in wanted} if wanted else {}
    return [
        Finding("V22", flaw.index, f"{_name(flaw, lines, reader, log_size)} {flaw.said}{_where(flaw)}.")
        for flaw in flaws
    ]


def _where(flaw: Flaw) -> str:
    index = "" if flaw.index is None else f"entry {flaw.index}"
    line = "" if flaw.line is None else f"line {flaw.line} of the rows"
    return f" ({', '.join(filter(None, (index, line)))})"


def _name(flaw: Flaw, lines: Mapping[int, Any], reader: TileReader, log_size: int) -> str:
    if flaw.line is not None:
        value = lines[flaw.line]
        return f"{value['kind']} {value['by']['row'] if 'by' in value else value['id']}"
    assert flaw.index is not None, "a row that is missing is told by an entry"
    number, at = divmod(flaw.index, WIDTH)
    entry = json.loads(reader.bundle(number, width_of(0, number, log_size))[at])
    for one in entry.get("eff", ()):
        if object_key(f"{one['kind']} {one['id']}") == flaw.key:
            return f"{one['kind']} {one['id']}"
    by = next((by for by, _ in rows.vouchers(entry) if voucher_key(by) == flaw.key), ("", "a row", ""))
    return f"What the {by[2]} of {by[1]} stands for"
