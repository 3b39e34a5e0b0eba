"""What is true if the machine stops here: before and after each step of the writer and the signer."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import files, merkle, note
from audit.checkpoint import Checkpoint
from audit.entry import leaf_hash
from audit.files import ConflictingFile
from audit.report import Verdict
from audit.signer import FileSigner, InconsistentExtension, SignerMemoryLost
from audit.tiles import TileReader, TileWriter
from tests.audit.logs import KEY, ORIGIN, Log, Story


class MachineStops(BaseException):
    """Neither an error nor a refusal: nothing after it runs."""


@pytest.fixture
def snapshots(tmp_path: Path, monkeypatch) -> Iterator[list[Path]]:
    """A copy of the log's directory before and after each rename: every state a crash can leave."""
    taken: list[Path] = []
    rename = Path.rename

    def photograph() -> None:
        copy = tmp_path / "snapshots" / str(len(taken))
        shutil.copytree(tmp_path / "log", copy)
        taken.append(copy)

    def photographed(self: Path, target: Path) -> Path:
        photograph()
        moved = rename(self, target)
        photograph()
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", photographed)
        yield taken


def test_wherever_the_writer_stops_the_next_one_goes_on(tmp_path: Path, snapshots: list[Path]) -> None:
    entries = [b"entry %d" % number for number in range(600)]
    leaves = [leaf_hash(data) for data in entries]
    writer = TileWriter(tmp_path / "log")
    for start, end in ((0, 250), (250, 260), (260, 600)):
        writer.extend(start, entries[start:end])
    taken = [*snapshots]
    assert len(taken) >= 2 * 12

    sizes = []
    for copy in taken:
        restarted = TileWriter(copy)
        sizes.append(restarted.size)
        assert restarted.root() == merkle.root(leaves[: restarted.size])
        assert TileReader(copy).root(restarted.size) == restarted.root()
        assert restarted.extend(restarted.size, entries[restarted.size :]) == (600, merkle.root(leaves))
    assert sizes == sorted(sizes)
    assert set(sizes) == {0, 250, 256, 260, 512, 600}


def test_wherever_the_writer_stops_what_was_signed_is_still_verified(
    log: Log, story: Story, snapshots: list[Path]
) -> None:
    for number in range(150):
        story.trade(f"u-{number}")
    TileWriter(log.directory).extend(302, story.lines[302:])

    for copy in [*snapshots]:
        log.directory = copy
        assert log.verify().verdict is Verdict.VERIFIED


def test_the_smaller_part_of_a_call_that_stopped_is_not_lost(tmp_path: Path, monkeypatch) -> None:
    entries = [b"entry %d" % number for number in range(600)]
    replace = files.replace

    def stops(path: Path, *rest: object) -> None:
        if path.match("tile/entries/001"):
            raise MachineStops
        replace(path, *rest)

    monkeypatch.setattr(files, "replace", stops)
    with pytest.raises(MachineStops):
        TileWriter(tmp_path).extend(0, entries)
    monkeypatch.undo()

    assert TileWriter(tmp_path).size == 256
    assert TileWriter(tmp_path).extend(0, entries)[0] == 600


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    signer = FileSigner(KEY, tmp_path / "signer", ORIGIN)
    signer.begin()
    return signer


LEAVES = [leaf_hash(b"%d" % number) for number in range(20)]


def checkpoint(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, merkle.root(LEAVES[:size]))


def proof(old: int, new: int) -> list[bytes]:
    return merkle.consistency_proof(LEAVES[:new], old)


def test_a_signer_that_stops_before_it_remembers_is_bound_to_nothing(signer: FileSigner, monkeypatch) -> None:
    def stops(*_: object) -> None:
        raise MachineStops

    signer.sign(checkpoint(5), [])
    monkeypatch.setattr(files, "replace", stops)
    with pytest.raises(MachineStops):
        signer.sign(checkpoint(9), proof(5, 9))
    monkeypatch.undo()

    assert signer.last() == checkpoint(5)
    other = [*LEAVES[:8], leaf_hash(b"other")]
    assert signer.sign(Checkpoint(ORIGIN, 9, merkle.root(other)), merkle.consistency_proof(other, 5))


def test_a_signer_that_stops_after_it_remembered_signs_that_and_nothing_else(
    signer: FileSigner, monkeypatch
) -> None:
    def stops(*_: object) -> bytes:
        raise MachineStops

    signer.sign(checkpoint(5), [])
    monkeypatch.setattr(note, "sign", stops)
    with pytest.raises(MachineStops):
        signer.sign(checkpoint(9), proof(5, 9))
    monkeypatch.undo()

    assert signer.last() == checkpoint(9)
    other = [*LEAVES[:8], leaf_hash(b"other")]
    with pytest.raises(InconsistentExtension):
        signer.sign(Checkpoint(ORIGIN, 9, merkle.root(other)), merkle.consistency_proof(other, 5))
    signed = signer.sign(checkpoint(9), [])  # repeated without a proof: it is the last one itself
    assert note.open_note(signed, [KEY.verifier]).text == str(checkpoint(9))


def test_the_memory_is_durable_before_the_signature_exists(signer: FileSigner, monkeypatch) -> None:
    steps: list[str] = []
    sync, sign = files.sync_directory, note.sign
    monkeypatch.setattr(files, "sync_directory", lambda path: (steps.append("durable"), sync(path))[1])
    monkeypatch.setattr(note, "sign", lambda *given: (steps.append("signed"), sign(*given))[1])

    signer.sign(checkpoint(5), [])

    assert steps[-2:] == ["durable", "signed"]


def test_the_same_checkpoint_is_signed_with_the_same_bytes(signer: FileSigner) -> None:
    first = signer.sign(checkpoint(5), [])

    assert signer.sign(checkpoint(5), []) == first


@pytest.mark.parametrize(("old", "new"), [(1, 2), (5, 9), (8, 16), (7, 20), (20, 20)])
def test_a_signer_grows_with_a_proof_only(signer: FileSigner, old: int, new: int) -> None:
    signer.sign(checkpoint(old), [])

    for bad in ([], proof(old, new)[:-1], [bytes(32)] * 5):
        if bad != proof(old, new):
            with pytest.raises(InconsistentExtension):
                signer.sign(checkpoint(new), bad)
    assert signer.last() == checkpoint(old)
    signer.sign(checkpoint(new), proof(old, new))
    assert signer.last() == checkpoint(new)


def test_a_signer_signs_for_its_own_log_only(signer: FileSigner) -> None:
    with pytest.raises(InconsistentExtension, match="other"):
        signer.sign(Checkpoint("other", 5, merkle.root(LEAVES[:5])), [])


def test_a_signer_without_its_memory_signs_nothing(tmp_path: Path) -> None:
    signer = FileSigner(KEY, tmp_path / "signer", ORIGIN)

    with pytest.raises(SignerMemoryLost, match="missing"):
        signer.sign(checkpoint(5), [])
    for damage in (b"", b"x", b"\xff", str(Checkpoint("other", 5, bytes(32))).encode()):
        (tmp_path / "signer").write_bytes(damage)
        with pytest.raises(SignerMemoryLost):
            signer.sign(checkpoint(5), [])


def test_a_signer_begins_once(signer: FileSigner) -> None:
    signer.sign(checkpoint(5), [])

    with pytest.raises(FileExistsError):
        signer.begin()
    assert signer.last() == checkpoint(5)


def test_two_signers_with_one_memory_agree_on_one_history(signer: FileSigner, tmp_path: Path) -> None:
    second = FileSigner(KEY, tmp_path / "signer", ORIGIN)
    signer.sign(checkpoint(9), [])

    with pytest.raises(InconsistentExtension):
        second.sign(checkpoint(5), [])
    second.sign(checkpoint(12), proof(9, 12))
    assert signer.last() == checkpoint(12)


def test_a_file_written_once_keeps_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    files.write_once(path, b"one", tmp_path / "tmp")
    files.write_once(path, b"one", tmp_path / "tmp")

    with pytest.raises(ConflictingFile):
        files.write_once(path, b"two", tmp_path / "tmp")
    assert path.read_bytes() == b"one"


def test_a_write_that_fails_leaves_no_draft(tmp_path: Path, monkeypatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.replace(tmp_path / "file", b"data", tmp_path)
    assert list(tmp_path.iterdir()) == []
