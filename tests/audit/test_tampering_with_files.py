"""Tampering with the files, with proofs, with the unsigned tail and with four eyes (rows 38 to 54)."""

import pytest

from audit import merkle, tiles
from audit.entry import leaf_hash
from audit.report import Status, Verdict
from tests.audit.logs import (
    LAX_POLICY,
    POLICY,
    TRADER,
    VERIFIER,
    Log,
    Story,
    caught,
    failed,
    respell,
)

# Rows 38 to 41: files damaged, exchanged, gone.


def test_38_one_flipped_bit_in_a_leaf_tile_names_its_leaf(log: Log) -> None:
    flip(log, "tile/0/000", 77 * 32 + 5)

    report = log.verify()

    assert caught(report, "V7", 0)  # the tile above covers entry 0 on
    assert report.check("V7").index == 77
    assert failed(report) == {"V6", "V7"}


def test_38_one_flipped_bit_in_the_last_leaf_tile_names_its_leaf(log: Log) -> None:
    flip(log, "tile/0/001.p/46", 45 * 32)

    assert caught(log.verify(), "V7", 301)


def test_38_one_flipped_bit_in_an_upper_tile_is_seen(log: Log) -> None:
    flip(log, "tile/1/000.p/1", 0)

    report = log.verify()

    assert caught(report, "V6", 0)
    assert failed(report) == {"V6"}


def flip(log: Log, path: str, at: int) -> None:
    content = bytearray(log.file(path).read_bytes())
    content[at] ^= 1
    log.put(path, bytes(content))


def test_39_a_bundle_exchanged_under_its_tile_is_seen(log: Log) -> None:
    other = [respell(line, req="r-forged") for line in log.lines[256:]]
    log.put("tile/entries/001.p/46", tiles.frame(other))

    report = log.verify()

    assert report.check("V7").index == 256
    assert report.verdict is Verdict.TAMPERED


def test_39_a_tile_exchanged_over_its_bundle_is_seen(log: Log) -> None:
    log.put("tile/0/001.p/46", log.file("tile/0/000").read_bytes()[: 46 * 32])

    assert caught(log.verify(), "V7", 256)


def test_40_a_bundle_of_another_width_than_its_name_is_refused(log: Log) -> None:
    log.put("tile/entries/001.p/46", tiles.frame(log.lines[256:301]))

    assert caught(log.verify(), "V7", 256)


def test_40_a_bundle_with_trailing_bytes_is_refused(log: Log) -> None:
    log.put("tile/entries/001.p/46", log.file("tile/entries/001.p/46").read_bytes() + b"\x00")

    assert caught(log.verify(), "V7", 256)


def test_40_an_entry_without_bytes_is_refused(log: Log) -> None:
    log.put("tile/entries/001.p/46", tiles.frame(log.lines[256:301]) + b"\x00\x00")

    assert caught(log.verify(), "V7", 256)


@pytest.mark.parametrize("length", [0, 31, 45 * 32, 46 * 32 + 1, 47 * 32])
def test_40_a_tile_of_another_length_than_its_name_is_refused(log: Log, length: int) -> None:
    log.put("tile/0/001.p/46", (log.file("tile/0/001.p/46").read_bytes() * 2)[:length])

    assert caught(log.verify(), "V6", 256)


@pytest.mark.parametrize("name", ["0", "256", "046", "x"])
def test_40_a_partial_tile_of_an_impossible_width_is_refused(log: Log, name: str) -> None:
    log.put(f"tile/0/001.p/{name}", b"")

    report = log.verify()

    assert report.verdict is Verdict.TAMPERED
    assert failed(report) == {"V6"}


def test_40_another_partial_tile_beside_the_right_one_must_agree(log: Log) -> None:
    tile = log.file("tile/0/001.p/46").read_bytes()
    log.put("tile/0/001.p/9", tile[: 9 * 32])
    assert log.verify().verdict is Verdict.VERIFIED

    log.put("tile/0/001.p/9", tile[: 8 * 32] + bytes(32))

    assert caught(log.verify(), "V6", 264)


def test_40_another_partial_bundle_beside_the_right_one_must_agree(log: Log) -> None:
    log.put("tile/entries/001.p/3", tiles.frame(log.lines[256:259]))
    assert log.verify().verdict is Verdict.VERIFIED

    log.put("tile/entries/001.p/3", tiles.frame([*log.lines[256:258], log.lines[0]]))

    assert caught(log.verify(), "V7", 258)


def test_41_a_missing_bundle_leaves_the_log_incomplete(log: Log) -> None:
    log.file("tile/entries/001.p/46").unlink()

    report = log.verify()

    assert report.line() == "INCOMPLETE (L1 self-signed)"
    assert report.check("V8").status is Status.MISSING
    assert report.first_bad_index == 256
    assert {report.check(number).status for number in ("V7", "V9", "V13", "V17")} == {Status.MISSING}
    assert report.check("V6").status is Status.OK  # the tree itself is still whole


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/46", "tile/1/000.p/1"])
def test_41_a_missing_tile_leaves_the_log_incomplete(log: Log, path: str) -> None:
    log.file(path).unlink()

    report = log.verify()

    assert report.verdict is Verdict.INCOMPLETE
    assert report.check("V6").status is Status.MISSING


def test_41_a_missing_bundle_hides_no_contradiction_elsewhere(log: Log) -> None:
    log.file("tile/entries/001.p/46").unlink()
    flip(log, "tile/entries/000", 30)

    assert caught(log.verify(), "V7", 0)


def test_41_without_a_checkpoint_nothing_can_be_said(log: Log) -> None:
    log.checkpoint.unlink()

    report = log.verify()

    assert report.line() == "INCOMPLETE (level unknown)"
    assert report.size is None


# Row 42: proofs that are none.


def test_42_malformed_proofs_prove_nothing(log: Log) -> None:
    leaves = list(map(leaf_hash, log.lines))
    root, old_root = merkle.root(leaves), merkle.root(leaves[:200])
    path, proof = merkle.inclusion_proof(leaves, 100), merkle.consistency_proof(leaves, 200)
    assert merkle.verify_inclusion(leaves[100], 100, 302, path, root)
    assert merkle.verify_consistency(200, old_root, 302, root, proof)

    for bad in ([], path[:-1], [*path, path[0]], path[::-1], [b"", *path[1:]], [b"\x00" * 32] * 80):
        assert not merkle.verify_inclusion(leaves[100], 100, 302, bad, root)
    for bad in ([], proof[:-1], [*proof, proof[0]], proof[::-1], [b"", *proof[1:]], [b"\x00" * 32] * 80):
        assert not merkle.verify_consistency(200, old_root, 302, root, bad)
    for index in (-1, 101, 302, 2**70):
        assert not merkle.verify_inclusion(leaves[100], index, 302, path, root)
    for old, new in ((-1, 302), (201, 302), (200, 199), (302, 200)):
        assert not merkle.verify_consistency(old, old_root, new, root, proof)


# Row 43: what nobody signed.


def test_43_entries_beyond_the_signed_size_are_reported_and_not_vouched_for(log: Log, story: Story) -> None:
    story.trade("t-unsigned")
    tiles.TileWriter(log.directory).extend(302, story.lines[302:])

    report = log.verify()

    assert report.verdict is Verdict.VERIFIED
    assert report.size == 302
    assert report.remarks == ("2 entries lie beyond the signed size; nobody vouches for them yet.",)


def test_43_an_unsigned_tail_that_fills_the_bundle_leaves_the_signed_part_readable(
    log: Log, story: Story
) -> None:
    for number in range(150):
        story.trade(f"u-{number}")
    tiles.TileWriter(log.directory).extend(302, story.lines[302:])
    assert not log.file("tile/0/001.p").exists()

    report = log.verify()

    assert report.verdict is Verdict.VERIFIED
    assert "300 entries" in report.remarks[0]


# Row 54: four eyes, and the policy that demands them.


def test_54_who_captured_a_deal_does_not_verify_it(log: Log, story: Story) -> None:
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own")
    log.grow(story.lines[302:])

    report = log.verify()

    assert caught(report, "V16", 303)
    assert "D-01" in report.check("V16").sentence
    assert failed(report) == {"V16"}


def test_54_who_instructed_a_payment_does_not_release_it(log: Log, story: Story) -> None:
    story.add("settlement.instruct", person=VERIFIER, effects=[("settlement", "s-1")])
    story.add("settlement.release", person=VERIFIER, effects=[("settlement", "s-1")])
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V16", 303)


def test_54_a_refused_attempt_on_ones_own_deal_is_no_breach(log: Log, story: Story) -> None:
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own", outcome="refuse")
    story.add("trade.verify", person=VERIFIER, trade="t-own")
    log.grow(story.lines[302:])

    assert log.verify().verdict is Verdict.VERIFIED


def test_54_a_policy_swapped_for_a_minute_without_an_entry_is_named_by_the_decision(
    log: Log, story: Story
) -> None:
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own", policy=LAX_POLICY)
    log.grow(story.lines[302:])

    report = log.verify()

    assert caught(report, "V17", 303)
    assert failed(report) == {"V16", "V17"}


def test_54_a_refused_publication_brings_no_policy_into_force(log: Log, story: Story) -> None:
    story.add("policy.publish", data={"policy": LAX_POLICY, "apart": []}, outcome="refuse")
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own", policy=LAX_POLICY)
    log.grow(story.lines[302:])

    assert failed(log.verify()) == {"V16", "V17"}


def test_54_a_published_policy_counts_from_its_entry_on(log: Log, story: Story) -> None:
    story.publish(LAX_POLICY, [])
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own", policy=LAX_POLICY)
    log.grow(story.lines[302:])
    assert log.verify().verdict is Verdict.VERIFIED  # the swap itself is an entry for all to see

    story.publish(
        POLICY, [{"rule": "D-01", "act": "trade.verify", "differs": ["trade.capture"], "scope": "trade"}]
    )
    story.add("trade.verify", person=TRADER, trade="t-own")
    log.grow(story.lines[305:])

    assert caught(log.verify(), "V16", 306)


def test_54_a_decision_ahead_of_its_policy_is_seen(log: Log, story: Story) -> None:
    story.add("trade.note", policy=LAX_POLICY)
    story.publish(LAX_POLICY, [])
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V17", 302)


@pytest.mark.parametrize(
    "apart",
    [None, "D-01", [{"rule": "D-01"}], [{"rule": "D-01", "act": "a", "differs": "b", "scope": "trade"}]],
)
def test_54_a_policy_that_cannot_be_read_is_no_policy(log: Log, story: Story, apart: object) -> None:
    data = {"policy": LAX_POLICY} if apart is None else {"policy": LAX_POLICY, "apart": apart}
    story.add("policy.publish", data=data)
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V16", 302)
