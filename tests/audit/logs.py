"""Small real logs to verify and to tamper with: lawful entries, and hands that forge."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import merkle, note, tiles
from audit.checkpoint import Checkpoint
from audit.cosignature import CosigningKey, with_lines
from audit.entry import encode, leaf_hash, timestamp
from audit.report import Report, Status, Verdict
from audit.signer import FileSigner
from audit.verify import verify

ORIGIN = "trennwand.example/test"
START = datetime(2026, 11, 2, 8, tzinfo=UTC)
NOW = START + timedelta(days=1)
POLICY = "sha256:" + "a1" * 32
LAX_POLICY = "sha256:" + "b2" * 32
APART = [
    {"rule": "D-01", "act": "trade.verify", "differs": ["trade.capture", "trade.amend"], "scope": "trade"},
    {"rule": "D-02", "act": "settlement.release", "differs": ["settlement.instruct"], "scope": "object"},
]
KEY = note.SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
OTHER_KEY = note.SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x08" * 32))

WITNESSES = [
    CosigningKey(f"witness-{n}.example", Ed25519PrivateKey.from_private_bytes(bytes([16 + n]) * 32))
    for n in range(3)
]
WITNESSED = {"witnesses": [str(one.cosigner) for one in WITNESSES], "quorum": 2}

TRADER, VERIFIER, RELEASER = "p:trader", "p:verifier", "p:releaser"


class Story:
    """Lawful entries in a row: it knows times, ids, and the chain of each object."""

    def __init__(self, level: str = "L1", **promises: Any) -> None:
        """``promises``: what else the policy in leaf 0 says."""
        self.lines: list[bytes] = []
        self._revs: dict[tuple[str, str], tuple[int, str]] = {}
        self.add("log.genesis", person="p:first", data={"origin": ORIGIN, "level": level} | promises)
        self.publish(POLICY, APART)

    def publish(self, policy: str, apart: list[dict[str, Any]]) -> bytes:
        return self.add(
            "policy.publish", person="p:admin", data={"policy": policy, "apart": apart}, policy=policy
        )

    def trade(self, name: str) -> None:
        """Capture and verify one deal, by two people."""
        self.add("trade.capture", person=TRADER, trade=name, effects=[("trade", name)])
        self.add("trade.verify", person=VERIFIER, trade=name, effects=[("trade", name), ("control", name)])

    def add(self, act: str, **facts: Any) -> bytes:
        """Make the next entry of the story and remember it."""
        line = encode(self.draft(act, **facts))
        for kind, name in facts.get("effects", ()):
            rev, _ = self._revs.get((kind, name), (0, ""))
            self._revs[kind, name] = rev + 1, leaf_hash(line).hex()
        self.lines.append(line)
        return line

    def draft(
        self,
        act: str,
        *,
        person: str = TRADER,
        trade: str | None = None,
        effects: list[tuple[str, str]] | None = None,
        data: dict[str, Any] | None = None,
        outcome: str = "allow",
        policy: str = POLICY,
        seconds: float | None = None,
        number: int | None = None,
    ) -> dict[str, Any]:
        """Write down what the next entry would be; ``seconds`` is its time after the start."""
        number = len(self.lines) if number is None else number
        moment = START + timedelta(seconds=number if seconds is None else seconds)
        entry: dict[str, Any] = {
            "act": act,
            "actor": {
                "account": f"a:{person[2:]}",
                "office": "front_office",
                "person": person,
                "roles": ["r"],
            },
            "data": data or {"note": f"entry {number}"},
            "decision": {"id": f"d-{number}", "outcome": outcome, "policy": policy, "rules": ["P-17"]},
            "id": f"{number:08x}-0000-7000-8000-{number:012x}",
            "nonce": f"{number + 2**100:032x}",
            "req": f"r-{number}",
            "ts": timestamp(moment),
            "v": 1,
        }
        if trade is not None:
            entry["links"] = {"trade": trade}
        if effects:
            entry["eff"] = [self._effect(kind, name) for kind, name in effects]
        return entry

    def _effect(self, kind: str, name: str) -> dict[str, Any]:
        rev, leaf = self._revs.get((kind, name), (0, ""))
        effect = {"after": "sha256:" + "cd" * 32, "id": name, "kind": kind, "rev": rev + 1}
        return effect | {"prev": leaf} if rev else effect


class Log:
    """A log in a directory, written and signed as the service does it."""

    def __init__(self, directory: Path, lines: list[bytes]) -> None:
        self.directory = directory / "log"
        self.memory = directory / "state.json"
        self.signer = FileSigner(KEY, directory / "signer", ORIGIN)
        self.signer.begin()
        self.lines: list[bytes] = []
        self.grow(lines)

    def grow(self, lines: list[bytes]) -> bytes:
        """Write more entries and have the checkpoint signed; return the signed note."""
        size, root = tiles.TileWriter(self.directory).extend(len(self.lines), lines)
        self.lines += lines
        last = self.signer.last()
        proof = tiles.TileReader(self.directory).consistency_proof(last.size, size)
        signed = self.signer.sign(Checkpoint(ORIGIN, size, root), proof)
        self.checkpoint.write_bytes(signed)
        return signed

    @property
    def checkpoint(self) -> Path:
        return self.directory / "checkpoint"

    def verify(self, **asked: Any) -> Report:
        return verify(self.directory, KEY.verifier, **{"now": NOW, "workers": 1} | asked)

    def file(self, path: str) -> Path:
        return self.directory / path

    def forge(self, lines: list[bytes], *, signed: bool) -> None:
        """Rewrite the whole log as if ``lines`` had been its entries all along.

        ``signed``: with the stolen key, past the signer; else under the checkpoint that is there.
        The bytes need not be entries, so that this writes what the writer would refuse.
        """
        rmtree(self.directory / "tile")
        leaves = [leaf_hash(line) for line in lines]
        self.put_level(0, leaves)
        for number in range(-(-len(lines) // 256)):
            part = lines[number * 256 :][:256]
            content = b"".join(len(line).to_bytes(2, "big") + line for line in part)
            self.put(tiles.bundle_path(number, len(part)), content)
        if signed:
            self.sign_past_signer(Checkpoint(ORIGIN, len(lines), merkle.root(leaves)))

    def put_level(self, level: int, hashes: list[bytes]) -> None:
        for number in range(-(-len(hashes) // 256)):
            part = hashes[number * 256 :][:256]
            self.put(tiles.tile_path(level, number, len(part)), b"".join(part))
        full = [merkle.root(hashes[n * 256 :][:256]) for n in range(len(hashes) // 256)]
        if full:
            self.put_level(level + 1, full)

    def put(self, path: str, content: bytes) -> None:
        self.file(path).parent.mkdir(parents=True, exist_ok=True)
        self.file(path).write_bytes(content)

    def cosign(self, *witnesses: CosigningKey, seconds: int | None = None) -> None:
        """Have witnesses sign the checkpoint that is there, at a time in seconds since 1970."""
        text, _ = note.parse(self.checkpoint.read_bytes())
        at = int(NOW.timestamp()) - 60 if seconds is None else seconds
        lines = [witness.cosign(text, at) for witness in witnesses]
        self.checkpoint.write_bytes(with_lines(self.checkpoint.read_bytes(), lines))

    def sign_past_signer(self, checkpoint: Checkpoint, key: note.SigningKey = KEY) -> None:
        self.checkpoint.write_bytes(note.sign(str(checkpoint), key))


def respell(line: bytes, **changes: Any) -> bytes:
    """Give the entry with other members, as a forger with our own tools writes it."""
    return encode(json.loads(line) | changes)


def caught(report: Report, check: str, index: int | None) -> bool:
    """Whether the verdict is TAMPERED, and by ``check``, and the first bad index is ``index``."""
    assert report.verdict is Verdict.TAMPERED, report.lines()
    assert report.check(check).status is Status.FAILED, report.lines()
    assert report.first_bad_index == index, report.lines()
    return True


def failed(report: Report) -> set[str]:
    return {check.number for check in report.checks if check.status is Status.FAILED}
