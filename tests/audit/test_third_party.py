"""A log that somebody else's program wrote: files after C2SP and RFC 6962 by hand, with nothing of ours."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit.keys import load_public
from audit.report import Report, Status, Verdict
from audit.verify import verify
from tests.audit.logs import NOW, failed

NAME = "others.example/their-log"
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x2a" * 32)
RAW = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
KEY_ID = hashlib.sha256(NAME.encode() + b"\n\x01" + RAW).digest()[:4]
VKEY = "+".join((NAME, KEY_ID.hex(), base64.b64encode(b"\x01" + RAW).decode()))
POLICY = "sha256:" + "77" * 32


def entry(number: int, act: str, data: dict[str, Any]) -> bytes:
    told = {
        "act": act,
        "actor": {"account": "a", "office": "o", "person": "p", "roles": []},
        "data": data,
        "decision": {"id": f"d{number}", "outcome": "allow", "policy": POLICY, "rules": []},
        "id": f"{number:08x}-0000-7000-8000-000000000000",
        "nonce": f"{number:032x}",
        "ts": f"2026-11-02T08:{number // 60:02d}:{number % 60:02d}.000000Z",
        "v": 1,
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def entries(count: int) -> list[bytes]:
    first = [
        entry(0, "log.genesis", {"origin": NAME, "level": "L1"}),
        entry(1, "policy.publish", {"policy": POLICY, "apart": []}),
    ]
    return first + [entry(number, "their.act", {"n": number}) for number in range(2, count)]


def root(hashes: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + root(hashes[:split]) + root(hashes[split:])).digest()


def write(folder: Path, told: list[bytes]) -> None:
    """Write bundles, tiles and checkpoint as their specifications say; at most 65,536 entries."""
    leaves = [hashlib.sha256(b"\x00" + one).digest() for one in told]
    full = [root(leaves[at : at + 256]) for at in range(0, len(leaves) // 256 * 256, 256)]
    for level, hashes in (("0", leaves), ("1", full)):
        for number in range(-(-len(hashes) // 256)):
            put(folder / "tile" / level, number, hashes[number * 256 :][:256])
    for number in range(-(-len(told) // 256)):
        part = told[number * 256 :][:256]
        put(folder / "tile" / "entries", number, [len(one).to_bytes(2, "big") + one for one in part])
    body = f"{NAME}\n{len(told)}\n{base64.b64encode(root(leaves)).decode()}\n"
    signature = base64.b64encode(KEY_ID + PRIVATE.sign(body.encode())).decode()
    (folder / "checkpoint").write_text(f"{body}\n— {NAME} {signature}\n", encoding="utf-8")


def put(folder: Path, number: int, parts: list[bytes]) -> None:
    name = f"{number:03d}" + ("" if len(parts) == 256 else f".p/{len(parts)}")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"".join(parts))


def judged(folder: Path, **asked: Any) -> Report:
    return verify(folder, load_public(VKEY), now=NOW, workers=1, **asked)


@pytest.mark.parametrize("count", [2, 255, 256, 257, 600])
def test_a_log_of_the_same_formats_is_verified_whoever_wrote_it(tmp_path: Path, count: int) -> None:
    write(tmp_path, entries(count))
    report = judged(tmp_path)

    assert (report.verdict, report.size) == (Verdict.VERIFIED, count), report.lines()


def test_it_is_found_tampered_likewise(tmp_path: Path) -> None:
    told = entries(300)
    write(tmp_path, told)
    bundle = tmp_path / "tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b'"n":77}', b'"n":78}'))

    report = judged(tmp_path)
    assert (failed(report), report.first_bad_index) == ({"V7"}, 77)


def test_of_entries_in_another_form_the_tree_is_verified_and_nothing_is_said_of_the_rest(
    tmp_path: Path,
) -> None:
    write(tmp_path, [*entries(2), *(b"certificate %d" % number for number in range(300))])

    report = judged(tmp_path, tree_only=True)
    assert report.verdict is Verdict.INCOMPLETE
    assert {report.check(number).status for number in ("V1", "V3", "V6", "V7")} <= {Status.OK}
    assert "V9" in failed(judged(tmp_path))
