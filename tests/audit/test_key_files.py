"""Keys in files: encrypted or open, found by the ring, changed without losing what was signed before."""

from pathlib import Path

import pytest

from audit import files, keys, note
from audit.keyring import Keyring
from audit.keys import PASSPHRASE, UnusableKey
from audit.report import Verdict
from audit.signer import FileSigner
from audit.signer_keys import KeyStore, RotationUnderWay
from audit.verify import verify
from tests.audit.logs import NOW, ORIGIN, Log, Story, caught


class MachineStops(BaseException):
    """Neither an error nor a refusal: nothing after it runs."""


def test_a_passphrase_comes_from_a_variable_or_a_file_and_never_from_both(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("from a file\r\nand not this line\n")
    in_file = {f"{PASSPHRASE}_FILE": str(tmp_path / "word")}

    assert keys.passphrase_in({}) is None
    assert keys.passphrase_in({PASSPHRASE: ""}) is None
    assert keys.passphrase_in({PASSPHRASE: "wörd"}) == "wörd".encode()
    assert keys.passphrase_in(in_file) == b"from a file"
    with pytest.raises(UnusableKey, match="both set"):
        keys.passphrase_in(in_file | {PASSPHRASE: "x"})
    with pytest.raises(UnusableKey, match="cannot be read"):
        keys.passphrase_in({f"{PASSPHRASE}_FILE": str(tmp_path / "none")})


def test_what_is_wrong_with_a_key_file_is_said(tmp_path: Path) -> None:
    keys.save_private(tmp_path / "open", keys.generate())
    keys.save_private(tmp_path / "shut", keys.generate(), b"word")
    (tmp_path / "none").write_text("x")

    for name, word, said in (
        ("open", b"word", "not encrypted"),
        ("shut", None, "is encrypted"),
        ("shut", b"wrong", "does not open"),
        ("none", None, "no private key"),
    ):
        with pytest.raises(UnusableKey, match=said):
            keys.load_private(tmp_path / name, word)
    assert keys.load_private(tmp_path / "shut", b"word")


def test_encrypting_keeps_the_key_and_is_whole_or_not_done(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "key"
    keys.save_private(path, keys.generate())
    before = path.read_bytes()

    def stops(*_: object) -> None:
        raise MachineStops

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stops)
        with pytest.raises(MachineStops):
            keys.encrypt(path, b"word")
    assert path.read_bytes() == before
    keys.encrypt(path, b"word")
    raw = keys.load_private(path, b"word").private_bytes_raw()
    path.unlink()
    path.write_bytes(before)
    assert keys.load_private(path).private_bytes_raw() == raw


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    store = KeyStore(tmp_path / "keys" / "log-key.pem", ORIGIN, b"word")
    store.begin()
    return store


@pytest.fixture
def kept(tmp_path: Path, store: KeyStore) -> Log:
    """A log of 302 entries whose keys lie in files."""
    story = Story(keys=[str(store.first())])
    while len(story.lines) < 302:
        story.trade(f"t-{len(story.lines)}")
    log = Log(tmp_path / "kept", [])
    (tmp_path / "kept" / "signer").unlink()
    log.signer = FileSigner(store, tmp_path / "kept" / "signer", ORIGIN)
    log.signer.begin()
    log.grow(story.lines)
    return log


def grown(log: Log, count: int, *events: dict[str, object]) -> None:
    """Go on with the log: entries that tell ``events``, and others."""
    story = Story(keys=["x"])
    story.lines = [*log.lines]
    new = [story.add("log.rotate", data=dict(event)) for event in events]
    while len(new) < count:
        new.append(story.add("trade.note"))
    log.grow(new)


def published(log: Log) -> Keyring:
    (log.directory / "keyring").write_bytes(log.signer.ring())
    return Keyring.load(log.directory / "keyring")


def test_after_a_change_of_keys_the_old_pinned_key_verifies_all_of_it(kept: Log, store: KeyStore) -> None:
    old = store.first()
    rotated = kept.signer.rotate(20)
    published(kept)
    told = {"number": 1, "digest": rotated.digest(1)}

    grown(kept, 5, told)
    overlapping = verify(kept.directory, old, now=NOW, workers=1)
    assert (overlapping.verdict, overlapping.remarks) == (Verdict.VERIFIED, ())
    assert len(note.parse(kept.checkpoint.read_bytes())[1]) == 2

    grown(kept, 40)
    report = verify(kept.directory, old, now=NOW, workers=1)
    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert verify(kept.directory, rotated.all_keys[1], now=NOW, workers=1).verdict is Verdict.VERIFIED
    assert len(note.parse(kept.checkpoint.read_bytes())[1]) == 1


def test_23_the_retired_key_signs_an_old_looking_checkpoint_and_is_found(kept: Log, store: KeyStore) -> None:
    old, retired = store.first(), store.newest()
    kept.signer.rotate(1)
    published(kept)
    grown(kept, 10)
    kept.sign_past_signer(kept.signer.last(), retired)

    assert caught(verify(kept.directory, old, now=NOW, workers=1), "V3", None)


def test_24_a_rotation_that_the_ring_does_not_hold_is_found(kept: Log, store: KeyStore) -> None:
    old = store.first()
    kept.signer.rotate(20)
    published(kept)
    grown(kept, 3, {"number": 1, "digest": "sha256:" + "00" * 32})

    assert caught(verify(kept.directory, old, now=NOW, workers=1), "V19", 302)


def test_stopped_before_the_ring_is_kept_the_old_key_signs_on(
    kept: Log, store: KeyStore, monkeypatch
) -> None:
    def stops(*_: object) -> None:
        raise MachineStops

    with monkeypatch.context() as patched:
        patched.setattr(files, "replace", stops)
        with pytest.raises(MachineStops):
            kept.signer.rotate(20)
    (made,) = store._first.parent.glob("*-2.pem")
    left = made.read_bytes()
    assert kept.signer.ring() == b""
    grown(kept, 1)
    assert verify(kept.directory, store.first(), now=NOW, workers=1).verdict is Verdict.VERIFIED

    kept.signer.rotate(20)
    assert made.read_bytes() == left  # the key that nobody named is the one that comes


def test_stopped_after_the_ring_is_kept_both_keys_sign_on(kept: Log, store: KeyStore) -> None:
    old = store.first()
    kept.signer.rotate(20)  # and the machine stops: nobody published the ring
    in_between = verify(kept.directory, old, now=NOW, workers=1)
    assert in_between.verdict is Verdict.VERIFIED

    again = KeyStore(store._first, ORIGIN, b"word")
    kept.signer = FileSigner(again, kept.signer._state_path, ORIGIN)
    published(kept)
    grown(kept, 30)
    assert verify(kept.directory, old, now=NOW, workers=1).verdict is Verdict.VERIFIED


def test_a_key_that_must_sign_and_is_missing_stops_the_signer_before_it_remembers(
    kept: Log, store: KeyStore
) -> None:
    kept.signer.rotate(20)
    (store._first.parent / "log-key-2.pem").unlink()
    last = kept.signer.last()
    again = FileSigner(KeyStore(store._first, ORIGIN, b"word"), kept.signer._state_path, ORIGIN)
    kept.signer = again

    with pytest.raises(UnusableKey, match="is missing"):
        grown(kept, 1)
    assert again.last() == last


def test_a_damaged_ring_is_not_taken_for_none(kept: Log, store: KeyStore) -> None:
    kept.signer.rotate(20)
    store._ring_path.write_bytes(store._ring_path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="framing"):
        KeyStore(store._first, ORIGIN, b"word").newest()


def test_a_key_in_memory_has_no_successor(log: Log) -> None:
    with pytest.raises(RotationUnderWay):
        log.signer.rotate(20)
