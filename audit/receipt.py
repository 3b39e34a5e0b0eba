"""A receipt: the service's signed promise that an entry will be in the log by a deadline.

The caller keeps it. If the entry is not in the log later, the receipt convicts us. One
signature covers a whole batch of entries; each receipt carries its way to the signed root.

Where the log's key is with a separate signer, a node signs with a key of its own, and each
receipt carries the log's certificate for it: a note signed by the log that names the node's key.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audit import merkle
from audit.entry import leaf_hash, parse_timestamp, timestamp
from audit.note import (
    ForgedSignature,
    MalformedKey,
    MalformedNote,
    SigningKey,
    UnknownSigner,
    VerifierKey,
    open_note,
    parse,
)
from audit.tiles import TileReader

BATCH_MAX = 65_536
CERTIFICATE_HEADER = "trennwand node 1"
CERTIFICATE_CHARACTERS_MAX = 4096
_HASH = re.compile(r"[0-9a-f]{64}")
_PROMISE = ("deadline", "entry", "leaf", "origin", "time")
_MEMBERS = frozenset((*_PROMISE, "batch", "key", "signature"))
_MEMBERS_OF_NODE = _MEMBERS | {"node"}
_BATCH_MEMBERS = frozenset(("index", "path", "root", "size"))


class MalformedReceipt(ValueError):
    """The object does not have the form of a receipt."""


class ForgedReceipt(Exception):
    """The receipt is not one that this key signed."""


@dataclass(frozen=True)
class Promise:
    """What a genuine receipt says, and where the log keeps it."""

    origin: str
    entry: str
    leaf: bytes
    made_at: datetime
    deadline: datetime
    index: int | None  # place in the log; None if it is not there or no log was given


def issue(
    key: SigningKey,
    origin: str,
    items: Sequence[tuple[str, bytes, str]],
    deadline_seconds: int,
    certificate: str | None = None,
) -> list[dict[str, Any]]:
    """Promise each (entry id, leaf hash, time) of a batch, in its order, with one signature.

    ``time`` is when the promise is made; the deadline counts from it. ``certificate`` is the log's
    word for ``key`` where that is a node's own.
    """
    assert 0 < len(items) <= BATCH_MAX, "a batch holds 1 to 65,536 entries"
    assert deadline_seconds > 0, "a deadline lies ahead"
    promises = [_promise(origin, item, deadline_seconds) for item in items]
    leaves = [_promise_leaf(promise) for promise in promises]
    subtree = merkle.subtrees(leaves)
    root = merkle.root_of(len(leaves), subtree)
    signature = base64.b64encode(key.sign(_batch_text(origin, len(leaves), root))).decode()
    vkey = str(key.verifier)
    node = {} if certificate is None else {"node": certificate}
    return [
        {
            **promise,
            **node,
            "batch": {
                "root": root.hex(),
                "size": len(leaves),
                "index": index,
                "path": [h.hex() for h in merkle.inclusion_path(index, len(leaves), subtree)],
            },
            "key": vkey,
            "signature": signature,
        }
        for index, promise in enumerate(promises)
    ]


def check(receipt: Mapping[str, Any], vkey: VerifierKey, log_reader: TileReader | None) -> Promise:
    """Tell what ``receipt`` promises, if ``vkey`` or a node it certified signed it, and look its entry up.

    Raises MalformedReceipt, ForgedReceipt. Whether a missing entry is overdue is the caller's to
    say: only it knows how far in time the log reaches.
    """
    leaf, root, path, signature = _check_form(receipt)
    batch = receipt["batch"]
    signer = vkey if receipt["key"] == str(vkey) else _certified(receipt, vkey)
    if not signer.verify(_batch_text(receipt["origin"], batch["size"], root), signature):
        raise ForgedReceipt("The signature of the receipt is not by its key.")
    promise = {name: receipt[name] for name in _PROMISE}
    if not merkle.verify_inclusion(_promise_leaf(promise), batch["index"], batch["size"], path, root):
        raise ForgedReceipt("The receipt is not in the batch that was signed.")
    return Promise(
        origin=receipt["origin"],
        entry=receipt["entry"],
        leaf=leaf,
        made_at=parse_timestamp(receipt["time"]),
        deadline=parse_timestamp(receipt["deadline"]),
        index=None if log_reader is None else log_reader.find(leaf),
    )


def certificate_text(origin: str, node: str) -> str:
    """Give the text that a log signs for a node; no checkpoint and no receipt starts so."""
    return f"{CERTIFICATE_HEADER}\n{origin}\n{node}\n"


def responsible(receipt: object, keys: Sequence[VerifierKey]) -> VerifierKey | None:
    """Find the key of a log that the receipt rests on, if it tells the truth: it or its certificate names it."""
    if not isinstance(receipt, Mapping):
        return None
    named, node = receipt.get("key"), receipt.get("node")
    for key in keys:
        if str(key) == named:
            return key
    if not isinstance(node, str) or len(node) > CERTIFICATE_CHARACTERS_MAX:
        return None
    try:
        signers = {(line.name, line.key_id) for line in parse(node.encode())[1]}
    except (MalformedNote, UnicodeEncodeError):
        return None
    return next((key for key in keys if (key.name, key.key_id) in signers), None)


def _certified(receipt: Mapping[str, Any], vkey: VerifierKey) -> VerifierKey:
    """Return the node's key that signed, if ``vkey`` certified it. Raises ForgedReceipt."""
    if "node" not in receipt:
        raise ForgedReceipt(f"The receipt names the key {receipt['key']:.80}, not {vkey}.")
    try:
        told = open_note(receipt["node"].encode(), [vkey]).text
    except (ForgedSignature, MalformedNote, UnknownSigner, UnicodeEncodeError) as refused:
        raise ForgedReceipt(f"The certificate of the receipt's key is worthless: {refused}") from refused
    if told != certificate_text(receipt["origin"], receipt["key"]):
        raise ForgedReceipt("The certificate of the receipt is for another key or another log.")
    return VerifierKey.parse(receipt["key"])


def _promise(origin: str, item: tuple[str, bytes, str], deadline_seconds: int) -> dict[str, str]:
    entry, leaf, time = item
    assert len(leaf) == merkle.HASH_BYTES, "a leaf hash, not an entry"
    deadline = parse_timestamp(time) + timedelta(seconds=deadline_seconds)
    return {
        "origin": origin,
        "entry": entry,
        "leaf": leaf.hex(),
        "time": time,
        "deadline": timestamp(deadline),
    }


def _promise_leaf(promise: Mapping[str, str]) -> bytes:
    text = json.dumps(promise, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return leaf_hash(text.encode())


def _batch_text(origin: str, size: int, root: bytes) -> bytes:
    """Give the bytes that are signed; no checkpoint starts so, hence neither passes for the other."""
    encoded = base64.b64encode(root).decode()
    return f"trennwand receipts 1\n{origin}\n{size}\n{encoded}\n".encode()


def _check_form(receipt: object) -> tuple[bytes, bytes, list[bytes], bytes]:
    """Return the leaf, the root, the path and the signature of a receipt as bytes."""
    if not isinstance(receipt, Mapping) or receipt.keys() not in (_MEMBERS, _MEMBERS_OF_NODE):
        raise MalformedReceipt(f"A receipt has exactly the members {sorted(_MEMBERS)}.")
    batch = receipt["batch"]
    if not isinstance(batch, Mapping) or batch.keys() != _BATCH_MEMBERS:
        raise MalformedReceipt(f"The batch of a receipt has exactly the members {sorted(_BATCH_MEMBERS)}.")
    if not all(isinstance(receipt[name], str) for name in receipt.keys() - {"batch"}):
        raise MalformedReceipt("Every member of a receipt but its batch is text.")
    if not all(type(batch[name]) is int and 0 <= batch[name] <= BATCH_MAX for name in ("index", "size")):
        raise MalformedReceipt("The index and size of the batch are whole numbers.")
    if not isinstance(batch["path"], list):
        raise MalformedReceipt("The path of the batch is a list of hashes.")
    try:
        receipt["entry"].encode(), receipt["origin"].encode()
        parse_timestamp(receipt["time"])
        parse_timestamp(receipt["deadline"])
        VerifierKey.parse(receipt["key"])
        signature = base64.b64decode(receipt["signature"], validate=True)
    except (MalformedKey, binascii.Error, ValueError) as broken:
        raise MalformedReceipt(f"A member of the receipt is malformed: {broken}") from broken
    path = [_hash(value) for value in batch["path"]]
    return _hash(receipt["leaf"]), _hash(batch["root"]), path, signature


def _hash(value: object) -> bytes:
    if not isinstance(value, str) or _HASH.fullmatch(value) is None:
        raise MalformedReceipt(f"{value!r:.80} is not a hash in 64 hexadecimal digits.")
    return bytes.fromhex(value)
