"""Verifying only what is new: every byte is hashed again, and what is new is held against everything before it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from audit import note, records, scan, verify
from audit.__main__ import main
from audit.checkpoint import Checkpoint
from audit.memory import UnusableState
from audit.report import Report, Verdict
from audit.tiles import bundle_path, frame, tile_path
from tests.audit.logs import (
    APART,
    KEY,
    LAX_POLICY,
    ORIGIN,
    TRADER,
    VERIFIER,
    Log,
    Story,
    caught,
    failed,
    respell,
)

Add = Callable[[Log, Story], object]


def again(log: Log, **asked: object) -> Report:
    return log.verify(state=log.memory, incremental=True, **asked)


def entries_read(log: Log, monkeypatch: pytest.MonkeyPatch, **asked: object) -> tuple[Report, int]:
    """Verify, and count the entries that were read."""
    count, read = 0, scan.read

    def counting(data: bytes) -> object:
        nonlocal count
        count += 1
        return read(data)

    with monkeypatch.context() as patched:
        patched.setattr(scan, "read", counting)
        report = again(log, **asked)
    return report, count


@pytest.mark.parametrize("bundles", [scan.RANGE_BUNDLES, 1])
def test_only_new_entries_are_read_and_the_verdict_is_that_of_a_full_verification(
    log: Log, story: Story, monkeypatch: pytest.MonkeyPatch, bundles: int
) -> None:
    monkeypatch.setattr(verify, "RANGE_BUNDLES", bundles)
    read = []
    for number in range(4):
        report, count = entries_read(log, monkeypatch)
        full = log.verify(state=log.memory)
        read.append(count)
        assert report.line() == "VERIFIED (L1 self-signed)", report.lines()
        assert report.checks == full.checks
        for trade in range((0, 1, 107, 300)[number]):
            story.trade(f"{number}-{trade}")
        log.grow(story.lines[len(log.lines) :])

    assert read == [302, 0, 2, 214]
    report, count = entries_read(log, monkeypatch)
    assert count == 600
    assert report.remarks[0].startswith("The first 518 entries were read by an earlier verification")


def test_a_full_verification_in_between_forgets_nothing(log: Log, story: Story, monkeypatch) -> None:
    assert again(log).verdict is Verdict.VERIFIED
    story.trade("t-new")
    log.grow(story.lines[302:])
    assert log.verify(state=log.memory).verdict is Verdict.VERIFIED
    story.trade("t-newer")
    log.grow(story.lines[304:])

    report, count = entries_read(log, monkeypatch)

    assert (report.verdict, count) == (Verdict.VERIFIED, 4)


def repeat_an_id(log: Log, story: Story) -> None:
    story.add("trade.note", number=5, seconds=302)


def repeat_a_nonce(log: Log, story: Story) -> None:
    line = json.loads(log.lines[5])
    story.lines.append(respell(story.add("trade.note"), nonce=line["nonce"]))
    del story.lines[-2]


def break_a_chain(log: Log, story: Story) -> None:
    story._revs["trade", "t-3"] = (1, "00" * 32)
    story.add("trade.note", effects=[("trade", "t-3")])


def leave_a_revision_out(log: Log, story: Story) -> None:
    rev, leaf = story._revs["trade", "t-3"]
    story._revs["trade", "t-3"] = (rev + 1, leaf)
    story.add("trade.note", effects=[("trade", "t-3")])


def act_on_both_sides(log: Log, story: Story) -> None:
    story.add("trade.verify", person=TRADER, trade="t-3")


def decide_by_an_unknown_policy(log: Log, story: Story) -> None:
    story.add("trade.note", policy=LAX_POLICY)


def go_back_in_time(log: Log, story: Story) -> None:
    story.add("trade.note", seconds=301 - 121)


def begin_anew(log: Log, story: Story) -> None:
    story.add("log.genesis", person="p:first", data={"origin": ORIGIN, "level": "L1"})


@pytest.mark.parametrize(
    ("add", "check"),
    [
        (repeat_an_id, "V12"),
        (repeat_a_nonce, "V12"),
        (break_a_chain, "V13"),
        (leave_a_revision_out, "V13"),
        (act_on_both_sides, "V16"),
        (decide_by_an_unknown_policy, "V17"),
        (go_back_in_time, "V14"),
        (begin_anew, "V2"),
    ],
)
def test_what_is_new_is_held_against_what_is_old(log: Log, story: Story, add: Add, check: str) -> None:
    assert again(log).verdict is Verdict.VERIFIED
    kept = {path: path.read_bytes() for path in files_beside(log)}
    add(log, story)
    log.grow(story.lines[302:])

    report = again(log)

    assert caught(report, check, 302)
    assert report.checks == log.verify(state=log.memory).checks
    assert {path: path.read_bytes() for path in files_beside(log)} == kept


def files_beside(log: Log) -> list[Path]:
    """List what counts of the records: the summary and the runs that it names."""
    folder = records.folder_of(log.memory)
    told = json.loads((folder / "summary.json").read_bytes())
    runs = [path for name, _ in told["runs"] for path in (folder / name).iterdir()]
    return [folder / "summary.json", *runs]


def test_rules_published_before_bind_what_is_new(log: Log, story: Story) -> None:
    story.publish(LAX_POLICY, APART[1:])
    log.grow(story.lines[302:])
    assert again(log).verdict is Verdict.VERIFIED
    story.add("trade.verify", person=TRADER, trade="t-3", policy=LAX_POLICY)
    log.grow(story.lines[303:])
    assert again(log).verdict is Verdict.VERIFIED, "the rule that kept the two apart is gone"

    story.add("settlement.instruct", person=VERIFIER, effects=[("settlement", "s-1")])
    log.grow(story.lines[304:])
    assert again(log).verdict is Verdict.VERIFIED
    story.add("settlement.release", person=VERIFIER, effects=[("settlement", "s-1")])
    log.grow(story.lines[305:])
    assert caught(again(log), "V16", 305)


def test_silence_across_the_border_is_seen(tmp_path: Path) -> None:
    story = Story(heartbeat_seconds=60)
    story.add("log.heartbeat", seconds=30)
    log = Log(tmp_path, story.lines)
    assert again(log).verdict is Verdict.VERIFIED
    story.add("log.heartbeat", seconds=30 + 181)
    log.grow(story.lines[3:])

    assert caught(again(log), "V15", 3)


def test_old_files_are_hashed_all_the_same(log: Log, story: Story) -> None:
    assert again(log).verdict is Verdict.VERIFIED
    log.put(
        bundle_path(0, 256), frame([*log.lines[:7], respell(log.lines[7], req="r-forged"), *log.lines[8:256]])
    )
    assert caught(again(log), "V7", 7)
    log.put(bundle_path(0, 256), frame(log.lines[:256]))
    tile = log.file(tile_path(0, 0, 256))
    tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    assert caught(again(log), "V7", 0)


def test_another_past_is_no_basis(log: Log, story: Story) -> None:
    assert again(log).verdict is Verdict.VERIFIED
    story.trade("t-new")
    log.forge([*log.lines[:9], respell(log.lines[9], req="r-forged"), *story.lines[10:]], signed=True)
    report = again(log)
    assert failed(report) >= {"V5"}

    log.forge(log.lines[:200], signed=True)
    assert caught(again(log), "V25", 200)


def test_records_of_a_checkpoint_nobody_remembers_do_not_count(log: Log, monkeypatch) -> None:
    assert again(log).verdict is Verdict.VERIFIED
    log.memory.unlink()

    assert entries_read(log, monkeypatch)[1] == 302
    assert entries_read(log, monkeypatch)[1] == 0


def test_too_many_runs_are_read_anew_as_one(log: Log, story: Story, monkeypatch) -> None:
    monkeypatch.setattr(records, "RUNS_MAX", 2)
    counts = []
    for number in range(4):
        counts.append(entries_read(log, monkeypatch)[1])
        story.trade(f"t-{number}-new")
        log.grow(story.lines[len(log.lines) :])

    assert counts == [302, 2, 2, 308]
    assert len(list(records.folder_of(log.memory).iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"{}", b"[" * 100_000, b"null", b'{"size":"x"}'])
def test_a_damaged_summary_is_no_summary(log: Log, damage: bytes) -> None:
    assert again(log).verdict is Verdict.VERIFIED
    (records.folder_of(log.memory) / "summary.json").write_bytes(damage)

    with pytest.raises(UnusableState):
        again(log)


def test_a_run_that_is_gone_or_cut_is_said(log: Log, story: Story) -> None:
    assert again(log).verdict is Verdict.VERIFIED
    story.trade("t-new")
    log.grow(story.lines[302:])
    run = records.folder_of(log.memory) / "302"
    path = run / "effect-0"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(UnusableState, match="within a record"):
        again(log)
    shutil.rmtree(run)
    with pytest.raises(UnusableState, match="without --incremental"):
        again(log)


def test_a_log_whose_old_files_are_gone_is_incomplete(log: Log) -> None:
    assert again(log).verdict is Verdict.VERIFIED
    log.file(bundle_path(0, 256)).unlink()

    assert again(log).verdict is Verdict.INCOMPLETE


def test_an_empty_log_and_one_that_is_not_signed_leave_nothing(tmp_path: Path) -> None:
    log = Log(tmp_path, Story().lines)
    log.checkpoint.write_bytes(note.sign(str(Checkpoint(ORIGIN, 2, bytes(32))), KEY))

    assert again(log).verdict is Verdict.TAMPERED
    assert not records.folder_of(log.memory).exists()


def test_from_the_command_line(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["verify", str(log.directory), "--key", str(KEY.verifier), "--incremental"]

    assert main(command) == 64
    assert main([*command, "--state", str(log.memory), "--tree-only"]) == 64
    assert main([*command, "--state", str(log.memory)]) == 0
    assert main([*command, "--state", str(log.memory)]) == 0
    assert "The first 302 entries were read by an earlier verification" in capsys.readouterr().out
