"""The key ring: which keys sign the log, each for a range of tree sizes, as a chain of signed notes.

A verifier pins one key and reaches the others from it:
- each note holds the digest of the note before, so whoever signed a later one vouches for all before;
- each note is signed by a key that was open (had no end) before, so a retired key adds nothing;
- each new key signs the note that brings it, so nobody's key is claimed for him;
- a note never takes back what one before said: a range once closed stays, a key never returns;
- each note states a size and root of the log, so a log shorter than its key ring was cut.

A retired key that is stolen can still continue the chain where it was open; that is seen by whoever
pins a newer key, by the entries `log.rotate`, by a witness, and by a verifier's memory.

The text of a note, each line ended by a newline; ``until`` is the first size that is not signed:

    trennwand keyring 1
    <number, from 0>
    <origin>
    <SHA-256 of the note before in Base64; of nothing for note 0>
    <size> <root in Base64>
    key <from> <until, or open> <verifier key>

The file frames each note by a line `note <bytes>` before it.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import files, note
from audit.checkpoint import SIZE_MAX, Checkpoint, MalformedCheckpoint
from audit.note import (
    NOTE_BYTES_MAX,
    ForgedSignature,
    MalformedKey,
    MalformedNote,
    SigningKey,
    UnknownSigner,
    VerifierKey,
    open_note,
)

HEADER = "trennwand keyring 1"
FILE_NAME = "keyring"
STEPS_MAX = 1000
TENURES_MAX = 64
RING_BYTES_MAX = 1024 * 1024  # also bounds what a hostile file can make us read

_FRAME = re.compile(rb"note ([1-9][0-9]{0,6})\n")
_TENURE = re.compile(r"key (0|[1-9][0-9]{0,18}) (open|[1-9][0-9]{0,18}) (\S+)")
_HEAD_LINES = 5


class MalformedKeyring(ValueError):
    """The bytes do not have the form of a key ring."""


class BrokenKeyring(Exception):
    """The notes have their form, but one does not follow from the one before."""


@dataclass(frozen=True)
class Tenure:
    """A key and the sizes it signs: from the first, and before the second; None while it is open."""

    key: VerifierKey
    from_size: int
    until_size: int | None = None

    def covers(self, size: int) -> bool:
        """Whether the key signs checkpoints of ``size``."""
        return self.from_size <= size and (self.until_size is None or size < self.until_size)

    def __str__(self) -> str:
        return f"key {self.from_size} {self.until_size or 'open'} {self.key}"


@dataclass(frozen=True)
class Step:
    """What one note of the ring says: all keys there ever were, as of ``at``."""

    number: int
    before: bytes  # SHA-256 of the note before
    at: Checkpoint
    tenures: tuple[Tenure, ...]

    def __str__(self) -> str:
        """Give the text that is signed."""
        root = base64.b64encode(self.at.root).decode()
        head = [HEADER, str(self.number), self.at.origin, base64.b64encode(self.before).decode()]
        return "\n".join([*head, f"{self.at.size} {root}", *map(str, self.tenures), ""])

    @classmethod
    def parse(cls, text: str) -> "Step":
        """Read the text of a note; only the one spelling counts. Raises MalformedKeyring."""
        lines = text.split("\n")
        if lines[0] != HEADER or not _HEAD_LINES < len(lines) - 1 <= _HEAD_LINES + TENURES_MAX:
            raise MalformedKeyring(f"A note of a key ring has a head and 1 to {TENURES_MAX} keys.")
        size, _, root = lines[4].partition(" ")
        try:
            at = Checkpoint.parse(f"{lines[2]}\n{size}\n{root}\n")
            before = base64.b64decode(lines[3], validate=True)
            step = cls(int(lines[1][:9]), before, at, tuple(map(_parse_tenure, lines[_HEAD_LINES:-1])))
        except (MalformedCheckpoint, MalformedKey, ValueError) as broken:
            raise MalformedKeyring(f"A note of the key ring is malformed: {broken}") from broken
        if str(step) != text:
            raise MalformedKeyring("A note of the key ring is not spelt the one way.")
        return step

    @property
    def open_keys(self) -> tuple[VerifierKey, ...]:
        """Keys whose range has no end yet: they may sign the next note."""
        return tuple(tenure.key for tenure in self.tenures if tenure.until_size is None)


@dataclass(frozen=True)
class Keyring:
    """A chain of notes that was checked to be one; which key starts it is the reader's to know."""

    steps: tuple[Step, ...]
    notes: tuple[bytes, ...]

    @classmethod
    def begin(cls, key: SigningKey, at: Checkpoint) -> "Keyring":
        """Start the ring of a log with the key it has; ``at`` is the log as it is now, or empty."""
        return cls._signed(None, Step(0, sha256(b"").digest(), at, (Tenure(key.verifier, 0),)), [key])

    @classmethod
    def parse(cls, data: bytes) -> "Keyring":
        """Read a ring and check its chain. Raises MalformedKeyring, BrokenKeyring."""
        notes = tuple(_unframe(data))
        ring: Keyring | None = None
        for signed in notes:
            ring = cls._checked(ring, signed)
        if ring is None:
            raise MalformedKeyring("The key ring is empty.")
        return ring

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read the ring at ``path``. Raises FileNotFoundError, MalformedKeyring, BrokenKeyring."""
        return cls.parse(files.read_at_most(path, RING_BYTES_MAX))

    def save(self, path: Path, temporary: Path) -> None:
        """Put the ring at ``path`` in one step; ``temporary`` is on the same file system."""
        # Crash here: the ring is as before, and the keys it names sign as before.
        files.replace(path, bytes(self), temporary)

    def append(self, tenures: Sequence[Tenure], at: Checkpoint, signers: Sequence[SigningKey]) -> "Keyring":
        """Give the ring with one more note, which states ``tenures`` as of the checkpoint ``at``.

        Raises BrokenKeyring if the note does not follow, for want of a signer or by what it says.
        """
        step = Step(len(self.steps), sha256(self.notes[-1]).digest(), at, tuple(tenures))
        return self._signed(self, step, signers)

    def rotate(self, old: SigningKey, new: SigningKey, at: Checkpoint, overlap: int) -> "Keyring":
        """Bring ``new`` in at the size of ``at`` and retire ``old`` ``overlap`` entries later.

        In between both sign. Raises BrokenKeyring.
        """
        until = at.size + max(overlap, 1)
        kept = [
            replace(tenure, until_size=until) if tenure.key == old.verifier else tenure
            for tenure in self.steps[-1].tenures
        ]
        return self.append([*kept, Tenure(new.verifier, at.size)], at, [old, new])

    def valid_at(self, size: int) -> tuple[VerifierKey, ...]:
        """Keys that sign checkpoints of ``size``; in an overlap several."""
        return tuple(tenure.key for tenure in self.steps[-1].tenures if tenure.covers(size))

    @property
    def all_keys(self) -> tuple[VerifierKey, ...]:
        """All keys there ever were."""
        return tuple(tenure.key for tenure in self.steps[-1].tenures)

    def leads_from(self, pinned: Ed25519PublicKey) -> bool:
        """Whether the chain can be believed by whoever believes ``pinned``: it signed one of the notes."""
        # Every key of a ring signed the note that brought it (see ``_demand_signers``).
        wanted = pinned.public_bytes_raw()
        return any(key.public.public_bytes_raw() == wanted for key in self.all_keys)

    def digest(self, number: int) -> str:
        """Digest of a note, as an entry `log.rotate` names it. Raises IndexError."""
        return f"sha256:{sha256(self.notes[number]).hexdigest()}"

    def __bytes__(self) -> bytes:
        return b"".join(b"note %d\n%b" % (len(signed), signed) for signed in self.notes)

    @classmethod
    def _signed(cls, ring: "Keyring | None", step: Step, signers: Sequence[SigningKey]) -> "Keyring":
        return cls._checked(ring, note.sign(str(step), *signers))

    @classmethod
    def _checked(cls, ring: "Keyring | None", signed: bytes) -> "Keyring":
        """Add a note after checking that it follows."""
        try:
            step = Step.parse(note.parse(signed)[0])
        except MalformedNote as broken:
            raise MalformedKeyring(f"A note of the key ring is malformed: {broken}") from broken
        last = None if ring is None else ring.steps[-1]
        _demand_shape(step)
        if last is None or ring is None:
            if step.number != 0 or step.before != sha256(b"").digest():
                raise BrokenKeyring("The key ring does not start with its note 0.")
        else:
            if step.number != last.number + 1 or step.before != sha256(ring.notes[-1]).digest():
                raise BrokenKeyring(f"Note {step.number} of the key ring does not follow the one before.")
            _demand_continuation(last, step)
        _demand_signers(last, step, signed)
        return cls(
            steps=(step,) if ring is None else (*ring.steps, step),
            notes=(signed,) if ring is None else (*ring.notes, signed),
        )


def _demand_shape(step: Step) -> None:
    """Refuse keys that could be mistaken for each other, and sizes that nobody may sign."""
    publics = {tenure.key.public.public_bytes_raw() for tenure in step.tenures}
    ids = {tenure.key.key_id for tenure in step.tenures}
    if not len(publics) == len(ids) == len(step.tenures):
        raise BrokenKeyring(f"Note {step.number} of the key ring names one key, or one key id, twice.")
    if any(tenure.key.name != step.at.origin for tenure in step.tenures):
        raise BrokenKeyring(f"Note {step.number} of the key ring names a key of another log.")
    if any(
        tenure.until_size is not None and tenure.until_size <= tenure.from_size for tenure in step.tenures
    ):
        raise BrokenKeyring(f"Note {step.number} of the key ring ends a key before it begins.")
    if not step.open_keys:
        raise BrokenKeyring(f"Note {step.number} of the key ring leaves no key.")
    ends = [tenure.until_size for tenure in step.tenures if tenure.until_size is not None]
    if any(not any(tenure.covers(end) for tenure in step.tenures) for end in ends):
        raise BrokenKeyring(f"Note {step.number} of the key ring leaves sizes that nobody signs.")


def _demand_continuation(last: Step, step: Step) -> None:
    """Refuse a note that takes back what the one before said, or reaches into the past."""
    if step.at.origin != last.at.origin or step.at.size < last.at.size:
        raise BrokenKeyring(f"Note {step.number} of the key ring is of another log, or an older one.")
    if step.at.size == last.at.size and step.at.root != last.at.root:
        raise BrokenKeyring(f"Note {step.number} of the key ring states another root for the same size.")
    for old, new in zip(last.tenures, step.tenures, strict=False):
        same = old.key == new.key and old.from_size == new.from_size
        closed_now = old.until_size is None and new.until_size is not None and new.until_size > step.at.size
        if not same or (old.until_size != new.until_size and not closed_now):
            raise BrokenKeyring(f"Note {step.number} of the key ring changes what was said of {old.key}.")
    if len(step.tenures) < len(last.tenures):
        raise BrokenKeyring(f"Note {step.number} of the key ring leaves out a key.")
    if any(new.from_size < step.at.size for new in step.tenures[len(last.tenures) :]):
        raise BrokenKeyring(f"Note {step.number} of the key ring lets a new key sign the past.")


def _demand_signers(last: Step | None, step: Step, signed: bytes) -> None:
    """Refuse a note without a key that was open before, or without each key that it brings."""
    known = 0 if last is None else len(last.tenures)
    brought = [tenure.key for tenure in step.tenures[known:]]
    before = () if last is None else last.open_keys
    try:
        signers = {line.key_id for line in open_note(signed, [*before, *brought]).verified}
    except (ForgedSignature, UnknownSigner) as refused:
        raise BrokenKeyring(f"Note {step.number} of the key ring: {refused}") from refused
    if not all(key.key_id in signers for key in brought):
        raise BrokenKeyring(f"Note {step.number} of the key ring lacks the signature of a key it brings.")
    if last is not None and not any(key.key_id in signers for key in before):
        raise BrokenKeyring(f"Note {step.number} of the key ring is signed by no key open before.")


def _parse_tenure(line: str) -> Tenure:
    parts = _TENURE.fullmatch(line)
    if parts is None:
        raise MalformedKeyring(f"{line!r:.80} is not a key and its range.")
    until = None if parts[2] == "open" else int(parts[2])
    if max(int(parts[1]), until or 0) > SIZE_MAX:
        raise MalformedKeyring(f"{line!r:.80} names a size that no log has.")
    return Tenure(VerifierKey.parse(parts[3]), int(parts[1]), until)


def _unframe(data: bytes) -> list[bytes]:
    if len(data) > RING_BYTES_MAX:
        raise MalformedKeyring(f"The key ring has {len(data)} bytes; at most {RING_BYTES_MAX} are read.")
    notes: list[bytes] = []
    at = 0
    while at < len(data):
        frame = _FRAME.match(data, at)
        length = 0 if frame is None else int(frame[1])
        if frame is None or length > min(NOTE_BYTES_MAX, len(data) - frame.end()):
            raise MalformedKeyring(f"The framing of the key ring breaks at byte {at}.")
        at = frame.end() + length
        notes.append(data[frame.end() : at])
        if len(notes) > STEPS_MAX:
            raise MalformedKeyring(f"The key ring has more than {STEPS_MAX} notes.")
    return notes
