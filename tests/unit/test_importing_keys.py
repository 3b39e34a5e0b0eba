"""A rerun of a file finds its deals again: the key of a row follows from what it says."""

from datetime import UTC, datetime

from service.importing.keys import KEY_LENGTH_MAX, keyed, row_key
from service.importing.own_csv import COLUMNS
from service.importing.reading import read
from service.importing.rows import Defaults, Row
from tests.unit.test_importing_fpml import DEFAULTS, DEPOSIT, FX, PARTIES, document
from tests.unit.test_importing_own_csv import FORWARD, SPOT, table
from tests.unit.test_importing_strata import BY_CONVENTION

OTHER = SPOT | {"base_amount": "2000000.00"}


def keys(file: bytes, defaults: Defaults = DEFAULTS) -> list[str]:
    return [key for _, key in keyed(read(file, defaults))]


def test_a_rerun_gives_the_same_keys_however_the_table_was_written() -> None:
    first = keys(table(SPOT, FORWARD))

    assert keys(table(SPOT, FORWARD)) == first
    assert (
        keys(b"\xef\xbb\xbf" + table(SPOT, FORWARD, columns=reversed(COLUMNS), delimiter=";", end="\n"))
        == first
    )
    assert keys(table(SPOT | {"base_amount": "1000000"}, FORWARD)) == first


def test_equal_rows_are_several_deals() -> None:
    found = keys(table(SPOT, OTHER, SPOT, SPOT))

    assert len(set(found)) == 4
    assert [key.rsplit("-", 1)[1] for key in found] == ["1", "1", "2", "3"]


def test_a_file_that_grew_or_was_corrected_keeps_the_keys_of_its_other_rows() -> None:
    wrong = SPOT | {"base_amount": "1,5"}
    before, after = keys(table(SPOT, wrong, OTHER)), keys(table(FORWARD, SPOT, SPOT | {"rate": "1.1"}, OTHER))

    assert {before[0], before[2]} < set(after)
    assert before[1] not in after


def test_the_defaults_leave_the_key_alone_so_that_a_second_body_conflicts() -> None:
    file = (",".join(BY_CONVENTION) + "\n" + ",".join(BY_CONVENTION.values()) + "\n").encode()
    other = Defaults(
        portfolio="other", counterparty="x", executed_at=datetime(2020, 1, 1, tzinfo=UTC), roll="following"
    )

    assert keys(file) == keys(file, other)


def test_layout_and_comments_leave_the_key_of_a_document_alone() -> None:
    written = document(FX, DEPOSIT)
    third = PARTIES + '<party id="third"/>'

    assert keys(
        written.replace("\n", "\r\n  <!-- x -->").replace("?>\r\n  <!-- x -->", "?>\n").encode()
    ) == keys(written.encode())
    assert keys(document(DEPOSIT, FX, parties=third).encode()) == keys(written.encode())[::-1]
    assert keys(written.replace("5493000SCC07UI6DB380", "BFXS5XCH7N0Y05NIXW11").encode()) != keys(
        written.encode()
    )


def test_the_callers_own_key_goes_first() -> None:
    assert keys(table(SPOT | {"key": "A-1"}, SPOT)) == ["A-1", keys(table(SPOT, SPOT))[1]]


def test_a_key_is_short_and_visible() -> None:
    key = row_key(Row(2, "x", fingerprint="f" * 64), 1_000_000)

    assert len(key) <= KEY_LENGTH_MAX
    assert all("!" <= character <= "~" for character in key)
