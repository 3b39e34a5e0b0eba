"""The signer: puts the log's name under a checkpoint, and never under two that contradict.

Its memory is a file of its own, outside the database and its backups, so that a restored
database meets someone who still knows what was signed.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from audit import files, merkle, note
from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.keyring import Keyring
from audit.note import SigningKey, VerifierKey
from audit.receipt import certificate_text
from audit.signer_keys import KeyStore, OneKey


class InconsistentExtension(Exception):
    """The checkpoint does not grow out of the last one signed: history was cut or rewritten."""


class SignerMemoryLost(Exception):
    """The signer cannot read what it signed last, so it cannot know what it may sign."""


class SignerUnreachable(Exception):
    """No answer came from the signer in time; this says nothing about the log. Ask again."""


class Signer(Protocol):
    """Whoever holds the log's keys: files, a process of its own, later a token or a remote service."""

    def sign(self, checkpoint: Checkpoint, proof: Sequence[bytes]) -> bytes:
        """Sign ``checkpoint``, which ``proof`` shows to extend the last one signed.

        Returns the note, signed by every key that is valid for its size.
        Raises InconsistentExtension; then nothing was signed.
        """
        ...

    def last(self) -> Checkpoint:
        """Tell what was signed last, or was about to be."""
        ...

    def ring(self) -> bytes:
        """Give the key ring as it is published; nothing before the first change of keys."""
        ...

    def rotate(self, overlap: int) -> Keyring:
        """Bring in a new key at the size signed last; the old one retires ``overlap`` entries later."""
        ...


class FileSigner:
    """Signs with keys in files, or one in memory, and remembers in a file.

    Safe for several threads and processes that share ``state_path``, on one machine.
    """

    def __init__(self, keys: SigningKey | KeyStore, state_path: Path, origin: str) -> None:
        self._keys = OneKey(keys) if isinstance(keys, SigningKey) else keys
        self._state_path = state_path
        self._origin = origin

    def begin(self) -> None:
        """Create the memory of a log that has signed nothing yet; once in its life.

        A memory that went missing later is an alarm and not a fresh start, hence this is a step
        of its own. Raises FileExistsError.
        """
        with self._locked():
            if self._state_path.exists():
                raise FileExistsError(f"{self._state_path} exists: this signer has a past.")
            self._remember(Checkpoint(self._origin, 0, merkle.EMPTY_ROOT))

    def last(self) -> Checkpoint:
        """Tell what was signed last, or was about to be. Raises SignerMemoryLost."""
        try:
            last = Checkpoint.parse(self._state_path.read_text(encoding="utf-8"))
        except FileNotFoundError as missing:
            raise SignerMemoryLost(
                f"{self._state_path} is missing; a new log needs begin(), an old one its memory."
            ) from missing
        except (MalformedCheckpoint, UnicodeDecodeError) as broken:
            raise SignerMemoryLost(f"{self._state_path} is damaged: {broken}") from broken
        if last.origin != self._origin:
            raise SignerMemoryLost(
                f"{self._state_path} is the memory of {last.origin}, not of {self._origin}."
            )
        return last

    def sign(self, checkpoint: Checkpoint, proof: Sequence[bytes]) -> bytes:
        """Sign ``checkpoint``, which ``proof`` shows to extend the last one signed.

        Signing the last one again gives the same bytes, as long as the same keys are valid.
        Raises InconsistentExtension, SignerMemoryLost, keys.UnusableKey.
        """
        with self._locked():
            last = self.last()
            _demand_extension(last, checkpoint, proof)
            keys = self._keys.at(checkpoint.size)
            # Crash here: nothing happened.
            if checkpoint != last:
                self._remember(checkpoint)
            # Crash here: bound to this checkpoint without having signed it. The next attempt
            # asks for the same one (the files are on disk already) and gets it.
            return note.sign(str(checkpoint), *keys)

    def ring(self) -> bytes:
        """Give the key ring as it is published; nothing before the first change of keys."""
        ring = self._keys.ring()
        return b"" if ring is None else bytes(ring)

    def rotate(self, overlap: int) -> Keyring:
        """Bring in a new key at the size signed last; the old one retires ``overlap`` entries later.

        Raises RotationUnderWay, SignerMemoryLost, keys.UnusableKey.
        """
        with self._locked():
            return self._keys.rotate(self.last(), overlap)

    def certify(self, node: VerifierKey) -> bytes:
        """Give the log's word that receipts signed by ``node`` are the log's own. Raises keys.UnusableKey."""
        with self._locked():
            key = self._keys.newest()
            return note.sign(certificate_text(self._origin, str(node)), key)

    def _remember(self, checkpoint: Checkpoint) -> None:
        files.replace(
            self._state_path,
            str(checkpoint).encode(),
            self._state_path.parent,
            files.OWNER_ONLY,
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one signer at a time read, compare and write; the lock dies with its holder."""
        files.make_directories(self._state_path.parent)
        lock_path = self._state_path.with_name(self._state_path.name + ".lock")
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT, files.OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _demand_extension(last: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    if new.origin != last.origin:
        raise InconsistentExtension(f"The checkpoint is of {new.origin}; this signer serves {last.origin}.")
    if new.size < last.size:
        raise InconsistentExtension(f"The checkpoint has {new.size} entries; {last.size} are signed already.")
    if not merkle.verify_consistency(last.size, last.root, new.size, new.root, proof):
        raise InconsistentExtension(
            f"The checkpoint of {new.size} does not grow out of the one of {last.size} signed."
        )
