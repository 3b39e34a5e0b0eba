"""V22 over a whole log: every business row exported beside it, held against the last entry on it."""

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import reconcile, verify
from audit.__main__ import main
from audit.pack import canonical
from audit.reconcile import Header, RowsWriter
from audit.report import Report, Status, Verdict
from audit.rows import MalformedRows, Movement, Row
from tests.audit.logs import KEY, NOW, ORIGIN, Log, failed
from tests.audit.mutants import take_out
from tests.audit.packs import Deals

DEALS = 3


@pytest.fixture
def story(tmp_path: Path) -> Deals:
    told = Deals(tmp_path / "policy")
    for number in range(DEALS):
        told.life(f"t-{number}")
    return told


@pytest.fixture
def log(story: Deals, tmp_path: Path) -> Log:
    return Log(tmp_path, story.lines)


def rows_of(story: Deals) -> list[Row | Movement]:
    held = [Row(kind, name, view["rev"], view) for (kind, name), view in story.views.items()]
    return [*held, *story.movements]


def written(path: Path, content: Iterable[Row | Movement], **header: Any) -> Path:
    writer = RowsWriter(BytesIO())
    for one in content:
        writer.add(one)
    with path.open("wb") as target:
        writer.finish(Header(**{"origin": ORIGIN, "size": 0, "reach": 0} | header), target)
    return path


def exported(log: Log, story: Deals, spoil: Callable[[list[Any]], None] | None = None) -> Path:
    content = rows_of(story)
    if spoil is not None:
        spoil(content)
    size = len(log.lines)
    return written(log.directory.parent / "rows", content, size=size, reach=size)


def judged(log: Log, path: Path, **asked: Any) -> Report:
    return log.verify(rows=path, **asked)


def test_rows_that_are_what_the_entries_left_behind_are_reconciled(log: Log, story: Deals) -> None:
    report = judged(log, exported(log, story))

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert report.check("V22").status is Status.OK
    told = f"The business rows are those after the first {len(log.lines)} of {len(log.lines)} entries"
    assert any(remark.startswith(told) for remark in report.remarks)
    assert log.verify().check("V22").status is Status.NOT_PART, "without rows nothing is said of them"


def edit(content: list[Any]) -> None:
    row = content[0]
    content[0] = Row(row.kind, row.id, row.rev, {**row.view, "number": 99})


def delete(content: list[Any]) -> None:
    del content[0]


def add(content: list[Any]) -> None:
    content.append(Row("trade", "t-99", 1, {"id": "t-99", "rev": 1, "number": 7}))


def repeat(content: list[Any]) -> None:
    content.append(content[0])


def step_back(content: list[Any]) -> None:
    row = next(one for one in content if isinstance(one, Row) and one.rev > 1)
    content[content.index(row)] = Row(row.kind, row.id, 1, {**row.view, "rev": 1})


def change_terms(content: list[Any]) -> None:
    one = content[-1]
    content[-1] = Movement(one.kind, one.by, {**one.view, "base": "USD"})


def lose_terms(content: list[Any]) -> None:
    del content[-1]


def invent_terms(content: list[Any]) -> None:
    content.append(Movement("trade_version", ("e-0", "trade:t-0", "terms_digest"), {"base": "EUR"}))


def repeat_terms(content: list[Any]) -> None:
    content.append(content[-1])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (edit, "trade t-0 is not what its last entry left behind"),
        (delete, "trade t-0 is missing from the rows"),
        (add, "trade t-99 is in no entry of the log"),
        (repeat, "trade t-0 stands twice"),
        (step_back, "is at rev 1; its last entry left it at rev 2"),
        (change_terms, "trade:t-2 is not what its entry vouches for"),
        (lose_terms, "What the terms_digest of trade:t-2 stands for is missing from the rows"),
        (invent_terms, "trade:t-0 is vouched for by no entry"),
        (repeat_terms, "trade:t-2 stands twice"),
    ],
)
def test_a_row_that_the_log_does_not_bear_out_is_named(
    log: Log, story: Deals, spoil: Callable[[list[Any]], None], said: str
) -> None:
    report = judged(log, exported(log, story, spoil))

    assert failed(report) == {"V22"}, report.lines()
    assert said in report.check("V22").sentence


def test_rows_read_while_the_bank_works_may_stand_before_or_after_what_was_just_written(
    log: Log, story: Deals
) -> None:
    before = rows_of(story)
    size = len(log.lines)
    story.act("trade.verify", "p:verifier", "t-0", {"control": {"state": "settling"}})
    log.grow(story.lines[size:])
    mixed = log.directory.parent / "mixed"

    for content in (before, rows_of(story)):
        report = judged(log, written(mixed, content, size=size, reach=size + 1))
        assert report.verdict is Verdict.VERIFIED, report.lines()
    report = judged(log, written(mixed, before, size=size + 1, reach=size + 1))
    assert failed(report) == {"V22"}, "what had been written must be seen"


def test_rows_that_reach_behind_the_signed_log_wait_for_a_newer_copy(log: Log, story: Deals) -> None:
    size = len(log.lines)
    report = judged(log, written(log.directory.parent / "rows", rows_of(story), size=size, reach=size + 1))

    assert (report.verdict, report.check("V22").status) == (Verdict.INCOMPLETE, Status.MISSING)


def test_rows_that_have_surely_seen_too_little_decide_nothing(
    log: Log, story: Deals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "UNPLACED_MAX", 3)
    size = len(log.lines)
    path = written(log.directory.parent / "rows", rows_of(story), size=size - 3, reach=size)
    assert judged(log, path).verdict is Verdict.VERIFIED
    path = written(log.directory.parent / "rows", rows_of(story), size=size - 4, reach=size)
    assert judged(log, path).verdict is Verdict.INCOMPLETE


def test_rows_of_another_log_are_not_those_of_this_one(log: Log, story: Deals) -> None:
    path = written(log.directory.parent / "rows", rows_of(story), origin="another.example/log")

    assert failed(judged(log, path)) == {"V22"}


def test_what_cannot_be_read_leaves_the_rows_undecided(log: Log, story: Deals) -> None:
    path = exported(log, story)
    next((log.directory / "tile" / "entries").rglob("*.p")).joinpath(str(len(log.lines))).unlink()

    assert judged(log, path).check("V22").status is Status.MISSING
    assert judged(log, path, tree_only=True).check("V22").status is Status.MISSING


def test_a_log_of_several_ranges_parts_its_rows_likewise(
    log: Log, story: Deals, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(DEALS, 200):
        story.life(f"t-{number}")
    log.grow(story.lines[len(log.lines) :])
    monkeypatch.setattr(verify, "RANGE_BUNDLES", 1)

    assert judged(log, exported(log, story)).verdict is Verdict.VERIFIED
    report = judged(log, exported(log, story, delete))
    assert failed(report) == {"V22"}
    assert "trade t-0 is missing" in report.check("V22").sentence


# Hostile files -------------------------------------------------------------------------------------

FIRST = canonical({"format": reconcile.FORMAT, "origin": ORIGIN, "reach": 1, "size": 1}) + b"\n"
ROW = canonical({"id": "t", "kind": "trade", "rev": 1, "view": {"id": "t"}}) + b"\n"
END = canonical({"count": 1}) + b"\n"
HOSTILE = {
    "nothing": b"",
    "no first line": ROW + END,
    "another form": FIRST.replace(b"rows/1", b"rows/2") + ROW + END,
    "a size beyond its reach": FIRST.replace(b'"size":1', b'"size":2') + ROW + END,
    "a size of true": FIRST.replace(b'"size":1', b'"size":true') + ROW + END,
    "cut off": FIRST + ROW,
    "cut off in a line": FIRST + ROW[:-3],
    "another count": FIRST + END,
    "a line behind the end": FIRST + ROW + END + ROW,
    "white space": FIRST + ROW.replace(b":", b": ") + END,
    "no JSON": FIRST + b"{\n" + END,
    "too deep": FIRST + b"[" * 100_000 + b"]" * 100_000 + b"\n" + END,
    "too long": FIRST + b'"' + b"x" * reconcile.LINE_BYTES_MAX + b'"\n' + END,
    "a number of a million digits": FIRST + b"9" * 500_000 + b"\n" + END,
    "half a surrogate pair": FIRST + ROW.replace(b'"trade"', b'"\\ud800"') + END,
    "a revision of nought": FIRST + ROW.replace(b'"rev":1', b'"rev":0') + END,
    "a revision beyond all": FIRST + ROW.replace(b'"rev":1', b'"rev":99999999999999999999') + END,
    "a row that is none": FIRST + b'{"id":"t"}\n' + END,
    "a row under another name": FIRST + ROW.replace(b'{"id":"t"}', b'{"id":"u"}') + END,
    "a movement that is none": FIRST + b'{"by":5}\n' + END,
    "a list": FIRST + b"[]\n" + END,
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_file_of_rows_is_refused_by_name(log: Log, tmp_path: Path, hostile: str) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(HOSTILE[hostile])

    assert failed(judged(log, path)) == {"V22"}, hostile


@given(st.binary(max_size=200), st.integers(0, 400))
@settings(deadline=None, max_examples=200)
def test_no_bytes_crash_the_reader_of_rows(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    whole = FIRST + ROW + END
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(whole[:at] + noise + whole[at + len(noise) // 2 :])
    try:
        found = reconcile.read(path, 4)
    except MalformedRows:
        return
    assert found.header.size <= found.header.reach


def test_the_command_line_takes_the_rows(
    log: Log, story: Deals, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "audit.__main__.verify", lambda *args, **asked: verify.verify(*args, **asked, now=NOW)
    )
    common = ["verify", str(log.directory), "--key", str(KEY.verifier), "--json", "--rows"]

    assert main([*common, str(exported(log, story))]) == 0
    assert main([*common, str(exported(log, story, edit))]) == 1
    assert json.loads(capsys.readouterr().out.split("\n}\n")[1] + "\n}")["first_bad_index"] is not None
    assert main([*common, str(log.directory / "nothing")]) == 64


def test_without_this_check_the_edited_row_would_pass(
    log: Log, story: Deals, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_out("V22", monkeypatch)

    assert judged(log, exported(log, story, edit)).verdict is Verdict.VERIFIED
