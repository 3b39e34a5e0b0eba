"""A line to a database that can be made slow, silent, or cut: an address of its own, in a thread of this process."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

BYTES_AT_ONCE = 65_536
State = Literal["open", "slow", "silent"]
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closed by a reset, not in order


@dataclass
class Proxy:
    """Carries bytes between a port of its own and the socket of a PostgreSQL.

    ``slow``: each piece waits. ``silent``: what is sent is lost, so the connections it was lost from are cut
    afterwards. ``target`` may change: connections made from then on lead there.
    """

    target: Path
    port: int = 0
    state: State = "open"
    delay_seconds: float = 0.1
    carried: int = 0  # connections so far
    _halve: bool = False
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _open: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=set)

    @contextlib.contextmanager
    def listening(self) -> Iterator["Proxy"]:
        """Carry until the end."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = listener.getsockname()[1]
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(listener),))
        thread.start()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._end.set)
            thread.join()
            self._loop.close()

    def cut(self) -> None:
        """Reset every connection at once."""
        self._loop.call_soon_threadsafe(self._reset_all)

    def cut_midway(self) -> None:
        """Let the next message through to its half, and reset its connection there."""
        self._halve = True

    def speak_again(self) -> None:
        """End a silence, and with it every connection that lost something in it."""
        self.state = "open"
        self.cut()

    async def _serve(self, listener: socket.socket) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._carry, sock=listener)
        await self._end.wait()
        server.close()
        self._reset_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _reset_all(self) -> None:
        for pair in list(self._open):
            self._reset(pair)

    def _reset(self, pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._open.discard(pair)
        for end in pair:
            carrier = end.get_extra_info("socket")
            if carrier is not None and carrier.family is socket.AF_INET:
                with contextlib.suppress(OSError):
                    carrier.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(str(self.target))
        except OSError:
            writer.transport.abort()
            return
        self.carried += 1
        pair = (writer, back)
        self._open.add(pair)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pump(reader, back, pair), self._pump(there, writer, pair))
        self._reset(pair)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        while piece := await source.read(BYTES_AT_ONCE):
            if self.state == "silent":
                continue
            if self.state == "slow":
                await asyncio.sleep(self.delay_seconds)
            if self._halve and len(piece) > 1:
                self._halve = False
                sink.write(piece[: len(piece) // 2])
                await sink.drain()
                self._reset(pair)
                return
            sink.write(piece)
            await sink.drain()
        with contextlib.suppress(OSError):
            sink.write_eof()
