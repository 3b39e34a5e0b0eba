"""A checkpoint: which log, how many entries, and the root over them. Source: C2SP tlog-checkpoint."""

import base64
import binascii
import re
from dataclasses import dataclass

from audit import merkle

SIZE_MAX = 2**63 - 1
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class MalformedCheckpoint(ValueError):
    """The text is not the three lines of a checkpoint, or they cannot go together."""


@dataclass(frozen=True)
class Checkpoint:
    """What the log was at one moment."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or any(character < " " for character in self.origin):
            raise MalformedCheckpoint("The origin of a checkpoint is one line of text.")
        if not 0 <= self.size <= SIZE_MAX:
            raise MalformedCheckpoint(f"A log has no size of {self.size}.")
        if len(self.root) != merkle.HASH_BYTES:
            raise MalformedCheckpoint(f"A root has 32 bytes, not {len(self.root)}.")
        if (self.size == 0) != (self.root == merkle.EMPTY_ROOT):
            raise MalformedCheckpoint("The root of an empty log is the hash of nothing, and of no other log.")

    def __str__(self) -> str:
        """Give the text that is signed, with its last newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text of a checkpoint; a fourth line could hide data, so it is refused.

        Raises MalformedCheckpoint.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:  # noqa: PLR2004 - three lines, each ended by a newline
            raise MalformedCheckpoint(
                f"A checkpoint has three lines and no extension; this has {len(lines) - 1}."
            )
        if _SIZE.fullmatch(lines[1]) is None:
            raise MalformedCheckpoint(f"{lines[1]!r:.40} is not a size.")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except (binascii.Error, ValueError) as broken:
            raise MalformedCheckpoint("The root of the checkpoint is not Base64.") from broken
        checkpoint = cls(lines[0], int(lines[1]), root)
        if str(checkpoint) != text:
            raise MalformedCheckpoint("The root of the checkpoint has stray bits in its Base64.")
        return checkpoint
