"""Puts entries of a log into a pack, each with the proof that it stands there."""

from collections.abc import Iterable
from pathlib import Path

from audit import pack
from audit.checkpoint import Checkpoint
from audit.entry import leaf_hash
from audit.keyring import Keyring
from audit.merkle import verify_inclusion
from audit.note import parse
from audit.pack import PackWriter, Scope
from audit.ranges import range_proof, subtrees_of
from audit.tiles import TileReader


class UnprovedEntry(Exception):
    """The files of the log do not bear out that this entry stands at this place."""


def gather(
    directory: Path, note: bytes, scope: Scope, entries: Iterable[tuple[int, bytes]], writer: PackWriter
) -> Checkpoint:
    """Add the checkpoint ``note``, the key ring if there is one, and ``entries`` (index and bytes) with proofs.

    For a period the entries in its range must be among them; they share one proof that nothing is left out.
    ``directory`` is that of the log. Raises UnprovedEntry; BrokenPack beyond the limits of a pack; MissingTile,
    MalformedTile.
    """
    checkpoint = Checkpoint.parse(parse(note)[0])
    reader = TileReader(directory)
    subtree = subtrees_of(reader, checkpoint.size)
    in_range = range(scope.first, scope.end) if scope.kind == "period" else range(0)
    writer.add(pack.CHECKPOINT, note)
    proofs: dict[str, object] = {}
    if (ring := directory / pack.KEYRING).is_file():
        writer.add(pack.KEYRING, ring.read_bytes())
        grown = {step.at.size for step in Keyring.load(ring).steps if step.at.size <= checkpoint.size}
        proofs["consistency"] = {
            str(size): [one.hex() for one in reader.consistency_proof(size, checkpoint.size)]
            for size in grown
        }
    inclusion: dict[str, list[str]] = {}
    held = 0
    for index, data in entries:
        writer.add(pack.entry_name(index), data)
        if index in in_range:
            held += 1
            if reader.leaf_hash(index, checkpoint.size) != leaf_hash(data):
                raise UnprovedEntry(f"Entry {index} is not the one in the files of the log.")
            continue
        path = reader.inclusion_proof(index, checkpoint.size)
        if not verify_inclusion(leaf_hash(data), index, checkpoint.size, path, checkpoint.root):
            raise UnprovedEntry(f"Entry {index} does not stand under the signed root of {checkpoint.size}.")
        inclusion[str(index)] = [one.hex() for one in path]
    assert held == len(in_range), "a period is given whole"
    proofs["inclusion"] = inclusion
    if in_range:
        sides = range_proof(scope.first, scope.end, checkpoint.size, subtree)
        proofs["range"] = {
            side: [one.hex() for one in hashes] for side, hashes in zip(("left", "right"), sides, strict=True)
        }
    writer.add(pack.PROOFS, pack.canonical(proofs))
    return checkpoint
