"""The signer as a process of its own: one Unix socket, few words, and a key that nobody else reads.

A request and its answer are each one JSON object behind its length in four bytes, big-endian:

    {"ask": "last"}                                           -> {"checkpoint": <text>}
    {"ask": "sign", "checkpoint": <text>, "proof": [<hex>]}   -> {"note": <text>}
    {"ask": "ring"}                                           -> {"ring": <text>}, empty before a rotation
    {"ask": "public"}                                         -> {"key": <verifier key>}
    {"ask": "certify", "node": <verifier key>}                -> {"certificate": <text>}
    {"ask": "rotate", "overlap": <entries>}                   -> {"ring": <text>}

A refusal is {"refused": <what>, "why": <sentence>}. Whoever may ask can have the log go on, and nothing
else: not another past, not another key for an old size, not a certificate once the log has begun.
"""

import contextlib
import fcntl
import json
import os
import socket
import socketserver
import stat
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from audit import files
from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.keyring import BrokenKeyring, MalformedKeyring
from audit.keys import UnusableKey
from audit.merkle import PROOF_HASHES_MAX
from audit.note import MalformedKey, VerifierKey
from audit.signer import FileSigner, InconsistentExtension, SignerMemoryLost
from audit.signer_keys import KeyStore, RotationUnderWay

REQUEST_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 2 * 1024 * 1024
OVERLAP_MAX = 10_000_000
CONNECTIONS_MAX = 64
QUIET_SECONDS_MAX = 10
_LENGTH = struct.Struct(">I")
_CREDENTIALS = struct.Struct("3i")  # process, user, group: what the kernel says of a peer
_REFUSALS = (InconsistentExtension, SignerMemoryLost, RotationUnderWay)
_BROKEN = (UnusableKey, MalformedKeyring, BrokenKeyring, OSError)


class AnotherSignerServes(Exception):
    """One process serves a signer's memory; a second one is a mistake."""


class MalformedRequest(ValueError):
    """The bytes are no request."""


class Service:
    """What a signer answers; one method for each word."""

    def __init__(self, signer: FileSigner, keys: KeyStore) -> None:
        self._signer = signer
        self._keys = keys
        self._words: dict[str, Callable[[dict[str, Any]], dict[str, str]]] = {
            "certify": self._certify,
            "last": self._last,
            "public": self._public,
            "ring": self._ring,
            "rotate": self._rotate,
            "sign": self._sign,
        }

    def answer(self, body: bytes) -> dict[str, str]:
        """Answer a request; never raises for what its bytes say."""
        try:
            asked = json.loads(body)
            return self._words[asked["ask"]](asked)
        except _REFUSALS as refusal:
            return {"refused": type(refusal).__name__, "why": str(refusal)}
        except _BROKEN as broken:
            print(f"signer: {broken}", file=sys.stderr, flush=True)  # noqa: T201 - for whoever keeps it
            return {"refused": "Broken", "why": "This signer cannot reach its memory or its keys."}
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as malformed:
            return {"refused": "MalformedRequest", "why": f"{type(malformed).__name__}: {malformed!s:.200}"}

    def _last(self, _: dict[str, Any]) -> dict[str, str]:
        return {"checkpoint": str(self._signer.last())}

    def _public(self, _: dict[str, Any]) -> dict[str, str]:
        return {"key": str(self._keys.first())}

    def _ring(self, _: dict[str, Any]) -> dict[str, str]:
        return {"ring": self._signer.ring().decode()}

    def _sign(self, asked: dict[str, Any]) -> dict[str, str]:
        try:
            checkpoint = Checkpoint.parse(asked["checkpoint"])
        except MalformedCheckpoint as malformed:
            raise MalformedRequest(str(malformed)) from malformed
        proof = asked["proof"]
        if not isinstance(proof, list) or len(proof) > PROOF_HASHES_MAX:
            raise MalformedRequest(f"A proof has at most {PROOF_HASHES_MAX} hashes.")
        return {"note": self._signer.sign(checkpoint, [bytes.fromhex(one) for one in proof]).decode()}

    def _certify(self, asked: dict[str, Any]) -> dict[str, str]:
        if (size := self._signer.last().size) > 0:
            raise InconsistentExtension(
                f"The log has {size} entries: a node is certified at the signer's own command line now."
            )
        try:
            node = VerifierKey.parse(asked["node"])
        except MalformedKey as malformed:
            raise MalformedRequest(str(malformed)) from malformed
        return {"certificate": self._signer.certify(node).decode()}

    def _rotate(self, asked: dict[str, Any]) -> dict[str, str]:
        overlap = asked["overlap"]
        if type(overlap) is not int or not 1 <= overlap <= OVERLAP_MAX:
            raise MalformedRequest(f"An overlap is 1 to {OVERLAP_MAX} entries.")
        return {"ring": bytes(self._signer.rotate(overlap)).decode()}


class SignerServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on a Unix socket: for its own user, or for the users named, whom the kernel vouches for."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, path: Path, service: Service, users: Sequence[int] = ()) -> None:
        self._path = path
        self._service = service
        self._users = frozenset((os.geteuid(), *users))
        self._room = BoundedSemaphore(CONNECTIONS_MAX)
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(path.lstat().st_mode):
                raise FileExistsError(f"{path} exists and is no socket.")
            path.unlink()  # left by one that was killed: the lock says that nobody serves
        before = os.umask(0o177)
        try:
            super().__init__(str(path), socketserver.BaseRequestHandler)
        finally:
            os.umask(before)
        if users:
            path.chmod(0o666)  # whoever connects is asked for by number, so the mode need not sort them out

    def server_close(self) -> None:
        """Stop listening and take the socket away."""
        super().server_close()
        self._path.unlink(missing_ok=True)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Ask the kernel who is at the other end."""
        assert client_address is not None
        told = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, user, _ = _CREDENTIALS.unpack(told)
        if user not in self._users:
            print(f"signer: user {user} may not ask", file=sys.stderr, flush=True)  # noqa: T201
            return False
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection if there is room; else close it, and the caller tries again."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer one request after the other until the caller closes."""
        assert client_address is not None
        request.settimeout(QUIET_SECONDS_MAX)
        with contextlib.suppress(OSError, EOFError, MalformedRequest):
            while True:
                send(request, self._service.answer(receive(request, REQUEST_BYTES_MAX)))

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and make room again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()


@contextlib.contextmanager
def only_one(state_path: Path) -> Iterator[None]:
    """Be the one process that serves this memory; the lock dies with its holder. Raises AnotherSignerServes."""
    files.make_directories(state_path.parent)
    path = state_path.with_name(f"{state_path.name}.serving")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, files.OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AnotherSignerServes(f"Another signer serves {state_path} already.") from None
    try:
        yield
    finally:
        os.close(descriptor)


def send(to: socket.socket, message: dict[str, Any]) -> None:
    """Write one message."""
    body = json.dumps(message).encode()
    to.sendall(_LENGTH.pack(len(body)) + body)


def receive(source: socket.socket, bytes_max: int) -> bytes:
    """Read one message. Raises EOFError, MalformedRequest."""
    (length,) = _LENGTH.unpack(_exactly(source, _LENGTH.size))
    if length > bytes_max:
        raise MalformedRequest(f"A message has at most {bytes_max} bytes.")
    return _exactly(source, length)


def _exactly(source: socket.socket, count: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < count:
        piece = source.recv(min(count - len(pieces), 65_536))
        if not piece:
            raise EOFError("the other end closed")
        pieces += piece
    return bytes(pieces)
