"""Names that others gave (LEI, BIC, IBAN) and ids we give ourselves (UUID version 7)."""

import hashlib
import secrets
import threading
import time
from typing import Final
from uuid import UUID

from stdnum import bic, iban, lei
from stdnum.exceptions import ValidationError

_COUNTER_BITS: Final = 74
_STEP_BITS: Final = 32
_NANOSECONDS_PER_MILLISECOND: Final = 1_000_000
_VARIANT: Final = 0b10 << 62
_VERSION: Final = 7 << 76


class InvalidIdentifier(ValueError):
    """The identifier breaks its own standard: shape or check digits."""


def check_lei(text: str) -> str:
    """Return the legal entity identifier unchanged, or refuse it.

    Only the written form counts: 20 capital letters and digits, no blanks.

    Raises InvalidIdentifier. Source: ISO 17442-1, check digits by ISO 7064 mod 97-10.
    """
    if not (_is_written_plainly(text, lengths=(20,)) and text[18:].isdigit()):
        _refuse(text, "LEI: 18 capital letters or digits and 2 check digits")
    try:
        lei.validate(text)
    except ValidationError:
        _refuse(text, "LEI: its check digits do not fit")
    return text


def check_bic(text: str) -> str:
    """Return the business identifier code unchanged, or refuse it; only the shape is checked.

    Raises InvalidIdentifier. Source: ISO 9362, 8 or 11 characters.
    """
    if not _is_written_plainly(text, lengths=(8, 11)) or not bic.is_valid(text):
        _refuse(text, "BIC: 8 or 11 capital letters and digits with a country in places 5 and 6")
    return text


def check_iban(text: str) -> str:
    """Return the account number unchanged (electronic form, no blanks), or refuse it.

    Raises InvalidIdentifier. Source: ISO 13616, structure per country and mod 97-10.
    """
    if not _is_written_plainly(text, lengths=range(15, 35)):
        _refuse(text, "IBAN: 15 to 34 capital letters and digits without blanks")
    try:
        iban.validate(text)
    except ValidationError:
        _refuse(text, "IBAN: its structure or check digits do not fit")
    return text


def _is_written_plainly(text: str, *, lengths: tuple[int, ...] | range) -> bool:
    """Tell whether the text stands as the standard writes it; stdnum alone would tidy it up."""
    return len(text) in lengths and text.isascii() and text.isalnum() and text == text.upper()


def _refuse(text: str, standard: str) -> None:
    raise InvalidIdentifier(f"{text[:40]!a} is no {standard}")


class Uuid7Source:
    """Hands out ids that only ever grow, whatever the clock does.

    A time before that of the last id given out is raised to it, so growth is kept and the written time is not.

    Source: RFC 9562, section 5.7, counter in the random bits by section 6.2 method 2.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = -1
        self._counter = 0

    def next(self, millisecond: int) -> UUID:
        """Make the next id; ``millisecond``: since 1970 in UTC."""
        with self._lock:
            if millisecond > self._millisecond:
                self._millisecond = millisecond
                self._counter = secrets.randbits(_COUNTER_BITS - 1)
            else:
                self._counter += 1 + secrets.randbits(_STEP_BITS)
                if self._counter >> _COUNTER_BITS:
                    self._millisecond += 1
                    self._counter = secrets.randbits(_COUNTER_BITS - 1)
            millisecond, counter = self._millisecond, self._counter
        assert 0 <= millisecond < 1 << 48
        high = counter >> 62 << 64
        low = counter & ((1 << 62) - 1)
        return UUID(int=millisecond << 80 | _VERSION | high | _VARIANT | low)


_SOURCE: Final = Uuid7Source()


def uuid7() -> UUID:
    """Make an id that sorts by time of making, strictly growing within this process."""
    return _SOURCE.next(time.time_ns() // _NANOSECONDS_PER_MILLISECOND)


def traced(key: str | None) -> str | None:
    """Return what ties an entry to the caller's own record of a request: a digest of its idempotency key.

    The caller can compute it again; the log cannot be made to hold what the caller chose as a key.
    """
    return None if key is None else hashlib.sha256(key.encode()).hexdigest()[:32]
