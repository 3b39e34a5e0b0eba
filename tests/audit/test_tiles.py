import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle, tiles
from audit.entry import leaf_hash
from audit.tiles import ConflictingEntry, MalformedTile, MissingTile, TileReader, TileWriter

ENTRIES = [b"entry %d" % number for number in range(1200)]
LEAVES = [leaf_hash(data) for data in ENTRIES]


@pytest.mark.parametrize(
    ("index", "path"),
    [
        (0, "tile/0/000"),
        (999, "tile/0/999"),
        (1000, "tile/0/x001/000"),
        (1234067, "tile/0/x001/x234/067"),
    ],
)
def test_a_tile_lies_where_the_specification_says(index, path):
    assert tiles.tile_path(0, index) == path
    assert tiles.tile_path(0, index, 7) == f"{path}.p/7"
    assert tiles.bundle_path(index, 7) == f"{path.replace('tile/0', 'tile/entries')}.p/7"


@pytest.mark.parametrize(
    ("size", "widths"),
    [
        (0, [0, 0]),
        (1, [1, 0]),
        (255, [255, 0]),
        (256, [256, 1, 0]),
        (257, [1, 1, 0]),
        (65_536, [256, 256, 1, 0]),
        (70_000, [112, 17, 1, 0]),
    ],
)
def test_the_last_tile_of_each_level_is_as_wide_as_the_specification_says(size, widths):
    for level, width in enumerate(widths):
        last = max(0, -(-(size >> 8 * level) // 256) - 1)
        assert tiles.width_of(level, last, size) == width
        assert tiles.width_of(level, last + 1, size) == 0


def test_a_log_of_70000_has_the_files_of_the_specification(tmp_path: Path):
    TileWriter(tmp_path).extend(0, [b"%05d" % number for number in range(70_000)])

    def full(level: str) -> int:
        return sum(
            path.is_file() and ".p" not in str(path) for path in (tmp_path / "tile" / level).rglob("*")
        )

    assert (full("0"), full("entries"), full("1"), full("2")) == (273, 273, 1, 0)
    assert (tmp_path / "tile/0/273.p/112").stat().st_size == 112 * 32
    assert (tmp_path / "tile/1/001.p/17").stat().st_size == 17 * 32
    assert (tmp_path / "tile/2/000.p/1").stat().st_size == 32
    assert not (tmp_path / "tile/3").exists()
    assert TileWriter(tmp_path).root() == TileReader(tmp_path).root(70_000)


def test_an_empty_log_has_no_tiles(tmp_path: Path):
    writer = TileWriter(tmp_path)

    assert writer.extend(0, []) == (0, merkle.EMPTY_ROOT)
    assert not (tmp_path / "tile").exists()
    assert TileReader(tmp_path).root(0) == merkle.EMPTY_ROOT


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=4))
def test_however_the_entries_are_cut_the_log_is_the_same(tmp_path_factory, steps):
    directory = tmp_path_factory.mktemp("log")
    writer = TileWriter(directory)
    size = 0
    for step in steps:
        written = ENTRIES[size : size + step]
        new_size, root = writer.extend(size, written)
        size += len(written)

        assert (new_size, root) == (size, merkle.root(LEAVES[:size]))
        restarted = TileWriter(directory)
        assert (restarted.size, restarted.root()) == (size, root)


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("log")
    TileWriter(path).extend(0, ENTRIES)
    return path


@settings(deadline=None)
@given(st.integers(1, 1200), st.data())
def test_proofs_from_tiles_are_those_from_leaves(directory, size, data):
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    # The files are of a log of 1,200; partial tiles of `size` are read from the full ones.
    reader = TileReader(only_full_tiles(directory))
    if size > 1024:
        reader, size, old = TileReader(directory), 1200, min(old, 1200)

    assert reader.inclusion_proof(index, size) == merkle.inclusion_proof(LEAVES[:size], index)
    assert reader.consistency_proof(old, size) == merkle.consistency_proof(LEAVES[:size], old)
    assert reader.root(size) == merkle.root(LEAVES[:size])
    assert reader.root(old, size) == merkle.root(LEAVES[:old])
    assert reader.leaf_hash(index, size) == LEAVES[index]
    assert reader.entry(index, size) == ENTRIES[index]


def only_full_tiles(directory: Path) -> Callable[[str], bytes]:
    """The files as a reader sees them whose log has since grown, without the partial ones.

    Level 1 is never full in a small log, so it is given as if it were.
    """

    def fetch(path: str) -> bytes:
        if path == "tile/1/000":
            hashes = [merkle.root(LEAVES[n * 256 :][:256]) for n in range(4)]
            return b"".join(hashes) + bytes(252 * 32)
        if ".p/" in path:
            raise FileNotFoundError(path)
        return (directory / path).read_bytes()

    return fetch


def test_a_reader_finds_a_leaf_by_its_hash(directory):
    reader = TileReader(directory)

    assert reader.find(LEAVES[700], 1200) == 700
    assert reader.find(bytes(32), 1200) is None
    assert reader.find(LEAVES[0][16:] + LEAVES[1][:16], 1200) is None  # across two hashes


def test_a_reader_says_what_is_missing_and_what_is_outside(directory, tmp_path: Path):
    reader = TileReader(tmp_path)

    with pytest.raises(MissingTile, match=r"tile/0/000\.p/5|tile/0/000"):
        reader.root(5)
    with pytest.raises(MissingTile):
        reader.stated_size()
    for index in (-1, 1200):
        with pytest.raises(IndexError):
            TileReader(directory).entry(index, 1200)


def test_the_same_entries_may_be_written_again(tmp_path: Path):
    TileWriter(tmp_path).extend(0, ENTRIES[:700])
    writer = TileWriter(tmp_path)

    assert writer.extend(0, ENTRIES[:700])[0] == 700
    assert writer.extend(600, ENTRIES[600:800])[0] == 800
    assert writer.extend(10, ENTRIES[10:20]) == (800, merkle.root(LEAVES[:800]))


@pytest.mark.parametrize("index", [0, 300, 699])
def test_other_entries_are_never_written_over_what_is_there(tmp_path: Path, index):
    writer = TileWriter(tmp_path)
    writer.extend(0, ENTRIES[:700])

    with pytest.raises(ConflictingEntry, match=f"another entry at {index}"):
        writer.extend(index, [b"other", *ENTRIES[index + 1 : 701]])
    assert writer.size == 700


def test_a_gap_is_never_written(tmp_path: Path):
    writer = TileWriter(tmp_path)
    for index in (-1, 1):
        with pytest.raises(ConflictingEntry, match="gap"):
            writer.extend(index, [b"entry"])


def test_a_full_tile_is_never_overwritten_with_other_bytes(tmp_path: Path):
    writer = TileWriter(tmp_path)
    writer.extend(0, ENTRIES[:255])
    (tmp_path / "tile/entries/000").write_bytes(b"planted")

    with pytest.raises(ConflictingEntry, match="holds other bytes"):
        writer.extend(255, ENTRIES[255:256])
    assert (tmp_path / "tile/entries/000").read_bytes() == b"planted"
    assert writer.size == TileWriter(tmp_path).size == 255


@pytest.mark.parametrize("data", [b"", b"x", b"x" * 65_536])
def test_an_entry_that_fits_no_bundle_is_refused(tmp_path: Path, data):
    with pytest.raises(ConflictingEntry):
        TileWriter(tmp_path).extend(0, [data])


def test_partial_files_go_when_the_full_one_is_there(tmp_path: Path):
    writer = TileWriter(tmp_path)
    for size in range(250, 262):
        writer.extend(writer.size, ENTRIES[writer.size : size])

    assert sorted(path.name for path in (tmp_path / "tile/0").iterdir()) == ["000", "001.p"]
    assert sorted(path.name for path in (tmp_path / "tile/0/001.p").iterdir()) == ["1", "2", "3", "4", "5"]
    assert TileReader(tmp_path).root(252) == merkle.root(LEAVES[:252])


def test_no_draft_stays_behind_and_none_lies_inside_tile(tmp_path: Path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "left-over").write_bytes(b"half")
    TileWriter(tmp_path).extend(0, ENTRIES)

    assert list((tmp_path / "tmp").iterdir()) == []
    names = {path.name.partition(".")[0] for path in (tmp_path / "tile").rglob("*")}
    assert all(name.isdecimal() or name == "entries" for name in names)


@given(st.binary(max_size=60), st.integers(0, 5))
def test_a_hostile_bundle_is_refused_or_framed_exactly(bundle, width):
    try:
        entries = tiles.unframe(bundle, width)
    except MalformedTile:
        return

    assert len(entries) == width
    assert tiles.frame(entries) == bundle


def test_a_damaged_edge_stops_the_writer(tmp_path: Path):
    TileWriter(tmp_path).extend(0, ENTRIES[:300])
    good = tmp_path / "good"
    shutil.copytree(tmp_path / "tile", good / "tile")

    (tmp_path / "tile/0/001.p/44").write_bytes(b"short")
    with pytest.raises(MalformedTile):
        TileWriter(tmp_path)

    (good / "tile/1/000.p/1").unlink()
    with pytest.raises(MissingTile):
        TileWriter(good)
