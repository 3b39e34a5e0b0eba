"""Mixed acts by every office over HTTP, a fault every few seconds; then every promise is held against the bank.

`python -m tests.faults.many_acts --acts 50000 --fault-every 10 --seed 1` prints what was done, what was suffered and
what was found. The acts come from several client processes to two nodes, which reach the database by a line each
that can fail, and compete for the lead over the log; a process of its own signs it. What was answered, refused or
left in doubt stands in the clients' files. The seed decides what people do and which fault comes when.
"""

import argparse
import asyncio
import contextlib
import json
import random  # noqa: TID251 - seeded: a run can be repeated
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from audit.keys import load_public
from audit.verify import verify
from policies.policy import load
from service import bank as banks
from service.demo import cast
from service.kernel import embedded
from service.settings import Settings
from service.settings import load as load_settings
from tests.bank import PASSWORD, world
from tests.conftest import OPENING_DATE
from tests.faults import crowd, processes
from tests.faults.disk import Disk, NoDisk
from tests.faults.mischief import FAULTS, NODES, keep_database
from tests.faults.processes import POLL_SECONDS, STALLED_SECONDS_MAX, Process, counted, facts_in, ready
from tests.faults.proxy import Proxy
from tests.paying import our_account
from tests.promises import Finished, broken
from tests.settling import set_up

AHEAD = 1.1  # the commits that fail are done before the acts are
AHEAD_OF_LAST = 0.95  # the planned faults come before the last acts
ASKED_AGAIN = 40  # answered acts that are asked for once more at the end
DISK_BYTES_PER_ACT, DISK_BYTES_MIN = 40_000, 400_000_000
BEGIN_AFTER_SECONDS = 2.0


@dataclass(frozen=True)
class Plan:
    """How much is done, how many commits fail besides, and how often something breaks, or what and in which order."""

    acts: int
    failing_commits: int
    fault_every_seconds: float
    seed: int = 1
    clients: int = 3
    faults: Sequence[str] | None = None
    seconds_max: float = float("inf")


@dataclass
class Run:
    """One run of the plan in a data directory."""

    plan: Plan
    data: Path
    server: embedded.Server
    lines: dict[str, Proxy]
    disk: Disk | None = None
    ports: list[int] = field(default_factory=lambda: [processes.free_port(), processes.free_port()])
    processes: dict[str, Process] = field(default_factory=dict)
    suffered: list[str] = field(default_factory=list)
    callers: list[socket.socket] = field(default_factory=list)
    poison: str | None = None
    read: dict[Path, tuple[int, int]] = field(default_factory=dict)
    half: int = 0
    chance: random.Random = field(init=False)
    ends: list[tuple[float, Callable[["Run"], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)
        python, data = sys.executable, str(self.data)
        node = [python, "-m", "service", "serve", "--beside", "--data", data, "--port", str(self.ports[0])]
        other = [python, "-m", "tests.faults.nodes", "serve", data, "--port", str(self.ports[1])]
        self._add("signer", processes.signer_command(self.data))
        for name, command in zip(NODES, (node, other), strict=True):
            self._add(name, command)
            self.processes[name].environment = {"DATABASE_URL": self._url(name)}
        self._add("failing commits", [python, "-m", "tests.faults.nodes", "fail", data])
        for number in range(self.plan.clients):
            name = f"client {number}"
            self._add(name, [python, "-m", "tests.faults.crowd"])
            self.processes[name].told = self._share(number)

    def _add(self, name: str, command: Sequence[str]) -> None:
        self.processes[name] = Process(name, command, self.data)

    def admin_url(self) -> str:
        """Where the administrator reaches the bank, past all lines."""
        own = make_url(self.server.url(banks.DATABASE))
        return own.render_as_string(hide_password=False)

    def _url(self, node: str) -> str:
        there = make_url(self.admin_url()).set(host="127.0.0.1", port=self.lines[node].port, query={})
        return there.render_as_string(hide_password=False)

    def _share(self, number: int) -> Callable[[], str]:
        share = self.plan.acts // self.plan.clients + (number < self.plan.acts % self.plan.clients)

        def told() -> str:
            if (left := share - counted(self.answers(number))) <= 0:
                return ""
            name = f"c{number}-{self.processes[f'client {number}'].lives}"
            fields = {"name": name, "ports": self.ports, "acts": left, "seed": self.plan.seed}
            return json.dumps(
                fields | {"asked": str(self.asked(number)), "answers": str(self.answers(number))}
            )

        return told

    def asked(self, number: int) -> Path:
        return self.data / f"asked-{number}.jsonl"

    def answers(self, number: int) -> Path:
        return self.data / f"answers-{number}.jsonl"

    def done(self) -> int:
        """Return how many acts were answered."""
        return sum(self.tally(self.answers(number)) for number in range(self.plan.clients))

    def tally(self, file: Path) -> int:
        """Return how many whole lines a growing file has, reading only what came since."""
        lines, read = self.read.get(file, (0, 0))
        if file.exists() and file.stat().st_size > read:
            with file.open("rb") as more:
                more.seek(read)
                new = more.read()
            lines, read = self.read[file] = (lines + new.count(b"\n"), read + len(new))
        return lines

    def play(self) -> None:
        """Do all of it. Raises TimeoutError if nothing moves any more."""
        faults = self._in_order()
        strike_at, began = time.monotonic() + BEGIN_AFTER_SECONDS, time.monotonic()
        most, moved, name, looked = -1, began, next(faults, None), False
        while (done := self.done()) < self.plan.acts or self._lacks(name):
            now = time.monotonic()
            if now - began > self.plan.seconds_max:
                return
            if done > most:
                most, moved = done, now
            elif now - moved > STALLED_SECONDS_MAX:
                raise TimeoutError(f"nothing moves after {done} acts; see {self.data}")
            self._let_fail(round(min(1, done / self.plan.acts * AHEAD) * self.plan.failing_commits))
            self._heal(now)
            due = now >= strike_at and done >= self._not_before()
            if name is not None and due and FAULTS[name].begin(self):
                self.suffered.append(f"{now - began:6.1f} s, {done:6} acts: {name}")
                self.ends.append((now + FAULTS[name].seconds, FAULTS[name].end))
                name, strike_at = next(faults, None), now + self.plan.fault_every_seconds
                moved = time.monotonic()  # a database that recovers keeps everybody waiting
            keep_database(self)
            for process in self.processes.values():
                process.keep()
            if not looked and done * 2 > self.plan.acts:
                looked = True
                self.look_in()
            time.sleep(POLL_SECONDS)

    def _in_order(self) -> Iterator[str]:
        """Give the faults: the planned ones once, or all of them again and again, each time in another order."""
        possible = [name for name, fault in FAULTS.items() if self.disk is not None or not fault.needs_disk]
        if self.plan.faults is not None:
            yield from [name for name in self.plan.faults if name in possible]
            return
        while True:
            self.chance.shuffle(possible)
            yield from possible

    def _lacks(self, fault: str | None) -> bool:
        """Tell whether planned faults and failing commits are still to come."""
        failed = counted(self.data / "rolled-back.jsonl")
        return self.plan.faults is not None and (fault is not None or failed < self.plan.failing_commits)

    def _not_before(self) -> float:
        """Return how many acts come before the next fault, where there are so many faults and no more."""
        if self.plan.faults is None:
            return 1
        return max(1.0, self.plan.acts * AHEAD_OF_LAST * len(self.suffered) / len(self.plan.faults))

    def _heal(self, now: float) -> None:
        """End what has lasted long enough."""
        for one in [one for one in self.ends if one[0] <= now]:
            self.ends.remove(one)
            one[1](self)

    def _let_fail(self, commits: int) -> None:
        """Tell how many commits are to have failed by now."""
        (self.data / "due.new").write_text(str(commits))
        (self.data / "due.new").replace(self.data / "due")

    def look_in(self) -> None:
        """Verify the log as somebody outside does in the middle of it, and remember what was seen."""
        settings = load_settings(self.data, {})
        verify(
            settings.log_directory, load_public(str(settings.public_key_file)), state=self.memory, workers=1
        )

    @property
    def memory(self) -> Path:
        """What the verifier remembers that looked in."""
        return self.data / "verifier.state"

    def end(self) -> None:
        """Let the doubts be settled, the first node publish what is left and end in order; all others are killed."""
        self._heal(float("inf"))
        for name in self.processes:
            if name.startswith("client"):
                self.processes[name].kill()
        self.wait_for("signer", *NODES, port=self.ports[1])
        self.wait_for("signer", *NODES, port=self.ports[0])
        for number in range(self.plan.clients):
            asyncio.run(self.settle(number))
        for name, process in self.processes.items():
            if name not in ("first node", "signer"):
                process.kill()
        self.wait_for("signer", "first node", port=self.ports[0])
        node = self.processes["first node"].running
        assert node is not None
        node.terminate()
        assert node.wait(timeout=STALLED_SECONDS_MAX) == 0
        self.processes["signer"].kill()

    def wait_for(self, *names: str, port: int) -> None:
        """Keep processes running until a node is ready. Raises TimeoutError."""
        deadline = time.monotonic() + STALLED_SECONDS_MAX
        while not ready(port):
            for name in names:
                self.processes[name].keep()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{names[-1]} does not get ready")
            time.sleep(POLL_SECONDS)

    async def settle(self, number: int) -> None:
        """Ask again for what a client left in doubt, and for some of what it was answered."""
        asked, known = facts_in(self.asked(number)), {one["key"] for one in facts_in(self.answers(number))}
        doubtful = [one for one in asked if one["key"] not in known]
        answered = [one for one in asked if one["key"] in known]
        again = self.chance.sample(answered, min(ASKED_AGAIN, len(answered)))
        told = crowd.Told("end", self.ports, 0, 0, str(self.asked(number)), str(self.answers(number)))
        await crowd.settle(told, [*doubtful, *again])


async def found(settings: Settings, server_url: str) -> None:
    """Found the bank with a desk that can deal and pay."""
    policy = load()
    admin_url, urls = await banks.prepare(settings, server_url, policy)
    passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
    await banks.found(settings, admin_url, policy, cast.founding(OPENING_DATE), passwords)
    async with banks.running(settings, admin_url, urls, policy=policy) as bank:
        here = world(bank)
        await set_up(here)
        for currency in ("EUR", "USD"):
            await our_account(here, currency)
        await here.close()


def perform(plan: Plan, data: Path) -> dict[str, Any]:
    """Found a bank in ``data``, play the plan, and return what was done and what was found afterwards."""
    processes.begin_signer(data)
    server = embedded.start(data)
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as disks:
        target = server.socket_directory / f".s.PGSQL.{server.port}"
        lines = {name: stack.enter_context(Proxy(target).listening()) for name in NODES}
        run = Run(plan, data, server, lines)
        try:
            run.processes["signer"].keep()
            settings = load_settings(data, {})
            asyncio.run(found(settings, server.url()))
            run.disk = disks.enter_context(a_disk(run))
            return played(run, settings)
        except BaseException:
            for log in sorted(data.glob("*.log")):
                print(f"--- {log.name}", log.read_text()[-3000:], sep="\n", file=sys.stderr)
            raise
        finally:
            for process in run.processes.values():
                process.kill()
            run.server.stop()
            disks.close()
            processes.erased(data)


@contextlib.contextmanager
def a_disk(run: Run) -> Iterator[Disk | None]:
    """Give a disk that can be full, with the bank's tables on it; None, and a printed reason, where none can be had."""
    disk = Disk(run.server.home / "disk", max(DISK_BYTES_MIN, run.plan.acts * DISK_BYTES_PER_ACT))
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(disk.mounted())
        except NoDisk as reason:
            print(f"without the fault 'disk full': {reason}")
            yield None
            return
        disk.hold(run.server.url(), run.server.home / "cluster")
        yield disk


def played(run: Run, settings: Settings) -> dict[str, Any]:
    """Play, end in order, and hold the bank against its promises."""
    began = time.monotonic()
    run.play()
    seconds = time.monotonic() - began
    run.end()
    heard = [one for number in range(run.plan.clients) for one in facts_in(run.answers(number))]
    undone = facts_in(run.data / "rolled-back.jsonl")
    entries = [entry for one in undone for entry in one["entries"]]
    turned = any("clock" in one for one in run.suffered)
    bank = Finished(settings, run.admin_url(), heard, entries, run.memory, turned)
    wrong = asyncio.run(broken(bank))
    return {
        "again with": again(run.plan),
        "seconds": round(seconds),
        "acts": dict(sorted(Counter(one["act"] for one in heard).items())),
        "outcomes": outcomes(heard),
        "refused": dict(sorted(Counter(str(one["code"]) for one in heard if one["status"] >= 400).items())),
        "commits that failed": len(undone),
        "entries": len(bank.contents),
        "verdict": bank.report.line(),
        "suffered": run.suffered,
        "seconds of looking": {name: round(seconds, 2) for name, seconds in bank.seconds.items()},
        "ended by themselves": {p.name: p.last_words for p in run.processes.values() if p.last_words},
        "broken": [str(one) for one in wrong],
    }


def again(plan: Plan) -> str:
    """Return what plays the same run again."""
    own = "" if plan.faults is None else ", the faults of the short run"
    return f"--acts {plan.acts} --fault-every {plan.fault_every_seconds:g} --seed {plan.seed}{own}"


def outcomes(heard: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count how acts ended, as their clients know it."""
    return {
        "ok": sum(one["status"] < 400 for one in heard),
        "refused": sum(one["status"] >= 400 for one in heard),
        "failed before they were answered": sum(one["failed"] > 0 for one in heard),
        "in doubt before they were answered": sum(one["silent"] > 0 for one in heard),
    }


def main() -> int:
    """Run it and print what was found; 0 if no promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--acts", type=int, default=50_000)
    parser.add_argument("--fault-every", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end then, whatever is done")
    asked = parser.parse_args()
    seconds = asked.minutes * 60
    plan = Plan(asked.acts, asked.acts * 3 // 200, asked.fault_every, asked.seed, seconds_max=seconds)
    with tempfile.TemporaryDirectory(prefix="many-") as folder:
        told = perform(plan, Path(folder) / "data")
    print(json.dumps(told, indent=1))
    return 1 if told["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
