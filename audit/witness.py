"""A witness: someone else's machine that remembers each log and cosigns only what continues it.

Source: C2SP tlog-witness (`add-checkpoint`). Stricter than it in one point: a checkpoint with
extension lines is refused as malformed, as everywhere here.
"""

import base64
import binascii
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit import files, merkle
from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.cosignature import CosigningKey
from audit.note import (
    NOTE_BYTES_MAX,
    ForgedSignature,
    MalformedNote,
    UnknownSigner,
    VerifierKey,
    open_note,
    parse,
)

PROOF_LINES_MAX = 63
REQUEST_BYTES_MAX = NOTE_BYTES_MAX + 8 * 1024
STATE_BYTES_MAX = 16 * 1024 * 1024
SIZE_TYPE = "text/x.tlog.size"

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class MalformedRequest(ValueError):
    """The bytes are not a request for a cosignature."""


class WitnessMemoryLost(Exception):
    """The witness cannot read what it cosigned, so it cannot know what continues it."""


@dataclass(frozen=True)
class Answer:
    """What the witness says: an HTTP status, and the cosignature line, the known size, or why not."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


def spell_request(old_size: int, proof: Sequence[bytes], signed: bytes) -> bytes:
    """Write a request: the size the witness knows, the proof from it, and the signed checkpoint."""
    assert len(proof) <= PROOF_LINES_MAX, "no tree needs a longer proof"
    lines = [f"old {old_size}", *(base64.b64encode(found).decode() for found in proof), "", ""]
    return "\n".join(lines).encode() + signed


def parse_request(body: bytes) -> tuple[int, list[bytes], bytes]:
    """Read back what ``spell_request`` wrote. Raises MalformedRequest."""
    head, blank, signed = body.partition(b"\n\n")
    try:
        first, *proof = head.decode("ascii").split("\n")
        hashes = [base64.b64decode(line, validate=True) for line in proof[: PROOF_LINES_MAX + 1]]
    except (UnicodeDecodeError, binascii.Error, ValueError) as broken:
        raise MalformedRequest(f"A line of the proof is no hash: {broken}") from broken
    old = _OLD.fullmatch(first)
    if old is None or not blank or len(hashes) > PROOF_LINES_MAX:
        raise MalformedRequest("A request is an old size, up to 63 hashes, a blank line and a checkpoint.")
    if any(len(found) != merkle.HASH_BYTES for found in hashes):
        raise MalformedRequest("A hash of the proof is not 32 bytes.")
    return int(old[1]), hashes, signed


class Witness:
    """Cosigns for the logs it knows, and remembers in a file what it cosigned last of each.

    Safe for several threads and processes that share ``state_path``, on one machine.
    """

    def __init__(
        self,
        key: CosigningKey,
        state_path: Path,
        logs: Sequence[VerifierKey],
        now_seconds: Callable[[], int],
    ) -> None:
        """``logs``: every key that is trusted, several for one origin while its keys change."""
        self._key = key
        self._state_path = state_path
        self._now_seconds = now_seconds
        self._logs: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)

    def begin(self) -> None:
        """Create the memory of a witness that has cosigned nothing yet; once in its life.

        A memory that went missing later is an alarm and not a fresh start. Raises FileExistsError.
        """
        with self._locked():
            if self._state_path.exists():
                raise FileExistsError(f"{self._state_path} exists: this witness has a past.")
            self._remember({})

    def last(self, origin: str) -> Checkpoint:
        """Tell what was cosigned last of a log; the empty log if nothing was. Raises WitnessMemoryLost."""
        return self._recall().get(origin, Checkpoint(origin, 0, merkle.EMPTY_ROOT))

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request. Raises WitnessMemoryLost; then nothing was cosigned."""
        try:
            old_size, proof, signed = parse_request(body)
            text, _ = parse(signed)
            checkpoint = Checkpoint.parse(text)
        except (MalformedRequest, MalformedNote, MalformedCheckpoint) as malformed:
            return Answer(400, f"{malformed}\n")
        keys = self._logs.get(checkpoint.origin)
        if keys is None:
            return Answer(404, f"{checkpoint.origin} is no log known here.\n")
        try:
            open_note(signed, keys)
        except (ForgedSignature, UnknownSigner) as refused:
            return Answer(403, f"{refused}\n")
        if old_size > checkpoint.size:
            return Answer(400, f"The old size {old_size} is larger than the new one, {checkpoint.size}.\n")
        with self._locked():
            return self._continue(old_size, proof, checkpoint, text)

    def _continue(self, old_size: int, proof: list[bytes], checkpoint: Checkpoint, text: str) -> Answer:
        """Compare with what is remembered, remember, and only then cosign; inside the lock."""
        known = self._recall()
        last = known.get(checkpoint.origin, Checkpoint(checkpoint.origin, 0, merkle.EMPTY_ROOT))
        if old_size != last.size or (checkpoint.size == last.size and checkpoint.root != last.root):
            return Answer(409, f"{last.size}\n", SIZE_TYPE)
        if not merkle.verify_consistency(last.size, last.root, checkpoint.size, checkpoint.root, proof):
            return Answer(422, f"{checkpoint.size} entries do not grow out of the {last.size} seen here.\n")
        # Crash here: nothing happened.
        if checkpoint != last:
            self._remember(known | {checkpoint.origin: checkpoint})
        # Crash here: bound to this checkpoint without having cosigned it. The log asks again with
        # the old size, is told the new one, asks with that and gets its cosignature.
        return Answer(200, self._key.cosign(text, self._now_seconds()))

    def _recall(self) -> dict[str, Checkpoint]:
        try:
            with self._state_path.open("rb") as file:
                told = json.loads(file.read(STATE_BYTES_MAX))
            known = [Checkpoint.parse(text) for text in told["seen"]]
        except FileNotFoundError as missing:
            raise WitnessMemoryLost(
                f"{self._state_path} is missing; a new witness needs begin(), an old one its memory."
            ) from missing
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as broken:
            raise WitnessMemoryLost(f"{self._state_path} is damaged: {broken}") from broken
        return {one.origin: one for one in known}

    def _remember(self, known: dict[str, Checkpoint]) -> None:
        state = {"seen": [str(one) for one in known.values()]}
        content = json.dumps(state, ensure_ascii=False, indent=1).encode()
        files.replace(self._state_path, content, self._state_path.parent, files.OWNER_ONLY)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one request at a time read, compare and write; the lock dies with its holder."""
        files.make_directories(self._state_path.parent)
        lock_path = self._state_path.with_name(self._state_path.name + ".lock")
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT, files.OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
