"""A signer in another process, as the log keeper sees it."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.keyring import BrokenKeyring, Keyring, MalformedKeyring
from audit.note import ForgedSignature, MalformedKey, MalformedNote, UnknownSigner, VerifierKey, open_note
from audit.signer import InconsistentExtension, SignerMemoryLost, SignerUnreachable
from audit.signer_keys import RotationUnderWay
from audit.signer_server import ANSWER_BYTES_MAX, MalformedRequest, receive, send

SCHEME = "unix:"
PATIENCE_SECONDS = 5.0
_REFUSALS: dict[str, type[Exception]] = {
    one.__name__: one for one in (InconsistentExtension, RotationUnderWay, SignerMemoryLost)
}


class AnotherSigner(Exception):
    """What answers is not the signer of this log: its key is not the one pinned, nor reached from it."""


class RemoteSigner:
    """Asks the signer behind a Unix socket, and believes no signature it cannot check."""

    def __init__(
        self, path: Path, pinned: VerifierKey | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """``pinned``: the key of this log; None only until it is known."""
        self._path = path
        self._pinned = pinned
        self._patience_seconds = patience_seconds

    def last(self) -> Checkpoint:
        """Tell what was signed last. Raises SignerUnreachable, SignerMemoryLost."""
        try:
            return Checkpoint.parse(self._ask("checkpoint", ask="last"))
        except MalformedCheckpoint as strange:
            raise SignerUnreachable(f"{self._path} answered with no checkpoint: {strange}") from strange

    def sign(self, checkpoint: Checkpoint, proof: Sequence[bytes]) -> bytes:
        """Have ``checkpoint`` signed. Raises InconsistentExtension, SignerUnreachable, SignerMemoryLost, AnotherSigner."""
        told = self._ask(
            "note", ask="sign", checkpoint=str(checkpoint), proof=[one.hex() for one in proof]
        ).encode()
        try:
            text = open_note(told, self._keys(checkpoint.size)).text
        except (ForgedSignature, MalformedNote, UnknownSigner) as refused:
            raise AnotherSigner(
                f"{self._path} is not the signer of {checkpoint.origin}: {refused}"
            ) from refused
        if text != str(checkpoint):
            raise AnotherSigner(f"{self._path} signed something else than it was asked for.")
        return told

    def ring(self) -> bytes:
        """Give the key ring as it is published. Raises SignerUnreachable."""
        return self._ask("ring", ask="ring").encode()

    def rotate(self, overlap: int) -> Keyring:
        """Have a new key brought in. Raises RotationUnderWay, SignerUnreachable, SignerMemoryLost."""
        return self._read_ring(self._ask("ring", ask="rotate", overlap=overlap).encode())

    def public(self) -> VerifierKey:
        """Give the key that verifiers pin. Raises SignerUnreachable."""
        try:
            return VerifierKey.parse(self._ask("key", ask="public"))
        except MalformedKey as strange:
            raise SignerUnreachable(f"{self._path} answered with no key: {strange}") from strange

    def certify(self, node: VerifierKey) -> bytes:
        """Have the log vouch for a node's key, before it has begun. Raises InconsistentExtension, SignerUnreachable."""
        return self._ask("certificate", ask="certify", node=str(node)).encode()

    def _keys(self, size: int) -> Sequence[VerifierKey]:
        """Find the keys that sign at ``size``: by the ring if there is one, and if the pinned key leads to it."""
        assert self._pinned is not None, "nothing is signed before the key is known"
        told = self.ring()
        if not told:
            return (self._pinned,)
        ring = self._read_ring(told)
        if not ring.leads_from(self._pinned.public):
            raise AnotherSigner(f"The key ring of {self._path} does not lead from {self._pinned}.")
        return ring.valid_at(size)

    def _read_ring(self, told: bytes) -> Keyring:
        try:
            return Keyring.parse(told)
        except (MalformedKeyring, BrokenKeyring) as broken:
            raise AnotherSigner(f"{self._path} gave no key ring: {broken}") from broken

    def _ask(self, member: str, **asked: Any) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(self._patience_seconds)
                line.connect(str(self._path))
                send(line, asked)
                told = json.loads(receive(line, ANSWER_BYTES_MAX))
        except (OSError, EOFError, ValueError, MalformedRequest, RecursionError) as gone:
            raise SignerUnreachable(f"The signer at {self._path} does not answer: {gone}") from gone
        if not isinstance(told, dict):
            raise SignerUnreachable(f"{self._path} answered with no object.")
        if "refused" in told:
            raise _REFUSALS.get(told["refused"], SignerUnreachable)(str(told.get("why")))
        answer = told.get(member)
        if not isinstance(answer, str):
            raise SignerUnreachable(f"{self._path} answered without {member}.")
        return answer


def socket_of(address: str) -> Path:
    """Read `unix:/path/of/the/socket`. Raises ValueError."""
    path = Path(address.removeprefix(SCHEME))
    if not address.startswith(SCHEME) or not path.is_absolute():
        raise ValueError(f"{address!r} is no signer's address such as unix:/run/trennwand/signer.sock")
    return path
