"""How much of a request the web server takes before it is one: so many bytes of headers, and so long for it to arrive.

The server itself knows no such limits. What comes whole is handed on as it is; what it holds is for the application
to judge. Whoever sends more, or sends a byte now and then to keep a connection, is refused and let go.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 64 * 1024
HEAD_SECONDS_MAX: Final = 20
ARRIVAL_SECONDS_MAX: Final = 120
"""Enough for the largest paper over a slow line."""
LOOKS_SECONDS: Final = 5


class HeadTooLarge(ValueError):
    """The request line and the headers are longer than any of ours."""


class Bounded(HttpToolsProtocol):
    """One connection. It is looked at every few seconds, so that a request costs nothing more than two notes of time."""

    head_bytes = 0
    head_seconds_max: float = HEAD_SECONDS_MAX
    arrival_seconds_max: float = ARRIVAL_SECONDS_MAX
    looks_seconds: float = LOOKS_SECONDS
    in_head = True
    waiting_since: float | None = None
    look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waiting_since = self.loop.time()
        self.look = self.loop.call_later(self.looks_seconds, self.look_at_it)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.look is not None:
            self.look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.in_head and self.waiting_since is not None:
            self.head_bytes += len(data)  # of a line that has not ended yet nobody tells
            if self.head_bytes > 2 * HEAD_BYTES_MAX and not self.transport.is_closing():
                self.refuse(431)

    def on_message_begin(self) -> None:
        self.waiting_since, self.in_head, self.head_bytes = self.loop.time(), True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self.take(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.take(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.waiting_since, self.in_head, self.head_bytes = None, True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        del msg  # the server's own sentence; ours are below
        if not self.transport.is_closing():
            self.refuse(431 if self.head_bytes > HEAD_BYTES_MAX else 400)

    def take(self, size: int) -> None:
        """Count what belongs to the head. Raises HeadTooLarge, which the parser takes for a broken request."""
        self.head_bytes += size
        if self.head_bytes > HEAD_BYTES_MAX:
            raise HeadTooLarge

    def look_at_it(self) -> None:
        """Let the connection go if its request takes too long to arrive."""
        limit = self.head_seconds_max if self.in_head else self.arrival_seconds_max
        if self.waiting_since is not None and self.loop.time() - self.waiting_since > limit:
            if self.in_head:
                self.refuse(408)
            else:
                self.transport.close()  # the application sees that the body ended early
            return
        self.look = self.loop.call_later(self.looks_seconds, self.look_at_it)

    def refuse(self, status: int) -> None:
        """Answer what cannot be handed on, with the little that is known of it, and close."""
        said = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}[status]
        lines: tuple[Any, ...] = (
            b"HTTP/1.1 %d %s" % (status, said),
            b"content-type: text/plain; charset=utf-8",
            b"content-length: %d" % len(said),
            b"x-content-type-options: nosniff",
            b"cache-control: no-store",
            b"content-security-policy: default-src 'none'; frame-ancestors 'none'",
            b"connection: close",
            b"",
            said,
        )
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()
