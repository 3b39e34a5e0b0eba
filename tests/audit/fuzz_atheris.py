"""The same readers under a fuzzer that follows the branches: `python tests/audit/fuzz_atheris.py entry -runs=1000000`.

Needs atheris (`pip install atheris`), which is no part of what we install. Arguments behind the name
go to libFuzzer.
"""

import sys
from importlib import util
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]


def main() -> int:
    if util.find_spec("atheris") is None:
        print("skipped: atheris is not installed (pip install atheris)")
        return 0
    import atheris

    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["audit"]):
        from tests.audit.hostile import targets

    known = targets()
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        print(f"usage: {sys.argv[0]} {'|'.join(known)} [libFuzzer arguments]")
        return 64
    name = sys.argv.pop(1)
    with TemporaryDirectory(prefix="corpus-") as corpus:
        for number, seed in enumerate(known[name].seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, corpus], known[name].feed)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
