"""What hostile bytes may do to each reader of the verifier: be refused by name, or be what they were.

Each target takes bytes and fails only if the reader does something else. The seeds are honest bytes,
for a fuzzer to start from.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import entry, facts, merkle, note, receipt, reconcile, records, tiles
from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.cosignature import ForgedCosignature
from audit.entry import leaf_hash, timestamp
from audit.keyring import BrokenKeyring, Keyring, MalformedKeyring
from audit.memory import Seen, UnusableState, recall
from audit.policy import LogPolicy, MalformedPolicy
from audit.reconcile import Header, RowsWriter
from audit.report import Verdict
from audit.rows import MalformedRows, Movement, Row
from audit.scan import Scan, read_tile
from audit.witness import Witness, spell_request
from tests.audit.logs import KEY, ORIGIN, OTHER_KEY, POLICY, START, WITNESSED, WITNESSES, Log, Story
from tests.audit.packs import Deals, Packs, judged

TEXT = str(Checkpoint(ORIGIN, 302, b"\x01" * 32))
THIRD_KEY = note.SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))


@dataclass(frozen=True)
class Target:
    """A reader to feed, and honest bytes for it."""

    feed: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def feed_entry(data: bytes) -> None:
    """The quick way and the long way agree on every byte sequence."""
    quick = plainly = None
    with suppress(entry.MalformedEntry):
        quick = facts.read(data)
    with suppress(entry.MalformedEntry):
        members = entry.decode(data)
        assert entry.encode(members) == data
        plainly = facts._from_members(members)
    assert (quick is None) is (plainly is None)
    if quick is not None and plainly is not None:
        assert quick[:-1] == plainly[:-1]
        assert list(quick.effects) == list(plainly.effects)


def feed_note(data: bytes) -> None:
    try:
        opened = note.open_note(data, [KEY.verifier])
    except (note.MalformedNote, note.ForgedSignature, note.UnknownSigner):
        return
    assert opened.text == TEXT


def feed_checkpoint(data: bytes) -> None:
    text = data.decode("latin-1")
    with suppress(MalformedCheckpoint):
        assert str(Checkpoint.parse(text)) == text


def feed_keyring(data: bytes) -> None:
    try:
        ring = Keyring.parse(data)
    except (MalformedKeyring, BrokenKeyring):
        return
    assert bytes(ring) == data
    if ring.leads_from(KEY.verifier.public):  # it is ours, or the beginning of ours
        assert bytes(_ring()).startswith(data)


def feed_cosignature(data: bytes) -> None:
    try:
        line = note.parse_line(data.decode("utf-8", "replace"))
        seconds = WITNESSES[0].cosigner.seconds(TEXT, line)
    except (note.MalformedNote, ForgedCosignature):
        return
    assert (seconds, data) == (5, _cosigned().encode())


def feed_key(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with suppress(note.MalformedKey):
        assert str(note.VerifierKey.parse(text)) == text


def feed_receipt(data: bytes) -> None:
    try:
        read: Any = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        promise = receipt.check(read, KEY.verifier, None)
    except (receipt.MalformedReceipt, receipt.ForgedReceipt):
        return
    assert promise.entry in ("e-1", "e-2")


def feed_bundle(data: bytes) -> None:
    with suppress(tiles.MalformedTile):
        assert tiles.frame(tiles.unframe(data, 3)) == data


def feed_policy(data: bytes) -> None:
    try:
        read: Any = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(read, dict):
        with suppress(MalformedPolicy):
            policy = LogPolicy.parse(read)
            assert policy.quorum is None or 0 < policy.quorum <= len(policy.witnesses)


def feed_request(data: bytes) -> None:
    """A witness always answers, and moves only to what the log signed."""
    witness = _witness()
    before = witness.last(ORIGIN)
    answer = witness.add_checkpoint(data)
    assert answer.status in (200, 400, 403, 404, 409, 422)
    assert (witness.last(ORIGIN) != before) is (answer.status == 200 and before.size == 0)


def feed_memory(data: bytes) -> None:
    path = _folder() / "memory"
    path.write_bytes(data)
    with suppress(UnusableState):
        assert all(seen.checkpoint.origin == ORIGIN for seen in recall(path, ORIGIN))


def feed_tile(data: bytes) -> None:
    """A tile is of its length, and anything else is named."""
    folder = _folder() / "tiles"
    (folder / "tile" / "0" / "000.p").mkdir(parents=True, exist_ok=True)
    (folder / "tile" / "0" / "000.p" / "3").write_bytes(data)
    found = Scan(0)
    tile = read_tile(folder, 0, 0, 3, found)
    assert (tile == data) is (len(data) == 96)
    assert (tile is None) is bool(found.findings)


def feed_proof(data: bytes) -> None:
    """Only the honest ways lead from the leaf, or the older root, to the root."""
    try:
        told = json.loads(data)
        index, size, old = int(told["index"]), int(told["size"]), int(told["old"])
        paths = [[bytes.fromhex(one) for one in told[name]] for name in ("inclusion", "consistency")]
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError):
        return
    leaves = _leaves()
    root, known = merkle.root(leaves), _proofs()
    if merkle.verify_inclusion(leaves[5], index, size, paths[0], root):
        assert (index, [one.hex() for one in paths[0]]) == (5, known["inclusion"])
    if merkle.verify_consistency(old, merkle.root(leaves[:4]), size, root, paths[1]):
        assert (old, [one.hex() for one in paths[1]]) == (4, known["consistency"])


def feed_pack(data: bytes) -> None:
    """No other bytes are the pack, and no bytes crash its verifier."""
    path = _folder() / "pack.zip"
    path.write_bytes(data)
    verified = judged(path).verdict is Verdict.VERIFIED
    assert verified is (data == _pack())


def feed_rows(data: bytes) -> None:
    path = _folder() / "rows"
    path.write_bytes(data)
    with suppress(MalformedRows):
        reconcile.read(path, 1)


def feed_records(data: bytes) -> None:
    """What an incremental verification kept is that of a checkpoint it remembers, or nothing."""
    state = _folder() / "kept"
    folder = records.folder_of(state)
    folder.mkdir(exist_ok=True)
    (folder / "summary.json").write_bytes(data)
    with suppress(UnusableState):
        kept = records.recall(state, [Seen(Checkpoint(ORIGIN, 4, b"\x01" * 32), "")])
        assert kept is None or (kept.size, kept.root) == (4, "01" * 32)


@cache
def _leaves() -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(11)]


def _proofs() -> dict[str, Any]:
    leaves = _leaves()
    inclusion = [one.hex() for one in merkle.inclusion_proof(leaves, 5)]
    consistency = [one.hex() for one in merkle.consistency_proof(leaves, 4)]
    return {"consistency": consistency, "inclusion": inclusion, "index": 5, "old": 4, "size": len(leaves)}


@cache
def _pack() -> bytes:
    folder = _folder() / "packs"
    folder.mkdir()
    story = Deals(folder / "policy")
    story.life("t-1")
    return Packs(folder, story, Log(folder, story.lines)).of_trade("t-1").read_bytes()


def _rows() -> bytes:
    body, whole = BytesIO(), BytesIO()
    writer = RowsWriter(body)
    writer.add(Row("trade", "t-1", 2, {"id": "t-1", "rev": 2}))
    writer.add(Movement("trade_version", ("e-1", "trade:t-1", "terms_digest"), {"base": "EUR"}))
    writer.finish(Header(ORIGIN, 4, 6), whole)
    return whole.getvalue()


def _summary() -> bytes:
    kept = {
        "declarations": [],
        "genesis": {},
        "heartbeat": None,
        "latest": 5,
        "publications": [[1, POLICY, []]],
    }
    return json.dumps(kept | {"root": "01" * 32, "runs": [["4", 1]], "size": 4, "stops": [3]}).encode()


@cache
def _ring() -> Keyring:
    ring = Keyring.begin(KEY, Checkpoint(ORIGIN, 100, b"\x01" * 32))
    ring = ring.rotate(KEY, OTHER_KEY, Checkpoint(ORIGIN, 250, b"\x02" * 32), 40)
    return ring.rotate(OTHER_KEY, THIRD_KEY, Checkpoint(ORIGIN, 300, b"\x03" * 32), 1)


@cache
def _cosigned() -> str:
    return WITNESSES[0].cosign(TEXT, 5).removesuffix("\n")


@cache
def _temporary() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="hostile-")


def _folder() -> Path:
    return Path(_temporary().name)


@cache
def _witness() -> Witness:
    made = Witness(WITNESSES[0], _folder() / "witness", [KEY.verifier], lambda: 5)
    made.begin()
    return made


def _entries() -> tuple[bytes, ...]:
    story = Story()
    story.trade("t-1")
    story.add(
        "trade.note", data={"reason": "Gesch\u00e4ft \u201ebest\u00e4tigt\u201c", "n": [1, {"a": True}]}
    )
    return tuple(story.lines)


def targets() -> dict[str, Target]:
    items = [(f"e-{n}", leaf_hash(b"x%d" % n), timestamp(START)) for n in (1, 2)]
    signed = note.sign(TEXT, KEY)
    return {
        "entry": Target(feed_entry, _entries()),
        "note": Target(feed_note, (signed, signed + _cosigned().encode() + b"\n")),
        "checkpoint": Target(feed_checkpoint, (TEXT.encode(),)),
        "keyring": Target(feed_keyring, (bytes(_ring()),)),
        "cosignature": Target(feed_cosignature, (_cosigned().encode(),)),
        "key": Target(feed_key, (str(KEY.verifier).encode(), str(WITNESSES[0].cosigner).encode())),
        "receipt": Target(
            feed_receipt, tuple(json.dumps(one).encode() for one in receipt.issue(KEY, ORIGIN, items, 60))
        ),
        "bundle": Target(feed_bundle, (tiles.frame(_entries()[:3]),)),
        "policy": Target(feed_policy, (json.dumps({"level": "L3"} | WITNESSED).encode(),)),
        "tile": Target(feed_tile, (b"".join(_leaves()[:3]),)),
        "proof": Target(feed_proof, (json.dumps(_proofs()).encode(),)),
        "pack": Target(feed_pack, (_pack(),)),
        "rows": Target(feed_rows, (_rows(),)),
        "records": Target(feed_records, (_summary(),)),
        "request": Target(feed_request, (spell_request(0, [b"\x01" * 32], signed),)),
        "memory": Target(feed_memory, (json.dumps({"origin": ORIGIN, "seen": [signed.decode()]}).encode(),)),
    }
