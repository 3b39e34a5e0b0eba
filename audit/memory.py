"""What this verifier has seen of a log: its own file, which the log's operator cannot reach."""

import json
from dataclasses import dataclass
from pathlib import Path

from audit import files
from audit.checkpoint import Checkpoint
from audit.note import parse
from audit.report import Finding
from audit.tiles import MalformedTile, MissingTile, TileReader

SEEN_MAX = 10_000  # older checkpoints are implied by newer ones, which were checked against them
STATE_BYTES_MAX = 64 * 1024 * 1024


class UnusableState(Exception):
    """The state file is damaged or remembers another log."""


@dataclass(frozen=True)
class Seen:
    """A checkpoint that was verified, with the note that proves the log signed it."""

    checkpoint: Checkpoint
    note: str


def recall(path: Path, origin: str) -> list[Seen]:
    """Read all checkpoints seen, oldest first; none if there is no file yet.

    Raises UnusableState.
    """
    try:
        with path.open("rb") as file:
            state = json.loads(file.read(STATE_BYTES_MAX))
        if state.keys() != {"origin", "seen"} or state["origin"] != origin:
            raise UnusableState(f"{path} is not the memory of {origin}.")
        seen = [Seen(Checkpoint.parse(parse(note.encode())[0]), note) for note in state["seen"]]
    except FileNotFoundError:
        return []
    except (AttributeError, TypeError, ValueError, RecursionError) as broken:
        raise UnusableState(f"{path} is damaged: {broken}") from broken
    if any(known.checkpoint.origin != origin for known in seen):
        raise UnusableState(f"{path} holds a checkpoint of another log than {origin}.")
    return seen


def remember(path: Path, seen: list[Seen], checkpoint: Checkpoint, note: bytes) -> None:
    """Add a checkpoint that was verified; one of a size seen before changes nothing."""
    if any(known.checkpoint.size == checkpoint.size for known in seen):
        return
    kept = [*seen, Seen(checkpoint, note.decode())][-SEEN_MAX:]
    state = {"origin": checkpoint.origin, "seen": [known.note for known in kept]}
    # Crash here: the last verification is forgotten, none before it.
    files.replace(path, json.dumps(state, ensure_ascii=False, indent=1).encode(), path.parent)


def compare(seen: list[Seen], checkpoint: Checkpoint, reader: TileReader) -> list[Finding]:
    """Find what contradicts a checkpoint seen before: a shorter log, or another past."""
    findings: list[Finding] = []
    largest = max((known.checkpoint.size for known in seen), default=0)
    if largest > checkpoint.size:
        sentence = f"The log had {largest} entries when it was seen last; now it shows {checkpoint.size}."
        findings.append(Finding("V25", checkpoint.size, sentence))
    for known in seen:
        old = known.checkpoint
        if old.size > checkpoint.size:
            continue
        try:
            root = checkpoint.root if old.size == checkpoint.size else reader.root(old.size, checkpoint.size)
        except (MissingTile, MalformedTile) as gone:
            findings.append(Finding("V5", None, f"The root of {old.size} is lost: {gone}", missing=True))
            continue
        if root != old.root:
            sentence = f"The first {old.size} entries had root {old.root.hex()}; now it is {root.hex()}."
            findings.append(Finding("V5", None, sentence))
    return findings
