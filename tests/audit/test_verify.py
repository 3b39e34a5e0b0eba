"""What the verifier says, remembers and refuses, apart from tampering."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import receipt, verify
from audit.__main__ import main
from audit.checkpoint import Checkpoint
from audit.entry import leaf_hash, timestamp
from audit.memory import UnusableState
from audit.merkle import EMPTY_ROOT
from audit.report import CHECKS, Status, Verdict
from audit.scan import Task, scan
from tests.audit.logs import KEY, ORIGIN, OTHER_KEY, START, TRADER, Log, Story, respell


def test_every_check_is_named_in_every_report(log: Log) -> None:
    report = log.verify()

    assert [check.number for check in report.checks] == list(CHECKS)
    assert {c.number for c in report.checks if c.status is Status.NOT_ASKED} == {"V5", "V20", "V25"}
    assert {c.number for c in report.checks if c.status is Status.NOT_PART} == {
        *("V4", "V15", "V18", "V19", "V21", "V22", "V24", "V26", "V27", "V28"),
    }
    assert "not part of L1" in report.check("V4").sentence


def test_a_higher_level_is_incomplete_as_long_as_its_checks_cannot_run(tmp_path: Path) -> None:
    report = Log(tmp_path, Story("L3").lines).verify()

    assert report.line() == "INCOMPLETE (L3 witnessed)"
    assert report.check("V4").status is Status.MISSING
    assert report.check("V21").status is Status.NOT_PART


def test_less_than_the_level_demanded_is_incomplete(log: Log) -> None:
    assert log.verify(level="L1").verdict is Verdict.VERIFIED
    assert log.verify(level="L3").line() == "INCOMPLETE (L1 self-signed)"


@pytest.mark.parametrize("level", ["L0", "L10", "", "l1"])
def test_a_level_that_does_not_exist_is_no_level(tmp_path: Path, level: str) -> None:
    report = Log(tmp_path, Story(level).lines).verify()

    assert report.line() == "TAMPERED (level unknown)"


def test_a_log_begins_with_its_genesis(tmp_path: Path) -> None:
    lines = Story().lines
    without = Log(tmp_path / "without", [lines[1]]).verify()
    twice = Log(
        tmp_path / "twice",
        [*lines, respell(lines[0], id="00000fff-0000-7000-8000-000000000fff", nonce="f" * 32)],
    )
    other = Log(tmp_path / "other", [respell(lines[0], data={"level": "L1", "origin": "other"}), lines[1]])

    assert (without.check("V2").status, without.first_bad_index) == (Status.FAILED, 0)
    assert (twice.verify().check("V2").status, twice.verify().first_bad_index) == (Status.FAILED, 2)
    assert (other.verify().check("V2").status, other.verify().first_bad_index) == (Status.FAILED, 0)


def test_a_checkpoint_of_another_origin_than_the_pinned_key_is_refused(log: Log) -> None:
    report = verify.verify(log.directory, verify.VerifierKey("other", KEY.verifier.public))

    assert report.check("V2").status is Status.FAILED
    assert report.verdict is Verdict.TAMPERED


def test_a_genesis_may_bring_its_policy(tmp_path: Path) -> None:
    story = Story()
    rules = json.loads(story.lines[1])["data"]
    first = respell(story.lines[0], data={"origin": ORIGIN, "level": "L1"} | rules)
    story.lines[:] = [first]
    story.add("trade.capture", person=TRADER, trade="t")
    log = Log(tmp_path, story.lines)
    assert log.verify().verdict is Verdict.VERIFIED

    story.add("trade.verify", person=TRADER, trade="t")
    log.grow(story.lines[2:])
    assert log.verify().check("V16").index == 2


def test_a_signed_empty_log_states_no_level(tmp_path: Path) -> None:
    log = Log(tmp_path, [])

    assert log.verify().line() == "INCOMPLETE (level unknown)"
    assert log.verify().root == EMPTY_ROOT


@pytest.mark.parametrize("size", [2, 255, 256, 257, 512, 513])
def test_logs_around_the_width_of_a_bundle_are_verified(tmp_path: Path, size: int) -> None:
    story = Story()
    while len(story.lines) < size:
        story.add("trade.note")
    log = Log(tmp_path, story.lines)

    assert log.verify().verdict is Verdict.VERIFIED
    assert log.verify().size == size


def test_several_processes_find_what_one_finds(log: Log, story: Story, monkeypatch) -> None:
    for number in range(150):
        story.trade(f"u-{number}")
    story.add("trade.verify", person=TRADER, trade="t-3")
    story.add("trade.note", number=5)
    log.grow(story.lines[302:])
    alone = log.verify()
    monkeypatch.setattr(verify, "RANGE_BUNDLES", 1)

    failed = {c.number: c.index for c in alone.checks if c.status is Status.FAILED}
    assert failed == {"V12": 603, "V14": 603, "V16": 602}
    assert log.verify(workers=1) == alone
    assert log.verify(workers=2) == alone


def test_memory_grows_with_what_was_verified_only(log: Log, story: Story) -> None:
    first = log.verify(state=log.memory)
    assert first.check("V5").status is first.check("V25").status is Status.OK
    assert len(json.loads(log.memory.read_text())["seen"]) == 1
    log.verify(state=log.memory)
    assert len(json.loads(log.memory.read_text())["seen"]) == 1

    story.add("trade.verify", person=TRADER, trade="t-3")
    log.grow(story.lines[302:])
    assert log.verify(state=log.memory).verdict is Verdict.TAMPERED
    assert len(json.loads(log.memory.read_text())["seen"]) == 1


def test_a_checkpoint_seen_whose_root_is_lost_decides_nothing(log: Log, story: Story) -> None:
    assert log.verify(state=log.memory).check("V5").status is Status.OK
    story.trade("t-new")
    log.grow(story.lines[302:])
    log.file("tile/1/000.p/1").unlink()

    report = log.verify(state=log.memory)

    assert (report.verdict, report.check("V5").status) == (Verdict.INCOMPLETE, Status.MISSING)
    assert report.check("V5").sentence.startswith("The root of 302 is lost")


def test_certified_nodes_that_nobody_can_check_are_never_fine(tmp_path: Path) -> None:
    report = Log(tmp_path, Story(nodes="certified").lines).verify()

    assert (report.verdict, report.check("V18").status) == (Verdict.INCOMPLETE, Status.MISSING)


def test_every_checkpoint_seen_is_compared(log: Log, story: Story) -> None:
    for number in range(3):
        assert log.verify(state=log.memory).verdict is Verdict.VERIFIED
        story.trade(f"u-{number}")
        log.grow(story.lines[-2:])
    report = log.verify(state=log.memory)

    assert report.verdict is Verdict.VERIFIED
    assert len(json.loads(log.memory.read_text())["seen"]) == 4


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"origin":"other","seen":[]}', f'{{"origin":"{ORIGIN}","seen":[5]}}']
)
def test_a_damaged_memory_is_not_taken_for_an_empty_one(log: Log, damage: str) -> None:
    log.memory.write_text(damage)

    with pytest.raises(UnusableState):
        log.verify(state=log.memory)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_to_any_file_crashes_the_verifier_or_passes(tmp_path_factory, data) -> None:
    log = damaged_log(tmp_path_factory)
    path = data.draw(st.sampled_from(sorted(p for p in log.directory.rglob("*") if p.is_file())))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    put = data.draw(st.binary(max_size=4))
    damaged = whole[:at] + put + whole[at + data.draw(st.integers(0, 40)) :]
    path.write_bytes(damaged)
    try:
        verdict = log.verify().verdict
    finally:
        path.write_bytes(whole)

    assert (verdict is Verdict.VERIFIED) is (damaged == whole)


_logs: list[Log] = []


def damaged_log(factory) -> Log:
    """One log for all examples; each puts back what it damaged."""
    if not _logs:
        story = Story()
        for number in range(130):
            story.trade(f"t-{number}")
        _logs.append(Log(factory.mktemp("damaged"), story.lines))
    return _logs[0]


def test_a_signed_size_beyond_all_files_does_not_keep_the_verifier_searching(log: Log) -> None:
    log.sign_past_signer(Checkpoint(ORIGIN, 2**62, bytes(32)))

    report = log.verify()

    assert report.verdict is Verdict.INCOMPLETE
    assert report.check("V8").status is Status.MISSING


def test_a_directory_in_the_place_of_a_file_is_a_missing_file(log: Log) -> None:
    for path in ("checkpoint", "tile/entries/000", "tile/0/000", "tile/1/000.p/1"):
        whole = log.file(path).read_bytes()
        log.file(path).unlink()
        log.file(path).mkdir()
        assert log.verify().verdict is Verdict.INCOMPLETE, path
        log.file(path).rmdir()
        log.file(path).write_bytes(whole)


def test_a_scan_keeps_one_finding_of_a_kind_however_many_there_are(log: Log) -> None:
    log.forge([b"{}"] * 302, signed=True)
    found = scan(Task(log.directory, 0, 2, 302, 1))

    assert len(found.findings) == 1
    assert log.verify().first_bad_index == 0


# The command line.


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_the_first_line_is_the_verdict(log: Log, capsys) -> None:
    assert run("verify", log.directory, "--key", KEY.verifier) == 0

    told = capsys.readouterr().out.splitlines()
    assert told[0] == "audit: VERIFIED (L1 self-signed)"
    assert told[1] == "size 302"
    assert told[2].startswith("root ")
    assert sum(line.startswith("V") for line in told) == len(CHECKS)


def test_the_report_is_given_as_json(log: Log, capsys) -> None:
    assert run("verify", log.directory, "--key", KEY.verifier, "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["level"], report["size"]) == ("VERIFIED", "L1", 302)
    assert report["checks"][0] == {"number": "V1", "status": "ok", "sentence": CHECKS["V1"], "index": None}


def test_the_key_may_be_a_file_or_a_pem(log: Log, tmp_path: Path) -> None:
    (tmp_path / "log.pub").write_text(f"{KEY.verifier}\n")
    for key, code in ((KEY, 0), (OTHER_KEY, 1)):
        pem = key.private.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        (tmp_path / "log.pem").write_bytes(pem)
        assert run("verify", log.directory, "--key", tmp_path / "log.pem") == code
    assert run("verify", log.directory, "--key", tmp_path / "log.pub") == 0


def test_exit_codes_tell_verdicts_from_mistakes(log: Log, tmp_path: Path, capsys, monkeypatch) -> None:
    key = KEY.verifier
    assert run("verify", log.directory, "--key", key, "--state", tmp_path / "state") == 0
    assert run("verify", log.directory, "--key", key, "--level", "L4") == 2
    assert run("verify", log.directory, "--key", OTHER_KEY.verifier) == 1

    assert run("verify", log.directory) == 64
    assert run("verify", log.directory, "--key", "nonsense") == 64
    assert run("verify", log.directory, "--key", key, "--nonsense") == 64
    assert run("verify", tmp_path / "nowhere", "--key", key) == 64
    assert run() == 64
    assert run("--help") == 0
    (tmp_path / "state").write_text("damaged")
    assert run("verify", log.directory, "--key", key, "--state", tmp_path / "state") == 64

    monkeypatch.setattr("audit.__main__.verify", lambda *_, **__: 1 // 0)
    assert run("verify", log.directory, "--key", key) == 70
    assert "says nothing about the log" in capsys.readouterr().err


def test_the_program_runs_with_the_standard_library_and_cryptography_alone(log: Log) -> None:
    code = (
        "import sys; before = set(sys.modules);"  # what this Python brings by itself, as Debian's does
        "from audit.__main__ import main; code = main(sys.argv[1:]);"
        "ours = {m.split('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names);"
        "print(sorted(n for n in ours if not n.startswith('_')), code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(log.directory), "--key", str(KEY.verifier)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout.splitlines()[-1] == "['audit', 'cryptography'] 0"


@pytest.fixture
def receipts(log: Log, tmp_path: Path) -> Path:
    items = [(f"e-{n}", leaf_hash(log.lines[n]), timestamp(START)) for n in (10, 20)]
    path = tmp_path / "receipts.json"
    path.write_text(json.dumps(receipt.issue(KEY, ORIGIN, items, 60)))
    return path


def test_receipts_are_checked_alone_and_against_the_log(log: Log, receipts: Path, capsys) -> None:
    one = receipts.with_name("one.json")
    one.write_text(json.dumps(json.loads(receipts.read_text())[0]))

    assert run("check-receipt", receipts, "--key", KEY.verifier) == 0
    assert run("check-receipt", one, "--key", KEY.verifier) == 0
    assert "no log was given" in capsys.readouterr().out
    assert run("check-receipt", receipts, "--key", KEY.verifier, log.directory) == 0
    assert "audit: VERIFIED (L1 self-signed)" in capsys.readouterr().out
    assert run("verify", log.directory, "--key", KEY.verifier, "--receipts", receipts) == 0


def test_a_receipt_for_what_the_log_lacks_convicts_it(log: Log, receipts: Path) -> None:
    items = [("e-1", leaf_hash(b"left out"), timestamp(START))]
    receipts.write_text(json.dumps(receipt.issue(KEY, ORIGIN, items, 60)))

    assert run("check-receipt", receipts, "--key", KEY.verifier, log.directory) == 1


def test_a_forged_receipt_is_told_from_a_broken_file(log: Log, receipts: Path) -> None:
    assert run("check-receipt", receipts, "--key", OTHER_KEY.verifier) == 1
    receipts.write_text("[{}]")
    assert run("check-receipt", receipts, "--key", KEY.verifier) == 1
    receipts.write_text("nonsense")
    assert run("check-receipt", receipts, "--key", KEY.verifier) == 64
    assert run("check-receipt", receipts.with_name("none"), "--key", KEY.verifier) == 64


def test_a_log_is_verified_wherever_it_is_copied(log: Log, tmp_path: Path) -> None:
    shutil.copytree(log.directory, tmp_path / "copy")
    log.directory = tmp_path / "copy"

    assert log.verify().verdict is Verdict.VERIFIED
    assert Checkpoint.parse(log.checkpoint.read_text().partition("\n\n")[0] + "\n").size == 302
