"""Keys change; the log stays one: the ring, its framing, and rows 23 and 24 of the tamper matrix."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import note, receipt, tiles
from audit.__main__ import main
from audit.checkpoint import Checkpoint
from audit.entry import leaf_hash, timestamp
from audit.keyring import BrokenKeyring, Keyring, MalformedKeyring, Tenure
from audit.report import Status, Verdict
from audit.verify import verify
from tests.audit.logs import KEY, NOW, ORIGIN, OTHER_KEY, START, Log, Story, caught, failed

THIRD_KEY = note.SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))


def at(log: Log, size: int | None = None) -> Checkpoint:
    """The log as it was at a size."""
    size = len(log.lines) if size is None else size
    return Checkpoint(ORIGIN, size, tiles.TileReader(log.directory).root(size, len(log.lines)))


def sign(log: Log, *keys: note.SigningKey) -> None:
    log.checkpoint.write_bytes(note.sign(note.parse(log.checkpoint.read_bytes())[0], *keys))


def put(log: Log, ring: Keyring) -> None:
    ring.save(log.directory / "keyring", log.directory / "tmp")


@pytest.fixture
def ring(log: Log) -> Keyring:
    """The first key retires at 290, the second came at 250; both signed in between."""
    return Keyring.begin(KEY, at(log, 100)).rotate(KEY, OTHER_KEY, at(log, 250), 40)


@pytest.fixture
def rotated(log: Log, ring: Keyring) -> Log:
    """A log of 302, signed by the second key."""
    put(log, ring)
    sign(log, OTHER_KEY)
    return log


def test_a_ring_is_read_back_as_it_was_written(log: Log, ring: Keyring) -> None:
    put(log, ring)

    assert Keyring.load(log.directory / "keyring") == ring
    assert ring.valid_at(249) == (KEY.verifier,)
    assert ring.valid_at(250) == ring.valid_at(289) == (KEY.verifier, OTHER_KEY.verifier)
    assert ring.valid_at(290) == (OTHER_KEY.verifier,)


def test_the_new_key_is_reached_from_the_pinned_one(rotated: Log) -> None:
    report = rotated.verify()

    assert report.verdict is Verdict.VERIFIED
    assert report.check("V19").status is Status.OK


def test_whoever_pins_the_new_key_believes_the_old_one_too(rotated: Log) -> None:
    assert verify(rotated.directory, OTHER_KEY.verifier, now=NOW, workers=1).verdict is Verdict.VERIFIED
    assert (
        verify(rotated.directory, OTHER_KEY.verifier.public, now=NOW, workers=1).verdict is Verdict.VERIFIED
    )


def test_in_the_overlap_either_key_will_do_and_a_missing_one_is_told(log: Log) -> None:
    put(log, Keyring.begin(KEY, at(log, 0)).rotate(KEY, OTHER_KEY, at(log, 250), 1000))
    for keys in ([KEY], [OTHER_KEY], [KEY, OTHER_KEY]):
        sign(log, *keys)
        report = log.verify()
        assert report.verdict is Verdict.VERIFIED
        assert bool(report.remarks) is (len(keys) == 1)


def test_a_log_without_a_ring_is_signed_by_the_pinned_key_alone(log: Log) -> None:
    assert log.verify().check("V19").status is Status.NOT_PART
    sign(log, OTHER_KEY)
    assert caught(log.verify(), "V3", None)


def test_receipts_of_every_key_of_the_ring_count(rotated: Log, tmp_path: Path, capsys) -> None:
    items = [("e-10", leaf_hash(rotated.lines[10]), timestamp(START))]
    kept = [receipt.issue(key, ORIGIN, items, 60)[0] for key in (KEY, OTHER_KEY)]
    assert rotated.verify(receipts=kept).check("V20").status is Status.OK
    strange = receipt.issue(THIRD_KEY, ORIGIN, items, 60)
    assert rotated.verify(receipts=strange).check("V20").status is Status.MISSING

    (tmp_path / "kept.json").write_text(json.dumps(kept))
    asked = ["check-receipt", tmp_path / "kept.json", rotated.directory, "--key", KEY.verifier]
    assert main([str(one) for one in asked]) == 0
    assert "VERIFIED" in capsys.readouterr().out


# Row 23: a retired key.


def test_23_a_retired_key_signs_nothing_new(rotated: Log) -> None:
    sign(rotated, KEY)

    report = rotated.verify()

    assert caught(report, "V3", None)
    assert "does not hold size 302" in report.check("V3").sentence


def test_23_a_retired_key_signs_an_old_looking_checkpoint_of_a_log_that_was_longer(rotated: Log) -> None:
    rotated.forge(rotated.lines[:200], signed=True)  # by the retired key, for a size it may sign

    report = rotated.verify()

    assert caught(report, "V19", 200)
    assert failed(report) == {"V19"}


def test_23_a_retired_key_signs_another_past_which_the_ring_saw_otherwise(rotated: Log) -> None:
    story = Story()
    while len(story.lines) < 280:
        story.add("trade.note")
    rotated.forge(story.lines, signed=True)

    assert caught(rotated.verify(), "V19", None)


def test_23_a_new_key_does_not_sign_the_past(log: Log, ring: Keyring) -> None:
    put(log, ring)
    log.forge(log.lines[:249], signed=False)
    log.sign_past_signer(at_size(log, 249), OTHER_KEY)

    assert caught(log.verify(), "V3", None)


def at_size(log: Log, size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tiles.TileReader(log.directory).root(size, size))


# Row 24: a forged ring.


def test_24_a_note_that_no_open_key_signed_breaks_the_ring(rotated: Log, ring: Keyring) -> None:
    step = ring.steps[-1]
    tenures = (*step.tenures, Tenure(THIRD_KEY.verifier, 302))
    for signers in ([THIRD_KEY], [THIRD_KEY, KEY]):  # KEY is retired
        with pytest.raises(BrokenKeyring):
            ring.append(tenures, at(rotated), signers)
        forged = forge_step(ring, replace(step, number=2, at=at(rotated), tenures=tenures), *signers)
        rotated.put("keyring", forged)
        sign(rotated, THIRD_KEY)

        report = rotated.verify()

        assert report.check("V19").status is report.check("V3").status is Status.FAILED
        assert report.verdict is Verdict.TAMPERED


def test_24_a_foreign_ring_leads_nowhere_from_the_pinned_key(rotated: Log) -> None:
    put(rotated, Keyring.begin(THIRD_KEY, at(rotated, 0)))
    sign(rotated, THIRD_KEY)

    assert "nothing leads from it" in rotated.verify().check("V19").sentence
    assert rotated.verify().verdict is Verdict.TAMPERED


def test_24_a_key_does_not_enter_without_having_signed(log: Log, ring: Keyring) -> None:
    tenures = (*ring.steps[-1].tenures, Tenure(THIRD_KEY.verifier, 302))

    with pytest.raises(BrokenKeyring, match="lacks the signature of a key it brings"):
        ring.append(tenures, at(log), [OTHER_KEY])
    assert THIRD_KEY.verifier in ring.append(tenures, at(log), [OTHER_KEY, THIRD_KEY]).valid_at(302)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t[1:], "names|changes"),
        (lambda t: t[:1], "leaves no key"),
        (lambda t: (replace(t[0], until_size=None), t[1]), "changes what was said"),
        (lambda t: (replace(t[0], until_size=400), t[1]), "changes what was said"),
        (lambda t: (t[0], replace(t[1], until_size=310)), "leaves no key"),
        (lambda t: (*t, Tenure(KEY.verifier, 302)), "twice"),
        (lambda t: (*t, Tenure(THIRD_KEY.verifier, 301)), "sign the past"),
        (lambda t: (*t, Tenure(note.SigningKey("other", THIRD_KEY.private).verifier, 302)), "another log"),
        (lambda t: (t[0], replace(t[1], until_size=302), Tenure(THIRD_KEY.verifier, 302)), "changes what"),
        (lambda t: (t[0], replace(t[1], until_size=303), Tenure(THIRD_KEY.verifier, 304)), "nobody signs"),
        (lambda t: (*t, Tenure(THIRD_KEY.verifier, 310, 305)), "before it begins"),
    ],
)
def test_24_a_note_takes_nothing_back(log: Log, ring: Keyring, change, sentence: str) -> None:
    with pytest.raises(BrokenKeyring, match=sentence):
        ring.append(change(ring.steps[-1].tenures), at(log), [OTHER_KEY, THIRD_KEY])


def test_24_the_chain_is_one_of_digests_numbers_sizes_and_origins(log: Log, ring: Keyring) -> None:
    good = replace(ring.steps[-1], number=2, before=note_digest(ring), at=at(log))
    assert Keyring.parse(forge_step(ring, good, OTHER_KEY))

    other_root = replace(ring.steps[-1].at, root=b"\x01" * 32)
    for bad in (
        replace(good, number=3),
        replace(good, before=b"\x00" * 32),
        replace(good, at=at(log, 249)),
        replace(good, at=other_root),
        replace(good, at=Checkpoint("other", 302, good.at.root)),
    ):
        with pytest.raises(BrokenKeyring):
            Keyring.parse(forge_step(ring, bad, OTHER_KEY))
    with pytest.raises(BrokenKeyring, match="note 0"):
        Keyring.parse(framed(ring.notes[1]))


def note_digest(ring: Keyring) -> bytes:
    return bytes.fromhex(ring.digest(len(ring.notes) - 1).removeprefix("sha256:"))


def forge_step(ring: Keyring, step, *signers: note.SigningKey) -> bytes:
    if step.before == ring.steps[-1].before:
        step = replace(step, before=note_digest(ring))
    return bytes(ring) + framed(note.sign(str(step), *signers))


def framed(signed: bytes) -> bytes:
    return b"note %d\n%b" % (len(signed), signed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda b: b[:-1],
        lambda b: b + b"\n",
        lambda b: b"note 0\n" + b,
        lambda b: b.replace(b"note ", b"note 0", 1),
        lambda b: b.replace(b"key 0 ", b"key 00 "),
        lambda b: b.replace(b" open ", b" 0 "),
        lambda b: b.replace(b"keyring 1", b"keyring 2"),
        lambda b: b * 600,
        lambda b: b"note 9999999\n" + b,
    ],
)
def test_a_ring_of_another_form_is_no_ring(rotated: Log, ring: Keyring, damage) -> None:
    with pytest.raises((MalformedKeyring, BrokenKeyring)):
        Keyring.parse(damage(bytes(ring)))
    rotated.put("keyring", damage(bytes(ring)))

    assert rotated.verify().check("V19").status is Status.FAILED


# What the entries say about the ring.


def test_a_rotation_recorded_in_the_log_must_be_in_the_ring(log: Log, story: Story, ring: Keyring) -> None:
    story.add("log.rotate", data={"number": 1, "digest": ring.digest(1)})
    log.grow(story.lines[302:])
    assert log.verify().check("V19").status is Status.MISSING  # the ring was taken away

    put(log, Keyring.begin(KEY, at(log, 100)))  # or cut, so that the retired key seems open
    assert caught(log.verify(), "V19", 302)

    put(log, ring)
    sign(log, OTHER_KEY)
    assert log.verify().verdict is Verdict.VERIFIED


def test_leaf_0_names_the_keys_that_the_ring_begins_with(tmp_path: Path) -> None:
    log = Log(tmp_path, Story("L2", keys=[str(KEY.verifier)]).lines)
    assert log.verify().line() == "VERIFIED (L2 separate signer)"
    put(log, Keyring.begin(KEY, at(log)))
    assert log.verify().check("V19").status is Status.OK

    log = Log(tmp_path / "other", Story("L2", keys=[str(OTHER_KEY.verifier)]).lines)
    assert log.verify().check("V19").status is Status.MISSING
    put(log, Keyring.begin(KEY, at(log)))
    assert caught(log.verify(), "V19", 0)


def test_a_ring_whose_size_was_lost_with_its_tiles_is_incomplete(rotated: Log) -> None:
    rotated.file("tile/0/000").unlink()

    assert rotated.verify().verdict is Verdict.INCOMPLETE
