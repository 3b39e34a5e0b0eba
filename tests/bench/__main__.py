"""``scripts/bench``: ratios taken in one run. ``--json`` prints one object; docs/performance.md says how to read it."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import (
    captures,
    decisions,
    growth,
    imports,
    incremental,
    log_keeping,
    pages,
    proof,
    queues,
    ratios,
    verifier,
)
from tests.bench.told import table

VERIFIED_ENTRIES = 100_000
INCREMENTAL_ENTRIES = 400_000


def verification() -> dict[str, Any]:
    """Return what the offline verifier checks per second and core, with the memory it took."""
    found = verifier.measure(VERIFIED_ENTRIES)
    rates = {"tree_only": found["tree_only_per_second"], "full": found["full_per_second"]}
    return {"verify_entries_per_core_second": rates, "verify_peak_memory_mb": found["peak_memory_mb"]}


def grown() -> dict[str, Any]:
    """Return how long it takes to verify a log again that has grown by a day's entries."""
    found = incremental.measure(INCREMENTAL_ENTRIES)
    return {
        f"verify_again_{name}": found[name] for name in ("entries", "new_entries", "first_s", "incremental_s")
    }


MEASURES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "decisions": lambda _: decisions.measure(),
    "proof": lambda _: proof.measure(),
    "captures": lambda _: asyncio.run(captures.measure()),
    "capture_ratios": lambda asked: asyncio.run(ratios.measure(asked.against, asked.rounds, asked.seconds)),
    "growth": lambda asked: growth.measure(asked.deals or growth.DEALS, picture=asked.picture),
    "pages": lambda asked: asyncio.run(pages.measure(asked.deals or pages.DEALS)),
    "imports": lambda _: asyncio.run(imports.measure()),
    "queue": lambda _: asyncio.run(queues.measure()),
    "sequencer": lambda _: asyncio.run(log_keeping.measure_sequencer()),
    "checkpoints": lambda _: asyncio.run(log_keeping.measure_checkpoints()),
    "verifier": lambda _: verification(),
    "incremental": lambda _: grown(),
}


def main() -> int:
    """Run the chosen measures and print what they found."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "measures", nargs="*", metavar="MEASURE", help=f"of {', '.join(MEASURES)}; all by default"
    )
    only = parser.add_argument_group("capture_ratios alone")
    only.add_argument(
        "--against",
        nargs="*",
        choices=ratios.OTHERS,
        default=ratios.OTHERS,
        metavar="PEER",
        help=", ".join(ratios.OTHERS),
    )
    only.add_argument("--rounds", type=int, default=ratios.ROUNDS)
    only.add_argument("--seconds", type=float, default=ratios.SECONDS, help="of each peer in each round")
    sizes = parser.add_argument_group("growth and pages")
    sizes.add_argument("--deals", type=int, help="of the bank, of the smallest one for growth")
    sizes.add_argument("--picture", type=Path, help="where growth draws its curve as SVG")
    asked = parser.parse_args()
    if unknown := set(asked.measures) - set(MEASURES):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    found: dict[str, Any] = {}
    for name in asked.measures or MEASURES:
        found |= MEASURES[name](asked)
    print(json.dumps(found, indent=2) if asked.json else table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
