"""Keys on disk: a private key for its owner only, a public key for everyone."""

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import files
from audit.note import MalformedKey, VerifierKey

KEY_FILE_BYTES_MAX = 16 * 1024
PASSPHRASE_BYTES_MAX = 4096
PASSPHRASE = "TRENNWAND_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable, not a secret


class UnusableKey(ValueError):
    """The file holds no Ed25519 key that this passphrase opens."""


def generate() -> Ed25519PrivateKey:
    """Make a new private key from the operating system's randomness."""
    return Ed25519PrivateKey.generate()


def save_private(path: Path, key: Ed25519PrivateKey, passphrase: bytes | None = None) -> None:
    """Write ``key`` as PKCS#8 PEM that only its owner may read.

    Raises FileExistsError rather than destroy a key that signed something.
    """
    _create(path, _pem(key, passphrase), files.OWNER_ONLY)


def load_private(path: Path, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """Read what ``save_private`` wrote. Raises UnusableKey, FileNotFoundError."""
    content = path.read_bytes()
    encrypted = b"ENCRYPTED" in content
    if encrypted and passphrase is None:
        raise UnusableKey(f"{path} is encrypted: give its passphrase in {PASSPHRASE} or {PASSPHRASE}_FILE.")
    if not encrypted and passphrase is not None:
        raise UnusableKey(f"{path} is not encrypted although a passphrase is given: encrypt it first.")
    try:
        key = serialization.load_pem_private_key(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as broken:
        why = f"The passphrase does not open {path}." if encrypted else f"{path} is no private key in PEM."
        raise UnusableKey(why) from broken
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(f"{path} is not an Ed25519 key.")
    return key


def encrypt(path: Path, passphrase: bytes) -> None:
    """Put a key file that lies open under a passphrase, in one step. Raises UnusableKey, FileNotFoundError."""
    pem = _pem(load_private(path), passphrase)
    files.replace(path, pem, path.parent, files.OWNER_ONLY)


def passphrase_in(environment: Mapping[str, str]) -> bytes | None:
    """Find the passphrase of the key files: in a variable, or in the file that another names. Raises UnusableKey."""
    word, file = environment.get(PASSPHRASE), environment.get(f"{PASSPHRASE}_FILE")
    if word and file:
        raise UnusableKey(f"{PASSPHRASE} and {PASSPHRASE}_FILE are both set: leave one out.")
    return read_passphrase(Path(file)) if file else word.encode() if word else None


def read_passphrase(path: Path) -> bytes:
    """Read a passphrase: the first line of a file. Raises UnusableKey."""
    try:
        with path.open("rb") as file:
            word = file.readline(PASSPHRASE_BYTES_MAX).rstrip(b"\r\n")
    except OSError as gone:
        raise UnusableKey(f"The passphrase cannot be read: {gone}.") from gone
    if not word:
        raise UnusableKey(f"{path} holds no passphrase in its first line.")
    return word


def save_public(path: Path, key: VerifierKey) -> None:
    """Write the line that verifiers pin. Raises FileExistsError."""
    _create(path, f"{key}\n".encode(), files.READABLE_BY_ALL)


def load_public(source: str) -> VerifierKey | Ed25519PublicKey:
    """Read a public key given as a verifier-key line, a file with one, or a PEM file.

    A PEM carries no name, so it comes back bare: whoever uses it must take the name elsewhere.
    Raises UnusableKey for what is none of these.
    """
    path = Path(source)
    try:
        if not path.is_file():
            return VerifierKey.parse(source.strip())
        with path.open("rb") as file:
            content = file.read(KEY_FILE_BYTES_MAX)
        if content.lstrip().startswith(b"-----BEGIN "):
            return _parse_pem(path, content)
        return VerifierKey.parse(content.decode().strip())
    except (MalformedKey, OSError, ValueError) as broken:
        raise UnusableKey(
            f"{source!r:.120} is neither a verifier key nor a file with one: {broken}"
        ) from broken


def named(key: VerifierKey | Ed25519PublicKey, name: str) -> VerifierKey:
    """Give a bare key ``name``; a key that has a name keeps its own."""
    return key if isinstance(key, VerifierKey) else VerifierKey(name, key)


def _pem(key: Ed25519PrivateKey, passphrase: bytes | None) -> bytes:
    """Spell a private key as PKCS#8, encrypted under the passphrase if there is one."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _parse_pem(path: Path, content: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as broken:
        raise UnusableKey(f"{path} is not a public key in PEM.") from broken
    if not isinstance(key, Ed25519PublicKey):
        raise UnusableKey(f"{path} is not an Ed25519 key.")
    return key


def _create(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet; its mode is set before it has a byte of content."""
    files.make_directories(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    files.sync_directory(path.parent)
