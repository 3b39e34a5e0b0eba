"""Tell what a file from outside is by its content, never by its name, and read it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from service.messages import mt300
from service.messages.fin import looks_like_fin, read_fin
from service.messages.terms import BYTES_MAX, ConfirmedTerms, Unreadable


class Format(StrEnum):
    """The formats that are read."""

    MT300 = "mt300"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A confirmation in some format; ``silent_on`` names the terms for which that format has no place."""

    format: Format
    terms: ConfirmedTerms
    silent_on: frozenset[str] = frozenset()


Message = Confirmation

_FIN: Final = {"300": (Format.MT300, mt300.read_message, mt300.SILENT_ON)}


def recognised(content: bytes, name: str) -> Message:
    """Read a message of any known format. ``name`` is for people only: it may be anything, and decides nothing.

    Raises Unreadable with the field and the reason, and nothing else, whatever the bytes.
    """
    del name
    if len(content) > BYTES_MAX:
        raise Unreadable("message", f"is larger than {BYTES_MAX:,} bytes")
    if not content.strip():
        raise Unreadable("message", "is empty")
    if looks_like_fin(content):
        message = read_fin(content)
        if message.type not in _FIN:
            raise Unreadable("block 2", f"an MT{message.type} is not read here; MT300 and MT320 are")
        format_, read, silent_on = _FIN[message.type]
        return Confirmation(format_, read(message), silent_on)
    raise Unreadable("message", "is of no known format")
