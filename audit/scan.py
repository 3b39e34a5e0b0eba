"""The first pass of the verifier: one range of bundles, read once, in any order and in parallel.

It recomputes the tiles, reads every entry, and sets aside what only all entries together can
tell: records of fixed length, parted by their key, so that the second pass (``history``) can
take one part after the other.
"""

import json
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit import merkle, rows, tiles
from audit.entry import Facts, MalformedEntry, decode
from audit.facts import read
from audit.merkle import HASH_BYTES
from audit.report import Finding
from audit.tiles import WIDTH, MalformedTile

RANGE_BUNDLES = 256  # one range is one tile of level 1: 65,536 entries
NO_TIME = -1

UNIQUE = struct.Struct(">16sQ")  # id or nonce, index
EFFECT = struct.Struct(
    ">16sQQ32s32s8s8s?"
)  # object, index, rev, prev, leaf, act, person, allowed; rev 0: counts for
LINK = struct.Struct(">16sQ8s8s")  # trade, index, act, person
AFTER = struct.Struct(
    ">16sQQ32s"
)  # object, index, rev, digest of the row after: only if rows are to be compared
VOUCHER = struct.Struct(">16sQ32s")  # voucher, index, digest: likewise
SPECIAL = ("log.", "policy.publish", "schema.publish")  # acts that say something about the log itself
STOPS = frozenset(("log.restart", "log.recover"))
DECLARATIONS = frozenset(("log.restart", "log.recover", "log.rotate", "schema.publish"))
DECLARED = frozenset(("digest", "number", "persons", "root", "schema", "size"))
STREAMS = {
    "id": UNIQUE,
    "nonce": UNIQUE,
    "effect": EFFECT,
    "link": LINK,
    "after": AFTER,
    "voucher": VOUCHER,
}


@dataclass(frozen=True)
class Task:
    """Which bundles to scan, in a log of ``size`` entries."""

    directory: Path
    first: int
    count: int
    size: int
    parts: int  # over how many parts the records are spread
    wanted: frozenset[bytes] = frozenset()  # leaf hashes of receipts to look for
    spill: Path | None = None  # directory for the records; None keeps them in memory
    tree_only: bool = False  # of all entries, read only leaf 0
    rows: bool = False  # also set aside what entries say of business rows
    known: int = 0  # so many entries were read before: they are hashed only


@dataclass(frozen=True)
class Segment:
    """Some records: in memory, or where they lie in a file."""

    data: bytes = b""
    path: Path | None = None
    offset: int = 0
    length: int = 0

    def read(self) -> bytes:
        if self.path is None:
            return self.data
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.length)


@dataclass(frozen=True)
class Publication:
    """A policy that came into force with the entry at ``index``."""

    index: int
    policy: Any  # these two as the entry has them; ``history`` reads them
    apart: Any


@dataclass(frozen=True)
class Declaration:
    """What an entry about the log itself states, for ``rhythm`` and ``opening`` to hold against the log."""

    index: int
    act: str
    data: dict[str, Any]
    time_us: int  # microseconds since 1970


@dataclass
class Scan:
    """What one range gave."""

    first: int
    roots: list[bytes] = field(default_factory=list)  # of its full level-0 tiles
    edge: list[bytes] = field(default_factory=list)  # leaf hashes of a last tile that is not full
    tree_complete: bool = True  # every leaf hash was there
    bundles_complete: bool = True  # every bundle was there and could be cut into entries
    entries_complete: bool = True  # every one of these entries could be read
    findings: dict[tuple[str, bool], Finding] = field(default_factory=dict)
    times: "array[int]" = field(default_factory=lambda: array("q"))  # microseconds, one per entry
    segments: dict[tuple[str, int], Segment] = field(default_factory=dict)
    publications: list[Publication] = field(default_factory=list)
    policies: dict[str, int] = field(default_factory=dict)  # first index that names each
    found: dict[bytes, int] = field(default_factory=dict)  # wanted leaf: its index
    first_heartbeat: int | None = None
    stops: "array[int]" = field(default_factory=lambda: array("q"))  # indices of what explains a silence
    declarations: list[Declaration] = field(default_factory=list)
    genesis: dict[str, Any] | None = None

    def find(self, check: str, index: int | None, sentence: str, *, missing: bool = False) -> None:
        """Note a finding; only the first of its kind in a range, so that memory stays bounded."""
        self.findings.setdefault((check, missing), Finding(check, index, sentence, missing))


class _Records:
    """Records of one range, by stream and part."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.streams = {name: [bytearray() for _ in range(parts)] for name in STREAMS}
        self.ids, self.nonces, self.effects, self.links, self.after, self.vouchers = self.streams.values()

    def segments(self, path: Path | None) -> dict[tuple[str, int], Segment]:
        """Hand the records over, through the file at ``path`` if there is one."""
        held = {(name, part): data for name, all_ in self.streams.items() for part, data in enumerate(all_)}
        if path is None:
            return {place: Segment(bytes(data)) for place, data in held.items()}
        segments, offset = {}, 0
        with path.open("wb") as file:
            for place, data in held.items():
                file.write(data)
                segments[place] = Segment(path=path, offset=offset, length=len(data))
                offset += len(data)
        return segments


def scan(task: Task) -> Scan:
    """Read the bundles and level-0 tiles of ``task``."""
    found = Scan(task.first)
    records = _Records(task.parts)
    for number in range(task.first, task.first + task.count):
        entries, leaves = scan_tree(task, number, found)
        if not entries:
            found.bundles_complete = False
            found.times.extend([NO_TIME] * tiles.width_of(0, number, task.size))
        if task.tree_only:
            entries, leaves = (entries[:1], leaves[:1]) if number == 0 else ((), [])
        if task.wanted:
            for index, leaf in enumerate(leaves, number * WIDTH):
                if leaf in task.wanted:
                    found.found.setdefault(leaf, index)
        known = min(max(task.known - number * WIDTH, 0), len(leaves))
        found.times.extend([NO_TIME] * known)
        first, entries = number * WIDTH + known, entries[known:]
        told = _read_all(first, entries, found)
        _take_apart(first, told, leaves[known:], found, records)
        if task.rows:
            _take_rows(first, entries, told, records)
    spill = None if task.spill is None else task.spill / str(task.first)
    found.segments = records.segments(spill)
    return found


def scan_tree(task: Task, number: int, found: Scan) -> tuple[Sequence[bytes], list[bytes]]:
    """Compare a bundle with its tile; return its entries and their leaf hashes, if it is sound."""
    width = tiles.width_of(0, number, task.size)
    tile = read_tile(task.directory, 0, number, width, found)
    entries = _read_bundle(task.directory, number, width, found)
    leaves = [sha256(b"\x00" + data).digest() for data in entries]  # entry.leaf_hash, inlined
    computed = b"".join(leaves)
    if tile is None:
        tile = computed
    elif entries and computed != tile:
        at = _first_difference(computed, tile) // HASH_BYTES
        index = number * WIDTH + at
        there = tile[at * HASH_BYTES :][:HASH_BYTES].hex()
        found.find("V7", index, f"Entry {index} hashes to {leaves[at].hex()}; its tile says {there}.")
    if not tile:
        found.tree_complete = False
        return entries, leaves
    hashes = leaves if tile == computed else _split(tile)
    if width == WIDTH:
        found.roots.append(_full_root(hashes))
    else:
        found.edge = hashes
    return entries, leaves


def read_tile(directory: Path, level: int, number: int, width: int, found: Scan) -> bytes | None:
    """Read the hashes of a tile; None, with a finding, if it is missing or of another length.

    Every other file for the same tile must tell the same.
    """
    path = tiles.tile_path(level, number, width)
    first_index = number * WIDTH ** (level + 1)
    fetch = tiles.fetch_from(directory)
    tile: bytes | None = None
    for name, length in _names(directory, tiles.tile_path(level, number), width, "V6", found):
        try:
            content = fetch(name)
        except FileNotFoundError:
            continue
        if len(content) != length * HASH_BYTES:
            found.find("V6", first_index, f"{name} has {len(content)} bytes, not {length * HASH_BYTES}.")
            continue
        if tile is None and length >= width:
            tile = content[: width * HASH_BYTES]
        elif tile is not None and tile[: len(content)] != content[: len(tile)]:
            at = _first_difference(tile, content) // HASH_BYTES
            index = first_index + at * WIDTH**level
            found.find("V6", index, f"{name} contradicts {path}.")
    if tile is None:
        found.find("V6", first_index, f"{path} is missing.", missing=True)
    return tile


def _read_bundle(directory: Path, number: int, width: int, found: Scan) -> Sequence[bytes]:
    """Read the entries of a bundle; none, with a finding, if it is missing or badly framed."""
    path = tiles.bundle_path(number, width)
    fetch = tiles.fetch_from(directory)
    entries: list[bytes] | None = None
    malformed = False
    for name, length in _names(directory, tiles.bundle_path(number), width, "V7", found):
        try:
            content = tiles.unframe(fetch(name), length)
        except FileNotFoundError:
            continue
        except MalformedTile as broken:
            malformed = malformed or length >= width
            found.find("V7", number * WIDTH, f"{name}: {broken}")
            continue
        if entries is None and length >= width:
            entries = content[:width]
        elif entries is not None and entries[: len(content)] != content[: len(entries)]:
            at = next(i for i, (a, b) in enumerate(zip(entries, content, strict=False)) if a != b)
            found.find("V7", number * WIDTH + at, f"{name} contradicts {path}.")
    if entries is None and not malformed:
        found.find("V8", number * WIDTH, f"{path} is missing.", missing=True)
    return entries or ()


def _names(directory: Path, full: str, width: int, check: str, found: Scan) -> list[tuple[str, int]]:
    """List the files that may tell of a tile, with the width each has: the one looked for first."""
    names = [(full, WIDTH)] if width == WIDTH else [(f"{full}.p/{width}", width), (full, WIDTH)]
    there = tiles.names_in(f"{directory}/{full}.p")
    widths = tiles.partial_widths(there)
    names += [(f"{full}.p/{other}", other) for other in widths if other != width]
    strays = {*there} - {str(known) for known in widths}
    if strays:
        found.find(check, None, f"{full}.p holds {min(strays)!r:.80}, which is no width.")
    return names


def _read_all(first: int, entries: Sequence[bytes], found: Scan) -> list[Facts | None]:
    """Read the entries of a bundle; None, with a finding, for what is no entry."""
    told: list[Facts | None] = []
    for index, data in enumerate(entries, first):
        try:
            facts = read(data)
            if index == 0 or facts.act.startswith(SPECIAL):
                _take_special(index, decode(data), facts.time_us, found)
            told.append(facts)
        except MalformedEntry as malformed:
            found.find(malformed.check, index, f"Entry {index}: {malformed}")
            found.entries_complete = False
            told.append(None)
    return told


def _take_apart(
    first: int, told: list[Facts | None], leaves: list[bytes], found: Scan, records: _Records
) -> None:
    """Set aside what has to be compared with other entries."""
    parts, ids, nonces = records.parts, records.ids, records.nonces
    effects, links = records.effects, records.links
    pack_unique, pack_effect, unhex = UNIQUE.pack, EFFECT.pack, bytes.fromhex
    found.times.extend([NO_TIME if facts is None else facts.time_us for facts in told])
    for index, facts in enumerate(told, first):
        if facts is None:
            continue
        id_, nonce, _, act, person, others, allowed, policy, trade, changed = facts
        key = unhex(id_.replace("-", ""))
        ids[key[-1] % parts] += pack_unique(key, index)
        key = unhex(nonce)
        nonces[key[-1] % parts] += pack_unique(key, index)
        act_mark, person_mark = mark(act), mark(person)
        for object_id, kind, prev, rev in changed:
            key = object_key(f"{kind} {object_id}")
            effects[key[-1] % parts] += pack_effect(
                key, index, int(rev), unhex(prev), leaves[index - first], act_mark, person_mark, allowed
            )
            for other in others:
                effects[key[-1] % parts] += pack_effect(
                    key, index, 0, b"", leaves[index - first], act_mark, mark(other), allowed
                )
        if allowed and trade is not None:
            key = object_key(f"trade {trade}")
            for who in (person, *others):
                links[key[-1] % parts] += LINK.pack(key, index, act_mark, mark(who))
        if policy not in found.policies and index > 0:
            found.policies[policy] = index


def _take_rows(first: int, entries: Sequence[bytes], told: list[Facts | None], records: _Records) -> None:
    """Set aside the digest that each entry left of a row, and every digest by which it vouches for movements."""
    for index, (data, facts) in enumerate(zip(entries, told, strict=False), first):
        if facts is None or not facts.effects:
            continue
        entry = json.loads(data)  # it was read strictly before
        for one in entry["eff"]:
            key = object_key(f"{one['kind']} {one['id']}")
            digest = sha256(one["after"].encode()).digest()
            records.after[key[-1] % records.parts] += AFTER.pack(key, index, one["rev"], digest)
        for by, value in rows.vouchers(entry):
            key = sha256("\n".join(by).encode()).digest()[:16]
            digest = sha256(value.encode()).digest()
            records.vouchers[key[-1] % records.parts] += VOUCHER.pack(key, index, digest)


def _take_special(index: int, entry: dict[str, Any], time_us: int, found: Scan) -> None:
    """Set aside what an entry says about the log itself: its genesis, its policies, its stops."""
    act, allowed, data = entry["act"], entry["decision"]["outcome"] == "allow", entry.get("data", {})
    if index == 0:
        found.genesis = entry
    elif act == "log.genesis":
        found.find("V2", index, f"Entry {index} is a second genesis; a log begins once.")
    if not allowed:
        return
    if act == "policy.publish" or (index == 0 and "policy" in data):
        found.publications.append(Publication(index, data.get("policy"), data.get("apart")))
    elif act == "log.heartbeat":
        found.first_heartbeat = index if found.first_heartbeat is None else found.first_heartbeat
    elif act in STOPS:
        found.stops.append(index)
    if act in DECLARATIONS and data:
        told = {name: member for name, member in data.items() if name in DECLARED}
        found.declarations.append(Declaration(index, act, told, time_us))


@lru_cache(maxsize=65_536)
def mark(word: str) -> bytes:
    """Eight bytes that stand for an act or a person in a record."""
    return sha256(word.encode()).digest()[:8]


@lru_cache(maxsize=65_536)
def object_key(name: str) -> bytes:
    """Sixteen bytes that stand for an object, by its kind and id, in a record."""
    return sha256(name.encode()).digest()[:16]


def _full_root(hashes: list[bytes]) -> bytes:
    """Root of a full tile; the same as ``merkle.root``, without its bookkeeping."""
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [sha256(b"\x01" + left + next(pairs)).digest() for left in pairs]
    return hashes[0]


def _split(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def _first_difference(left: bytes, right: bytes) -> int:
    return next(at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)


def climb(directory: Path, scans: Sequence[Scan]) -> tuple[bytes | None, Scan]:
    """Recompute the tiles above level 0, compare them with the files, and return the root.

    The root is None where leaf hashes are missing. Findings come in a scan of their own.
    """
    found = Scan(0)
    if not all(scan.tree_complete for scan in scans):
        found.find("V6", None, "The root cannot be computed without all leaf hashes.", missing=True)
        return None, found
    frontier = merkle.Frontier()
    hashes = [root for scan in scans for root in scan.roots]
    for root in hashes:
        frontier.append_subtree(tiles.TILE_HEIGHT, root)
    for leaf in scans[-1].edge if scans else ():
        frontier.append(leaf)
    level = 1
    while hashes:
        for number in range(-(-len(hashes) // WIDTH)):
            mine = hashes[number * WIDTH :][:WIDTH]
            tile = read_tile(directory, level, number, len(mine), found)
            if tile is not None and tile != (computed := b"".join(mine)):
                at = number * WIDTH + _first_difference(computed, tile) // HASH_BYTES
                path = tiles.tile_path(level, number, len(mine))
                found.find("V6", at * WIDTH**level, f"{path} is not what the tiles below it give.")
        full = len(hashes) // WIDTH
        hashes = [_full_root(hashes[n * WIDTH :][:WIDTH]) for n in range(full)]
        level += 1
    return frontier.root(), found
