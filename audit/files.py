"""Files that survive a crash: each is there whole and durable, or not at all."""

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

READABLE_BY_ALL = 0o644
OWNER_ONLY = 0o600


class ConflictingFile(Exception):
    """A file that never changes is there already with other bytes."""


def read_at_most(path: Path | str, bytes_max: int) -> bytes:
    """Read the file at ``path``, and of a longer one just enough to show that it is longer.

    A directory, pipe or device in its place is no file and keeps nobody waiting.
    Raises FileNotFoundError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as odd:
        if odd.errno in (errno.ENOTDIR, errno.ENXIO, errno.ELOOP):
            raise FileNotFoundError(odd.errno, "is not a file", str(path)) from odd
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(errno.ENOENT, "is not a file", str(path))
        # Not more than there is: room for the longest file would have to be made each time.
        return os.read(descriptor, min(status.st_size, bytes_max) + 1)
    finally:
        os.close(descriptor)


def write_once(path: Path, data: bytes, temporary: Path) -> None:
    """Make ``path`` hold ``data`` for ever; repeating it changes nothing.

    ``temporary`` is a directory on the same file system, outside of what is published.
    Raises ConflictingFile if ``path`` holds anything else.
    """
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        replace(path, data, temporary)
        return
    if there != data:
        raise ConflictingFile(f"{path} holds other bytes than the log gives it now.")
    # An earlier run may have died between the rename and this; its name is not yet durable.
    sync_directory(path.parent)


def replace(path: Path, data: bytes, temporary: Path, mode: int = READABLE_BY_ALL) -> None:
    """Put ``data`` at ``path`` in one step, durable on return."""
    make_directories(path.parent)
    make_directories(temporary)
    draft = temporary / f"{path.name}.{secrets.token_hex(8)}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # Crash here: `path` is as before; the draft is outside of what anyone reads.
        draft.rename(path)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    # Crash here: `path` is whole, but a power failure may still take its new name back.
    sync_directory(path.parent)
    # Crash here: `path` is whole and durable.


def make_directories(path: Path) -> None:
    """Create ``path`` and its parents, each name durable before something is put inside."""
    if path.is_dir():
        return
    make_directories(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
