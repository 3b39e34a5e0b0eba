import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import merkle
from audit.entry import leaf_hash
from audit.merkle import Frontier

# The inputs and roots that implementations of RFC 6962 have tested against since the first one.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(n.to_bytes(4, "big")) for n in range(600)]


def naive_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1, word by word."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


@pytest.mark.parametrize("size", range(9))
def test_the_root_of_the_known_leaves_is_the_known_root(size):
    leaves = [leaf_hash(data) for data in INPUTS[:size]]

    assert merkle.root(leaves).hex() == ROOTS[size]


def test_the_known_proofs_of_the_known_leaves():
    leaves = [leaf_hash(data) for data in INPUTS]

    assert [h.hex() for h in merkle.inclusion_proof(leaves, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [h.hex() for h in merkle.consistency_proof(leaves, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_root_up_to_600_is_that_of_the_definition():
    frontier = Frontier()
    for size in range(601):
        if size % 37 in (0, 1):
            assert merkle.root(LEAVES[:size]) == naive_root(LEAVES[:size])
        assert frontier.root() == merkle.root(LEAVES[:size])
        assert frontier.size == size
        if size < 600:
            frontier.append(LEAVES[size])


@given(st.integers(1, 600), st.data())
def test_every_leaf_is_proved_in_and_no_other(size, data):
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    root = merkle.root(LEAVES[:size])
    proof = merkle.inclusion_proof(LEAVES[:size], index)

    assert merkle.verify_inclusion(LEAVES[index], index, size, proof, root)
    assert len(proof) <= (size - 1).bit_length()
    assert merkle.verify_inclusion(LEAVES[other], index, size, proof, root) is (other == index)
    if other != index:
        assert not merkle.verify_inclusion(LEAVES[index], other, size, proof, root)


@given(st.integers(0, 600), st.integers(0, 600), st.integers(0, 600))
def test_every_log_is_proved_to_grow_out_of_its_past_and_no_other(one, other, foreign):
    old, new = sorted((one, other))
    roots = merkle.root(LEAVES[:old]), merkle.root(LEAVES[:new])
    proof = merkle.consistency_proof(LEAVES[:new], old)

    assert merkle.verify_consistency(old, roots[0], new, roots[1], proof)
    wrong = merkle.root([*LEAVES[:foreign], b"\x00" * 32])
    assert not merkle.verify_consistency(old, wrong, new, roots[1], proof)
    if old:  # nothing grows into anything
        assert not merkle.verify_consistency(old, roots[0], new, wrong, proof)


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(-2, 700), st.integers(-2, 700))
def test_hostile_proofs_neither_convince_nor_crash(proof, one, other):
    root = merkle.root(LEAVES)

    assert not merkle.verify_inclusion(b"\x00" * 32, one, other, proof, root)
    assert not merkle.verify_consistency(one, b"\x00" * 32, other, root, proof)


def test_there_is_no_proof_outside_the_tree():
    for index in (-1, 5):
        with pytest.raises(IndexError):
            merkle.inclusion_proof(LEAVES[:5], index)
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES[:5], 6)


def test_a_frontier_takes_whole_subtrees():
    frontier = Frontier()
    for start in range(0, 512, 256):
        frontier.append_subtree(8, merkle.root(LEAVES[start : start + 256]))
    for leaf in LEAVES[512:]:
        frontier.append(leaf)

    assert frontier.root() == merkle.root(LEAVES)
    with pytest.raises(AssertionError):
        frontier.append_subtree(8, LEAVES[0])
