"""How fast the offline verifier is: entries a second and core, the tree only and in full.

Run by itself: `python -m tests.bench.verifier 100000`, or `10000000 --rounds 1`, which needs 10 GB of disk. It counts the seconds of the processor, so
that what else the machine does counts less; the walls' seconds are told beside.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit import note, tiles
from audit.checkpoint import Checkpoint
from audit.entry import encode, leaf_hash, timestamp
from audit.report import Verdict
from audit.verify import verify
from tests.audit.logs import APART, KEY, NOW, ORIGIN, POLICY, START

ROUNDS = 5  # the best of them counts: the others were disturbed
WRITE_AT_ONCE = 4096
_SHORT = "sha256:" + "5e" * 32


def measure(entries: int) -> dict[str, Any]:
    """Verify a new log of ``entries`` in a process of its own, with one worker.

    The rates are per second of one core; the memory is the most that the process held, in MB.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.verifier", str(entries)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write_log(directory: Path, entries: int) -> int:
    """Write or extend, and sign, a lawful log: deals captured, verified and settled by three people; return its bytes.

    What is there already holds whole deals, four entries each.
    """
    writer = tiles.TileWriter(directory)
    revs: dict[tuple[str, str], tuple[int, str]] = {}
    written = 0
    for first in range(writer.size, entries, WRITE_AT_ONCE):
        batch = [_entry(number, revs) for number in range(first, min(first + WRITE_AT_ONCE, entries))]
        written += sum(map(len, batch))
        writer.extend(first, batch)
    signed = note.sign(str(Checkpoint(ORIGIN, writer.size, writer.root())), KEY)
    (directory / "checkpoint").write_bytes(signed)
    return written


# One deal in four entries: act, person, the kinds of object it changes.
_STEPS = (
    ("trade.capture", "trader", "front_office", ("trade",)),
    ("trade.verify", "verifier", "back_office", ("control",)),
    ("trade.confirm", "verifier", "back_office", ("control",)),
    ("settlement.instruct", "settler", "settlement", ("settlement", "control")),
)


def _entry(number: int, revs: dict[tuple[str, str], tuple[int, str]]) -> bytes:
    """Make one entry as the service writes it: some 900 bytes, with data and effects."""
    act, who, office, kinds = _STEPS[number % 4]
    deal = f"0197a3c2-{number // 4 >> 16:04x}-7{number // 4 >> 4 & 0xFFF:03x}-8000-{number // 4:012x}"
    entry: dict[str, Any] = {
        "act": act,
        "actor": {
            "account": f"0197a3c2-0000-7000-8000-{len(who):012x}",
            "board": "B1",
            "office": office,
            "person": f"p:{who}",
            "roles": [who],
            "unit": "u:fx",
        },
        "data": {"currency": "EUR", "notional": f"{number + 1}000.00", "rate": "1.08350", "state": "due"},
        "decision": {"id": f"d-{number}", "outcome": "allow", "policy": POLICY, "rules": ["P-17", "D-01"]},
        "eff": [],
        "id": f"0197a3c2-{number >> 16:04x}-7000-9000-{number:012x}",
        "links": {"item": f"i-{number}", "trade": deal},
        "nonce": f"{number + 2**120:032x}",
        "req": f"r-{number}",
        "ts": timestamp(START + (NOW - START) * (number / 2**26)),
        "v": 1,
    }
    if number == 0:
        rules = {"apart": APART, "policy": POLICY}
        entry |= {"act": "log.genesis", "data": {"level": "L1", "origin": ORIGIN} | rules}
        return encode(entry)
    for kind in kinds:
        rev, leaf = revs.get((kind, deal), (0, ""))
        effect = {"after": _SHORT, "id": deal, "kind": kind, "rev": rev + 1}
        entry["eff"].append(effect | {"prev": leaf} if rev else effect)
    line = encode(entry)
    for effect in entry["eff"]:
        revs[effect["kind"], deal] = effect["rev"], leaf_hash(line).hex()
    if number % 4 == 3:
        for kind in ("trade", "control", "settlement"):
            revs.pop((kind, deal), None)
    return line


def _verified(directory: Path, workers: int, *, tree_only: bool) -> tuple[float, float]:
    """Verify once; return the seconds of the processor, of all workers together, and those of the wall."""
    wall, processor = time.perf_counter(), _processor_seconds()
    report = verify(directory, KEY.verifier, now=NOW, workers=workers, tree_only=tree_only)
    spent = _processor_seconds() - processor, time.perf_counter() - wall
    wanted = Verdict.INCOMPLETE if tree_only else Verdict.VERIFIED
    assert report.verdict is wanted, report.lines()
    return spent


def _processor_seconds() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _hashed(directory: Path) -> tuple[float, float]:
    """Only hash, as often as the tree needs: seconds per entry that no verifier in Python can do without."""
    paths = sorted(directory.glob("tile/entries/[0-9][0-9][0-9]"))[:40]
    lines = [line for path in paths for line in tiles.unframe(path.read_bytes(), tiles.WIDTH)]
    wall, processor = time.perf_counter(), time.process_time()
    leaves = [sha256(b"\x00" + line).digest() for line in lines]
    nodes = [sha256(b"\x01" + leaf + leaf).digest() for leaf in leaves]
    spent = time.process_time() - processor, time.perf_counter() - wall
    assert len(nodes) == len(lines)
    return spent[0] / len(lines), spent[1] / len(lines)


def _measure(log: Path, entries: int, rounds: int, workers: int) -> dict[str, Any]:
    found: dict[str, Any] = {"entries": entries, "workers": workers}
    bundles = (log / "tile" / "entries").rglob("*")
    found["entry_bytes"] = sum(p.stat().st_size for p in bundles if p.is_file()) // entries
    tree, full, hashed = [], [], []
    for _ in range(rounds):  # interleaved: a disturbance meets all three
        tree.append(_verified(log, workers, tree_only=True))
        full.append(_verified(log, workers, tree_only=False))
        hashed.append(tuple(seconds * entries for seconds in _hashed(log)))
    for name, times in (("tree_only", tree), ("full", full), ("hashes_alone", hashed)):
        found[f"{name}_per_second"] = round(entries / min(one[0] for one in times))
        found[f"{name}_per_second_wall"] = round(entries / min(one[1] for one in times))
    own, child = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    found["peak_memory_mb"] = round(own, 1)
    if workers > 1:  # at most: not all of them are at their most at the same time
        found["peak_memory_mb_with_workers"] = round(own + workers * child, 1)
    return found


def _main(asked: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-verifier-") as temporary:
        folder = asked.folder or Path(temporary)
        if asked.write:
            write_log(folder / "log", asked.entries)
            return
        if not (folder / "log" / "checkpoint").exists():
            # Written in a process of its own, so that its memory does not count.
            command = [sys.executable, "-m", "tests.bench.verifier", str(asked.entries), "--write"]
            subprocess.run([*command, "--folder", str(folder)], check=True, stdout=subprocess.DEVNULL)
        print(json.dumps(_measure(folder / "log", asked.entries, asked.rounds, asked.workers)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", type=int)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the log lies, or is written to and stays")
    parser.add_argument("--write", action="store_true", help="only write the log")
    _main(parser.parse_args())
