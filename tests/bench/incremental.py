"""How long it takes to verify a log that has grown since: every byte is hashed again, only new entries are read.

Run by itself: `python -m tests.bench.incremental 10000000 --folder DIR`, which needs 10 GB of disk for the log and
3 GB for what the verifier keeps.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from audit.records import folder_of
from audit.report import Verdict
from audit.verify import verify
from tests.audit.logs import KEY, NOW

NEW_ENTRIES = 10_000


def measure(entries: int) -> dict[str, Any]:
    """Return the seconds of a first and of a second verification, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.incremental", str(entries)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _write(folder: Path, entries: int) -> None:
    """Write in a process of its own, so that its memory does not count."""
    command = [sys.executable, "-m", "tests.bench.verifier", str(entries), "--write", "--folder", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _verified(folder: Path, workers: int | None, *, incremental: bool = True) -> float:
    state = folder / "state.json" if incremental else None
    began = time.perf_counter()
    report = verify(
        folder / "log", KEY.verifier, now=NOW, workers=workers, state=state, incremental=incremental
    )
    assert report.verdict is Verdict.VERIFIED, report.lines()
    return round(time.perf_counter() - began, 2)


def _measure(folder: Path, entries: int, new: int, workers: int | None) -> dict[str, Any]:
    _write(folder, entries)
    first = _verified(folder, workers)
    _write(folder, entries + new)
    second = _verified(folder, workers)
    kept = folder_of(folder / "state.json").rglob("*-*")
    return {
        "entries": entries,
        "new_entries": new,
        "first_s": first,
        "incremental_s": second,
        "kept_bytes_per_entry": sum(path.stat().st_size for path in kept) // entries,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", type=int, help="a multiple of 4")
    parser.add_argument("--new", type=int, default=NEW_ENTRIES)
    parser.add_argument("--workers", type=int, help="as many as there are processors, unless given")
    parser.add_argument("--folder", type=Path, help="where log and memory lie, or are written to and stay")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-incremental-") as temporary:
        folder = asked.folder or Path(temporary)
        print(json.dumps(_measure(folder, asked.entries, asked.new, asked.workers)))


if __name__ == "__main__":
    _main()
