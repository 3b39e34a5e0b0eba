"""One way into every format: what a file is shows in its content, never in its name."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal

from service.importing.fpml import read_fpml
from service.importing.own_csv import read_own
from service.importing.rows import Defaults, Row, UnreadableFile
from service.importing.strata import TYPE, read_strata
from service.importing.tables import read_table
from service.importing.xml_tree import BYTES_MAX

Format = Literal["own", "strata", "fpml"]

_SNIFFED: Final = 4096
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_NOT_TEXT: Final = {
    b"PK\x03\x04": "The file is a spreadsheet or an archive; save it as CSV in UTF-8.",
    b"\xd0\xcf\x11\xe0": "The file is a spreadsheet of an old kind; save it as CSV in UTF-8.",
    b"\x1f\x8b": "The file is compressed; unpack it first.",
    b"%PDF": "The file is a PDF; deals are read from CSV and FpML.",
    b"\xff\xfe": "The file is written in UTF-16; save it in UTF-8.",
    b"\xfe\xff": "The file is written in UTF-16; save it in UTF-8.",
}


def read(file: Path | str | bytes, defaults: Defaults, *, format: Format | None = None) -> Iterator[Row]:  # noqa: A002
    """Yield the rows of a file (``bytes`` are its content), a table's one at a time.

    ``format`` where it is known; otherwise XML is FpML, a table with Strata's type column is
    Strata's, and any other is ours. Nothing is opened before the first row is asked for.

    Raises UnreadableFile, with the line where reading stopped.
    """
    if isinstance(file, bytes):
        yield from _read(io.BytesIO(file), defaults, format)
        return
    path = Path(file)
    try:
        stream = path.open("rb") if path.is_file() else None
    except (OSError, ValueError) as failure:
        raise UnreadableFile(f"The file {str(path)!a} cannot be opened: {failure}.") from failure
    if stream is None:
        raise UnreadableFile(f"There is no file {str(path)!a}.")
    with stream:
        try:
            yield from _read(stream, defaults, format)
        except OSError as failure:
            raise UnreadableFile(f"The file {str(path)!a} cannot be read: {failure}.") from failure


def _read(stream: BinaryIO, defaults: Defaults, stated: Format | None) -> Iterator[Row]:
    start = stream.read(_SNIFFED)
    stream.seek(0)
    for mark, sentence in _NOT_TEXT.items():
        if start.startswith(mark):
            raise UnreadableFile(sentence, line=1)
    text = start.removeprefix(_UTF8_MARK).lstrip()
    if not text:
        raise UnreadableFile("The file is empty.", line=1)
    if stated == "fpml" or (stated is None and text.startswith(b"<")):
        yield from read_fpml(stream.read(BYTES_MAX + 1), defaults)
        return
    with io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as lines:
        table = read_table(lines)
        names = {column.strip().lower() for column in table.columns}
        is_strata = TYPE.lower() in names
        if stated == "strata" and not is_strata:
            raise UnreadableFile(f"The table has no column {TYPE}.", line=1, field=TYPE)
        if is_strata and stated != "own":
            yield from read_strata(table, defaults)
        else:
            yield from read_own(table)
