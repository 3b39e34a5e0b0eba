"""A cosignature: a witness says when it saw a checkpoint as the largest of its log, grown lawfully.

Ed25519 over a head with the time and the whole checkpoint. Source: C2SP tlog-cosignature,
`cosignature/v1`; ML-DSA-44 (type 0x06) has its own message and is not read here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.note import Signature, check_name, key_id, parse, parse_key, parse_line, signature_line, spell_key

COSIGNATURE_ED25519 = b"\x04"
TIME_BYTES = 8
SECONDS_MAX = 2**63 - 1


class ForgedCosignature(Exception):
    """A line claims a witness we know, and that witness did not sign this checkpoint so."""


@dataclass(frozen=True)
class CosignerKey:
    """The public key of a witness under its name; never the key of a log."""

    name: str
    public: Ed25519PublicKey

    def __post_init__(self) -> None:
        check_name(self.name)

    @classmethod
    def parse(cls, text: str) -> "CosignerKey":
        """Read ``name+hash+base64`` of type 0x04. Raises note.MalformedKey."""
        return cls(*parse_key(text, COSIGNATURE_ED25519))

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; no proof of anything."""
        return key_id(self.name, COSIGNATURE_ED25519, self.public)

    def claimed_by(self, line: Signature) -> bool:
        """Whether ``line`` says that it is by this key."""
        return (line.name, line.key_id) == (self.name, self.key_id)

    def seconds(self, text: str, line: Signature) -> int:
        """When this witness signed ``text``, in seconds since 1970; 0 is no statement of time.

        Raises ForgedCosignature if it did not.
        """
        seconds = int.from_bytes(line.blob[:TIME_BYTES], "big")
        if not self.claimed_by(line) or seconds > SECONDS_MAX:
            raise ForgedCosignature(f"The line of {line.name} is no cosignature of {self.name}.")
        try:
            self.public.verify(line.blob[TIME_BYTES:], _message(text, seconds))
        except InvalidSignature as forged:
            raise ForgedCosignature(f"{self.name} did not cosign this checkpoint.") from forged
        return seconds

    def __str__(self) -> str:
        return spell_key(self.name, COSIGNATURE_ED25519, self.public)


@dataclass(frozen=True)
class CosigningKey:
    """The private key of a witness. One key serves one name: the message does not say the name."""

    name: str
    private: Ed25519PrivateKey

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def cosigner(self) -> CosignerKey:
        """The public half."""
        return CosignerKey(self.name, self.private.public_key())

    def cosign(self, text: str, seconds: int) -> str:
        """Give the signature line, with its newline, for the ``text`` of a checkpoint."""
        assert 0 <= seconds <= SECONDS_MAX, "seconds since 1970, in 63 bits"
        blob = seconds.to_bytes(TIME_BYTES, "big") + self.private.sign(_message(text, seconds))
        return signature_line(self.name, self.cosigner.key_id, blob)


def with_lines(note: bytes, lines: Sequence[str]) -> bytes:
    """Add signature lines to a note; a line of a key that is there already takes its place.

    Raises note.MalformedNote for what is no note, no line, or more lines than a note may have.
    """
    text, _ = parse(note)
    head = text + "\n"
    kept = {
        (known.name, known.key_id): f"{line}\n"
        for line in note.decode()[len(head) : -1].split("\n")
        for known in (parse_line(line),)
    }
    for line in lines:
        added = parse_line(line.removesuffix("\n"))
        kept[added.name, added.key_id] = line if line.endswith("\n") else f"{line}\n"
    whole = (head + "".join(kept.values())).encode()
    parse(whole)
    return whole


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
