"""Who signed: the checkpoint, the key ring and the witnesses, before and after the log is read.

Before (V1, V2, V3, the chain of V19) only the pinned key is believed. After, leaf 0 and the other
entries are as certain as the signed root, and what they say is held against the signatures (V4, V19).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.cosignature import CosignerKey, ForgedCosignature
from audit.files import read_at_most
from audit.keyring import FILE_NAME, BrokenKeyring, Keyring, MalformedKeyring
from audit.keys import named
from audit.note import (
    NOTE_BYTES_MAX,
    ForgedSignature,
    MalformedKey,
    MalformedNote,
    Signature,
    UnknownSigner,
    VerifierKey,
    open_note,
    parse,
)
from audit.policy import LogPolicy
from audit.report import Progress
from audit.scan import Declaration
from audit.tiles import MalformedTile, MissingTile, TileReader

FUTURE_SECONDS_MAX = 300  # how far the clock of a witness may be ahead of ours


@dataclass(frozen=True)
class Opened:
    """A checkpoint that a key valid for its size signed."""

    checkpoint: Checkpoint
    note: bytes
    text: str
    pinned: VerifierKey
    ring: Keyring | None
    unknown: tuple[Signature, ...]  # signature lines of others; some may be witnesses

    @property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        """Whose receipts count: the pinned key's, or those of every key of the ring."""
        return (self.pinned,) if self.ring is None else self.ring.all_keys


def open_checkpoint(
    directory: Path, key: VerifierKey | Ed25519PublicKey, progress: Progress
) -> Opened | None:
    """Read the checkpoint and check who signed it (V1, V2, V3); None ends the verification."""
    try:
        note = read_at_most(directory / "checkpoint", NOTE_BYTES_MAX)
    except FileNotFoundError:
        progress.find("V1", f"{directory / 'checkpoint'} is missing.", missing=True)
        return None
    try:
        text, _ = parse(note)
        checkpoint = Checkpoint.parse(text)
        pinned = named(key, checkpoint.origin)
    except (MalformedNote, MalformedCheckpoint, MalformedKey) as malformed:
        progress.find("V1", str(malformed))
        return None
    progress.ran |= {"V1", "V2"}
    if checkpoint.origin != pinned.name:
        progress.find("V2", f"The checkpoint is of {checkpoint.origin}; the key is that of {pinned.name}.")
        return None
    ring = _open_ring(directory, pinned, progress)
    keys = (pinned,) if ring is None else ring.valid_at(checkpoint.size)
    try:
        signed = open_note(note, keys)
    except (ForgedSignature, UnknownSigner) as refused:
        others = [] if ring is None else [key for key in ring.all_keys if key not in keys]
        progress.find("V3", _of_another_size(note, others, checkpoint) or str(refused))
        return None
    progress.ran.add("V3")
    if len(signed.verified) < len(keys):
        sentence = f"{len(keys)} keys are valid for this size; {len(signed.verified)} of them signed."
        progress.remarks.append(sentence)
    return Opened(checkpoint, note, text, pinned, ring, signed.unknown)


def _open_ring(directory: Path, pinned: VerifierKey, progress: Progress) -> Keyring | None:
    """Read the ring, if the log has one that can be believed (V19)."""
    try:
        ring = Keyring.load(directory / FILE_NAME)
    except FileNotFoundError:
        return None
    except (MalformedKeyring, BrokenKeyring) as broken:
        progress.find("V19", str(broken))
        return None
    if ring.steps[0].at.origin != pinned.name:
        progress.find("V19", f"The key ring is of {ring.steps[0].at.origin}, not of {pinned.name}.")
        return None
    if not ring.leads_from(pinned.public):
        progress.find("V19", "The pinned key signed no note of the key ring; nothing leads from it.")
        return None
    progress.ran.add("V19")
    return ring


def _of_another_size(note: bytes, others: Sequence[VerifierKey], checkpoint: Checkpoint) -> str | None:
    """Say which key of the ring signed that had no right to this size; None if none did."""
    try:
        signed = open_note(note, others)
    except (ForgedSignature, UnknownSigner):
        return None
    names = ", ".join(f"{line.name}+{line.key_id.hex()}" for line in signed.verified)
    return f"{names} signed, whose range does not hold size {checkpoint.size}."


def check_ring(
    opened: Opened,
    policy: LogPolicy | None,
    declarations: Sequence[Declaration],
    reader: TileReader,
    complete: bool,  # noqa: FBT001
    progress: Progress,
) -> None:
    """Hold the ring against the log it speaks of, and the log against its ring (V19)."""
    if policy is not None and policy.keys:
        _check_first_keys(opened, policy, progress)
    for told in declarations:
        if told.act == "log.rotate":
            _check_rotation(opened.ring, told, progress)
    if opened.ring is None:
        return
    if not complete:
        progress.find("V19", "could not look for rotations in entries that cannot be read", missing=True)
    size = opened.checkpoint.size
    for step in opened.ring.steps:
        if step.at.size > size:
            sentence = f"The key ring was extended at {step.at.size} entries; the log shows {size}."
            progress.find("V19", sentence, index=size)
            continue
        try:
            root = reader.root(step.at.size, size)
        except (MissingTile, MalformedTile) as gone:
            progress.find("V19", f"The root of {step.at.size} is lost: {gone}", missing=True)
            continue
        if root != step.at.root:
            sentence = f"Note {step.number} of the key ring saw {step.at.root.hex()} at {step.at.size}; it is {root.hex()}."
            progress.find("V19", sentence)


def _check_first_keys(opened: Opened, policy: LogPolicy, progress: Progress) -> None:
    progress.ran.add("V19")
    if opened.ring is None:
        if opened.pinned not in policy.keys:
            sentence = "Leaf 0 names other keys than the pinned one, and no key ring leads from there to it."
            progress.find("V19", sentence, index=0, missing=True)
    elif set(map(str, opened.ring.steps[0].open_keys)) != set(map(str, policy.keys)):
        progress.find("V19", "Leaf 0 names other keys than the key ring begins with.", index=0)


def _check_rotation(ring: Keyring | None, told: Declaration, progress: Progress) -> None:
    """Hold a `log.rotate` entry against the note that it names by number and digest."""
    number, digest = told.data.get("number"), told.data.get("digest")
    if ring is None:
        sentence = f"Entry {told.index} tells of a key ring, which is missing."
        progress.find("V19", sentence, index=told.index, missing=True)
    elif type(number) is not int or not 0 <= number < len(ring.steps) or ring.digest(number) != digest:
        sentence = f"Entry {told.index} names note {number!r:.20} as {digest!r:.80}; the key ring lacks it."
        progress.find("V19", sentence, index=told.index)


def check_witnesses(
    opened: Opened,
    policy: LogPolicy | None,
    pinned: Sequence[CosignerKey],
    now: datetime | None,
    progress: Progress,
) -> None:
    """Count the witnesses who signed this very checkpoint (V4), and name the lines of strangers.

    ``pinned``: only these witnesses count; else those that leaf 0 names.
    """
    named_by_log = () if policy is None else policy.witnesses
    accepted = tuple(pinned) or named_by_log
    known = {(key.name, key.key_id): key for key in (*named_by_log, *pinned)}
    strangers = [line for line in opened.unknown if (line.name, line.key_id) not in known]
    if strangers:
        names = ", ".join(f"{line.name}+{line.key_id.hex()}" for line in strangers)
        progress.remarks.append(f"Signature lines of keys not pinned here, which prove nothing: {names}.")
    if not pinned and (policy is None or policy.level < "L3"):
        return
    quorum = policy.quorum if policy is not None and policy.quorum is not None else 1 if pinned else None
    if not accepted or quorum is None:
        progress.find("V4", "Leaf 0 names no witnesses, or not how many of them.", index=0, missing=True)
        return
    latest = (now or datetime.now(UTC)).timestamp() + FUTURE_SECONDS_MAX  # noqa: TID251 - no clock of ours
    signers = set()
    for line in opened.unknown:
        key = known.get((line.name, line.key_id))
        if key is not None and key in accepted and _is_timely(key, line, opened.text, latest, progress):
            signers.add(key.public.public_bytes_raw())
    log_keys = {key.public.public_bytes_raw() for key in opened.log_keys}
    if signers & log_keys:
        progress.find("V4", "The log is its own witness.")
    if len(signers) < quorum:
        sentence = f"{len(signers)} of {len(accepted)} witnesses signed the checkpoint; {quorum} must."
        progress.find("V4", sentence, missing=True)
    progress.ran.add("V4")


def _is_timely(key: CosignerKey, line: Signature, text: str, latest: float, progress: Progress) -> bool:
    """Whether ``line`` is a cosignature of this text at a time that has been."""
    try:
        seconds = key.seconds(text, line)
    except ForgedCosignature as forged:
        progress.find("V4", str(forged))
        return False
    if seconds == 0:
        progress.find("V4", f"The cosignature of {key.name} states no time.")
    elif seconds > latest:
        progress.find("V4", f"The cosignature of {key.name} is of the future, second {seconds}.")
    return 0 < seconds <= latest
