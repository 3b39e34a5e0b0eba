"""The private keys of a log, and the key ring that says which of them sign a checkpoint of which size."""

from pathlib import Path

from audit import files, keys
from audit.checkpoint import Checkpoint
from audit.keyring import RING_BYTES_MAX, Keyring
from audit.note import SigningKey, VerifierKey


class RotationUnderWay(Exception):
    """Keys change one after the other, and not before the log has signed anything."""


class OneKey:
    """A single key in memory: nothing to change it to."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def at(self, size: int) -> tuple[SigningKey, ...]:
        """Give the key."""
        assert size >= 0
        return (self._key,)

    def newest(self) -> SigningKey:
        """Give the key."""
        return self._key

    def ring(self) -> Keyring | None:
        """Tell that there is no ring."""
        return None

    def rotate(self, at: Checkpoint, overlap: int) -> Keyring:
        """Refuse: a key in memory has no successor. Raises RotationUnderWay."""
        raise RotationUnderWay(f"This signer has one key in memory; at {at.size} it gets none for {overlap}.")


class KeyStore:
    """Key files in one directory: `<name>.pem`, `<name>-2.pem` and so on, and `<name>.keyring` beside them.

    The ring names the keys in the order of their files. A key that is retired may be deleted; what it
    signed stays proved by the ring. Whoever changes anything holds the signer's lock.
    """

    def __init__(self, first: Path, origin: str, passphrase: bytes | None = None) -> None:
        self._first = first
        self._origin = origin
        self._passphrase = passphrase
        self._ring_path = first.with_suffix(".keyring")
        self._ring: tuple[bytes, Keyring | None] = (b"", None)
        self._loaded: dict[int, SigningKey] = {}

    def begin(self) -> SigningKey:
        """Make the first key. Raises FileExistsError."""
        keys.save_private(self._first, keys.generate(), self._passphrase)
        return self._key(0)

    def exists(self) -> bool:
        """Tell whether the first key was made, or any was that came later."""
        return self._first.exists() or self._ring_path.exists()

    def first(self) -> VerifierKey:
        """Give the public half of the first key, which verifiers pin. Raises UnusableKey, FileNotFoundError."""
        ring = self.ring()
        return self._key(0).verifier if ring is None else ring.all_keys[0]

    def newest(self) -> SigningKey:
        """Give the key that came last. Raises UnusableKey."""
        ring = self.ring()
        return self._key(0 if ring is None else len(ring.all_keys) - 1)

    def at(self, size: int) -> tuple[SigningKey, ...]:
        """Give the keys that sign a checkpoint of ``size``: in an overlap two. Raises UnusableKey."""
        ring = self.ring()
        if ring is None:
            return (self._key(0),)
        tenures = ring.steps[-1].tenures
        return tuple(self._key(number) for number, one in enumerate(tenures) if one.covers(size))

    def ring(self) -> Keyring | None:
        """Read the ring, checked once for each content. Raises MalformedKeyring, BrokenKeyring."""
        try:
            content = files.read_at_most(self._ring_path, RING_BYTES_MAX)
        except FileNotFoundError:
            return None
        if content != self._ring[0]:
            self._ring = (content, Keyring.parse(content))
        return self._ring[1]

    def rotate(self, at: Checkpoint, overlap: int) -> Keyring:
        """Make a new key and a note of the ring that brings it in at the size of ``at``.

        Raises RotationUnderWay, UnusableKey.
        """
        ring = self.ring()
        if at.size == 0:
            raise RotationUnderWay("The log has signed nothing yet: its first key is its newest.")
        ends = [one.until_size or 0 for one in ring.steps[-1].tenures] if ring is not None else []
        if max(ends, default=0) > at.size:
            raise RotationUnderWay(f"The key before retires at {max(ends)} entries; there are {at.size}.")
        old = self.newest()
        number = 1 if ring is None else len(ring.all_keys)
        if not self._path(number).exists():
            keys.save_private(self._path(number), keys.generate(), self._passphrase)
        # Crash here: a key that no ring names and nobody signs with; the next rotation takes it.
        begun = Keyring.begin(old, at) if ring is None else ring
        rotated = begun.rotate(old, self._key(number), at, overlap)
        files.replace(self._ring_path, bytes(rotated), self._ring_path.parent)
        # Crash here: the new key signs from now on; the ring is published before the next checkpoint.
        return rotated

    def _key(self, number: int) -> SigningKey:
        if number not in self._loaded:
            path = self._path(number)
            try:
                private = keys.load_private(path, self._passphrase)
            except FileNotFoundError as gone:
                raise keys.UnusableKey(f"{path} is missing, and with it a key that must sign.") from gone
            self._loaded[number] = SigningKey(self._origin, private)
        return self._loaded[number]

    def _path(self, number: int) -> Path:
        return self._first if number == 0 else self._first.with_name(f"{self._first.stem}-{number + 1}.pem")
