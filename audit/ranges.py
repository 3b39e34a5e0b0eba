"""Proof that a run of entries stands in a log without a gap: the hashes of everything left and right of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from audit import merkle, tiles
from audit.merkle import HASH_BYTES, MalformedProof, Subtree
from audit.tiles import TILE_HEIGHT, WIDTH, TileReader


def cover(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut the leaves from ``start`` to ``end`` into the fewest complete subtrees: (height, index), left to right."""
    at = start
    while at < end:
        height = (end - at).bit_length() - 1
        if at:
            height = min(height, (at & -at).bit_length() - 1)
        yield height, at >> height
        at += 1 << height


def range_proof(first: int, end: int, size: int, subtree: Subtree) -> tuple[list[bytes], list[bytes]]:
    """Give the subtrees left and right of the leaves from ``first`` up to ``end`` in a log of ``size``.

    Together with these leaves they give the root; each side has at most twice the height of the tree.
    """
    if not 0 <= first < end <= size:
        raise IndexError(f"No entries from {first} up to {end} in a log of {size}.")
    left = [subtree(height, index) for height, index in cover(0, first)]
    return left, [subtree(height, index) for height, index in cover(end, size)]


def root_from_range(
    leaves: Iterable[bytes], first: int, end: int, size: int, left: Sequence[bytes], right: Sequence[bytes]
) -> bytes:
    """Root of the log of ``size`` in which ``leaves`` are exactly those from ``first`` up to ``end``.

    Raises MalformedProof if the hashes or the leaves are too few or too many for these places.
    """
    if not 0 <= first < end <= size:
        raise MalformedProof(f"No entries from {first} up to {end} in a log of {size}.")
    before, behind = list(cover(0, first)), list(cover(end, size))
    if len(left) != len(before) or len(right) != len(behind):
        raise MalformedProof("The proof has another number of hashes than this range needs.")
    if any(len(found) != HASH_BYTES for found in (*left, *right)):
        raise MalformedProof("A hash of the proof is not 32 bytes.")
    frontier = merkle.Frontier()
    for (height, _), found in zip(before, left, strict=True):
        frontier.append_subtree(height, found)
    for leaf in leaves:
        frontier.append(leaf)
        if frontier.size > end:
            break
    if frontier.size != end:
        raise MalformedProof(f"The range ends at {end}; its entries end at {frontier.size}.")
    for (height, _), found in zip(behind, right, strict=True):
        frontier.append_subtree(height, found)
    return frontier.root()


def subtrees_of(reader: TileReader, size: int) -> Callable[[int, int], bytes]:
    """Give every complete subtree of a log of ``size``, from its files."""

    def subtree(height: int, index: int) -> bytes:
        level, rest = divmod(height, TILE_HEIGHT)
        number, offset = divmod(index << rest, WIDTH)
        tile = reader.tile(level, number, tiles.width_of(level, number, size))
        places = range(offset * HASH_BYTES, (offset + (1 << rest)) * HASH_BYTES, HASH_BYTES)
        return merkle.root([tile[at : at + HASH_BYTES] for at in places])

    return subtree
