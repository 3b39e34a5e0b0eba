"""Which test stands for which row of the tamper matrix: `python -m tests.audit.matrix` prints it, `--json` for programs.

A test stands for the rows that its name begins with: `test_05_…`, `test_row_53_…`, `test_16_17_…`, `test_30_to_34_…`.
"""

import ast
import json
import re
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
NAME = re.compile(r"test_(?:row_)?(\d\d)((?:_\d\d)*)(?:_to_(\d\d))?_[a-z]")

ROWS = {
    1: "a field of a published entry edited in the database",
    2: "an entry edited with its hash and its bundle",
    3: "an entry edited and every tile rebuilt under the old checkpoint",
    4: "a business row edited past the gate",
    5: "an entry deleted from the middle",
    6: "a pending entry deleted with its outbox row",
    7: "the tail cut off and an older checkpoint served",
    8: "two entries swapped",
    9: "a back-dated entry put into the middle",
    10: "a back-dated entry appended",
    11: "an entry dated into the future",
    12: "the clock of a node shifted",
    13: "the users of two entries swapped",
    14: "an entry replayed",
    15: "the signature of an actor replayed",
    16: "two roots for one size",
    17: "a larger tree that does not continue the smaller one",
    18: "an old backup of the database restored, and work goes on",
    19: "database and signer state restored",
    20: "database, signer and witness restored",
    21: "the log's key stolen, and a parallel history signed with it",
    22: "a foreign key under our name with a colliding key id",
    23: "a retired key signs an old-looking checkpoint",
    24: "a forged note in the key ring",
    25: "a signature line stripped",
    26: "signature lines doubled, added, too many",
    27: "data hidden in extension lines",
    28: "a time stamp forged",
    29: "a time stamp of another log",
    30: "homoglyphs in user, counterparty, ISIN",
    31: "composed and decomposed twins, bidi, zero width",
    32: "doubled JSON keys",
    33: "1.0, 1e0, 2^53+1, -0",
    34: "white space, order of keys, escapes",
    35: "the border between two fields or entries shifted",
    36: "an entry that looks like a node",
    37: "an odd last node doubled",
    38: "one bit of a tile flipped",
    39: "a bundle exchanged under its tile, and the reverse",
    40: "wrong widths, trailing bytes, an entry of length zero",
    41: "a bundle missing",
    42: "malformed proofs",
    43: "an unsigned tail shown as fine",
    44: "a quiet period without a word, then work goes on",
    45: "a cosignature reused, of another origin, of time 0",
    46: "a test log shown as that of production",
    47: "personal data erased together with evidence",
    48: "a commitment to personal data opened to something else",
    49: "personal data left in an entry",
    50: "a late commit skipped by the sequencer",
    51: "the outbox processed twice",
    52: "a migration rewrites history",
    53: "an export leaves entries out",
    54: "one's own approval; a policy swapped for a minute",
}

OPEN = {
    15: "actors do not sign: receipts are signed by the log, sessions carry the person",
    28: "level L4 (anchored by time stamps) is not built; its check V21 says so in every report",
    29: "level L4 (anchored by time stamps) is not built; its check V21 says so in every report",
    47: "entries hold opaque ids only; the erasable store beside the log is not built",
    48: "entries hold opaque ids only; salted commitments are not built",
    49: "entries hold opaque ids only; what a person writes into a reason is theirs to keep free of names",
}


def rows_of(name: str) -> list[int]:
    """Return the rows that a test of this name stands for."""
    found = NAME.match(name)
    if found is None:
        return []
    first, others, last = int(found[1]), found[2], found[3]
    until = int(last) if last else first
    return [*range(first, until + 1), *(int(other) for other in others.split("_") if other)]


def tests() -> dict[int, list[str]]:
    """Return the tests of every row, by their ids for pytest without what parametrises them."""
    found: dict[int, list[str]] = {row: [] for row in ROWS}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for row in rows_of(node.name):
                    found[row].append(f"{path.relative_to(TESTS.parent).as_posix()}::{node.name}")
    return found


def main() -> None:
    """Print the table."""
    found = tests()
    if "--json" in sys.argv[1:]:
        table = {
            row: {"title": title, "tests": found[row], "open": OPEN.get(row)} for row, title in ROWS.items()
        }
        print(json.dumps(table, indent=1))
        return
    for row, title in ROWS.items():
        print(f"{row:2}  {title}")
        for line in [f"open: {OPEN[row]}"] if row in OPEN else []:
            print(f"      {line}")
        for test in found[row]:
            print(f"      {test}")


if __name__ == "__main__":
    main()
