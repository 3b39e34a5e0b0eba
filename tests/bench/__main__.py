"""``scripts/bench``: ratios taken in one run. ``--json`` prints one object; docs/performance.md says how to read it."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from tests.bench import captures, decisions

MEASURES: dict[str, Callable[[], dict[str, Any]]] = {
    "decisions": decisions.measure,
    "captures": lambda: asyncio.run(captures.measure()),
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
