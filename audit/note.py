"""Signed notes: text, a blank line, and one line per signature. Source: C2SP signed-note."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"  # signature type; part of what the key id and the verifier key are made of
KEY_ID_BYTES = 4
PUBLIC_KEY_BYTES = 32
SIGNATURES_MAX = 16  # the least a reader has to accept is the most that we do
NOTE_BYTES_MAX = 256 * 1024

_KEY_ID = re.compile(r"[0-9a-f]{8}")
_DASH = "\u2014 "


class MalformedKey(ValueError):
    """The text is not an Ed25519 verifier key, or its name cannot stand in a note."""


class MalformedNote(ValueError):
    """The bytes do not have the form of a signed note."""


class ForgedSignature(Exception):
    """A signature line claims a key we know, and that key did not sign this text."""


class UnknownSigner(Exception):
    """None of the keys we know signed the note."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key under a name, as a reader of notes is given it."""

    name: str
    public: Ed25519PublicKey

    def __post_init__(self) -> None:
        check_name(self.name)

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read ``name+hash+base64``. Raises MalformedKey."""
        return cls(*parse_key(text, ED25519))

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; no proof of anything."""
        return key_id(self.name, ED25519, self.public)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether this key signed ``text``."""
        try:
            self.public.verify(signature, text)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return spell_key(self.name, ED25519, self.public)


@dataclass(frozen=True)
class SigningKey:
    """A private key under the name that its signature lines carry."""

    name: str
    private: Ed25519PrivateKey

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.private.public_key())

    def sign(self, text: bytes) -> bytes:
        """Sign raw bytes: 64 bytes, the same ones each time."""
        return self.private.sign(text)


@dataclass(frozen=True)
class Signature:
    """One signature line: who claims to have signed, and the bytes offered as proof."""

    name: str
    key_id: bytes
    blob: bytes


@dataclass(frozen=True)
class Note:
    """A text that at least one key we know signed."""

    text: str
    verified: tuple[Signature, ...]
    unknown: tuple[Signature, ...]  # lines of other keys; they say nothing to us


def sign(text: str, *keys: SigningKey) -> bytes:
    """Write the note of ``text`` signed by every key, in their order.

    Raises MalformedNote if the text is empty, lacks its last newline or has control characters.
    """
    assert keys, "a note needs a signer"
    _check_text(text)
    lines = [signature_line(key.name, key.verifier.key_id, key.sign(text.encode())) for key in keys]
    return (text + "\n" + "".join(lines)).encode()


def signature_line(name: str, key_id: bytes, blob: bytes) -> str:
    """Write a signature line with its newline."""
    return f"{_DASH}{name} {base64.b64encode(key_id + blob).decode()}\n"


def parse_line(line: str) -> Signature:
    """Read a signature line without its newline, believing nothing. Raises MalformedNote."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not _is_name(name):
        raise MalformedNote("A signature line does not start with a dash and the name of a key.")
    blob = _decode_base64(encoded, MalformedNote)
    if len(blob) <= KEY_ID_BYTES:
        raise MalformedNote("A signature line holds no signature.")
    return Signature(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


def key_id(name: str, kind: bytes, public: Ed25519PublicKey) -> bytes:
    """Four bytes for a key of the signature type ``kind``; collisions are cheap to make."""
    return sha256(name.encode() + b"\n" + kind + public.public_bytes_raw()).digest()[:KEY_ID_BYTES]


def spell_key(name: str, kind: bytes, public: Ed25519PublicKey) -> str:
    """Write `name+hash+base64` for a key of the signature type ``kind``."""
    blob = base64.b64encode(kind + public.public_bytes_raw()).decode()
    return f"{name}+{key_id(name, kind, public).hex()}+{blob}"


def parse_key(text: str, kind: bytes) -> tuple[str, Ed25519PublicKey]:
    """Read back what ``spell_key`` wrote for the same ``kind``. Raises MalformedKey."""
    parts = text.split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - the three parts of the form
        raise MalformedKey("A verifier key has the form name+hash+base64.")
    name, hashed, encoded = parts
    check_name(name)
    blob = _decode_base64(encoded, MalformedKey)
    if blob[:1] != kind or len(blob) != 1 + PUBLIC_KEY_BYTES:
        raise MalformedKey("The verifier key is not an Ed25519 key of the type asked for.")
    public = Ed25519PublicKey.from_public_bytes(blob[1:])
    if _KEY_ID.fullmatch(hashed) is None or bytes.fromhex(hashed) != key_id(name, kind, public):
        raise MalformedKey("The verifier key's hash does not belong to its name and key.")
    return name, public


def parse(data: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Split a note into its text and its signature lines, believing neither.

    Raises MalformedNote.
    """
    if len(data) > NOTE_BYTES_MAX:
        raise MalformedNote(f"The note has {len(data)} bytes; at most {NOTE_BYTES_MAX} are read.")
    try:
        whole = data.decode()
    except UnicodeDecodeError as broken:
        raise MalformedNote("The note is not UTF-8.") from broken
    split = whole.rfind("\n\n")
    if split < 0:
        raise MalformedNote("The note has no blank line before its signatures.")
    text, tail = whole[: split + 1], whole[split + 2 :]
    _check_text(text)
    if not tail.endswith("\n"):
        raise MalformedNote("The note does not end with a signature line.")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise MalformedNote(f"The note has {len(lines)} signature lines; at most {SIGNATURES_MAX} are read.")
    signatures = tuple(map(parse_line, lines))
    if len({(line.name, line.key_id) for line in signatures}) != len(signatures):
        raise MalformedNote("Two signature lines of the note claim the same key.")
    return text, signatures


def open_note(data: bytes, keys: Sequence[VerifierKey]) -> Note:
    """Read a note that one of ``keys`` signed.

    Signatures of other keys are set aside. Raises MalformedNote for its form, ForgedSignature if
    a line of a key of ours is wrong (even beside a right one), UnknownSigner if there is none.
    """
    known = {(key.name, key.key_id): key for key in keys}
    if len(known) != len(keys):
        raise MalformedKey("Two verifier keys share a name and an id; a signature line could mean either.")
    text, signatures = parse(data)
    verified: list[Signature] = []
    unknown: list[Signature] = []
    for line in signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            unknown.append(line)
        elif key.verify(text.encode(), line.blob):
            verified.append(line)
        else:
            raise ForgedSignature(f"The signature of {line.name}+{line.key_id.hex()} is not by that key.")
    if not verified:
        raise UnknownSigner(f"None of the {len(signatures)} signature lines is by a key we know.")
    return Note(text, tuple(verified), tuple(unknown))


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise MalformedNote("The text of a note ends with a newline.")
    if any(character < " " and character != "\n" for character in text):
        raise MalformedNote("The note holds a control character.")


def check_name(name: str) -> None:
    if not _is_name(name):
        raise MalformedKey(f"{name!r} cannot name a key: no spaces, plus signs or control characters.")


def _is_name(name: str) -> bool:
    return bool(name) and not any(c == "+" or c < " " or c.isspace() for c in name)


def _decode_base64(text: str, refusal: type[ValueError]) -> bytes:
    """Decode standard Base64, refusing every spelling but the one that encoding gives."""
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as broken:
        raise refusal(f"{text!r:.40} is not Base64.") from broken
    if base64.b64encode(blob).decode() != text:
        raise refusal(f"{text!r:.40} has stray bits in its Base64.")
    return blob
