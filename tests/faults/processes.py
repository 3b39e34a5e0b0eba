"""Processes of the fault runs: started again whenever they have died, killed as a power cut does."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from service.kernel import embedded

CLONE = Path(__file__).parents[2]
POLL_SECONDS = 0.05
STALLED_SECONDS_MAX = 400
DEATHS_MAX = 20  # of one process that nobody killed
ORIGIN = "trennwand.demo/log"


@dataclass
class Process:
    """A process that is started again whenever it has died."""

    name: str
    command: Sequence[str]
    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    told: Callable[[], str | None] = lambda: None
    running: subprocess.Popen[str] | None = None
    last_words: list[str] = field(default_factory=list)  # of deaths nobody ordered
    lives: int = 0

    def keep(self) -> None:
        """Start it, if it does not run and has something to do."""
        if self.runs():
            return
        if self.running is not None and self.running.returncode not in (0, -signal.SIGKILL):
            told = self.log.read_text().splitlines()
            self.last_words.append(told[-1][:200] if told else f"exit code {self.running.returncode}")
            if len(self.last_words) > DEATHS_MAX:
                raise RuntimeError(f"{self.name} ends again and again: {self.last_words[-1]}")
        words = self.told()
        if words == "":
            return
        self.lives += 1
        own = {name: value for name, value in os.environ.items() if not name.startswith("TRENNWAND_")}
        with self.log.open("a") as log:
            self.running = subprocess.Popen(
                self.command, cwd=CLONE, env=own | dict(self.environment), text=True,
                stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        assert self.running.stdin is not None
        if words is not None:
            self.running.stdin.write(words + "\n")
        self.running.stdin.close()

    @property
    def log(self) -> Path:
        """Where it says what it has to say."""
        return self.data / f"{self.name}.log"

    def runs(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.running is not None and self.runs():
            self.running.send_signal(number)


def signer_command(data: Path, *more: str) -> list[str]:
    """Return what starts the log's signer, which keeps its key and its memory beside the bank."""
    place = data.with_name("signer")
    own = ["--key", str(place / "log-key.pem"), "--state", str(place / "state"), "--origin", ORIGIN]
    return [sys.executable, "-m", "audit", "signer", *own, *(more or ("--socket", str(place / "sock")))]


def begin_signer(data: Path) -> None:
    """Make the signer's key, and tell the bank where its signer listens."""
    place = data.with_name("signer")
    place.mkdir(mode=0o700)
    subprocess.run(signer_command(data, "--new"), cwd=CLONE, check=True, stdout=subprocess.DEVNULL)
    data.mkdir(exist_ok=True)
    (data / "trennwand.toml").write_text(f'signer = "unix:{place / "sock"}"\n', encoding="utf-8")


def erased(data: Path) -> None:
    """Delete the database once the last watchdog of a killed process has left it."""
    deadline = time.monotonic() + STALLED_SECONDS_MAX
    while True:
        try:
            embedded.erase(data)
        except embedded.CannotStart:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return


def counted(file: Path) -> int:
    """Return how many whole lines a file has."""
    return file.read_bytes().count(b"\n") if file.exists() else 0


def facts_in(file: Path) -> list[dict[str, Any]]:
    """Return what the whole lines of a file say; a line still being written when its process died is none."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="ascii").split("\n")[:-1]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ready(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).status_code == 200
    return False


def children(parent: int, title: bytes) -> list[int]:
    """Return the processes of ``parent`` whose title contains ``title``."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            above = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if above == parent and title in (place / "cmdline").read_bytes():
                found.append(int(place.name))
    return sorted(found)
