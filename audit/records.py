"""What a verifier keeps beside its memory, so that next time it reads only the entries that are new.

The tree is recomputed from every byte each time. What the entries say was checked when they came; what only all
entries together can tell (an id that occurs twice, the chain of an object, both sides in one hand) needs their
records again, and finds them here: sorted by their key, one file for each stream and part of a verification.
"""

import json
import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit import files
from audit.checkpoint import Checkpoint
from audit.memory import Seen, UnusableState
from audit.scan import EFFECT, LINK, NO_TIME, UNIQUE, Declaration, Publication, Scan, Segment

KEPT = {"id": UNIQUE, "nonce": UNIQUE, "effect": EFFECT, "link": LINK}
KEY_BYTES = 16
RUNS_MAX = 64  # after so many verifications of new entries alone, everything is read again
SUMMARY_BYTES_MAX = 64 * 1024 * 1024
_SUMMARY = "summary.json"


@dataclass(frozen=True)
class Records:
    """The records of the first ``size`` entries, in runs, and what those entries say of the log itself."""

    folder: Path
    size: int
    root: str
    latest_us: int  # the newest time among them, microseconds since 1970
    runs: tuple[tuple[str, int], ...]  # folder of each, and over how many parts its keys are spread
    carried: Scan

    def before(self, scans: Sequence[Scan], parts: int) -> list[Scan]:
        """Put what the old entries mean for the new ones before the scans of these."""
        segments = {
            (name, part): Segment(self._matching(name, [one.segments[name, part] for one in scans]))
            for name in KEPT
            for part in range(parts)
        }
        others = {place for one in scans for place in one.segments} - segments.keys()
        self.carried.segments = segments | {place: Segment() for place in others}
        at = self.size - 1
        for one in scans:
            if 0 <= at < len(one.times):
                one.times[at] = self.latest_us
            at -= len(one.times)
        return [self.carried, *scans]

    def _matching(self, name: str, new: Sequence[Segment]) -> bytes:
        """Find the old records of every key that occurs in ``new``, in the order of the log."""
        width = KEPT[name].size
        keys: set[bytes] = set()
        for data in (one.read() for one in new):
            keys.update(data[at : at + KEY_BYTES] for at in range(0, len(data), width))
        found: list[bytes] = []
        by_file: dict[Path, list[bytes]] = {}
        for run, parts in self.runs:
            for key in keys:
                by_file.setdefault(self.folder / run / f"{name}-{key[-1] % parts}", []).append(key)
        for path, wanted in by_file.items():
            found += _looked_up(path, wanted, width)
        found.sort(key=_index_of)
        return b"".join(found)


def _index_of(record: bytes) -> bytes:
    return record[KEY_BYTES : KEY_BYTES + 8]


def _looked_up(path: Path, keys: Sequence[bytes], width: int) -> Iterator[bytes]:
    """Find the records of each key in a sorted file. Raises UnusableState."""
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            if length % width:
                raise UnusableState(f"{path} is damaged: it ends within a record.")
            if length:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
                    for key in keys:
                        yield from _equal(held, key, width, length // width)
    except FileNotFoundError as gone:
        raise UnusableState(f"{path} is missing: verify without --incremental.") from gone


def _equal(held: mmap.mmap, key: bytes, width: int, count: int) -> Iterator[bytes]:
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if held[middle * width : middle * width + KEY_BYTES] < key:
            low = middle + 1
        else:
            high = middle
    while low < count and held[low * width : low * width + KEY_BYTES] == key:
        yield held[low * width : (low + 1) * width]
        low += 1


def folder_of(state: Path) -> Path:
    """Where the records lie that belong to a state file."""
    return state.with_name(f"{state.name}.records")


def recall(state: Path, seen: Sequence[Seen]) -> Records | None:
    """Read the records of a checkpoint that the state file remembers as verified; None if there are none.

    Raises UnusableState.
    """
    folder = folder_of(state)
    try:
        with (folder / _SUMMARY).open("rb") as file:
            told = json.loads(file.read(SUMMARY_BYTES_MAX))
        carried = _carried(told)
        runs = tuple((str(name), int(parts)) for name, parts in told["runs"])
        latest = int(told["latest"])
        kept = Records(folder, int(told["size"]), str(told["root"]), latest, runs, carried)
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as broken:
        raise UnusableState(f"{folder / _SUMMARY} is damaged: {broken!r:.120}") from broken
    known = any((one.checkpoint.size, one.checkpoint.root.hex()) == (kept.size, kept.root) for one in seen)
    if not known or not 0 < kept.size or len(runs) > RUNS_MAX:
        return None
    if any("/" in name or not name.isdigit() or not 0 < parts <= 256 for name, parts in runs):  # noqa: PLR2004
        raise UnusableState(f"{folder / _SUMMARY} names runs that cannot be.")
    return kept


def _carried(told: dict[str, Any]) -> Scan:
    """Rebuild what old entries say of the log itself."""
    scan = Scan(0)
    scan.genesis = dict(told["genesis"])
    scan.publications = [
        Publication(int(index), policy, apart) for index, policy, apart in told["publications"]
    ]
    scan.declarations = [
        Declaration(int(index), str(act), dict(data), int(time))
        for index, act, data, time in told["declarations"]
    ]
    scan.stops.extend(int(index) for index in told["stops"])
    scan.first_heartbeat = None if told["heartbeat"] is None else int(told["heartbeat"])
    return scan


@dataclass(frozen=True)
class Draft:
    """New records on their way: they count once ``keep`` has put the summary in its place."""

    folder: Path
    summary: dict[str, Any]

    def keep(self) -> None:
        """Let the records count, and delete those of runs that count no more."""
        # Crash here: the old summary counts with its runs; what was drafted is read anew next time.
        files.replace(
            self.folder / _SUMMARY, json.dumps(self.summary).encode(), self.folder, files.OWNER_ONLY
        )
        counted = {name for name, _ in self.summary["runs"]}
        for run in self.folder.iterdir():
            if run.is_dir() and run.name not in counted:
                shutil.rmtree(run)


def draft(
    state: Path,
    checkpoint: Checkpoint,
    old: Records | None,
    scans: Sequence[Scan],
    parts: int,
    spread: Callable[..., Any],
) -> Draft:
    """Write the records of the new entries beside those of the old. ``scans`` begin with what was carried."""
    folder = folder_of(state)
    run = folder / str(checkpoint.size)
    runs = [] if old is None else [list(one) for one in old.runs]
    if old is None or old.size < checkpoint.size:
        if run.exists():
            shutil.rmtree(run)  # of a verification that ended without a verdict
        files.make_directories(run)
        new = scans if old is None else scans[1:]
        work = [
            _Sorting([one.segments[name, part] for one in new], shape.size, run / f"{name}-{part}")
            for name, shape in KEPT.items()
            for part in range(parts)
        ]
        for _ in spread(_sort, work):
            pass
        runs.append([run.name, parts])
    heartbeats = [one.first_heartbeat for one in scans if one.first_heartbeat is not None]
    summary = {
        "declarations": [[d.index, d.act, d.data, d.time_us] for one in scans for d in one.declarations],
        "genesis": scans[0].genesis,
        "heartbeat": min(heartbeats, default=None),
        "latest": max((max(one.times, default=NO_TIME) for one in scans), default=NO_TIME),
        "publications": [[p.index, p.policy, p.apart] for one in scans for p in one.publications],
        "root": checkpoint.root.hex(),
        "runs": runs,
        "size": checkpoint.size,
        "stops": [index for one in scans for index in one.stops],
    }
    return Draft(folder, summary)


@dataclass(frozen=True)
class _Sorting:
    """Segments to sort into one file."""

    segments: list[Segment]
    width: int
    target: Path


def _sort(work: _Sorting) -> None:
    data = b"".join(one.read() for one in work.segments)
    records = sorted(data[at : at + work.width] for at in range(0, len(data), work.width))
    with work.target.open("wb") as file:
        file.write(b"".join(records))
        file.flush()
        os.fsync(file.fileno())
