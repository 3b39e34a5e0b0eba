"""The offline verifier: decides from the files and a public key alone whether the log is whole.

The rules of trust:
- Only the pinned key is believed; everything else is recomputed.
- What is missing makes the verdict INCOMPLETE; what is contradicted makes it TAMPERED.
- The level is the one that leaf 0 states, and no check of that level is skipped silently.
- Entries beyond the signed size are lawful (not yet signed) and are reported.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import history, memory, opening, receipt, reconcile, records, rhythm, tiles
from audit.checkpoint import Checkpoint
from audit.cosignature import CosignerKey
from audit.note import VerifierKey
from audit.opening import Opened
from audit.policy import LogPolicy, MalformedPolicy
from audit.report import Progress, Report, Verdict
from audit.rows import MalformedRows
from audit.scan import RANGE_BUNDLES, STREAMS, Declaration, Scan, Task, climb, scan

PARTS_MAX = 64
BUNDLES_PER_FILE_MAX = 4  # a log with fewer files than that is not searched through for the others
WORKERS_MAX = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHAIN_CHECKS = frozenset(("V13", "V16", "V17"))
_ENTRY_CHECKS = frozenset(("V7", "V9", "V10", "V11", "V12", "V14"))
_CONTENT_CHECKS = ("V9", "V10", "V11", "V12", "V13", "V14", "V15", "V16", "V17", "V27")


@dataclass(frozen=True)
class Asked:
    """How a verification is done, beside what the caller pins."""

    now: datetime | None
    workers: int | None
    tree_only: bool
    rows: Path | None
    kept: records.Records | None = None  # of entries that an earlier verification read
    keep: Path | None = None  # the state file beside which this one keeps its own


def verify(
    directory: Path,
    key: VerifierKey | Ed25519PublicKey,
    *,
    state: Path | None = None,
    level: str | None = None,
    receipts: Sequence[Mapping[str, Any]] = (),
    witnesses: Sequence[CosignerKey] = (),
    now: datetime | None = None,
    workers: int | None = None,
    tree_only: bool = False,
    rows: Path | None = None,
    incremental: bool = False,
) -> Report:
    """Verify the log in ``directory`` against the public ``key`` of its signer.

    ``state`` is this verifier's own memory, extended if the verdict is VERIFIED; ``level`` is the
    least level the caller accepts; ``witnesses`` are those the caller pins instead of believing
    leaf 0; ``now`` and ``workers`` are the machine's unless given. ``tree_only`` recomputes the tree
    and reads no entry but the first, so that the verdict is never VERIFIED. ``rows`` is a file of all business rows,
    exported from the database, to be held against the entries. ``incremental`` keeps records beside ``state`` and
    reads only entries that no earlier verification read; every byte is hashed all the same.
    Raises memory.UnusableState, and OSError if the files cannot be read for another reason than
    that they are missing. Beyond 65,536 entries it needs about 250 bytes of temporary disk space
    for each.
    """
    progress = Progress()
    assert state is not None or not incremental, "what is kept lies beside the state"
    opened = opening.open_checkpoint(directory, key, progress)
    if opened is None:
        return progress.report()
    checkpoint = opened.checkpoint
    seen = None if state is None else memory.recall(state, checkpoint.origin)
    asked = Asked(now, workers, tree_only, rows)
    if incremental and state is not None and seen is not None and rows is None and not tree_only:
        asked = replace(asked, kept=_kept(state, seen, checkpoint, progress), keep=state)
    promises = [found for found in (_promise(one, opened, progress) for one in receipts) if found]
    scans, complete, draft = _verify_log(directory, checkpoint, promises, asked, progress)
    policy = _check_genesis(scans, checkpoint, level, progress)
    reader = tiles.TileReader(directory)
    declarations = [told for found in scans for told in found.declarations]
    opening.check_ring(opened, policy, declarations, reader, complete, progress)
    opening.check_witnesses(opened, policy, witnesses, now, progress)
    if not tree_only:
        _check_rhythm(scans, policy, complete, progress)
        _check_recoveries(declarations, reader, checkpoint.size, complete, progress)
    if seen is not None:
        progress.ran |= {"V5", "V25"}
        progress.findings += memory.compare(seen, checkpoint, reader)
    beyond = tiles.written_size(directory) - checkpoint.size
    if beyond > 0:
        progress.remarks.append(f"{beyond} entries lie beyond the signed size; nobody vouches for them yet.")
    report = progress.report(checkpoint.size, checkpoint.root)
    if state is not None and seen is not None and report.verdict is Verdict.VERIFIED:
        memory.remember(state, seen, checkpoint, opened.note)
        if draft is not None:
            draft.keep()
    return report


def _kept(
    state: Path, seen: list[memory.Seen], checkpoint: Checkpoint, progress: Progress
) -> records.Records | None:
    """Find what an earlier verification keeps of this log, unless the log has become shorter."""
    kept = records.recall(state, seen)
    if kept is None or kept.size > checkpoint.size:
        return None
    progress.remarks.append(
        f"The first {kept.size} entries were read by an earlier verification; now they were hashed again, and "
        f"{checkpoint.size - kept.size} read."
    )
    return kept


def _verify_log(
    directory: Path,
    checkpoint: Checkpoint,
    promises: Sequence[receipt.Promise],
    asked: Asked,
    progress: Progress,
) -> tuple[list[Scan], bool, records.Draft | None]:
    """Recompute the tree and read all entries (V6 to V17, V20); tell whether every one could be read."""
    bundles = -(-checkpoint.size // tiles.WIDTH)
    held = sum(len(names) for _, _, names in os.walk(directory / "tile" / "entries"))
    if bundles > BUNDLES_PER_FILE_MAX * (held + RANGE_BUNDLES):
        sentence = f"The log should have {bundles} bundles; its directory has {held} files for them."
        progress.find("V8", sentence, missing=True)
        return [], False, None
    ranges = -(-bundles // RANGE_BUNDLES)
    wanted = frozenset(promise.leaf for promise in promises)
    with ExitStack() as stack:
        spill, spread = _workforce(ranges, asked.workers, stack)
        parts = 1 if spill is None else PARTS_MAX
        tasks = [
            Task(
                directory,
                first,
                min(RANGE_BUNDLES, bundles - first),
                checkpoint.size,
                parts,
                wanted,
                spill,
                asked.tree_only,
                asked.rows is not None,
                0 if asked.kept is None else asked.kept.size,
            )
            for first in range(0, bundles, RANGE_BUNDLES)
        ]
        scans: list[Scan] = list(spread(scan, tasks))
        complete = _check_tree(directory, checkpoint, scans, progress)
        if asked.tree_only:
            _leave_out(progress, rows=asked.rows is not None)
            return scans, False, None
        if asked.kept is not None:
            scans = asked.kept.before(scans, parts)
        _check_history(scans, parts, complete, spread, progress)
        if asked.rows is not None:
            _check_rows(
                Rows(asked.rows, directory, checkpoint, spill), scans, parts, complete, spread, progress
            )
        draft = None
        if asked.keep is not None and complete and not progress.findings:
            draft = records.draft(asked.keep, checkpoint, asked.kept, scans, parts, spread)
    latest = _check_times(scans, asked.now, progress)
    _check_promises(promises, scans, latest, progress)
    return scans, complete, draft


def _leave_out(progress: Progress, *, rows: bool) -> None:
    """Say of each check of the content that it was left out on demand."""
    for number in (*_CONTENT_CHECKS, "V22") if rows else _CONTENT_CHECKS:
        progress.find(number, "left out: only the tree was asked for", missing=True)
    if "V20" in progress.ran:
        progress.find("V20", "left out: only the tree was asked for", missing=True)


def _workforce(ranges: int, workers: int | None, stack: ExitStack) -> tuple[Path | None, Any]:
    """Where records go and who works: this process for a small log, several for a large one."""
    if ranges <= 1:
        return None, map
    spill = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audit-verify-")))
    count = min(ranges, WORKERS_MAX, workers or len(os.sched_getaffinity(0)))
    if count == 1:
        return spill, map
    # Fresh processes: the caller may have threads, whose locks a fork would copy as they stand.
    context = multiprocessing.get_context("spawn")
    pool = stack.enter_context(ProcessPoolExecutor(count, mp_context=context))
    return spill, pool.map


def _check_tree(directory: Path, checkpoint: Checkpoint, scans: list[Scan], progress: Progress) -> bool:
    """Compare the recomputed root with the signed one; tell whether every entry could be read."""
    root, above = climb(directory, scans)
    for found in (*scans, above):
        progress.findings += found.findings.values()
    progress.ran |= {"V6", "V8"}
    if root is not None and root != checkpoint.root:
        sentence = f"The leaves give the root {root.hex()}; signed is {checkpoint.root.hex()}."
        progress.find("V6", sentence)
    if all(found.bundles_complete for found in scans):
        progress.ran |= _ENTRY_CHECKS
    else:
        for number in sorted(_ENTRY_CHECKS):
            progress.find(number, "could not run for the bundles that cannot be read", missing=True)
    return all(found.bundles_complete and found.entries_complete for found in scans)


def _check_history(
    scans: list[Scan],
    parts: int,
    complete: bool,  # noqa: FBT001
    spread: Any,
    progress: Progress,
) -> None:
    """Check what entries say together (V12, V13, V16, V17)."""
    publications = [published for found in scans for published in found.publications]
    reigns, findings = history.read_reigns(publications)
    by_place = {
        (name, part): [found.segments[name, part] for found in scans]
        for name in STREAMS
        for part in range(parts)
    }
    work = [
        history.Part(
            ids=by_place["id", part],
            nonces=by_place["nonce", part],
            effects=by_place["effect", part],
            links=by_place["link", part],
            reigns=reigns,
            complete=complete,
        )
        for part in range(parts)
    ]
    progress.findings += findings
    for found in spread(history.examine, work):
        progress.findings += found
    if complete:
        progress.findings += history.unknown_policies(scans, publications)
        progress.findings += history.unknown_schemas([told for found in scans for told in found.declarations])
        progress.ran |= _CHAIN_CHECKS


@dataclass(frozen=True)
class Rows:
    """A file of business rows, and the log it is held against."""

    path: Path
    directory: Path
    checkpoint: Checkpoint
    spill: Path | None


def _check_rows(
    held: Rows,
    scans: list[Scan],
    parts: int,
    complete: bool,  # noqa: FBT001
    spread: Any,
    progress: Progress,
) -> None:
    """Reconcile every business row with the last entry on it (V22)."""
    if not complete:
        progress.find("V22", "could not run for the entries that cannot be read", missing=True)
        return
    try:
        exported = reconcile.read(held.path, parts)
    except MalformedRows as malformed:
        progress.find("V22", str(malformed))
        return
    header, size = exported.header, held.checkpoint.size
    if header.origin != held.checkpoint.origin:
        progress.find("V22", f"The rows are of {header.origin!r:.80}, the log is {held.checkpoint.origin}.")
        return
    if header.reach > size:
        sentence = (
            f"The rows reach entry {header.reach}, the signed log {size}: verify with a newer copy of it."
        )
        progress.find("V22", sentence, missing=True)
        return
    if header.reach - header.size > reconcile.UNPLACED_MAX:
        sentence = (
            f"The rows have surely seen {header.size} entries of {header.reach}: that is too few to judge by."
        )
        progress.find("V22", sentence, missing=True)
    if held.spill is not None:
        exported.put_away(held.spill / "rows")
    work = [
        reconcile.Part(
            after=[found.segments["after", part] for found in scans],
            vouchers=[found.segments["voucher", part] for found in scans],
            rows=exported.segment("row", part),
            movements=exported.segment("movement", part),
            size=header.size,
        )
        for part in range(parts)
    ]
    flaws = [flaw for found in spread(reconcile.examine, work) for flaw in found]
    flaws.sort(key=lambda flaw: (flaw.index is None, flaw.index or 0, flaw.line or 0))
    reader = tiles.TileReader(held.directory)
    progress.findings += reconcile.named(flaws[: reconcile.FLAWS_MAX], held.path, reader, size)
    progress.ran.add("V22")
    sentence = f"The business rows are those after the first {header.size} of {size} entries; of later ones they say nothing."
    progress.remarks.append(sentence)


def _check_times(scans: list[Scan], now: datetime | None, progress: Progress) -> datetime | None:
    """Check the order of times (V14); return the newest, None for a log without entries."""
    moment = now or datetime.now(UTC)  # noqa: TID251 - no clock of ours out here
    now_us = (moment - _EPOCH) // timedelta(microseconds=1)
    findings, latest = history.misplaced_times((found.times for found in scans), now_us)
    progress.findings += findings
    return None if latest < 0 else _EPOCH + timedelta(microseconds=latest)


def _check_rhythm(
    scans: Sequence[Scan],
    policy: LogPolicy | None,
    complete: bool,  # noqa: FBT001
    progress: Progress,
) -> None:
    """Look for unexplained silence, if the log promises heartbeats or has them (V15)."""
    first = min((one.first_heartbeat for one in scans if one.first_heartbeat is not None), default=None)
    promised = None if policy is None else policy.heartbeat_seconds
    if promised is None and first is None:
        return
    if not complete:
        progress.find("V15", "could not run for the entries that cannot be read", missing=True)
        return
    progress.ran.add("V15")
    seconds = promised or rhythm.HEARTBEAT_SECONDS
    start = 0 if promised or first is None else first
    stops = sorted(index for found in scans for index in found.stops)
    progress.findings += rhythm.silences((found.times for found in scans), start, seconds, stops)


def _check_recoveries(
    declarations: Sequence[Declaration],
    reader: tiles.TileReader,
    size: int,
    complete: bool,  # noqa: FBT001
    progress: Progress,
) -> None:
    """Hold what entries declare about stops and recoveries against the log (V27)."""
    told = [
        one
        for one in declarations
        if one.act == "log.recover" or (one.act == "log.restart" and "size" in one.data)
    ]
    progress.findings += rhythm.recoveries(told, reader, size)
    if told and complete:
        progress.ran.add("V27")
    elif not complete:
        progress.find("V27", "could not run for the entries that cannot be read", missing=True)


def _promise(one: Mapping[str, Any], opened: Opened, progress: Progress) -> receipt.Promise | None:
    """Read a receipt to hold against the log; a forged one says nothing about the log."""
    progress.ran.add("V20")
    vkey = (
        receipt.responsible(one, opened.log_keys) or opened.pinned
    )  # the pinned one refuses what is not its own
    try:
        promise = receipt.check(one, vkey, None)
    except (receipt.MalformedReceipt, receipt.ForgedReceipt) as worthless:
        progress.find("V20", f"A receipt proves nothing: {worthless}", missing=True)
        return None
    if promise.origin != vkey.name:
        progress.find("V20", f"A receipt is of another log, {promise.origin}.", missing=True)
        return None
    return promise


def _check_promises(
    promises: Sequence[receipt.Promise],
    scans: list[Scan],
    latest: datetime | None,
    progress: Progress,
) -> None:
    """Find receipts whose entry the log should hold by now and does not (V20)."""
    held = {leaf for found in scans for leaf in found.found}
    for promise in promises:
        if promise.leaf in held:
            continue
        if latest is not None and latest > promise.deadline:
            sentence = f"Entry {promise.entry} was promised by {promise.deadline}; the log is at {latest}."
            progress.find("V20", sentence)
        else:
            sentence = f"Entry {promise.entry} is not there; the log does not reach its deadline yet."
            progress.find("V20", sentence, missing=True)


def _check_genesis(
    scans: list[Scan],
    checkpoint: Checkpoint,
    demanded: str | None,
    progress: Progress,
) -> LogPolicy | None:
    """Read the policy and the origin out of leaf 0 (V2) and hold the level against the demand."""
    genesis = scans[0].genesis if scans else None
    if genesis is None:
        sentence = "Leaf 0, which states the origin and the level, cannot be read."
        progress.find("V2", sentence, index=0, missing=True)
        return None
    data = genesis.get("data", {})
    if genesis["act"] != "log.genesis":
        progress.find("V2", "Leaf 0 is not a genesis that states a level.", index=0)
        return None
    if data.get("origin") != checkpoint.origin:
        sentence = f"Leaf 0 is of {data.get('origin')!r:.80}, the checkpoint of {checkpoint.origin}."
        progress.find("V2", sentence, index=0)
    try:
        policy = LogPolicy.parse(data)
    except MalformedPolicy as malformed:
        progress.find(malformed.check, str(malformed), index=0)
        return None
    progress.level = policy.level
    if policy.nodes_certified:
        progress.find(
            "V18", "Leaf 0 says that nodes are certified; this verifier cannot check it.", missing=True
        )
    if demanded is not None and policy.level < demanded:
        sentence = f"The log is {policy.level} by its own policy; {demanded} was demanded."
        progress.find("V2", sentence, missing=True)
    return policy
