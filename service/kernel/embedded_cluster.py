"""Makes the database files of the embedded PostgreSQL, completely or not at all."""

import os
import pwd
import secrets
import shutil
from pathlib import Path

from service.kernel.embedded_binaries import Binaries, CannotStart, run

BUILTIN_LOCALE = 17  # the first version with a locale of its own, the same on every machine


def initialise(home: Path, binaries: Binaries, owner: tuple[int, int]) -> None:
    """Make the cluster in a directory of its own and move it into place when it is complete.

    A crash leaves a directory ``new-*``, which the next start removes, and perhaps a password without a
    cluster, which the next start overwrites.
    """
    for partial in home.glob("new-*"):
        shutil.rmtree(partial, ignore_errors=True)  # an orphaned initdb may still write there; names differ
    password = secrets.token_urlsafe(32)
    write_durably(home / "password", password)
    partial = home / f"new-{secrets.token_hex(8)}"
    partial.mkdir(mode=0o700)
    (partial / "password").touch(mode=0o600)
    (partial / "password").write_text(password)
    maker = _named_user() if os.geteuid() == 0 else None
    if maker:
        _give(partial, *maker)
    locale = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if binaries.version >= BUILTIN_LOCALE
        else []
    )
    made = run(
        [
            binaries.directory / "initdb",
            "--pgdata",
            partial / "cluster",
            "--username=postgres",
            "--auth=scram-sha-256",
            f"--pwfile={partial / 'password'}",
            "--data-checksums",
            "--encoding=UTF8",
            "--locale=C",
            *locale,
        ],
        maker,
    )
    if made.returncode != 0:
        shutil.rmtree(partial)
        raise CannotStart(f"initdb failed: {' '.join((made.stderr or made.stdout).splitlines()[-3:])}")
    if maker:
        _give(partial / "cluster", *owner)
    (partial / "cluster").rename(home / "cluster")
    _sync(home)
    shutil.rmtree(partial)


def _named_user() -> tuple[int, int]:
    """An unprivileged account with a name, which initdb insists on: ``nobody``, else any."""
    try:
        account = pwd.getpwnam("nobody")
    except KeyError:
        account = max(pwd.getpwall(), key=lambda account: account.pw_uid)
    return account.pw_uid, account.pw_gid


def _give(tree: Path, uid: int, gid: int) -> None:
    for path in (tree, *tree.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def write_durably(path: Path, text: str) -> None:
    """Replace the file, which only we may read; after a crash it is the old one or the new one."""
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)
