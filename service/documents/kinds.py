"""What papers there are, what forms they may have, and names that are safe to hand out again."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from service.kernel.retention import Retention

BYTES_MAX: Final = 10 * 1024 * 1024
NAME_CHARACTERS_MAX: Final = 140
NAMELESS: Final = "document"
OCTETS: Final = "application/octet-stream"


class DocumentKind(StrEnum):
    """What a paper is."""

    CONFIRMATION_IN = "confirmation_in"
    CONFIRMATION_OUT = "confirmation_out"
    CONTRACT = "contract"
    EVIDENCE = "evidence"
    LETTER = "letter"
    OTHER = "other"
    PAYMENT_OUT = "payment_out"
    STATEMENT = "statement"
    STATUS_IN = "status_in"


BY_HAND: Final = frozenset(
    {DocumentKind.CONTRACT, DocumentKind.EVIDENCE, DocumentKind.OTHER, DocumentKind.STATEMENT}
)
"""What a person files as a paper; every other kind comes with the act that sends or receives it."""

KEPT_AS: Final[Mapping[DocumentKind, Retention]] = {
    DocumentKind.CONFIRMATION_IN: Retention.LETTERS,
    DocumentKind.CONFIRMATION_OUT: Retention.LETTERS,
    DocumentKind.CONTRACT: Retention.VOUCHERS,
    DocumentKind.EVIDENCE: Retention.RECORDS,
    DocumentKind.LETTER: Retention.LETTERS,
    DocumentKind.OTHER: Retention.RECORDS,
    DocumentKind.PAYMENT_OUT: Retention.VOUCHERS,
    DocumentKind.STATEMENT: Retention.VOUCHERS,
    DocumentKind.STATUS_IN: Retention.VOUCHERS,
}
"""The class a kind belongs to by its nature (§ 257(4) HGB); all of them are kept ten years."""

BEGINS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "application/json": (),
    OCTETS: (),
    "application/pdf": (b"%PDF-",),
    "application/xml": (b"<", b"\xef\xbb\xbf<"),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
    "message/rfc822": (),
    "text/csv": (),
    "text/html": (),
    "text/plain": (),
}
"""The forms that are taken, each with the bytes it begins with, where it has such; nothing is ever opened."""

_PLACES = re.compile(r"[/\\]")


def is_what_it_says(content: bytes, media_type: str) -> bool:
    """Tell whether the bytes can be of the form that is claimed; a text holds no zero byte."""
    begins = BEGINS[media_type]
    if begins:
        return content.lstrip(b" \t\r\n").startswith(begins) if b"<" in begins else content.startswith(begins)
    return media_type == OCTETS or b"\x00" not in content


def safe_name(name: str) -> str:
    """Return what a stranger called a file, as one harmless line: no folder, no control, no change of direction."""
    last = _PLACES.split(name)[-1]
    seen = "".join(one for one in last if unicodedata.category(one)[0] not in "CZ" or one == " ")
    return seen.strip(" .")[:NAME_CHARACTERS_MAX].strip() or NAMELESS
