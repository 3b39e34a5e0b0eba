"""The log as static files: hash tiles and entry bundles, 256 wide. Source: C2SP tlog-tiles.

A directory holds `tile/entries/<N>` with the entries, `tile/0/<N>` with their leaf hashes and
`tile/<L>/<N>` with the roots of full tiles one level below. A tile or bundle that is not full
yet ends in `.p/<W>`, its width.
"""

import os
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from audit import merkle
from audit.checkpoint import Checkpoint
from audit.entry import BYTES_MAX, BYTES_MIN, leaf_hash
from audit.files import ConflictingFile, make_directories, read_at_most, write_once
from audit.merkle import HASH_BYTES
from audit.note import parse

WIDTH = 256
TILE_HEIGHT = 8  # a tile is a complete subtree of 2**8 of its own hashes
CACHED_TILES_MAX = 64
FILE_BYTES_MAX = WIDTH * (2 + BYTES_MAX)  # a full bundle of the longest entries

_WIDTH = re.compile(r"[1-9][0-9]{0,2}")

# Content of the file at a path inside the log's directory; FileNotFoundError if there is none.
Fetch = Callable[[str], bytes]


class MissingTile(Exception):
    """A tile or bundle that a log of this size has is not there."""


class MalformedTile(Exception):
    """A tile or bundle does not have the length or the framing that its name demands."""


class ConflictingEntry(Exception):
    """The entries given do not continue, or do not repeat, what the files hold."""


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Where the ``index``-th tile of ``level`` is, for 1 to 256 hashes in it."""
    return _path(str(level), index, width)


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Where the ``index``-th bundle of entries is, for 1 to 256 entries in it."""
    return _path("entries", index, width)


def width_of(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in a log of ``size`` entries; 0 if there is no such tile."""
    return max(0, min(WIDTH, (size >> TILE_HEIGHT * level) - index * WIDTH))


def frame(entries: Sequence[bytes]) -> bytes:
    """Write entries one after the other, each behind its length in two bytes, big-endian."""
    for data in entries:
        if not BYTES_MIN <= len(data) <= BYTES_MAX:
            raise ConflictingEntry(f"An entry of {len(data)} bytes does not fit a bundle.")
    return b"".join(len(data).to_bytes(2, "big") + data for data in entries)


def unframe(bundle: bytes, width: int) -> list[bytes]:
    """Read exactly ``width`` entries. Raises MalformedTile for any byte less or more."""
    entries: list[bytes] = []
    add, shortest = entries.append, BYTES_MIN
    at, end = 0, len(bundle)
    while at < end:
        start = at + 2
        at = start + (bundle[at] << 8 | bundle[at + 1]) if start <= end else start
        if at > end or at - start < shortest:
            raise MalformedTile(f"Entry {len(entries)} of the bundle is cut off or empty.")
        add(bundle[start:at])
    if len(entries) != width:
        raise MalformedTile(f"The bundle holds {len(entries)} entries, not {width}.")
    return entries


class TileWriter:
    """Writes entries into the files of a log, in the order of their indices.

    One writer at a time per directory. Every step can be repeated: the same entries at the same
    indices give the same files, however they are cut into calls, and a file that is there is
    never overwritten with other bytes.
    """

    def __init__(self, directory: Path) -> None:
        """Continue where the files end. Raises MissingTile, MalformedTile."""
        self._directory = directory
        self._temporary = directory / "tmp"
        # A crash may have left drafts; nobody reads them.
        rmtree(self._temporary, ignore_errors=True)
        make_directories(self._temporary)
        self.size = written_size(directory)
        fetch = fetch_from(directory)
        self._tiles = _read_edge(fetch, self.size)
        width = width_of(0, self.size // WIDTH, self.size)
        path = bundle_path(self.size // WIDTH, width) if width else None
        self._bundle = _fetched(fetch, path) if path else b""
        unframe(self._bundle, width)

    def root(self) -> bytes:
        """Root over everything written."""
        frontier = merkle.Frontier()
        for level in reversed(range(len(self._tiles))):
            for found in self._tiles[level]:
                frontier.append_subtree(TILE_HEIGHT * level, found)
        return frontier.root()

    def extend(self, first_index: int, entries: Sequence[bytes]) -> tuple[int, bytes]:
        """Write ``entries`` from ``first_index`` on; return the new size and root.

        Entries that are there already are compared instead. On return all of it is durable.
        Raises ConflictingEntry for a gap or for other bytes than the files hold; what came before
        the conflict is written then.
        """
        if not 0 <= first_index <= self.size:
            raise ConflictingEntry(f"The next index is {self.size}; {first_index} would leave a gap.")
        known = min(len(entries), self.size - first_index)
        if known:
            reader = TileReader(self._directory)
            for index, data in enumerate(entries[:known], first_index):
                if reader.leaf_hash(index, self.size) != leaf_hash(data):
                    raise ConflictingEntry(f"The log holds another entry at {index}.")
        at = known
        while at < len(entries):
            room = WIDTH - self.size % WIDTH
            self._append(entries[at : at + room])
            at += room
        return self.size, self.root()

    def _append(self, entries: Sequence[bytes]) -> None:
        """Write entries that fit into the last bundle.

        The level-0 tile comes last, because it is what says how large the log is: everything
        that belongs to a size is there before the size is.
        """
        index = self.size // WIDTH
        bundle = self._bundle + frame(entries)
        tiles = [list(tile) for tile in self._tiles] or [[]]
        tiles[0] += map(leaf_hash, entries)
        width = len(tiles[0])
        self._write(bundle_path(index, width), bundle)
        # Crash here: a bundle beyond the size of the log; the next run writes it again.
        upper = _carry(tiles)
        for level in sorted(upper, reverse=True):
            count = (self.size + len(entries)) >> TILE_HEIGHT * level
            self._write(tile_path(level, (count - 1) // WIDTH, len(upper[level])), b"".join(upper[level]))
            # Crash here: as before, and a tile that no size needs yet.
        self._write(tile_path(0, index, width), b"".join(tiles[0]))
        # Crash here: the log has grown; nobody has signed it yet, and the next run continues.
        self.size += len(entries)
        if width == WIDTH:
            self._drop_partials(upper)
        self._bundle = b"" if width == WIDTH else bundle
        self._tiles = [[] if len(tile) == WIDTH else tile for tile in tiles]

    def _write(self, path: str, data: bytes) -> None:
        try:
            write_once(self._directory / path, data, self._temporary)
        except ConflictingFile as other:
            raise ConflictingEntry(str(other)) from other

    def _drop_partials(self, upper: dict[int, list[bytes]]) -> None:
        """Remove the partial files of tiles that are full now; readers fall back to the full ones.

        Crash here: some partials stay. They agree with the full file, so they do no harm.
        """
        index = self.size // WIDTH - 1
        done = [bundle_path(index), tile_path(0, index)]
        for level, tile in upper.items():
            if len(tile) == WIDTH:
                done.append(tile_path(level, (self.size >> TILE_HEIGHT * (level + 1)) - 1))
        for path in done:
            rmtree(self._directory / (path + ".p"), ignore_errors=True)


class TileReader:
    """Reads entries, hashes and proofs from the files of a log, a directory's or fetched ones.

    For one thread at a time. It trusts the files: whoever needs certainty checks what comes out against a signed root.
    All methods raise MissingTile and MalformedTile, and IndexError beyond ``size``. Where no
    size is given, it is the one that the log's `checkpoint` states, signed or not.
    """

    def __init__(self, source: Path | Fetch) -> None:
        self._fetch = fetch_from(source) if isinstance(source, Path) else source
        self._cache: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()

    def stated_size(self) -> int:
        """Size that the checkpoint states; its signature is not looked at."""
        text, _ = parse(_fetched(self._fetch, "checkpoint"))
        return Checkpoint.parse(text).size

    def entry(self, index: int, size: int | None = None) -> bytes:
        """Bytes of the entry at ``index``."""
        size = self._checked_size(index, size)
        number = index // WIDTH
        return self.bundle(number, width_of(0, number, size))[index % WIDTH]

    def bundle(self, number: int, width: int) -> list[bytes]:
        """First ``width`` entries of a bundle, from the file of that width or from the full one."""
        with suppress(FileNotFoundError):
            return unframe(self._fetch(bundle_path(number, width)), width)
        return unframe(_fetched(self._fetch, bundle_path(number)), WIDTH)[:width]

    def leaf_hash(self, index: int, size: int | None = None) -> bytes:
        """Leaf hash at ``index``."""
        size = self._checked_size(index, size)
        return self._subtree(0, index, size)

    def root(self, size: int, within: int | None = None) -> bytes:
        """Root of the first ``size`` entries, read from the files of a log of ``within``.

        A log that has grown may have dropped the partial tiles of an earlier size.
        """
        within = size if within is None else within
        if not 0 <= size <= within:
            raise IndexError(f"A log of {within} has no first {size} entries.")
        return merkle.root_of(size, lambda height, index: self._subtree(height, index, within))

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Hashes that lift the entry at ``index`` to the root of ``size``."""
        return merkle.inclusion_path(index, size, lambda h, i: self._subtree(h, i, size))

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Hashes that show the log of ``new`` to begin with the log of ``old``."""
        return merkle.consistency_path(old, new, lambda h, i: self._subtree(h, i, new))

    def find(self, leaf: bytes, size: int | None = None) -> int | None:
        """First index of ``leaf``, by reading every leaf hash: 32 bytes per entry of the log."""
        size = self.stated_size() if size is None else size
        for number, tile in self._leaf_tiles(size):
            at = tile.find(leaf)
            while at % HASH_BYTES and at >= 0:
                at = tile.find(leaf, at + 1)
            if at >= 0:
                return number * WIDTH + at // HASH_BYTES
        return None

    def _leaf_tiles(self, size: int) -> Iterator[tuple[int, bytes]]:
        for number in range(-(-size // WIDTH)):
            yield number, self.tile(0, number, width_of(0, number, size))

    def tile(self, level: int, number: int, width: int) -> bytes:
        """First ``width`` hashes of a tile, from the file of that width or from the full one."""
        key = (level, number, width)
        tile = self._cache.get(key)
        if tile is None:
            tile = self._read_tile(level, number, width)
            self._cache[key] = tile
            if len(self._cache) > CACHED_TILES_MAX:
                self._cache.popitem(last=False)
        return tile

    def _read_tile(self, level: int, number: int, width: int) -> bytes:
        length = width * HASH_BYTES
        try:
            tile = self._fetch(tile_path(level, number, width))
        except FileNotFoundError:
            tile = _fetched(self._fetch, tile_path(level, number))
            length = WIDTH * HASH_BYTES
        if len(tile) != length:
            raise MalformedTile(f"{tile_path(level, number, width)} has {len(tile)} bytes, not {length}.")
        return tile[: width * HASH_BYTES]

    def _subtree(self, height: int, index: int, size: int) -> bytes:
        """Hash of a complete subtree; its leaves lie in one tile, for tiles are aligned to it."""
        level, rest = divmod(height, TILE_HEIGHT)
        number, offset = divmod(index << rest, WIDTH)
        tile = self.tile(level, number, width_of(level, number, size))
        hashes = [
            tile[at : at + HASH_BYTES]
            for at in range(offset * HASH_BYTES, (offset + (1 << rest)) * HASH_BYTES, HASH_BYTES)
        ]
        return merkle.root(hashes)

    def _checked_size(self, index: int, size: int | None) -> int:
        size = self.stated_size() if size is None else size
        if not 0 <= index < size:
            raise IndexError(f"Entry {index} is outside a log of {size}.")
        return size


def written_size(directory: Path) -> int:
    """How many entries the files hold, signed or not: the level-0 tiles say it."""
    # Full tiles have no gaps, so bisection finds the first that is missing.
    low, high = 0, 1
    while (directory / tile_path(0, high - 1)).exists():
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        if (directory / tile_path(0, middle)).exists():
            low = middle + 1
        else:
            high = middle
    partials = names_in(f"{directory}/{tile_path(0, low)}.p")
    return low * WIDTH + max(partial_widths(partials), default=0)


def partial_widths(names: Sequence[str]) -> list[int]:
    """Widths that the names of the files in a `.p` directory say; other names say nothing."""
    return sorted(int(name) for name in names if _WIDTH.fullmatch(name) and int(name) < WIDTH)


def names_in(directory: str) -> list[str]:
    """Names in a directory; none if it is not there, or was just removed by the writer."""
    try:
        return os.listdir(directory)  # noqa: PTH208 - asked for each tile; a Path takes as long as the hashing
    except (FileNotFoundError, NotADirectoryError):
        return []


def fetch_from(directory: Path) -> Fetch:
    """Read the files of a directory by their path in the log."""
    return lambda path: read_at_most(f"{directory}/{path}", FILE_BYTES_MAX)


def _read_edge(fetch: Fetch, size: int) -> list[list[bytes]]:
    """Hashes of the last tile of each level, empty where it is full; enough to go on from."""
    edge: list[list[bytes]] = []
    level = 0
    while size >> TILE_HEIGHT * level:
        number = (size >> TILE_HEIGHT * level) // WIDTH
        width = width_of(level, number, size)
        tile = _fetched(fetch, tile_path(level, number, width)) if width else b""
        if len(tile) != width * HASH_BYTES:
            raise MalformedTile(f"{tile_path(level, number, width)} has {len(tile)} bytes.")
        edge.append([tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)])
        level += 1
    return edge


def _carry(tiles: list[list[bytes]]) -> dict[int, list[bytes]]:
    """Lift the root of each tile that has become full to the tile above; return those changed."""
    changed: dict[int, list[bytes]] = {}
    level = 0
    while len(tiles[level]) == WIDTH:
        if level + 1 == len(tiles):
            tiles.append([])
        tiles[level + 1].append(merkle.root(tiles[level]))
        level += 1
        changed[level] = tiles[level]
    return changed


def _path(kind: str, index: int, width: int) -> str:
    assert 0 < width <= WIDTH, "a tile holds 1 to 256"
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    last = parts.pop()
    suffix = "" if width == WIDTH else f".p/{width}"
    return "/".join(("tile", kind, *(f"x{part}" for part in parts), last + suffix))


def _fetched(fetch: Fetch, path: str) -> bytes:
    try:
        return fetch(path)
    except FileNotFoundError as missing:
        raise MissingTile(f"{path} is missing.") from missing
