"""kill -9 of service and PostgreSQL in the middle of the day, then start again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from audit.keys import load_public
from audit.report import Verdict
from audit.verify import verify
from service.demo.plan import DEALS_MIN
from service.kernel import embedded

CLONE = Path(__file__).parents[2]
ANSWERS_BEFORE = 300  # in the middle of the first day's deals
SECONDS_MAX = 240


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Give a data directory; what lies outside of it for its sake is removed at the end."""
    yield tmp_path / "data"
    embedded.erase(tmp_path / "data")


@pytest.fixture
def start(data: Path) -> Iterator[Start]:
    """Give what starts the demo bank as a process of its own; none is left at the end."""
    started: list[subprocess.Popen[str]] = []

    def one(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "service", "run", "--data", str(data), "--port", "0", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRENNWAND_")}
        process = subprocess.Popen(
            [*command, "--deals", str(DEALS_MIN)],
            cwd=CLONE, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append(process)
        return process

    yield one
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def answers(data: Path) -> list[str]:
    """Return the answers given so far, one line each; a line still being written is none."""
    file = data / "answers.jsonl"
    return file.read_text().splitlines(keepends=True)[:-1] if file.exists() else []


def postmaster(data: Path) -> int:
    """Return the process number of the bank's PostgreSQL."""
    home = data / "postgresql"
    home = Path(home.read_text()) if home.is_file() else home
    return int((home / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def test_after_kill_9_every_answer_is_still_true(data: Path, start: Start) -> None:
    killed = start("--no-serve")
    deadline = time.monotonic() + SECONDS_MAX
    while len(answers(data)) < ANSWERS_BEFORE:
        assert killed.poll() is None, killed.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(postmaster(data), signal.SIGKILL)
    killed.kill()
    killed.communicate()
    given = answers(data)

    again = start("--no-serve")
    told, _ = again.communicate(timeout=SECONDS_MAX)

    assert again.returncode == 0, told
    assert "audit: VERIFIED (L1 self-signed)" in told
    assert "BROKEN" not in told
    assert answers(data)[: len(given)] == given  # each was given again, word for word, or the day had stopped
    receipts = [json.loads(line)["body"]["receipt"] for line in given]
    report = verify(data / "log", load_public(str(data / "log-key.pub")), receipts=receipts)
    assert report.verdict is Verdict.VERIFIED

    third = start()
    assert third.stdout is not None
    lines = []
    for line in third.stdout:
        lines.append(line)
        if line.startswith("serving: "):
            break
    assert "audit: VERIFIED (L1 self-signed)\n" in lines
    assert "of about" not in "".join(lines)  # a finished day is never replayed
    assert httpx.get(f"{lines[-1].split()[1]}/health/ready", trust_env=False).status_code == 200
    third.terminate()
    assert third.wait(timeout=60) == 0
