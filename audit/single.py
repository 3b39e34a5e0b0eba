"""The verifier as one file, for whoever has Python, `cryptography` and nothing of ours.

The file is a Python archive: `python verify.pyz PACK-OR-DIRECTORY --key KEY`. The same sources give the same bytes.
"""

import io
import zipfile
from pathlib import Path

FIRST_LINE = b"#!/usr/bin/env python3\n"
_DAY = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16

# Old spelling on purpose: an old Python must get as far as the sentence that says it is too old.
START = '''\
"""Verifies a log or an evidence pack offline: python verify.pyz PACK-OR-DIRECTORY --key KEY"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write("audit: this verifier needs Python 3.11 or newer\\n")
    sys.exit(64)
try:
    import cryptography
except ImportError:
    sys.stderr.write("audit: this verifier needs the package cryptography (pip install cryptography)\\n")
    sys.exit(64)

from audit.__main__ import main

COMMANDS = {"verify", "check-receipt", "replay", "witness", "signer", "-h", "--help"}

if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments and arguments[0] not in COMMANDS:
        arguments.insert(0, "verify")
    sys.exit(main(arguments))
'''


def build(package: Path | None = None) -> bytes:
    """Give the single file made of ``package``, by default the one that is running."""
    package = Path(__file__).parent if package is None else package
    files = {"__main__.py": START.encode()}
    for path in package.rglob("*.py"):
        files["audit/" + path.relative_to(package).as_posix()] = path.read_bytes()
    archive = io.BytesIO()
    archive.write(FIRST_LINE)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_STORED) as zipped:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, _DAY)
            member.external_attr = _READABLE
            member.create_system = 3
            zipped.writestr(member, files[name])
    return archive.getvalue()
