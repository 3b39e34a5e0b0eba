"""Long runs: ``python -m tests.property.separation --seed 1 --runs 10 --steps 500``."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from service.kernel import embedded
from service.settings import Settings
from tests.conftest import OPENING_DATE, a_copy, be_quick, make_template
from tests.property.separation.play import Violation
from tests.property.separation.run import played, summary


def main() -> int:
    """Play the runs that are asked for; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.property.separation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--runs", type=int, default=1, help="how many, each with the next seed")
    parser.add_argument("--steps", type=int, default=200, help="of each run")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(play_all(Path(folder), asked.seed, asked.runs, asked.steps))


async def play_all(folder: Path, first: int, runs: int, steps: int) -> int:
    """Play every run in a bank of its own."""
    failed = 0
    (folder / "server").mkdir()
    with embedded.start(folder / "server") as server:
        await be_quick(server.url())
        template = await make_template(Settings(data=folder / "template"), server.url(), OPENING_DATE)
        for seed in range(first, first + runs):
            began = time.monotonic()
            try:
                async with a_copy(template, folder / f"bank-{seed}") as world:
                    lines = summary(await played(world, seed, steps))
            except Violation as violation:
                failed, lines = 1, [f"VIOLATION {violation}"]
            print("\n".join([*lines, f"  {time.monotonic() - began:.1f} s"]), flush=True)
    embedded.erase(folder / "server")
    return failed


if __name__ == "__main__":
    sys.exit(main())
