"""Has node_modules hold exactly what package-lock.json names; does nothing, quickly, if it does already.

The pages work without any of it: where there is no npm, or it cannot reach its registry, that is said in a line
and the caller goes on. A stamp says what was installed last; it is taken away first and written last. A second
script started meanwhile waits for the first.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path("package-lock.json")
PACKAGES = Path("node_modules").absolute()
STAMP = Path(".venv/.stamp-package-lock.json")
COMMAND = ("ci", "--ignore-scripts", "--omit=peer", "--no-audit", "--no-fund", "--loglevel=error",
           "--fetch-retries=1", "--fetch-timeout=30000")  # fmt: skip
WITHOUT = "the pages do without htmx, Bootstrap and charts."


def main() -> None:
    if _is_there():
        return
    npm = shutil.which("npm")
    if npm is None:
        print(f"There is no npm on this machine: {WITHOUT}", file=sys.stderr)
        return
    with Path(".venv/.lock-pages").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if _is_there():
            return
        print("Installing package-lock.json into node_modules ...", file=sys.stderr, flush=True)
        STAMP.unlink(missing_ok=True)
        ran = subprocess.run([npm, *COMMAND], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            print(f"npm could not install them, so {WITHOUT} {ran.stderr.strip()[:300]}", file=sys.stderr)
            return
        STAMP.write_text(_wanted())


def _is_there() -> bool:
    return PACKAGES.is_dir() and STAMP.exists() and STAMP.read_text() == _wanted()


def _wanted() -> str:
    """What the stamp says when all is well: this lock file, this place."""
    return f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {PACKAGES}"


if __name__ == "__main__":
    main()
