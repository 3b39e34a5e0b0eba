import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import receipt
from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.entry import leaf_hash, timestamp
from audit.receipt import ForgedReceipt, MalformedReceipt
from audit.report import Status, Verdict
from audit.tiles import TileReader
from tests.audit.logs import KEY, ORIGIN, OTHER_KEY, START, Log

TIME = timestamp(START)
ITEMS = [(f"e-{number}", leaf_hash(b"%d" % number), TIME) for number in range(7)]
RECEIPTS = receipt.issue(KEY, ORIGIN, ITEMS, 60)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_receipt_of_a_batch_stands_alone(size):
    issued = receipt.issue(KEY, ORIGIN, ITEMS[:size], 60)

    assert len({one["signature"] for one in issued}) == 1
    for one, (entry, leaf, _) in zip(issued, ITEMS, strict=False):
        promise = receipt.check(json.loads(json.dumps(one)), KEY.verifier, None)
        assert (promise.entry, promise.leaf, promise.index) == (entry, leaf, None)
        assert promise.deadline == START + timedelta(seconds=60)


def changed(**members: Any) -> dict[str, Any]:
    return copy.deepcopy(RECEIPTS[3]) | members


FORGED = {
    "another entry": changed(entry="e-4"),
    "another leaf": changed(leaf="00" * 32),
    "a later deadline": changed(deadline=timestamp(START + timedelta(seconds=61))),
    "another time": changed(time=timestamp(START + timedelta(seconds=1))),
    "another log": changed(origin="other"),
    "another place in the batch": changed(batch=RECEIPTS[3]["batch"] | {"index": 4}),
    "another size of the batch": changed(batch=RECEIPTS[3]["batch"] | {"size": 8}),
    "another root": changed(batch=RECEIPTS[3]["batch"] | {"root": "00" * 32}),
    "no path": changed(batch=RECEIPTS[3]["batch"] | {"path": []}),
    "another signature": changed(signature="AAAA"),
    "another key": changed(key=str(OTHER_KEY.verifier)),
}
MALFORMED = {
    "no members": {},
    "a member more": changed(extra="x"),
    "a number for text": changed(entry=5),
    "a leaf in capitals": changed(leaf="AB" * 32),
    "a batch without members": changed(batch={}),
    "a batch as text": changed(batch="x"),
    "an index of true": changed(batch=RECEIPTS[3]["batch"] | {"index": True}),
    "an index below nothing": changed(batch=RECEIPTS[3]["batch"] | {"index": -1}),
    "a path as text": changed(batch=RECEIPTS[3]["batch"] | {"path": "x"}),
    "a path of numbers": changed(batch=RECEIPTS[3]["batch"] | {"path": [5]}),
    "a time of another form": changed(time="now"),
    "a signature that is no Base64": changed(signature="!"),
    "a key that is none": changed(key="x"),
    "half a surrogate pair": changed(entry="\ud800"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_receipt_with_this_is_forged(forged):
    with pytest.raises(ForgedReceipt):
        receipt.check(FORGED[forged], KEY.verifier, None)


@pytest.mark.parametrize("malformed", MALFORMED)
def test_a_receipt_with_this_is_malformed(malformed):
    with pytest.raises(MalformedReceipt):
        receipt.check(MALFORMED[malformed], KEY.verifier, None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.sampled_from(sorted(RECEIPTS[3])), json_values)
@settings(deadline=None)
def test_a_hostile_member_is_refused(name, value):
    with pytest.raises((MalformedReceipt, ForgedReceipt)):
        receipt.check(changed(**{name: value}), KEY.verifier, None)


def test_the_signature_of_a_receipt_is_none_for_a_checkpoint():
    text = receipt._batch_text(ORIGIN, 7, bytes(32)).decode()

    with pytest.raises(MalformedCheckpoint):
        Checkpoint.parse(text)


def promised(line: bytes) -> dict[str, Any]:
    """The receipt for an entry of the story, due a minute after the story began."""
    return receipt.issue(KEY, ORIGIN, [("e-1", leaf_hash(line), TIME)], 60)[0]


def test_a_receipt_leads_to_its_entry(log: Log):
    promise = receipt.check(promised(log.lines[200]), KEY.verifier, TileReader(log.directory))

    assert promise.index == 200
    assert receipt.check(RECEIPTS[0], KEY.verifier, TileReader(log.directory)).index is None


def test_a_kept_promise_is_verified(log: Log):
    report = log.verify(receipts=[promised(line) for line in (log.lines[0], log.lines[301])])

    assert report.verdict is Verdict.VERIFIED
    assert report.check("V20").status is Status.OK


def test_an_entry_that_is_not_there_after_its_deadline_convicts_the_log(log: Log):
    report = log.verify(receipts=[promised(log.lines[0]), promised(b"an entry left out")])

    assert report.verdict is Verdict.TAMPERED
    assert report.check("V20").status is Status.FAILED


def test_before_its_deadline_an_entry_may_still_be_on_its_way(log: Log):
    late = timestamp(START + timedelta(seconds=300))
    report = log.verify(receipts=receipt.issue(KEY, ORIGIN, [("e", leaf_hash(b"later"), late)], 60))

    assert report.verdict is Verdict.INCOMPLETE
    assert report.check("V20").status is Status.MISSING


@pytest.mark.parametrize("worthless", [{}, FORGED["another leaf"], receipt.issue(KEY, "other", ITEMS, 60)[0]])
def test_a_worthless_receipt_says_nothing_against_the_log(log: Log, worthless):
    report = log.verify(receipts=[worthless])

    assert report.verdict is Verdict.INCOMPLETE
    assert report.check("V20").status is Status.MISSING
