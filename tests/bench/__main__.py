"""``scripts/bench``: ratios taken in one run. ``--json`` prints one object; docs/performance.md says how to read it."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from tests.bench import captures, decisions, imports, incremental, log_keeping, proof, queues, verifier

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


MEASURES: dict[str, Callable[[], dict[str, Any]]] = {
    "decisions": decisions.measure,
    "proof": proof.measure,
    "captures": lambda: asyncio.run(captures.measure()),
    "imports": lambda: asyncio.run(imports.measure()),
    "queue": lambda: asyncio.run(queues.measure()),
    "sequencer": lambda: asyncio.run(log_keeping.measure_sequencer()),
    "checkpoints": lambda: asyncio.run(log_keeping.measure_checkpoints()),
    "verifier": verification,
    "incremental": grown,
}


def main() -> int:
    """Run the chosen measures and print what they found."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, []], help="which to run; all by default")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    for name in asked.measures or MEASURES:
        found |= MEASURES[name]()
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:40} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
