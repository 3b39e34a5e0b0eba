"""The offline verification of an evidence pack: some entries of a log, each proved to stand in it.

The rules of trust are those of ``verify``. What only the whole log can show is named as not part of a pack,
never as fine; a pack of the whole log is verified like the log itself.
"""

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import contents, history, merkle, opening, pack, replay, rows, tiles
from audit.checkpoint import Checkpoint
from audit.contents import Contents
from audit.cosignature import CosignerKey
from audit.merkle import MalformedProof, verify_inclusion
from audit.note import VerifierKey
from audit.opening import Opened
from audit.pack import BrokenPack, Manifest, Scope
from audit.policy import LogPolicy, MalformedPolicy
from audit.ranges import root_from_range
from audit.report import Check, Finding, Progress, Report, Status
from audit.tiles import MissingTile, TileReader
from audit.verify import verify

OF_THE_WHOLE_LOG = frozenset(("V5", "V6", "V8", "V15", "V20", "V24", "V25", "V27"))
OWN_WORD = (
    "Who asked, the cover sheet and the enclosed verifier are the pack's own word; "
    "the entry of the export, later in the log, names the SHA-256 of the whole file."
)
_ENTRY = re.compile(r"entries/([0-9]+)\.json")


@dataclass(frozen=True)
class Asked:
    """What the caller demands of a pack, beside its key."""

    level: str | None
    witnesses: Sequence[CosignerKey]
    now: datetime | None


@dataclass(frozen=True)
class Proofs:
    """What proofs.json holds: ways from single entries to the root, and what is beside a range."""

    single: dict[int, list[bytes]]
    left: list[bytes]
    right: list[bytes]
    earlier: dict[int, list[bytes]]  # consistency with the sizes at which the key ring grew


class _Roots(TileReader):
    """The roots of earlier sizes, as far as the pack proves them."""

    def __init__(self, opened: Opened, earlier: dict[int, list[bytes]]) -> None:
        super().__init__(_no_files)
        now = opened.checkpoint
        steps = () if opened.ring is None else opened.ring.steps
        self._proved = {
            step.at.size: step.at.root
            for step in steps
            if merkle.verify_consistency(
                step.at.size, step.at.root, now.size, now.root, earlier.get(step.at.size, [])
            )
        }

    def root(self, size: int, within: int | None = None) -> bytes:
        if size not in self._proved:
            raise MissingTile(f"the pack does not prove it to be one of the log of {within}")
        return self._proved[size]


def _no_files(path: str) -> bytes:
    raise FileNotFoundError(path)


def verify_bundle(
    path: Path,
    key: VerifierKey | Ed25519PublicKey,
    *,
    level: str | None = None,
    witnesses: Sequence[CosignerKey] = (),
    now: datetime | None = None,
) -> Report:
    """Verify the evidence pack at ``path`` against the public ``key`` of the log it is from.

    ``level``, ``witnesses`` and ``now`` are as for ``verify``. Raises OSError if the file cannot be read. It needs
    temporary disk space of twice the size of the pack.
    """
    progress = Progress()
    asked = Asked(level, witnesses, now)
    with tempfile.TemporaryDirectory(prefix="audit-pack-") as folder:
        directory = Path(folder)
        try:
            manifest, wrong = pack.unpack(path, directory)
            progress.ran.add("V26")
            for sentence in wrong:
                progress.find("V26", sentence)
            return _check_pack(directory, manifest, key, asked, progress)
        except BrokenPack as broken:
            progress.find("V26", str(broken), missing=broken.missing)
        except RecursionError:
            progress.find("V26", "A file of the pack is nested too deep to be one of a pack.")
    return progress.report()


def _check_pack(
    directory: Path,
    manifest: Manifest,
    key: VerifierKey | Ed25519PublicKey,
    asked: Asked,
    progress: Progress,
) -> Report:
    """Go from the checkpoint to the entries it signs, and from the entries to what they vouch for."""
    opened = opening.open_checkpoint(directory, key, progress)
    if opened is None:
        return progress.report()
    checkpoint = opened.checkpoint
    said = (manifest.origin, manifest.size, manifest.root)
    if said != (checkpoint.origin, checkpoint.size, checkpoint.root.hex()):
        progress.find("V26", f"The manifest is of {said}; the checkpoint signs another state of the log.")
    indices = [int(name[1]) for one in manifest.files if (name := _ENTRY.fullmatch(one.name))]
    found = Contents(manifest.scope, progress, sorted(indices))
    if manifest.scope.kind == "report":
        _read_report(directory, found)
    contents.read(directory, found)
    proofs = _read_proofs(directory)
    _check_places(checkpoint, proofs, found)
    policy = _check_genesis(found, checkpoint, asked.level)
    opening.check_ring(
        opened, policy, found.declarations, _Roots(opened, proofs.earlier), found.complete, progress
    )
    opening.check_witnesses(opened, policy, asked.witnesses, asked.now, progress)
    contents.check_times(found, asked.now or datetime.now(UTC))  # noqa: TID251 - the verifier's own clock
    _check_policies(directory, manifest, found)
    if found.complete:
        contents.check_decisions(found)
        contents.check_chains(found)
        contents.check_together(found)
    _check_rows(directory, found)
    _check_documents(manifest, found)
    if _is_whole(manifest.scope, checkpoint):
        _check_as_log(directory, found, key, asked)
        progress.remarks.append(OWN_WORD)
        return progress.report(checkpoint.size, checkpoint.root)
    sentence = (
        f"The pack shows {len(indices)} of the {checkpoint.size} entries and says nothing about the others."
    )
    progress.remarks += [sentence, OWN_WORD]
    return _without_the_rest(progress, progress.report(checkpoint.size, checkpoint.root))


def _without_the_rest(progress: Progress, report: Report) -> Report:
    """Name what only the whole log can show."""
    found = {finding.check for finding in progress.findings} | progress.ran

    def told(check: Check) -> Check:
        if check.number in found or check.number not in OF_THE_WHOLE_LOG:
            return check
        return replace(check, status=Status.NOT_PART, sentence="a pack cannot show it: verify the log itself")

    return replace(report, checks=tuple(map(told, report.checks)))


def _read_report(directory: Path, found: Contents) -> None:
    """Read which entries the report stands on (V26): those are in the pack, and beside them only everybody's grounds."""
    told, scope = pack.read_json(directory / pack.REPORT), found.scope
    try:
        same = (told["report"], told["on"]) == (scope.report, scope.on)
        facts = frozenset(index for index in told["facts"] if type(index) is int)
    except (KeyError, TypeError):
        same, facts = False, frozenset()
    if not same:
        found.progress.find("V26", "The report in the pack is not the one the manifest names.")
    found.listed = facts
    for index in sorted(facts - set(found.indices))[:1]:
        sentence = f"The report stands on entry {index}, which is not in the pack."
        found.progress.find("V26", sentence, index=index, missing=True)


# Places --------------------------------------------------------------------------------------------


def _read_proofs(directory: Path) -> Proofs:
    told = pack.read_json(directory / pack.PROOFS)
    try:
        run = {side: _hashes(hashes) for side, hashes in told.get("range", {}).items()}
        return Proofs(
            single={int(index): _hashes(path) for index, path in told["inclusion"].items()},
            left=run.get("left", []),
            right=run.get("right", []),
            earlier={int(size): _hashes(path) for size, path in told.get("consistency", {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as broken:
        raise BrokenPack(f"{pack.PROOFS} has not its form: {broken!r:.120}.") from broken


def _hashes(listed: Any) -> list[bytes]:
    return [bytes.fromhex(one) for one in listed]


def _check_places(checkpoint: Checkpoint, proofs: Proofs, found: Contents) -> None:
    """Prove each entry to stand at its index (V7), and the range to be whole (V26)."""
    size, root, progress, scope = checkpoint.size, checkpoint.root, found.progress, found.scope
    progress.ran.add("V7")
    in_range = range(scope.first, scope.end) if scope.kind == "period" else range(0)
    for index, leaf in found.leaves.items():
        if index in in_range:
            continue
        if not verify_inclusion(leaf, index, size, proofs.single.get(index, []), root):
            progress.find("V7", f"Entry {index} is not proved to stand in the log.", index=index)
    if not in_range:
        return
    leaves = (found.leaves[index] for index in in_range if index in found.leaves)
    try:
        computed = root_from_range(leaves, scope.first, scope.end, size, proofs.left, proofs.right)
    except MalformedProof as broken:
        absent = next((index for index in in_range if index not in found.leaves), None)
        progress.find("V26", f"The range is not whole: {broken}", index=absent)
        return
    if computed != root:
        sentence = f"The entries from {scope.first} up to {scope.end} are not those that the log holds there."
        progress.find("V7", sentence, index=scope.first)


def _is_whole(scope: Scope, checkpoint: Checkpoint) -> bool:
    return scope.kind == "period" and scope.first == 0 and scope.end == checkpoint.size


def _check_as_log(
    directory: Path, found: Contents, key: VerifierKey | Ed25519PublicKey, asked: Asked
) -> None:
    """Write the entries of a pack of the whole log as the log they are, and verify that."""
    writer = tiles.TileWriter(directory)
    try:
        for first in range(found.scope.first, found.scope.end, tiles.WIDTH):
            indices = range(first, min(first + tiles.WIDTH, found.scope.end))
            writer.extend(first, [contents.bytes_of(directory, index) for index in indices])
    except (FileNotFoundError, tiles.ConflictingEntry) as gone:
        found.progress.find("V26", f"The pack does not hold the whole range it is of: {gone}.")
    report = verify(directory, key, level=asked.level, witnesses=asked.witnesses, now=asked.now, workers=1)
    for check in report.checks:
        if check.status is Status.OK:
            found.progress.ran.add(check.number)
        elif check.status in (Status.FAILED, Status.MISSING):
            missing = check.status is Status.MISSING
            found.progress.findings.append(Finding(check.number, check.index, check.sentence, missing))


# Grounds -------------------------------------------------------------------------------------------


def _check_genesis(found: Contents, checkpoint: Checkpoint, demanded: str | None) -> LogPolicy | None:
    """Read the promises of the log out of leaf 0, which every pack holds (V2)."""
    progress = found.progress
    if found.genesis is None:
        sentence = "Leaf 0, which states the origin and the level, is not in the pack."
        progress.find("V2", sentence, index=0, missing=True)
        return None
    data = found.genesis.get("data", {})
    if found.genesis["act"] != "log.genesis":
        progress.find("V2", "Leaf 0 is not a genesis that states a level.", index=0)
        return None
    try:
        policy = LogPolicy.parse(data)
    except MalformedPolicy as malformed:
        progress.find(malformed.check, str(malformed), index=0)
        return None
    progress.level = policy.level
    if data.get("origin") != checkpoint.origin:
        sentence = f"Leaf 0 is of {data.get('origin')!r:.80}, the checkpoint of {checkpoint.origin}."
        progress.find("V2", sentence, index=0)
    if demanded is not None and policy.level < demanded:
        sentence = f"The log is {policy.level} by its own policy; {demanded} was demanded."
        progress.find("V2", sentence, missing=True)
    if policy.nodes_certified:
        progress.find(
            "V18", "Leaf 0 asks for certified nodes; this verifier cannot check them.", missing=True
        )
    return policy


def _check_policies(directory: Path, manifest: Manifest, found: Contents) -> None:
    """Every decision names a policy published before it, and every policy text hashes to a published one (V17)."""
    found.progress.ran.add("V17")
    published: dict[str, int] = {}
    for publication in found.publications:
        if isinstance(publication.policy, str):
            published.setdefault(publication.policy, publication.index)
    for policy, index in found.policies.items():
        if published.get(policy, index + 1) > index:
            found.progress.find(
                "V17",
                f"Entry {index} was decided by {policy}, which no entry up to it publishes.",
                index=index,
            )
    found.progress.findings += history.unknown_schemas(found.declarations)
    texts = {one.name.split("/")[1] for one in manifest.files if one.name.startswith("policies/")}
    for version in sorted(texts):
        try:
            hashed = policy_version(directory / "policies" / version)
        except FileNotFoundError as gone:
            found.progress.find(
                "V17", f"Policy {version} lacks {Path(str(gone.filename)).name}.", missing=True
            )
            continue
        if hashed != f"sha256:{version}" or hashed not in published:
            found.progress.find(
                "V17",
                f"The policy texts in {version} hash to {hashed}, which no entry of the pack publishes.",
            )
        elif hashed in found.rules:
            _check_told(directory / "policies" / version, *found.rules[hashed], found)
    lacking = sorted(set(found.policies) & set(published) - {f"sha256:{version}" for version in texts})
    found.progress.remarks += [f"The pack lacks the texts of policy {version}." for version in lacking]


def _check_told(folder: Path, index: int, told: replay.Rules, found: Contents) -> None:
    """The entry that published a policy must say what its texts say."""
    try:
        read = replay.read_texts(folder)
    except replay.UnreadableRules as unreadable:
        found.progress.find("V17", f"The texts of policy {folder.name}: {unreadable}", index=index)
        return
    if read != told:
        sentence = f"Entry {index} tells other rules than the texts of the policy it publishes."
        found.progress.find("V17", sentence, index=index)


def policy_version(directory: Path) -> str:
    """Hash the files of a policy as its version is made: over names, lengths and bytes."""
    digest = hashlib.sha256()
    for file in pack.POLICY_FILES:
        content = (directory / file).read_bytes()
        digest.update(f"{file}\n{len(content)}\n".encode("ascii") + content)
    return f"sha256:{digest.hexdigest()}"


def _check_rows(directory: Path, found: Contents) -> None:
    """Hold the business rows of a pack against its entries (V22); a pack of a period has none."""
    told = pack.read_json(directory / pack.ROWS)
    try:
        held = rows.parse(told)
    except rows.MalformedRows as malformed:
        found.progress.find("V22", str(malformed))
        return
    if found.scope.kind in ("period", "report") and not held.rows and not held.movements:
        return
    found.progress.ran.add("V22")
    last = {place: _last(effects) for place, effects in found.effects.items()}
    if found.scope.kind == "person":
        found.demanded.add(("person", found.scope.person))
    found.progress.findings += rows.check(held, last, found.demanded, found.vouchers)


def _last(effects: list[contents.Effect]) -> tuple[int, int, str]:
    one = effects[-1]
    return one.index, one.rev, one.after


def _check_documents(manifest: Manifest, found: Contents) -> None:
    """Hold the documents of a pack against the digests that its entries recorded (V28); policy texts are such too."""
    held = {one.name.partition("/")[2]: one for one in manifest.files if one.name.startswith("documents/")}
    texts = {(one.sha256, one.size) for one in manifest.files if one.name.startswith("policies/")}
    if not held and not found.documents:
        return
    found.progress.ran.add("V28")
    for name, one in held.items():
        if one.sha256 != name or found.documents.get(name) != one.size:
            found.progress.find(
                "V28", f"Document {name} is {one.sha256} of {one.size} bytes; no entry recorded that."
            )
    for name in sorted(found.documents.keys() - held.keys()):
        if (name, found.documents[name]) not in texts:
            found.progress.find("V28", f"Document {name} was recorded and is not in the pack.", missing=True)
