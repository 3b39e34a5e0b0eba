"""The file of an evidence pack: a ZIP archive that has exactly one spelling, and a manifest of all that is in it.

Nothing is compressed and every header follows from name, size and content, so the same evidence is the same
file everywhere, nothing can hide between the members, and unpacking needs no more room than the pack has.
"""

import hashlib
import json
import re
import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = "trennwand-evidence/1"
MANIFEST = "manifest.json"
CHECKPOINT = "checkpoint"
KEYRING = "keyring"
PROOFS = "proofs.json"
ROWS = "rows.json"
REPORT = "report.json"
COVER = "cover.html"
VERIFIER = "verify.pyz"
POLICY_FILES = (
    "model.conf",
    "policy.csv",
    "separation.csv",
    "apart.csv",
    "tables.csv",
    "periods.csv",
    "tasks.csv",
    "independence.csv",
    "lines.csv",
    "cooling_off.csv",
)
"""What a policy's version is hashed over, in this order; the service's policy names the same files."""

MEMBERS_MAX = 65_000  # below what needs the 64-bit form of the archive
PACK_BYTES_MAX = 2**31 - 1
JSON_BYTES_MAX = 64 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024

_NAME = re.compile(
    r"manifest\.json|checkpoint|keyring|proofs\.json|rows\.json|report\.json|cover\.html|verify\.pyz"
    r"|entries/(?:[0-9]{8}|[1-9][0-9]{8,15})\.json"
    rf"|policies/[0-9a-f]{{64}}/(?:{'|'.join(map(re.escape, POLICY_FILES))})"
    r"|documents/[0-9a-f]{64}"
)
_HEX = re.compile(r"[0-9a-f]{64}")
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_DAY = 1 << 5 | 1  # 1 January 1980, the first day the form knows
_VERSION, _UNIX, _READABLE = 20, 3 << 8, 0o100644 << 16


class BrokenPack(Exception):
    """The file is not a pack as it is written here; ``missing``: it lacks what everything else hangs on."""

    def __init__(self, sentence: str, *, missing: bool = False) -> None:
        super().__init__(sentence)
        self.missing = missing


@dataclass(frozen=True)
class Member:
    """One file of a pack."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class _Place:
    """Where a member's content lies in the archive."""

    name: str
    crc: int
    size: int
    start: int


@dataclass(frozen=True)
class Scope:
    """What a pack is about: one trade, one person with their accounts, the entries from ``first`` up to ``end``, or a
    report as of an instant with the entries it stands on.
    """

    kind: str
    trade: str = ""
    person: str = ""
    accounts: tuple[str, ...] = ()
    since: str = ""
    before: str = ""
    first: int = 0
    end: int = 0
    report: str = ""
    on: str = ""

    def told(self) -> dict[str, Any]:
        """Give the scope as the manifest writes it."""
        if self.kind == "trade":
            return {"kind": self.kind, "trade": self.trade}
        if self.kind == "person":
            return {"kind": self.kind, "person": self.person, "accounts": sorted(self.accounts)}
        if self.kind == "report":
            return {"kind": self.kind, "on": self.on, "report": self.report}
        times = {"from": self.since, "to": self.before}
        return {"kind": self.kind, **times, "first": self.first, "end": self.end}


@dataclass(frozen=True)
class Manifest:
    """What a pack says of itself."""

    scope: Scope
    origin: str
    size: int
    root: str
    asked: Mapping[str, Any]  # who asked, when and why
    files: tuple[Member, ...]

    def encode(self) -> bytes:
        """Give the one spelling of the manifest."""
        return canonical(
            {
                "asked": dict(self.asked),
                "files": [{"name": one.name, "sha256": one.sha256, "size": one.size} for one in self.files],
                "format": FORMAT,
                "log": {"origin": self.origin, "root": self.root, "size": self.size},
                "scope": self.scope.told(),
            }
        )


def canonical(value: object) -> bytes:
    """Write JSON in its one spelling: members in order, no white space, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def entry_name(index: int) -> str:
    """Where the entry at ``index`` is in a pack."""
    return f"entries/{index:08d}.json"


def policy_name(version: str, file: str) -> str:
    """Where one file of a policy version (``sha256:…``) is in a pack."""
    return f"policies/{version.removeprefix('sha256:')}/{file}"


# Writing -------------------------------------------------------------------------------------------


class PackWriter:
    """Collects the files of a pack in a directory of its own, then writes them as one."""

    def __init__(self, staging: Path) -> None:
        self.staging = staging
        self.members: dict[str, Member] = {}

    def add(self, name: str, content: bytes) -> None:
        """Put a file in. Raises BrokenPack beyond the limits of a pack."""
        assert _NAME.fullmatch(name), f"{name} has no place in a pack"
        assert name not in self.members, f"{name} is there already"
        if len(self.members) + 2 > MEMBERS_MAX:
            raise BrokenPack(f"A pack holds at most {MEMBERS_MAX} files.")
        path = self.staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.members[name] = Member(name, len(content), hashlib.sha256(content).hexdigest())

    def names(self) -> list[str]:
        """Names of the files so far, in their order."""
        return sorted(self.members)

    def finish(self, manifest: Manifest, target: Path) -> Member:
        """Write the pack with a manifest of all files to ``target``; tell its size and digest.

        Raises BrokenPack if it would be too large.
        """
        files = tuple(self.members[name] for name in self.names())
        whole = Manifest(manifest.scope, manifest.origin, manifest.size, manifest.root, manifest.asked, files)
        self.add(MANIFEST, whole.encode())
        if sum(one.size for one in self.members.values()) > PACK_BYTES_MAX // 2:
            raise BrokenPack(f"A pack has at most {PACK_BYTES_MAX // 2} bytes; ask for less.")
        return write_archive(self.staging, self.names(), target)


def write_archive(directory: Path, names: Sequence[str], target: Path) -> Member:
    """Write the named files of a directory as the one archive they make; tell its size and digest."""
    central: list[bytes] = []
    with target.open("wb") as archive:
        for name in sorted(names):
            offset = archive.tell()
            size, crc = _measure(directory / name)
            central.append(_central(name.encode("ascii"), crc, size, offset))
            archive.write(_local(name.encode("ascii"), crc, size))
            with (directory / name).open("rb") as member:
                shutil.copyfileobj(member, archive, CHUNK_BYTES)
        offset = archive.tell()
        archive.write(b"".join(central))
        archive.write(_end(len(central), archive.tell() - offset, offset))
    with target.open("rb") as archive:
        digest = hashlib.file_digest(archive, "sha256").hexdigest()
    return Member(target.name, target.stat().st_size, digest)


def _measure(path: Path) -> tuple[int, int]:
    size = crc = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
    return size, crc


def _local(name: bytes, crc: int, size: int) -> bytes:
    return _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DAY, crc, size, size, len(name), 0) + name


def _central(name: bytes, crc: int, size: int, offset: int) -> bytes:
    facts = (_UNIX | _VERSION, _VERSION, 0, 0, 0, _DAY, crc, size, size, len(name), 0, 0, 0, 0)
    return _CENTRAL.pack(b"PK\1\2", *facts, _READABLE, offset) + name


def _end(count: int, size: int, offset: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)


# Reading -------------------------------------------------------------------------------------------


def unpack(path: Path, directory: Path) -> tuple[Manifest, list[str]]:
    """Put the files of a pack into ``directory``; return its manifest and what contradicts it, in sentences.

    Raises BrokenPack for a file that is not spelled as packs are, and for one without a readable manifest.
    """
    members: dict[str, Member] = {}
    with path.open("rb") as archive:
        for place in list(_directory(archive)):
            members[place.name] = _take_out(archive, place, directory)
    manifest = _read_manifest(directory / MANIFEST)
    listed = {one.name: one for one in manifest.files}
    wrong = [
        f"{name} is in the pack and not in its manifest."
        for name in sorted(members.keys() - listed - {MANIFEST})
    ]
    for name, one in sorted(listed.items()):
        if name not in members:
            wrong.append(f"{name} stands in the manifest and is not in the pack.")
        elif members[name] != one:
            wrong.append(f"{name} has the digest {members[name].sha256}; the manifest says {one.sha256}.")
    return manifest, wrong


def _directory(archive: BinaryIO) -> Iterator[_Place]:
    """Give each member in the order of the file, refusing every other spelling."""
    length = archive.seek(0, 2)
    if not _END.size <= length <= PACK_BYTES_MAX:
        raise BrokenPack(f"A pack has {_END.size} to {PACK_BYTES_MAX} bytes; this file has {length}.")
    archive.seek(length - _END.size)
    end = archive.read(_END.size)
    _, _, _, _, count, size, offset, _ = _END.unpack(end)
    if end != _end(count, size, offset) or offset + size + _END.size != length:
        raise BrokenPack("The file does not end as a pack does; it is cut off or something else.")
    if count > MEMBERS_MAX or size > MEMBERS_MAX * 256:
        raise BrokenPack(f"The file says it has {count} members; a pack has at most {MEMBERS_MAX}.")
    archive.seek(offset)
    central = archive.read(size)
    at = expected = 0
    last = ""
    for _ in range(count):
        name, crc, bytes_, record = _record(central, at, expected)
        if name <= last:
            raise BrokenPack(f"{name} does not stand in the order of names, or stands twice.")
        archive.seek(expected)
        header = _local(name.encode("ascii"), crc, bytes_)
        if archive.read(len(header)) != header:
            raise BrokenPack(f"{name} begins otherwise than the list of members says.")
        yield _Place(name, crc, bytes_, expected + len(header))
        at, last = at + record, name
        expected += len(header) + bytes_
    if at != size or expected != offset:
        raise BrokenPack("The pack holds bytes that belong to no member.")


def _record(central: bytes, at: int, expected: int) -> tuple[str, int, int, int]:
    """Read one line of the list of members; its length comes last."""
    if len(central) - at < _CENTRAL.size:
        raise BrokenPack("The list of members is cut off.")
    facts = _CENTRAL.unpack_from(central, at)
    crc, size, name_length = facts[7], facts[8], facts[10]
    raw = central[at + _CENTRAL.size :][:name_length]
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError as foreign:
        raise BrokenPack("A member has a name that no file of a pack has.") from foreign
    if _NAME.fullmatch(name) is None:
        raise BrokenPack(f"{name!r:.80} has no place in a pack.")
    written = _central(raw, crc, size, expected)
    if central[at : at + len(written)] != written:
        raise BrokenPack(f"{name} is not listed as members of a pack are.")
    return name, crc, size, len(written)


def _take_out(archive: BinaryIO, place: _Place, directory: Path) -> Member:
    """Copy one member out; it lies inside the file, so it cannot grow."""
    path = directory / place.name
    path.parent.mkdir(parents=True, exist_ok=True)
    crc, left, digest = 0, place.size, hashlib.sha256()
    archive.seek(place.start)
    with path.open("wb") as file:
        while left and (chunk := archive.read(min(left, CHUNK_BYTES))):
            file.write(chunk)
            digest.update(chunk)
            crc, left = zlib.crc32(chunk, crc), left - len(chunk)
    if left or crc != place.crc:
        raise BrokenPack(f"{place.name} is damaged: its checksum is another.")
    return Member(place.name, place.size, digest.hexdigest())


def read_json(path: Path) -> Any:
    """Read one JSON file of a pack in its one spelling. Raises BrokenPack."""
    try:
        with path.open("rb") as file:
            content = file.read(JSON_BYTES_MAX + 1)
    except FileNotFoundError as gone:
        raise BrokenPack(f"{path.name} is missing.", missing=True) from gone
    try:
        value = json.loads(content) if len(content) <= JSON_BYTES_MAX else None
        written = canonical(value)
    except (ValueError, RecursionError) as broken:
        raise BrokenPack(f"{path.name} is not JSON: {broken}.") from broken
    if written != content:
        raise BrokenPack(f"{path.name} is too long, or not in the one spelling of what it says.")
    return value


def _read_manifest(path: Path) -> Manifest:
    told = read_json(path)
    try:
        log = told["log"]
        manifest = Manifest(
            scope=_read_scope(told["scope"]),
            origin=_text(log["origin"]),
            size=_count(log["size"]),
            root=_digest(log["root"]),
            asked=_facts(told["asked"]),
            files=tuple(
                Member(_text(one["name"]), _count(one["size"]), _digest(one["sha256"]))
                for one in told["files"]
            ),
        )
        same = manifest.encode() == canonical(told)
    except (AttributeError, KeyError, TypeError, ValueError) as broken:
        raise BrokenPack(f"The manifest has not the form of one: {broken!r:.120}.") from broken
    if not same:
        raise BrokenPack("The manifest says something that a manifest does not say.")
    return manifest


def _read_scope(told: Any) -> Scope:
    kind = told["kind"]
    if kind == "trade":
        return Scope(kind, trade=_text(told["trade"]))
    if kind == "person":
        return Scope(kind, person=_text(told["person"]), accounts=tuple(map(_text, told["accounts"])))
    if kind == "period":
        first, end = _count(told["first"]), _count(told["end"])
        if first >= end:
            raise ValueError(f"no entries from {first} to {end}")
        return Scope(kind, since=_text(told["from"]), before=_text(told["to"]), first=first, end=end)
    if kind == "report":
        return Scope(kind, report=_text(told["report"]), on=_text(told["on"]))
    raise ValueError(f"{kind!r:.40} is no scope")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is not text")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{value!r:.40} is no count")
    return value


def _digest(value: Any) -> str:
    if _HEX.fullmatch(_text(value)) is None:
        raise ValueError(f"{value!r:.80} is no digest")
    return str(value)


def _facts(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("who asked is not said")
    return value
