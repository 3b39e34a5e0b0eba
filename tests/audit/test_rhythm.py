"""Silence and recovery: heartbeats (V15, row 44) and what stops declare (V27, row 18)."""

from pathlib import Path
from typing import Any

import pytest

from audit.report import Status, Verdict
from tests.audit.logs import Log, Story, caught, failed


def beating(**promises: Any) -> Story:
    """A story with a heartbeat every minute, ten of them."""
    story = Story(**promises)
    for minute in range(10):
        story.add("log.heartbeat", seconds=60 * minute + 2)
    return story


def test_a_regular_heartbeat_is_verified(tmp_path: Path) -> None:
    for number, story in enumerate((beating(), beating(heartbeat_seconds=60))):
        report = Log(tmp_path / str(number), story.lines).verify()

        assert report.verdict is Verdict.VERIFIED
        assert report.check("V15").status is Status.OK


def test_a_log_without_heartbeats_promises_none(log: Log) -> None:
    assert log.verify().check("V15").status is Status.NOT_PART


@pytest.mark.parametrize("promises", [{}, {"heartbeat_seconds": 60}])
def test_44_a_silent_quiet_period_is_seen_when_the_log_goes_on(tmp_path: Path, promises: dict) -> None:
    story = beating(**promises)
    story.add("log.heartbeat", seconds=542 + 181)
    log = Log(tmp_path, story.lines)

    report = log.verify()

    assert caught(report, "V15", 12)
    assert failed(report) == {"V15"}
    assert "181 seconds" in report.check("V15").sentence


def test_44_three_missed_heartbeats_are_tolerated(tmp_path: Path) -> None:
    story = beating()
    story.add("log.heartbeat", seconds=542 + 180)

    assert Log(tmp_path, story.lines).verify().verdict is Verdict.VERIFIED


def test_44_taking_the_heartbeats_out_of_a_log_that_promised_them_is_seen(tmp_path: Path) -> None:
    story = Story(heartbeat_seconds=60)
    story.add("trade.note", seconds=400)

    assert caught(Log(tmp_path, story.lines).verify(), "V15", 2)


@pytest.mark.parametrize("before", [0, 15])
def test_a_stop_that_is_recorded_explains_the_silence(tmp_path: Path, before: int) -> None:
    story = beating()
    for number in range(before):  # a start publishes its policy, another node acts
        story.add("trade.note", seconds=10_000 + number)
    story.add("log.restart", seconds=10_100)

    assert Log(tmp_path, story.lines).verify().verdict is Verdict.VERIFIED


def test_44_a_stop_recorded_much_later_or_refused_explains_nothing(tmp_path: Path) -> None:
    late = beating()
    for number in range(16):
        late.add("trade.note", seconds=10_000 + number)
    late.add("log.restart", seconds=10_100)
    refused = beating()
    refused.add("log.restart", seconds=10_000, outcome="refuse")
    earlier = beating()
    earlier.add("log.restart", seconds=550)
    earlier.add("trade.note", seconds=10_000)

    assert caught(Log(tmp_path / "late", late.lines).verify(), "V15", 12)
    assert caught(Log(tmp_path / "refused", refused.lines).verify(), "V15", 12)
    assert caught(Log(tmp_path / "earlier", earlier.lines).verify(), "V15", 13)


def test_silence_before_the_first_heartbeat_counts_only_if_promised(tmp_path: Path) -> None:
    for promises in ({}, {"heartbeat_seconds": 60}):
        story = Story(**promises)
        story.add("log.heartbeat", seconds=10_000)
        report = Log(tmp_path / str(len(promises)), story.lines).verify()
        assert (report.verdict is Verdict.VERIFIED) is not promises.__contains__("heartbeat_seconds")


def test_time_that_runs_back_a_little_hides_no_silence(tmp_path: Path) -> None:
    story = beating()
    story.add("trade.note", seconds=542 - 100)
    story.add("trade.note", seconds=542 + 200)

    assert caught(Log(tmp_path, story.lines).verify(), "V15", 13)


def test_heartbeats_of_entries_that_are_missing_cannot_be_judged(tmp_path: Path) -> None:
    log = Log(tmp_path, beating(heartbeat_seconds=60).lines)
    log.file("tile/entries/000.p/12").unlink()

    assert log.verify().verdict is Verdict.INCOMPLETE


# V27.


def recovery(log: Log, **changes: Any) -> dict[str, Any]:
    report = log.verify()
    assert report.root is not None
    return {"size": 302, "root": report.root.hex(), "persons": ["p:one", "p:two"]} | changes


def test_a_recovery_names_where_it_led_and_two_people(log: Log, story: Story) -> None:
    story.add("log.recover", data=recovery(log))
    log.grow(story.lines[302:])

    assert log.verify().verdict is Verdict.VERIFIED
    assert log.verify().check("V27").status is Status.OK


@pytest.mark.parametrize(
    "changes",
    [
        {"persons": ["p:one"]},
        {"persons": ["p:one", "p:one"]},
        {"persons": ["p:one", 2]},
        {"persons": "p:one"},
        {"root": "00" * 32},
        {"size": 301},
        {"size": 303},
        {"size": "302"},
    ],
)
def test_18_a_recovery_that_says_something_else_is_seen(log: Log, story: Story, changes: dict) -> None:
    story.add("log.recover", data=recovery(log, **changes))
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V27", 302)


def test_18_a_start_that_found_less_than_was_there_needs_a_recovery(log: Log, story: Story) -> None:
    story.add("log.restart", data={"size": 302})
    story.add("log.restart", data={"size": 303})
    log.grow(story.lines[302:])
    assert log.verify().check("V27").status is Status.OK

    facts = recovery(log, size=304)
    story.add("log.restart", data={"size": 303}, seconds=303 + 119)  # another node, which looked before
    log.grow(story.lines[304:])
    assert log.verify().verdict is Verdict.VERIFIED
    log.forge(story.lines[:304], signed=True)
    del story.lines[304:]
    story.add("log.restart", data={"size": 303}, seconds=303 + 121)
    log.forge(story.lines, signed=True)
    assert caught(log.verify(), "V27", 304)
    assert failed(log.verify()) == {"V27"}

    told = story.lines[:304]
    again = Story()
    again.lines[:] = told
    again.add("log.recover", data=facts)
    again.add("log.restart", data={"size": 250}, seconds=303 + 121)
    log.forge(again.lines, signed=True)
    assert log.verify().verdict is Verdict.VERIFIED


@pytest.mark.parametrize("size", [-1, 303, "302"])
def test_a_start_cannot_have_found_what_cannot_be(log: Log, story: Story, size: object) -> None:
    story.add("log.restart", data={"size": size})
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V27", 302)
