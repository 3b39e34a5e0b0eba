"""Whoever reads what a command says may stop reading; the command then ends with a sentence and not with a crash."""

import os
import subprocess
import sys
from pathlib import Path

from tests.audit.logs import KEY, Log, Story


def unread(*command: str) -> tuple[int, str]:
    """Run a command whose reader is gone already; return its exit code and what it complained of."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command], stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
    finally:
        os.close(writing)
    return done.returncode, done.stderr


def test_policies_end_with_a_sentence() -> None:
    assert unread("policies", "matrix") == (1, "error: nobody reads on\n")


def test_the_service_ends_with_a_sentence() -> None:
    assert unread("service", "matrix") == (1, "trennwand: nobody reads on\n")


def test_a_verdict_that_nobody_read_is_none(tmp_path: Path) -> None:
    story = Story()
    story.trade("t-1")
    log = Log(tmp_path, story.lines)

    assert unread("audit", "verify", str(log.directory), "--key", str(KEY.verifier)) == (
        70,
        "audit: nobody reads on; this says nothing about the log\n",
    )
