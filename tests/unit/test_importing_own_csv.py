"""Our own table of deals: what it takes, and that one bad row or cell is refused by name."""

import csv
import io
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from service.importing.own_csv import COLUMNS
from service.importing.reading import read
from service.importing.rows import Defaults, Row, UnreadableFile
from service.importing.tables import read_table

SPOT = {
    "type": "fx_spot", "side": "buy", "base": "EUR", "quote": "USD", "base_amount": "1000000.00", "rate": "1.0850",
    "trade_date": "2026-10-28", "value_date": "2026-10-30", "counterparty": "529900DTJ5A7S5UCBB52",
    "portfolio": "FX-EUR", "executed_at": "2026-10-28T09:15:00Z", "side_agreements": "none",
}  # fmt: skip
FORWARD = SPOT | {
    "type": "fx_forward", "rate": "1.0905", "spot_rate": "1.0850", "forward_points": "0.0055", "value_date": "2027-01-29",
}  # fmt: skip
DEPOSIT = {
    "type": "mm_deposit", "currency": "CHF", "principal": "25000000.00", "rate_percent": "4", "day_count": "ACT/360",
    "start_date": "2026-10-28", "end_date": "2026-10-29", "trade_date": "2026-10-28",
    "counterparty": "529900DTJ5A7S5UCBB52", "portfolio": "MM-CHF", "executed_at": "2026-10-28T09:15:00Z",
    "side_agreements": "none", "location": "premises",
}  # fmt: skip
LOAN = DEPOSIT | {"type": "mm_loan", "rate_percent": "-0.25"}


def table(
    *deals: dict[str, str], columns: Iterable[str] = COLUMNS, delimiter: str = ",", end: str = "\r\n"
) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(columns), delimiter=delimiter, lineterminator=end, restval="")
    writer.writeheader()
    writer.writerows(deals)
    return out.getvalue().encode()


def rows(file: bytes) -> list[Row]:
    return list(read(file, Defaults()))


def refused(**cells: str) -> tuple[str | None, str]:
    (row,) = rows(table(SPOT | cells))
    assert row.deal is None
    assert row.refusal is not None
    return row.field, row.refusal


def test_each_type_of_deal_comes_back_as_the_interface_takes_it() -> None:
    found = rows(table(SPOT, FORWARD, DEPOSIT, LOAN))

    assert [row.deal for row in found] == [SPOT, FORWARD, DEPOSIT, LOAN]
    assert [row.number for row in found] == [2, 3, 4, 5]
    assert [row.source for row in found] == ["fx_spot EUR USD", "fx_forward EUR USD", "mm_deposit", "mm_loan"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_table_is_read_however_its_office_program_wrote_it(delimiter: str, end: str, mark: bytes) -> None:
    (row,) = rows(mark + table(SPOT, delimiter=delimiter, end=end))

    assert row.deal == SPOT


def test_a_quoted_cell_keeps_commas_and_quotes() -> None:
    (row,) = rows(table(SPOT | {"side_agreements": 'a "side letter", signed; 2 pages'}))

    assert row.deal == SPOT | {"side_agreements": 'a "side letter", signed; 2 pages'}


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-2+3", "+49", '=HYPERLINK("http://x")', "<script>"])
def test_what_looks_like_a_formula_is_data(text: str) -> None:
    (row,) = rows(table(SPOT | {"side_agreements": text}))

    assert row.deal == SPOT | {"side_agreements": text}


@pytest.mark.parametrize("text", ["=1+1", "1e6", "NaN", "１００", "1000 ", "0x10", "1 000"])
def test_an_amount_is_digits_and_a_point_only(text: str) -> None:
    field, sentence = refused(base_amount=text)

    assert field == "base_amount"
    assert "is no amount" in sentence


@pytest.mark.parametrize("text", ["1,50", "1.000.000,00", "1,000,000.00"])
def test_a_comma_in_an_amount_is_refused_with_what_to_write_instead(text: str) -> None:
    for delimiter in ",;":
        (row,) = rows(table(SPOT | {"base_amount": text}, delimiter=delimiter))

        assert row.deal is None
        assert row.field == "base_amount"
        assert "write a point before the decimals" in (row.refusal or "")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("type", "fx_option"),
        ("side", "BUY"),
        ("base", "euro"),
        ("trade_date", "28.10.2026"),
        ("trade_date", "2026-02-30"),
        ("value_date", "2026-W44-1"),
        ("executed_at", "2026-10-28T09:15:00"),
        ("executed_at", "2026-10-28T25:15:00Z"),
        ("executed_at", "0001-01-01T00:00:00+14:00"),
        ("counterparty", " 529900DTJ5A7S5UCBB52"),
        ("counterparty", "x" * 65),
        ("side_agreements", "two\nlines"),
        ("side_agreements", ""),
        ("principal", "1"),
        ("key", "two words"),
    ],
)
def test_a_bad_cell_is_refused_by_its_name(field: str, text: str) -> None:
    assert refused(**{field: text})[0] == field


def test_a_time_is_told_in_utc() -> None:
    (row,) = rows(table(SPOT | {"executed_at": "2026-10-28 10:15+01:00"}))

    assert row.deal == SPOT


def test_a_bad_row_is_refused_alone() -> None:
    lines = table(SPOT, SPOT, SPOT, SPOT, SPOT).split(b"\r\n")
    lines[2] = lines[2].replace(b"EUR", b"\xff\xfe", 1)
    lines[3] = b'"broken"quote,' + lines[3]
    lines[4] += b",one more"

    found = rows(b"\r\n".join(lines))

    assert [row.number for row in found if row.deal == SPOT] == [2, 6]
    assert [(row.number, row.refusal) for row in found if row.deal is None] == [
        (3, "The row is not written in UTF-8."),
        (4, "The quoting is wrong (',' expected after '\"')."),
        (5, f"The row has {len(COLUMNS) + 1} cells where the header names {len(COLUMNS)} columns."),
    ]


def test_a_quote_that_never_closes_says_which_lines_it_took() -> None:
    lines = table(SPOT, SPOT, SPOT).split(b"\r\n")
    lines[2] = b'"' + lines[2]

    found = rows(b"\r\n".join(lines))

    assert [row.deal for row in found] == [SPOT, None]
    assert "lines 3 to 4 were taken for one row" in (found[1].refusal or "")


def test_empty_lines_are_no_rows() -> None:
    file = table(SPOT) + b"\r\n" + b"," * (len(COLUMNS) - 1) + b"\r\n"

    assert len(rows(file)) == 1


def test_a_table_may_leave_out_the_columns_of_types_it_does_not_have() -> None:
    (row, other) = rows(table(SPOT, {k: v for k, v in DEPOSIT.items() if k in SPOT}, columns=SPOT))

    assert row.deal == SPOT
    assert (other.field, other.refusal) == (
        "currency",
        "mm_deposit needs it, and the table has no such column.",
    )


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ([*SPOT, "trader"], "trader"),
        ([*SPOT, "rate"], "rate"),
        ([name for name in SPOT if name != "portfolio"], "portfolio"),
        ([name for name in SPOT if name != "rate"], "rate"),
    ],
)
def test_a_wrong_column_is_named(columns: list[str], field: str) -> None:
    with pytest.raises(UnreadableFile) as unreadable:
        rows((",".join(columns) + "\r\n").encode())

    assert unreadable.value.field == field
    assert unreadable.value.line == 1
    assert field in unreadable.value.sentence


@pytest.mark.parametrize("header", [b"type;side,base\r\n", b"type\tside,base\r\n", b"type\tside;base\r\n"])
def test_two_separators_in_one_header_are_not_guessed_at(header: bytes) -> None:
    with pytest.raises(UnreadableFile, match="only one of them"):
        rows(header)


def test_a_cell_is_quoted_as_it_was_written_but_nothing_in_it_hides() -> None:
    (row,) = rows(table(SPOT | {"side": "Käufe\u202e\x1b"}))

    assert "'Käufe\\u202e\\x1b'" in (row.refusal or "")


def test_the_callers_own_key_stands_for_one_row() -> None:
    found = rows(table(SPOT | {"key": "A-1"}, SPOT | {"key": "A-1"}, SPOT | {"key": "A-2"}))

    assert [row.key for row in found if row.deal] == ["A-1", "A-2"]
    assert (found[1].field, found[1].refusal) == (
        "key",
        "'A-1' stands on line 2 already; each deal has its own.",
    )


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf \r\n", "The file is empty."),
        (b"PK\x03\x04rest", "The file is a spreadsheet or an archive; save it as CSV in UTF-8."),
        ("type,side".encode("utf-16"), "The file is written in UTF-16; save it in UTF-8."),
        (b"type\xff,side\r\n", "The header is no UTF-8 text; save the table as CSV in UTF-8."),
        (b"type," + b"x" * 70_000, "Line 1 is longer than any row of deals: this is no table."),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(file: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableFile) as unreadable:
        rows(file)

    assert unreadable.value.sentence == sentence


def test_a_missing_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path, "a\0b"):
        with pytest.raises(UnreadableFile):
            list(read(path, Defaults()))


def test_a_long_table_is_never_held_whole(tmp_path: Path) -> None:
    """5,000 rows, read in a small part of the room they would take together."""
    path = tmp_path / "many.csv"
    header, one = table(SPOT | {"side_agreements": "n" * 60}).split(b"\r\n")[:2]
    path.write_bytes(header + b"\r\n" + (one + b"\r\n") * 5_000)

    tracemalloc.start()
    try:
        count = sum(1 for row in read(path, Defaults()) if row.deal)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 5_000
    assert path.stat().st_size > 900_000
    assert peak < 300_000


class Endless(io.StringIO):
    """A header, then one row whose quotes open again on every line, for ever."""

    def readline(self, size: int | None = -1, /) -> str:
        return super().readline(-1 if size is None else size) or 'a","b\n'


def test_a_row_without_end_is_not_gathered() -> None:
    with pytest.raises(UnreadableFile, match="this is no table"):
        list(read_table(Endless('one,two\n"open\n')).records())
