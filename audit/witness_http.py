"""The wire between a log and its witness: a small server for the one, a client for the other."""

import http.client
import sys
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from audit.cosignature import CosignerKey, ForgedCosignature
from audit.note import MalformedNote, parse, parse_line
from audit.witness import REQUEST_BYTES_MAX, Answer, Witness, WitnessMemoryLost, spell_request

PATH = "/add-checkpoint"
CONNECTIONS_MAX = 64
QUIET_SECONDS_MAX = 10
ANSWER_BYTES_MAX = 64 * 1024


class WitnessRefused(Exception):
    """The witness will not cosign: 409 and 422 mean rollback or fork, if we told it the truth.

    ``known_size``: what it remembers, where it says so (409).
    """

    def __init__(self, status: int, sentence: str, known_size: int | None = None) -> None:
        super().__init__(f"The witness answered {status}: {sentence}")
        self.status = status
        self.known_size = known_size


class WitnessUnreachable(Exception):
    """No answer that could be used came in time; this says nothing about the log."""


def add_checkpoint(
    url: str,
    signed: bytes,
    proof: Sequence[bytes],
    old_size: int,
    *,
    key: CosignerKey,
    timeout_seconds: float = 5.0,
) -> str:
    """Ask the witness at ``url`` to cosign; return its signature line, checked against its ``key``.

    ``proof`` leads from ``old_size``, which the witness knows, to the checkpoint in ``signed``.
    Raises WitnessRefused, WitnessUnreachable.
    """
    deadline = time.monotonic() + timeout_seconds
    try:
        status, body = _post(url, spell_request(old_size, proof, signed), deadline)
    except (OSError, http.client.HTTPException, ValueError) as gone:
        raise WitnessUnreachable(f"{url}: {gone}") from gone
    told = body.decode(errors="replace")
    if status != http.client.OK:
        known = told.strip()
        is_size = status == http.client.CONFLICT and known.isascii() and known.isdigit() and len(known) < 20  # noqa: PLR2004
        raise WitnessRefused(status, f"{known:.200}", int(known) if is_size else None)
    text, _ = parse(signed)
    for line in told.split("\n")[:-1]:
        try:
            found = parse_line(line)
            if key.claimed_by(found):
                key.seconds(text, found)
                return f"{line}\n"
        except (MalformedNote, ForgedCosignature) as strange:
            raise WitnessUnreachable(f"{url} answered with what is no cosignature: {strange}") from strange
    raise WitnessUnreachable(f"{url} answered without a line of {key.name}.")


def _post(url: str, body: bytes, deadline: float) -> tuple[int, bytes]:
    """Send a request and read the answer, all of it before ``deadline`` on the monotonic clock."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise ValueError("the address of a witness starts with http:// or https://")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=max(deadline - time.monotonic(), 0.001))
    try:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        connection.request("POST", parts.path.rstrip("/") + PATH, body, headers)
        answer = connection.getresponse()
        told = b""
        while piece := answer.read1(4096):
            told += piece
            if len(told) > ANSWER_BYTES_MAX or time.monotonic() > deadline:
                raise ValueError("the answer is too long or too slow")
        return answer.status, told
    finally:
        connection.close()


class WitnessServer(ThreadingHTTPServer):
    """Serves a witness: a thread for each connection, so many at most, and one lock inside the witness."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        super().__init__(address, _Handler)
        self.witness = witness
        self._room = BoundedSemaphore(CONNECTIONS_MAX)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection if there is room; else close it, and the caller tries again."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and make room again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Say in one line that a connection broke; whoever it was asks again."""
        assert request is not None
        print(f"witness: connection of {client_address} broke: {sys.exc_info()[1]!r}", file=sys.stderr)  # noqa: T201


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "trennwand-witness"
    sys_version = ""
    timeout = QUIET_SECONDS_MAX

    def do_POST(self) -> None:
        """Answer `add-checkpoint`."""
        length = self.headers.get("Content-Length", "")
        if self.path.split("?")[0] != PATH:
            answer = Answer(404, "This is a witness; it answers POST /add-checkpoint.\n")
        elif not (length.isascii() and length.isdigit()):
            answer = Answer(411, "Say how long the request is.\n")
        elif len(length) > 9 or int(length) > REQUEST_BYTES_MAX:  # noqa: PLR2004 - digits enough for any
            answer = Answer(413, f"A request has at most {REQUEST_BYTES_MAX} bytes.\n")
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
                return
            answer = self._ask(body)
            self._give(answer)
            return
        self.close_connection = True  # the body was not read; what follows on the line is no request
        self._give(answer)

    def _ask(self, body: bytes) -> Answer:
        try:
            return self.server.witness.add_checkpoint(body)
        except (WitnessMemoryLost, OSError) as lost:
            self.log_error("cannot witness: %s", lost)
            return Answer(500, "This witness cannot reach its memory.\n")

    def _give(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
