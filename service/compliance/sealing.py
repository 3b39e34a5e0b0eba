"""A pack written and sealed from what was gathered for it, and verified as its reader will."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from audit import pack, single
from audit.bundle import verify_bundle
from audit.checkpoint import Checkpoint
from audit.cover import LISTED_MAX, Cover, Told, render
from audit.gather import gather
from audit.note import VerifierKey, parse
from audit.pack import Manifest, Member, PackWriter, Scope
from audit.report import Report
from audit.rows import Rows
from audit.tiles import WIDTH, TileReader, width_of
from policies.policy import FILES, Policy
from policies.vocabulary import Action
from service.compliance import rendering
from service.kernel.identifiers import uuid7

ABANDONED_AFTER = timedelta(days=1)
DOCUMENT = re.compile(rb'\{"sha256":"(?:sha256:)?([0-9a-f]{64})","size":[0-9]+\}')


@dataclass(frozen=True, slots=True)
class Material:
    """What goes into a pack, as of one moment: entries by their places, and the business rows."""

    scope: Scope
    note: bytes
    indices: Sequence[int]
    rows: Rows
    papers: Path | None = None  # a folder with what the entries filed, as it is stored now
    report: bytes | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that was written to leave the house; ``report``: what its reader will find, where that was asked."""

    path: Path
    member: Member
    report: Report | None
    count: int  # of entries, or of rows
    checkpoint: Checkpoint

    def facts(self) -> dict[str, Any]:
        """Return what the entry of the export says of it."""
        told: dict[str, Any] = {
            "pack": f"sha256:{self.member.sha256}",
            "bytes": self.member.size,
            "entries": self.count,
            "size": self.checkpoint.size,
            "root": self.checkpoint.root.hex(),
        }
        return told if self.report is None else told | {"verdict": self.report.verdict.value}


def keep_policy(data: Path, policy: Policy) -> None:
    """Keep the texts of the policy in force: a later release may still have to show them."""
    target = data / "policies" / policy.version.removeprefix("sha256:")
    if target.is_dir():
        return
    draft = data / "policies" / f"tmp-{uuid7()}"
    draft.mkdir(parents=True)
    for file, content in policy.texts.items():
        (draft / file).write_bytes(content)
    try:
        draft.rename(target)
    except OSError:  # somebody else kept the same texts meanwhile
        shutil.rmtree(draft)


def keep_document(data: Path, content: bytes) -> str:
    """File a document under its SHA-256, which is returned; packs find it there."""
    digest = hashlib.sha256(content).hexdigest()
    target = data / "documents" / digest
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"tmp-{uuid7()}")
        draft.write_bytes(content)
        draft.replace(target)
    return digest


@dataclass(slots=True)
class _Seen:
    """What the entries of a pack tell while they pass by."""

    told: list[Told] = field(default_factory=list)
    policies: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)
    count: int = 0

    def passing(self, entries: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        """Hand the entries on."""
        for index, data in entries:
            self.count += 1
            self.documents |= {found.decode() for found in DOCUMENT.findall(data)}
            if len(self.told) < LISTED_MAX or b'"act":"policy.publish"' in data:
                entry = json.loads(data)
                if entry["act"] == Action.POLICY_PUBLISH:
                    self.policies.add(str(entry["data"]["policy"]).removeprefix("sha256:"))
                if len(self.told) < LISTED_MAX:
                    de, en = rendering.sentence(entry, "de"), rendering.sentence(entry, "en")
                    self.told.append(Told(index, entry["ts"], de, en))
            yield index, data


def seal(
    staging: Path,
    data: Path,
    log_directory: Path,
    key: VerifierKey,
    material: Material,
    asked: dict[str, Any],
    now: datetime,
) -> Sealed:
    """Write the pack into ``staging`` and verify it; what is wrong with it is told, never hidden.

    ``asked``: the actor as entries freeze them, with ``at`` and ``reason``. Raises UnprovedEntry, MissingTile and
    MalformedTile if the files of the log do not bear the entries out, BrokenPack if they are too many.
    """
    files = staging / "files"
    files.mkdir(parents=True)
    writer, seen = PackWriter(files), _Seen()
    entries = seen.passing(_entries_of(log_directory, material))
    checkpoint = gather(log_directory, material.note, material.scope, entries, writer)
    writer.add(pack.ROWS, material.rows.encode())
    if material.report is not None:
        writer.add(pack.REPORT, material.report)
    _add_texts(writer, [place for place in (material.papers, data / "documents") if place], data, seen)
    writer.add(pack.VERIFIER, _verifier())
    writer.add(pack.COVER, render(_cover(material, checkpoint, asked, seen, writer.names())))
    manifest = Manifest(material.scope, checkpoint.origin, checkpoint.size, checkpoint.root.hex(), asked, ())
    member = writer.finish(manifest, staging / "pack.zip")
    report = verify_bundle(staging / "pack.zip", key, now=now)
    return Sealed(staging / "pack.zip", member, report, seen.count, checkpoint)


def _entries_of(directory: Path, material: Material) -> Iterator[tuple[int, bytes]]:
    """Read the entries from the published files, which are what was signed; one bundle in memory at a time."""
    size = Checkpoint.parse(parse(material.note)[0]).size
    reader, held, entries = TileReader(directory), -1, []
    for index in material.indices:
        number = index // WIDTH
        if number != held:
            held, entries = number, reader.bundle(number, width_of(0, number, size))
        yield index, entries[index % WIDTH]


def _add_texts(writer: PackWriter, folders: Sequence[Path], data: Path, seen: _Seen) -> None:
    """Add the policies that were in force and the documents that were filed, as far as they are kept."""
    for version in sorted(seen.policies):
        if (data / "policies" / version).is_dir():
            for file in FILES:
                name = pack.policy_name(version, file)
                writer.add(name, (data / "policies" / version / file).read_bytes())
    for digest in sorted(seen.documents):
        path = next((folder / digest for folder in folders if (folder / digest).is_file()), None)
        if path is not None:
            writer.add(f"documents/{digest}", path.read_bytes())


@cache
def _verifier() -> bytes:
    return single.build()


def _cover(
    material: Material, checkpoint: Checkpoint, asked: dict[str, Any], seen: _Seen, names: Sequence[str]
) -> Cover:
    groups: dict[str, int] = {}
    for name in names:
        group = name.split("/")[0] + ("/" if "/" in name else "")
        groups[group] = groups.get(group, 0) + 1
    return Cover(
        scope=material.scope,
        asked_by=(rendering.actor(asked, "de"), rendering.actor(asked, "en")),
        asked_at=asked["at"],
        reason=asked["reason"],
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        checkpoint=material.note.decode(),
        entries=seen.told,
        entries_count=seen.count,
        files=sorted(groups.items()),
    )


def clean(folder: Path, staging: Path, now: datetime) -> None:
    """Remove this export's own files, and those of exports that died a day ago."""
    shutil.rmtree(staging, ignore_errors=True)
    oldest = (now - ABANDONED_AFTER).timestamp()
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
