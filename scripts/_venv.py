"""Makes .venv, or another place, hold exactly what a lock file names; does nothing, quickly, if it does already.

A stamp per lock file says what was installed last. It is taken away first and written last, so an installation
that was interrupted is done again. A second script started meanwhile waits for the first.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

VENV = Path(*sys.argv[2:] or [".venv"]).absolute()
ALSO = {"requirements-dev.lock": ["requirements.lock"]}  # a superset


def main(lock: str) -> None:
    if _stamp(lock).exists() and _stamp(lock).read_text() == _wanted(lock):
        return
    VENV.mkdir(exist_ok=True)
    with (VENV / ".lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if _stamp(lock).exists() and _stamp(lock).read_text() == _wanted(lock):
            return
        began = time.monotonic()
        print(f"Installing {lock} into {VENV.name} ...", file=sys.stderr, flush=True)
        for stamp in VENV.glob(".stamp-*"):
            stamp.unlink()
        _make()
        _install(lock)
        for covered in [lock, *ALSO.get(lock, [])]:
            _stamp(covered).write_text(_wanted(covered))
        print(f"Installed in {time.monotonic() - began:.0f} s.", file=sys.stderr)


def _stamp(lock: str) -> Path:
    return VENV / f".stamp-{Path(lock).name}"


def _wanted(lock: str) -> str:
    """What the stamp says when all is well: this lock file, this Python, this place."""
    version = ".".join(map(str, sys.version_info[:2]))
    return f"{hashlib.sha256(Path(lock).read_bytes()).hexdigest()} {version} {VENV}"


def _make() -> None:
    """An environment of the running Python; one of another Python or place is made anew."""
    try:
        known = subprocess.run(
            [VENV / "bin" / "python", "-c", "import pip, sys; print(*sys.version_info[:2], sys.prefix)"],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
    except OSError:
        known = ""
    if known.strip() == f"{sys.version_info[0]} {sys.version_info[1]} {VENV}":
        return
    for leftover in VENV.iterdir():
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        elif leftover.name != ".lock":
            leftover.unlink()
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        sys.exit(
            f"{sys.executable} cannot make a virtual environment: "
            "install its venv module (python3-venv on Debian and Ubuntu) or another Python 3.11 or newer."
        )


def _install(lock: str) -> None:
    installed = subprocess.run(
        [
            VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-cache-dir", "--no-compile", "--no-deps", "--require-hashes", "--requirement", lock,
        ],
        check=False,
    )  # fmt: skip
    if installed.returncode != 0:
        sys.exit(f"The packages of {lock} could not be installed; what pip said stands above.")


if __name__ == "__main__":
    main(sys.argv[1])
