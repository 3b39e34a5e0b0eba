"""Connections to the database that come to an end: what falls silent is given up, and who waits for one is counted.

Three things fall silent in three ways. A machine that is gone no longer confirms what is sent to it: the operating
system gives up after ``UNCONFIRMED_SECONDS``. A line on which nothing is sent is asked now and then whether it is
still there. A server that hangs confirms everything and answers nothing: a statement has ``SILENT_SECONDS``, and the
attempt to cancel it as many again. Whoever waited then gets an error, and the connection is closed.
"""

import asyncio
import contextlib
import socket
import time
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

SILENT_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 10.0
UNCONFIRMED_SECONDS: Final = 20
ASK_AFTER_SECONDS, ASK_EVERY_SECONDS, ASK_TIMES = 15, 5, 3
GONE: Final = ("08", "57P")
"""How PostgreSQL's codes begin for connections that failed, and for a server that ends or is not there yet."""


class Line(asyncpg.Connection):  # type: ignore[misc]  # the driver is not typed
    """A connection whose other end may vanish without a word."""

    def __init__(self, protocol: Any, transport: asyncio.Transport, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        keep_alive(transport.get_extra_info("socket"))


def keep_alive(carrier: socket.socket | None) -> None:
    """Have the operating system find out that the other end of a TCP connection is gone; it has no use for others."""
    if carrier is None or carrier.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with contextlib.suppress(OSError):  # what a system does not know, it does not do
        carrier.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", ASK_AFTER_SECONDS),
            ("TCP_KEEPINTVL", ASK_EVERY_SECONDS),
            ("TCP_KEEPCNT", ASK_TIMES),
            ("TCP_USER_TIMEOUT", UNCONFIRMED_SECONDS * 1000),
        ):
            if hasattr(socket, name):
                carrier.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Lines(AsyncAdaptedQueuePool):
    """The connections of one login; it counts who had to wait for one, and for how long."""

    waiting = 0
    waits = 0
    waited_seconds = 0.0

    def _do_get(self) -> ConnectionPoolEntry:
        if self.checkedout() < self.size():
            return super()._do_get()
        began = time.monotonic()
        self.waiting += 1
        self.waits += 1
        try:
            return super()._do_get()
        finally:
            self.waiting -= 1
            self.waited_seconds += time.monotonic() - began


STATEMENTS_KEPT: Final = 400
"""A connection remembers so many statements: all pages of an office, so that none is planned anew in between."""


def engine_for(url: str, pool_size: int, silent_seconds: float = SILENT_SECONDS) -> AsyncEngine:
    """Return a login's connections. Errors of the driver are told without the values that a statement was given."""
    arguments = {
        "connection_class": Line,
        "timeout": min(CONNECT_SECONDS, silent_seconds),
        "command_timeout": silent_seconds,
        "prepared_statement_cache_size": STATEMENTS_KEPT,
    }
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        pool_pre_ping=False,
        poolclass=Lines,
        connect_args=arguments,
        hide_parameters=True,
    )


def is_silent(failure: BaseException) -> bool:
    """Tell whether the database, and nothing else, is why something failed: what was asked of it is in doubt."""
    if isinstance(failure, DBAPIError):
        code = str(getattr(failure.orig, "sqlstate", None) or "")
        return failure.connection_invalidated or code.startswith(GONE)
    return isinstance(failure, ConnectionError | TimeoutError | NoneFree | asyncpg.PostgresConnectionError)
