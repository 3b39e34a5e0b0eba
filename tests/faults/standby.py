"""The primary database is lost under load and its synchronous standby promoted, again and again.

`python -m tests.faults.standby --rounds 10` prints each round. A node reaches both databases by one address that
names both and takes whichever can be written to. Every promise is held against the bank after each round.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service import bank as banks
from service.kernel import embedded
from service.settings import Settings
from service.settings import load as load_settings
from tests.faults import crowd, processes
from tests.faults.many_acts import found, outcomes
from tests.faults.pair import Pair, from_embedded
from tests.faults.processes import POLL_SECONDS, STALLED_SECONDS_MAX, Process, counted, facts_in
from tests.faults.proxy import Proxy
from tests.promises import Finished, broken


@dataclass
class Loss:
    """A bank whose primary is lost in each round, after a third of the round's acts."""

    data: Path
    pair: Pair
    settings: Settings
    acts: int
    seed: int
    port: int = field(default_factory=processes.free_port)
    heard: list[dict[str, Any]] = field(default_factory=list)

    def round(self, number: int, url: str) -> dict[str, Any]:
        """Act, lose the primary in the middle, act on, settle what is in doubt, end in order, and look."""
        asked, answers = (self.data / f"{what}-{number}.jsonl" for what in ("asked", "answers"))
        told = crowd.Told(f"r{number}", [self.port], self.acts, self.seed, str(asked), str(answers))
        serve = [sys.executable, "-m", "service", "serve", "--beside", "--data", str(self.data)]
        node = Process("node", [*serve, "--port", str(self.port)], self.data, {"DATABASE_URL": url})
        client = Process("client", [sys.executable, "-m", "tests.faults.crowd"], self.data)
        client.told = lambda: json.dumps(vars(told))
        try:
            node.keep()
            client.keep()
            self.pair.join()
            self._wait(lambda: counted(answers) * 3 >= self.acts, node)
            lost_after, began = counted(answers), time.monotonic()
            self.pair.lose_primary()
            promoted, still = time.monotonic() - began, counted(answers)
            self._wait(lambda: counted(answers) > still, node)
            answered = time.monotonic() - began
            self._wait(lambda: not client.runs(), node)
            asyncio.run(self._settle(told, asked, answers))
            assert node.running is not None
            node.running.terminate()
            assert node.running.wait(timeout=STALLED_SECONDS_MAX) == 0
        finally:
            client.kill()
            node.kill()
        self.heard += facts_in(answers)
        bank = Finished(self.settings, self.pair.primary.url(), self.heard)
        wrong = asyncio.run(broken(bank))
        return {
            "round": number,
            "acknowledged before": lost_after,
            "promoted after seconds": round(promoted, 2),
            "answering after seconds": round(answered, 2),
            "outcomes": outcomes(facts_in(answers)),
            "entries": len(bank.contents),
            "verdict": bank.report.line(),
            "broken": [str(one) for one in wrong],
        }

    async def _settle(self, told: crowd.Told, asked: Path, answers: Path) -> None:
        known = {one["key"] for one in facts_in(answers)}
        await crowd.settle(told, [one for one in facts_in(asked) if one["key"] not in known])

    def _wait(self, until: Any, node: Process) -> None:
        deadline = time.monotonic() + STALLED_SECONDS_MAX
        while not until():
            node.keep()
            if time.monotonic() > deadline:
                raise TimeoutError(node.log.read_text()[-3000:])
            time.sleep(POLL_SECONDS)


def perform(rounds: int, acts: int, data: Path, seed: int = 1) -> list[dict[str, Any]]:
    """Found a bank in ``data`` and play so many rounds; return what each came to."""
    with embedded.start(data) as server:
        settings = load_settings(data, {})
        asyncio.run(found(settings, server.url()))
    pair = from_embedded(server)
    try:
        pair.primary.start()
        loss = Loss(data, pair, settings, acts, seed)
        with contextlib.ExitStack() as stack:
            lines = [
                stack.enter_context(Proxy(place.socket).listening()) for place in (pair.primary, pair.standby)
            ]
            url = both(lines, pair.primary.password)
            told = []
            for number in range(1, rounds + 1):
                told.append(loss.round(number, url))
                print(
                    json.dumps(told[-1]), flush=True
                )  # what was seen, should a later one not come to its end
            return told
    finally:
        for place in (pair.primary, pair.standby):
            place.stop()
        processes.erased(data)


def both(lines: Sequence[Proxy], password: str) -> str:
    """Return one address that names both databases and takes whichever can be written to."""
    hosts = "&".join(f"host=127.0.0.1:{line.port}" for line in lines)
    return f"postgresql://postgres:{password}@/{banks.DATABASE}?{hosts}&target_session_attrs=read-write"


def main() -> int:
    """Play and print; 0 if no promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--acts", type=int, default=150, help="of each round")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="standby-") as folder:
        told = perform(asked.rounds, asked.acts, Path(folder) / "data", asked.seed)
    return 1 if any(one["broken"] for one in told) else 0


if __name__ == "__main__":
    sys.exit(main())
