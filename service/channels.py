"""Ways to the outside and back: folders that both sides see, and mail.

What goes out appears whole or not at all, never replaces anything, and leaves a proof with its hash. What
comes in is handed over as bytes and stays where it lies until whoever took it says that it was filed.
These are the back office's ways; trading has none (SET-05).
"""

import asyncio
import contextlib
import hashlib
import os
import re
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Literal

import aiosmtplib

from service.importing.rows import shown
from service.messages.terms import BYTES_MAX

ANSWER_CHARACTERS_MAX: Final = 500
FILES_AT_ONCE: Final = 200
PIECE_BYTES: Final = 1_048_576
HASHED_BYTES_MAX: Final = 1_073_741_824
"""A file beyond this is told by its size alone."""
QUIET: Final = timedelta(seconds=2)
"""A file that changed within this time may still be growing."""
DONE: Final = "done"
HELD: Final = "held"
PART: Final = ".part"
NAME_BYTES_MAX: Final = 255
"""What file systems allow for a name."""
_NAME: Final = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")
_MAILBOX: Final = re.compile(
    r"\A[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\Z"
)
_MAILBOX_CHARACTERS_MAX: Final = 254
_MEDIA_TYPE: Final = re.compile(r"\A[a-z]+/[a-z0-9.+-]+\Z")


class CannotDeliver(Exception):
    """The message did not get through, and the sentence says why. It may be tried again under the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What goes out: bytes under a name that no other message has, to a mailbox or a partner's folder."""

    name: str
    content: bytes
    media_type: str
    address: str
    subject: str
    text: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows that a message went out. ``repeated``: the same bytes lay there under the name already."""

    channel: Literal["file", "mail"]
    address: str
    sha256: str
    repeated: bool = False
    file: str | None = None
    message_id: str | None = None
    answer: str | None = None
    """What the mail server said when it took the message."""


@dataclass(frozen=True, slots=True)
class FileDrop:
    """A folder with one folder for each partner; who may fetch from which is the file system's concern."""

    root: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail server that takes our messages; ``sender`` is the back office's own box."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    authorities: Path | None = None
    """Certificates of the authorities to trust instead of the system's."""
    timeout_seconds: float = 20.0


async def deliver(channel: FileDrop | MailServer, parcel: Parcel) -> Proof:
    """Bring a message out and return what proves it. Raises CannotDeliver.

    A crash on the way leaves either nothing or the message; trying again under the same name is safe.
    """
    if _NAME.match(parcel.name) is None or parcel.name.endswith(PART):
        raise CannotDeliver(f"{shown(parcel.name)} is no name for a file.")
    if len(parcel.content) > BYTES_MAX:
        raise CannotDeliver(f"The message is larger than {BYTES_MAX:,} bytes.")
    if isinstance(channel, FileDrop):
        return await asyncio.to_thread(_drop, channel, parcel)
    return await _mail(channel, parcel)


# Files out -------------------------------------------------------------------------------------------


def _drop(channel: FileDrop, parcel: Parcel) -> Proof:
    """Write beside the place, make durable, then give the name in one step that never replaces a file.

    Crash before the name: a ``.part`` that nobody reads and the next try removes. After it: the next try
    finds the same bytes under the name and says so.
    """
    if _NAME.match(parcel.address) is None:
        raise CannotDeliver(f"{shown(parcel.address)} is no name of a partner's folder.")
    digest = hashlib.sha256(parcel.content).hexdigest()
    proof = Proof(
        channel="file", address=parcel.address, sha256=digest, file=f"{parcel.address}/{parcel.name}"
    )
    try:
        channel.root.mkdir(parents=True, exist_ok=True)
        with _opened(channel.root) as root:
            with contextlib.suppress(FileExistsError):
                os.mkdir(parcel.address, 0o750, dir_fd=root)
                os.fsync(root)
            with _opened(parcel.address, within=root) as folder:
                return proof if _placed(folder, parcel) else _repeated(folder, parcel, proof)
    except OSError as failure:
        raise CannotDeliver(f"The folder cannot be written: {failure.strerror}.") from failure


@contextlib.contextmanager
def _opened(path: Path | str, *, within: int | None = None) -> Iterator[int]:
    """Open a folder; one that is a symbolic link is refused (``within`` another only)."""
    no_link = 0 if within is None else os.O_NOFOLLOW
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | no_link, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)


def _placed(folder: int, parcel: Parcel) -> bool:
    """Tell whether the file is now there by this call; False: something has the name already."""
    beside = f".{parcel.name}{PART}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=folder)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(parcel.content)
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, parcel.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    finally:
        os.unlink(beside, dir_fd=folder)
    os.fsync(folder)
    return True


def _repeated(folder: int, parcel: Parcel, proof: Proof) -> Proof:
    handle = os.open(parcel.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        there = file.read(len(parcel.content) + 1)
    if there != parcel.content:
        raise CannotDeliver(f"Another file lies there under the name {parcel.name}; nothing is replaced.")
    return Proof(channel="file", address=proof.address, sha256=proof.sha256, file=proof.file, repeated=True)


# Mail out --------------------------------------------------------------------------------------------


async def _mail(server: MailServer, parcel: Parcel) -> Proof:
    mail = as_mail(server, parcel)
    context = ssl.create_default_context(cafile=server.authorities) if server.security != "none" else None
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        timeout=server.timeout_seconds,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=context,
    )
    try:
        async with asyncio.timeout(3 * server.timeout_seconds), client:
            _, answer = await client.send_message(mail, sender=server.sender, recipients=[parcel.address])
    except (OSError, TimeoutError, aiosmtplib.SMTPException) as failure:
        said = " ".join(str(failure).split()) or type(failure).__name__
        raise CannotDeliver(f"The mail server did not take it: {said[:ANSWER_CHARACTERS_MAX]}") from failure
    return Proof(
        channel="mail",
        address=parcel.address,
        sha256=hashlib.sha256(parcel.content).hexdigest(),
        message_id=str(mail["Message-ID"]),
        answer=" ".join(answer.split())[:ANSWER_CHARACTERS_MAX],
    )


def as_mail(server: MailServer, parcel: Parcel) -> EmailMessage:
    """Return the mail. Its identifier follows from the message's name, so a second copy is known as one.

    Raises CannotDeliver where an address or a header would be more than it seems.
    """
    for mailbox in (server.sender, parcel.address):
        if _MAILBOX.match(mailbox) is None or len(mailbox) > _MAILBOX_CHARACTERS_MAX:
            raise CannotDeliver(f"{shown(mailbox)} is no address of a mailbox.")
    if not parcel.subject.isprintable() or _MEDIA_TYPE.match(parcel.media_type) is None:
        raise CannotDeliver(f"{shown(parcel.subject)} or its kind of file is not fit for a mail.")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = server.sender
    mail["To"] = parcel.address
    mail["Subject"] = parcel.subject
    mail["Date"] = format_datetime(parcel.made_at.astimezone(UTC))
    mail["Message-ID"] = f"<{parcel.name}@{server.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(parcel.text)
    main, _, kind = parcel.media_type.partition("/")
    mail.add_attachment(parcel.content, maintype=main, subtype=kind, filename=parcel.name)
    return mail


# Files in --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A file in an inbox. ``content`` is None where it must not be read, and ``refused`` says why."""

    file: Path
    name: str
    """What people see of the file's name: no control characters, bounded."""
    content: bytes | None
    refused: str | None = None
    state: tuple[int, int, int]
    """Inode, size and time of change when it was read."""


def collect(directory: Path, now: datetime, *, quiet: timedelta = QUIET) -> Iterator[Arrived]:
    """Yield the files that lie complete in an inbox, a bounded number, by name; ``now``: the system's time.

    A name that begins with a dot or ends with ``.part`` is a file half written, and one that changed
    just now may be. Folders are passed over. A symbolic link, a device or a file beyond the limit is
    yielded with the reason and without bytes, so that somebody hears of it. Nothing is moved: whoever
    has filed what came calls ``put_away``.
    """
    if not directory.is_dir():
        return
    names = sorted(entry.name for entry in directory.iterdir())
    given = 0
    for name in names:
        if name.startswith(".") or name.endswith(PART):
            continue
        found = _arrived(directory / name, now - quiet)
        if found is not None:
            yield found
            given += 1
        if given == FILES_AT_ONCE:
            return


def _arrived(file: Path, quiet_since: datetime) -> Arrived | None:
    """Look at a file and read it; None where it is a folder, has gone, or may still be growing."""
    try:
        told = file.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(told.st_mode):
        return None
    if not stat.S_ISREG(told.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(told.st_mode) else "no plain file"
        return _seen(file, told, refused=f"is {kind}")
    if datetime.fromtimestamp(told.st_mtime, UTC) > quiet_since:
        return None
    return _read(file, told)


def _read(file: Path, told: os.stat_result) -> Arrived | None:
    """Read one byte more than may be, so that no file fills the memory; None if it changed on the way."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as failure:
        return _seen(file, told, refused=f"cannot be opened: {failure.strerror}")
    with os.fdopen(handle, "rb") as opened:
        content = opened.read(BYTES_MAX + 1)
        after = os.fstat(opened.fileno())
    if _state(after) != _state(told):
        return None
    if len(content) > BYTES_MAX:
        return _seen(file, told, refused=f"is larger than {BYTES_MAX:,} bytes")
    return _seen(file, told, content=content)


def _seen(
    file: Path, told: os.stat_result, *, content: bytes | None = None, refused: str | None = None
) -> Arrived:
    return Arrived(
        file=file, name=shown(file.name)[1:-1], content=content, refused=refused, state=_state(told)
    )


def weighed(arrived: Arrived) -> str:
    """Say how large a file is that was not taken in, and its hash, read piece by piece; of a link, only its kind."""
    size = arrived.state[1]
    try:
        handle = os.open(arrived.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return f"{size:,} bytes"
    digest = hashlib.sha256()
    with os.fdopen(handle, "rb") as opened:
        told = os.fstat(opened.fileno())
        if not stat.S_ISREG(told.st_mode) or _state(told) != arrived.state or size > HASHED_BYTES_MAX:
            return f"{size:,} bytes"
        while piece := opened.read(PIECE_BYTES):
            digest.update(piece)
    return f"{size:,} bytes, SHA-256 {digest.hexdigest()}"


def _state(told: os.stat_result) -> tuple[int, int, int]:
    return told.st_ino, told.st_size, told.st_mtime_ns


def put_away(arrived: Arrived, where: Literal["done", "held"]) -> bool:
    """Move a file that was filed into ``done`` or ``held`` beside it; a name taken there gets a number.

    False, and nothing moved, if the file is no longer the one that was read: it is collected again.
    """
    with _opened(arrived.file.parent) as inbox, _beside(inbox, where) as target:
        try:
            told = os.stat(arrived.file.name, dir_fd=inbox, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if _state(told) != arrived.state:
            return False
        os.rename(
            arrived.file.name, _free_name(arrived.file.name, target), src_dir_fd=inbox, dst_dir_fd=target
        )
        os.fsync(target)
        os.fsync(inbox)
    return True


@contextlib.contextmanager
def _beside(inbox: int, where: str) -> Iterator[int]:
    """Open the folder for what was filed; a file or link that has its name makes room and is looked at under another."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(where, dir_fd=inbox, follow_symlinks=False).st_mode):
            os.rename(where, _free_name(where, inbox), src_dir_fd=inbox, dst_dir_fd=inbox)
    with contextlib.suppress(FileExistsError):
        os.mkdir(where, dir_fd=inbox)
    with _opened(where, within=inbox) as folder:
        yield folder


def _free_name(name: str, folder: int) -> str:
    """Return the name, or one with a number that no file in the folder has; cut where it would grow too long."""
    found, number = name, 1
    while _is_there(found, folder):
        end = f".{number}"
        found = os.fsdecode(os.fsencode(name)[: NAME_BYTES_MAX - len(end)]) + end
        number += 1
    return found


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
