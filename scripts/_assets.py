"""Has node_modules hold exactly what package-lock.json names; does nothing, quickly, if it does already.

The pages work without any of it, and the tests without a browser of their own: where there is no npm, or it cannot
reach its registry, that is said in a line and the caller goes on. A stamp says what was installed last; it is taken
away first and written last. A second script started meanwhile waits for the first.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

COMMAND = ("ci", "--ignore-scripts", "--omit=peer", "--no-audit", "--no-fund", "--loglevel=error",
           "--fetch-retries=1", "--fetch-timeout=30000")  # fmt: skip
WITHOUT = "the pages do without htmx, Bootstrap and charts."


def main() -> None:
    installed(Path(), WITHOUT)


def installed(place: Path, without: str) -> bool:
    """Install what the lock file in ``place`` names; tell whether it is there. ``without``: what follows if not."""
    stamp = Path(".venv", f".stamp-{'-'.join((*place.parts, 'package-lock.json'))}")
    if _is_there(place, stamp):
        return True
    npm = shutil.which("npm")
    if npm is None:
        print(f"There is no npm on this machine: {without}", file=sys.stderr)
        return False
    with Path(".venv/.lock-pages").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if _is_there(place, stamp):
            return True
        print(f"Installing {place / 'package-lock.json'} ...", file=sys.stderr, flush=True)
        stamp.unlink(missing_ok=True)
        ran = subprocess.run([npm, *COMMAND], cwd=place, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            print(f"npm could not install them, so {without} {ran.stderr.strip()[:300]}", file=sys.stderr)
            return False
        stamp.write_text(_wanted(place))
    return True


def _is_there(place: Path, stamp: Path) -> bool:
    return _packages(place).is_dir() and stamp.exists() and stamp.read_text() == _wanted(place)


def _wanted(place: Path) -> str:
    """What the stamp says when all is well: this lock file, this place."""
    return f"{hashlib.sha256((place / 'package-lock.json').read_bytes()).hexdigest()} {_packages(place)}"


def _packages(place: Path) -> Path:
    return (place / "node_modules").absolute()


if __name__ == "__main__":
    main()
