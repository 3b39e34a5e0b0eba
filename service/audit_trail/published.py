"""The published log as its readers fetch it: files by their C2SP paths, and proofs that were checked first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.checkpoint import Checkpoint
from audit.keyring import FILE_NAME, BrokenKeyring, Keyring
from audit.merkle import verify_inclusion
from audit.note import ForgedSignature, UnknownSigner, VerifierKey, open_note, parse
from audit.tiles import MalformedTile, MissingTile, TileReader
from service.audit_trail.sequencer import LogContradiction

# Level 0 to 63 or `entries`, the number in groups of three digits, and the width of a part: one spelling each.
TILE = re.compile(
    r"(?:entries|[0-9]|[1-5][0-9]|6[0-3])"
    r"/(?:(?!x000)(?:x[0-9]{3}/){1,6})?[0-9]{3}"
    r"(?:\.p/(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?"
)


class NoSuchFile(Exception):
    """The log has no file of this name, or not yet."""


class NotYetPublished(Exception):
    """The entry has its place, but no signed checkpoint reaches it yet."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an entry stands in the log of ``size`` entries that ``note`` signs, and the hashes that show it."""

    index: int
    size: int
    leaf: bytes
    hashes: tuple[bytes, ...]
    note: bytes


def checkpoint(directory: Path) -> bytes:
    """Return the signed note of the log's size and root. Raises NoSuchFile."""
    return _read(directory / "checkpoint")


def tile(directory: Path, path: str) -> bytes:
    """Return a tile or a bundle of entries by its path below ``tile/``. Raises NoSuchFile, also for a foreign path."""
    if TILE.fullmatch(path) is None:
        raise NoSuchFile(path)
    return _read(directory / "tile" / path)


def prove(directory: Path, key: VerifierKey, index: int, leaf: bytes) -> Proof:
    """Return the proof that ``leaf`` stands at ``index`` under the newest checkpoint, checked as a reader would.

    Raises NotYetPublished, and LogContradiction if the files do not bear it out.
    """
    note = checkpoint(directory)
    try:
        signed = Checkpoint.parse(open_note(note, keys_of(directory, key, note)).text)
        if index >= signed.size:
            raise NotYetPublished(index)
        hashes = TileReader(directory).inclusion_proof(index, signed.size)
    except (BrokenKeyring, ForgedSignature, MissingTile, MalformedTile, UnknownSigner, ValueError) as broken:
        sentence = f"entry {index} cannot be proved: {broken}"
        raise LogContradiction(sentence) from broken
    if not verify_inclusion(leaf, index, signed.size, hashes, signed.root):
        sentence = f"entry {index} is not {leaf.hex()} under the signed root of {signed.size}"
        raise LogContradiction(sentence)
    return Proof(index, signed.size, leaf, tuple(hashes), note)


def keys_of(directory: Path, pinned: VerifierKey, note: bytes) -> Sequence[VerifierKey]:
    """Return the keys that may sign this checkpoint: by the key ring beside it, if the pinned key leads to that.

    Raises MalformedNote, MalformedCheckpoint and what the ring is refused with.
    """
    try:
        ring = Keyring.load(directory / FILE_NAME)
    except FileNotFoundError:
        return (pinned,)
    if not ring.leads_from(pinned.public):
        raise BrokenKeyring("The pinned key signed no note of the key ring.")
    return ring.valid_at(Checkpoint.parse(parse(note)[0]).size)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as missing:
        raise NoSuchFile(path.name) from missing
