"""The Merkle tree of RFC 6962: roots, proofs, and a frontier that grows without keeping leaves.

A leaf here is a leaf *hash* (see ``entry.leaf_hash``). Every hash is 32 bytes of SHA-256.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
PROOF_HASHES_MAX = 64

# Hash of the complete subtree of 2**height leaves which is the index-th of its height.
Subtree = Callable[[int, int], bytes]


class MalformedProof(ValueError):
    """The proof has the wrong number or length of hashes for these sizes."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent. Source: RFC 6962, section 2.1."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root of the tree over ``leaves``; for none of them the hash of nothing."""
    return root_of(len(leaves), subtrees(leaves))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Hashes that lift leaf ``index`` to the root, nearest sibling first.

    A tree of n leaves needs at most ceil(log2 n) of them, and none for n = 1.
    Raises IndexError if ``index`` is outside the tree. Source: RFC 6962, section 2.1.1.
    """
    return inclusion_path(index, len(leaves), subtrees(leaves))


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Hashes that show the first ``old_size`` leaves to be the beginning of all ``leaves``.

    Empty for nothing old and for nothing new. Raises IndexError if ``old_size`` is beyond the
    tree. Source: RFC 6962, section 2.1.2.
    """
    return consistency_path(old_size, len(leaves), subtrees(leaves))


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Root of the tree of ``size`` leaves in which ``proof`` places ``leaf`` at ``index``.

    Raises MalformedProof if the proof cannot belong to such a place.
    Source: RFC 9162, section 2.1.3.2.
    """
    _check_hashes([leaf, *proof])
    if not 0 <= index < size:
        raise MalformedProof(f"Index {index} is outside a tree of {size}.")
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise MalformedProof("The proof has more hashes than the tree has levels.")
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while node and not node & 1:  # the right edge skips levels where it has no sibling
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise MalformedProof("The proof ends below the root.")
    return found


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` places ``leaf`` at ``index`` under ``root``; a malformed proof does not."""
    try:
        return root_from_inclusion(leaf, index, size, proof) == root
    except MalformedProof:
        return False


def verify_consistency(
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: Sequence[bytes],
) -> bool:
    """Whether the tree of ``new_size`` begins with the tree of ``old_size``.

    A malformed proof shows nothing. Source: RFC 9162, section 2.1.4.2.
    """
    try:
        _check_hashes([old_root, new_root, *proof])
    except MalformedProof:
        return False
    if not 0 <= old_size <= new_size:
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT and (new_size > 0 or new_root == EMPTY_ROOT)
    if old_size == new_size:
        return not proof and old_root == new_root
    return _climbs_to_both(old_size, old_root, new_size, new_root, list(proof))


def _climbs_to_both(
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: list[bytes],
) -> bool:
    if old_size & (old_size - 1) == 0:
        proof.insert(0, old_root)  # a complete old tree is itself the first step
    if not proof:
        return False
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def subtrees(leaves: Sequence[bytes]) -> Subtree:
    """Every complete subtree over ``leaves``, hashed once: n - 1 hashes for n leaves."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return lambda height, index: levels[height][index]


def root_of(size: int, subtree: Subtree) -> bytes:
    """Root of the first ``size`` leaves, from the hashes of complete subtrees."""
    return EMPTY_ROOT if size == 0 else _range_root(0, size, subtree)


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Like ``inclusion_proof``, for leaves that are somewhere else."""
    if not 0 <= index < size:
        raise IndexError(f"Leaf {index} is outside a tree of {size}.")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            path.append(_range_root(middle, end, subtree))
            end = middle
        else:
            path.append(_range_root(start, middle, subtree))
            start = middle
    return path[::-1]


def consistency_path(old_size: int, new_size: int, subtree: Subtree) -> list[bytes]:
    """Like ``consistency_proof``, for leaves that are somewhere else."""
    if not 0 <= old_size <= new_size:
        raise IndexError(f"A tree of {new_size} does not begin with one of {old_size}.")
    if old_size in (0, new_size):
        return []
    path: list[bytes] = []
    start, end = 0, new_size
    while end != old_size:
        middle = start + _left_width(end - start)
        if old_size <= middle:
            path.append(_range_root(middle, end, subtree))
            end = middle
        else:
            path.append(_range_root(start, middle, subtree))
            start = middle
    if start > 0:  # else what is left is the old tree itself, whose root the reader holds
        path.append(_range_root(start, end, subtree))
    return path[::-1]


@dataclass
class Frontier:
    """The right edge of a growing tree: one hash per complete subtree, largest first.

    ``size`` leaves need as many hashes as ``size`` has one-bits.
    """

    size: int = 0
    edge: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add the next leaf."""
        self.append_subtree(0, leaf)

    def append_subtree(self, height: int, subtree: bytes) -> None:
        """Add the next 2**height leaves by the hash of their subtree; the size must be aligned."""
        assert self.size & ((1 << height) - 1) == 0, "the subtree does not start at the edge"
        merges = self.size >> height
        while merges & 1:
            subtree = node_hash(self.edge.pop(), subtree)
            merges >>= 1
        self.edge.append(subtree)
        self.size += 1 << height

    def root(self) -> bytes:
        """Root of all leaves so far."""
        if not self.edge:
            return EMPTY_ROOT
        found = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            found = node_hash(left, found)
        return found


def _range_root(start: int, end: int, subtree: Subtree) -> bytes:
    """Hash of the leaves from ``start`` to ``end``, where ``start`` is a corner of the tree."""
    width = end - start
    if width & (width - 1) == 0:
        height = width.bit_length() - 1
        return subtree(height, start >> height)
    middle = start + _left_width(width)
    return node_hash(_range_root(start, middle, subtree), _range_root(middle, end, subtree))


def _left_width(width: int) -> int:
    """Largest power of two below ``width``: the leaves of the left child."""
    return 1 << (width - 1).bit_length() - 1


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > PROOF_HASHES_MAX + 2:
        raise MalformedProof(f"The proof has {len(hashes)} hashes; no tree needs that many.")
    if any(len(found) != HASH_BYTES for found in hashes):
        raise MalformedProof("A hash of the proof is not 32 bytes.")
