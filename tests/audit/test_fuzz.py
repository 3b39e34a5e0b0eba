"""Hostile bytes: no reader crashes, none lets damage pass, none takes more memory than it may."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import memory, note, records, tiles
from audit.__main__ import main
from audit.checkpoint import Checkpoint
from audit.keyring import Keyring
from audit.report import Verdict
from tests.audit.hostile import targets
from tests.audit.logs import KEY, ORIGIN, OTHER_KEY, WITNESSED, WITNESSES, Log, Story

ROOT = Path(__file__).parents[2]
TARGETS = targets()
MEGABYTE = 1024 * 1024


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Honest bytes with a few places cut, doubled, exchanged or overwritten; now and then any bytes."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 3))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        piece = data[at : at + length]
        put = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    (b"", b"\n", b"\n\n", b"0", b'"', b"\\", b"\xe2\x80\xae", b"{}", b"[", b"9" * 30, b"null")
                ),
                st.just(piece * 2),
                st.just(piece[::-1]),
            )
        )
        data = data[:at] + put + data[at + length :]
    return draw(st.one_of(st.just(data), st.just(data), st.binary(max_size=200)))


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_bytes_are_refused_by_name(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds:
        target.feed(seed)

    @settings(max_examples=150, deadline=None)
    @given(damaged(target.seeds))
    def feed(data: bytes) -> None:
        target.feed(data)

    feed()


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
def test_hostile_bytes_are_refused_by_name_however_many(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=5000, deadline=None)
    @given(damaged(target.seeds))
    def feed(data: bytes) -> None:
        target.feed(data)

    feed()


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_that_follows_the_branches_finds_nothing_either(name: str) -> None:
    if importlib.util.find_spec("atheris") is None:
        reason = "atheris is not installed here (pip install atheris)"
        print(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "tests/audit/fuzz_atheris.py", name, "-runs=200000", "-max_total_time=60"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 65_535,
        b'{"a":' * 10_000,
        b'{"v":' + b"9" * 60_000 + b"}",
        b'{"act":"' + b"a." * 30_000 + b'"}',
        b'{"act":"a","actor":{"account":"a","office":"o","person":"p","roles":[' + b'"r",' * 15_000,
        b'{"act":"a","actor":{"account":"a","office":"o","person":"p","roles":[]},"data":'
        + b'{"a":' * 10_000,
        b"\xff" * 65_535,
    ],
)
def test_entries_built_to_take_long_are_refused_at_once(data: bytes) -> None:
    TARGETS["entry"].feed(data[:65_535])


# Whole directories.


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """A log of level L3 with a ring that is recorded, so that every file is covered."""
    story = Story("L3", keys=[str(KEY.verifier)], **WITNESSED)
    for number in range(130):
        story.trade(f"t-{number}")
    log = Log(tmp_path_factory.mktemp("whole"), story.lines)
    at = Checkpoint(ORIGIN, len(log.lines), tiles.TileReader(log.directory).root(len(log.lines)))
    ring = Keyring.begin(KEY, at).rotate(KEY, OTHER_KEY, at, 1)
    ring.save(log.directory / "keyring", log.directory / "tmp")
    story.add("log.rotate", data={"number": 1, "digest": ring.digest(1)})
    log.grow(story.lines[len(log.lines) :])
    log.checkpoint.write_bytes(note.sign(note.parse(log.checkpoint.read_bytes())[0], OTHER_KEY))
    log.cosign(*WITNESSES[:2])
    for name in ("tile/0/001.p/6", "tile/entries/001.p/6"):  # of the size before; nobody would miss them
        log.file(name).unlink()
    assert log.verify().line() == "VERIFIED (L3 witnessed)"
    return log


def files_of(log: Log) -> list[Path]:
    return sorted(path for path in log.directory.rglob("*") if path.is_file())


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_damage_to_a_whole_directory_crashes_the_verifier_or_passes(
    whole: Log, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(files_of(whole)))
    before = path.read_bytes()
    after = data.draw(
        st.one_of(
            damaged((before,)),
            st.sampled_from(files_of(whole)).map(Path.read_bytes),
            st.integers(0, len(before)).map(lambda at: before[:at]),
            st.tuples(st.integers(0, len(before) - 1), st.integers(0, 7)).map(
                lambda place: flipped(before, *place)
            ),
        )
    )
    path.write_bytes(after)
    try:
        report = whole.verify()
    finally:
        path.write_bytes(before)

    assert (report.verdict is Verdict.VERIFIED) is (after == before), report.lines()


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@pytest.mark.parametrize("kind", ["gone", "directory", "pipe", "loop", "empty"])
def test_a_file_that_is_none_is_missed(whole: Log, tmp_path: Path, kind: str) -> None:
    make: dict[str, Callable[[Path], object]] = {
        "gone": lambda _: None,
        "directory": Path.mkdir,
        "pipe": os.mkfifo,
        "loop": lambda path: path.symlink_to(path.name),
        "empty": Path.touch,
    }
    log = copied(whole, tmp_path)
    for path in files_of(log):
        before = path.read_bytes()
        path.unlink()
        make[kind](path)

        assert log.verify().verdict is not Verdict.VERIFIED, path

        path.rmdir() if kind == "directory" else path.unlink(missing_ok=True)
        path.write_bytes(before)
    assert log.verify().verdict is Verdict.VERIFIED


def copied(log: Log, tmp_path: Path) -> Log:
    copy = Log.__new__(Log)
    copy.directory, copy.lines = tmp_path / "copy", log.lines
    shutil.copytree(log.directory, copy.directory)
    return copy


def test_files_of_any_length_take_bounded_memory(whole: Log, tmp_path: Path) -> None:
    log = copied(whole, tmp_path)
    for path in files_of(log):
        with path.open("r+b") as file:
            file.truncate(2 * 1024 * MEGABYTE)  # sparse: it takes no room on the disk
    tracemalloc.start()
    try:
        report = log.verify()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert report.verdict is not Verdict.VERIFIED
    assert peak < 100 * MEGABYTE


def test_a_bundle_of_any_length_takes_bounded_memory(whole: Log, tmp_path: Path) -> None:
    for name in ("tile/entries/000", "tile/0/000", "keyring"):
        log = copied(whole, tmp_path / name.replace("/", "-"))
        with log.file(name).open("r+b") as file:
            file.truncate(2 * 1024 * MEGABYTE)
        tracemalloc.start()
        try:
            assert log.verify().verdict is Verdict.TAMPERED
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 100 * MEGABYTE, name


def of_any_length(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(3 * 1024 * MEGABYTE)


@pytest.mark.parametrize("name", ["memory", "records", "receipts", "rows", "pack", "key"])
def test_what_is_given_beside_the_log_may_be_of_any_length_too(
    whole: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    told = tmp_path / "told"
    told.write_bytes(TARGETS[name].seeds[0] if name in TARGETS else b"[]")
    of_any_length(told)
    log, key = str(copied(whole, tmp_path).directory), str(KEY.verifier)
    if name == "records":
        state = tmp_path / "state"
        folder = records.folder_of(state)
        folder.mkdir()
        told.rename(folder / "summary.json")
        memory.remember(state, [], Checkpoint(ORIGIN, 4, bytes(32)), whole.checkpoint.read_bytes())
    command = {
        "memory": ["verify", log, "--key", key, "--state", str(told)],
        "records": ["verify", log, "--key", key, "--state", str(tmp_path / "state"), "--incremental"],
        "receipts": ["check-receipt", str(told), log, "--key", key],
        "rows": ["verify", log, "--key", key, "--rows", str(told)],
        "pack": ["verify", str(told), "--key", key],
        "key": ["verify", log, "--key", str(told)],
    }[name]
    tracemalloc.start()
    try:
        code = main(command)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert code == {"rows": 1, "pack": 1}.get(name, 64), capsys.readouterr()
    assert peak < 300 * MEGABYTE, f"{peak / MEGABYTE:.0f} MB"
