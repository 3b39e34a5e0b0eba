"""Many transactions at once, failing commits, and kill -9 of every process at random steps; then the books are held.

`python -m tests.faults.many_transactions --transactions 20000` prints what it did and what it found. Acts come over
HTTP from several client processes to two nodes, which compete for the lead over the log; a process of its own signs
it. What was acknowledged is in the clients' files. The seed decides who is killed at which step.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random  # noqa: TID251 - seeded: a run can be repeated
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from policies.policy import load
from service import bank as banks
from service.demo import cast
from service.kernel import embedded
from service.settings import Settings
from service.settings import load as load_settings
from tests.bank import PASSWORD, world
from tests.conftest import OPENING_DATE
from tests.deals import a_desk
from tests.faults import aftermath

CLONE = Path(__file__).parents[2]
POLL_SECONDS = 0.05
STALLED_SECONDS_MAX = 180
DEATHS_MAX = 20  # of one process that nobody killed
AHEAD = 1.1  # the commits that fail are done before the acts are
VICTIMS = ("first node", "second node", "signer", "postmaster", "backend", "client", "failing commits")
ORIGIN = "trennwand.demo/log"


@dataclass(frozen=True)
class Plan:
    """How much is done, and how often somebody is killed."""

    transactions: int
    rollbacks: int
    kills: int
    seed: int = 1
    clients: int = 3


@dataclass
class Process:
    """A process that is started again whenever it has died."""

    name: str
    command: Sequence[str]
    data: Path
    told: Callable[[], str | None] = lambda: None
    running: subprocess.Popen[str] | None = None
    last_words: list[str] = field(default_factory=list)  # of deaths nobody ordered

    def keep(self) -> None:
        """Start it, if it does not run and has something to do."""
        if self.runs():
            return
        if self.running is not None and self.running.returncode not in (0, -signal.SIGKILL):
            told = (self.data / f"{self.name}.log").read_text().splitlines()
            self.last_words.append(told[-1][:200] if told else f"exit code {self.running.returncode}")
            if len(self.last_words) > DEATHS_MAX:
                raise RuntimeError(f"{self.name} ends again and again: {self.last_words[-1]}")
        words = self.told()
        if words == "":
            return
        log = (self.data / f"{self.name}.log").open("a")
        self.running = subprocess.Popen(
            self.command, cwd=CLONE, text=True, stdin=subprocess.PIPE, stdout=log, stderr=log
        )
        log.close()
        assert self.running.stdin is not None
        if words is not None:
            self.running.stdin.write(words + "\n")
        self.running.stdin.close()

    def runs(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()


@dataclass
class Run:
    """One run of the plan in a data directory."""

    plan: Plan
    data: Path
    server: embedded.Server
    ports: list[int] = field(default_factory=lambda: [free_port(), free_port()])
    kills: Counter[str] = field(default_factory=Counter)
    processes: dict[str, Process] = field(default_factory=dict)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)
        python, data = sys.executable, str(self.data)
        node = [python, "-m", "service", "serve", "--data", data, "--port", str(self.ports[0])]
        other = [python, "-m", "tests.faults.nodes", "serve", data, "--port", str(self.ports[1])]
        commits = [python, "-m", "tests.faults.nodes", "fail", data]
        signs = signer_command(self.data)
        for name, command in (
            ("signer", signs),
            ("first node", node),
            ("second node", other),
            ("failing commits", commits),
        ):
            self.processes[name] = Process(name, command, self.data)
        for number in range(self.plan.clients):
            name = f"client {number}"
            command = [python, "-m", "tests.faults.crowd"]
            self.processes[name] = Process(name, command, self.data, self._share(number))

    def _share(self, number: int) -> Callable[[], str]:
        whole = self.plan.transactions - self.plan.rollbacks
        share = whole // self.plan.clients + (number < whole % self.plan.clients)
        answers = self.answers(number)

        def told() -> str:
            if (left := share - counted(answers)) <= 0:
                return ""
            life = len(self.processes[f"client {number}"].last_words) + sum(self.kills.values())
            fields = {"name": f"c{number}-{life}", "ports": self.ports, "acts": left}
            seed = self.plan.seed * 1000 + number * 100 + life
            return json.dumps(fields | {"seed": seed, "answers": str(answers)})

        return told

    def answers(self, number: int) -> Path:
        return self.data / f"answers-{number}.jsonl"

    def done(self) -> int:
        """Return how many acts are acknowledged and commits rolled back."""
        return sum(map(counted, self.all_answers())) + self.rolled_back()

    def all_answers(self) -> list[Path]:
        return [self.answers(number) for number in range(self.plan.clients)]

    def rolled_back(self) -> int:
        return counted(self.data / "rolled-back.jsonl")

    def play(self) -> None:
        """Do all of it. Raises TimeoutError if nothing moves any more."""
        steps = sorted(self.chance.uniform(0.03, 0.95) for _ in range(self.plan.kills))
        victims = [VICTIMS[number % len(VICTIMS)] for number in range(self.plan.kills)]
        self.chance.shuffle(victims)
        to_kill = list(zip(steps, victims, strict=True))
        most, moved = -1, time.monotonic()
        while (done := self.done()) < self.plan.transactions:
            if done > most:
                most, moved = done, time.monotonic()
            elif time.monotonic() - moved > STALLED_SECONDS_MAX:
                raise TimeoutError(f"nothing moves after {done} transactions; see {self.data}")
            progress = done / self.plan.transactions
            self._let_fail(round(min(1, progress * AHEAD) * self.plan.rollbacks))
            while to_kill and to_kill[0][0] <= progress and self.strike(to_kill[0][1]):
                del to_kill[0]
                moved = time.monotonic()  # a database that recovers keeps everybody waiting
            for process in self.processes.values():
                process.keep()
            time.sleep(POLL_SECONDS)

    def _let_fail(self, commits: int) -> None:
        """Tell how many commits are to have failed by now."""
        (self.data / "due.new").write_text(str(commits))
        (self.data / "due.new").replace(self.data / "due")

    def strike(self, victim: str) -> bool:
        """Kill -9 one process, of PostgreSQL too, and note it; tell whether there was one."""
        if victim == "postmaster":
            os.kill(self.server.postmaster, signal.SIGKILL)
            self.server.stop()  # our use of the one that is dead
            self.server = embedded.start(self.data)  # as a service manager would
        elif victim == "backend":
            backends = children(self.server.postmaster, b"trennwand_")
            if not backends:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(backends), signal.SIGKILL)
        else:
            running = [one for name, one in self.processes.items() if name.startswith(victim) and one.runs()]
            if not running:
                return False
            self.chance.choice(running).kill()
        self.kills[victim] += 1
        return True

    def end(self) -> None:
        """Let the first node publish what is left and end in order; everybody else is killed."""
        for name, process in self.processes.items():
            if name not in ("first node", "signer"):
                process.kill()
        deadline = time.monotonic() + STALLED_SECONDS_MAX
        while not ready(self.ports[0]):
            for name in ("signer", "first node"):
                self.processes[name].keep()
            if time.monotonic() > deadline:
                raise TimeoutError("the first node does not get ready")
            time.sleep(POLL_SECONDS)
        node = self.processes["first node"].running
        assert node is not None
        node.terminate()
        assert node.wait(timeout=STALLED_SECONDS_MAX) == 0
        self.processes["signer"].kill()


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


async def found(settings: Settings, server_url: str) -> str:
    """Found the bank with a desk that can deal; return the administrator's URL."""
    policy = load()
    admin_url, urls = await banks.prepare(settings, server_url, policy)
    passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
    await banks.found(settings, admin_url, policy, cast.founding(OPENING_DATE), passwords)
    async with banks.running(settings, admin_url, urls, policy=policy) as bank:
        here = world(bank)
        await a_desk(here)
        await here.close()
    return admin_url


def perform(plan: Plan, data: Path) -> dict[str, Any]:
    """Found a bank in ``data``, play the plan, and return what was done and what was found afterwards."""
    begin_signer(data)
    server = embedded.start(data)
    run = Run(plan, data, server)
    try:
        run.processes["signer"].keep()
        settings = load_settings(data, {})
        admin_url = asyncio.run(found(settings, server.url()))
        began = time.monotonic()
        try:
            run.play()
            seconds = time.monotonic() - began
            run.end()
        except BaseException:
            for log in sorted(data.glob("*.log")):
                print(f"--- {log.name}", log.read_text()[-3000:], sep="\n", file=sys.stderr)
            raise
        answers = [one for file in run.all_answers() for one in facts_in(file)]
        lost = facts_in(data / "rolled-back.jsonl")
        told = asyncio.run(aftermath.examine(settings, admin_url, answers, lost))
    finally:
        for process in run.processes.values():
            process.kill()
        run.server.stop()
        erased(data)
    return {
        "transactions": len(answers) + len(lost),
        "rollbacks_forced": len(lost),
        "kills": dict(sorted(run.kills.items())),
        "kills_total": run.kills.total(),
        "ended_by_themselves": {p.name: p.last_words for p in run.processes.values() if p.last_words},
        "seconds": round(seconds),
        **asdict(told),
    }


def main() -> int:
    """Run it and print what was found; 0 if everything is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=20_000)
    parser.add_argument("--rollbacks", type=int)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rollbacks = asked.transactions * 3 // 200 if asked.rollbacks is None else asked.rollbacks
    kills = max(len(VICTIMS), asked.transactions // 400) if asked.kills is None else asked.kills
    plan = Plan(asked.transactions, rollbacks, kills, asked.seed)
    with tempfile.TemporaryDirectory(prefix="many-") as folder:
        told = perform(plan, Path(folder) / "data")
    print(json.dumps(told, indent=1))
    return 0 if aftermath.is_whole(told) else 1


if __name__ == "__main__":
    sys.exit(main())
