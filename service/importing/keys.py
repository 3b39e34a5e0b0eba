"""Under which key each row is entered, so that a rerun of the file creates nothing twice.

The key follows from what the row says and from how often the file said so before it. Neither the
file's name nor the rest of its rows count: a file corrected in one row, or grown by some, keeps the keys
of the others. The defaults do not count either: with another portfolio or another time of
execution the same row keeps its key, and the service refuses the second body instead of
entering a second deal.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from service.importing.rows import Row

KEY_LENGTH_MAX: Final = 64
_DIGITS: Final = 40


def row_key(row: Row, occurrence: int = 1) -> str:
    """Return the idempotency key of a row; ``occurrence`` counts equal rows of the file from 1.

    The caller's own key goes before ours. At most 64 visible ASCII characters.
    """
    if row.key is not None:
        return row.key
    key = f"row1-{row.fingerprint[:_DIGITS]}-{occurrence}"
    assert len(key) <= KEY_LENGTH_MAX
    return key


def keyed(rows: Iterable[Row]) -> Iterator[tuple[Row, str]]:
    """Give each row its key; equal rows are several deals and get several keys.

    Keeps 20 bytes and a count per different row, nothing else of it.
    """
    seen: dict[bytes, int] = {}
    for row in rows:
        digest = bytes.fromhex(row.fingerprint[:_DIGITS])
        seen[digest] = seen.get(digest, 0) + 1
        yield row, row_key(row, seen[digest])
